//! A Dockerfile takes its final stage for the machine that builds.
//!
//! ## Why this fails
//!
//! `FROM --platform=$BUILDPLATFORM` is right for stages that compile for another processor. In the final stage it puts the programs of the
//! build machine into an image whose label says otherwise: `exec format error` wherever the image was built on another processor.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM --platform=$BUILDPLATFORM node:22
//! CMD ["node", "server.js"]
//! ```
//!
//! ## How to fix
//!
//! Keep `--platform=$BUILDPLATFORM` for the stages that build, and leave it out in the one that is run: `FROM node:22`.
//!
//! ## When it is silent
//!
//! For stages that are only copied from, for `scratch`, and where what is started is copied from another stage.

use super::build_side::{draft, in_dockerfile};
use super::{Draft, Note, Settings, Severity, remedy};
use crate::workload::Task;
use crate::workload::builds::Held;

const NAME: &str = "dockerfile-final-stage-on-build-platform";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for container in &task.containers {
        let Some(build) = &container.image.build else { continue };
        let (Held::BuildHost(stage), Some(recipe)) = (&build.held, build.recipe()) else { continue };
        let is_final = recipe.chain(recipe.target).contains(stage);
        if !is_final {
            continue;
        }
        let line = build.line_of(*stage);
        let name = recipe.stage_name(*stage);
        let message = format!("{name} of its Dockerfile takes the platform of whatever machine builds it");
        let mut notes = vec![match &build.target {
            Some(target) => Note::plain(format!(
                "the image is built with `--platform {target}`: that is its label, but not what it holds"
            )),
            None => Note::plain("the asset sets no platform either"),
        }];
        for number in recipe.chain(recipe.target).into_iter().filter(|number| number != stage) {
            let fact = format!("{} starts from it", recipe.stage_name(number));
            notes.push(in_dockerfile(build, fact, build.line_of(number)));
        }
        notes.extend(remedy::task_note(task, task.routes().any(|(_, route)| route.is_fargate())));
        notes.extend(remedy::essential_note(container.essential));
        let base = recipe.dockerfile.stages.get(*stage).map(|stage| stage.base.clone()).unwrap_or_default();
        let at = (build.file().to_owned(), line);
        let mut draft = draft(task, container, NAME, Severity::Warning, message, at, notes)
            .helped(format!("`FROM {base}` here; keep `--platform=$BUILDPLATFORM` for stages that only build"));
        if let (None, Some([only])) = (&build.target, task.runs_on().as_deref()) {
            draft =
                draft.helped(format!("and set the platform of the asset: {}", super::build_side::asset_platform(only)));
        }
        drafts.push(draft);
    }
    drafts
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{built, built_anywhere};

    const FILE: &str = "FROM --platform=$BUILDPLATFORM node:22\nCMD [\"node\", \"server.js\"]\n";

    #[test]
    fn a_final_stage_for_the_build_machine_is_found() {
        let found = ["warning dockerfile-final-stage-on-build-platform asset.abc/Dockerfile:1"];
        assert_eq!(built("linux/arm64", FILE, &[]), found);
        assert_eq!(built_anywhere(FILE, &[]), found, "one cause once");
        assert_eq!(built("linux/amd64", "FROM --platform=${BUILDPLATFORM} nginx AS a\nFROM a\n", &[]), found);
    }

    #[test]
    fn a_builder_is_not() {
        let file = "FROM --platform=$BUILDPLATFORM golang AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /app\nFROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n";
        assert!(built("linux/arm64", file, &[]).is_empty());
        assert!(
            built("linux/arm64", &file.replace("FROM scratch", "FROM --platform=$BUILDPLATFORM scratch"), &[])
                .is_empty()
        );
    }
}
