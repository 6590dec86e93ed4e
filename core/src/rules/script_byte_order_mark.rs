//! A script begins with a byte order mark.
//!
//! ## Why this fails
//!
//! Some editors write three bytes that nobody sees, or UTF-16, before `#!`. The kernel looks at the first two bytes only and says `exec format
//! error`.
//!
//! ## Example
//!
//! An `entrypoint.sh` saved as "UTF-8 with BOM".
//!
//! ## How to fix
//!
//! Save the file as UTF-8 without a byte order mark: `sed -i '1s/^\xEF\xBB\xBF//' entrypoint.sh`.
//!
//! ## When it is silent
//!
//! When a shell starts the file.

use super::ImageDraft;
use super::image_start::{error, failing};
use crate::exec::{Obstacle, Outcome};
use crate::executable::{Executable, Format};
use crate::image::layer::shown;
use crate::inspect::Judged;

const NAME: &str = "script-byte-order-mark";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some(start) = failing(judged) else { return Vec::new() };
    let prediction = start.prediction;
    let (Outcome::Fails { .. }, Some(Obstacle::File), Some(step)) =
        (&prediction.outcome, &prediction.obstacle, prediction.chain.last())
    else {
        return Vec::new();
    };
    match &step.executable {
        Executable::Other(format) if is_marked(*format) => {
            let draft = error(NAME, format!("`{}` is {}", shown(&step.asked), format.name()), Some(step)).words(&start);
            vec![draft.help("save the file as UTF-8 without a byte order mark")]
        }
        _ => Vec::new(),
    }
}

/// A script in an encoding that the kernel does not know.
pub(super) fn is_marked(format: Format) -> bool {
    matches!(format, Format::ByteOrderMark | Format::Utf16)
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn a_mark_is_found() {
        for content in [&b"\xef\xbb\xbf#!/bin/sh\n"[..], b"\xff\xfe#\0!\0/\0"] {
            let image = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", content).file("bin/sh", &elf(62));
            assert_eq!(image.rules(), ["error script-byte-order-mark"]);
        }
    }

    #[test]
    fn a_plain_script_is_not() {
        let image = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", b"#!/bin/sh\n").file("bin/sh", &elf(62));
        assert!(image.rules().is_empty());
    }
}
