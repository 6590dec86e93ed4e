//! An instance type and its AMI are of different architectures.
//!
//! ## Why this fails
//!
//! EC2 refuses to launch such an instance: `The architecture 'arm64' of the specified instance type does not match the
//! architecture 'x86_64' of the specified AMI`. The group stays empty, and tasks that have nothing else to land on wait.
//!
//! ## Example
//!
//! ```ts
//! cluster.addCapacity('Graviton', { instanceType: new ec2.InstanceType('m7g.large') }); // takes an x86_64 AMI
//! ```
//!
//! ## How to fix
//!
//! ```ts
//! machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM)
//! ```
//!
//! ## When it is silent
//!
//! When the AMI is a literal `ami-…`, a parameter of your own, or otherwise unknown; and for groups that are not ECS capacity.

use super::remedy;
use super::{Draft, Note, Settings, Severity};
use crate::capacity::group::{Group, Unlaunchable};
use crate::platform::Architecture;
use crate::template::resolve::Placed;
use crate::workload::Task;

const NAME: &str = "ami-instance-mismatch";

pub(super) fn check<'a>(_: &Placed<'a>, group: &Group<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let nothing_else = group.hosts.is_empty();
    group.unlaunchable.iter().map(|unlaunchable| draft(unlaunchable, nothing_else)).collect()
}

/// The same finding, for a task that has nothing else to land on, whatever it asks for: there is nothing.
pub(crate) fn of_task<'a>(task: &Task<'a>) -> Vec<Draft<'a>> {
    let stranded = task.routes().filter(|(_, route)| route.leads_nowhere() && !route.unlaunchable.is_empty());
    stranded.flat_map(|(_, route)| &route.unlaunchable).map(|unlaunchable| draft(unlaunchable, true)).collect()
}

fn draft<'a>(unlaunchable: &Unlaunchable<'a>, nothing_else: bool) -> Draft<'a> {
    let (needs, has) = (unlaunchable.needs, unlaunchable.has);
    let arm = needs == Architecture::Arm64;
    let hardware = if arm { "ARM" } else { "STANDARD" };
    Draft {
        rule: NAME,
        severity: if nothing_else { Severity::Error } else { Severity::Warning },
        message: format!(
            "instance type {} is `{}`, but its AMI is for `{}`",
            unlaunchable.types,
            spelled(needs),
            spelled(has)
        ),
        resource: unlaunchable.resource.clone(),
        spot: unlaunchable.spot.clone(),
        at: None,
        container: None,
        notes: vec![
            Note::at(format!("the AMI is `{}`", unlaunchable.ami), &unlaunchable.ami_spot),
            Note::plain("EC2 refuses to launch such an instance, so no task can land on it"),
        ],
        help: vec![format!(
            "use an AMI for `{}`: `machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.{hardware})`; or an instance type \
             of {}",
            spelled(needs),
            remedy::ecs_name(has)
        )],
    }
}

/// EC2's own spelling, which its error message uses.
fn spelled(architecture: Architecture) -> &'static str {
    architecture.spelled(crate::platform::Dialect::Ec2).unwrap_or("another architecture")
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{ec2_with_ami, rules_of, verdict};

    #[test]
    fn an_ami_of_the_other_architecture_is_found() {
        let app = ec2_with_ami("m7g.large", "/aws/service/ecs/optimized-ami/amazon-linux-2/recommended/image_id");
        assert_eq!(rules_of(&app), ["error ami-instance-mismatch"]);
    }

    #[test]
    fn a_task_that_has_nothing_else_fails_with_it() {
        let x86 = "/aws/service/ecs/optimized-ami/amazon-linux-2/recommended/image_id";
        for cpu in ["X86_64", "ARM64"] {
            let platform = format!(r#""RuntimePlatform": {{"CpuArchitecture": "{cpu}"}}, "ContainerDefinitions""#);
            let app = ec2_with_ami("m7g.large", x86).replace("\"ContainerDefinitions\"", &platform);
            assert_eq!(verdict(&app), "error ami-instance-mismatch", "{cpu}");
        }
    }

    #[test]
    fn an_ami_of_the_same_architecture_is_not() {
        let app = ec2_with_ami("m7g.large", "/aws/service/ecs/optimized-ami/amazon-linux-2/arm64/recommended/image_id");
        assert!(rules_of(&app).is_empty());
    }
}
