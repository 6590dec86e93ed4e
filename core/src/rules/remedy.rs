//! The ways out, in the words of the tool that the person uses.

use super::{Note, Place};
use crate::capacity::group::Host;
use crate::platform::{Architecture, Dialect, Os, Platform};
use crate::template::value::Spot;
use crate::workload::{Declared, Image, Platforms, Task};

/// What images are built with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContainerTool {
    /// `docker`
    #[default]
    Docker,
    /// `finch` (`CDK_DOCKER=finch`)
    Finch,
}

impl ContainerTool {
    /// The command's name.
    pub fn command(self) -> &'static str {
        match self {
            ContainerTool::Docker => "docker",
            ContainerTool::Finch => "finch",
        }
    }
}

/// The name of an architecture in the CDK: `ARM64`, `X86_64`.
pub(super) fn ecs_name(architecture: Architecture) -> &'static str {
    architecture.spelled(Dialect::Ecs).unwrap_or("another architecture")
}

/// `LINUX_ARM64`, `LINUX_AMD64` of `ecr_assets.Platform`.
fn platform_constant(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Arm64 => "Platform.LINUX_ARM64",
        _ => "Platform.LINUX_AMD64",
    }
}

/// Builds the image for the processors that the task gets.
pub(super) fn rebuild(image: &Image<'_>, target: &Platform, tool: ContainerTool, cdk: bool) -> Vec<String> {
    let mut help = Vec::new();
    if let (Some(_), true, Os::Linux) = (image.asset, cdk, target.os) {
        let name = ecs_name(target.architecture);
        help.push(format!(
            "build the image for the task: `ArchImage.fromAsset(directory, {{ architecture: TargetArchitecture.{name} }})`, or \
             `ecs.ContainerImage.fromAsset(directory, {{ platform: {} }})`; the new asset hash means one rebuild and a new task revision",
            platform_constant(target.architecture)
        ));
    } else if image.asset.is_some() {
        help.push(format!("rebuild the image for the task: `{} build --platform {target} …`", tool.command()));
    } else {
        help.push(format!(
            "use an image that has `{target}`; if it is your own, rebuild it: `{} build --platform {target} …`",
            tool.command()
        ));
    }
    if tool == ContainerTool::Finch {
        help.push("Finch builds CDK assets when `CDK_DOCKER=finch` is set".to_owned());
    }
    help
}

/// Runs the task on the processors that the image is built for.
pub(super) fn change_task(task: &Task<'_>, image: &Platform, cdk: bool) -> Option<String> {
    let architecture = Some(image.architecture)
        .filter(|a| matches!(a, Architecture::X86_64 | Architecture::Arm64) && image.os == Os::Linux)?;
    let name = ecs_name(architecture);
    let windows = task.os.known() == Some(Os::Windows);
    if windows {
        return None;
    }
    Some(if cdk {
        format!(
            "or run the task on {name}: `runtimePlatform: {{ cpuArchitecture: ecs.CpuArchitecture.{name}, operatingSystemFamily: \
             ecs.OperatingSystemFamily.LINUX }}` on the task definition"
        )
    } else {
        format!(
            "or run the task on {name}: `\"RuntimePlatform\": {{\"CpuArchitecture\": \"{name}\", \"OperatingSystemFamily\": \"LINUX\"}}` \
             in the task definition, then update the service"
        )
    })
}

/// The facts about an image: its reference and what says what it is built for.
pub(super) fn image_notes<'a>(image: &Image<'a>) -> Vec<Note<'a>> {
    let mut notes: Vec<Note<'a>> = Note::steps(&image.via).collect();
    if !image.evidence.is_empty() {
        let place = match image.asset {
            Some(asset) => {
                Place::File(asset.declared.file.clone(), asset.declared.pointer.clone(), asset.declared.line)
            }
            None => Place::Template(image.spot.clone()),
        };
        notes.push(Note { message: image.evidence.clone(), place });
    }
    notes
}

/// What the task definition asks for.
pub(super) fn task_note<'a>(task: &Task<'a>, on_fargate: bool) -> Vec<Note<'a>> {
    let mut notes: Vec<Note<'a>> = Note::steps(&task.cpu_property.via).collect();
    notes.push(match &task.cpu {
        Declared::Known(architecture) => Note::at(
            format!("the task definition asks for `cpuArchitecture` `{}`", ecs_name(*architecture)),
            &task.cpu_property.spot,
        ),
        _ if on_fargate => Note::at(
            "the task definition sets no `cpuArchitecture`, so Fargate provides `X86_64`".to_owned(),
            &task.placed.spot(),
        ),
        _ => Note::at(
            "the task definition sets no `cpuArchitecture`, so ECS may place it on any instance".to_owned(),
            &task.placed.spot(),
        ),
    });
    notes
}

/// Where a launch places the task.
pub(super) fn launch_note<'a>(launch: &str, host: &str, spot: &Spot<'a>) -> Note<'a> {
    Note::at(format!("{launch} places it on {host}"), spot)
}

/// What a host is, as far as it is known: `linux/arm64`.
pub(super) fn kind(host: &Host<'_>) -> String {
    match (host.os, host.architecture) {
        (Some(os), Some(architecture)) => format!("`{}`", Platform::new(os, architecture)),
        (None, Some(architecture)) => format!("`{architecture}`"),
        (Some(os), None) => format!("`{os}`"),
        (None, None) => "of an unknown kind".to_owned(),
    }
}

/// What the task does without a container that is not essential.
pub(super) fn essential_note<'a>(essential: bool) -> Option<Note<'a>> {
    (!essential).then(|| Note::plain("the container is not essential: the task goes on without it"))
}

/// The only platform of an image, if it has one.
pub(super) fn single(platforms: &Platforms) -> Option<&Platform> {
    match platforms {
        Platforms::Single(platform) => Some(platform),
        _ => None,
    }
}
