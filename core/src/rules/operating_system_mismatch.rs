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
use super::{Draft, Note, Settings, Severity};
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
        notes.push(if task.os.known().is_some() {
            Note::at("the task's operating system is set here".to_owned(), &task.os_property.spot)
        } else {
            Note::at("the task definition sets no `operatingSystemFamily`".to_owned(), &task.placed.spot())
        });
        notes.push(remedy::launch_note(&launch.label, &host.label, &launch.spot));
        notes.extend(remedy::essential_note(container.essential));
        drafts.push(Draft {
            rule: NAME,
            severity: Severity::Error,
            message: format!("container `{}` is built for `{platform}`, but the task runs on {other}", container.name),
            resource: task.placed.id(),
            spot: container.image.spot.clone(),
            at: None,
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
    use crate::check::testing::{ec2, joiner, locked_rules_of, rules_of, task, with};

    const WINDOWS: &str = r#""RuntimePlatform": {"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},"#;

    #[test]
    fn a_linux_image_in_a_windows_task_is_found() {
        assert_eq!(rules_of(&task("amd64/nginx", WINDOWS)), ["error operating-system-mismatch"]);
    }

    #[test]
    fn a_cluster_of_both_systems_is_one_cause() {
        let lock = r#"{"schema": 1, "images": {"linux": {"platforms": ["linux/amd64"]}}}"#;
        let windows = joiner("W", "m7i.large", r#"{"Fn::Sub": "<powershell>Initialize-ECSAgent -Cluster ${Cluster}"}"#)
            .replace(
                "/ecs/optimized-ami/amazon-linux-2023/recommended",
                "/ami-windows-latest/Windows_Server-2022-English-Core-ECS_Optimized",
            );
        let app = with(&ec2("linux", "", &["m7i.large"], ""), &[&windows]);
        assert_eq!(locked_rules_of(&app, lock), ["error operating-system-mismatch"]);
        let declared = r#""RuntimePlatform": {"OperatingSystemFamily": "LINUX"},"#;
        assert!(locked_rules_of(&with(&ec2("linux", declared, &["m7i.large"], ""), &[&windows]), lock).is_empty());
    }

    #[test]
    fn a_linux_image_in_a_linux_task_is_not() {
        assert!(rules_of(&task("amd64/nginx", "")).is_empty());
        assert!(rules_of(&task("nginx", WINDOWS)).is_empty());
    }
}
