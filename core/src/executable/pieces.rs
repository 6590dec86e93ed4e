//! Parts of a file that is read forward only: its beginning, and what was asked for on the way.

use std::io::{self, Read};

/// The kept parts of a file.
pub(super) struct Pieces<'r> {
    content: &'r mut dyn Read,
    /// What the file's size is said to be.
    size: u64,
    /// The file's first bytes.
    head: Vec<u8>,
    /// Later parts by their offset.
    later: Vec<(u64, Vec<u8>)>,
    /// How far the content has been read.
    position: u64,
}

impl<'r> Pieces<'r> {
    /// Reads the first bytes.
    pub(super) fn start(content: &'r mut dyn Read, size: u64, length: usize) -> io::Result<Pieces<'r>> {
        let mut pieces = Pieces { content, size, head: Vec::new(), later: Vec::new(), position: 0 };
        pieces.extend_head(length)?;
        Ok(pieces)
    }

    /// The first bytes, as far as they were read.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The size that the file is said to have.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Reads on until the head has this length, or the file ends. Does nothing once a later part was read.
    pub(super) fn extend_head(&mut self, length: usize) -> io::Result<()> {
        if self.position != self.head.len() as u64 {
            return Ok(());
        }
        if let Some(more) = length.checked_sub(self.head.len()) {
            let read = Read::take(&mut *self.content, more as u64).read_to_end(&mut self.head)?;
            self.position += read as u64;
        }
        Ok(())
    }

    /// Reads forward to a part and keeps it; `false` if it lies behind already, or the file ends before its end.
    pub(super) fn fetch(&mut self, offset: u64, length: usize) -> io::Result<bool> {
        if self.get(offset, length).is_some() {
            return Ok(true);
        }
        if offset.saturating_add(length as u64) > self.size {
            return Ok(false);
        }
        // The beginning of the part may have been read already, at the end of what is kept.
        let mut part = Vec::new();
        if offset < self.position {
            match self.get(offset, usize::try_from(self.position - offset).unwrap_or(usize::MAX)) {
                Some(known) => part.extend_from_slice(known),
                None => return Ok(false),
            }
        } else {
            let gap = offset - self.position;
            self.position += io::copy(&mut Read::take(&mut *self.content, gap), &mut io::sink())?;
            if self.position != offset {
                return Ok(false);
            }
        }
        let missing = length.saturating_sub(part.len());
        let read = Read::take(&mut *self.content, missing as u64).read_to_end(&mut part)?;
        self.position += read as u64;
        self.later.push((offset, part));
        Ok(read == missing)
    }

    /// A part that was kept.
    pub(super) fn get(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let within = |start: u64, bytes: &'_ [u8]| -> Option<(usize, usize)> {
            let from = usize::try_from(offset.checked_sub(start)?).ok()?;
            let to = from.checked_add(length)?;
            (to <= bytes.len()).then_some((from, to))
        };
        if let Some((from, to)) = within(0, &self.head) {
            return self.head.get(from..to);
        }
        self.later.iter().find_map(|(start, bytes)| within(*start, bytes).and_then(|(from, to)| bytes.get(from..to)))
    }

    /// A string that ends with NUL and begins at an offset in a kept part.
    pub(super) fn string(&self, offset: u64) -> Option<&[u8]> {
        let tail = std::iter::once((0, &self.head))
            .chain(self.later.iter().map(|(start, bytes)| (*start, bytes)))
            .find_map(|(start, bytes)| bytes.get(usize::try_from(offset.checked_sub(start)?).ok()?..))?;
        let end = memchr::memchr(0, tail)?;
        tail.get(..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_in_one_forward_pass() {
        let data: Vec<u8> = (0..=255).collect();
        let mut reader = data.as_slice();
        let mut pieces = Pieces::start(&mut reader, 256, 16).unwrap();
        assert!(pieces.fetch(10, 10).unwrap());
        assert_eq!(pieces.get(10, 10).unwrap(), &data[10..20]);
        assert!(pieces.fetch(100, 4).unwrap());
        assert!(!pieces.fetch(50, 4).unwrap(), "what lies behind is gone");
        assert!(pieces.fetch(250, 6).unwrap());
        assert!(!pieces.fetch(254, 4).unwrap(), "the file ends before");
        assert_eq!(pieces.get(100, 2).unwrap(), &[100, 101]);
    }
}
