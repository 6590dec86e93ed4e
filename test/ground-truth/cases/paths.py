"""The program's path in every spelling, from every working directory; and what the container's own mounts hide."""

from collections.abc import Iterator
from typing import Optional

from cases.file_kinds import FOREIGN, NATIVE
from debian import Programs
from image import Case, Directory, Fifo, File, Image, Layer, Symlink, image

SPELLINGS = {
    "absolute": "/bin/p",
    "double-slashes": "//bin///p",
    "dot": "/bin/./p",
    "dots": "/bin/../bin/p",
    "above-the-root": "/../../bin/p",
    "relative": "bin/p",
    "dot-relative": "./bin/p",
    "dot-name": "./p",
    "dots-relative": "../bin/p",
    "name": "p",
    "trailing-slash": "/bin/p/",
    "trailing-dot": "/bin/p/.",
    "trailing-dots": "/bin/p/..",
    "through-a-file": "/bin/p/x",
    "back-through-a-file": "/bin/p/../p",
    "missing": "/bin/none",
    "missing-directory": "/none/p",
    "back-through-missing": "/none/../bin/p",
    "directory": "/bin",
    "directory-trailing-slash": "/bin/",
    "root": "/",
    "here": ".",
    "here-slash": "./",
    "above": "..",
    "above-slash": "../",
    "through-a-linked-directory": "/sbin/p",
    "through-a-dangling-directory": "/gone/p",
    "link-trailing-slash": "/link/",
    "space-at-the-end": "/bin/p ",
    "capital": "/bin/P",
}


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    for target, content in (("native", NATIVE), ("foreign", FOREIGN)):
        entries = (
            File("/bin/p", content),
            Symlink("/sbin", "bin"),
            Symlink("/gone", "nowhere"),
            Symlink("/link", "/bin/p"),
            Directory("/w/sub"),
        )
        for spelling, path in SPELLINGS.items():
            for directory in (None, "/bin", "/w/sub") if target == "native" else (None,):
                label = (directory or "none").strip("/").replace("/", "-")
                contents = image(*entries, entrypoint=(path,), working_dir=directory, env=("PATH=/bin",))
                yield Case(f"path/{target}/{spelling}-from-{label}", contents)
    yield from _long()
    yield from _mounted()


def _long() -> Iterator[Case]:
    for length in (100, 101, 155, 254, 255):
        name = "n" * length
        for archive in ("pax", "gnu"):
            layer = Layer((File(f"/{name}", FOREIGN),), archive=archive)
            yield Case(f"path/name-of-{length}-bytes-{archive}", Image(layers=(layer,), entrypoint=(f"/{name}",)))
    yield Case("path/name-of-256-bytes", image(File("/p", NATIVE), entrypoint=("/" + "n" * 256,)))
    yield Case("path/name-of-256-bytes-searched", image(File("/p", NATIVE), entrypoint=("n" * 256,)))
    for length in (4095, 4096, 5000):
        path = "/" * (length - 1) + "p"
        yield Case(f"path/of-{length}-bytes", image(File("/p", NATIVE), entrypoint=(path,)))
    deep = "/d" * 200 + "/p"
    yield Case("path/200-directories-deep", image(File(deep, FOREIGN), entrypoint=(deep,)))
    for name in ("ü", "日本", "with space", "-dash", "with:colon", "..p", "p.."):
        label = ascii(name)[1:-1]
        yield Case(f"path/name-{label}", image(File(f"/{name}", NATIVE), entrypoint=(f"/{name}",)))
        yield Case(f"path/foreign-name-{label}", image(File(f"/{name}", FOREIGN), entrypoint=(f"/{name}",)))
    # A foreign one would be a line break in the text that is compared.
    yield Case("path/name-with-newline", image(File("/a\nb", NATIVE), entrypoint=("/a\nb",)))


def _mounted() -> Iterator[Case]:
    for directory in ("dev", "dev/shm", "dev/pts", "dev/mqueue", "proc", "sys"):
        contents = image(File(f"/{directory}/p", NATIVE), entrypoint=(f"/{directory}/p",))
        yield Case(f"path/hidden-by-the-mount-on-{directory.replace('/', '-')}", contents, mounted=True)
    script = File("/script", b"#!/dev/p\n")
    yield Case("path/interpreter-hidden-by-the-mount-on-dev", image(script, File("/dev/p", NATIVE), entrypoint=("/script",)), mounted=True)
    yield Case("path/device-null", image(entrypoint=("/dev/null",)), mounted=True)
    yield Case("path/interpreter-device-null", image(File("/script", b"#!/dev/null\n"), entrypoint=("/script",)), mounted=True)
    link = Symlink("/p", "/dev/p")
    yield Case("path/link-into-the-mount-on-dev", image(link, File("/dev/p", NATIVE), entrypoint=("/p",)), mounted=True)
    contents = image(File("/devices/p", NATIVE), File("/process/p", NATIVE), entrypoint=("/devices/p",))
    yield Case("path/name-that-begins-as-a-mount", contents)
    yield Case("path/back-out-of-a-mount", image(File("/p", NATIVE), entrypoint=("/dev/../p",)), mounted=True)
    yield Case(
        "path/search-in-a-mount", image(File("/dev/p", NATIVE), File("/bin/p", FOREIGN), cmd=("p",), env=("PATH=/dev:/bin",)), mounted=True
    )
    yield Case("path/fifo-in-dev", image(Fifo("/dev/p"), entrypoint=("/dev/p",)), mounted=True)
