//! The program that an image starts is for another processor than the host's.
//!
//! ## Why this fails
//!
//! The image as a whole may be right, its label too: one file in it, often a binary that was downloaded or copied, is not. The
//! kernel says `ENOEXEC`, and the container's log has one line: `exec /app/server: exec format error`.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM debian:12
//! COPY server /server   # built on an Apple-silicon laptop
//! ENTRYPOINT ["/server"]
//! ```
//!
//! ## How to fix
//!
//! Build the program in the image, or copy the one for the target: `COPY build/$TARGETARCH/server /server`.
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

const NAME: &str = "entrypoint-foreign-architecture";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some((start, step, machine)) = foreign(judged, Role::Entrypoint) else { return Vec::new() };
    let message = format!(
        "the entrypoint `{}` is a program for {}, but the host is `{}`",
        shown(&step.asked),
        machine.name(),
        judged.host.platform
    );
    let mut draft = error(NAME, message, Some(step)).words(&start);
    draft.notes.extend(chain_notes(start.prediction));
    vec![
        draft
            .help("copy or download the program for the target: in a Dockerfile, `ARG TARGETARCH` names it")
            .help(rebuild(judged)),
    ]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf, elf_with_loader};

    #[test]
    fn a_foreign_entrypoint_among_native_programs_is_found() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(183)).file("bin/sh", &elf(62));
        assert_eq!(image.rules(), ["error entrypoint-foreign-architecture"]);
        let shell = ImageSpec::new("amd64").entrypoint(&["/bin/sh", "-c", "exec /app"]);
        let shell = shell.file("app", &elf(183)).file("bin/sh", &elf(62));
        assert_eq!(shell.rules(), ["error entrypoint-foreign-architecture"]);
    }

    #[test]
    fn a_native_one_is_not() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62)).file("other", &elf(183));
        assert!(image.rules().is_empty());
        let loader = elf_with_loader(62, "/ld.so");
        assert!(
            ImageSpec::new("amd64")
                .entrypoint(&["/app"])
                .file("app", &loader)
                .file("ld.so", &elf(62))
                .rules()
                .is_empty()
        );
    }
}
