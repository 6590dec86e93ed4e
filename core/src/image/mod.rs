//! Container images: what a reference says about the platform behind it, and what an image that is here really holds.
//!
//! An image is read without a daemon and without unpacking: [`layout`] finds its manifests wherever it is stored, [`layer`]
//! reads one layer into an index, [`view`] lays the layers over each other. Nothing is written to disk.

pub mod blob;
pub mod layer;
pub mod layout;
pub mod limits;
pub mod manifest;
pub mod reference;
mod tar;
pub mod view;

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count;
    let mut unit = "bytes";
    for name in UNITS {
        if value < 1024 {
            break;
        }
        value /= 1024;
        unit = name;
    }
    format!("{value} {unit}")
}
