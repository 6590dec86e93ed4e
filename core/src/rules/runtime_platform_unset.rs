//! A task says nothing about its architecture, and its cluster has instances of both.
//!
//! ## Why this fails
//!
//! On EC2, a task without `cpuArchitecture` may be placed on any instance of its cluster. An image for one architecture then
//! starts or dies of `exec format error`, depending on where it happens to land.
//!
//! ## Example
//!
//! A cluster with `m7i.large` and `m7g.large` instances, and a task definition without `RuntimePlatform`, which the CDK does not
//! let you set for EC2 tasks.
//!
//! ## How to fix
//!
//! `ArchImage` sets it, on EC2 and external tasks too:
//!
//! ```ts
//! image: ArchImage.fromAsset('./web', { architecture: TargetArchitecture.ARM64 })
//! ```
//!
//! or set it on the L1: `(task.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture: 'ARM64' }`.
//!
//! ## When it is silent
//!
//! When a placement constraint keeps the task on one architecture, when the image has both platforms, when all of the
//! capacity is of one architecture, and when image or capacity are not known.

use super::remedy;
use super::{Draft, Note, Settings, Severity};
use crate::workload::{Declared, Fit, Misfit, Task};

const NAME: &str = "runtime-platform-unset";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    if task.cpu != Declared::Absent {
        return drafts;
    }
    for container in &task.containers {
        let Some(platform) = remedy::single(&container.image.platforms) else { continue };
        let mixed = task.launches.iter().find_map(|launch| {
            let [route] = launch.routes.as_slice() else { return None };
            let certain = route.hosts.iter().filter(|host| host.certain && !host.fargate);
            let mut failing = certain.filter(|host| container.image.fits(host) == Fit::Fails(Misfit::Architecture));
            let (fails, runs) =
                failing.find_map(|fails| Some((fails, launch.other_architecture(&container.image, fails)?)))?;
            Some((launch, route, fails, runs))
        });
        let Some((launch, route, fails, runs)) = mixed else { continue };
        let mut notes = remedy::image_notes(&container.image);
        notes.extend(remedy::task_note(task, false));
        for host in [runs, fails] {
            notes.push(Note::at(format!("{} is {}", host.label, remedy::kind(host)), &host.spot));
        }
        notes.push(Note::at(format!("{} starts the task there", launch.label), &launch.spot));
        notes.extend(remedy::essential_note(container.essential));
        let name = remedy::ecs_name(platform.architecture);
        let help = if task.is_cdk() {
            format!(
                "keep the task on {name}: `ArchImage` sets it, or `(task.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = \
                 {{ cpuArchitecture: '{name}', operatingSystemFamily: 'LINUX' }}`"
            )
        } else {
            format!(
                "keep the task on {name}: `\"RuntimePlatform\": {{\"CpuArchitecture\": \"{name}\", \"OperatingSystemFamily\": \"LINUX\"}}`"
            )
        };
        drafts.push(Draft {
            rule: NAME,
            severity: Severity::Error,
            message: format!(
                "container `{}` is built for `{platform}`, but nothing keeps the task off the other instances of {}",
                container.name, route.label
            ),
            resource: task.placed.id(),
            spot: task.placed.spot(),
            at: None,
            container: Some(container.name.clone()),
            notes,
            help: vec![help],
        });
    }
    drafts
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{ec2, rules_of};

    #[test]
    fn an_unfiltered_task_on_a_mixed_cluster_is_found() {
        assert_eq!(
            rules_of(&ec2("arm64v8/nginx", "", &["m7i.large", "m7g.large"], "")),
            ["error runtime-platform-unset"]
        );
    }

    #[test]
    fn a_task_that_is_kept_on_one_architecture_is_not() {
        let arm = r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#;
        let constraint = r#""PlacementConstraints": [{"Type": "memberOf", "Expression": "attribute:ecs.cpu-architecture == arm64"}],"#;
        assert!(rules_of(&ec2("arm64v8/nginx", arm, &["m7i.large", "m7g.large"], "")).is_empty());
        assert!(rules_of(&ec2("arm64v8/nginx", "", &["m7i.large", "m7g.large"], constraint)).is_empty());
        assert!(rules_of(&ec2("arm64v8/nginx", "", &["m7g.large"], "")).is_empty());
        assert!(rules_of(&ec2("nginx", "", &["m7i.large", "m7g.large"], "")).is_empty());
    }
}
