//! Scripts, read exactly as `load_script` in the kernel's fs/binfmt_script.c reads them.

use super::KERNEL_BUFFER;

/// A file that starts with `#!`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What the kernel reads from the first line.
    pub line: Line,
    /// Whether a carriage return stands before the line's end, wherever the kernel puts it.
    pub carriage_return: bool,
}

/// What the first line of a script gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An interpreter, with everything after it as one argument. The path may be empty: then the kernel opens the working
    /// directory.
    Interpreter {
        /// The path, as it is written.
        path: Vec<u8>,
        /// The rest of the line without the blanks around it.
        argument: Option<Vec<u8>>,
    },
    /// No interpreter: the line is blank after `#!`.
    Blank,
    /// The path does not end within what the kernel reads.
    Cut,
}

impl Script {
    /// Reads the first bytes of a file, at least [`KERNEL_BUFFER`] of them unless the file is shorter.
    pub fn parse(head: &[u8]) -> Script {
        let mut buffer = [0; KERNEL_BUFFER];
        for (to, from) in buffer.iter_mut().zip(head) {
            *to = *from;
        }
        let end = memchr::memchr2(b'\n', 0, head).unwrap_or(head.len());
        let written = head.get(..end).unwrap_or_default();
        Script { line: line(&buffer), carriage_return: written.ends_with(b"\r") }
    }
}

/// The kernel works on the buffer with its last byte left out, and treats it as text that NUL may end.
fn line(buffer: &[u8; KERNEL_BUFFER]) -> Line {
    let after_mark = buffer.get(2..).unwrap_or_default();
    let last = after_mark.len() - 1;
    // `strnchr` stops at NUL, so a line break behind one is not seen.
    let line_break = after_mark.iter().position(|&byte| byte == b'\n' || byte == 0);
    let end = match line_break {
        Some(at) if after_mark.get(at) == Some(&b'\n') => at,
        _ => {
            let Some(start) = after_mark.iter().position(|&byte| !is_blank(byte)) else { return Line::Cut };
            let terminated = after_mark.iter().skip(start).any(|&byte| is_blank(byte) || byte == 0);
            if !terminated {
                return Line::Cut;
            }
            last
        }
    };
    let text = after_mark.get(..end).unwrap_or_default();
    let trimmed = text.len() - text.iter().rev().take_while(|&&byte| is_blank(byte)).count();
    let text = text.get(..trimmed).unwrap_or_default();
    let start = text.iter().position(|&byte| !is_blank(byte));
    let Some(start) = start else {
        return Line::Blank;
    };
    let text = text.get(start..).unwrap_or_default();
    let path_end = text.iter().position(|&byte| is_blank(byte) || byte == 0).unwrap_or(text.len());
    let path = text.get(..path_end).unwrap_or_default().to_vec();
    let rest = text.get(path_end..).unwrap_or_default();
    // A NUL ends the path without an argument, even if text follows.
    let argument = rest.first().filter(|&&byte| byte != 0).and_then(|_| {
        let from = rest.iter().position(|&byte| !is_blank(byte))?;
        let argument = rest.get(from..)?;
        let argument = argument.split(|&byte| byte == 0).next().unwrap_or_default();
        (!argument.is_empty()).then(|| argument.to_vec())
    });
    Line::Interpreter { path, argument }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Line {
        Script::parse(text).line
    }

    fn interpreter(path: &str, argument: Option<&str>) -> Line {
        Line::Interpreter { path: path.into(), argument: argument.map(Into::into) }
    }

    #[test]
    fn the_first_line_gives_an_interpreter_and_one_argument() {
        assert_eq!(read(b"#!/bin/sh\necho"), interpreter("/bin/sh", None));
        assert_eq!(read(b"#! \t/bin/sh \t-e -u \n"), interpreter("/bin/sh", Some("-e -u")));
        assert_eq!(read(b"#!/usr/bin/env python3"), interpreter("/usr/bin/env", Some("python3")));
        assert_eq!(read(b"#!/bin/sh\r\n"), interpreter("/bin/sh\r", None));
        assert_eq!(read(b"#!sh\n"), interpreter("sh", None));
    }

    #[test]
    fn a_line_without_interpreter_is_none() {
        assert_eq!(read(b"#!\n"), Line::Blank);
        assert_eq!(read(b"#! \t \n/bin/sh"), Line::Blank);
        assert_eq!(read(b"#!"), interpreter("", None), "the empty path");
        assert_eq!(read(b"#!\0/bin/sh\n"), interpreter("", None), "NUL ends the path");
    }

    #[test]
    fn a_path_must_end_within_the_buffer() {
        let long = |length: usize| [b"#!/".as_slice(), &b"a".repeat(length)].concat();
        assert_eq!(read(&long(253)), Line::Cut);
        assert!(matches!(read(&long(252)), Line::Interpreter { path, .. } if path.len() == 253));
        let argument = [b"#!/bin/sh ".as_slice(), &b"a".repeat(400)].concat();
        assert!(matches!(read(&argument), Line::Interpreter { argument: Some(argument), .. } if argument.len() == 245));
        assert_eq!(read(&[b"#!".as_slice(), &b" ".repeat(400)].concat()), Line::Cut);
    }

    #[test]
    fn a_carriage_return_is_seen_wherever_it_lands() {
        for text in [&b"#!/bin/sh\r\n"[..], b"#!/bin/sh -e\r\n", b"#!/usr/bin/env sh\r\nx"] {
            assert!(Script::parse(text).carriage_return);
        }
        assert!(!Script::parse(b"#!/bin/sh\necho\r\n").carriage_return);
    }
}
