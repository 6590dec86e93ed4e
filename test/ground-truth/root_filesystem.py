"""From the layers of an OCI layout to a directory: the applier that the truth rests on.

It reads the layout back from disk and shares no code with `layout.py` or with the Rust program. The rules are those of
https://github.com/opencontainers/image-spec/blob/main/layer.md as overlayfs carries them out in Docker and containerd: each layer
becomes a tree of its own, and the trees are merged. So a directory of an upper layer replaces a symbolic link below it, and a
whiteout hides what is below, never what is beside it in its own layer.
"""

import gzip
import io
import json
import os
import tarfile
from dataclasses import dataclass, field
from typing import Optional

WHITEOUT_PREFIX = ".wh."
OPAQUE_MARKER = ".wh..wh..opq"
MOST_SYMLINKS = 40


@dataclass
class Node:
    """What a name stands for. Hard links are two names for one `Node`."""

    kind: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    target: str = ""
    device: int = 0
    xattrs: dict[str, bytes] = field(default_factory=dict)
    children: dict[str, "Node"] = field(default_factory=dict)
    whiteouts: set = field(default_factory=set)
    opaque: bool = False
    # A directory that no entry of its layer describes; one below keeps its owner and mode.
    implied: bool = False


def read(layout: str) -> Node:
    """The merged tree of the layout's only image."""
    root = Node("directory")
    for layer in _layers(layout):
        root = _merge(root, _tree(layer))
    return root


def config(layout: str) -> dict:
    """The image's `config` object."""
    return _json(layout, _manifest(layout)["config"])["config"]


def lookup(root: Node, path: str) -> Optional[Node]:
    """What `path` stands for, every symbolic link followed inside the root; None if there is nothing or the links have no end."""
    trail: list[Node] = [root]
    parts = path.split("/")
    links = 0
    while parts:
        part = parts.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            trail = trail[:-1] or [root]
            continue
        child = trail[-1].children.get(part)
        if child is None:
            return None
        if child.kind == "symlink":
            links += 1
            if links > MOST_SYMLINKS:
                return None
            if child.target.startswith("/"):
                trail = [root]
            parts = child.target.split("/") + parts
            continue
        trail.append(child)
    return trail[-1]


def materialize(root: Node, directory: str) -> None:
    """Writes the tree into the new directory `directory`, with owners, modes and extended attributes. Needs to be root."""
    # What a layer says of the root itself is lost: a container's own, topmost layer is a directory that the runtime makes.
    _write(Node("directory", children=root.children), directory, {})


def _layers(layout: str):
    for descriptor in _manifest(layout)["layers"]:
        blob = _blob(layout, descriptor)
        yield gzip.decompress(blob) if blob.startswith(b"\x1f\x8b") else blob


def _manifest(layout: str) -> dict:
    with open(os.path.join(layout, "index.json"), "rb") as file:
        (descriptor,) = json.load(file)["manifests"]
    return _json(layout, descriptor)


def _json(layout: str, descriptor: dict) -> dict:
    return json.loads(_blob(layout, descriptor))


def _blob(layout: str, descriptor: dict) -> bytes:
    with open(os.path.join(layout, "blobs", *descriptor["digest"].split(":")), "rb") as file:
        return file.read()


def _tree(layer: bytes) -> Node:
    root = Node("directory", implied=True)
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for member in archive:
            _add(root, member, archive)
    return root


def _add(root: Node, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    node = _node(member, archive, root)
    if not parts:
        node.children, node.whiteouts, node.opaque = root.children, root.whiteouts, root.opaque
        root.__dict__.update(node.__dict__)
        return

    parent = root
    for part in parts[:-1]:
        below = parent.children.get(part)
        if below is None or below.kind != "directory":
            below = parent.children[part] = Node("directory", implied=True)
        parent = below

    name = parts[-1]
    if name == OPAQUE_MARKER:
        parent.opaque = True
    elif name.startswith(WHITEOUT_PREFIX):
        parent.whiteouts.add(name[len(WHITEOUT_PREFIX) :])
    else:
        before = parent.children.get(name)
        if before is not None and before.kind == node.kind == "directory":
            node.children, node.whiteouts, node.opaque = before.children, before.whiteouts, before.opaque
        parent.children[name] = node


def _node(member: tarfile.TarInfo, archive: tarfile.TarFile, root: Node) -> Node:
    if member.islnk():
        node = root
        for part in member.linkname.split("/"):
            node = node if part in ("", ".") else node.children[part]
        if node.kind != "symlink":
            # Docker and containerd set what the link's own header says, for all names of the file.
            node.mode, node.uid, node.gid = member.mode & 0o7777, member.uid, member.gid
        return node
    owned = dict(mode=member.mode & 0o7777, uid=member.uid, gid=member.gid)
    if member.isdir():
        return Node("directory", **owned)
    if member.issym():
        return Node("symlink", target=member.linkname, **owned)
    if member.isfifo():
        return Node("fifo", **owned)
    if member.ischr() or member.isblk():
        device = os.makedev(member.devmajor, member.devminor)
        return Node("character" if member.ischr() else "block", device=device, **owned)
    prefix = "SCHILY.xattr."
    xattrs = {key[len(prefix) :]: value.encode() for key, value in member.pax_headers.items() if key.startswith(prefix)}
    return Node("file", content=archive.extractfile(member).read(), xattrs=xattrs, **owned)


def _merge(lower: Node, upper: Node) -> Node:
    """`upper` laid over `lower`, both directories."""
    attributes = lower if upper.implied else upper
    merged = Node("directory", attributes.mode, attributes.uid, attributes.gid)
    if not upper.opaque:
        merged.children = {name: node for name, node in lower.children.items() if name not in upper.whiteouts}
    for name, node in upper.children.items():
        below = merged.children.get(name)
        if node.kind == "directory":
            base = below if below is not None and below.kind == "directory" else Node("directory")
            node = _merge(base, node)
        merged.children[name] = node
    return merged


def _write(node: Node, path: str, written: dict[int, str]) -> None:
    if id(node) in written:
        os.link(written[id(node)], path, follow_symlinks=False)
        return
    written[id(node)] = path

    if node.kind == "directory":
        os.mkdir(path)
        for name, child in node.children.items():
            _write(child, os.path.join(path, name), written)
    elif node.kind == "symlink":
        os.symlink(node.target, path)
    elif node.kind == "fifo":
        os.mkfifo(path)
    elif node.kind in ("character", "block"):
        os.mknod(path, 0o600 | (0o020000 if node.kind == "character" else 0o060000), node.device)
    else:
        with open(path, "wb") as file:
            file.write(node.content)

    os.lchown(path, node.uid, node.gid)
    if node.kind != "symlink":
        os.chmod(path, node.mode)  # after chown, which takes the set-user-id bits away
    for name, value in node.xattrs.items():
        os.setxattr(path, name, value)
