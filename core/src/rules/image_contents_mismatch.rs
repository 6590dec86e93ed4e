//! An image declares one platform and holds programs for another.
//!
//! ## Why this fails
//!
//! The label is what a registry shows and what a runtime chooses by; the files are what the kernel executes. `FROM
//! --platform=$BUILDPLATFORM` in the final stage, a base pinned by the digest of one platform, or the classic Docker builder give such
//! an image. The container's log has one line: `exec /app: exec format error`.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM --platform=$BUILDPLATFORM node:22   # the final stage: it is the build host's platform, whatever the label says
//! COPY . .
//! CMD ["node", "server.js"]
//! ```
//!
//! ## How to fix
//!
//! Let only builder stages run on `$BUILDPLATFORM`, pin the digest of an index, and build with `docker build --platform`.
//!
//! ## When it is silent
//!
//! When at least one program of the declared platform was seen in the image; then the one file that is foreign is named.

use super::ImageDraft;
use super::image_start::{chain_notes, error, failing, rebuild, whole_image_is_foreign};
use crate::image::layer::shown;
use crate::inspect::Judged;

const NAME: &str = "image-contents-mismatch";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    if !whole_image_is_foreign(judged) {
        return Vec::new();
    }
    let (Some(declared), Some(start)) = (judged.declared, failing(judged)) else { return Vec::new() };
    let Some((_, step, machine)) = start.prediction.foreign() else { return Vec::new() };
    let message = format!("the image says that it is for `{declared}`, but what it starts is for {}", machine.name());
    let mut draft = error(NAME, message, Some(step)).words(&start);
    draft.notes.push(format!(
        "`{}` is a program for {}; none for `{declared}` was seen",
        shown(&step.asked),
        machine.name()
    ));
    draft.notes.extend(chain_notes(start.prediction));
    vec![
        draft
            .help(rebuild(judged))
            .help("in the Dockerfile, only builder stages may say `FROM --platform=$BUILDPLATFORM`; a digest must be that of an index"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn an_image_that_holds_another_platform_is_found() {
        let image = ImageSpec::new("arm64").entrypoint(&["/app"]).file("app", &elf(62));
        assert_eq!(image.rules(), ["error image-contents-mismatch"]);
    }

    #[test]
    fn an_image_that_holds_what_it_says_is_not() {
        assert!(ImageSpec::new("arm64").entrypoint(&["/app"]).file("app", &elf(183)).rules().is_empty());
    }
}
