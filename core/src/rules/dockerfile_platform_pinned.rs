//! A Dockerfile pins its final stage to another platform than the one its task gets.
//!
//! ## Why this fails
//!
//! `FROM --platform=linux/amd64` takes the base image for amd64, whatever the image is built for. Its label says what `--platform` of the
//! build says, its programs are for amd64: `exec format error`, and no setting of the asset helps.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM --platform=linux/amd64 node:22     # the task is ARM64
//! ```
//!
//! ## How to fix
//!
//! Leave the platform out, and set it where the image is built:
//!
//! ```dockerfile
//! FROM node:22
//! ```
//!
//! ```ts
//! image: ArchImage.fromAsset('./web', { architecture: TargetArchitecture.ARM64 })
//! ```
//!
//! ## When it is silent
//!
//! When the platform is that of the task; when it is a variable such as `$TARGETPLATFORM`; for stages that the image only copies from; for
//! `scratch`. It is a warning where what is started may come from elsewhere than the pinned base.

use super::build_side::{asset_platform, draft, in_dockerfile};
use super::image_platform_mismatch::misfit;
use super::{Draft, Note, Settings, Severity, remedy};
use crate::build::stages::{Base, StagePlatform};
use crate::platform::{Architecture, Os, Platform};
use crate::workload::builds::{Cause, Held};
use crate::workload::{Build, Container, Task};

const NAME: &str = "dockerfile-platform-pinned";

pub(super) fn check<'a>(task: &Task<'a>, settings: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for container in &task.containers {
        let Some(build) = &container.image.build else { continue };
        let Some((stage, pinned)) = pin(build) else { continue };
        let decides = build.decides() && matches!(build.held, Held::Platform(_, Cause::Pinned(_)));
        let found = match (decides, misfit(task, &container.image)) {
            (true, Some((launch, host))) => {
                let Some(architecture) = host.architecture else { continue };
                let target = Platform::new(host.os.unwrap_or(Os::Linux), architecture);
                let note = remedy::launch_note(&launch.label, &host.label, &launch.spot);
                Some((Severity::Error, target, Some(note)))
            }
            // What is started may be for the target: a program that another stage has built, say.
            (false, _) => wanted(task, build)
                .filter(|wanted| *wanted != pinned.architecture)
                .map(|wanted| (Severity::Warning, Platform::linux(wanted), None)),
            (true, None) => None,
        };
        let Some((severity, target, note)) = found else { continue };
        drafts.push(pinned_draft(task, container, build, (stage, &pinned), severity, &target, note, settings));
    }
    drafts
}

/// What the image is meant for: what the asset says, or the one architecture that the task gets.
fn wanted(task: &Task<'_>, build: &Build<'_>) -> Option<Architecture> {
    let runs_on = task.runs_on().unwrap_or_default();
    match (build.target.as_ref(), runs_on.as_slice()) {
        (Some(target), []) => Some(target.architecture),
        (Some(target), [only]) => (only.architecture == target.architecture).then_some(target.architecture),
        (None, [only]) => Some(only.architecture),
        _ => None,
    }
}

/// The stage at the root of the final one, if a constant pins it, with its platform. Nothing can be pinned to `scratch`.
fn pin(build: &Build<'_>) -> Option<(usize, Platform)> {
    let recipe = build.recipe()?;
    let root = *recipe.chain(recipe.target).last()?;
    let resolved = recipe.resolved.get(root)?;
    match (&resolved.platform, &resolved.base) {
        (_, Base::Scratch) => None,
        (StagePlatform::Pinned(platform, _), _) if platform.os == Os::Linux => Some((root, platform.clone())),
        _ => None,
    }
}

#[expect(clippy::too_many_arguments, reason = "one finding, made of what two cases know")]
fn pinned_draft<'a>(
    task: &Task<'a>,
    container: &Container<'a>,
    build: &Build<'a>,
    (stage, pinned): (usize, &Platform),
    severity: Severity,
    target: &Platform,
    note: Option<Note<'a>>,
    settings: &Settings,
) -> Draft<'a> {
    let recipe = build.recipe();
    let line = build.line_of(stage);
    let name = recipe.map(|recipe| recipe.stage_name(stage)).unwrap_or_default();
    let message = format!("{name} of its Dockerfile is pinned to `{pinned}`, but the task runs on `{target}`");
    let mut notes = Vec::new();
    if let Some(recipe) = recipe {
        for number in recipe.chain(recipe.target).into_iter().filter(|number| *number != stage) {
            let own = recipe.dockerfile.stages.get(number).map(|stage| stage.base.as_str()).unwrap_or_default();
            let fact = format!("{} starts from `{own}`, and has its platform", recipe.stage_name(number));
            notes.push(in_dockerfile(build, fact, build.line_of(number)));
        }
    }
    notes.extend(remedy::task_note(task, note.is_some() && task.routes().any(|(_, route)| route.is_fargate())));
    notes.extend(note);
    if severity == Severity::Error {
        notes.push(Note::plain(
            "whatever the image is built for, its programs are those of the pinned base: `exec …: exec format error`",
        ));
    }
    notes.extend(remedy::essential_note(container.essential));
    let written = recipe.and_then(|recipe| recipe.dockerfile.stages.get(stage));
    let base = written.map(|stage| stage.base.clone()).unwrap_or_default();
    let mut draft = draft(task, container, NAME, severity, message, (build.file().to_owned(), line), notes);
    draft
        .help
        .push(format!("leave the platform out, `FROM {base}`, and set that of the asset: {}", asset_platform(target)));
    if build.target.as_ref() != Some(target) && !task.is_cdk() {
        draft.help.push(format!("`{} build --platform {target} …`", settings.container_tool.command()));
    }
    draft.help.extend(remedy::change_task(task, pinned, task.is_cdk()));
    draft
}

#[cfg(test)]
mod tests {
    use crate::check::testing::built;

    #[test]
    fn a_pinned_final_stage_is_found() {
        let file = "FROM --platform=linux/amd64 node:22\nCMD [\"node\"]\n";
        assert_eq!(built("linux/arm64", file, &[]), ["error dockerfile-platform-pinned asset.abc/Dockerfile:1"]);
        let chain = "ARG P=linux/amd64\nFROM --platform=${P} node:22 AS base\nFROM base\nRUN npm ci\nCMD node .\n";
        assert_eq!(built("linux/arm64", chain, &[]), ["error dockerfile-platform-pinned asset.abc/Dockerfile:2"]);
        let inherited = "FROM --platform=linux/amd64 nginx\nCOPY x /y\n";
        assert_eq!(built("linux/arm64", inherited, &[]), ["error dockerfile-platform-pinned asset.abc/Dockerfile:1"]);
    }

    #[test]
    fn what_may_come_from_elsewhere_makes_it_a_warning() {
        let file = "FROM golang AS build\nRUN go build -o /app\nFROM --platform=linux/amd64 alpine\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n";
        assert_eq!(built("linux/arm64", file, &[]), ["warning dockerfile-platform-pinned asset.abc/Dockerfile:3"]);
    }

    #[test]
    fn the_same_platform_a_variable_and_a_builder_are_not() {
        let file = "FROM --platform=linux/amd64 node:22\nCMD [\"node\"]\n";
        assert!(built("linux/amd64", file, &[]).is_empty());
        for from in [
            "FROM --platform=$TARGETPLATFORM node",
            "FROM --platform=linux/amd64 node AS build\nFROM nginx",
            "FROM node",
        ] {
            assert!(built("linux/arm64", &format!("{from}\nCMD [\"x\"]\n"), &[]).is_empty(), "{from}");
        }
        let scratch = "FROM golang AS build\nRUN go build -o /app\nFROM --platform=linux/amd64 scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n";
        assert!(built("linux/arm64", scratch, &[]).is_empty());
    }

    #[test]
    fn a_pin_decides_where_the_asset_says_nothing() {
        use crate::check::testing::built_anywhere;
        let file = "FROM --platform=linux/amd64 node:22\nCMD [\"node\"]\n";
        assert!(built_anywhere(file, &[]).is_empty(), "the task is X86_64");
        assert_eq!(
            built_anywhere(&file.replace("amd64", "arm64"), &[]),
            ["error dockerfile-platform-pinned asset.abc/Dockerfile:1"]
        );
    }
}
