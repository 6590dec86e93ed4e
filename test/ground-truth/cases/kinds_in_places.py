"""Each kind of file at each place where execve may meet it: as the program, behind a name, as an interpreter, as a loader."""

from collections.abc import Iterator
from typing import Callable, Optional

import elf
from cases.file_kinds import LOADER, NATIVE, Kind, main_kinds, malformed_elf_kinds, other_kinds, real_kinds
from debian import Programs
from image import Case, Directory, Entry, File, Image, Layer, Symlink, image

HELPER = File("/lib/helper", NATIVE)

# The thing in question is at this path in every image.
THING = "/opt/thing"


def _image(kind: Kind, *entries: Entry, **config) -> Image:
    return image(HELPER, *entries, *kind.at(THING), **config)


def _as_program(kind: Kind) -> Image:
    return _image(kind, entrypoint=(THING,))


def _as_program_of_nobody(kind: Kind) -> Image:
    return _image(kind, entrypoint=(THING,), user="65534:65534")


def _found_in_path(kind: Kind) -> Image:
    return _image(kind, cmd=("thing", "argument"), env=("PATH=/missing:/opt:/lib",))


def _found_in_path_before_native(kind: Kind) -> Image:
    return _image(kind, File("/usr/bin/thing", NATIVE), cmd=("thing",), env=("PATH=/opt:/usr/bin",))


def _from_working_directory(kind: Kind) -> Image:
    return _image(kind, entrypoint=("./thing",), working_dir="/opt")


def _behind_a_link(kind: Kind) -> Image:
    return _image(kind, Symlink("/usr/bin/run", "../../opt/thing"), entrypoint=("/usr/bin/run",))


def _as_interpreter(kind: Kind) -> Image:
    return _image(kind, File("/entrypoint.sh", f"#!{THING} -e\necho\n".encode()), entrypoint=("/entrypoint.sh",), cmd=("serve",))


def _as_interpreter_of_nobody(kind: Kind) -> Image:
    return _image(kind, File("/entrypoint.sh", f"#!{THING}\n".encode()), entrypoint=("/entrypoint.sh",), user="65534:65534")


def _as_interpreter_of_an_interpreter(kind: Kind) -> Image:
    outer = File("/entrypoint.sh", b"#!/opt/inner\n")
    return _image(kind, outer, File("/opt/inner", f"#!{THING}\n".encode()), entrypoint=("/entrypoint.sh",))


def _as_argument_of_env(kind: Kind) -> Image:
    # Starts whatever the kind: the kernel looks at the interpreter, not at its argument.
    return _image(
        kind, Symlink("/usr/bin/env", "/lib/helper"), File("/run", b"#!/usr/bin/env thing\n"), entrypoint=("/run",), env=("PATH=/opt",)
    )


def _as_loader(kind: Kind) -> Image:
    return _image(kind, File("/app", elf.program(THING.encode() + b"\0")), entrypoint=("/app",))


def _as_loader_of_nobody(kind: Kind) -> Image:
    return _image(kind, File("/app", elf.program(THING.encode() + b"\0")), entrypoint=("/app",), user="65534")


def _as_loader_of_an_interpreter(kind: Kind) -> Image:
    script = File("/entrypoint.sh", b"#!/bin/sh\n")
    return _image(kind, script, File("/bin/sh", elf.program(THING.encode() + b"\0", e_type=elf.ET_DYN)), entrypoint=("/entrypoint.sh",))


def _as_loader_of_386(kind: Kind) -> Image:
    return _image(kind, File("/app", elf.program_386(THING.encode() + b"\0")), entrypoint=("/app",))


def _replaced_by_native(kind: Kind) -> Image:
    below = (HELPER, *kind.at(THING))
    return Image(layers=(Layer(below), Layer((File(THING, NATIVE),))), entrypoint=(THING,))


def _over_native(kind: Kind) -> Image:
    above = kind.at(THING)
    return Image(layers=(Layer((HELPER, File(THING, NATIVE), Directory("/opt/other"))), Layer(above)), entrypoint=(THING,))


FEW_PLACES: dict[str, Callable[[Kind], Image]] = {
    "program": _as_program,
    "interpreter": _as_interpreter,
    "loader": _as_loader,
}
ALL_PLACES: dict[str, Callable[[Kind], Image]] = {
    **FEW_PLACES,
    "program-of-nobody": _as_program_of_nobody,
    "found-in-path": _found_in_path,
    "found-in-path-before-native": _found_in_path_before_native,
    "from-working-directory": _from_working_directory,
    "behind-a-link": _behind_a_link,
    "interpreter-of-nobody": _as_interpreter_of_nobody,
    "interpreter-of-an-interpreter": _as_interpreter_of_an_interpreter,
    "argument-of-env": _as_argument_of_env,
    "loader-of-nobody": _as_loader_of_nobody,
    "loader-of-an-interpreter": _as_loader_of_an_interpreter,
    "loader-of-386": _as_loader_of_386,
    "replaced-by-native": _replaced_by_native,
    "over-native": _over_native,
}


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    for kind in main_kinds():
        for place, build in ALL_PLACES.items():
            yield Case(f"kind/{place}/{kind.name}", build(kind))
    for kind in (*other_kinds(), *real_kinds(programs)):
        for place, build in FEW_PLACES.items():
            yield Case(f"kind/{place}/{kind.name}", build(kind))
    # The kernel reads a program's header with one function and a loader's with another; an interpreter is a program to it.
    for kind in malformed_elf_kinds():
        for place, build in (("program", _as_program), ("loader", _as_loader)):
            yield Case(f"kind/{place}/{kind.name}", build(kind))
    # A loader need not look like one: neither its type nor a loader of its own matters.
    yield Case(
        "kind/loader/static-executable",
        image(File("/app", elf.program(b"/ld\0", e_type=elf.ET_DYN)), File("/ld", NATIVE), entrypoint=("/app",)),
    )
    yield Case(
        "kind/loader/with-a-loader-of-its-own",
        image(File("/app", elf.program(b"/ld\0")), File("/ld", elf.loader(interpreter=b"/missing\0")), entrypoint=("/app",)),
    )
    yield Case("kind/loader/the-program-itself", image(File("/app", elf.program(b"/app\0", e_type=elf.ET_DYN)), entrypoint=("/app",)))
    yield Case("kind/loader/good", image(File("/app", elf.program(b"/ld\0")), File("/ld", LOADER), entrypoint=("/app",)))
    if programs is not None:
        yield from _real_dynamic_programs(programs)


def _real_dynamic_programs(programs: Programs) -> Iterator[Case]:
    app = File("/bin/busybox", programs.dynamic)
    loader = "/lib64/ld-linux-x86-64.so.2"
    libraries = [File(path, content) for path, content in programs.libraries.items()]
    config = dict(entrypoint=("/bin/busybox",), cmd=("true",))
    yield Case("real/glibc-complete", image(app, File(loader, programs.glibc_loader), *libraries, **config))
    yield Case("real/glibc-libraries-missing", image(app, File(loader, programs.glibc_loader), **config))
    yield Case("real/glibc-loader-missing-as-in-alpine", image(app, File("/lib/ld-musl-x86_64.so.1", programs.musl_loader), **config))
    yield Case("real/glibc-program-with-musl-loader", image(app, File(loader, programs.musl_loader), **config))
    yield Case(
        "real/glibc-loader-behind-merged-usr",
        image(app, Symlink("/lib64", "usr/lib64"), File("/usr/lib64/ld-linux-x86-64.so.2", programs.glibc_loader), **config),
    )
    for architecture, content in programs.static.items():
        script = File("/docker-entrypoint.sh", b'#!/bin/sh\nexec "$@"\n')
        shell = (File("/bin/busybox", content), Symlink("/bin/sh", "/bin/busybox"))
        yield Case(
            f"real/entrypoint-script-with-{architecture}-shell",
            image(script, *shell, entrypoint=("/docker-entrypoint.sh",), cmd=("nginx",)),
        )
        yield Case(f"real/shell-form-with-{architecture}-shell", image(*shell, cmd=("/bin/sh", "-c", "nginx -g 'daemon off;'")))
        yield Case(
            f"real/env-script-with-{architecture}-env",
            image(
                File("/bin/busybox", content),
                Symlink("/usr/bin/env", "../../bin/busybox"),
                File("/app.py", b"#!/usr/bin/env python3\n"),
                entrypoint=("/app.py",),
            ),
        )
        yield Case(f"real/loader-is-{architecture}", image(app, File(loader, content), *libraries, **config))
