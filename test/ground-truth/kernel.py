"""Asks the kernel alone: a child changes root, directory and user, and calls execve. No runtime is between it and the answer."""

import ctypes
import errno
import os
import select
import signal
import struct
from typing import Optional

from process import Process
from runtime import CAPABILITIES

LIMIT_SECONDS = 30
PR_CAPBSET_DROP = 24
LINUX_CAPABILITY_VERSION_3 = 0x20080522


class KernelTrouble(Exception):
    """The child could not get as far as execve."""


def execve(process: Process, root: str) -> Optional[str]:
    """The name of execve's error, None if it succeeds. The program is killed at once."""
    # The pipe closes on a successful execve, so the end of it without a word is the success.
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.setsid()
            _enter(process, root)
            try:
                program = _program(process)
                # Not `process.argv[0]`: it may be empty, which Python refuses, and to the kernel it means nothing.
                os.execve(program, [program, *process.argv[1:]], _environment(process))
            except OSError as error:
                os.write(writer, struct.pack("i", error.errno))
        except BaseException as error:
            os.write(writer, b"trouble: " + repr(error).encode())
        finally:
            os._exit(0)

    os.close(writer)
    try:
        if not select.select([reader], [], [], LIMIT_SECONDS)[0]:
            raise KernelTrouble("execve takes too long")
        answer = os.read(reader, 1000)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if answer.startswith(b"trouble: "):
        raise KernelTrouble(answer.decode())
    return errno.errorcode[struct.unpack("i", answer)[0]] if answer else None


def _enter(process: Process, root: str) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.chroot(root)
    os.chdir(process.cwd)  # before the user changes, as runc does
    libc = ctypes.CDLL(None, use_errno=True)
    last = 63
    for capability in set(range(last + 1)) - set(CAPABILITIES.values()):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups(sorted({process.gid, *process.groups}))
    os.setgid(process.gid)
    os.setuid(process.uid)
    if process.uid == 0:
        held = sum(1 << capability for capability in CAPABILITIES.values())
        header = struct.pack("Ii", LINUX_CAPABILITY_VERSION_3, 0)
        if libc.capset(header, struct.pack("6I", held, held, 0, 0, 0, 0)) != 0:
            raise OSError(ctypes.get_errno(), "capset")


def _program(process: Process) -> str:
    """The path that the runtime hands to execve; it has made sure that there is one."""
    name = process.argv[0]
    if "/" in name:
        return name
    for directory in _environment(process).get("PATH", "").split(":"):
        path = os.path.join(directory, name) if name else directory
        if os.path.exists(path) and not os.path.isdir(path) and os.stat(path).st_mode & 0o111:
            return path
    raise KernelTrouble(f"{name} is nowhere in PATH")


def _environment(process: Process) -> dict:
    return dict(variable.split("=", 1) for variable in process.env)
