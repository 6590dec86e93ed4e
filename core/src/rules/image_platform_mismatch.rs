//! An image is built for another processor than the one its task gets.
//!
//! ## Why this fails
//!
//! The image is a single manifest, so ECS pulls it whatever the host is. Then the kernel is asked to execute a program of
//! another processor, and the task stops with `Essential container in task exited`, exit code 1, and one line in its log:
//! `exec /path: exec format error`.
//!
//! ## Example
//!
//! ```ts
//! const task = new ecs.FargateTaskDefinition(this, 'Task'); // X86_64, because nothing else is said
//! task.addContainer('web', { image: ecs.ContainerImage.fromAsset('./web', { platform: Platform.LINUX_ARM64 }) });
//! ```
//!
//! ## How to fix
//!
//! Build for the task, or change the task. One line does both:
//!
//! ```ts
//! image: ArchImage.fromAsset('./web', { architecture: TargetArchitecture.ARM64 })
//! ```
//!
//! ## When it is silent
//!
//! When the platform of the image or the architecture of the capacity is not known; when the host may emulate (`binfmt` in
//! its user data, or in a privileged container on its cluster); when another rule names the cause: a mixed cluster
//! (`runtime-platform-unset`), a strategy over two architectures (`capacity-mixed`), an index without the platform
//! (`image-platform-missing`).

use super::image_start::{chain_notes, error, failing, label_differs, rebuild};
use super::remedy;
use super::{Draft, ImageDraft, Note, Settings, Severity};
use crate::capacity::group::Host;
use crate::inspect::Judged;
use crate::platform::Platform;
use crate::workload::{Build, Contents, Fit, Image, Launch, Misfit, Task};

pub(super) const NAME: &str = "image-platform-mismatch";

pub(super) fn check<'a>(task: &Task<'a>, settings: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for container in &task.containers {
        let Some(platform) = remedy::single(&container.image.platforms) else { continue };
        // An image that is not what it says has its own rules, and so has a Dockerfile that decides what it is, and a project that
        // builds for its own machine.
        if container.image.contents.as_ref().is_some_and(Contents::differs)
            || container.image.build.as_ref().is_some_and(Build::decides)
            || container.image.builder.as_ref().is_some_and(|builder| builder.native && !builder.replaces)
        {
            continue;
        }
        let Some((launch, host)) = misfit(task, &container.image) else { continue };
        let target = Platform::new(host.os.unwrap_or(platform.os), host.architecture.unwrap_or(platform.architecture));
        let mut notes = remedy::image_notes(&container.image);
        notes.extend(remedy::task_note(task, host.fargate));
        notes.push(remedy::launch_note(&launch.label, &host.label, &launch.spot));
        notes.push(Note::plain("the container would stop at once: `exec …: exec format error`"));
        notes.extend(remedy::essential_note(container.essential));
        let mut help = remedy::rebuild(&container.image, &target, settings.container_tool, task.is_cdk());
        help.extend(remedy::change_task(task, platform, task.is_cdk()));
        drafts.push(Draft {
            rule: NAME,
            severity: Severity::Error,
            message: format!(
                "container `{}` is built for `{platform}`, but the task runs on `{target}`",
                container.name
            ),
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

/// A host that the task is certain to reach, and whose processor is another one. Where the same launch also reaches hosts of the
/// other architecture, the cause is the mix, and its own rules say so.
pub(super) fn misfit<'t, 'a>(task: &'t Task<'a>, image: &Image<'a>) -> Option<(&'t Launch<'a>, &'t Host<'a>)> {
    task.hosts().find(|(launch, host)| {
        host.certain
            && image.fits(host) == Fit::Fails(Misfit::Architecture)
            && (host.fargate || launch.other_architecture(image, host).is_none())
    })
}

/// The finding of an inspection: the image is what it says, and the host is something else.
pub(crate) fn of_image(judged: &Judged<'_>) -> Option<ImageDraft> {
    let declared = judged.declared.filter(|_| label_differs(judged))?;
    let start = failing(judged)?;
    let step = start.prediction.foreign().map(|(_, step, _)| step);
    let message = format!("the image is for `{declared}`, but the host is `{}`", judged.host.platform);
    let mut draft = error(NAME, message, step).words(&start);
    draft.notes.extend(chain_notes(start.prediction));
    Some(draft.help(rebuild(judged)))
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{ec2, rules_of, task};

    #[test]
    fn an_image_for_another_processor_is_found() {
        assert_eq!(rules_of(&task("arm64v8/nginx", "")), ["error image-platform-mismatch"]);
        assert_eq!(
            rules_of(&task("amd64/nginx", r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#)),
            ["error image-platform-mismatch"]
        );
    }

    #[test]
    fn a_processor_that_lacks_32_bit_programs_is_found_beside_one_that_has_them() {
        let arm = r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#;
        for properties in [arm, ""] {
            let app = ec2("arm32v7/nginx", properties, &["m7g.large", "m8g.large"], "");
            assert_eq!(rules_of(&app), ["error image-platform-mismatch"]);
            assert!(rules_of(&ec2("arm32v7/nginx", properties, &["m6g.large", "m7g.large"], "")).is_empty());
        }
    }

    #[test]
    fn an_image_for_the_same_processor_is_not() {
        assert!(rules_of(&task("amd64/nginx", "")).is_empty());
        assert!(rules_of(&task("arm64v8/nginx", r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#)).is_empty());
        assert!(rules_of(&task("nginx", "")).is_empty());
    }
}
