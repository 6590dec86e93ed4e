//! A capacity-provider strategy spreads a task over both architectures.
//!
//! ## Why this fails
//!
//! ECS chooses the capacity provider first and does not move a task that cannot run there. So some tasks land on a provider
//! whose instances are of the wrong architecture: they are never placed, or die of `exec format error`.
//!
//! ## Example
//!
//! ```ts
//! capacityProviderStrategies: [
//!   { capacityProvider: intel.capacityProviderName, weight: 1 },
//!   { capacityProvider: graviton.capacityProviderName, weight: 1 },
//! ]
//! ```
//!
//! ## How to fix
//!
//! Name providers of one architecture only; run one service per architecture; or publish the image for both
//! (`docker buildx build --platform linux/amd64,linux/arm64`) and set no `cpuArchitecture`.
//!
//! ## When it is silent
//!
//! When a provider has weight 0 and base 0 beside another one, when the image has both platforms, and when what the
//! provider launches is not known.

use super::remedy;
use super::{Draft, Note, Settings, Severity};
use crate::workload::{Fit, Misfit, Route, Task};

const NAME: &str = "capacity-mixed";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for launch in task.launches.iter().filter(|launch| launch.routes.len() > 1) {
        // Never placed on one provider, while another takes it.
        let taken = launch.routes.iter().any(|route| !route.hosts.is_empty());
        if let (Some(stuck), true) = (launch.routes.iter().find(|route| route.refuses()), taken) {
            drafts.push(draft(task, launch, stuck, None));
            continue;
        }
        for container in &task.containers {
            let fails = |route: &&Route<'a>| {
                !route.is_fargate()
                    && route.hosts.iter().any(|host| {
                        host.certain
                            && container.image.fits(host) == Fit::Fails(Misfit::Architecture)
                            && launch.other_architecture(&container.image, host).is_some()
                    })
            };
            let single = remedy::single(&container.image.platforms).is_some();
            if let (true, Some(failing)) = (single, launch.routes.iter().find(fails)) {
                drafts.push(draft(task, launch, failing, Some((&container.name, &container.image))));
            }
        }
    }
    drafts
}

fn draft<'a>(
    task: &Task<'a>,
    launch: &crate::workload::Launch<'a>,
    wrong: &Route<'a>,
    container: Option<(&str, &crate::workload::Image<'a>)>,
) -> Draft<'a> {
    let mut notes = container.map(|(_, image)| remedy::image_notes(image)).unwrap_or_default();
    notes.extend(remedy::task_note(task, false));
    for route in &launch.routes {
        for host in route.hosts.iter().chain(&route.unfit).chain(&route.excluded).take(2) {
            notes.push(Note::at(format!("{} gives {}: {}", route.label, remedy::kind(host), host.label), &host.spot));
        }
    }
    notes.push(Note::plain("ECS chooses the provider first and does not move a task that cannot run there"));
    let message = match container {
        None if wrong.unfit.is_empty() => {
            format!("{} may choose {}, from which placement constraints keep the task", launch.label, wrong.label)
        }
        None => format!(
            "{} spreads the task over both architectures, and on {} it is never placed",
            launch.label, wrong.label
        ),
        Some((name, _)) => {
            format!(
                "{} spreads the task over both architectures, and container `{name}` cannot start on {}",
                launch.label, wrong.label
            )
        }
    };
    Draft {
        rule: NAME,
        severity: Severity::Error,
        message,
        resource: task.placed.id(),
        spot: launch.spot.clone(),
        at: None,
        container: container.map(|(name, _)| name.to_owned()),
        notes,
        help: vec![
            "name capacity providers of one architecture only, or run one service per architecture".to_owned(),
            "or build the image for both and set no `cpuArchitecture`".to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{providers, rules_of};

    const ARM: &str = r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#;

    #[test]
    fn two_architectures_in_one_strategy_are_found() {
        let both = providers("arm64v8/nginx", ARM, &[("m7i.large", 1), ("m7g.large", 1)]);
        assert_eq!(rules_of(&both), ["error capacity-mixed"]);
        let undeclared = providers("arm64v8/nginx", "", &[("m7i.large", 1), ("m7g.large", 1)]);
        assert_eq!(rules_of(&undeclared), ["error capacity-mixed"]);
    }

    #[test]
    fn a_provider_that_constraints_exclude_is_found() {
        let app = providers("arm64v8/nginx", "", &[("m7i.large", 1), ("m7g.large", 1)]);
        let constraint = r#""PlacementConstraints": [{"Type": "memberOf", "Expression": "attribute:ecs.cpu-architecture == arm64"}], "#;
        let constrained =
            app.replace(r#""CapacityProviderStrategy""#, &format!("{constraint}\"CapacityProviderStrategy\""));
        assert_eq!(rules_of(&constrained), ["error capacity-mixed"]);
    }

    #[test]
    fn one_architecture_that_can_be_chosen_is_not() {
        assert!(rules_of(&providers("arm64v8/nginx", ARM, &[("m7i.large", 0), ("m7g.large", 1)])).is_empty());
        assert!(rules_of(&providers("arm64v8/nginx", "", &[("c7g.large", 1), ("m7g.large", 1)])).is_empty());
        assert!(rules_of(&providers("nginx", "", &[("m7i.large", 1), ("m7g.large", 1)])).is_empty());
    }
}
