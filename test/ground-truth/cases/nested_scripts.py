"""Scripts whose interpreters are scripts, down to each kind of file, and scripts that interpret each other."""

from collections.abc import Iterator
from typing import Optional

import elf
from cases.file_kinds import NATIVE, main_kinds
from debian import Programs
from image import Case, Directory, File, image

DEEPEST = 7


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    for kind in main_kinds():
        for depth in range(1, DEEPEST + 1):
            scripts = [File(f"/s{level}", f"#!/s{level + 1}\n".encode()) for level in range(1, depth)]
            last = File(f"/s{depth}", b"#!/bottom\n")
            contents = image(*scripts, last, File("/lib/helper", NATIVE), *kind.at("/bottom"), entrypoint=("/s1",))
            yield Case(f"nested/{kind.name}-below-{depth}-scripts", contents)
    for size in range(1, DEEPEST + 1):
        ring = [File(f"/s{level}", f"#!/s{level % size + 1}\n".encode()) for level in range(1, size + 1)]
        yield Case(f"nested/ring-of-{size}", image(*ring, entrypoint=("/s1",)))
    yield Case("nested/interprets-itself-with-argument", image(File("/s", b"#!/s -x\n"), entrypoint=("/s",)))
    yield Case("nested/interprets-itself-relatively", image(File("/s", b"#!s\n"), entrypoint=("./s",)))
    for depth in (4, 5, 6):
        scripts = [File(f"/d/s{level}", f"#!s{level + 1}\n".encode()) for level in range(1, depth)]
        last = File(f"/d/s{depth}", b"#!/bottom\n")
        for directory in ("/d", "/"):
            label = directory.strip("/") or "root"
            contents = image(*scripts, last, File("/bottom", NATIVE), entrypoint=("/d/s1",), working_dir=directory)
            yield Case(f"nested/relative-{depth}-from-{label}", contents)
    for depth in (4, 5):
        scripts = [File(f"/s{level}", f"#!/s{level + 1}\n".encode()) for level in range(1, depth)]
        last = File(f"/s{depth}", b"#!/app\n")
        for name, loader in (
            ("missing", ()),
            ("directory", (Directory("/ld"),)),
            ("foreign", (File("/ld", elf.loader(e_machine=elf.EM_AARCH64)),)),
            ("good", (File("/ld", elf.loader()),)),
        ):
            contents = image(*scripts, last, File("/app", elf.program(b"/ld\0")), *loader, entrypoint=("/s1",))
            yield Case(f"nested/program-whose-loader-is-{name}-below-{depth}-scripts", contents)
