//! An image index has no image for the processors that the task gets.
//!
//! ## Why this fails
//!
//! The tag is an index, from which the host picks its own platform. There is none, so the pull fails:
//! `CannotPullContainerError: … image Manifest does not contain descriptor matching platform 'linux/arm64'`.
//!
//! ## Example
//!
//! A sidecar that its vendor publishes for `linux/amd64` only, in a task that moves to Graviton.
//!
//! ## How to fix
//!
//! Take a version of the image that has the platform, publish one (`docker buildx build --platform linux/amd64,linux/arm64`),
//! or keep the task on an architecture that the index has.
//!
//! ## When it is silent
//!
//! When the platforms of the image are not known. `ecs-arch lock` looks them up and writes them down.

use super::remedy;
use super::{Draft, ImageDraft, Settings, Severity};
use crate::platform::{Os, Platform};
use crate::workload::{Fit, Misfit, Platforms, Task};

const NAME: &str = "image-platform-missing";

pub(super) fn check<'a>(task: &Task<'a>, settings: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for container in &task.containers {
        let Platforms::Index(platforms) = &container.image.platforms else { continue };
        let missing =
            task.hosts().find(|(_, host)| host.certain && container.image.fits(host) == Fit::Fails(Misfit::Missing));
        let Some((launch, host)) = missing else { continue };
        let Some(architecture) = host.architecture else { continue };
        let target = Platform::new(host.os.unwrap_or(Os::Linux), architecture);
        let mut notes = remedy::image_notes(&container.image);
        notes.extend(remedy::task_note(task, host.fargate));
        notes.push(remedy::launch_note(&launch.label, &host.label, &launch.spot));
        notes.extend(remedy::essential_note(container.essential));
        let mut help = vec![format!(
            "use a version of the image that has `{target}`, or publish one: `{} buildx build --platform linux/amd64,linux/arm64 …`",
            settings.container_tool.command()
        )];
        help.extend(platforms.first().and_then(|platform| remedy::change_task(task, platform, task.is_cdk())));
        drafts.push(Draft {
            rule: NAME,
            severity: Severity::Error,
            message: format!("the image of container `{}` has no `{target}`, but the task runs there", container.name),
            resource: task.placed.id(),
            spot: container.image.spot.clone(),
            at: None,
            container: Some(container.name.clone()),
            notes,
            help,
        });
    }
    drafts
}

/// The finding of an inspection: an index has nothing for a host.
pub(crate) fn of_index(host: &Platform, available: &[String]) -> ImageDraft {
    let list = available.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    ImageDraft {
        rule: NAME,
        severity: Severity::Error,
        message: format!("the image has no `{host}`"),
        file: None,
        notes: vec![
            format!("it has {}", if list.is_empty() { "nothing".to_owned() } else { list }),
            format!("the pull would fail: `image Manifest does not contain descriptor matching platform '{host}'`"),
        ],
        help: vec![
            "publish an image that has it: `docker buildx build --platform linux/amd64,linux/arm64 …`".to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{locked_rules_of, task};

    const LOCK: &str = r#"{"schema":1,"images":{"vendor/agent:1":{"platforms":["linux/amd64"],
        "mediaType":"application/vnd.oci.image.index.v1+json"}}}"#;

    #[test]
    fn an_index_without_the_platform_is_found() {
        let app = task("vendor/agent:1", r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#);
        assert_eq!(locked_rules_of(&app, LOCK), ["error image-platform-missing"]);
    }

    #[test]
    fn an_index_with_the_platform_is_not() {
        assert!(locked_rules_of(&task("vendor/agent:1", ""), LOCK).is_empty());
        assert!(locked_rules_of(&task("vendor/other:1", ""), LOCK).is_empty());
    }
}
