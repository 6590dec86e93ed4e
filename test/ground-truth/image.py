"""What a case is made of: entries, layers and the configuration of an image.

Plain values only. How they become an OCI layout is `layout.py`'s matter, how they become a directory `root_filesystem.py`'s.
"""

from dataclasses import dataclass, field
from typing import Optional, Union


@dataclass(frozen=True)
class File:
    path: str
    content: bytes = b""
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    xattrs: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Directory:
    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Symlink:
    path: str
    target: str


@dataclass(frozen=True)
class HardLink:
    """A second name; `target` is the path of an entry that stands before it in the same layer.

    Its archive member has a mode of its own: the target's, as `tar` writes it, unless `mode` says another.
    """

    path: str
    target: str
    mode: Optional[int] = None


@dataclass(frozen=True)
class Fifo:
    path: str
    mode: int = 0o755


@dataclass(frozen=True)
class Device:
    """A device node; `kind` is "character" or "block"."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int = 0o755


@dataclass(frozen=True)
class Whiteout:
    """Removes `path` of the layers below."""

    path: str


@dataclass(frozen=True)
class Opaque:
    """Hides what the layers below have in the directory `path`."""

    path: str


Entry = Union[File, Directory, Symlink, HardLink, Fifo, Device, Whiteout, Opaque]


@dataclass(frozen=True)
class Layer:
    """One layer's entries and the form of the archive that carries them.

    `parents` writes a directory entry (0755, root) for every parent that has none, as image builders do. `names` is put before every name.
    `compression` is "none", "gzip", "gzip-members" (many gzip members, as eStargz and pigz write) or empty: one of the first two, by the case's name.
    """

    entries: tuple[Entry, ...]
    parents: bool = True
    names: str = ""
    archive: str = "pax"
    compression: str = ""
    regular_type: bytes = b"0"


@dataclass(frozen=True)
class Image:
    layers: tuple[Layer, ...]
    entrypoint: Optional[tuple[str, ...]] = None
    cmd: Optional[tuple[str, ...]] = None
    env: Optional[tuple[str, ...]] = None
    working_dir: Optional[str] = None
    user: Optional[str] = None
    architecture: str = "amd64"
    docker_media_types: bool = False


@dataclass(frozen=True)
class Case:
    """A named image.

    `mounted`: the paths lead through /dev, /proc or /sys, which are the runtime's. `runtimes_differ`: the truth is the one of overlayfs
    (Docker, containerd), and others unpack the layers otherwise.
    """

    name: str
    image: Image
    mounted: bool = False
    runtimes_differ: bool = False

    @property
    def may_stay_open(self) -> bool:
        """Whether "unknown" is as right a prediction as the truth, for the image alone does not decide."""
        return self.mounted or self.runtimes_differ


def image(*entries: Entry, **config) -> Image:
    """An image of one layer."""
    return Image(layers=(Layer(tuple(entries)),), **config)
