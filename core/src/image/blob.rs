//! Reads a blob: decompressed, within limits, and checked against its digest.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use sha2::{Digest as _, Sha256, Sha512};

use super::limits::Limits;

/// Large enough that system calls do not count, small enough to stay in the processor's cache.
const BUFFER: usize = 128 << 10;

/// What a blob must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// `sha256:…`, of the bytes as they are stored.
    pub digest: Option<String>,
    /// Their number.
    pub size: Option<u64>,
}

/// What is wrong with a blob.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It cannot be read or decompressed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Its content is not what its digest says.
    #[error(
        "its digest is `{found}`, but `{expected}` was expected: it is damaged, or not the blob that the manifest names"
    )]
    Digest {
        /// What the manifest says.
        expected: String,
        /// What was computed.
        found: String,
    },
    /// Its size is not what the manifest says.
    #[error("it has {found} bytes, but the manifest says {expected}")]
    Size {
        /// What the manifest says.
        expected: u64,
        /// What was read.
        found: u64,
    },
    /// A digest of an algorithm that is not known.
    #[error("`{0}` is not a digest of sha256 or sha512")]
    Algorithm(String),
}

#[derive(Clone)]
enum Hasher {
    None,
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    fn of(digest: Option<&str>) -> Result<Hasher, BlobError> {
        match digest {
            None => Ok(Hasher::None),
            Some(digest) => match digest.split_once(':') {
                Some(("sha256", hex)) if is_hex(hex, 64) => Ok(Hasher::Sha256(Sha256::new())),
                Some(("sha512", hex)) if is_hex(hex, 128) => Ok(Hasher::Sha512(Sha512::new())),
                _ => Err(BlobError::Algorithm(digest.to_owned())),
            },
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::None => {}
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Option<String> {
        match self {
            Hasher::None => None,
            Hasher::Sha256(hasher) => Some(format!("sha256:{}", hex(&hasher.finalize()))),
            Hasher::Sha512(hasher) => Some(format!("sha512:{}", hex(&hasher.finalize()))),
        }
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The digest of bytes in memory, in the algorithm of `like`.
///
/// # Errors
/// [`BlobError`] where the bytes are not what is expected.
pub fn verify(bytes: &[u8], expected: &Expected) -> Result<(), BlobError> {
    let mut hasher = Hasher::of(expected.digest.as_deref())?;
    hasher.update(bytes);
    compare(expected, hasher.finish(), bytes.len() as u64)
}

fn compare(expected: &Expected, found: Option<String>, size: u64) -> Result<(), BlobError> {
    if let Some(expected) = expected.size.filter(|expected| *expected != size) {
        return Err(BlobError::Size { expected, found: size });
    }
    match (&expected.digest, found) {
        (Some(expected), Some(found)) if *expected != found => {
            Err(BlobError::Digest { expected: expected.clone(), found })
        }
        _ => Ok(()),
    }
}

/// Blobs beyond this size are hashed on a thread of their own, beside decompression.
const ASIDE: u64 = 1 << 20;
/// Blocks that may wait for that thread.
const WAITING: usize = 8;

/// Hashes and counts what is read through it.
struct Counted<'r> {
    source: Box<dyn Read + 'r>,
    hashing: Hashing,
    count: u64,
}

enum Hashing {
    Here(Hasher),
    Aside(SyncSender<Vec<u8>>, JoinHandle<Hasher>),
}

impl Hashing {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hashing::Here(hasher) => hasher.update(bytes),
            // The thread ends only when the sender is dropped.
            Hashing::Aside(sender, _) => drop(sender.send(bytes.to_vec())),
        }
    }

    /// Goes on in a thread; where there can be none, here.
    fn aside(self) -> Hashing {
        let Hashing::Here(hasher) = self else { return self };
        if matches!(hasher, Hasher::None) {
            return Hashing::Here(hasher);
        }
        let (sender, receiver) = sync_channel::<Vec<u8>>(WAITING);
        let copy = hasher.clone();
        let thread = std::thread::Builder::new().name("hash".to_owned()).spawn(move || {
            receiver.iter().fold(hasher, |mut hasher, bytes| {
                hasher.update(&bytes);
                hasher
            })
        });
        match thread {
            Ok(thread) => Hashing::Aside(sender, thread),
            Err(_) => Hashing::Here(copy),
        }
    }

    fn finish(self) -> Option<String> {
        match self {
            Hashing::Here(hasher) => hasher.finish(),
            Hashing::Aside(sender, thread) => {
                drop(sender);
                thread.join().ok()?.finish()
            }
        }
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        if self.count <= ASIDE && self.count + read as u64 > ASIDE {
            self.hashing = std::mem::replace(&mut self.hashing, Hashing::Here(Hasher::None)).aside();
        }
        self.hashing.update(buffer.get(..read).unwrap_or_default());
        self.count += read as u64;
        Ok(read)
    }
}

type Raw<'r> = BufReader<Counted<'r>>;

enum Decoder<'r> {
    Plain(Box<Raw<'r>>),
    Gzip(Box<MultiGzDecoder<Raw<'r>>>),
    Zstd(Box<Zstd<'r>>),
}

/// The uncompressed content of a blob.
pub struct Blob<'r> {
    decoder: Decoder<'r>,
    expected: Expected,
    limits: Limits,
    read: u64,
}

impl<'r> Blob<'r> {
    /// Looks at the first bytes of a blob and decompresses it if it is compressed, whatever its media type says: what
    /// counts is what the runtime does, and runtimes look at the bytes too.
    ///
    /// # Errors
    /// [`BlobError`] where the first bytes cannot be read, or the digest's algorithm is not known.
    pub fn open(source: Box<dyn Read + 'r>, expected: Expected, limits: &Limits) -> Result<Blob<'r>, BlobError> {
        let hasher = Hasher::of(expected.digest.as_deref())?;
        let mut raw = BufReader::with_capacity(BUFFER, Counted { source, hashing: Hashing::Here(hasher), count: 0 });
        let start = raw.fill_buf()?;
        let decoder = if start.starts_with(b"\x1f\x8b") {
            Decoder::Gzip(Box::new(MultiGzDecoder::new(raw)))
        } else if start.starts_with(b"\x28\xb5\x2f\xfd") || is_skippable(start) {
            Decoder::Zstd(Box::new(Zstd { frame: None, raw: Some(raw) }))
        } else {
            Decoder::Plain(Box::new(raw))
        };
        Ok(Blob { decoder, expected, limits: *limits, read: 0 })
    }

    /// Whether the blob is stored without compression.
    pub fn is_plain(&self) -> bool {
        matches!(self.decoder, Decoder::Plain(_))
    }

    fn raw(&self) -> Option<&Raw<'r>> {
        match &self.decoder {
            Decoder::Plain(raw) => Some(raw),
            Decoder::Gzip(decoder) => Some(decoder.get_ref()),
            Decoder::Zstd(decoder) => decoder.raw.as_ref().or(decoder.frame.as_ref().map(StreamingDecoder::get_ref)),
        }
    }

    /// Reads what is left and compares size and digest.
    ///
    /// # Errors
    /// [`BlobError`] where they are not what is expected.
    pub fn finish(mut self) -> Result<(), BlobError> {
        io::copy(&mut self, &mut io::sink())?;
        let raw = match self.decoder {
            Decoder::Plain(raw) => Some(*raw),
            Decoder::Gzip(decoder) => Some(decoder.into_inner()),
            Decoder::Zstd(decoder) => decoder.raw.or(decoder.frame.map(StreamingDecoder::into_inner)),
        };
        let Some(mut raw) = raw else { return Ok(()) };
        io::copy(&mut raw, &mut io::sink())?;
        let counted = raw.into_inner();
        compare(&self.expected, counted.hashing.finish(), counted.count)
    }
}

impl Read for Blob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Plain(raw) => raw.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
        }?;
        self.read += read as u64;
        let stored = self.raw().map_or(0, |raw| raw.get_ref().count);
        let most = self.limits.layer.min(self.limits.slack.saturating_add(stored.saturating_mul(self.limits.ratio)));
        if self.read > most {
            return Err(io::Error::other(format!(
                "it grows to more than {} from {stored} bytes; `--max-layer-size` allows more",
                super::bytes(most)
            )));
        }
        Ok(read)
    }
}

fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Zstandard, frame after frame; frames to be skipped are skipped (`zstd:chunked` has some).
struct Zstd<'r> {
    frame: Option<StreamingDecoder<Raw<'r>, ruzstd::decoding::FrameDecoder>>,
    raw: Option<Raw<'r>>,
}

impl Zstd<'_> {
    /// Starts the next frame; `false` at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        let Some(mut raw) = self.raw.take().or_else(|| self.frame.take().map(StreamingDecoder::into_inner)) else {
            return Ok(false);
        };
        loop {
            let start = raw.fill_buf()?;
            if start.is_empty() {
                self.raw = Some(raw);
                return Ok(false);
            }
            if is_skippable(start) {
                let mut head = [0; 8];
                raw.read_exact(&mut head)?;
                let [_, _, _, _, length @ ..] = head;
                io::copy(&mut raw.by_ref().take(u64::from(u32::from_le_bytes(length))), &mut io::sink())?;
                continue;
            }
            return match StreamingDecoder::new(raw) {
                Ok(frame) => {
                    self.frame = Some(frame);
                    Ok(true)
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { .. })) => Ok(false),
                Err(error) => Err(io::Error::other(error.to_string())),
            };
        }
    }
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            if !self.next_frame()? {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn content(data: &[u8]) -> io::Result<Vec<u8>> {
        let mut blob = Blob::open(Box::new(data), Expected::default(), &Limits::default()).unwrap();
        let mut content = Vec::new();
        blob.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn compression_is_told_by_the_bytes() {
        let text = b"hello hello hello".repeat(1000);
        let zstd = ruzstd::encoding::compress_to_vec(text.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
        let skippable = [&[0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], zstd.as_slice(), zstd.as_slice()].concat();
        assert_eq!(content(&text).unwrap(), text);
        assert_eq!(content(&gzip(&text)).unwrap(), text);
        assert_eq!(content(&zstd).unwrap(), text);
        assert_eq!(content(&skippable).unwrap().len(), text.len() * 2);
    }

    #[test]
    fn a_wrong_digest_is_an_error() {
        let right = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let check = |digest: &str, size: u64| {
            let expected = Expected { digest: Some(digest.to_owned()), size: Some(size) };
            Blob::open(Box::new(&b"hello"[..]), expected, &Limits::default()).and_then(Blob::finish)
        };
        assert!(check(right, 5).is_ok());
        assert!(matches!(check(&right.replace("2cf", "3cf"), 5), Err(BlobError::Digest { .. })));
        assert!(matches!(check(right, 4), Err(BlobError::Size { .. })));
        assert!(matches!(check("md5:00", 5), Err(BlobError::Algorithm(_))));
    }

    #[test]
    fn a_bomb_is_given_up() {
        let limits = Limits { slack: 1 << 16, ratio: 10, ..Limits::default() };
        let bomb = gzip(&vec![0; 8 << 20]);
        let blob = Blob::open(Box::new(bomb.as_slice()), Expected::default(), &limits).unwrap();
        assert!(blob.finish().unwrap_err().to_string().contains("grows to more than"));
    }
}
