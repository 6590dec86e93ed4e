//! An image asset says nothing about its platform, so whoever builds it first decides.
//!
//! ## Why this fails
//!
//! Without a platform, `docker build` takes the architecture of the machine it runs on: an Apple-silicon laptop builds for
//! arm64, most CI runners for x86_64. The platform is part of the asset's hash only if it is set. So the image that someone
//! published first keeps its tag, and building again on the right machine changes nothing.
//!
//! ## Example
//!
//! ```ts
//! image: ecs.ContainerImage.fromAsset('./web')
//! ```
//!
//! ## How to fix
//!
//! ```ts
//! image: ArchImage.fromAsset('./web', { architecture: TargetArchitecture.ARM64 })
//! ```
//!
//! or set it once for the whole app: `TargetArchitecture.ARM64.applyTo(app)`. The hash of the asset changes: one rebuild and
//! one new task revision.
//!
//! ## When it is silent
//!
//! When the asset has a platform (`local`, and `linux` without an architecture, are none); when its Dockerfile decides the architecture
//! (`dockerfile-platform-pinned`, `dockerfile-final-stage-on-build-platform`); and for images that are not built from this app.

use super::remedy;
use super::{Draft, Note, Settings, Severity};
use crate::platform::Platform;
use crate::workload::{Platforms, Task};

const NAME: &str = "asset-platform-unset";

pub(super) fn check<'a>(task: &Task<'a>, settings: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    let runs_on = task.runs_on();
    for container in &task.containers {
        let of_dockerfile = container.image.build.as_ref().is_some_and(|build| build.decides() || build.is_broken());
        if container.image.platforms != Platforms::BuildHost || of_dockerfile {
            continue;
        }
        let target = match runs_on.as_deref() {
            Some([only]) => Some(only),
            _ => None,
        };
        let name = &container.name;
        let message = match (target, settings.host_architecture) {
            (Some(target), Some(host)) if host != target.architecture => format!(
                "the image of container `{name}` would be built for this machine (`{}`), but the task runs on `{target}`",
                Platform::linux(host)
            ),
            (Some(target), _) => {
                format!(
                    "the image of container `{name}` is built for whatever machine builds it, but the task runs on `{target}`"
                )
            }
            (None, _) => format!("the image of container `{name}` is built for whatever machine builds it"),
        };
        let mut notes = remedy::image_notes(&container.image);
        notes.extend(remedy::task_note(task, task.routes().any(|(_, route)| route.is_fargate())));
        notes.push(Note::plain(
            "the tag does not depend on the platform: an image that was published before, from another machine, is not built again",
        ));
        notes.extend(remedy::essential_note(container.essential));
        let help = match target {
            Some(target) => remedy::rebuild(&container.image, target, settings.container_tool, task.is_cdk()),
            None => vec!["set the platform of the asset, and `cpuArchitecture` of the task: `ArchImage.fromAsset(directory, { architecture: … })`".to_owned()],
        };
        drafts.push(Draft {
            rule: NAME,
            severity: Severity::Warning,
            message,
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

#[cfg(test)]
mod tests {
    use crate::check::testing::{asset_app, rules_of};

    #[test]
    fn an_asset_without_a_platform_is_found() {
        assert_eq!(rules_of(&asset_app(None)), ["warning asset-platform-unset"]);
        for host in ["local", "linux", "linux(6.1)"] {
            assert_eq!(rules_of(&asset_app(Some(host))), ["warning asset-platform-unset"], "{host}");
        }
    }

    #[test]
    fn an_asset_with_its_platform_is_not() {
        assert!(rules_of(&asset_app(Some("linux/amd64"))).is_empty());
    }
}
