"""Writes an image as an OCI image layout (https://github.com/opencontainers/image-spec/blob/main/image-layout.md)."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator

from image import Device, Directory, Entry, Fifo, File, HardLink, Image, Layer, Opaque, Symlink, Whiteout

ARCHIVE_FORMATS = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}

OCI_TYPES = {
    "manifest": "application/vnd.oci.image.manifest.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
    "none": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
}
DOCKER_TYPES = {
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
    "config": "application/vnd.docker.container.image.v1+json",
    "none": "application/vnd.docker.image.rootfs.diff.tar",
    "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


def write(image: Image, name: str, directory: str) -> None:
    """Writes `image` into the new directory `directory`. `name` is the case's, and settles which layers are compressed."""
    types = DOCKER_TYPES if image.docker_media_types else OCI_TYPES
    blobs = os.path.join(directory, "blobs", "sha256")
    os.makedirs(blobs)

    layers, diff_ids = [], []
    for index, layer in enumerate(image.layers):
        archive = _archive(layer)
        diff_ids.append("sha256:" + hashlib.sha256(archive).hexdigest())
        media_type, blob = _compress(archive, layer, f"{name}#{index}")
        layers.append(_blob(blobs, types[media_type], blob))

    config = _blob(blobs, types["config"], json.dumps(_config(image, diff_ids)).encode())
    manifest = {"schemaVersion": 2, "mediaType": types["manifest"], "config": config, "layers": layers}
    descriptor = _blob(blobs, types["manifest"], json.dumps(manifest).encode())

    _write(os.path.join(directory, "oci-layout"), b'{"imageLayoutVersion": "1.0.0"}')
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}
    _write(os.path.join(directory, "index.json"), json.dumps(index).encode())


def _config(image: Image, diff_ids: list[str]) -> dict:
    fields = {
        "Entrypoint": image.entrypoint,
        "Cmd": image.cmd,
        "Env": image.env,
        "WorkingDir": image.working_dir,
        "User": image.user,
    }
    return {
        "architecture": image.architecture,
        "os": "linux",
        "config": {name: value for name, value in fields.items() if value is not None},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def _archive(layer: Layer) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=ARCHIVE_FORMATS[layer.archive]) as archive:
        members: dict[str, tarfile.TarInfo] = {}
        for entry in _with_parents(layer):
            member, content = _member(entry, layer)
            if isinstance(entry, HardLink):
                target = members[member.linkname]
                member.mode = target.mode if entry.mode is None else entry.mode
                member.uid, member.gid = target.uid, target.gid
            members[member.name] = member
            archive.addfile(member, io.BytesIO(content) if content else None)
    return out.getvalue()


def _with_parents(layer: Layer) -> Iterator[Entry]:
    if not layer.parents:
        yield from layer.entries
        return
    written = set()
    for entry in layer.entries:
        parts = entry.path.strip("/").split("/")
        for end in range(1, len(parts)):
            parent = "/".join(parts[:end])
            if parent not in written:
                written.add(parent)
                yield Directory(parent)
        written.add("/".join(parts))
        yield entry


def _member(entry: Entry, layer: Layer) -> tuple[tarfile.TarInfo, bytes]:
    path = entry.path.strip("/")
    parent, _, last = path.rpartition("/")
    if isinstance(entry, Whiteout):
        path = f"{parent}/.wh.{last}" if parent else f".wh.{last}"
    elif isinstance(entry, Opaque):
        path = f"{path}/.wh..wh..opq"

    member = tarfile.TarInfo(layer.names + path if path else "./")
    content = b""
    if isinstance(entry, (File, Directory)):
        member.uid, member.gid = entry.uid, entry.gid
    if isinstance(entry, (File, Directory, Fifo, Device)):
        member.mode = entry.mode
    if isinstance(entry, File):
        member.type = layer.regular_type
        member.size = len(entry.content)
        member.pax_headers = _xattr_headers(entry.xattrs)
        content = entry.content
    elif isinstance(entry, Directory):
        member.type = tarfile.DIRTYPE
    elif isinstance(entry, Symlink):
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.target, 0o777
    elif isinstance(entry, HardLink):
        member.type, member.linkname = tarfile.LNKTYPE, layer.names + entry.target.strip("/")
    elif isinstance(entry, Fifo):
        member.type = tarfile.FIFOTYPE
    elif isinstance(entry, Device):
        member.type = tarfile.CHRTYPE if entry.kind == "character" else tarfile.BLKTYPE
        member.devmajor, member.devminor = entry.major, entry.minor
    return member, content


def _xattr_headers(xattrs: dict[str, bytes]) -> dict[str, str]:
    # The field's own convention, read by Docker and containerd: PAX records named SCHILY.xattr.<name>.
    return {f"SCHILY.xattr.{name}": value.decode("ascii") for name, value in xattrs.items()}


def _compress(archive: bytes, layer: Layer, name: str) -> tuple[str, bytes]:
    compression = layer.compression or ("gzip" if zlib.crc32(name.encode()) % 2 else "none")
    if compression == "none":
        return "none", archive
    if compression == "gzip-members":
        cuts = range(0, len(archive), 700)
        return "gzip", b"".join(gzip.compress(archive[cut : cut + 700], 1) for cut in cuts)
    return "gzip", gzip.compress(archive, 1)


def _blob(blobs: str, media_type: str, content: bytes) -> dict:
    digest = hashlib.sha256(content).hexdigest()
    _write(os.path.join(blobs, digest), content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
