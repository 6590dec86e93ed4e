"""The first line of a script in every form the kernel tells apart (`fs/binfmt_script.c`)."""

import itertools
from collections.abc import Iterator
from typing import Optional

from cases.file_kinds import FOREIGN, NATIVE
from debian import Programs
from image import Case, Fifo, File, Image, Symlink, image

INTERPRETER = File("/bin/i", NATIVE)
BUFFER = 256  # BINPRM_BUF_SIZE: what the kernel reads of a file before it decides


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    for name, content in itertools.chain(_forms(), _odd_lines(), _lengths(), _interpreters()):
        yield Case(f"shebang/{name}", _image(content))
    yield from _relative()
    yield from _modes()


def _image(content: bytes, **config) -> Image:
    others = (
        INTERPRETER,
        File("/bin/foreign", FOREIGN),
        File("/bin/plain", NATIVE, 0o644),
        File("/bin/with space", NATIVE),
        Symlink("/bin/link", "i"),
        Fifo("/bin/fifo"),
    )
    return image(File("/script", content), *others, entrypoint=("/script",), **config)


BEFORE = {"": b"", "space-": b" ", "tab-": b"\t", "blanks-": b" \t \t"}
BEHIND = {
    "": b"",
    "-space": b" ",
    "-tab": b"\t",
    "-blanks": b" \t ",
    "-argument": b" -e",
    "-argument-space": b" -e ",
    "-two-arguments": b"\t-e -u",
    "-nul": b"\0",
    "-nul-text": b"\0 x",
}
ENDS = {
    "newline": b"\n",
    "end-of-file": b"",
    "crlf": b"\r\n",
    "nul": b"\0",
    "newlines-and-text": b"\n\necho\n",
    "carriage-return-and-text": b"\recho\n",
    "nul-and-text": b"\0echo\n",
}


def _forms() -> Iterator[tuple]:
    for before, behind, end in itertools.product(BEFORE, BEHIND, ENDS):
        if before and behind not in ("", "-argument"):
            continue  # what stands before the interpreter does not meet what stands behind it
        yield f"form/{before}interpreter{behind}-{end}", b"#!" + BEFORE[before] + b"/bin/i" + BEHIND[behind] + ENDS[end]
    for before, end in itertools.product(BEFORE, ENDS):
        yield f"form/{before}nothing-{end}", b"#!" + BEFORE[before] + ENDS[end]


def _odd_lines() -> Iterator[tuple]:
    lines = {
        "space-first": b" #!/bin/i\n",
        "newline-first": b"\n#!/bin/i\n",
        "crlf-first": b"\r\n#!/bin/i\n",
        "byte-order-mark": b"\xef\xbb\xbf#!/bin/i\n",
        "utf-16-little": "\ufeff#!/bin/i\n".encode("utf-16-le"),
        "utf-16-big": "\ufeff#!/bin/i\n".encode("utf-16-be"),
        "utf-16-little-no-mark": "#!/bin/i\n".encode("utf-16-le"),
        "space-between": b"# !/bin/i\n",
        "bang-hash": b"!#/bin/i\n",
        "two-bangs": b"#!!/bin/i\n",
        "two-hash-bangs": b"#!#!/bin/i\n",
        "bang-only": b"!/bin/i\n",
        "hash": b"#",
        "hash-newline": b"#\n",
        "hash-bang-nul-interpreter": b"#!\0/bin/i\n",
        "hash-bang-space-nul": b"#! \0",
        "hash-bang-carriage-return": b"#!\r",
        "form-feed-before": b"#!\f/bin/i\n",
        "vertical-tab-behind": b"#!/bin/i\v\n",
        "no-break-space-before": b"#!\xc2\xa0/bin/i\n",
        "no-break-space-behind": b"#!/bin/i\xc2\xa0\n",
        "quoted": b'#!"/bin/i"\n',
        "backslash-space": b"#!/bin/with\\ space\n",
        "space-in-path": b"#!/bin/with space\n",
        "variable": b"#!$SHELL\n",
        "tilde": b"#!~/bin/i\n",
        "file-url": b"#!file:///bin/i\n",
        "rust-attribute": b"#![allow(dead_code)]\nfn main() {}\n",
        "elf-behind": b"#!" + NATIVE,
        "second-line": b"# comment\n#!/bin/i\n",
        "comment-behind": b"#!/bin/i # comment\n",
        "only-newlines": b"#!\n\n\n/bin/i\n",
    }
    for name, content in lines.items():
        yield f"line/{name}", content


def _lengths() -> Iterator[tuple]:
    for length in range(BUFFER - 4, BUFFER + 6):
        path = b"#!" + b"/" * (length - 2 - len("bin/i")) + b"bin/i"
        missing = b"#!/" + b"m" * (length - 3)
        argument = b"#!/bin/i " + b"a" * (length - len("#!/bin/i "))
        blanks = b"#!" + b" " * (length - 2 - len("/bin/i")) + b"/bin/i"
        trailing = b"#!/bin/i" + b" " * (length - len("#!/bin/i"))
        blanks_only = b"#!" + b" " * (length - 2)
        lines = {
            "path": path,
            "missing": missing,
            "argument": argument,
            "blanks-before": blanks,
            "blanks-behind": trailing,
            "blanks-only": blanks_only,
        }
        for name, line in lines.items():
            yield f"length/{name}-of-{length}-then-newline", line + b"\n"
            yield f"length/{name}-of-{length}-then-end", line
        yield f"length/path-of-{length}-then-space", path + b" -e\n"
        yield f"length/path-of-{length}-then-nul", path + b"\0\n"
        yield f"length/path-of-{length}-then-crlf", path + b"\r\n"
    yield "length/argument-of-5000-bytes", b"#!/bin/i " + b"a" * 5000 + b"\n"
    yield "length/path-of-5000-bytes", b"#!" + b"/" * 5000 + b"bin/i\n"
    # A path cut by the end of the buffer must not be taken for the shorter one that happens to exist.
    yield "length/cut-where-an-interpreter-exists", b"#!" + b"/" * (BUFFER - 1 - 2 - len("bin/i")) + b"bin/i" + b"nterpreter\n"
    yield "length/newline-in-the-last-byte", b"#!" + b"/" * (BUFFER - 3 - len("bin/i")) + b"bin/i\n"


def _interpreters() -> Iterator[tuple]:
    paths = {
        "good": "/bin/i",
        "missing": "/bin/none",
        "missing-directory": "/none/i",
        "directory": "/bin",
        "root": "/",
        "trailing-slash": "/bin/i/",
        "directory-trailing-slash": "/bin/",
        "through-a-file": "/bin/i/x",
        "dot-through-a-file": "/bin/i/.",
        "dots-through-a-file": "/bin/i/../i",
        "dots": "/bin/../bin/./i",
        "dots-through-missing": "/none/../bin/i",
        "double-slashes": "//bin//i",
        "above-the-root": "/../../bin/i",
        "not-executable": "/bin/plain",
        "foreign": "/bin/foreign",
        "link": "/bin/link",
        "fifo": "/bin/fifo",
        "name-only": "i",
        "relative": "bin/i",
        "dot-relative": "./bin/i",
        "dot": ".",
        "dots-only": "..",
        "name-of-250-bytes": "/" + "n" * 250,
        "env-missing": "/usr/bin/env python3",
        "script-itself": "/script",
    }
    for name, path in paths.items():
        yield f"interpreter/{name}", f"#!{path}\n".encode()
        yield f"interpreter/{name}-with-argument", f"#!{path} -x\n".encode()


def _relative() -> Iterator[Case]:
    for directory in ("/", "/bin", "/opt", "/new"):
        for path in ("i", "./i", "bin/i", "../bin/i"):
            label = directory.strip("/") or "root"
            content = f"#!{path}\n".encode()
            yield Case(
                f"shebang/relative/{path.replace('/', '-')}-from-{label}", _image(content, working_dir=directory, env=("PATH=/bin",))
            )
    named_so = image(File("/script", b"#!/bin/i\r\n"), File("/bin/i\r", NATIVE), entrypoint=("/script",))
    yield Case("shebang/carriage-return-in-the-file-name", named_so)
    yield Case("shebang/hash-bang-from-a-working-directory", _image(b"#!", working_dir="/bin"))


def _modes() -> Iterator[Case]:
    script = b"#!/bin/i\n"
    for mode in (0o755, 0o711, 0o111, 0o644, 0o744, 0o700, 0o555):
        for user in (None, "65534"):
            owner = "root" if user is None else "nobody"
            yield Case(
                f"shebang/mode-{mode:04o}-as-{owner}", image(File("/script", script, mode), INTERPRETER, entrypoint=("/script",), user=user)
            )
