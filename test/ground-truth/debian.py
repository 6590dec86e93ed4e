"""Fetches real programs of several architectures from Debian, by way of the machine's own apt sources.

apt works on its own lists and status below the cache folder, so the machine's package database and its architectures stay as they are.
The packages are unpacked, never installed.
"""

import fcntl
import glob
import os
import shutil
import subprocess
from dataclasses import dataclass

FOREIGN_ARCHITECTURES = ("arm64", "armhf", "ppc64el", "s390x", "i386")
PACKAGES = (
    "busybox-static:amd64",
    *(f"busybox-static:{architecture}" for architecture in FOREIGN_ARCHITECTURES),
    "busybox:amd64",
    "libc6:amd64",
    "musl:amd64",
)
LIMIT_SECONDS = 300


class Unavailable(Exception):
    """The programs cannot be had on this machine."""


@dataclass(frozen=True)
class Programs:
    """`static` is busybox by architecture; `dynamic` is the native one with glibc's loader and `libraries` (path: content)."""

    static: dict[str, bytes]
    dynamic: bytes
    glibc_loader: bytes
    libraries: dict[str, bytes]
    musl_loader: bytes


def programs(cache: str) -> Programs:
    """The programs, from `cache` or fetched into it; raises `Unavailable`."""
    try:
        os.makedirs(cache, exist_ok=True)
        lock = open(os.path.join(cache, "lock"), "w")
    except OSError as error:
        raise Unavailable(f"no cache folder: {error}") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once share the cache
        if not all(os.path.isdir(_unpacked(cache, package)) for package in PACKAGES):
            try:
                _fetch(cache)
            except subprocess.TimeoutExpired as error:
                raise Unavailable(str(error)) from None

    def content(package: str, path: str) -> bytes:
        with open(os.path.join(_unpacked(cache, package), path), "rb") as file:
            return file.read()

    library_folder = "lib/x86_64-linux-gnu"
    return Programs(
        static={
            architecture: content(f"busybox-static:{architecture}", "bin/busybox") for architecture in ("amd64", *FOREIGN_ARCHITECTURES)
        },
        dynamic=content("busybox:amd64", "bin/busybox"),
        glibc_loader=content("libc6:amd64", f"{library_folder}/ld-linux-x86-64.so.2"),
        libraries={
            f"/{library_folder}/{name}": content("libc6:amd64", f"{library_folder}/{name}") for name in ("libc.so.6", "libresolv.so.2")
        },
        musl_loader=content("musl:amd64", "lib/x86_64-linux-musl/libc.so"),
    )


def _unpacked(cache: str, package: str) -> str:
    return os.path.join(cache, package.replace(":", "_"))


def _fetch(cache: str) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise Unavailable(f"no {tool} in PATH")
    archives = os.path.join(cache, "archives")
    apt = os.path.join(cache, "apt")
    shutil.rmtree(archives, ignore_errors=True)
    for directory in (archives, os.path.join(apt, "lists", "partial"), os.path.join(apt, "cache", "archives", "partial")):
        os.makedirs(directory, exist_ok=True)
    status = os.path.join(apt, "status")
    open(status, "w").close()

    options = {
        "Dir::State": apt,
        "Dir::State::lists": os.path.join(apt, "lists"),
        "Dir::State::status": status,
        "Dir::Cache": os.path.join(apt, "cache"),
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    command = ["apt-get", "-q"]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    for architecture in ("amd64", *FOREIGN_ARCHITECTURES):
        command += ["-o", f"APT::Architectures::={architecture}"]
    # A list that could not be had matters only if the download then misses it.
    subprocess.run([*command, "update"], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS)
    download = subprocess.run(
        [*command, "download", *PACKAGES], cwd=archives, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS
    )
    if download.returncode != 0:
        raise Unavailable(download.stderr.strip().replace("\n", "; "))
    for package in PACKAGES:
        _unpack(archives, package, _unpacked(cache, package))


def _unpack(archives: str, package: str, target: str) -> None:
    name, architecture = package.split(":")
    (archive,) = glob.glob(os.path.join(archives, f"{name}_*_{architecture}.deb"))
    unfinished = target + ".unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-x", archive, unfinished], check=True, timeout=LIMIT_SECONDS)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(unfinished, target)
