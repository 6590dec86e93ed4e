//! The dynamic loader of a program is for another processor than the program.
//!
//! ## Why this fails
//!
//! The kernel opens the loader that the program names, finds another machine in its header, and says `ELIBBAD`:
//! `exec /app: accessing a corrupted shared library`. Nothing is corrupted; the C library was copied from elsewhere.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM scratch
//! COPY app-amd64 /app
//! COPY --from=arm-build /lib64/ld-linux-x86-64.so.2 /lib64/
//! ```
//!
//! ## How to fix
//!
//! Take the program and its C library from the same platform.
//!
//! ## When it is silent
//!
//! When the architecture of the host or of the file is not known; when nothing in the image is of the architecture that it
//! declares (`image-contents-mismatch`).

use super::ImageDraft;
use super::image_start::{chain_notes, error, foreign, rebuild};
use crate::exec::Role;
use crate::image::layer::shown;
use crate::inspect::Judged;

const NAME: &str = "loader-foreign-architecture";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some((start, step, machine)) = foreign(judged, Role::Loader) else { return Vec::new() };
    let message = format!(
        "the loader `{}` is a program for {}, but the host is `{}`",
        shown(&step.asked),
        machine.name(),
        judged.host.platform
    );
    let mut draft = error(NAME, message, Some(step)).words(&start);
    draft.notes.extend(chain_notes(start.prediction));
    vec![draft.help("take the program and its C library from the same base image").help(rebuild(judged))]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf, elf_with_loader};

    #[test]
    fn a_foreign_loader_is_found() {
        let loader = elf_with_loader(62, "/ld.so");
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &loader).file("ld.so", &elf(183));
        assert_eq!(image.rules(), ["error loader-foreign-architecture"]);
    }

    #[test]
    fn a_native_one_is_not() {
        let loader = elf_with_loader(62, "/ld.so");
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &loader).file("ld.so", &elf(62));
        assert!(image.rules().is_empty());
    }
}
