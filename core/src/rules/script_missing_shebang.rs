//! A script that is started directly does not begin with `#!`.
//!
//! ## Why this fails
//!
//! The kernel knows a script by its first two bytes. Without them, with anything before them, or with nothing behind them, it says
//! `exec format error`, as for a foreign processor. In a shell the same file works, because shells fall back to reading it themselves.
//!
//! ## Example
//!
//! ```sh
//!
//! #!/bin/sh
//! exec node server.js
//! ```
//!
//! The empty first line is enough.
//!
//! ## How to fix
//!
//! Begin the file with `#!/bin/sh`, or name the shell: `ENTRYPOINT ["/bin/sh", "/entrypoint.sh"]`.
//!
//! ## When it is silent
//!
//! When a shell or another program starts the file: they fall back.

use super::ImageDraft;
use super::image_start::{chain_notes, error, failing};
use crate::exec::{Obstacle, Outcome};
use crate::executable::script::Line;
use crate::executable::{Executable, Format};
use crate::image::layer::shown;
use crate::inspect::Judged;

const NAME: &str = "script-missing-shebang";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some(start) = failing(judged) else { return Vec::new() };
    let prediction = start.prediction;
    let (Outcome::Fails { .. }, Some(Obstacle::File), Some(step)) =
        (&prediction.outcome, &prediction.obstacle, prediction.chain.last())
    else {
        return Vec::new();
    };
    let problem = match &step.executable {
        Executable::Other(Format::BlankBeforeShebang) => "has something before its `#!`",
        Executable::Other(format) if is_script(*format) => "does not begin with `#!`",
        Executable::Script(script) if script.line == Line::Blank => "has no interpreter behind its `#!`",
        Executable::Script(script) if script.line == Line::Cut => {
            "names an interpreter that is longer than the kernel reads"
        }
        _ => return Vec::new(),
    };
    let mut draft = error(NAME, format!("`{}` {problem}", shown(&step.asked)), Some(step)).words(&start);
    draft.notes.extend(chain_notes(prediction));
    let name = shown(&step.asked);
    vec![draft.help("make `#!/bin/sh` its first bytes").help(format!("or name the shell: `[\"/bin/sh\", \"{name}\"]`"))]
}

/// Text that was meant as a script.
pub(super) fn is_script(format: Format) -> bool {
    matches!(format, Format::Empty | Format::Text | Format::BlankBeforeShebang)
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn a_script_without_shebang_is_found() {
        for content in [&b"echo hello\n"[..], b"\n#!/bin/sh\n", b"#!\n/bin/sh", b""] {
            let image = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", content).file("bin/sh", &elf(62));
            assert_eq!(image.rules(), ["error script-missing-shebang"]);
        }
    }

    #[test]
    fn one_that_a_shell_starts_is_not() {
        let image = ImageSpec::new("amd64").file("run", b"echo hello\n").file("bin/sh", &elf(62));
        assert!(image.clone().entrypoint(&["/bin/sh", "/run"]).rules().is_empty());
        assert!(image.entrypoint(&["/bin/sh", "-c", "/run"]).rules().is_empty());
        let right = ImageSpec::new("amd64").entrypoint(&["/run"]).file("run", b"#!/bin/sh\n").file("bin/sh", &elf(62));
        assert!(right.rules().is_empty());
    }
}
