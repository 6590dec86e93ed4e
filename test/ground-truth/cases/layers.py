"""What several layers make of a path, and the forms of archive that carry them."""

from collections.abc import Iterator
from typing import Optional

from cases.file_kinds import FOREIGN, NATIVE
from debian import Programs
from image import Case, Device, Directory, Entry, Fifo, File, HardLink, Image, Layer, Opaque, Symlink, Whiteout

GOOD, BAD = File("/bin/p", NATIVE), File("/bin/p", FOREIGN)
GOOD_ELSEWHERE = File("/opt/p", NATIVE)


def _layers(*layers, path: str = "/bin/p", **config) -> Image:
    made = tuple(layer if isinstance(layer, Layer) else Layer(tuple(layer)) for layer in layers)
    return Image(layers=made, entrypoint=(path,), **config)


def _bare(*entries: Entry, **form) -> Layer:
    """A layer without entries for the parents of what it has."""
    return Layer(entries, parents=False, **form)


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    for name, contents in _stacks():
        # No entry says that the link became a directory; a runtime that unpacks all layers into one place writes through the link.
        yield Case(f"layers/{name}", contents, runtimes_differ=name == "linked-directory-by-unnamed-directory")
    yield from (Case(f"archive/{name}", contents) for name, contents in _archives())


def _stacks() -> Iterator[tuple]:
    yield "none", _layers()
    yield "empty", _layers([])
    yield "empty-between", _layers([BAD], [], [GOOD], [])
    yield "upper-replaces", _layers([GOOD], [BAD])
    yield "upper-repairs", _layers([BAD], [GOOD])
    yield "mode-only-taken-away", _layers([GOOD], [File("/bin/p", NATIVE, 0o644)])
    yield "mode-only-given", _layers([File("/bin/p", NATIVE, 0o644)], [GOOD])
    yield "whiteout", _layers([GOOD], [Whiteout("/bin/p")])
    yield "whiteout-then-again", _layers([GOOD], [Whiteout("/bin/p")], [BAD])
    yield "whiteout-beside-new", _layers([GOOD], [Whiteout("/bin/p"), BAD])
    yield "whiteout-of-nothing", _layers([GOOD], [Whiteout("/bin/other")])
    yield "whiteout-of-directory", _layers([GOOD], [Whiteout("/bin")])
    yield (
        "whiteout-of-directory-then-again",
        _layers([GOOD, File("/bin/q", NATIVE)], [Whiteout("/bin")], [File("/bin/q", NATIVE)], path="/bin/p"),
    )
    yield "whiteout-of-link", _layers([GOOD_ELSEWHERE, Symlink("/bin/p", "/opt/p")], [Whiteout("/bin/p")], path="/opt/p")
    yield "whiteout-of-link-target", _layers([GOOD_ELSEWHERE, Symlink("/bin/p", "/opt/p")], [Whiteout("/opt/p")])
    yield "whiteout-of-the-interpreter", _layers([GOOD, File("/s", b"#!/bin/p\n")], [Whiteout("/bin/p")], path="/s")
    yield "whiteout-two-layers-up", _layers([GOOD], [File("/other", NATIVE)], [Whiteout("/bin/p")])
    yield "opaque", _layers([GOOD], [Opaque("/bin")])
    yield "opaque-beside-new", _layers([GOOD], [Opaque("/bin"), BAD])
    yield "opaque-behind-new", _layers([GOOD], [BAD, Opaque("/bin")])
    yield "opaque-hides-the-others", _layers([GOOD, File("/bin/q", FOREIGN)], [Opaque("/bin"), File("/bin/p", NATIVE)], path="/bin/q")
    yield "opaque-of-parent", _layers([File("/a/b/p", NATIVE)], [Opaque("/a")], path="/a/b/p")
    yield "opaque-of-parent-beside-directory", _layers([File("/a/b/p", NATIVE)], [Opaque("/a"), Directory("/a/b")], path="/a/b/p")
    yield "opaque-of-child", _layers([File("/a/p", NATIVE), File("/a/b/q", NATIVE)], [Opaque("/a/b")], path="/a/p")
    yield "opaque-then-again", _layers([GOOD], [Opaque("/bin")], [BAD])
    yield "file-by-directory", _layers([GOOD], [Directory("/bin/p")])
    yield "file-by-directory-with-content", _layers([GOOD], [File("/bin/p/q", NATIVE)], path="/bin/p/q")
    yield "directory-by-file", _layers([File("/bin/p/q", NATIVE)], [GOOD])
    yield "directory-by-file-hides-content", _layers([File("/bin/p/q", NATIVE)], [GOOD], path="/bin/p/q")
    yield "directory-by-file-by-directory", _layers([File("/bin/p/q", NATIVE)], [GOOD], [Directory("/bin/p")], path="/bin/p/q")
    yield "file-by-link", _layers([BAD], [GOOD_ELSEWHERE, Symlink("/bin/p", "/opt/p")])
    yield "link-by-file", _layers([Symlink("/bin/p", "/opt/p"), GOOD_ELSEWHERE], [BAD])
    yield "link-by-file-leaves-target", _layers([Symlink("/bin/p", "/opt/p"), GOOD_ELSEWHERE], [BAD], path="/opt/p")
    yield "link-by-link", _layers([Symlink("/bin/p", "/nowhere"), GOOD_ELSEWHERE], [Symlink("/bin/p", "/opt/p")])
    yield "directory-by-link", _layers([BAD], [GOOD_ELSEWHERE, Symlink("/bin", "/opt")])
    yield "linked-directory-by-directory", _layers([File("/usr/bin/p", NATIVE), Symlink("/bin", "usr/bin")], [File("/bin/q", NATIVE)])
    yield (
        "linked-directory-by-directory-leaves-target",
        _layers([File("/usr/bin/p", NATIVE), Symlink("/bin", "usr/bin")], [File("/bin/q", NATIVE)], path="/usr/bin/p"),
    )
    yield (
        "linked-directory-by-directory-has-the-new",
        _layers([File("/usr/bin/p", NATIVE), Symlink("/bin", "usr/bin")], [File("/bin/q", NATIVE)], path="/bin/q"),
    )
    yield (
        "linked-directory-by-directory-not-in-target",
        _layers([File("/usr/bin/p", NATIVE), Symlink("/bin", "usr/bin")], [File("/bin/q", NATIVE)], path="/usr/bin/q"),
    )
    yield (
        "linked-directory-by-unnamed-directory",
        _layers([File("/usr/bin/p", NATIVE), Symlink("/bin", "usr/bin")], _bare(File("/bin/q", NATIVE))),
    )
    yield "target-of-linked-directory-extended", _layers([Directory("/usr/bin"), Symlink("/bin", "usr/bin")], [File("/usr/bin/p", NATIVE)])
    yield "fifo-by-file", _layers([Fifo("/bin/p")], [GOOD])
    yield "file-by-fifo", _layers([GOOD], [Fifo("/bin/p")])
    yield "file-by-device", _layers([GOOD], [Device("/bin/p", "character", 1, 5)])
    yield "hard-link", _layers([GOOD, HardLink("/bin/q", "/bin/p")], path="/bin/q")
    yield "hard-link-to-foreign", _layers([BAD, HardLink("/bin/q", "/bin/p")], path="/bin/q")
    yield "hard-link-shares-mode", _layers([File("/bin/p", NATIVE, 0o644), HardLink("/bin/q", "/bin/p")], path="/bin/q")
    yield "hard-link-takes-the-bits-away", _layers([GOOD, HardLink("/bin/q", "/bin/p", mode=0o644)])
    yield "hard-link-gives-the-bits", _layers([File("/bin/p", NATIVE, 0o644), HardLink("/bin/q", "/bin/p", mode=0o755)])
    yield "hard-link-to-link", _layers([GOOD, Symlink("/bin/l", "p"), HardLink("/bin/q", "/bin/l")], path="/bin/q")
    yield (
        "hard-link-to-relative-link-elsewhere",
        _layers([GOOD, Symlink("/bin/l", "p"), HardLink("/opt/q", "/bin/l"), File("/opt/p", FOREIGN)], path="/opt/q"),
    )
    yield "hard-link-survives-whiteout", _layers([GOOD, HardLink("/bin/q", "/bin/p")], [Whiteout("/bin/p")], path="/bin/q")
    yield "hard-link-survives-replacement", _layers([GOOD, HardLink("/bin/q", "/bin/p")], [BAD], path="/bin/q")
    yield "hard-link-replaces", _layers([GOOD], [File("/opt/p", FOREIGN), HardLink("/bin/p", "/opt/p")])
    yield "hard-link-chain", _layers([GOOD, HardLink("/a", "/bin/p"), HardLink("/b", "/a"), HardLink("/c", "/b")], path="/c")
    yield "directory-mode-changed", _layers([Directory("/d"), File("/d/p", NATIVE)], [Directory("/d", 0o700)], path="/d/p", user="4242")
    yield (
        "directory-mode-given-back",
        _layers([Directory("/d", 0o700), File("/d/p", NATIVE)], [Directory("/d", 0o755)], path="/d/p", user="4242"),
    )
    yield "directory-mode-after-its-content", _layers(_bare(File("/d/p", NATIVE), Directory("/d", 0o700)), path="/d/p", user="4242")
    yield (
        "passwd-in-an-upper-layer",
        _layers([File("/p", NATIVE, 0o700, 1000)], [File("/etc/passwd", b"app:x:1000:1000::/:\n", 0o644)], path="/p", user="app"),
    )
    yield (
        "passwd-replaced",
        _layers(
            [File("/etc/passwd", b"app:x:1000:1000::/:\n", 0o644), File("/p", NATIVE, 0o700, 1000)],
            [File("/etc/passwd", b"app:x:2000:2000::/:\n", 0o644)],
            path="/p",
            user="app",
        ),
    )
    yield "passwd-whiteout", _layers([File("/etc/passwd", b"app:x:1000:1000::/:\n", 0o644), GOOD], [Whiteout("/etc/passwd")], user="app")
    yield "thirty", _layers(*([File("/bin/p", FOREIGN if i % 2 else NATIVE)] for i in range(30)))


def _archives() -> Iterator[tuple]:
    long_directory = "/" + "/".join(["d" * 90] * 3)
    for archive in ("pax", "gnu"):
        yield f"{archive}-long-name", _layers(Layer((File(f"{long_directory}/p", FOREIGN),), archive=archive), path=f"{long_directory}/p")
        entries = (File(f"{long_directory}/p", FOREIGN), Symlink("/link", f"{long_directory}/p"))
        yield f"{archive}-long-link-target", _layers(Layer(entries, archive=archive), path="/link")
        entries = (File(f"{long_directory}/p", FOREIGN), HardLink("/link", f"{long_directory}/p"))
        yield f"{archive}-long-hard-link", _layers(Layer(entries, archive=archive), path="/link")
        yield f"{archive}-name-not-ascii", _layers(Layer((File("/bin/prögramm", FOREIGN),), archive=archive), path="/bin/prögramm")
        whiteout = Layer((Whiteout(f"{long_directory}/p"),), archive=archive)
        yield f"{archive}-long-whiteout", _layers([File(f"{long_directory}/p", NATIVE)], whiteout, path=f"{long_directory}/p")
    prefix = "/" + "d" * 80 + "/" + "e" * 80 + "/p"
    yield "ustar-prefix", _layers(Layer((File(prefix, FOREIGN),), archive="ustar"), path=prefix)
    for name in ("100", "99", "101"):
        path = "/" + "n" * int(name)
        yield f"gnu-name-of-{name}", _layers(Layer((File(path, FOREIGN),), archive="gnu"), path=path)

    for label, names in (("dot-slash", "./"), ("slash", "/"), ("double-dot-slash", "././")):
        yield f"names-with-{label}", _layers(Layer((BAD,), names=names))
        hard = Layer((BAD, HardLink("/bin/q", "/bin/p")), names=names)
        yield f"hard-link-with-{label}", _layers(hard, path="/bin/q")
        yield f"whiteout-with-{label}", _layers([GOOD], Layer((Whiteout("/bin/p"),), names=names))
        yield f"opaque-with-{label}", _layers([GOOD], Layer((Opaque("/bin"),), names=names))
        yield f"replaced-with-{label}", _layers([GOOD], Layer((BAD,), names=names))
    yield "no-parents", _layers(_bare(File("/a/b/c/p", NATIVE)), path="/a/b/c/p")
    yield "no-parents-for-a-user", _layers(_bare(File("/a/b/c/p", NATIVE)), path="/a/b/c/p", user="4242")
    yield "parents-behind", _layers(_bare(File("/a/p", NATIVE), Directory("/a")), path="/a/p")
    yield "old-regular-file", _layers(Layer((BAD,), regular_type=b"\0"))
    for compression in ("none", "gzip", "gzip-members"):
        for architecture, entry in (("native", GOOD), ("foreign", BAD)):
            yield f"{compression}-{architecture}", _layers(Layer((entry,), compression=compression))
        yield f"{compression}-docker-media-types", _layers(Layer((BAD,), compression=compression), docker_media_types=True)
        yield f"{compression}-many-files", _layers(Layer((*(File(f"/f{i}", bytes(i)) for i in range(300)), BAD), compression=compression))
