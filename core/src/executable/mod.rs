//! What the bytes of a file make of it: an ELF program, a script, or something that no kernel executes.
//!
//! A file is read once, forward, and only as far as the kernel and the loader would look at it; what is kept of it is
//! small. Whether it starts on a given host is asked in [`crate::exec`]; nothing here knows paths, users or hosts.

pub mod elf;
mod format;
mod pieces;
pub mod script;

pub use format::Format;

use std::io::{self, Read};

use elf::Elf;
use pieces::Pieces;
use script::Script;

/// How much of a file the kernel looks at to find out what it is (`BINPRM_BUF_SIZE`, include/uapi/linux/binfmts.h).
pub const KERNEL_BUFFER: usize = 256;

/// What a regular file is to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executable {
    /// It starts with the magic bytes of ELF.
    Elf(Box<Elf>),
    /// It starts with `#!`.
    Script(Box<Script>),
    /// Neither: `execve` says `ENOEXEC`.
    Other(Format),
}

/// Reads a file of the given size from its first byte on.
///
/// # Errors
/// What the reader says; a reader that ends early is no error, the file is then as long as what was read.
pub fn read(content: &mut dyn Read, size: u64) -> io::Result<Executable> {
    let mut pieces = Pieces::start(content, size, KERNEL_BUFFER)?;
    let head = pieces.head();
    if head.starts_with(&elf::MAGIC) {
        return Ok(Executable::Elf(Box::new(Elf::read(&mut pieces)?)));
    }
    if head.starts_with(b"#!") {
        return Ok(Executable::Script(Box::new(Script::parse(head))));
    }
    Ok(Executable::Other(Format::of(head, size)))
}
