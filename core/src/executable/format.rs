//! Names for files that no kernel executes, so that a message can say what was found instead of a program.

/// What a file is that is neither ELF nor a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// No bytes at all.
    Empty,
    /// Only zero bytes, as far as was looked.
    Zeros,
    /// `#!` behind a byte order mark of UTF-8.
    ByteOrderMark,
    /// Text in UTF-16, as some editors of Windows write it.
    Utf16,
    /// `#!` behind blanks or empty lines.
    BlankBeforeShebang,
    /// Text without `#!`.
    Text,
    /// A page of HTML, as a failed download leaves it.
    Html,
    /// A pointer of Git LFS in the place of the file.
    GitLfsPointer,
    /// A program for macOS.
    MachO,
    /// A program for Windows.
    Pe,
    /// WebAssembly.
    Wasm,
    /// A class of Java.
    JavaClass,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// A ZIP archive, which a `.jar` is too.
    Zip,
    /// A tar archive.
    Tar,
    /// A static library or a Debian package.
    Ar,
    /// Something else.
    Binary,
}

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The first bytes of formats that are told by them alone.
const MAGIC: &[(&[u8], Format)] = &[
    (b"version https://git-lfs.github.com/spec/", Format::GitLfsPointer),
    (b"\xfe\xed\xfa\xce", Format::MachO),
    (b"\xfe\xed\xfa\xcf", Format::MachO),
    (b"\xce\xfa\xed\xfe", Format::MachO),
    (b"\xcf\xfa\xed\xfe", Format::MachO),
    (b"MZ", Format::Pe),
    (b"\0asm", Format::Wasm),
    (b"\x1f\x8b", Format::Gzip),
    (b"BZh", Format::Bzip2),
    (b"\xfd7zXZ\0", Format::Xz),
    (b"\x28\xb5\x2f\xfd", Format::Zstd),
    (b"PK\x03\x04", Format::Zip),
    (b"!<arch>\n", Format::Ar),
    (b"\xff\xfe", Format::Utf16),
    (b"\xfe\xff", Format::Utf16),
];

impl Format {
    /// Names the format of a file by its first bytes.
    pub(super) fn of(head: &[u8], size: u64) -> Format {
        if size == 0 || head.is_empty() {
            return Format::Empty;
        }
        if let Some((_, format)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return *format;
        }
        if head.starts_with(b"\xca\xfe\xba\xbe") {
            // A fat Mach-O counts its architectures where a class file has its version, which begins at 45.
            let count = head.get(4..8).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map_or(0, u32::from_be_bytes);
            return if count < 45 { Format::MachO } else { Format::JavaClass };
        }
        if head.get(257..).is_some_and(|rest| rest.starts_with(b"ustar")) {
            return Format::Tar;
        }
        let unmarked = head.strip_prefix(UTF8_MARK);
        if unmarked.is_some_and(|text| text.starts_with(b"#!")) {
            return Format::ByteOrderMark;
        }
        let text = unmarked.unwrap_or(head);
        let begun = text.trim_ascii_start();
        if begun.starts_with(b"#!") {
            return Format::BlankBeforeShebang;
        }
        if starts_with_word(begun, b"<!doctype html") || starts_with_word(begun, b"<html") {
            return Format::Html;
        }
        if head.iter().all(|&byte| byte == 0) {
            return Format::Zeros;
        }
        if head.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
        {
            return Format::Text;
        }
        Format::Binary
    }

    /// In words, with its article.
    pub fn name(self) -> &'static str {
        match self {
            Format::Empty => "an empty file",
            Format::Zeros => "a file of zero bytes",
            Format::ByteOrderMark => "a script behind a byte order mark",
            Format::Utf16 => "text in UTF-16",
            Format::BlankBeforeShebang => "a script whose `#!` is not at the very beginning",
            Format::Text => "text without `#!`",
            Format::Html => "a page of HTML",
            Format::GitLfsPointer => "a pointer of Git LFS",
            Format::MachO => "a program for macOS",
            Format::Pe => "a program for Windows",
            Format::Wasm => "a module of WebAssembly",
            Format::JavaClass => "a class of Java",
            Format::Gzip => "a file compressed with gzip",
            Format::Bzip2 => "a file compressed with bzip2",
            Format::Xz => "a file compressed with xz",
            Format::Zstd => "a file compressed with Zstandard",
            Format::Zip => "a ZIP or JAR archive",
            Format::Tar => "a tar archive",
            Format::Ar => "a static library or a Debian package",
            Format::Binary => "not a program",
        }
    }

    /// The name of the format in the JSON form.
    pub fn kind(self) -> &'static str {
        match self {
            Format::Empty => "empty",
            Format::Zeros => "zeros",
            Format::ByteOrderMark | Format::BlankBeforeShebang | Format::Text => "text",
            Format::Utf16 => "utf-16",
            Format::Html => "html",
            Format::GitLfsPointer => "git-lfs-pointer",
            Format::MachO => "mach-o",
            Format::Pe => "pe",
            Format::Wasm => "wasm",
            Format::JavaClass => "java-class",
            Format::Gzip => "gzip",
            Format::Bzip2 => "bzip2",
            Format::Xz => "xz",
            Format::Zstd => "zstd",
            Format::Zip => "zip",
            Format::Tar => "tar",
            Format::Ar => "ar",
            Format::Binary => "binary",
        }
    }

    /// Whether a shell that is told to run the file would read it as a script of its own.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Empty | Format::Text | Format::ByteOrderMark | Format::BlankBeforeShebang | Format::Html)
    }
}

fn starts_with_word(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_for_what_they_are() {
        for (head, format) in [
            (&b""[..], Format::Empty),
            (b"\0\0\0\0", Format::Zeros),
            (b"\xef\xbb\xbf#!/bin/sh\n", Format::ByteOrderMark),
            (b"\n#!/bin/sh\n", Format::BlankBeforeShebang),
            (b"echo hello\n", Format::Text),
            (b"<!DOCTYPE HTML>\n", Format::Html),
            (b"version https://git-lfs.github.com/spec/v1\noid", Format::GitLfsPointer),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Format::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x3d", Format::JavaClass),
            (b"\xff\xfe#\0!\0", Format::Utf16),
            (b"\x01\x02\x03", Format::Binary),
        ] {
            assert_eq!(Format::of(head, head.len() as u64), format);
        }
    }
}
