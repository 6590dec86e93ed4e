"""A name without a slash: PATH in every form, and what stands in its directories."""

from collections.abc import Iterator
from typing import Optional

import elf
from cases.file_kinds import FOREIGN, NATIVE
from debian import Programs
from image import Case, Device, Directory, Fifo, File, HardLink, Symlink, image

FIRST, SECOND = "/first/p", "/second/p"


def cases(programs: Optional[Programs]) -> Iterator[Case]:
    yield from _environments()
    yield from _skipped()
    yield from _default()


def _environments() -> Iterator[Case]:
    environments = {
        "plain": ("PATH=/first:/second",),
        "second-only": ("PATH=/second",),
        "none": ("OTHER=1",),
        "no-variables": (),
        "empty": ("PATH=",),
        "colon": ("PATH=:",),
        "empty-element-first": ("PATH=:/second",),
        "empty-element-in-the-middle": ("PATH=/nowhere::/second",),
        "empty-element-last": ("PATH=/nowhere:",),
        "empty-element-behind-a-hit": ("PATH=/second:",),
        "dot": ("PATH=.",),
        "dot-behind-a-hit": ("PATH=/second:.",),
        "relative": ("PATH=first",),
        "relative-missing-then-absolute": ("PATH=nowhere:/second",),
        "relative-dots": ("PATH=../second",),
        "trailing-slash": ("PATH=/second/",),
        "double-slash": ("PATH=//second",),
        "dots": ("PATH=/first/../second",),
        "a-file": ("PATH=/second/p:/second",),
        "quoted": ('PATH="/second"',),
        "space": ("PATH= /second",),
        "semicolon": ("PATH=/nowhere;/second",),
        "tilde": ("PATH=~/bin:/second",),
        "unexpanded": ("PATH=$PATH:/second",),
        "lower-case-name": ("path=/second",),
        "duplicate-last-wins": ("PATH=/first", "PATH=/second"),
        "duplicate-last-is-empty": ("PATH=/first", "PATH="),
        "duplicate-last-is-nowhere": ("PATH=/second", "PATH=/nowhere"),
        "bare-name": ("PATH",),
        "bare-name-then-value": ("PATH", "PATH=/second"),
        "value-then-bare-name": ("PATH=/second", "PATH"),
        "bare-other-name": ("OTHER", "PATH=/second"),
        "empty-name": ("=x", "PATH=/second"),
        "value-with-equals": ("PATH=/a=b:/second",),
        "linked-directory": ("PATH=/linked",),
        "two-thousand-directories": ("PATH=" + ":".join(f"/none{i}" for i in range(2000)) + ":/second",),
        "name-too-long": ("PATH=/" + "n" * 256 + ":/second",),
        "through-a-file": ("PATH=/second/p/x:/second",),
    }
    for name, env in environments.items():
        for directory in (None, "/first"):
            label = (directory or "none").strip("/")
            entries = (File(FIRST, FOREIGN), File(SECOND, NATIVE), File("/a=b/p", FOREIGN), Symlink("/linked", "second"))
            yield Case(f"search/environment-{name}-from-{label}", image(*entries, cmd=("p",), env=env, working_dir=directory))


def _skipped() -> Iterator[Case]:
    """What stands in the first directory, when the second has the native program."""
    firsts = {
        "nothing": (),
        "native": (File(FIRST, NATIVE),),
        "foreign": (File(FIRST, FOREIGN),),
        "text": (File(FIRST, b"text\n"),),
        "empty": (File(FIRST),),
        "not-executable": (File(FIRST, FOREIGN, 0o644),),
        "executable-for-owner-only": (File(FIRST, FOREIGN, 0o744),),
        "executable-for-others-only": (File(FIRST, FOREIGN, 0o601),),
        "directory": (Directory(FIRST),),
        "dangling-link": (Symlink(FIRST, "nowhere"),),
        "link-loop": (Symlink(FIRST, "p"),),
        "link-to-directory": (Symlink(FIRST, "/second"),),
        "link-to-second": (Symlink(FIRST, SECOND),),
        "link-to-not-executable": (Symlink(FIRST, "/plain"), File("/plain", FOREIGN, 0o644)),
        "fifo": (Fifo(FIRST),),
        "fifo-not-executable": (Fifo(FIRST, 0o644),),
        "device": (Device(FIRST, "character", 1, 3),),
        "unsearchable": (Directory("/first", 0o700), File(FIRST, FOREIGN)),
        "script-of-missing": (File(FIRST, b"#!/missing\n"),),
        "loader-missing": (File(FIRST, elf.program(b"/missing\0")),),
    }
    for name, entries in firsts.items():
        for owner, user in (("root", None), ("nobody", "65534")):
            contents = image(*entries, File(SECOND, NATIVE), cmd=("p",), env=("PATH=/first:/second",), user=user)
            yield Case(f"search/first-has-{name}-as-{owner}", contents)
            alone = image(*entries, cmd=("p",), env=("PATH=/first",), user=user)
            yield Case(f"search/only-{name}-as-{owner}", alone)


def _default() -> Iterator[Case]:
    for directory in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/bin", "/", "/usr/games"):
        contents = image(File(f"{directory.rstrip('/')}/p", FOREIGN), cmd=("p",))
        yield Case(f"search/default-path-has-{directory.strip('/').replace('/', '-') or 'root'}", contents)
    contents = image(File("/usr/bin/p", NATIVE), File("/bin/p", FOREIGN), cmd=("p",))
    yield Case("search/default-path-takes-usr-bin-before-bin", contents)
    linked = image(File("/usr/bin/busybox", FOREIGN), HardLink("/usr/bin/p", "/usr/bin/busybox"), cmd=("p",))
    yield Case("search/hard-link", linked)
    yield Case("search/name-of-the-working-directory", image(File("/p", NATIVE), cmd=("p",), working_dir="/"))
