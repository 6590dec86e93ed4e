"""Asks the real runtime: `runc create`, `runc start`, and whether execve then succeeded."""

import ctypes
import json
import os
import re
import signal
import subprocess
import time
import uuid

from outcome import Outcome, errno_in
from process import Process

LIMIT_SECONDS = 30
PR_SET_CHILD_SUBREAPER = 36

# Docker's default set (moby `daemon/pkg/oci/caps/defaults.go`), with the kernel's numbers.
CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_FSETID": 4,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SETPCAP": 8,
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_RAW": 13,
    "CAP_SYS_CHROOT": 18,
    "CAP_MKNOD": 27,
    "CAP_AUDIT_WRITE": 29,
    "CAP_SETFCAP": 31,
}

# Docker's default mounts; they hide what the image has below /dev, /proc and /sys.
MOUNTS = [
    ("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
    ("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]),
]


# What runc says when it refuses a process. Other words are about this machine, and no truth about the image.
REFUSALS = re.compile(
    r"unable to start container process: (exec|error during container init: (mkdir|environment variable|invalid environment))"
    r"|Cwd must be an absolute path"
)


class RuntimeTrouble(Exception):
    """The runtime did not answer as one that works does, so there is no truth to compare with."""


def start(process: Process, root: str, directory: str, state: str) -> Outcome:
    """What becomes of `process` in the root file system `root`. `directory` is scratch space, `state` the runtime's own."""
    _adopt_orphans()
    container = f"ecs-arch-{uuid.uuid4().hex}"
    bundle = os.path.join(directory, "bundle")
    os.mkdir(bundle)
    with open(os.path.join(bundle, "config.json"), "w") as file:
        json.dump(_bundle(process, root), file)
    log, pid_file, output = (os.path.join(directory, name) for name in ("runc.log", "pid", "output"))
    pid = None
    runc = ["runc", "--root", state, "--log", log, "--log-format", "json"]
    try:
        with open(output, "wb") as out:
            create = [*runc, "create", "--bundle", bundle, "--pid-file", pid_file, container]
            created = subprocess.run(create, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=LIMIT_SECONDS)
        if created.returncode != 0:
            return _refusal(log)
        with open(pid_file) as file:
            pid = int(file.read())
        before = os.readlink(f"/proc/{pid}/exe")
        started = subprocess.run([*runc, "start", container], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS)
        if started.returncode != 0:
            raise RuntimeTrouble(f"runc start: {_messages(log)}")
        return _execve(pid, before, output)
    finally:
        if pid is not None:
            _kill(pid)
        delete(container, state)


def delete(container: str, state: str) -> None:
    """Removes a container, whatever state it is in; one that does not exist is no error."""
    if not os.path.exists(os.path.join(state, container)):
        return
    command = ["runc", "--root", state, "delete", "--force", container]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS)


def _execve(pid: int, before: str, output: str) -> Outcome:
    """Waits until the container's first process is no longer runc: it became another program, or it ended."""
    limit = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < limit:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return _ended(status, output)
        try:
            if os.readlink(f"/proc/{pid}/exe") != before:
                return Outcome("start")
        except OSError:
            pass  # it has just ended, or is on its way from one program to the next
        time.sleep(0.0005)
    raise RuntimeTrouble("the container's process neither started its program nor ended")


def _ended(status: int, output: str) -> Outcome:
    with open(output, "rb") as file:
        text = file.read().decode("utf-8", "replace").strip()
    failure = re.fullmatch(r"exec (.*): [^:]*", text)
    # A program that starts and says the same words would deceive us; none of ours does.
    if failure and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1:
        return Outcome("exec", errno_in(text), text)
    return Outcome("start")


def _refusal(log: str) -> Outcome:
    for message in _messages(log):
        prefix = "runc create failed: "
        text = message[len(prefix) :]
        if message.startswith(prefix) and REFUSALS.match(text):
            return Outcome("create", errno_in(text), text)
    raise RuntimeTrouble(f"runc create: {_messages(log)}")


def _messages(log: str) -> list:
    if not os.path.exists(log):
        return []
    with open(log) as file:
        return [json.loads(line)["msg"] for line in file]


def _kill(pid: int) -> None:
    """Ends the container's process, if it has not ended. `runc delete --force` would do it too, and then sleep for 100 ms."""
    try:
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    except ChildProcessError:
        pass  # `_execve` has waited for it; the number may be another process's by now


def _adopt_orphans() -> None:
    """Makes containers' processes children of this one, so that it can wait for them and none stays behind as a zombie."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _bundle(process: Process, root: str) -> dict:
    # As moby's `SetCapabilities`: a user other than root has the bounding set only.
    names = list(CAPABILITIES)
    held = ("bounding", "effective", "permitted") if process.uid == 0 else ("bounding",)
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": process.uid, "gid": process.gid, "additionalGids": [process.gid, *process.groups]},
            "args": process.argv,
            "env": process.env,
            "cwd": process.cwd,
            "capabilities": dict.fromkeys(held, names),
        },
        "root": {"path": root},
        "hostname": "ground-truth",
        "mounts": [{"destination": path, "type": kind, "source": source, "options": options} for path, kind, source, options in MOUNTS],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")]},
    }
