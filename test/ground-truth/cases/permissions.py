"""Owner, group and other bits of the program, the interpreter, the loader and the directories on the way, against users."""

import itertools
from collections.abc import Iterator
from typing import Callable, Optional

import elf
from cases.file_kinds import FOREIGN, LOADER, NATIVE
from debian import Programs
from image import Case, Directory, File, Image, Layer, Symlink, image

ACCOUNTS = (
    File("/etc/passwd", b"root:x:0:0::/:\napp:x:1000:1000::/:\n", 0o644),
    File("/etc/group", b"app:x:1000:\nextra:x:2000:app\n", 0o644),
)
MODES = (0o700, 0o070, 0o007, 0o100, 0o010, 0o001, 0o677, 0o707, 0o666, 0o000, 0o755)
OWNERS = ((0, 0), (1000, 0), (0, 1000), (0, 2000), (1000, 1000))
USERS = {
    "root": None,
    "app": "app",
    "app-by-number": "1000",
    "app-of-group": "app:1000",
    "stranger": "4242",
    "stranger-of-group": "4242:2000",
}


def _program(rights: dict, user: Optional[str]) -> Image:
    return image(*ACCOUNTS, File("/p", NATIVE, **rights), entrypoint=("/p",), user=user)


def _interpreter(rights: dict, user: Optional[str]) -> Image:
    return image(*ACCOUNTS, File("/script", b"#!/i\n"), File("/i", NATIVE, **rights), entrypoint=("/script",), user=user)


def _loader(rights: dict, user: Optional[str]) -> Image:
    return image(*ACCOUNTS, File("/app", elf.program(b"/ld\0")), File("/ld", LOADER, **rights), entrypoint=("/app",), user=user)


def _directory(rights: dict) -> Directory:
    return Directory("/d", **rights)


DIRECTORY_PLACES: dict[str, Callable[[Directory, Optional[str]], Image]] = {
    "program": lambda d, user: image(*ACCOUNTS, d, File("/d/p", NATIVE), entrypoint=("/d/p",), user=user),
    "foreign-program": lambda d, user: image(*ACCOUNTS, d, File("/d/p", FOREIGN), entrypoint=("/d/p",), user=user),
    "missing-program": lambda d, user: image(*ACCOUNTS, d, entrypoint=("/d/p",), user=user),
    "searched-program": lambda d, user: image(*ACCOUNTS, d, File("/d/p", NATIVE), cmd=("p",), env=("PATH=/d",), user=user),
    "interpreter": lambda d, user: image(
        *ACCOUNTS, d, File("/script", b"#!/d/i\n"), File("/d/i", NATIVE), entrypoint=("/script",), user=user
    ),
    "missing-interpreter": lambda d, user: image(*ACCOUNTS, d, File("/script", b"#!/d/i\n"), entrypoint=("/script",), user=user),
    "loader": lambda d, user: image(
        *ACCOUNTS, d, File("/app", elf.program(b"/d/ld\0")), File("/d/ld", LOADER), entrypoint=("/app",), user=user
    ),
    "link": lambda d, user: image(*ACCOUNTS, d, Symlink("/d/link", "/p"), File("/p", NATIVE), entrypoint=("/d/link",), user=user),
    "target-of-link": lambda d, user: image(*ACCOUNTS, d, Symlink("/link", "/d/p"), File("/d/p", NATIVE), entrypoint=("/link",), user=user),
    "deeper": lambda d, user: image(*ACCOUNTS, d, File("/d/e/p", NATIVE), entrypoint=("/d/e/p",), user=user),
    "working-directory": lambda d, user: image(*ACCOUNTS, d, File("/d/p", NATIVE), entrypoint=("./p",), working_dir="/d", user=user),
    "working-directory-only": lambda d, user: image(*ACCOUNTS, d, File("/p", NATIVE), entrypoint=("/p",), working_dir="/d", user=user),
    "below-working-directory": lambda d, user: image(
        *ACCOUNTS, d, File("/d/e/p", NATIVE), entrypoint=("./p",), working_dir="/d/e", user=user
    ),
    "above-working-directory": lambda d, user: image(
        *ACCOUNTS, d, File("/d/p", NATIVE), Directory("/d/e"), entrypoint=("../p",), working_dir="/d/e", user=user
    ),
}
DIRECTORY_RIGHTS = {
    "0700-of-root": dict(mode=0o700),
    "0711-of-root": dict(mode=0o711),
    "0744-of-root": dict(mode=0o744),
    "0000-of-root": dict(mode=0o000),
    "0677-of-app": dict(mode=0o677, uid=1000),
    "0700-of-app": dict(mode=0o700, uid=1000),
    "0070-of-group-2000": dict(mode=0o070, gid=2000),
    "0001-of-root": dict(mode=0o001),
}


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    for mode, (uid, gid), (label, user) in itertools.product(MODES, OWNERS, USERS.items()):
        rights = dict(mode=mode, uid=uid, gid=gid)
        yield Case(f"mode/program-{mode:04o}-of-{uid}-{gid}/as-{label}", _program(rights, user))
    for (place, build), mode, (uid, gid), label in itertools.product(
        (("interpreter", _interpreter), ("loader", _loader)), MODES[::2], ((0, 0), (1000, 0), (0, 2000)), ("root", "app", "stranger")
    ):
        rights = dict(mode=mode, uid=uid, gid=gid)
        yield Case(f"mode/{place}-{mode:04o}-of-{uid}-{gid}/as-{label}", build(rights, USERS[label]))
    for (place, build), (name, rights), label in itertools.product(
        DIRECTORY_PLACES.items(), DIRECTORY_RIGHTS.items(), ("root", "app", "stranger")
    ):
        if label == "root" and not name.startswith("0000"):
            continue  # root searches them all
        yield Case(f"directory/{name}/{place}/as-{label}", build(_directory(rights), USERS[label]))
    yield from _special_bits()
    yield from _root_directory()
    yield from _large_ids()


def _special_bits() -> Iterator[Case]:
    for mode in (0o4755, 0o2755, 0o6755, 0o1755, 0o4711, 0o4644, 0o2644, 0o4700):
        for label in ("root", "app"):
            yield Case(f"mode/special-{mode:04o}/as-{label}", _program(dict(mode=mode), USERS[label]))
    # File capabilities: version 2, the effective bit, the permitted set. One that is not in Docker's bounding set refuses the start.
    for name, number in (("net-bind-service", 10), ("sys-chroot", 18), ("ipc-lock", 14), ("net-admin", 12)):
        for kind, effective in (("effective", 1), ("permitted", 0)):
            permitted = (1 << number).to_bytes(4, "little")
            value = bytes([effective, 0, 0, 2]) + permitted + bytes(12)
            for label in ("root", "app"):
                entry = File("/p", NATIVE, xattrs={"security.capability": value})
                contents = image(*ACCOUNTS, entry, entrypoint=("/p",), user=USERS[label])
                yield Case(f"mode/capability-{name}-{kind}/as-{label}", contents)
                script = image(*ACCOUNTS, File("/s", b"#!/p\n"), entry, entrypoint=("/s",), user=USERS[label])
                yield Case(f"mode/capability-{name}-{kind}-interpreter/as-{label}", script)


def _root_directory() -> Iterator[Case]:
    for mode in (0o700, 0o711, 0o755, 0o000):
        for label in ("root", "app"):
            contents = image(Directory("/", mode), *ACCOUNTS, File("/p", NATIVE), entrypoint=("/p",), user=USERS[label])
            yield Case(f"mode/root-directory-{mode:04o}/as-{label}", contents)


def _large_ids() -> Iterator[Case]:
    # Beyond the seven octal digits of a plain tar header: PAX writes a record, GNU a base-256 number.
    large = 2_100_000
    for archive in ("pax", "gnu"):
        for user in (str(large), "4242"):
            layer = Layer((File("/p", NATIVE, 0o700, large, large),), archive=archive)
            yield Case(f"mode/large-owner-{archive}/as-{user}", Image(layers=(layer,), entrypoint=("/p",), user=user))
