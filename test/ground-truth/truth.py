"""The truth about one case: what the real runtime and the bare kernel do with it."""

import os
import platform
import shutil
import tempfile

import elf
import kernel
import layout
import process
import root_filesystem
import runtime
from image import Case, File, image
from outcome import Outcome


class Contradiction(Exception):
    """The runtime and the kernel disagree, so that one of the two was not asked rightly."""


def missing() -> str:
    """Why there can be no truth on this machine; empty if there can."""
    if os.geteuid() != 0:
        return "not root"
    if platform.machine() != "x86_64":
        return f"a machine of {platform.machine()}, and the programs are for x86_64"
    if shutil.which("runc") is None:
        return "no runc in PATH"
    folder = tempfile.gettempdir()
    if os.statvfs(folder).f_flag & (os.ST_NOEXEC | os.ST_NOSUID):
        return f"{folder} is mounted noexec or nosuid; TMPDIR can name another folder"
    with tempfile.TemporaryDirectory() as scratch:
        trial = Case("trial", image(File("/p", elf.program()), entrypoint=("/p",)))
        try:
            find(trial, os.path.join(scratch, "layout"), scratch, os.path.join(scratch, "runc"))
        except (runtime.RuntimeTrouble, kernel.KernelTrouble, OSError) as error:
            return f"runc cannot start a container: {error}"
    return ""


def find(case: Case, layout_directory: str, scratch: str, state: str) -> Outcome:
    """Writes the case's layout into the new directory `layout_directory`, and starts what is in it."""
    layout.write(case.image, case.name, layout_directory)
    tree = root_filesystem.read(layout_directory)
    try:
        the_process = process.from_config(root_filesystem.config(layout_directory), tree)
    except process.Refused as refusal:
        return Outcome("create", None, str(refusal))

    directory = tempfile.mkdtemp(dir=scratch)
    try:
        root = os.path.join(directory, "root")
        root_filesystem.materialize(tree, root)
        outcome = runtime.start(the_process, root, directory, state)
        if outcome.stage != "create" and not case.mounted:
            errno = kernel.execve(the_process, root)
            if errno != outcome.errno:
                raise Contradiction(f"runc says `{outcome}`, the kernel says {errno or 'success'}")
        return outcome
    finally:
        shutil.rmtree(directory)
