//! Clusters on whose instances a task of the app registers an emulator, so that foreign images run there, if slowly.
//!
//! `docker run --privileged tonistiigi/binfmt --install all` is the known way, and works as a daemon service or as a container
//! that the others wait for. The kernel keeps what was registered, whichever task did it.

use std::collections::BTreeSet;

use super::launches::{Field, Launchers, Request};
use super::placement;
use crate::capacity::{Capacity, ClusterRef};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{ResourceId, Value};

/// The clusters with an emulator.
#[derive(Debug, Default)]
pub struct Emulators {
    clusters: BTreeSet<Cluster>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cluster {
    OfThisApp(ResourceId),
    Named(String),
}

impl Emulators {
    /// Finds the tasks that register an emulator, in any scenario, and the clusters that they run on.
    pub fn index<'a>(evaluator: &Evaluator<'a>, capacity: &Capacity<'a>, launchers: &Launchers<'a>) -> Emulators {
        let mut clusters = BTreeSet::new();
        for task in evaluator.placed().filter(|placed| &*placed.resource.kind == "AWS::ECS::TaskDefinition") {
            let found = evaluator.explore_all(|| {
                if !registers_emulator(evaluator, &task) {
                    return Vec::new();
                }
                launchers.of(evaluator, &task).iter().filter_map(|r| cluster(evaluator, capacity, r)).collect()
            });
            clusters.extend(found.flatten());
        }
        Emulators { clusters }
    }

    /// Whether the instances that a request reaches may have an emulator.
    pub(super) fn reach<'a>(&self, evaluator: &Evaluator<'a>, capacity: &Capacity<'a>, request: &Request<'a>) -> bool {
        !self.clusters.is_empty() && cluster(evaluator, capacity, request).is_some_and(|c| self.clusters.contains(&c))
    }
}

/// The cluster on whose own instances a request starts its task.
fn cluster<'a>(evaluator: &Evaluator<'a>, capacity: &Capacity<'a>, request: &Request<'a>) -> Option<Cluster> {
    if matches!(&request.launch_type, Field::Text(text) if matches!(text.known(), Some("EXTERNAL" | "FARGATE"))) {
        return None;
    }
    match placement::cluster(evaluator, capacity, request) {
        ClusterRef::Known(placed) => Some(Cluster::OfThisApp(placed.id())),
        ClusterRef::Elsewhere(name, _) => name.map(Cluster::Named),
    }
}

fn registers_emulator<'a>(evaluator: &Evaluator<'a>, task: &Placed<'a>) -> bool {
    let containers = evaluator.items(&evaluator.property(task, &["ContainerDefinitions"])).unwrap_or_default();
    containers.iter().any(|container| {
        let Value::Object(container) = &container.value else { return false };
        let image = evaluator.member(container, "Image").text().map(|text| text.display()).unwrap_or_default();
        ["binfmt", "qemu-user-static"].iter().any(|word| image.contains(word))
            && evaluator.member(container, "Privileged").known() == Some("true")
    })
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{ec2, rules_of};

    fn with_binfmt(container: &str) -> String {
        let arm_on_x86 = ec2("arm64v8/nginx", "", &["m7i.large"], "");
        arm_on_x86.replace(r#""ContainerDefinitions": ["#, &format!(r#""ContainerDefinitions": [{container},"#))
    }

    #[test]
    fn a_privileged_binfmt_container_makes_its_cluster_emulate() {
        let installs = r#"{"Name": "binfmt", "Image": "tonistiigi/binfmt:latest", "Privileged": true}"#;
        assert!(rules_of(&with_binfmt(installs)).is_empty());
    }

    #[test]
    fn a_container_that_may_not_touch_the_kernel_does_not() {
        for other in [
            r#"{"Name": "binfmt", "Image": "tonistiigi/binfmt:latest"}"#,
            r#"{"Name": "agent", "Image": "vendor/agent", "Privileged": true}"#,
        ] {
            assert_eq!(rules_of(&with_binfmt(other)), ["error image-platform-mismatch"], "{other}");
        }
    }
}
