//! The Dockerfile of an image asset does not exist, or no build takes it.
//!
//! ## Why this fails
//!
//! `cdk synth` does not read Dockerfiles, so that the mistake would be seen when the image is built, minutes into a deployment.
//!
//! ## Example
//!
//! ```ts
//! ecs.ContainerImage.fromAsset('./web', { target: 'prod' })   // the Dockerfile has no stage `prod`
//! ```
//!
//! ## How to fix
//!
//! Correct the line that is named; check `file` and `target` of the asset.
//!
//! ## When it is silent
//!
//! Where the directory of the asset is not part of the assembly; where `# syntax` names a language of its own. It is a warning where this
//! reader does not take what another builder might.

use super::build_side::draft;
use super::{Draft, Settings, Severity, remedy};
use crate::workload::Task;

const NAME: &str = "dockerfile-invalid";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for container in &task.containers {
        let Some(build) = &container.image.build else { continue };
        let Some(problem) = build.problem() else { continue };
        // Whether this machine may read it says nothing about the one that builds.
        if !problem.certain && problem.line.is_none() {
            continue;
        }
        let severity = if problem.certain { Severity::Error } else { Severity::Warning };
        let message = format!("`{}` {}", build.file(), problem.message);
        let mut notes = remedy::image_notes(&container.image);
        notes.extend(remedy::essential_note(container.essential));
        let at = (build.file().to_owned(), problem.line.unwrap_or(1));
        let draft = draft(task, container, NAME, severity, message, at, notes);
        drafts.push(draft.helped(match problem.line {
            Some(line) => format!("look at line {line}; `docker build --check .` says more"),
            None => "check `file` and `target` of the asset, and that `exclude` and `.dockerignore` leave the Dockerfile in".to_owned(),
        }));
    }
    drafts
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{built, built_files, built_with};

    #[test]
    fn what_no_build_takes_is_found() {
        for (text, line) in [("FROM a\nFROBNICATE x\n", 2), ("", 1), ("# nothing\n", 1), ("ARG A\n", 1)] {
            assert_eq!(
                built("linux/amd64", text, &[]),
                [format!("error dockerfile-invalid asset.abc/Dockerfile:{line}")],
                "{text}"
            );
        }
        assert_eq!(
            built_files("linux/amd64", &[("readme", b"x")]),
            ["error dockerfile-invalid asset.abc/Dockerfile:1"]
        );
        let target = r#", "dockerBuildTarget": "prod""#;
        assert_eq!(built_with(target, "FROM a\n"), ["error dockerfile-invalid asset.abc/Dockerfile:1"]);
    }

    #[test]
    fn what_a_build_takes_is_not() {
        assert!(built_with(r#", "dockerBuildTarget": "prod""#, "FROM a AS prod\nCMD x\nFROM b\n").is_empty());
        assert!(
            built("linux/amd64", "# syntax=example.com/other\nrun this\n", &[])
                .iter()
                .all(|found| !found.starts_with("error"))
        );
        assert!(built_files("linux/amd64", &[]).is_empty(), "no directory, no judgement");
    }
}
