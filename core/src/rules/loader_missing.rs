//! The dynamic loader that a program names cannot be used.
//!
//! ## Why this fails
//!
//! A dynamically linked program names its loader by path: `/lib64/ld-linux-x86-64.so.2` of glibc, `/lib/ld-musl-x86_64.so.1` of musl. Without it
//! the kernel says `exec /app: no such file or directory`, although the program is there.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM golang AS build
//! RUN go build -o /app     # linked against glibc
//! FROM alpine
//! COPY --from=build /app /app
//! ```
//!
//! ## How to fix
//!
//! Link statically (`CGO_ENABLED=0`), or take a base image with the C library that the program was linked against.
//!
//! ## When it is silent
//!
//! For static programs, and when the loader is of another processor (`loader-foreign-architecture`).

use super::ImageDraft;
use super::image_start::{error, failing};
use crate::exec::errno::Errno;
use crate::exec::{Obstacle, Outcome};
use crate::image::layer::shown;
use crate::inspect::Judged;

const NAME: &str = "loader-missing";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some(start) = failing(judged) else { return Vec::new() };
    let prediction = start.prediction;
    let Outcome::Fails { errno, .. } = prediction.outcome else { return Vec::new() };
    let (path, problem) = match &prediction.obstacle {
        Some(Obstacle::Loader(path)) => (
            path,
            match errno {
                Errno::Enoent | Errno::Enotdir => "is not in the image",
                Errno::Eacces => "may not be executed",
                _ => "cannot be opened",
            },
        ),
        Some(Obstacle::LoaderContent(loader)) if prediction.foreign().is_none() => {
            (&loader.asked, "is no loader for it")
        }
        _ => return Vec::new(),
    };
    let program = prediction.chain.last();
    let name = program.map(|step| shown(&step.asked)).unwrap_or_default();
    let mut draft = error(NAME, format!("the loader `{}` of `{name}` {problem}", shown(path)), program).words(&start);
    let library = if memchr::memmem::find(path, b"ld-musl").is_some() {
        "musl, as in Alpine"
    } else {
        "glibc, as in Debian or Amazon Linux"
    };
    draft.notes.push(format!("the program is linked dynamically against {library}"));
    vec![draft.help(format!("take a base image with {library}, or link the program statically (Go: `CGO_ENABLED=0`)"))]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf, elf_with_loader};

    #[test]
    fn a_missing_loader_is_found() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf_with_loader(62, "/ld.so"));
        assert_eq!(image.clone().rules(), ["error loader-missing"]);
        assert_eq!(image.file("ld.so", b"text").rules(), ["error loader-missing"]);
    }

    #[test]
    fn one_that_is_there_is_not() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf_with_loader(62, "/ld.so"));
        assert!(image.file("ld.so", &elf(62)).rules().is_empty());
    }
}
