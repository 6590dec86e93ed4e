"""Entrypoint and Cmd together, the working directory, and the platform that the configuration declares."""

from collections.abc import Iterator
from typing import Optional

import elf
from cases.file_kinds import FOREIGN, NATIVE
from debian import Programs
from image import Case, Directory, File, Symlink, image

NATIVE_P, FOREIGN_Q = File("/bin/p", NATIVE), File("/bin/q", FOREIGN)
PATH = ("PATH=/bin",)


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    yield from _commands()
    yield from _working_directories()
    for architecture in ("amd64", "arm64", "386"):
        for name, content in (("native", NATIVE), ("foreign", FOREIGN), ("native-386", elf.program_386())):
            yield Case(f"declared/{architecture}-holds-{name}", image(File("/p", content), entrypoint=("/p",), architecture=architecture))


def _commands() -> Iterator[Case]:
    commands = {
        "none": {},
        "both-empty": dict(entrypoint=(), cmd=()),
        "entrypoint-empty": dict(entrypoint=(), cmd=("/bin/p",)),
        "cmd-only": dict(cmd=("/bin/q",)),
        "cmd-empty": dict(entrypoint=("/bin/q",), cmd=()),
        "both": dict(entrypoint=("/bin/p",), cmd=("/bin/q",)),
        "both-foreign-first": dict(entrypoint=("/bin/q",), cmd=("/bin/p",)),
        "entrypoint-of-one-empty-string": dict(entrypoint=("",)),
        "entrypoint-of-one-empty-string-and-cmd": dict(entrypoint=("",), cmd=("/bin/p",)),
        "entrypoint-of-one-empty-string-and-foreign-cmd": dict(entrypoint=("",), cmd=("/bin/q",)),
        "entrypoint-of-two-empty-strings": dict(entrypoint=("", ""), cmd=("/bin/p",)),
        "entrypoint-starts-with-empty-string": dict(entrypoint=("", "/bin/p")),
        "cmd-of-one-empty-string": dict(cmd=("",)),
        "cmd-starts-with-empty-string": dict(cmd=("", "/bin/p")),
        "entrypoint-and-empty-cmd-string": dict(entrypoint=("/bin/p",), cmd=("",)),
        "cmd-of-one-space": dict(cmd=(" ",)),
        "cmd-with-arguments-in-one-string": dict(cmd=("/bin/p -e",)),
        "cmd-name-with-arguments-in-one-string": dict(cmd=("p -e",)),
        "json-in-one-string": dict(cmd=('["/bin/p"]',)),
        "many-arguments": dict(entrypoint=("p",), cmd=tuple(str(i) for i in range(500))),
        "long-argument": dict(entrypoint=("p",), cmd=("a" * 100_000,)),
    }
    for name, config in commands.items():
        yield Case(f"command/{name}", image(NATIVE_P, FOREIGN_Q, env=PATH, **config))
        yield Case(f"command/{name}-in-an-empty-image", image(env=PATH, **config))
    # Joined with an empty name, a PATH element stands for itself; so a file in PATH is "found".
    yield Case("command/empty-string-and-a-file-in-path", image(NATIVE_P, cmd=("",), env=("PATH=/bin/p",)))
    yield Case("command/empty-string-and-a-foreign-file-in-path", image(FOREIGN_Q, cmd=("",), env=("PATH=/bin/q",)))


def _working_directories() -> Iterator[Case]:
    entries = (
        NATIVE_P,
        FOREIGN_Q,
        Directory("/w/sub"),
        Symlink("/link", "/w"),
        Symlink("/filelink", "/bin/p"),
        Symlink("/loop", "loop"),
        File("/w/script", b"#!../bin/q\n"),
    )
    directories = {
        "none": None,
        "empty": "",
        "root": "/",
        "there": "/w",
        "missing": "/new",
        "missing-deep": "/new/a/b",
        "missing-below": "/w/new",
        "a-file": "/bin/p",
        "below-a-file": "/bin/p/x",
        "a-link-to-a-file": "/filelink",
        "a-link": "/link",
        "below-a-link": "/link/sub",
        "missing-below-a-link": "/link/new",
        "a-loop": "/loop",
        "relative": "w",
        "dot": ".",
        "trailing-slash": "/w/",
        "dots": "/w/../w",
        "above-the-root": "/../w",
        "dots-through-missing": "/new/../w",
        "double-slash": "//w",
        "in-dev": "/dev/new",
    }
    for name, directory in directories.items():
        mounted = name == "in-dev"
        yield Case(f"working-directory/{name}/absolute", image(*entries, entrypoint=("/bin/p",), working_dir=directory), mounted)
        yield Case(f"working-directory/{name}/absolute-foreign", image(*entries, entrypoint=("/bin/q",), working_dir=directory), mounted)
        yield Case(f"working-directory/{name}/relative", image(*entries, entrypoint=("./script",), working_dir=directory), mounted)
        yield Case(
            f"working-directory/{name}/as-user", image(*entries, entrypoint=("/bin/p",), working_dir=directory, user="4242"), mounted
        )
        yield Case(f"working-directory/{name}/missing-program", image(*entries, entrypoint=("./none",), working_dir=directory), mounted)
