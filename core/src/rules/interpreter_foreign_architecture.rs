//! A script's interpreter is for another processor than the host's.
//!
//! ## Why this fails
//!
//! The kernel opens the script, reads `#!/bin/sh`, and then has to execute `/bin/sh`, which it cannot. The error names the script, not
//! the interpreter: `exec /docker-entrypoint.sh: exec format error`. The script itself is innocent.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM scratch
//! COPY busybox-arm64 /bin/sh
//! COPY entrypoint.sh /
//! ENTRYPOINT ["/entrypoint.sh"]
//! ```
//!
//! ## How to fix
//!
//! Take the interpreter from a base image for the target, and let `docker build --platform` choose it.
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

const NAME: &str = "interpreter-foreign-architecture";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some((start, step, machine)) = foreign(judged, Role::Interpreter) else { return Vec::new() };
    let message = format!(
        "the interpreter `{}` is a program for {}, but the host is `{}`",
        shown(&step.asked),
        machine.name(),
        judged.host.platform
    );
    let mut draft = error(NAME, message, Some(step)).words(&start);
    draft.notes.extend(chain_notes(start.prediction));
    vec![draft.help("take the interpreter from a base image of the target platform").help(rebuild(judged))]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf, elf_with_loader};

    #[test]
    fn a_foreign_interpreter_is_found() {
        let image = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", b"#!/bin/sh\n").file("bin/sh", &elf(183));
        assert_eq!(image.file("bin/true", &elf(62)).rules(), ["error interpreter-foreign-architecture"]);
    }

    #[test]
    fn a_native_one_is_not() {
        let loader = elf_with_loader(62, "/ld.so");
        let image = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", b"#!/bin/sh\n").file("bin/sh", &loader);
        assert!(image.file("ld.so", &elf(62)).rules().is_empty());
    }
}
