"""From an image's configuration to the process that a runtime is asked to start, as Docker makes it.

Sources: moby's `daemon/oci_linux.go`, `daemon/create.go`, `container/env.go`, and moby/sys `user.GetExecUser` for the user.
What the runtime itself decides (the search in PATH, the working directory, access) is not here: `runtime.py` asks the real one.
"""

import re
from dataclasses import dataclass
from typing import Callable, Optional

import root_filesystem
from root_filesystem import Node

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LARGEST_ID = 2**31 - 1


class Refused(Exception):
    """Docker refuses before it asks a runtime; no kernel error stands behind it."""


@dataclass(frozen=True)
class Process:
    argv: list[str]
    env: list[str]
    cwd: str
    uid: int
    gid: int
    groups: list[int]


def from_config(config: dict, root: Node) -> Process:
    """The process of an image without any override; raises `Refused`."""
    entrypoint = config.get("Entrypoint") or []
    if entrypoint == [""]:
        entrypoint = []  # `mergeAndVerifyConfig` takes it for "none"
    argv = entrypoint + (config.get("Cmd") or [])
    if not argv:
        raise Refused("no command specified")
    uid, gid, groups = _identity(config.get("User") or "", root)
    return Process(argv, _environment(config.get("Env") or []), config.get("WorkingDir") or "/", uid, gid, groups)


def _environment(image: list[str]) -> list[str]:
    """`ReplaceOrAppendEnvValues`: the last value of a default wins; a bare name takes the default away."""
    path: Optional[str] = DEFAULT_PATH
    others = []
    for variable in image:
        name, equals, _ = variable.partition("=")
        if name == "PATH":
            path = variable if equals else None
        elif equals:
            others.append(variable)
    return ([path] if path is not None else []) + others


def _identity(spec: str, root: Node) -> tuple[int, int, list[int]]:
    """`GetExecUser`: user id, group id, supplementary groups."""
    user, group = (spec.split(":") + [""])[:2]
    uid, gid = _number(user), _number(group)

    def is_the_user(fields: list[str]) -> bool:
        if user == "":
            return _number_or_zero(fields, 2) == 0
        return _number_or_zero(fields, 2) == uid if uid is not None else fields[0] == user

    users = _matching(root, "/etc/passwd", is_the_user, f"unable to find user {user or 0}")
    name, the_uid, the_gid = "", 0, 0
    if users:
        name, the_uid, the_gid = users[0][0], _number_or_zero(users[0], 2), _number_or_zero(users[0], 3)
    elif user:
        if uid is None:
            raise Refused(f"unable to find user {user}: no matching entries in passwd file")
        the_uid = _in_range(uid)

    if not group and not name:
        return the_uid, the_gid, []

    def is_the_group(fields: list[str]) -> bool:
        if group == "":
            return name in (fields[3].split(",") if len(fields) > 3 else [])
        return _number_or_zero(fields, 2) == gid if gid is not None else fields[0] == group

    groups = _matching(root, "/etc/group", is_the_group, f"unable to find groups for spec {name}")
    if not group:
        return the_uid, the_gid, [_number_or_zero(fields, 2) for fields in groups]
    if groups:
        return the_uid, _number_or_zero(groups[0], 2), []
    if gid is None:
        raise Refused(f"unable to find group {group}: no matching entries in group file")
    return the_uid, _in_range(gid), []


def _matching(root: Node, path: str, wanted: Callable[[list[str]], bool], refusal: str) -> list[list[str]]:
    node = root_filesystem.lookup(root, path)
    if node is None:
        return []
    if node.kind == "directory":
        raise Refused(f"{refusal}: read {path}: is a directory")
    lines = (line.strip() for line in node.content.decode("latin-1").split("\n"))
    return [fields for fields in (line.split(":") for line in lines if line) if wanted(fields)]


def _number(text: str) -> Optional[int]:
    """Go's `strconv.Atoi`."""
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) and abs(int(text)) < 2**63 else None


def _number_or_zero(fields: list[str], index: int) -> int:
    """A field of passwd or group; what is no number counts as 0 there."""
    return (_number(fields[index]) or 0) if len(fields) > index else 0


def _in_range(identity: int) -> int:
    if not 0 <= identity <= LARGEST_ID:
        raise Refused(f"uids and gids must be in range 0-{LARGEST_ID}")
    return identity
