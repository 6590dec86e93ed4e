//! The working directory of an image cannot be used.
//!
//! ## Why this fails
//!
//! The runtime makes the working directory where it is missing, but not over a file or through a link that leads nowhere. It refuses the
//! container: `mkdir /app: not a directory`.
//!
//! ## Example
//!
//! ```dockerfile
//! COPY server /app
//! WORKDIR /app/data     # /app is the file that was just copied
//! ```
//!
//! ## How to fix
//!
//! Name a directory, or a path that is not there yet.
//!
//! ## When it is silent
//!
//! When the directory does not exist; then it is made. When the user may not search it: the runtime enters it all the same.

use super::ImageDraft;
use super::image_start::{error, failing};
use crate::exec::{Outcome, Refusal};
use crate::inspect::Judged;

const NAME: &str = "working-directory-unusable";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some(start) = failing(judged) else { return Vec::new() };
    match &start.prediction.outcome {
        Outcome::Refused { refusal: Refusal::Directory, .. } => {
            let draft = error(NAME, "the working directory is not a directory".to_owned(), None);
            vec![draft.words(&start).help("name a directory, or an absolute path that is not there yet")]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn a_file_as_working_directory_is_found() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62)).directory("/app");
        assert_eq!(image.rules(), ["error working-directory-unusable"]);
    }

    #[test]
    fn a_missing_one_is_not() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62)).directory("/srv/new");
        assert!(image.rules().is_empty());
    }
}
