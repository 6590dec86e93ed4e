"""Symbolic links as program, interpreter and loader: targets, loops, and the limit of forty."""

from collections.abc import Iterator
from typing import Optional

import elf
from cases.file_kinds import FOREIGN, NATIVE
from debian import Programs
from image import Case, Directory, Entry, File, Symlink, image

TARGETS = {
    "name": "q",
    "relative": "../bin/q",
    "absolute": "/bin/q",
    "dots-beyond-the-root": "../../../../bin/q",
    "absolute-dots-beyond-the-root": "/../../bin/q",
    "trailing-slash": "/bin/q/",
    "dangling": "/nowhere",
    "dangling-directory": "/nowhere/q",
    "directory": "/bin",
    "itself": "link",
    "itself-absolute": "/bin/link",
    "through-a-file": "/bin/q/x",
    "through-a-linked-directory": "/sbin/q",
    "through-itself": "link/q",
    "dot": ".",
    "double-slash": "//bin//q",
    "out-of-the-image": "/../../../../../../../../bin/sh",
    "proc-like-name": "/process/q",
}


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    for target_kind, content in (("native", NATIVE), ("foreign", FOREIGN)):
        for name, target in TARGETS.items():
            for place, path in (("program", "/bin/link"), ("interpreter", "/script"), ("loader", "/app"), ("searched", "link")):
                entries = (
                    File("/bin/q", content),
                    Symlink("/bin/link", target),
                    Symlink("/sbin", "bin"),
                    File("/script", b"#!/bin/link\n"),
                    File("/app", elf.program(b"/bin/link\0", e_type=elf.ET_DYN)),
                )
                yield Case(f"link/{place}/{name}-to-{target_kind}", image(*entries, entrypoint=(path,), env=("PATH=/bin",)))
    yield from _chains()
    yield from _directories()


def _chain(length: int, end: str) -> list[Entry]:
    targets = [*(f"l{i + 1}" for i in range(1, length)), end]
    return [Symlink(f"/l{i}", target) for i, target in enumerate(targets, 1)]


def _chains() -> Iterator[Case]:
    for length in (1, 2, 10, 39, 40, 41, 50):
        chain = _chain(length, "/q")
        entries = (File("/q", NATIVE), File("/script", b"#!/l1\n"), File("/app", elf.program(b"/l1\0", e_type=elf.ET_DYN)))
        for place, path in (("program", "/l1"), ("interpreter", "/script"), ("loader", "/app"), ("searched", "l1")):
            yield Case(f"link/{place}/chain-of-{length}", image(*chain, *entries, entrypoint=(path,), env=("PATH=/",)))
    for length in (2, 3):
        ring = [Symlink(f"/r{i}", f"r{i % length + 1}") for i in range(1, length + 1)]
        entries = (File("/script", b"#!/r1\n"), File("/app", elf.program(b"/r1\0")))
        for place, path in (("program", "/r1"), ("interpreter", "/script"), ("loader", "/app"), ("searched", "r1"), ("directory", "/r1/q")):
            yield Case(f"link/{place}/ring-of-{length}", image(*ring, *entries, entrypoint=(path,), env=("PATH=/",)))


def _directories() -> Iterator[Case]:
    # The limit counts the links of the whole path, not those of one component.
    for count in (39, 40, 41):
        path = "/d" * count + "/q"
        yield Case(f"link/program/{count}-linked-directories", image(File("/q", NATIVE), Symlink("/d", "."), entrypoint=(path,)))
    for half in (20, 21):
        path = "/d" * half + "/l1"
        contents = image(File("/q", NATIVE), Symlink("/d", "."), *_chain(20, "/q"), entrypoint=(path,))
        yield Case(f"link/program/{half}-linked-directories-and-20-links", contents)
    merged = (
        Symlink("/bin", "usr/bin"),
        Symlink("/lib64", "usr/lib64"),
        File("/usr/lib64/ld", elf.loader()),
        File("/usr/bin/sh", elf.program(b"/lib64/ld\0")),
    )
    yield Case("link/program/merged-usr", image(*merged, File("/run", b"#!/bin/sh\n"), entrypoint=("/run",)))
    yield Case(
        "link/program/working-directory", image(Symlink("/w", "/real"), File("/real/p", NATIVE), entrypoint=("./p",), working_dir="/w")
    )
    yield Case(
        "link/program/dots-behind-a-link",
        image(Symlink("/w", "/real/deep"), Directory("/real/deep"), File("/real/p", NATIVE), File("/p", FOREIGN), entrypoint=("/w/../p",)),
    )
    yield Case(
        "link/program/dots-from-a-linked-working-directory",
        image(
            Symlink("/w", "/real/deep"),
            Directory("/real/deep"),
            File("/real/p", NATIVE),
            File("/p", FOREIGN),
            entrypoint=("../p",),
            working_dir="/w",
        ),
    )
    alternatives = (
        Symlink("/usr/bin/java", "/etc/alternatives/java"),
        Symlink("/etc/alternatives/java", "/opt/jdk/bin/java"),
        File("/opt/jdk/bin/java", FOREIGN),
    )
    yield Case("link/program/alternatives", image(*alternatives, cmd=("java", "-jar", "/app.jar")))
