"""`User` in every form. Four probes tell who the process became: a file for the user, for the group, for an additional group, for others."""

from collections.abc import Iterator
from typing import Optional

from cases.file_kinds import NATIVE
from debian import Programs
from image import Case, Directory, File, Symlink, image

PASSWD = b"""root:x:0:0:root:/root:/bin/sh
app:x:1000:50:An app:/home/app:/bin/sh
4000:x:1001:51:A name of digits:/:/bin/sh
twin:x:1002:52::/:/bin/sh
twin:x:1003:53::/:/bin/sh
short:x:1004
broken:x:many:few::/:/bin/sh
"""
GROUP = b"""root:x:0:
staff:x:50:
extra:x:60:other,app
60000:x:61:
more:x:62:app
wheel:x:63:root
"""

PROBES = {
    "of-user-1000": dict(mode=0o700, uid=1000, gid=7),
    "of-group-0": dict(mode=0o070, uid=7, gid=0),
    "of-group-50": dict(mode=0o070, uid=7, gid=50),
    "of-group-60": dict(mode=0o070, uid=7, gid=60),
    "not-of-group-50": dict(mode=0o707, uid=7, gid=50),
}

SPECS = (
    *(
        "",
        "root",
        "0",
        "0:0",
        "0:50",
        "root:staff",
        "app",
        "1000",
        "1000:1000",
        "1000:50",
        "app:staff",
        "app:60",
        "app:extra",
        "1000:extra",
        "app:0",
    ),
    *("app:", ":50", ":staff", ":", "4000", "1001", "1001:60000", "twin", "short", "broken", "4242", "4242:50", "4242:staff", "4242:4242"),
    *(
        "missing",
        "missing:staff",
        "missing:50",
        "app:missing",
        "4242:missing",
        "APP",
        "app ",
        " app",
        "app:staff:extra",
        "-1",
        "+1000",
        "01000",
        "0x3e8",
    ),
    *("1000.0", "2147483647", "2147483648", "4294967295", "99999999999999999999", "1000:-1", "1000:2147483648", "app/staff", "app,staff"),
)


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    accounts = (File("/etc/passwd", PASSWD, 0o644), File("/etc/group", GROUP, 0o644))
    for spec in SPECS:
        for probe, rights in PROBES.items():
            yield Case(f"user/{ascii(spec)[1:-1] or 'empty'}/{probe}", _probe(rights, accounts, spec))
    for name, files in _accounts():
        for spec in ("app", "1000", "root", ""):
            # Root may run them all, so that one tells whether there is a root.
            probes = ("of-user-1000", "of-group-50", "of-group-60") if spec in ("app", "1000") else ("of-user-1000",)
            for probe in probes:
                yield Case(f"accounts/{name}/{spec or 'empty'}/{probe}", _probe(PROBES[probe], files, spec))


def _probe(rights: dict, accounts: tuple, user: str):
    return image(*accounts, File("/p", NATIVE, **rights), entrypoint=("/p",), user=user)


def _accounts() -> Iterator[tuple[str, tuple]]:
    group = File("/etc/group", GROUP, 0o644)

    def passwd(content: bytes) -> tuple:
        return (File("/etc/passwd", content, 0o644), group)

    yield "none", ()
    yield "passwd-only", (File("/etc/passwd", PASSWD, 0o644),)
    yield "group-only", (group,)
    yield "passwd-empty", passwd(b"")
    yield "passwd-directory", (Directory("/etc/passwd"), group)
    yield "passwd-link", (Symlink("/etc/passwd", "/usr/share/passwd"), File("/usr/share/passwd", PASSWD, 0o644), group)
    yield "passwd-link-above-the-root", (Symlink("/etc/passwd", "../../usr/passwd"), File("/usr/passwd", PASSWD, 0o644), group)
    yield "passwd-dangling-link", (Symlink("/etc/passwd", "/nowhere"), group)
    yield "passwd-unreadable", (File("/etc/passwd", PASSWD, 0o000), group)
    yield "no-final-newline", passwd(b"app:x:1000:50")
    yield "crlf", passwd(b"root:x:0:0\r\napp:x:1000:50\r\n")
    yield "blanks-around", passwd(b"  app:x:1000:50:  \n")
    yield "blank-in-the-number", passwd(b"app:x: 1000:50::\n")
    yield "comment", passwd(b"#app:x:1:1\n\n   \napp:x:1000:50::\n")
    yield "byte-order-mark", passwd(b"\xef\xbb\xbfapp:x:1000:50::\n")
    yield "two-entries-of-one-id", passwd(b"first:x:1000:51::\napp:x:1000:50::\n")
    yield "group-with-blanks-in-members", (File("/etc/passwd", PASSWD, 0o644), File("/etc/group", b"extra:x:60: app , other\n", 0o644))
    yield "group-short-line", (File("/etc/passwd", PASSWD, 0o644), File("/etc/group", b"extra:x:60\n", 0o644))
