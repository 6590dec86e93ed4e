//! What is found in the files that a Dockerfile copies from its context, said of the task that starts the image.
//!
//! The rules are those of images; what they say of a file that is not built yet holds if the prediction behind it is a proof.

use std::rc::Rc;

use super::build_side::{Site, sites};
use super::{Draft, ImageDraft, Note, Severity};
use crate::build::start::{Origin, Predicted, Trust};
use crate::exec::errno::Errno;
use crate::exec::{Outcome, Refusal};
use crate::executable::{Executable, Format};
use crate::inspect::{self, Judged};
use crate::workload::Task;

/// Rules that a Dockerfile has its own for.
const ELSEWHERE: [&str; 4] = [
    "entrypoint-foreign-architecture",
    "image-contents-mismatch",
    "library-foreign-architecture",
    "page-size-assumption",
];

/// What the rules about images say of every container whose image is built from a Dockerfile that is here.
pub(crate) fn of_task<'a>(task: &Task<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for site in sites(task) {
        let Some(predicted) = start(&site) else { continue };
        if program_has_a_rule(&predicted) {
            continue;
        }
        let judged = Judged {
            declared: Some(&site.platform),
            host: &predicted.prediction.host,
            prediction: &predicted.prediction,
            wrapped: predicted.wrapped.as_ref(),
            holds_declared: true,
            foreign_libraries: &[],
            foreign_modules: &[],
        };
        let found = inspect::findings(&judged);
        drafts.extend(
            found.iter().filter(|found| !ELSEWHERE.contains(&found.rule)).map(|found| draft(&site, &predicted, found)),
        );
    }
    drafts
}

/// What is predicted for the start, unless volumes of the task or an init process may change it.
pub(super) fn start(site: &Site<'_, '_>) -> Option<Rc<Predicted>> {
    let start = site.build.start.as_ref()?;
    let predicted = site.build.predicted(&site.exec_host())?;
    let prediction = &predicted.prediction;
    let steps = prediction.chain.iter().chain(&prediction.loader);
    let mut paths = steps.flat_map(|step| [&step.asked, &step.path]);
    let covered = paths.any(|path| std::str::from_utf8(path).is_ok_and(|path| start.covers(path)));
    let is_text = prediction.chain.last().is_some_and(|step| match &step.executable {
        Executable::Other(format) => format.is_text(),
        _ => false,
    });
    // An init process starts the command with `execvp`, and an entrypoint that the base may have with `exec`: both read a text
    // as a script of the shell.
    let fails = prediction.outcome != Outcome::Starts;
    let read_by_shell = is_text && fails && (start.init || predicted.trust != Trust::Certain && is_command(site));
    let may_appear = !start.mounted.is_empty() && fails && prediction.foreign().is_none();
    let unknown = matches!(prediction.outcome, Outcome::Unknown(_));
    let decided = !covered && !read_by_shell && !may_appear && !unknown;
    decided.then(|| Rc::clone(&predicted))
}

/// Whether the base image may have an entrypoint before the command.
fn is_command(site: &Site<'_, '_>) -> bool {
    let recipe = site.build.recipe();
    recipe
        .and_then(|recipe| recipe.stages.get(recipe.target))
        .is_some_and(|stage| stage.config.entrypoint.known().is_none())
}

/// Whether what stops the start is a finding of `copied-binary-foreign` or `git-lfs-pointer-copied`.
fn program_has_a_rule(predicted: &Predicted) -> bool {
    super::copied_binary_foreign::stopped_by(predicted).is_some()
        || super::git_lfs_pointer_copied::stopped_by(predicted).is_some()
}

/// The format of the file that the kernel refuses, of the program or of the one behind a wrapper.
pub(super) fn refused_format(predicted: &Predicted) -> Option<(Format, String)> {
    let inner =
        predicted.wrapped.as_ref().filter(|wrapped| wrapped.fails()).and_then(|wrapped| wrapped.prediction.as_ref());
    let prediction = match predicted.prediction.outcome {
        Outcome::Fails { .. } => &predicted.prediction,
        Outcome::Starts => inner?,
        _ => return None,
    };
    let step = prediction.chain.last()?;
    match &step.executable {
        Executable::Other(format) => Some((*format, String::from_utf8_lossy(&step.path).into_owned())),
        _ => None,
    }
}

/// Where a file of the image is from: the file to show, a line in it, and what the person should know of it.
pub(super) fn origin<'a>(site: &Site<'_, 'a>, predicted: &Predicted, path: &str) -> ((String, usize), Vec<Note<'a>>) {
    match predicted.part(path).map(|part| &part.from) {
        Some(Origin::Context(given)) => {
            let note = site.in_dockerfile(format!("it is copied to `{path}`"), given.line);
            ((site.build.source(&given.source), 1), vec![note])
        }
        Some(Origin::Text(line)) => ((site.build.file().to_owned(), *line), Vec::new()),
        None => {
            let recipe = site.build.recipe();
            let config = recipe.and_then(|recipe| recipe.stages.get(recipe.target)).map(|stage| &stage.config);
            let line = config.and_then(|config| config.line).unwrap_or(1);
            ((site.build.file().to_owned(), line), Vec::new())
        }
    }
}

fn draft<'a>(site: &Site<'_, 'a>, predicted: &Predicted, found: &ImageDraft) -> Draft<'a> {
    // The file that has to be changed is the last one of the context that the kernel came to.
    let inner = predicted.wrapped.as_ref().and_then(|wrapped| wrapped.prediction.as_ref());
    let chains = predicted.prediction.chain.iter().chain(inner.map(|inner| inner.chain.as_slice()).unwrap_or_default());
    let mut own =
        chains.filter_map(|step| std::str::from_utf8(&step.path).ok()).filter(|path| predicted.part(path).is_some());
    let named = found.file.as_ref().map(|(path, _)| path.as_str()).filter(|path| predicted.part(path).is_some());
    let program = predicted.prediction.argv.first().map(String::as_str).filter(|path| predicted.part(path).is_some());
    let path = named.or(own.next_back()).or(program).unwrap_or_default();
    let (at, notes) = origin(site, predicted, path);
    // Docker gives all files of a context on Windows the bits of execution.
    let mode_is_set = matches!(predicted.part(path).map(|part| &part.from), Some(Origin::Context(given)) if given.mode_is_set)
        || matches!(predicted.part(path).map(|part| &part.from), Some(Origin::Text(_)));
    let about_mode = matches!(
        predicted.prediction.outcome,
        Outcome::Refused { refusal: Refusal::NotExecutable, .. } | Outcome::Fails { errno: Errno::Eacces, .. }
    );
    let proven = predicted.trust == Trust::Certain && found.severity == Severity::Error && (!about_mode || mode_is_set);
    let mut draft = site.draft(found.rule, site.severity(proven), found.message.clone(), at);
    let mut facts = notes;
    facts.extend(found.notes.iter().map(|note| Note::plain(note.clone())));
    facts.append(&mut draft.notes);
    if about_mode && !mode_is_set {
        facts.push(Note::plain("a build on Windows gives every file of the context the bits of execution"));
    }
    draft.notes = facts;
    draft.help = found.help.clone();
    draft
}
