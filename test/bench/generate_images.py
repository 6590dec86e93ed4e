"""Writes an OCI layout with one large layer and one small one above it: generate_images.py DIRECTORY MEGABYTES top|bottom gzip|zstd

The program that the image starts lies in the layer that is named. The large layer holds files of 256 KiB, of bytes that compress
about as well as those of real images do.
"""

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile

FILE = 256 << 10
COMPRESSORS = {"gzip": ["gzip", "-1", "-c"], "zstd": ["zstd", "-3", "-q", "-c"]}


def content():
    chance = random.Random(1)
    words = [bytes(chance.randrange(256) for _ in range(chance.randrange(3, 24))) for _ in range(4000)]
    blocks = []
    for _ in range(32):
        block = bytearray()
        while len(block) < 2 * FILE:
            block += chance.choice(words)
        blocks.append(bytes(block))
    return blocks


class Hashed:
    """Passes on what is written, and hashes it."""

    def __init__(self, file):
        self.file, self.digest = file, hashlib.sha256()

    def write(self, data):
        self.digest.update(data)
        return self.file.write(data)


def add(archive, name, data, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def main(directory, megabytes, where, compression):
    blobs = os.path.join(directory, "blobs", "sha256")
    os.makedirs(blobs)

    def keep(path):
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        size = os.path.getsize(path)
        os.rename(path, os.path.join(blobs, digest.hexdigest()))
        return {"digest": "sha256:" + digest.hexdigest(), "size": size}

    def document(value, kind):
        path = os.path.join(directory, "part")
        with open(path, "w") as file:
            json.dump(value, file)
        return {"mediaType": f"application/vnd.oci.image.{kind}.v1+json", **keep(path)}

    def layer(fill):
        path = os.path.join(directory, "part")
        with open(path, "wb") as file:
            compressor = subprocess.Popen(COMPRESSORS[compression], stdin=subprocess.PIPE, stdout=file)
            hashed = Hashed(compressor.stdin)
            with tarfile.open(fileobj=hashed, mode="w|") as archive:
                fill(archive)
            compressor.stdin.close()
            compressor.wait()
        diff_ids.append("sha256:" + hashed.digest.hexdigest())
        return {"mediaType": "application/vnd.oci.image.layer.v1.tar+" + compression, **keep(path)}

    # A static program, as small as one can be: its headers, and code that ends the process.
    program = bytes.fromhex(
        "7f454c46020101000000000000000000 02003e0001000000 7800400000000000 4000000000000000 0000000000000000"
        "00000000 4000 3800 0100 0000 0000 0000 01000000 05000000 0000000000000000 0000400000000000 0000400000000000"
        "8100000000000000 8100000000000000 0010000000000000 31ff b83c000000 0f05".replace(" ", "")
    )
    blocks = content()

    def large(archive):
        for number in range(megabytes * (1 << 20) // FILE):
            start = number * 7919 % FILE
            add(archive, f"usr/share/data/{number // 100}/{number}", blocks[number % 32][start : start + FILE])
        if where == "bottom":
            add(archive, "app", program, 0o755)

    def small(archive):
        add(archive, "etc/hostname", b"bench\n")
        if where == "top":
            add(archive, "app", program, 0o755)

    diff_ids = []
    layers = [layer(large), layer(small)]
    config = {"os": "linux", "architecture": "amd64", "config": {"Entrypoint": ["/app"]}}
    config["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
    manifest = {"schemaVersion": 2, "config": document(config, "config"), "layers": layers}
    described = {**document(manifest, "manifest"), "annotations": {"org.opencontainers.image.ref.name": "bench"}}
    with open(os.path.join(directory, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [described]}, file)
    with open(os.path.join(directory, "oci-layout"), "w") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
