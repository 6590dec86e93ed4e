//! Container images: what a reference or an archive says about the platform of the image behind it.

pub mod archive;
pub mod reference;
