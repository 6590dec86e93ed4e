//! The interpreter that a script names cannot be opened.
//!
//! ## Why this fails
//!
//! The kernel looks for the interpreter of the first line and does not find it, or may not execute it. The error names the script: `exec
//! /run.sh: no such file or directory`, although the script is there.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM alpine
//! COPY run.sh /        # begins with #!/bin/bash
//! ENTRYPOINT ["/run.sh"]
//! ```
//!
//! ## How to fix
//!
//! Install the interpreter, or name one that the image has.
//!
//! ## When it is silent
//!
//! When the line ends with a carriage return (`script-carriage-return`).

use super::ImageDraft;
use super::image_start::{error, failing, missing_interpreter};
use crate::exec::Outcome;
use crate::exec::errno::Errno;
use crate::image::layer::shown;
use crate::inspect::Judged;

const NAME: &str = "interpreter-missing";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    if let Some(wrapped) = judged.wrapped.filter(|wrapped| wrapped.is_missing_interpreter(judged.prediction)) {
        let script = judged.prediction.chain.first();
        let name = script.map(|step| shown(&step.asked)).unwrap_or_default();
        let message = format!("the interpreter `{}` of `{name}` is nowhere on the image's `PATH`", wrapped.name);
        let draft = error(NAME, message, script);
        return vec![
            draft
                .note(format!(
                    "`env` starts, and ends with exit code 127: `env: '{}': No such file or directory`",
                    wrapped.name
                ))
                .help("install the interpreter in the image, or name one that is there in the script's first line"),
        ];
    }
    let Some(start) = failing(judged) else { return Vec::new() };
    let Some((step, path)) = missing_interpreter(start.prediction).filter(|(_, path)| !path.ends_with(b"\r")) else {
        return Vec::new();
    };
    let problem = match start.prediction.outcome {
        Outcome::Fails { errno: Errno::Enoent | Errno::Enotdir, .. } => "is not in the image",
        Outcome::Fails { errno: Errno::Eacces, .. } => "may not be executed",
        _ => "cannot be opened",
    };
    let message = format!("the interpreter `{}` of `{}` {problem}", shown(path), shown(&step.asked));
    let draft = error(NAME, message, Some(step)).words(&start);
    vec![draft.help("install the interpreter in the image, or name one that is there in the script's first line")]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn a_missing_interpreter_is_found() {
        let image = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", b"#!/bin/bash\n");
        assert_eq!(image.clone().rules(), ["error interpreter-missing"]);
        assert_eq!(image.plain_file("bin/bash", &elf(62)).rules(), ["error interpreter-missing"]);
    }

    #[test]
    fn one_that_env_will_not_find_is_found() {
        let image = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", b"#!/usr/bin/env bash\n");
        let image = image.file("usr/bin/env", &elf(62));
        assert_eq!(image.clone().rules(), ["error interpreter-missing"]);
        assert!(image.file("bin/bash", &elf(62)).rules().is_empty());
    }

    #[test]
    fn one_that_is_there_is_not() {
        let image =
            ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", b"#!/bin/bash\n").file("bin/bash", &elf(62));
        assert!(image.rules().is_empty());
    }
}
