"""PT_INTERP in every form: which string, where in the file, and how it is resolved."""

from collections.abc import Iterator
from typing import Optional

import elf
from cases.file_kinds import LOADER, NATIVE
from debian import Programs
from image import Case, File, Symlink, image

LD = File("/lib/ld", LOADER)


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    for name, content in _strings():
        for kind, e_type in (("executable", elf.ET_EXEC), ("position-independent", elf.ET_DYN)):
            app = File("/bin/app", elf.program(content, e_type=e_type))
            yield Case(f"pt-interp/{name}/{kind}", image(app, LD, entrypoint=("/bin/app",)))
    yield from _relative()
    yield from _in_the_file()
    yield from _several()


def _padded(path: str, length: int) -> bytes:
    """`path` with slashes before it, so that it has `length` bytes with its NUL."""
    return ("/" * (length - 1 - len(path)) + path).encode() + b"\0"


def _strings() -> Iterator[tuple]:
    yield "good", b"/lib/ld\0"
    yield "missing", b"/lib/nothing\0"
    yield "no-nul", b"/lib/ld"
    yield "nul-in-the-middle", b"/lib/ld\0junk\0"
    yield "nul-in-the-middle-and-none-at-the-end", b"/lib/ld\0junk"
    yield "nul-in-the-middle-of-a-missing-one", b"/lib/nothing\0/lib/ld\0"
    yield "length-0", b""
    yield "length-1-nul", b"\0"
    yield "length-1", b"/"
    yield "length-2-empty", b"\0\0"
    yield "length-2-root", b"/\0"
    yield "length-2-name", b"l\0"
    yield "length-3-no-nul", b"/ld"
    for length in (255, 256, 257, 4094, 4095, 4096, 4097, 5000):
        yield f"length-{length}", _padded("/lib/ld", length)
    yield "length-4096-no-nul", _padded("/lib/ld", 4096)[:-1] + b"d"
    yield "name-of-255-bytes", b"/" + b"n" * 255 + b"\0"
    yield "name-of-256-bytes", b"/" + b"n" * 256 + b"\0"
    yield "trailing-slash", b"/lib/ld/\0"
    yield "through-a-file", b"/lib/ld/x\0"
    yield "directory", b"/lib\0"
    yield "dots", b"/bin/.././lib//ld\0"
    yield "above-the-root", b"/../../lib/ld\0"
    yield "space-at-the-end", b"/lib/ld \0"
    yield "newline-at-the-end", b"/lib/ld\n\0"
    yield "script-syntax", b"#!/lib/ld\0"


def _relative() -> Iterator[Case]:
    app = File("/opt/app", elf.program(b"ld\0"))
    dotted = File("/opt/dotted", elf.program(b"../lib/ld\0"))
    for directory in (None, "/lib", "/opt", "/missing"):
        label = (directory or "none").strip("/")
        yield Case(f"pt-interp/relative/name-from-{label}", image(app, LD, entrypoint=("/opt/app",), working_dir=directory))
        yield Case(f"pt-interp/relative/dots-from-{label}", image(dotted, LD, entrypoint=("/opt/dotted",), working_dir=directory))
    yield Case(
        "pt-interp/relative/of-a-script-interpreter",
        image(app, LD, File("/run", b"#!/opt/app\n"), entrypoint=("/run",), working_dir="/lib"),
    )
    yield Case("pt-interp/path-is-not-searched", image(app, LD, entrypoint=("/opt/app",), env=("PATH=/lib",)))
    link = Symlink("/lib64", "lib")
    yield Case("pt-interp/through-a-linked-directory", image(LD, link, File("/app", elf.program(b"/lib64/ld\0")), entrypoint=("/app",)))


def _in_the_file() -> Iterator[Case]:
    for gap in (1, 3, 7, 511, 4096, 70001):
        app = File("/app", elf.program(b"/lib/ld\0", gap=gap))
        yield Case(f"pt-interp/after-{gap}-bytes", image(app, LD, entrypoint=("/app",)))
    yield Case("pt-interp/before-load", image(File("/app", elf.program(b"/lib/ld\0", load_first=False)), LD, entrypoint=("/app",)))

    whole = elf.program(b"/lib/ld\0")
    for missing in (1, 2, 7, 8, 9, 17):
        yield Case(f"pt-interp/file-cut-{missing}-before-the-end", image(File("/app", whole[:-missing]), LD, entrypoint=("/app",)))
    for length in (4096, 4097, 0):
        app = elf.program(segments=[(elf.PT_INTERP, b"/lib/ld\0", length)])
        yield Case(f"pt-interp/claims-{length}-bytes", image(File("/app", app), LD, entrypoint=("/app",)))
    offset = elf.HEADER_64 + elf.ENTRY_64 + 8
    for name, value in (
        ("at-0", 0),
        ("at-the-end", len(whole)),
        ("past-the-end", 1 << 30),
        ("at-the-largest", (1 << 63) - 1),
        ("negative", 1 << 63),
        ("at-minus-1", (1 << 64) - 1),
    ):
        app = elf.patch(whole, {"p_offset": (offset, "Q")}, p_offset=value)
        yield Case(f"pt-interp/offset-{name}", image(File("/app", app), LD, entrypoint=("/app",)))
    for name, value in (("huge", 1 << 62), ("negative", 1 << 63)):
        app = elf.patch(whole, {"p_filesz": (offset + 24, "Q")}, p_filesz=value)
        yield Case(f"pt-interp/size-{name}", image(File("/app", app), LD, entrypoint=("/app",)))

    for name, content in (("good", b"/lib/ld386\0"), ("of-64-bit", b"/lib/ld\0"), ("missing", b"/none\0"), ("no-nul", b"/lib/ld386")):
        app = File("/app", elf.program_386(content))
        ld = File("/lib/ld386", elf.program_386(e_type=elf.ET_DYN))
        yield Case(f"pt-interp/of-386/{name}", image(app, LD, ld, entrypoint=("/app",)))
    for length in (51, 52, 63, 64, 83, 84):
        ld = File("/ld", elf.program_386(e_type=elf.ET_DYN)[:length])
        yield Case(f"pt-interp/of-386/loader-of-{length}-bytes", image(File("/app", elf.program_386(b"/ld\0")), ld, entrypoint=("/app",)))
    foreign = elf.program(b"/lib/ld\0", e_machine=elf.EM_AARCH64)
    yield Case("pt-interp/foreign-program-with-native-loader", image(File("/app", foreign), LD, entrypoint=("/app",)))
    foreign_loader = File("/lib/ld", elf.loader(e_machine=elf.EM_AARCH64))
    yield Case("pt-interp/foreign-program-with-foreign-loader", image(File("/app", foreign), foreign_loader, entrypoint=("/app",)))
    bad_type = elf.patch(elf.program(b"/missing\0"), e_type=elf.ET_REL)
    yield Case("pt-interp/object-file-with-missing-loader", image(File("/app", bad_type), entrypoint=("/app",)))


def _several() -> Iterator[Case]:
    good, bad, foreign = b"/lib/ld\0", b"/missing\0", b"/lib/foreign\0"
    others = (
        LD,
        File("/lib/foreign", elf.loader(e_machine=elf.EM_AARCH64)),
        File("/lib/text", b"text, and long enough for a header: " + b"." * 64),
    )
    for first in ("good", "missing", "foreign", "no-nul"):
        for second in ("good", "missing", "foreign", "no-nul"):
            strings = {"good": good, "missing": bad, "foreign": foreign, "no-nul": b"/lib/ld"}
            app = elf.program(segments=[(elf.PT_INTERP, strings[first], None), (elf.PT_INTERP, strings[second], None)])
            yield Case(f"pt-interp/two/{first}-then-{second}", image(File("/app", app), *others, entrypoint=("/app",)))
    for length in range(0, 64, 9):
        yield Case(
            f"pt-interp/loader-of-{length}-bytes",
            image(File("/app", elf.program(b"/ld\0")), File("/ld", NATIVE[:length]), entrypoint=("/app",)),
        )
