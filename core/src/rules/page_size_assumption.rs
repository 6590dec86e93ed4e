//! A program for arm64 only starts on kernels with small pages.
//!
//! ## Why this fails
//!
//! Segments that are aligned to less than 64 KiB cannot be mapped by an arm64 kernel whose pages are that large, as kernels of Red Hat's
//! family may be. Amazon Linux and Bottlerocket have pages of 4 KiB, so that this concerns external instances and custom AMIs only.
//!
//! ## Example
//!
//! A program linked with `-z max-page-size=4096`.
//!
//! ## How to fix
//!
//! Link with `-z max-page-size=65536`, the default of most linkers for arm64.
//!
//! ## When it is silent
//!
//! For other architectures; in a check of a task, because a template does not show the kernel of its hosts.

use super::ImageDraft;
use super::image_start::error;
use crate::exec::Outcome;
use crate::image::layer::shown;
use crate::inspect::Judged;
use crate::platform::Architecture;

pub(super) const NAME: &str = "page-size-assumption";

/// The largest pages that Linux has on arm64 (`CONFIG_ARM64_64K_PAGES`).
const LARGE_PAGE: u64 = 64 << 10;

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    if judged.host.platform.architecture != Architecture::Arm64 || judged.prediction.outcome != Outcome::Starts {
        return Vec::new();
    }
    let mut steps = judged.prediction.chain.last().into_iter().chain(&judged.prediction.loader);
    let small = steps.find_map(|step| Some((step, step.elf()?.page_size.filter(|size| *size < LARGE_PAGE)?)));
    let Some((step, size)) = small else { return Vec::new() };
    let message = format!("`{}` does not start on kernels with pages of 64 KiB", shown(&step.asked));
    let draft = error(NAME, message, Some(step)).into_warning();
    vec![
        draft
            .note(format!(
                "its segments are aligned to {size} bytes; Amazon Linux and Bottlerocket have pages of 4 KiB and run it"
            ))
            .help("link with `-z max-page-size=65536`"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf, elf_aligned};

    #[test]
    fn a_small_alignment_is_found() {
        let image = ImageSpec::new("arm64").entrypoint(&["/app"]).file("app", &elf_aligned(183, 4096));
        assert_eq!(image.rules(), ["warning page-size-assumption"]);
    }

    #[test]
    fn a_large_one_is_not() {
        assert!(ImageSpec::new("arm64").entrypoint(&["/app"]).file("app", &elf_aligned(183, 65536)).rules().is_empty());
        assert!(ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf_aligned(62, 4096)).rules().is_empty());
        assert!(ImageSpec::new("arm64").entrypoint(&["/app"]).file("app", &elf(183)).rules().is_empty());
    }
}
