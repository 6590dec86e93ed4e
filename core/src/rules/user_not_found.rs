//! The user that an image runs as is not in it.
//!
//! ## Why this fails
//!
//! A name is looked up in the image's `/etc/passwd` and `/etc/group`. Without a line there, the runtime refuses the container: `unable to
//! find user app: no matching entries in passwd file`.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM scratch
//! COPY app /app
//! USER app
//! ENTRYPOINT ["/app"]
//! ```
//!
//! ## How to fix
//!
//! Add the user in the image, or give its number, which needs no line: `USER 1000:1000`.
//!
//! ## When it is silent
//!
//! For numbers, and when `/etc/passwd` cannot be read.

use super::ImageDraft;
use super::image_start::{error, failing};
use crate::exec::{Outcome, Refusal};
use crate::inspect::Judged;

const NAME: &str = "user-not-found";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some(start) = failing(judged) else { return Vec::new() };
    match &start.prediction.outcome {
        Outcome::Refused { refusal: Refusal::User, .. } => {
            let draft = error(NAME, "the user that the container runs as is not in the image".to_owned(), None);
            vec![
                draft
                    .words(&start)
                    .help("give the user's number, which needs no line in `/etc/passwd`: `USER 1000:1000`"),
            ]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn an_unknown_user_is_found() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62)).user("app");
        assert_eq!(image.rules(), ["error user-not-found"]);
    }

    #[test]
    fn a_known_one_and_a_number_are_not() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62));
        assert!(image.clone().user("1000").rules().is_empty());
        assert!(image.user("app").plain_file("etc/passwd", b"app:x:1000:1000::/:/bin/sh\n").rules().is_empty());
    }
}
