//! A task asks for an architecture that none of its capacity has.
//!
//! ## Why this fails
//!
//! On EC2, ECS places a task only on instances of the architecture it asks for, and that its placement constraints allow. There
//! are none, so the task is never placed: it stays `PENDING`, or the service reports
//! `unable to place a task because no container instance met all of its requirements`.
//!
//! ## Example
//!
//! A task definition with `cpuArchitecture: ARM64` on a cluster whose only Auto Scaling group launches `m7i.large`.
//!
//! ## How to fix
//!
//! Add capacity of that architecture (an Auto Scaling group of Graviton instances with an arm64 AMI), or change the task.
//!
//! ## When it is silent
//!
//! When some of the cluster's capacity is not known, and when it cannot be launched at all (`ami-instance-mismatch`). A cluster
//! is known only if nothing else can join it: a capacity provider with a group from elsewhere, an instance whose user data
//! does not say which cluster it joins, or a nested stack that is told of the cluster and is not part of the app leave it open.

use super::remedy;
use super::{Draft, Note, Settings, Severity};
use crate::platform::Os;
use crate::workload::{Route, Task};

const NAME: &str = "capacity-architecture-mismatch";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for launch in &task.launches {
        // One provider of several that leads nowhere is `capacity-mixed`.
        if launch.routes.is_empty() || !launch.routes.iter().all(Route::refuses) {
            continue;
        }
        let mut asks: Vec<String> = Vec::new();
        asks.extend(task.cpu.known().map(|architecture| format!("`{}`", remedy::ecs_name(architecture))));
        asks.extend(task.os.known().filter(|os| asks.is_empty() || *os == Os::Windows).map(|os| format!("`{os}`")));
        let asks = asks.join(" and ");
        let labels: Vec<&str> = launch.routes.iter().map(|route| route.label.as_str()).collect();
        let labels = labels.join(" or ");
        let any = |of: fn(&Route<'a>) -> bool| launch.routes.iter().any(of);
        let message = match (any(|route| !route.unfit.is_empty()), any(|route| !route.excluded.is_empty())) {
            (true, true) => {
                format!(
                    "the task asks for {asks}, and no instance of {labels} is that and meets its placement constraints"
                )
            }
            (true, false) => format!("the task asks for {asks}, but nothing in {labels} provides it"),
            _ => format!("placement constraints keep the task from every instance of {labels}"),
        };
        let mut notes: Vec<Note<'a>> = Note::steps(&task.cpu_property.via).collect();
        let mut spot = launch.spot.clone();
        for property in [&task.os_property, &task.cpu_property] {
            if let Some(written) = property.known() {
                notes.push(Note::at(format!("the task definition asks for `{written}`"), &property.spot));
                spot = property.spot.clone();
            }
        }
        notes.push(Note::at(format!("{} starts the task there", launch.label), &launch.spot));
        for host in launch.routes.iter().flat_map(|route| route.unfit.iter().chain(&route.excluded)).take(4) {
            notes.push(Note::at(format!("{} is {}", host.label, remedy::kind(host)), &host.spot));
        }
        notes.push(Note::plain("the task would never be placed and stay `PENDING`"));
        drafts.push(Draft {
            rule: NAME,
            severity: Severity::Error,
            message,
            resource: task.placed.id(),
            spot,
            at: None,
            container: None,
            notes,
            help: vec![
                "give the cluster instances of that architecture, with an AMI for it; or change `cpuArchitecture` of the task and rebuild its images".to_owned(),
            ],
        });
    }
    drafts
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{ec2, rules_of};

    const ARM: &str = r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#;

    #[test]
    fn capacity_of_the_other_architecture_is_found() {
        assert_eq!(rules_of(&ec2("nginx", ARM, &["m7i.large"], "")), ["error capacity-architecture-mismatch"]);
        let constraint = r#""PlacementConstraints": [{"Type": "memberOf", "Expression": "attribute:ecs.cpu-architecture == arm64"}],"#;
        assert_eq!(rules_of(&ec2("nginx", "", &["m7i.large"], constraint)), ["error capacity-architecture-mismatch"]);
    }

    #[test]
    fn capacity_of_the_same_architecture_is_not() {
        assert!(rules_of(&ec2("nginx", ARM, &["m7g.large"], "")).is_empty());
        assert!(rules_of(&ec2("nginx", ARM, &["m7i.large", "m7g.large"], "")).is_empty());
        assert!(rules_of(&ec2("nginx", ARM, &[], "")).is_empty());
    }
}
