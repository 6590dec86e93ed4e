"""Makes and changes ELF files, byte by byte: no compiler is needed, and any field can be wrong.

Field names and offsets are those of `man 5 elf`.
"""

import struct
from collections.abc import Iterable
from typing import Optional

ET_NONE, ET_REL, ET_EXEC, ET_DYN, ET_CORE = range(5)
EM_386, EM_ARM, EM_X86_64, EM_AARCH64, EM_RISCV = 3, 40, 62, 183, 243
PT_NULL, PT_LOAD, PT_INTERP, PT_NOTE, PT_TLS = 0, 1, 3, 4, 7
PT_GNU_STACK, PT_GNU_PROPERTY = 0x6474E551, 0x6474E553

READ_EXECUTE = 5
PAGE = 4096

# pause(2) for ever. The number of the call is the one of the machine, and so is `int 0x80`.
CODE_X86_64 = bytes.fromhex("b8220000000f05ebf7")
CODE_386 = bytes.fromhex("b81d000000cd80ebf7")

# name: (offset, struct format) in a 64-bit header
FIELDS_64 = {
    "EI_CLASS": (4, "B"),
    "EI_DATA": (5, "B"),
    "EI_VERSION": (6, "B"),
    "EI_OSABI": (7, "B"),
    "EI_ABIVERSION": (8, "B"),
    "e_type": (16, "H"),
    "e_machine": (18, "H"),
    "e_version": (20, "I"),
    "e_entry": (24, "Q"),
    "e_phoff": (32, "Q"),
    "e_shoff": (40, "Q"),
    "e_flags": (48, "I"),
    "e_ehsize": (52, "H"),
    "e_phentsize": (54, "H"),
    "e_phnum": (56, "H"),
    "e_shentsize": (58, "H"),
    "e_shnum": (60, "H"),
    "e_shstrndx": (62, "H"),
}
# fields of the first program header of `program`, which is PT_LOAD
LOAD_64 = {
    "p_type": (64, "I"),
    "p_flags": (68, "I"),
    "p_offset": (72, "Q"),
    "p_vaddr": (80, "Q"),
    "p_filesz": (96, "Q"),
    "p_memsz": (104, "Q"),
    "p_align": (112, "Q"),
}

HEADER_64, ENTRY_64 = 64, 56
HEADER_32, ENTRY_32 = 52, 32

# A segment of `program`: type, content, and the size to claim instead of the content's own.
Segment = tuple[int, bytes, Optional[int]]


def program(
    interpreter: Optional[bytes] = None,
    *,
    e_type: int = ET_EXEC,
    e_machine: int = EM_X86_64,
    bits: int = 64,
    segments: Iterable[Segment] = (),
    gap: int = 0,
    load_first: bool = True,
) -> bytes:
    """A program that waits for ever. `interpreter` is PT_INTERP's content, its NUL included; `gap` bytes stand before the first segment."""
    extra = list(segments)
    if interpreter is not None:
        extra.insert(0, (PT_INTERP, interpreter, None))

    header, entry = (HEADER_64, ENTRY_64) if bits == 64 else (HEADER_32, ENTRY_32)
    code = CODE_X86_64 if bits == 64 else CODE_386
    start = header + entry * (1 + len(extra))
    # Two programs in one address space, as a program and its loader are, must not overlap.
    base = 0x400000 if e_type == ET_EXEC else 0

    body, described = code + bytes(gap), []
    for kind, content, claimed in extra:
        offset = start + len(body)
        described.append((kind, offset, base + offset, len(content) if claimed is None else claimed))
        body += content
    load = (PT_LOAD, 0, base, start + len(body))
    described = [load, *described] if load_first else [*described, load]

    if bits == 64:
        ident = b"\x7fELF\x02\x01\x01" + bytes(9)
        head = struct.pack("<HHIQQQIHHHHHH", e_type, e_machine, 1, base + start, header, 0, 0, header, entry, len(described), 64, 0, 0)
        table = b"".join(
            struct.pack("<IIQQQQQQ", kind, READ_EXECUTE, offset, address, address, size, size, PAGE if kind == PT_LOAD else 1)
            for kind, offset, address, size in described
        )
    else:
        ident = b"\x7fELF\x01\x01\x01" + bytes(9)
        head = struct.pack("<HHIIIIIHHHHHH", e_type, e_machine, 1, base + start, header, 0, 0, header, entry, len(described), 40, 0, 0)
        table = b"".join(
            struct.pack("<IIIIIIII", kind, offset, address, address, size, size, READ_EXECUTE, PAGE if kind == PT_LOAD else 1)
            for kind, offset, address, size in described
        )
    return ident + head + table + body


def program_386(interpreter: Optional[bytes] = None, **options) -> bytes:
    return program(interpreter, e_machine=EM_386, bits=32, **options)


def x32_program() -> bytes:
    """The x32 ABI: a 32-bit file of the 64-bit machine."""
    return program(bits=32)


def loader(**options) -> bytes:
    """A program that can serve as another's loader."""
    return program(e_type=ET_DYN, **options)


def patch(data: bytes, fields: dict = FIELDS_64, **values: int) -> bytes:
    """`data` with header fields set, by their names in `fields`."""
    changed = bytearray(data)
    for name, value in values.items():
        offset, form = fields[name]
        struct.pack_into("<" + form, changed, offset, value)
    return bytes(changed)
