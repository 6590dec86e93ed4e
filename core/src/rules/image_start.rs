//! What the rules about the contents of images share: how a file, a machine and a rebuild are named.

use super::{ImageDraft, Severity};
use crate::exec::{Obstacle, Outcome, Prediction, Role, Step};
use crate::executable::elf::Machine;
use crate::image::layer::shown;
use crate::inspect::Judged;

/// An error about a file.
pub(super) fn error(rule: &'static str, message: String, step: Option<&Step>) -> ImageDraft {
    let file = step.map(|step| (shown(&step.path), Some(step.layer)));
    ImageDraft { rule, severity: Severity::Error, message, file, notes: Vec::new(), help: Vec::new() }
}

impl ImageDraft {
    /// The same as a warning.
    pub(super) fn into_warning(mut self) -> ImageDraft {
        self.severity = Severity::Warning;
        self
    }

    /// With a fact.
    pub(super) fn note(mut self, note: impl Into<String>) -> ImageDraft {
        self.notes.push(note.into());
        self
    }

    /// With a way out.
    pub(super) fn help(mut self, help: impl Into<String>) -> ImageDraft {
        self.help.push(help.into());
        self
    }

    /// With the words that people read.
    pub(super) fn words(self, start: &Start<'_>) -> ImageDraft {
        match (&start.prediction.outcome, start.wrapper) {
            (_, Some(wrapper)) => self.note(format!("`{wrapper}` starts, and then has to start this program")),
            (Outcome::Fails { text, .. } | Outcome::Refused { text, .. }, None) => {
                let text = text.clone();
                self.note(format!("the container would stop at once: `{text}`"))
            }
            _ => self,
        }
    }
}

/// One start to look at: the container's, or that of the program behind a wrapper.
pub(super) struct Start<'j> {
    pub(super) prediction: &'j Prediction,
    pub(super) wrapper: Option<&'j str>,
}

/// The start that fails, if one is certain to.
pub(super) fn failing<'j>(judged: &'j Judged<'_>) -> Option<Start<'j>> {
    match judged.prediction.outcome {
        Outcome::Starts => {}
        _ => return Some(Start { prediction: judged.prediction, wrapper: None }),
    }
    let wrapped = judged.wrapped.filter(|wrapped| wrapped.fails())?;
    Some(Start { prediction: wrapped.prediction.as_ref()?, wrapper: Some(&wrapped.wrapper) })
}

/// What a start asks the kernel for, in words.
pub(super) fn chain_notes(prediction: &Prediction) -> Vec<String> {
    let scripts = prediction.chain.windows(2).filter_map(|pair| match pair {
        [script, interpreter] => {
            Some(format!("`{}` is a script that `{}` interprets", shown(&script.asked), shown(&interpreter.asked)))
        }
        _ => None,
    });
    let links = prediction.chain.iter().filter(|step| step.asked.starts_with(b"/") && step.asked != step.path);
    let links = links.map(|step| format!("`{}` is a link to `{}`", shown(&step.asked), shown(&step.path)));
    scripts.chain(links).collect()
}

/// A foreign program in a role, unless the whole image is foreign: then `image-contents-mismatch` says so.
pub(super) fn foreign<'j>(judged: &'j Judged<'_>, wanted: Role) -> Option<(Start<'j>, &'j Step, Machine)> {
    if whole_image_is_foreign(judged) || label_differs(judged) {
        return None;
    }
    let start = failing(judged)?;
    let (role, step, machine) = start.prediction.foreign()?;
    (role == wanted).then_some((start, step, machine))
}

/// Whether the image declares the host's architecture, and nothing of that architecture was seen in it.
pub(super) fn whole_image_is_foreign(judged: &Judged<'_>) -> bool {
    let declares_host =
        judged.declared.is_some_and(|declared| declared.architecture == judged.host.platform.architecture);
    let foreign = failing(judged)
        .is_some_and(|start| matches!(start.prediction.foreign(), Some((Role::Entrypoint | Role::Interpreter, ..))));
    declares_host && foreign && !judged.holds_declared
}

/// Whether the image declares another architecture than the host's, and starts a program of the one that it declares: then
/// `image-platform-mismatch` says so.
pub(super) fn label_differs(judged: &Judged<'_>) -> bool {
    let Some(declared) = judged.declared else { return false };
    declared.architecture != judged.host.platform.architecture
        && failing(judged)
            .and_then(|start| start.prediction.foreign())
            .is_some_and(|(_, _, machine)| machine == Machine::Known(declared.architecture))
}

/// How to build for the host.
pub(super) fn rebuild(judged: &Judged<'_>) -> String {
    format!("build the image for it: `docker build --platform {} …`", judged.host.platform)
}

/// The path of the interpreter that cannot be opened.
pub(super) fn missing_interpreter(prediction: &Prediction) -> Option<(&Step, &[u8])> {
    match &prediction.obstacle {
        Some(Obstacle::Interpreter(path)) => Some((prediction.chain.last()?, path)),
        _ => None,
    }
}
