//! A program needs a newer processor than the host is said to have.
//!
//! ## Why this fails
//!
//! Programs may be compiled for a level of x86-64: v2, v3, v4. On an older processor the loader refuses them: `CPU ISA level is lower than
//! required`, exit code 127. Red Hat UBI 9 and Amazon Linux 2023 need v2, UBI 10 needs v3.
//!
//! ## Example
//!
//! An image compiled with `-march=x86-64-v4`, which needs AVX-512, on an instance with AMD Zen 3.
//!
//! ## How to fix
//!
//! Compile for the level that every host has, or take instances that have the higher one.
//!
//! ## When it is silent
//!
//! For v2 and v3 on a host whose level is not named: every x86 instance type of EC2 that ECS still offers has them. With `--platform linux/amd64/v2` the host
//! has that level and no more.

use super::ImageDraft;
use super::image_start::error;
use crate::exec::Outcome;
use crate::image::layer::shown;
use crate::inspect::Judged;
use crate::platform::Architecture;

const NAME: &str = "cpu-level-too-high";

/// `GNU_PROPERTY_X86_ISA_1_…` has one bit for each level from the baseline on.
const LEVELS: [(u32, u8); 3] = [(1 << 3, 4), (1 << 2, 3), (1 << 1, 2)];

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let host = &judged.host.platform;
    if host.architecture != Architecture::X86_64 || judged.prediction.outcome != Outcome::Starts {
        return Vec::new();
    }
    let named: Option<u8> = host.variant.as_deref().and_then(|variant| variant.strip_prefix('v')?.parse().ok());
    let steps = judged.prediction.chain.last().into_iter().chain(&judged.prediction.loader);
    for step in steps {
        let Some(elf) = step.elf() else { continue };
        let Some((_, level)) = LEVELS.iter().find(|(bit, _)| elf.isa_needed & bit != 0) else { continue };
        let message = format!("`{}` needs a processor of level x86-64-v{level}", shown(&step.asked));
        match named {
            Some(has) if has < *level => {
                return vec![error(NAME, message, Some(step)).note(format!("the host has x86-64-v{has}")).note(
                    "the program starts and ends at once with exit code 127: `CPU ISA level is lower than required`",
                )];
            }
            None if *level == 4 => {
                let draft = error(NAME, message, Some(step)).into_warning();
                return vec![
                    draft
                        .note("Fargate and many instance types have processors without AVX-512")
                        .help("compile for x86-64-v3 or lower"),
                ];
            }
            _ => {}
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf, elf_for_level};

    #[test]
    fn a_level_that_hosts_may_lack_is_found() {
        let image = |level| ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf_for_level(level));
        assert_eq!(image(4).rules(), ["warning cpu-level-too-high"]);
        assert_eq!(image(3).host("linux/amd64/v2").rules(), ["error cpu-level-too-high"]);
    }

    #[test]
    fn one_that_they_have_is_not() {
        let image = |level| ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf_for_level(level));
        assert!(image(3).rules().is_empty());
        assert!(image(3).host("linux/amd64/v3").rules().is_empty());
        assert!(ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62)).rules().is_empty());
    }
}
