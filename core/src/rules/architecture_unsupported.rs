//! A task asks for an architecture that ECS does not offer in that combination.
//!
//! ## Why this fails
//!
//! Windows containers run on x86_64 only. On Fargate, ARM64 needs platform version 1.4.0 or later. Either way the task cannot
//! be registered or started.
//!
//! ## Example
//!
//! ```ts
//! runtimePlatform: {
//!   cpuArchitecture: ecs.CpuArchitecture.ARM64,
//!   operatingSystemFamily: ecs.OperatingSystemFamily.WINDOWS_SERVER_2022_CORE,
//! }
//! ```
//!
//! ## How to fix
//!
//! Use X86_64 for Windows; use platform version `LATEST` for ARM64.
//!
//! ## When it is silent
//!
//! When the architecture, the operating system or the platform version is only known at deployment.

use super::{Draft, Note, Settings, Severity};
use crate::platform::{Architecture, Os};
use crate::workload::Task;

const NAME: &str = "architecture-unsupported";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    if task.cpu.known() != Some(Architecture::Arm64) {
        return Vec::new();
    }
    let steps = || Note::steps(&task.cpu_property.via);
    if task.os.known() == Some(Os::Windows) {
        return vec![Draft {
            rule: NAME,
            severity: Severity::Error,
            message: "the task asks for Windows on `ARM64`, which ECS does not offer".to_owned(),
            resource: task.placed.id(),
            spot: task.cpu_property.spot.clone(),
            at: None,
            container: None,
            notes: steps()
                .chain([Note::at("the operating system is set here".to_owned(), &task.os_property.spot)])
                .collect(),
            help: vec!["use `X86_64` for Windows containers".to_owned()],
        }];
    }
    let mut drafts = Vec::new();
    for launch in &task.launches {
        let (Some(version), Some(spot)) = (&launch.platform_version, &launch.platform_version_spot) else { continue };
        if !launch.routes.iter().any(|route| route.is_fargate()) || !is_before_1_4(version) {
            continue;
        }
        drafts.push(Draft {
            rule: NAME,
            severity: Severity::Error,
            message: format!(
                "{} runs an `ARM64` task on Fargate platform version `{version}`, which has x86_64 only",
                launch.label
            ),
            resource: task.placed.id(),
            spot: task.cpu_property.spot.clone(),
            at: None,
            container: None,
            notes: steps().chain([Note::at("the platform version is set here".to_owned(), spot)]).collect(),
            help: vec!["use platform version `LATEST`, or `1.4.0` at least".to_owned()],
        });
    }
    drafts
}

/// `1.3.0` is before 1.4; `LATEST` and what is not a version is not.
fn is_before_1_4(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(0)), _) | (Some(Ok(1)), Some(Ok(0..=3))))
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{rules_of, service, task};

    const ARM: &str = r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#;

    #[test]
    fn arm_windows_and_old_fargate_are_found() {
        let windows =
            r#""RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},"#;
        assert_eq!(rules_of(&task("nginx", windows)), ["error architecture-unsupported"]);
        let old = service("nginx", ARM, r#""LaunchType": "FARGATE", "PlatformVersion": "1.3.0""#);
        assert_eq!(rules_of(&old), ["error architecture-unsupported"]);
    }

    #[test]
    fn a_recent_platform_version_is_not() {
        for version in ["LATEST", "1.4.0", "1.10.0", "2.0.0"] {
            let app = service("nginx", ARM, &format!(r#""LaunchType": "FARGATE", "PlatformVersion": "{version}""#));
            assert!(rules_of(&app).is_empty(), "{version}");
        }
    }
}
