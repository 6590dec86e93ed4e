//! A script's first line ends with a carriage return.
//!
//! ## Why this fails
//!
//! Lines of files from Windows end with two characters. The kernel takes the first one as a part of the interpreter's name and looks for
//! `/bin/sh\r`: `exec /entrypoint.sh: no such file or directory`, although the file is there. With `#!/usr/bin/env` it is `env` that does not
//! find `sh\r`, with exit code 127.
//!
//! ## Example
//!
//! An `entrypoint.sh` that Git checked out on Windows with `core.autocrlf=true`.
//!
//! ## How to fix
//!
//! Keep the file's line endings in the repository: `*.sh text eol=lf` in `.gitattributes`, then `git add --renormalize .`
//!
//! ## When it is silent
//!
//! For scripts that are not part of the start. A warning where an argument stands before the line's end: the interpreter decides.

use super::ImageDraft;
use super::image_start::{error, missing_interpreter};
use crate::exec::{Outcome, Step};
use crate::executable::Executable;
use crate::executable::script::{Line, Script};
use crate::image::layer::shown;
use crate::inspect::Judged;

const NAME: &str = "script-carriage-return";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let prediction = judged.prediction;
    let fails = missing_interpreter(prediction).filter(|(_, path)| path.ends_with(b"\r"));
    let Some((step, line)) =
        fails.map(|(step, _)| step).or_else(|| runs_into(judged)).and_then(|step| Some((step, script(step)?)))
    else {
        return Vec::new();
    };
    // `env -S` takes a carriage return for a blank.
    let env = matches!(&line.line, Line::Interpreter { path, argument: Some(argument) }
        if path.ends_with(b"/env") && !argument.starts_with(b"-"));
    let mut draft =
        error(NAME, format!("the first line of `{}` ends with a carriage return", shown(&step.asked)), Some(step));
    match (&prediction.outcome, &line.line) {
        (Outcome::Fails { text, .. }, _) => draft = draft.note(format!("the container would stop at once: `{text}`")),
        (_, Line::Interpreter { argument: Some(argument), .. }) => {
            let argument = shown(argument).replace('\r', "\\r");
            draft = draft.note(format!("the interpreter starts, with the argument `{argument}`"));
        }
        _ => {}
    }
    if fails.is_none() && !env {
        draft = draft.into_warning();
    }
    vec![draft.help("write it with Unix line endings; keep them in Git: `*.sh text eol=lf` in `.gitattributes`")]
}

/// A script of a start that succeeds, whose interpreter gets the carriage return as the end of its argument.
fn runs_into<'j>(judged: &'j Judged<'_>) -> Option<&'j Step> {
    if judged.prediction.outcome != Outcome::Starts {
        return None;
    }
    judged.prediction.chain.iter().find(|step| {
        script(step).is_some_and(|script| {
            script.carriage_return && matches!(script.line, Line::Interpreter { argument: Some(_), .. })
        })
    })
}

fn script(step: &Step) -> Option<&Script> {
    match &step.executable {
        Executable::Script(script) => Some(script),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn a_carriage_return_is_found() {
        let image = |content: &[u8]| {
            let image = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", content);
            image.file("bin/sh", &elf(62)).file("usr/bin/env", &elf(62)).rules()
        };
        assert_eq!(image(b"#!/bin/sh\r\necho\r\n"), ["error script-carriage-return"]);
        assert_eq!(image(b"#!/usr/bin/env sh\r\n"), ["error script-carriage-return"]);
        assert_eq!(image(b"#!/bin/sh -e\r\n"), ["warning script-carriage-return"]);
    }

    #[test]
    fn one_in_a_later_line_is_not() {
        let image =
            ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", b"#!/bin/sh\necho\r\n").file("bin/sh", &elf(62));
        assert!(image.rules().is_empty());
    }
}
