//! ELF files: what `load_elf_binary` in the kernel's fs/binfmt_elf.c and a dynamic loader read of them.
//!
//! The kernel does not read `EI_CLASS` and `EI_DATA`: it lays its own structures over the bytes and compares `e_machine`.
//! So a file is read here with the layout of the machine that it names, and that is right on every host that may run it.

use std::io;
use std::mem::size_of;

use object::elf::{
    DF_1_PIE, DT_FLAGS_1, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRTAB, FileHeader32, FileHeader64,
    GNU_PROPERTY_X86_ISA_1_NEEDED, NT_GNU_PROPERTY_TYPE_0, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE,
};
use object::endian::{BigEndian, Endian, LittleEndian};
use object::pod::{Pod, from_bytes, slice_from_bytes};
use object::read::elf::{FileHeader, ProgramHeader};

use super::pieces::Pieces;
use crate::platform::Architecture;

/// `\x7fELF`
pub const MAGIC: [u8; 4] = *b"\x7fELF";

/// The kernel takes this number for `EM_386` too (arch/x86/include/asm/elf.h).
const EM_486: u16 = 6;
/// The kernel refuses more bytes of program headers than this (`load_elf_phdrs`).
const MAX_PROGRAM_HEADERS: u64 = 65536;
/// The kernel refuses longer paths of loaders (`PATH_MAX`).
const MAX_INTERPRETER: u64 = 4096;
/// How much of a dynamically linked file is kept to find the names in it. Linkers put them near its beginning.
const DYNAMIC_HEAD: usize = 1 << 20;
/// A dynamic section is a few kilobytes.
const MAX_DYNAMIC: u64 = 64 << 10;
/// So is a note.
const MAX_NOTE: u64 = 4 << 10;
/// No program needs more libraries than this.
const MAX_NEEDED: usize = 512;

/// What an ELF file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// The machine that it names.
    pub machine: Machine,
    /// `e_type`: 2 is a program at a fixed address, 3 one at any address or a library.
    pub kind: u16,
    /// `EI_CLASS`, which some kernels compare.
    pub class: u8,
    /// The size of the file in bytes.
    pub size: u64,
    /// For 32-bit Arm: whether it names a version of the EABI, without which 64-bit kernels refuse it.
    pub eabi: bool,
    /// Whether the kernel can read the program headers.
    pub headers: Headers,
    /// The loader that it asks for.
    pub interpreter: Interpreter,
    /// `GNU_PROPERTY_X86_ISA_1_NEEDED`: bit 0 baseline, 1 x86-64-v2, 2 v3, 3 v4.
    pub isa_needed: u32,
    /// The largest page size with which every segment can be mapped; `None` where nothing is loaded.
    pub page_size: Option<u64>,
    /// What its dynamic section says, as far as it was found.
    pub dynamic: Option<Dynamic>,
}

/// The machine behind `e_machine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// One that container platforms are named after.
    Known(Architecture),
    /// Another one, by its number.
    Other(u16),
}

/// Whether the kernel can read the program headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headers {
    /// It can.
    Readable,
    /// Their size or number is wrong, or the file ends before they do.
    Broken,
    /// They lie where this reader did not look.
    NotRead,
}

/// `PT_INTERP`: the dynamic loader that the kernel opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interpreter {
    /// There is none: the program is static.
    None,
    /// Its path, up to the first NUL; may be empty.
    Path(Vec<u8>),
    /// The path is too short, too long, or not ended by NUL: `ENOEXEC`.
    Malformed,
    /// The file ends within it: `EIO`.
    Cut,
    /// Its offset is not one that a file can have: `EINVAL`.
    OutOfRange,
    /// It lies where this reader did not look.
    NotRead,
}

/// What a loader reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dynamic {
    /// `DT_NEEDED`: the libraries, by name or path.
    pub needed: Vec<Vec<u8>>,
    /// `DT_RPATH`.
    pub rpath: Option<Vec<u8>>,
    /// `DT_RUNPATH`, before which `DT_RPATH` does not count.
    pub runpath: Option<Vec<u8>>,
    /// Whether it names itself a library, or does not name itself a program.
    pub library: bool,
}

/// One program header, whatever its layout was.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    alignment: u64,
}

impl Machine {
    /// In words: `arm64`, or the number.
    pub fn name(self) -> String {
        match self {
            Machine::Known(architecture) => architecture.to_string(),
            Machine::Other(number) => format!("machine {number}"),
        }
    }
}

impl Elf {
    pub(super) fn read(pieces: &mut Pieces<'_>) -> io::Result<Elf> {
        let machine = machine(pieces.head());
        match machine {
            Machine::Known(Architecture::X86 | Architecture::Arm) => {
                Layout::<FileHeader32<LittleEndian>>::read(pieces, machine, LittleEndian)
            }
            Machine::Known(Architecture::S390x) => Layout::<FileHeader64<BigEndian>>::read(pieces, machine, BigEndian),
            Machine::Known(_) | Machine::Other(_) => {
                Layout::<FileHeader64<LittleEndian>>::read(pieces, machine, LittleEndian)
            }
        }
    }
}

/// `e_machine`, which stands at the same place in every layout. Which byte order is meant follows from the number itself.
fn machine(head: &[u8]) -> Machine {
    let Some(bytes) = head.get(18..20).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok()) else {
        return Machine::Other(0);
    };
    let (little, big) = (u16::from_le_bytes(bytes), u16::from_be_bytes(bytes));
    if little == EM_486 {
        return Machine::Known(Architecture::X86);
    }
    match (Architecture::of_elf_machine(little), Architecture::of_elf_machine(big)) {
        // IBM Z is the one big-endian machine among them.
        (_, Some(Architecture::S390x)) => Machine::Known(Architecture::S390x),
        (Some(known), _) if known != Architecture::S390x => Machine::Known(known),
        _ if little < 0x100 || big >= 0x100 => Machine::Other(little),
        _ => Machine::Other(big),
    }
}

/// Reads with the structures of one layout.
struct Layout<H>(std::marker::PhantomData<H>);

impl<H> Layout<H>
where
    H: FileHeader + Pod,
    H::ProgramHeader: ProgramHeader<Endian = H::Endian>,
    H::Endian: Endian + Copy,
{
    fn read(pieces: &mut Pieces<'_>, machine: Machine, endian: H::Endian) -> io::Result<Elf> {
        // The kernel reads the header from a buffer that is padded with zeros.
        let mut padded = pieces.head().to_vec();
        padded.resize(super::KERNEL_BUFFER, 0);
        let mut elf = Elf {
            machine,
            kind: 0,
            class: padded.get(4).copied().unwrap_or_default(),
            size: pieces.size(),
            eabi: true,
            headers: Headers::Broken,
            interpreter: Interpreter::None,
            isa_needed: 0,
            page_size: None,
            dynamic: None,
        };
        let Ok((header, _)) = from_bytes::<H>(&padded) else { return Ok(elf) };
        elf.kind = header.e_type(endian).0;
        elf.eabi = header.e_flags(endian).0 & 0xff00_0000 != 0;
        let entry = size_of::<H::ProgramHeader>() as u64;
        let total = entry * u64::from(header.e_phnum(endian));
        if u64::from(header.e_phentsize(endian)) != entry || total == 0 || total > MAX_PROGRAM_HEADERS {
            return Ok(elf);
        }
        let offset: u64 = header.e_phoff(endian).into();
        if offset.saturating_add(total) > elf.size {
            return Ok(elf);
        }
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        // Most files have the headers right behind the file header, and what they point to not far away.
        pieces.extend_head(4 << 10)?;
        if !pieces.fetch(offset, total)? {
            elf.headers = Headers::NotRead;
            return Ok(elf);
        }
        elf.headers = Headers::Readable;
        let segments: Vec<Segment> = pieces
            .get(offset, total)
            .and_then(|bytes| {
                let (headers, _) =
                    slice_from_bytes::<H::ProgramHeader>(bytes, usize::from(header.e_phnum(endian))).ok()?;
                Some(headers.iter().map(|header| Segment::of(header, endian)).collect())
            })
            .unwrap_or_default();
        elf.page_size = segments.iter().filter(|segment| segment.kind == PT_LOAD.0).map(|s| s.alignment.max(1)).min();
        if offset < DYNAMIC_HEAD as u64 && segments.iter().any(|segment| segment.kind == PT_DYNAMIC.0) {
            pieces.extend_head(DYNAMIC_HEAD)?;
        }
        elf.follow(pieces, &segments, size_of::<H::Word>() == 8, endian)?;
        Ok(elf)
    }
}

impl Segment {
    fn of<P: ProgramHeader>(header: &P, endian: P::Endian) -> Segment {
        Segment {
            kind: header.p_type(endian).0,
            offset: header.p_offset(endian).into(),
            address: header.p_vaddr(endian).into(),
            file_size: header.p_filesz(endian).into(),
            alignment: header.p_align(endian).into(),
        }
    }
}

impl Elf {
    /// Reads what the program headers point to, in the order in which it lies in the file.
    fn follow<E: Endian + Copy>(
        &mut self,
        pieces: &mut Pieces<'_>,
        segments: &[Segment],
        wide: bool,
        endian: E,
    ) -> io::Result<()> {
        let loader = segments.iter().position(|segment| segment.kind == PT_INTERP.0);
        let mut wanted: Vec<(usize, &Segment)> = segments
            .iter()
            .enumerate()
            .filter(|(index, segment)| {
                Some(*index) == loader
                    || segment.kind == PT_NOTE.0 && segment.file_size <= MAX_NOTE
                    || segment.kind == PT_DYNAMIC.0 && segment.file_size <= MAX_DYNAMIC
            })
            .collect();
        wanted.sort_by_key(|(_, segment)| segment.offset);
        for (_, segment) in wanted {
            if segment.kind == PT_INTERP.0 {
                self.interpreter = read_interpreter(pieces, segment)?;
                continue;
            }
            let length = usize::try_from(segment.file_size).unwrap_or(usize::MAX);
            if !pieces.fetch(segment.offset, length)? {
                continue;
            }
            if segment.kind == PT_NOTE.0 {
                let bytes = pieces.get(segment.offset, length).unwrap_or_default();
                self.isa_needed |= isa_needed(bytes, segment.alignment, endian);
            } else {
                self.dynamic = read_dynamic(pieces, segment, segments, wide, endian)?;
            }
        }
        Ok(())
    }
}

fn read_interpreter(pieces: &mut Pieces<'_>, segment: &Segment) -> io::Result<Interpreter> {
    if segment.file_size < 2 || segment.file_size > MAX_INTERPRETER {
        return Ok(Interpreter::Malformed);
    }
    if i64::try_from(segment.offset.saturating_add(segment.file_size)).is_err() {
        return Ok(Interpreter::OutOfRange);
    }
    if segment.offset.saturating_add(segment.file_size) > pieces.size() {
        return Ok(Interpreter::Cut);
    }
    let length = usize::try_from(segment.file_size).unwrap_or(usize::MAX);
    if !pieces.fetch(segment.offset, length)? {
        return Ok(Interpreter::NotRead);
    }
    let bytes = pieces.get(segment.offset, length).unwrap_or_default();
    if bytes.last() != Some(&0) {
        return Ok(Interpreter::Malformed);
    }
    Ok(Interpreter::Path(bytes.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()))
}

/// `GNU_PROPERTY_X86_ISA_1_NEEDED` among the notes of a segment (x86-64 psABI, "Program Property").
fn isa_needed<E: Endian + Copy>(notes: &[u8], alignment: u64, endian: E) -> u32 {
    let word = |bytes: &[u8], at: usize| -> Option<u32> {
        bytes
            .get(at..at.checked_add(4)?)
            .and_then(|word| <[u8; 4]>::try_from(word).ok())
            .map(|word| endian.read_u32(word))
    };
    let align = |length: usize| if alignment == 8 { length.next_multiple_of(8) } else { length.next_multiple_of(4) };
    let mut needed = 0;
    let mut rest = notes;
    while let (Some(name_size), Some(size), Some(kind)) = (word(rest, 0), word(rest, 4), word(rest, 8)) {
        let (name_size, size) = (name_size as usize, size as usize);
        let Some(name) = rest.get(12..).and_then(|name| name.get(..name_size)) else { break };
        let start = align(12usize.saturating_add(name_size));
        let Some(description) = rest.get(start..).and_then(|from| from.get(..size)) else { break };
        if name == b"GNU\0" && kind == NT_GNU_PROPERTY_TYPE_0.0 {
            let mut properties = description;
            while let (Some(property), Some(size)) = (word(properties, 0), word(properties, 4)) {
                if property == GNU_PROPERTY_X86_ISA_1_NEEDED.0 && size >= 4 {
                    needed |= word(properties, 8).unwrap_or_default();
                }
                let Some(next) = properties.get(align(8usize.saturating_add(size as usize))..) else { break };
                properties = next;
            }
        }
        let Some(next) = rest.get(align(start.saturating_add(size))..) else { break };
        rest = next;
    }
    needed
}

fn read_dynamic<E: Endian + Copy>(
    pieces: &mut Pieces<'_>,
    segment: &Segment,
    segments: &[Segment],
    wide: bool,
    endian: E,
) -> io::Result<Option<Dynamic>> {
    let length = usize::try_from(segment.file_size).unwrap_or(usize::MAX);
    let bytes = pieces.get(segment.offset, length).unwrap_or_default();
    let half = if wide { 8 } else { 4 };
    let number = |bytes: &[u8]| -> u64 {
        match (<[u8; 8]>::try_from(bytes), <[u8; 4]>::try_from(bytes)) {
            (Ok(wide), _) => endian.read_u64(wide),
            (_, Ok(narrow)) => u64::from(endian.read_u32(narrow)),
            _ => 0,
        }
    };
    let entries: Vec<(u64, u64)> = bytes
        .chunks_exact(half * 2)
        .map(|entry| (number(entry.get(..half).unwrap_or_default()), number(entry.get(half..).unwrap_or_default())))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let value = |wanted: u64| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let tag = |tag: object::elf::DynamicTag| u64::try_from(tag.0).unwrap_or(u64::MAX);
    let Some(address) = value(tag(DT_STRTAB)) else { return Ok(None) };
    let table = segments.iter().filter(|segment| segment.kind == PT_LOAD.0).find_map(|segment| {
        let within = address.checked_sub(segment.address).filter(|within| *within < segment.file_size)?;
        segment.offset.checked_add(within)
    });
    let Some(table) = table else { return Ok(None) };
    // Tools that rewrite programs move the strings to the file's end.
    if table >= segment.offset.saturating_add(segment.file_size) {
        let rest = usize::try_from(pieces.size().saturating_sub(table)).unwrap_or(usize::MAX).min(DYNAMIC_HEAD);
        pieces.fetch(table, rest)?;
    }
    let string = |offset: u64| pieces.string(table.checked_add(offset)?).map(<[u8]>::to_vec);
    let needed: Option<Vec<Vec<u8>>> = entries
        .iter()
        .filter(|(entry, _)| *entry == tag(DT_NEEDED))
        .take(MAX_NEEDED)
        .map(|(_, offset)| string(*offset))
        .collect();
    let program = value(tag(DT_FLAGS_1)).is_some_and(|flags| flags & DF_1_PIE.0 != 0);
    Ok(needed.map(|needed| Dynamic {
        needed,
        rpath: value(tag(DT_RPATH)).and_then(string),
        runpath: value(tag(DT_RUNPATH)).and_then(string),
        library: value(tag(DT_SONAME)).is_some() || !program,
    }))
}
