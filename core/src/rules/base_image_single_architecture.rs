//! A Dockerfile starts from a base image that does not exist for the processors of its task.
//!
//! ## Why this fails
//!
//! Names such as `amd64/node` or `arm64v8/alpine` are images for one architecture. A build for another one either takes them all the same,
//! with a label that lies (`exec format error` when it runs), or fails: `no match for platform in manifest`.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM amd64/node:22       # the task is ARM64
//! ```
//!
//! ## How to fix
//!
//! Use the name that has all platforms: `FROM node:22`. For an image of your own, build and push it for both:
//! `docker buildx build --platform linux/amd64,linux/arm64 --push …`.
//!
//! ## When it is silent
//!
//! For images of which neither the name nor `ecs-arch.lock.json` says what they are for; a name such as `app:arm64` proves nothing. It is a
//! warning where what is started may come from elsewhere.

use super::build_side::{draft, in_dockerfile};
use super::image_platform_mismatch::misfit;
use super::{Draft, Note, Settings, Severity, remedy};
use crate::platform::Platform;
use crate::workload::Task;
use crate::workload::builds::{Cause, Held};

const NAME: &str = "base-image-single-architecture";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for container in &task.containers {
        let Some(build) = &container.image.build else { continue };
        let (severity, stage, evidence, held, target) = match &build.held {
            // The build itself fails.
            Held::Missing(wanted, Cause::Base(stage, evidence)) => {
                (Severity::Error, *stage, evidence, None, wanted.clone())
            }
            Held::Platform(held, Cause::Base(stage, evidence)) => {
                let (severity, target) = if build.decides() {
                    let Some((_, host)) = misfit(task, &container.image) else { continue };
                    (
                        Severity::Error,
                        Platform::new(host.os.unwrap_or(held.os), host.architecture.unwrap_or(held.architecture)),
                    )
                } else {
                    let Some(target) = build.target.clone().filter(|target| target.architecture != held.architecture)
                    else {
                        continue;
                    };
                    (Severity::Warning, target)
                };
                (severity, *stage, evidence, Some(held), target)
            }
            _ => continue,
        };
        let message = match held {
            Some(held) => format!("its base image is for `{held}` only, but the task runs on `{target}`"),
            None => format!("its base image does not exist for `{target}`"),
        };
        let line = build.line_of(stage);
        let mut notes = vec![in_dockerfile(build, evidence.clone(), line)];
        if held.is_none() {
            notes.push(Note::plain("the build would fail: `no match for platform in manifest`"));
        }
        notes.extend(remedy::task_note(task, task.routes().any(|(_, route)| route.is_fargate())));
        notes.extend(remedy::essential_note(container.essential));
        let at = (build.file().to_owned(), line);
        let mut draft = draft(task, container, NAME, severity, message, at, notes);
        let base =
            build.recipe().and_then(|recipe| recipe.dockerfile.stages.get(stage)).map(|stage| stage.base.clone());
        let base = base.unwrap_or_default();
        draft.help.push(match base.split_once('/') {
            Some((_, name)) if held.is_some() && !base.contains('$') && crate::image::reference::platform_by_name(&base).is_some() => {
                format!("use the name that has all platforms: `FROM {name}`")
            }
            _ => format!("use a base image that has `{target}`; if it is your own, build it for both: `docker buildx build --platform linux/amd64,linux/arm64 --push …`"),
        });
        drafts.push(draft);
    }
    drafts
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{built, built_locked};

    #[test]
    fn a_base_for_one_processor_is_found() {
        let file = "FROM amd64/node:22\nCMD node .\n";
        assert_eq!(built("linux/arm64", file, &[]), ["error base-image-single-architecture asset.abc/Dockerfile:1"]);
        let copied = "FROM arm64v8/busybox AS tools\nFROM alpine\nCOPY --from=tools /bin/busybox /httpd\nENTRYPOINT [\"/httpd\"]\n";
        assert_eq!(built("linux/amd64", copied, &[]), ["error base-image-single-architecture asset.abc/Dockerfile:1"]);
    }

    #[test]
    fn what_the_lock_file_knows_counts() {
        let lock = r#"{"schema":1,"images":{"example.com/base":{"platforms":["linux/amd64"]},
            "example.com/index":{"platforms":["linux/amd64"],"mediaType":"application/vnd.oci.image.index.v1+json"},
            "example.com/both":{"platforms":["linux/amd64","linux/arm64"]}}}"#;
        for (base, found) in [("base", true), ("index", true), ("both", false), ("other", false)] {
            let rules = built_locked("linux/arm64", &format!("FROM example.com/{base}\nCMD run\n"), lock);
            let expected =
                if found { vec!["error base-image-single-architecture asset.abc/Dockerfile:1"] } else { Vec::new() };
            assert_eq!(rules, expected, "{base}");
            assert!(
                built_locked("linux/amd64", &format!("FROM example.com/{base}\nCMD run\n"), lock).is_empty(),
                "{base}"
            );
        }
    }

    #[test]
    fn the_same_processor_is_not() {
        assert!(built("linux/amd64", "FROM amd64/node:22\nCMD node .\n", &[]).is_empty());
        assert!(built("linux/arm64", "FROM me/node:amd64\nCMD node .\n", &[]).is_empty());
    }
}
