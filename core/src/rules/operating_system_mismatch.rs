//! An image is built for another operating system than the one its task gets.
//!
//! ## Why this fails
//!
//! A Linux image cannot run on a Windows host, nor the other way round: the pull fails for want of a matching platform, or
//! the container cannot be created.
//!
//! ## Example
//!
//! A task with `operatingSystemFamily: WINDOWS_SERVER_2022_CORE` and an image built with `--platform linux/amd64`.
//!
//! ## How to fix
//!
//! Set `operatingSystemFamily` to the image's system, or build the image for the task's.
//!
//! ## When it is silent
//!
//! When the system of the image or of the host is not known, and when the processor is wrong too (`image-platform-mismatch`).

use super::remedy;
use super::{Draft, Settings, Severity};
use crate::platform::Os;
use crate::workload::{Fit, Misfit, Task};

const NAME: &str = "operating-system-mismatch";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for container in &task.containers {
        let Some(platform) = remedy::single(&container.image.platforms) else { continue };
        let found = task.hosts().find(|(_, host)| host.certain && container.image.fits(host) == Fit::Fails(Misfit::Os));
        let Some((launch, host)) = found else { continue };
        let other = if platform.os == Os::Linux { "windows" } else { "linux" };
        let mut notes = remedy::image_notes(&container.image);
        notes.push(super::Note::at("the task's operating system is set here".to_owned(), &task.os_property.spot));
        notes.push(remedy::launch_note(&launch.label, &host.label, &launch.spot));
        notes.extend(remedy::essential_note(container.essential));
        drafts.push(Draft {
            rule: NAME,
            severity: Severity::Error,
            message: format!("container `{}` is built for `{platform}`, but the task runs on {other}", container.name),
            resource: task.placed.id(),
            spot: container.image.spot.clone(),
            container: Some(container.name.clone()),
            notes,
            help: vec![format!(
                "set `operatingSystemFamily` of the task to the image's system, or build the image for {other}"
            )],
        });
    }
    drafts
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{rules_of, task};

    const WINDOWS: &str = r#""RuntimePlatform": {"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},"#;

    #[test]
    fn a_linux_image_in_a_windows_task_is_found() {
        assert_eq!(rules_of(&task("amd64/nginx", WINDOWS)), ["error operating-system-mismatch"]);
    }

    #[test]
    fn a_linux_image_in_a_linux_task_is_not() {
        assert!(rules_of(&task("amd64/nginx", "")).is_empty());
        assert!(rules_of(&task("nginx", WINDOWS)).is_empty());
    }
}
