//! Decompresses a blob to nowhere, with the libraries that the core uses: the floor for the benchmark of images.
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a tool of the benchmark")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mut file = BufReader::with_capacity(128 << 10, File::open(path).unwrap());
    let gzip = file.fill_buf().unwrap().starts_with(b"\x1f\x8b");
    let mut content: Box<dyn Read> = if gzip {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else {
        Box::new(ruzstd::decoding::StreamingDecoder::new(file).unwrap())
    };
    let mut buffer = vec![0; 128 << 10];
    let mut total = 0u64;
    loop {
        let read = content.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        total += read as u64;
    }
    eprintln!("{total} bytes");
}
