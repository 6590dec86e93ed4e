//! Reads the entries of a tar archive one after the other, within bounded memory.
//!
//! Fields are parsed by the `tar` crate. The walk is our own: that crate reads a long name into memory whatever its size, and
//! the archives read here come from anywhere. Understood are ustar, GNU (long names, sparse files) and PAX (path, link, size, owner, sparse files).

use std::io::{self, BufReader, Read, Seek};

use tar::{EntryType, Header};

const BLOCK: usize = 512;
/// No path that Linux can open is longer; PAX records of an entry hold a few of them and extended attributes.
const MAX_EXTENSION: u64 = 1 << 20;

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// Reading failed, or what is underneath is broken.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends within an entry.
    #[error("it ends in the middle of an entry")]
    Truncated,
    /// Not a tar archive, or not from here on.
    #[error("what stands at byte {0} is no header of a tar archive")]
    NoHeader(u64),
    /// A name or a record that no archive needs.
    #[error("the name or the extended header at byte {0} is longer than any that Linux could use")]
    TooLong(u64),
    /// A field that cannot be.
    #[error("the header at byte {0} has a wrong {1}")]
    Field(u64, &'static str),
}

/// One entry of an archive.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The path as it is written.
    pub path: Vec<u8>,
    /// The target of a link.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: EntryType,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Size of the file in bytes, holes included.
    pub size: u64,
    /// Where its data begins in the archive.
    pub offset: u64,
    /// Bytes of data in the archive.
    pub stored: u64,
    /// The parts of a sparse file that are stored: offset in the file, length.
    pub sparse: Option<Vec<(u64, u64)>>,
    /// The extended attribute `security.capability`, as it is written.
    pub capability: Option<Vec<u8>>,
}

/// What extension headers say of the next entry.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    sparse_size: Option<u64>,
    /// PAX sparse format 1.0: the map stands before the data.
    sparse_map_in_data: bool,
    /// PAX sparse formats 0.0 and 0.1: offsets and lengths in turn.
    sparse_map: Vec<u64>,
    capability: Option<Vec<u8>>,
}

/// A walk through an archive.
pub struct Walk<R> {
    source: R,
    /// Bytes read of the archive.
    position: u64,
    /// Bytes of the current entry, padding included, that have not been read.
    left: u64,
    /// Bytes of data of the current entry that have not been read.
    data_left: u64,
    ended: bool,
}

impl<R: Read> Walk<R> {
    /// Starts at the archive's first byte.
    pub fn new(source: R) -> Walk<R> {
        Walk { source, position: 0, left: 0, data_left: 0, ended: false }
    }

    /// The next entry; `None` at the archive's end.
    ///
    /// # Errors
    /// [`TarError`]; what came before remains good.
    pub fn next(&mut self) -> Result<Option<Entry>, TarError> {
        let mut extension = Extension::default();
        while !self.ended {
            self.skip_rest()?;
            let Some((header, at)) = self.header()? else { break };
            let stored = or_blank(header.entry_size(), &header.as_old().size).ok_or(TarError::Field(at, "size"))?;
            self.expect(stored);
            match header.entry_type() {
                EntryType::GNULongName => extension.path = Some(self.name(stored, at)?),
                EntryType::GNULongLink => extension.link = Some(self.name(stored, at)?),
                EntryType::XHeader => {
                    let records = self.small(stored, at)?;
                    extension.read_records(&records, at)?;
                }
                EntryType::XGlobalHeader => {
                    self.small(stored, at)?;
                }
                _ => return self.entry(&header, extension, at).map(Some),
            }
        }
        Ok(None)
    }

    /// The data of the current entry, as far as it has not been read; holes of sparse files are filled with zeros.
    pub fn content<'w>(&'w mut self, entry: &Entry) -> Content<'w, R> {
        Content { walk: self, sparse: entry.sparse.clone().map(|parts| (parts, entry.size)), position: 0 }
    }

    /// The source, whatever the walk has read of it.
    pub fn into_source(self) -> R {
        self.source
    }

    fn entry(&mut self, header: &Header, extension: Extension, at: u64) -> Result<Entry, TarError> {
        let mut stored = self.data_left;
        if let Some(size) = extension.size {
            stored = size;
            self.expect(stored);
        }
        let kind = header.entry_type();
        if !has_data(kind) {
            // Some writers give links and directories the size of what they stand for, and store nothing.
            stored = 0;
            self.expect(0);
        }
        let fields = header.as_old();
        let mut entry = Entry {
            path: extension.path.unwrap_or_else(|| header.path_bytes().into_owned()),
            link: extension
                .link
                .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
                .unwrap_or_default(),
            kind,
            mode: or_blank(header.mode(), &fields.mode).ok_or(TarError::Field(at, "mode"))? & 0o7777,
            uid: extension.uid.or_else(|| or_blank(header.uid(), &fields.uid)).ok_or(TarError::Field(at, "owner"))?,
            gid: extension.gid.or_else(|| or_blank(header.gid(), &fields.gid)).ok_or(TarError::Field(at, "group"))?,
            size: stored,
            offset: self.position,
            stored,
            sparse: None,
            capability: extension.capability,
        };
        if kind == EntryType::GNUSparse {
            self.gnu_sparse(header, &mut entry, at)?;
        } else if let Some(size) = extension.sparse_size {
            let numbers =
                if extension.sparse_map_in_data { self.map_in_data(&mut entry, at)? } else { extension.sparse_map };
            let pairs = numbers.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect();
            entry.size = size;
            entry.sparse = Some(pairs);
        }
        Ok(entry)
    }

    /// The map of a sparse file as GNU tar wrote it: four parts in the header, more in blocks behind it.
    fn gnu_sparse(&mut self, header: &Header, entry: &mut Entry, at: u64) -> Result<(), TarError> {
        let gnu = header.as_gnu().ok_or(TarError::Field(at, "sparse map"))?;
        let broken = |_| TarError::Field(at, "sparse map");
        let mut parts = Vec::new();
        let mut add = |descriptors: &[tar::GnuSparseHeader]| -> Result<(), TarError> {
            for descriptor in descriptors.iter().filter(|descriptor| !descriptor.is_empty()) {
                if parts.len() as u64 * 24 > MAX_EXTENSION {
                    return Err(TarError::TooLong(at));
                }
                parts.push((descriptor.offset().map_err(broken)?, descriptor.length().map_err(broken)?));
            }
            Ok(())
        };
        add(&gnu.sparse)?;
        let mut more = gnu.is_extended();
        while more {
            let mut block = tar::GnuExtSparseHeader::new();
            read_block(&mut self.source, block.as_mut_bytes())?;
            self.position += BLOCK as u64;
            add(&block.sparse)?;
            more = block.is_extended();
        }
        entry.size = gnu.real_size().map_err(broken)?;
        entry.offset = self.position;
        entry.sparse = Some(parts);
        Ok(())
    }

    /// The map of PAX sparse format 1.0: decimal numbers, one a line, padded to a whole block.
    fn map_in_data(&mut self, entry: &mut Entry, at: u64) -> Result<Vec<u64>, TarError> {
        let broken = || TarError::Field(at, "sparse map");
        let mut numbers: Vec<u64> = Vec::new();
        let mut number = Vec::new();
        let mut wanted = None;
        while wanted != Some(numbers.len()) {
            let mut block = [0; BLOCK];
            if self.data_left < BLOCK as u64 || entry.offset + MAX_EXTENSION < self.position {
                return Err(broken());
            }
            read_block(&mut self.source, &mut block)?;
            self.took(BLOCK as u64);
            for byte in block {
                if byte.is_ascii_digit() {
                    number.push(byte);
                } else if byte == b'\n' && wanted != Some(numbers.len()) {
                    let parsed: u64 =
                        std::str::from_utf8(&number).ok().and_then(|text| text.parse().ok()).ok_or_else(broken)?;
                    number.clear();
                    match wanted {
                        None => wanted = Some(usize::try_from(parsed.saturating_mul(2)).map_err(|_| broken())?),
                        Some(_) => numbers.push(parsed),
                    }
                }
            }
        }
        Ok(numbers)
    }

    fn header(&mut self) -> Result<Option<(Header, u64)>, TarError> {
        let at = self.position;
        let mut header = Header::new_old();
        let bytes: &mut [u8; BLOCK] = header.as_mut_bytes();
        match fill(&mut self.source, bytes)? {
            // GNU tar and Go both take an archive that ends without its two blocks of zeros.
            0 => return Ok(None),
            BLOCK => self.position += BLOCK as u64,
            _ => return Err(TarError::Truncated),
        }
        if bytes.iter().all(|&byte| byte == 0) {
            self.ended = true;
            return Ok(None);
        }
        let sum: u32 = bytes
            .iter()
            .enumerate()
            .map(|(index, &byte)| if (148..156).contains(&index) { 32 } else { u32::from(byte) })
            .sum();
        if header.cksum().ok() != Some(sum) {
            return Err(TarError::NoHeader(at));
        }
        Ok(Some((header, at)))
    }

    fn expect(&mut self, stored: u64) {
        self.data_left = stored;
        self.left = stored.saturating_add(BLOCK as u64 - 1) / BLOCK as u64 * BLOCK as u64;
    }

    fn took(&mut self, count: u64) {
        self.position += count;
        self.data_left -= count;
        self.left -= count;
    }

    fn skip_rest(&mut self) -> Result<(), TarError> {
        let skipped = skip(&mut self.source, self.left)?;
        self.position += skipped;
        let padding_only = self.left - skipped < BLOCK as u64 && skipped >= self.data_left;
        // The last entry's padding may be missing at the very end.
        if skipped != self.left && !padding_only {
            return Err(TarError::Truncated);
        }
        self.left = 0;
        self.data_left = 0;
        Ok(())
    }

    fn name(&mut self, stored: u64, at: u64) -> Result<Vec<u8>, TarError> {
        let mut name = self.small(stored, at)?;
        if let Some(end) = memchr::memchr(0, &name) {
            name.truncate(end);
        }
        Ok(name)
    }

    fn small(&mut self, stored: u64, at: u64) -> Result<Vec<u8>, TarError> {
        if stored > MAX_EXTENSION {
            return Err(TarError::TooLong(at));
        }
        let mut data = vec![0; usize::try_from(stored).unwrap_or_default()];
        read_block(&mut self.source, &mut data)?;
        self.took(stored);
        Ok(data)
    }
}

impl<R: Read + Seek> Walk<BufReader<R>> {
    /// Passes over the current entry without reading it, in a file of the given length.
    ///
    /// # Errors
    /// [`TarError::Truncated`] where the file ends before the entry does.
    pub fn pass(&mut self, length: u64) -> Result<(), TarError> {
        let end = self.position.saturating_add(self.left).min(length);
        if self.position.saturating_add(self.data_left) > length {
            return Err(TarError::Truncated);
        }
        let by = end.saturating_sub(self.position);
        self.source.seek_relative(i64::try_from(by).map_err(|_| TarError::Truncated)?)?;
        self.position = end;
        self.left = 0;
        self.data_left = 0;
        Ok(())
    }
}

impl Extension {
    fn read_records(&mut self, records: &[u8], at: u64) -> Result<(), TarError> {
        let broken = || TarError::Field(at, "extended header");
        for record in tar::PaxExtensions::new(records) {
            let record = record.map_err(|_| broken())?;
            let value = record.value_bytes();
            let number =
                || std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<u64>().ok()).ok_or_else(broken);
            match record.key_bytes() {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number()?),
                b"uid" => self.uid = Some(number()?),
                b"gid" => self.gid = Some(number()?),
                b"SCHILY.xattr.security.capability" => self.capability = Some(value.to_vec()),
                b"GNU.sparse.name" => self.path = Some(value.to_vec()),
                b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.sparse_size = Some(number()?),
                b"GNU.sparse.major" => self.sparse_map_in_data = value == b"1",
                b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => self.sparse_map.push(number()?),
                b"GNU.sparse.map" => {
                    let text = std::str::from_utf8(value).map_err(|_| broken())?;
                    self.sparse_map =
                        text.split(',').map(|number| number.parse().map_err(|_| broken())).collect::<Result<_, _>>()?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The data of one entry.
pub struct Content<'w, R> {
    walk: &'w mut Walk<R>,
    sparse: Option<(Vec<(u64, u64)>, u64)>,
    position: u64,
}

impl<R: Read> Content<'_, R> {
    fn stored(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.walk.data_left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.walk.source.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.walk.took(read as u64);
        Ok(read)
    }
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((parts, size)) = &self.sparse else { return self.stored(buffer) };
        let position = self.position;
        let until = |end: u64| usize::try_from(end.saturating_sub(position)).unwrap_or(usize::MAX).min(buffer.len());
        let part = parts.iter().find(|(offset, length)| position < offset.saturating_add(*length));
        let read = match part {
            Some((offset, length)) if *offset <= position => {
                let most = until(offset.saturating_add(*length));
                self.stored(buffer.get_mut(..most).unwrap_or_default())?
            }
            next => {
                let most = until(next.map_or(*size, |(offset, _)| *offset).min(*size));
                buffer.get_mut(..most).unwrap_or_default().fill(0);
                most
            }
        };
        self.position += read as u64;
        Ok(read)
    }
}

/// A field without digits counts as zero, as in GNU tar and in Go.
fn or_blank<N: Default>(parsed: io::Result<N>, field: &[u8]) -> Option<N> {
    let blank = || field.iter().all(|&byte| byte == 0 || byte == b' ').then(N::default);
    parsed.ok().or_else(blank)
}

fn has_data(kind: EntryType) -> bool {
    !matches!(
        kind,
        EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo
    )
}

/// Reads until the buffer is full or the source ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn read_block(source: &mut impl Read, buffer: &mut [u8]) -> Result<(), TarError> {
    if fill(source, buffer)? == buffer.len() { Ok(()) } else { Err(TarError::Truncated) }
}

fn skip(source: &mut impl Read, count: u64) -> io::Result<u64> {
    io::copy(&mut source.take(count), &mut io::sink())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(archive: &[u8]) -> Result<Vec<String>, TarError> {
        let mut walk = Walk::new(archive);
        let mut names = Vec::new();
        while let Some(entry) = walk.next()? {
            names.push(String::from_utf8_lossy(&entry.path).into_owned());
        }
        Ok(names)
    }

    fn archive(paths: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for path in paths {
            let mut header = tar::Header::new_gnu();
            header.set_size(3);
            header.set_mode(0o755);
            builder.append_data(&mut header, path, &b"abc"[..]).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn long_names_are_read() {
        let long = format!("a/{}", "b".repeat(300));
        assert_eq!(names(&archive(&["x", &long, "y"])).unwrap(), ["x", &long, "y"]);
    }

    #[test]
    fn content_is_read_or_passed_over() {
        let data = archive(&["x", "y"]);
        let mut walk = Walk::new(data.as_slice());
        walk.next().unwrap().unwrap();
        let second = walk.next().unwrap().unwrap();
        let mut text = String::new();
        walk.content(&second).read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
        assert!(walk.next().unwrap().is_none());
    }

    #[test]
    fn what_is_cut_or_no_archive_is_an_error() {
        let data = archive(&["x", "y"]);
        assert!(matches!(names(&data[..514]), Err(TarError::Truncated)));
        assert!(matches!(names(&[b'x'; 600]), Err(TarError::NoHeader(0))));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 40);
        header.set_cksum();
        assert!(matches!(names(header.as_bytes()), Err(TarError::TooLong(0))));
    }

    #[test]
    fn sparse_files_have_their_holes() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNUSparse);
        header.set_size(3);
        header.set_path("s").unwrap();
        header.set_mode(0o644);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.set_real_size(8);
        gnu.sparse[0].offset.copy_from_slice(b"00000000002\0");
        gnu.sparse[0].numbytes.copy_from_slice(b"00000000003\0");
        header.set_cksum();
        let mut data = header.as_bytes().to_vec();
        data.extend_from_slice(b"abc");
        data.resize(1024, 0);
        let mut walk = Walk::new(data.as_slice());
        let entry = walk.next().unwrap().unwrap();
        let mut content = Vec::new();
        walk.content(&entry).read_to_end(&mut content).unwrap();
        assert_eq!((entry.size, content.as_slice()), (8, &b"\0\0abc\0\0\0"[..]));
    }
}
