"""What can stand at a path where a program is looked for: the catalogue the other files draw from."""

import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable, Optional

import elf
from debian import Programs
from image import Device, Directory, Entry, Fifo, File, Symlink

NATIVE = elf.program()
FOREIGN = elf.program(e_machine=elf.EM_AARCH64)
LOADER = elf.loader()


@dataclass(frozen=True)
class Kind:
    """A name, and what to put into an image so that the thing is at a path."""

    name: str
    at: Callable[[str], tuple[Entry, ...]]


def file_kind(name: str, content: bytes, mode: int = 0o755) -> Kind:
    return Kind(name, lambda path: (File(path, content, mode),))


def main_kinds() -> list[Kind]:
    """One of each sort, for the large products."""
    return [
        file_kind("native", NATIVE),
        file_kind("native-386", elf.program_386()),
        file_kind("foreign-aarch64", FOREIGN),
        file_kind("x32", elf.x32_program()),
        file_kind("object-file", elf.patch(NATIVE, e_type=elf.ET_REL)),
        file_kind("cut-in-program-headers", NATIVE[:100]),
        file_kind("position-independent", LOADER),
        file_kind("loader-missing", elf.program(b"/missing/loader\0")),
        file_kind("loader-without-nul", elf.program(b"/missing/loader")),
        file_kind("empty", b""),
        file_kind("text", b"hello, world\n"),
        file_kind("script", b"#!/lib/helper\n"),
        file_kind("script-of-missing", b"#!/missing/interpreter\n"),
        file_kind("script-with-crlf", b"#!/lib/helper\r\n"),
        file_kind("hash-bang-only", b"#!"),
        file_kind("not-executable", NATIVE, 0o644),
        file_kind("foreign-not-executable", FOREIGN, 0o644),
        Kind("directory", lambda path: (Directory(path),)),
        Kind("fifo", lambda path: (Fifo(path),)),
        Kind("missing", lambda path: ()),
        Kind("dangling-link", lambda path: (Symlink(path, "nowhere"),)),
        Kind("link-to-itself", lambda path: (Symlink(path, path.rpartition("/")[2]),)),
        Kind("link-to-native", lambda path: (Symlink(path, "/lib/helper"),)),
    ]


def other_kinds() -> Iterator[Kind]:
    """Files that are no ELF file for this machine, and things that are no files."""
    for name, machine in (("arm", elf.EM_ARM), ("riscv", elf.EM_RISCV), ("ppc64", 21), ("s390", 22), ("loongarch", 258), ("mips", 8)):
        yield file_kind(f"foreign-{name}", elf.program(e_machine=machine))
    yield file_kind("foreign-arm-32", elf.program(e_machine=elf.EM_ARM, bits=32))
    yield file_kind(
        "foreign-big-endian",
        b"\x7fELF\x02\x02\x01" + bytes(9) + struct.pack(">HHIQQQIHHHHHH", 2, 22, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0) + bytes(200),
    )
    yield file_kind("iamcu", elf.program_386()[:18] + b"\x06\x00" + elf.program_386()[20:])  # EM_486, which the kernel takes
    yield file_kind("mach-o", b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01" + bytes(300))
    yield file_kind("mach-o-universal", b"\xca\xfe\xba\xbe\x00\x00\x00\x02" + bytes(300))
    yield file_kind("windows-program", b"MZ\x90\x00" + bytes(300))
    yield file_kind("webassembly", b"\0asm\x01\0\0\0" + bytes(20))
    yield file_kind("java-class", b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + bytes(60))
    yield file_kind("zip", b"PK\x03\x04" + bytes(100))
    yield file_kind("gzip", gzip.compress(NATIVE, mtime=0))
    yield file_kind("archive-of-objects", b"!<arch>\n" + bytes(60))
    yield file_kind("html", b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n")
    yield file_kind("git-lfs-pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n")
    yield file_kind("python-bytecode", b"\xa7\x0d\x0d\x0a" + bytes(40))
    yield file_kind("a-out", struct.pack("<I", 0o413) + bytes(200))
    yield file_kind("one-byte", b"\x7f")
    yield file_kind("one-newline", b"\n")
    yield file_kind("zero-filled", bytes(4096))
    yield file_kind("elf-magic-only", b"\x7fELF")
    yield file_kind("shell-without-hash-bang", b"echo hello\nexit 0\n")
    yield file_kind("hash-only", b"#")
    yield file_kind("comment", b"# just a comment\n")
    yield file_kind("utf-16-script", b"\xff\xfe" + "#!/lib/helper\n".encode("utf-16-le"))
    yield file_kind("byte-order-mark-script", b"\xef\xbb\xbf#!/lib/helper\n")
    yield Kind("character-device", lambda path: (Device(path, "character", 1, 3),))
    yield Kind("character-device-not-executable", lambda path: (Device(path, "character", 1, 3, 0o644),))
    yield Kind("block-device", lambda path: (Device(path, "block", 7, 200),))
    yield Kind("fifo-not-executable", lambda path: (Fifo(path, 0o644),))
    yield Kind("directory-not-searchable", lambda path: (Directory(path, 0o600),))
    yield Kind("set-user-id", lambda path: (File(path, NATIVE, 0o4755),))
    yield Kind("set-group-id", lambda path: (File(path, NATIVE, 0o2755),))
    yield Kind("set-user-id-not-executable", lambda path: (File(path, NATIVE, 0o4644),))
    yield Kind("execute-only", lambda path: (File(path, NATIVE, 0o111),))
    yield Kind("set-user-id-script", lambda path: (File(path, b"#!/lib/helper\n", 0o4755),))


def malformed_elf_kinds() -> Iterator[Kind]:
    """The native program with one field of its header changed, or cut."""
    types = [("none", 0), ("relocatable", 1), ("executable", 2), ("shared", 3), ("core", 4), ("of-the-system", 0xFE00), ("unknown", 0xFFFF)]
    changes = [
        *((f"class-{value}", dict(EI_CLASS=value)) for value in (0, 1, 3, 255)),
        *((f"byte-order-{value}", dict(EI_DATA=value)) for value in (0, 2, 255)),
        *((f"ident-version-{value}", dict(EI_VERSION=value)) for value in (0, 2)),
        *((f"os-abi-{value}", dict(EI_OSABI=value)) for value in (3, 9, 255)),
        ("abi-version-9", dict(EI_ABIVERSION=9)),
        *((f"version-{value}", dict(e_version=value)) for value in (0, 2)),
        *((f"type-{name}", dict(e_type=value)) for name, value in types),
        *((f"machine-{value}", dict(e_machine=value)) for value in (0, 3, 6, 40, 183, 0x3E00, 0xFFFF)),
        *((f"header-size-{value}", dict(e_ehsize=value)) for value in (0, 52, 0xFFFF)),
        *((f"entry-size-{value}", dict(e_phentsize=value)) for value in (0, 32, 55, 57, 64, 112)),
        *((f"entries-{value}", dict(e_phnum=value)) for value in (0, 1, 2, 3, 1170, 1171, 0xFFFF)),
        *(
            (f"table-at-{value}", dict(e_phoff=value))
            for value in (
                0,
                1,
                63,
                65,
                len(NATIVE) - 56,
                len(NATIVE) - 55,
                len(NATIVE),
                1 << 20,
                1 << 62,
                (1 << 63) - 1,
                1 << 63,
                (1 << 64) - 1,
            )
        ),
        ("sections-junk", dict(e_shoff=1 << 60, e_shnum=0xFFFF, e_shentsize=1, e_shstrndx=0xFFFF)),
        ("flags-junk", dict(e_flags=0xFFFFFFFF)),
        ("entry-point-0", dict(e_entry=0)),
        ("entry-point-out-of-memory", dict(e_entry=1 << 63)),
    ]
    for name, values in changes:
        yield file_kind(f"header/{name}", elf.patch(NATIVE, **values))
    for count in (2, 1170, 1171):
        yield file_kind(f"header/entries-{count}-all-there", elf.patch(NATIVE, e_phnum=count) + bytes(56 * count))
    for length in (1, 2, 3, 4, 5, 15, 16, 17, 18, 20, 52, 63, 64, 65, 119, 120, 121, len(NATIVE) - 1):
        yield file_kind(f"cut-at/{length}", NATIVE[:length])
    yield file_kind("cut-at/nothing-but-followed-by-zeros", NATIVE + bytes(8192))

    segments = [
        ("no-load", dict(p_type=elf.PT_NULL)),
        ("not-executable", dict(p_flags=6)),
        ("no-rights", dict(p_flags=0)),
        *((f"alignment-{value}", dict(p_align=value)) for value in (0, 1, 3, 16, 0x10000, 0x200000, 1 << 62)),
        ("larger-in-file-than-in-memory", dict(p_memsz=1)),
        ("beyond-the-file", dict(p_offset=1 << 20)),
        ("longer-than-the-file", dict(p_filesz=1 << 20, p_memsz=1 << 20)),
        ("not-congruent", dict(p_vaddr=0x400123)),
        ("at-address-0", dict(p_vaddr=0)),
        ("in-kernel-space", dict(p_vaddr=1 << 63)),
        ("huge", dict(p_memsz=1 << 62)),
        ("empty", dict(p_filesz=0, p_memsz=0)),
    ]
    for name, values in segments:
        yield file_kind(f"segment/{name}", elf.patch(NATIVE, elf.LOAD_64, **values))
    extras = [
        ("note", (elf.PT_NOTE, b"\4\0\0\0\0\0\0\0\1\0\0\0GNU\0", None)),
        ("note-beyond-the-file", (elf.PT_NOTE, b"", 1 << 20)),
        ("stack-executable", (elf.PT_GNU_STACK, b"", None)),
        ("property-malformed", (elf.PT_GNU_PROPERTY, b"junk" * 8, None)),
        ("property-beyond-the-file", (elf.PT_GNU_PROPERTY, b"", 1 << 20)),
        ("unknown-type", (0x70000001, b"junk", None)),
    ]
    for name, segment in extras:
        yield file_kind(f"segment/{name}", elf.program(segments=[segment]))
    for name, values in (
        ("e-type-relocatable", {16: 1}),
        ("entry-size-56", {42: 56}),
        ("entries-0", {44: 0}),
        ("entries-2048", {44: 2048 & 0xFF, 45: 2048 >> 8}),
        ("class-2", {4: 2}),
        ("machine-x86-64", {18: 62}),
    ):
        content = bytearray(elf.program_386())
        for offset, value in values.items():
            content[offset] = value
        yield file_kind(f"header-386/{name}", bytes(content))
    for length in (51, 52, 53, 63, 64, 83, 84, 85):
        yield file_kind(f"cut-386-at/{length}", elf.program_386()[:length])


def real_kinds(programs: Optional[Programs]) -> Iterator[Kind]:
    """Debian's busybox of each architecture, whole and cut, and the loaders."""
    if programs is None:
        return
    for architecture, content in programs.static.items():
        yield file_kind(f"busybox-{architecture}", content)
        yield file_kind(f"busybox-{architecture}-first-half", content[: len(content) // 2])
    yield file_kind("busybox-dynamic", programs.dynamic)
    yield file_kind("glibc-loader", programs.glibc_loader)
    yield file_kind("musl-loader", programs.musl_loader)
    yield file_kind("glibc-library", programs.libraries["/lib/x86_64-linux-gnu/libc.so.6"])
    yield file_kind("glibc-library-not-executable", programs.libraries["/lib/x86_64-linux-gnu/libc.so.6"], 0o644)
