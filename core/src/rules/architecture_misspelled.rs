//! An architecture or operating system is spelled in a way that its reader does not know.
//!
//! ## Why this fails
//!
//! ECS knows `X86_64` and `ARM64`, in capitals; anything else is refused when the stack is deployed. Docker knows `amd64` and
//! `arm64`; a build for anything else finds no base image.
//!
//! ## Example
//!
//! ```yaml
//! RuntimePlatform:
//!   CpuArchitecture: arm64
//! ```
//!
//! ## How to fix
//!
//! Write `ARM64` or `X86_64` in a task definition, `linux/arm64` or `linux/amd64` for a build.
//!
//! ## When it is silent
//!
//! When the value is only known at deployment.

use super::remedy;
use super::{Draft, Note, Settings, Severity};
use crate::workload::{Declared, Platforms, Task};

const NAME: &str = "architecture-misspelled";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    let draft = |message: String, spot, container, notes, help| Draft {
        rule: NAME,
        severity: Severity::Error,
        message,
        resource: task.placed.id(),
        spot,
        at: None,
        container,
        notes,
        help,
    };
    if let Declared::Misspelled(_, complaint) = &task.cpu {
        let notes = Note::steps(&task.cpu_property.via).collect();
        let help = vec!["write `X86_64` or `ARM64`; in the CDK, `ecs.CpuArchitecture.ARM64`".to_owned()];
        drafts.push(draft(complaint.clone(), task.cpu_property.spot.clone(), None, notes, help));
    }
    if let Declared::Misspelled(_, complaint) = &task.os {
        let notes = Note::steps(&task.os_property.via).collect();
        let help = vec!["write `LINUX`, or a Windows family such as `WINDOWS_SERVER_2022_CORE`".to_owned()];
        drafts.push(draft(complaint.clone(), task.os_property.spot.clone(), None, notes, help));
    }
    for container in &task.containers {
        if let Platforms::Misspelled(_, complaint) = &container.image.platforms {
            let help = vec!["write `linux/arm64` or `linux/amd64`; in the CDK, `Platform.LINUX_ARM64`".to_owned()];
            let notes = remedy::image_notes(&container.image);
            let name = Some(container.name.clone());
            drafts.push(draft(complaint.clone(), container.image.spot.clone(), name, notes, help));
        }
    }
    drafts
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{asset_app, rules_of, task};

    #[test]
    fn a_wrong_spelling_is_found() {
        let app = task("nginx", r#""RuntimePlatform": {"CpuArchitecture": "arm64"},"#);
        assert_eq!(rules_of(&app), ["error architecture-misspelled"]);
        let app = task("nginx", r#""RuntimePlatform": {"OperatingSystemFamily": "Linux"},"#);
        assert_eq!(rules_of(&app), ["error architecture-misspelled"]);
        assert_eq!(rules_of(&asset_app(Some("linux/arm46"))), ["error architecture-misspelled"]);
    }

    #[test]
    fn a_right_spelling_is_not() {
        let app =
            task("nginx", r#""RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"},"#);
        assert!(rules_of(&app).is_empty());
    }
}
