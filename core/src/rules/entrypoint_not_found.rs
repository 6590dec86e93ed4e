//! What an image starts is not there.
//!
//! ## Why this fails
//!
//! The runtime looks the program up before it starts anything, along the image's `PATH` if the name has no slash. It refuses the
//! container: `exec: "serve": executable file not found in $PATH`, exit code 127.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM alpine
//! ENTRYPOINT ["bash", "/run.sh"]   # Alpine has no bash
//! ```
//!
//! ## How to fix
//!
//! Name a file that the image has; check the base image, the stage that is built, and `WORKDIR` for relative paths.
//!
//! ## When it is silent
//!
//! When a layer that decides cannot be read; for paths under `/proc`, `/sys` and `/dev`, which the runtime provides.

use super::ImageDraft;
use super::image_start::{error, failing};
use crate::exec::{Outcome, Refusal};
use crate::inspect::Judged;

const NAME: &str = "entrypoint-not-found";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some(start) = failing(judged) else { return Vec::new() };
    let draft = match &start.prediction.outcome {
        Outcome::Refused { refusal: Refusal::NoCommand, .. } => {
            error(NAME, "the image has neither an entrypoint nor a command".to_owned(), None).help(
                "set `ENTRYPOINT` or `CMD` in the Dockerfile, or `entryPoint` or `command` in the container definition",
            )
        }
        Outcome::Refused { refusal: Refusal::NotFound, .. } => {
            let name = start.prediction.argv.first().map(String::as_str).unwrap_or_default();
            error(NAME, format!("`{name}` is not in the image"), None)
                .help("check the base image, the stage that is built (`target`), and the working directory for a relative path")
        }
        _ => return Vec::new(),
    };
    vec![draft.words(&start)]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn a_missing_program_is_found() {
        for entrypoint in [&["/app"][..], &["serve"], &[]] {
            assert_eq!(ImageSpec::new("amd64").entrypoint(entrypoint).rules(), ["error entrypoint-not-found"]);
        }
    }

    #[test]
    fn one_that_is_there_is_not() {
        let image = ImageSpec::new("amd64").entrypoint(&["app"]).file("usr/bin/app", &elf(62));
        assert!(image.rules().is_empty());
    }
}
