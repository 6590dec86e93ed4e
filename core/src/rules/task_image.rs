//! What is found in an image, said of the task that starts it.

use super::remedy;
use super::{Draft, ImageDraft, Note};
use crate::capacity::group::Host;
use crate::workload::{Archives, Container, Launch, Task};

/// Rules that have the task's side of their own, and one that concerns hosts whose kernel a template does not show.
const ELSEWHERE: [&str; 2] = [super::image_platform_mismatch::NAME, super::page_size_assumption::NAME];

/// What the rules about images say of every container whose image is here, on every host that the task may land on.
pub(crate) fn of_task<'a>(task: &Task<'a>, archives: &Archives<'_>) -> Vec<Draft<'a>> {
    let mut drafts: Vec<Draft<'a>> = Vec::new();
    for container in &task.containers {
        for (launch, host) in task.hosts() {
            let Some(answer) = archives.findings(&container.image, host) else { continue };
            for found in answer.drafts.iter().filter(|found| !ELSEWHERE.contains(&found.rule)) {
                let draft = draft(task, container, launch, host, found);
                if !drafts.iter().any(|other| other.rule == draft.rule && other.message == draft.message) {
                    drafts.push(draft);
                }
            }
        }
    }
    drafts
}

fn draft<'a>(
    task: &Task<'a>,
    container: &Container<'a>,
    launch: &Launch<'a>,
    host: &Host<'a>,
    found: &ImageDraft,
) -> Draft<'a> {
    let mut notes = Vec::new();
    if let Some(contents) = &container.image.contents {
        notes.push(Note::plain(format!("the image comes from the archive `{}`", contents.name)));
    }
    notes.extend(found.file.iter().map(|(path, _)| Note::plain(format!("the file is `{path}` in the image"))));
    notes.extend(found.notes.iter().map(|note| Note::plain(note.clone())));
    notes.push(remedy::launch_note(&launch.label, &host.label, &launch.spot));
    notes.extend(remedy::essential_note(container.essential));
    Draft {
        rule: found.rule,
        severity: found.severity,
        message: format!("container `{}`: {}", container.name, found.message),
        resource: task.placed.id(),
        spot: container.image.spot.clone(),
        at: None,
        container: Some(container.name.clone()),
        notes,
        help: found.help.clone(),
    }
}
