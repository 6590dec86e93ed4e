//! A Dockerfile downloads a file whose name says that it is for another processor.
//!
//! ## Why this fails
//!
//! An address with `amd64` or `x86_64` in it gives the same file for every platform of the image. As a program it fails when it is run, in
//! the build (`exec format error`, or under emulation not at all) or in the task.
//!
//! ## Example
//!
//! ```dockerfile
//! RUN curl -fsSLo /usr/bin/tini https://github.com/krallin/tini/releases/download/v0.19.0/tini-amd64   # the task is ARM64
//! ```
//!
//! ## How to fix
//!
//! ```dockerfile
//! ARG TARGETARCH
//! RUN curl -fsSLo /usr/bin/tini https://github.com/krallin/tini/releases/download/v0.19.0/tini-${TARGETARCH}
//! ```
//!
//! Where the names are those of `uname -m`: `$(uname -m)`.
//!
//! ## When it is silent
//!
//! When the stage asks for the architecture (`TARGETARCH`, `uname -m`, `dpkg --print-architecture`), or names both; for stages that run on
//! the build machine, or do not reach the image. Always a warning: what becomes of the file is not known.

use super::build_side::{Site, sites};
use super::dockerfile_foreign_target::{handles_several, is_pinned};
use super::{Draft, Settings, Severity};
use crate::build::dockerfile::{Source, StepKind};
use crate::build::recipe::Recipe;
use crate::build::run;
use crate::build::stages::StagePlatform;
use crate::platform::Architecture;
use crate::workload::Task;

const NAME: &str = "dockerfile-foreign-download";
/// What installs packages from files and addresses, or downloads.
const PROGRAMS: [&str; 16] = [
    "curl", "wget", "aria2c", "dpkg", "apt-get", "apt", "rpm", "yum", "dnf", "microdnf", "apk", "pip", "pip3", "uv",
    "gdebi", "http",
];

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for site in sites(task) {
        let Some(recipe) = site.build.recipe() else { continue };
        for stage in recipe.reachable() {
            let on_build_host =
                matches!(recipe.resolved.get(stage).map(|resolved| &resolved.platform), Some(StagePlatform::BuildHost));
            if is_pinned(recipe, stage) || on_build_host || handles_several(recipe, stage) {
                continue;
            }
            let foreign = downloads(recipe, stage)
                .into_iter()
                .find(|(_, _, architecture)| *architecture != site.platform.architecture);
            drafts.extend(
                foreign.map(|(line, word, architecture)| draft(&site, recipe, stage, line, &word, architecture)),
            );
        }
    }
    drafts
}

/// What a stage downloads or installs by a name with one processor in it: line, name, processor.
fn downloads(recipe: &Recipe, stage: usize) -> Vec<(usize, String, Architecture)> {
    let mut found = Vec::new();
    let mut add = |line: usize, word: &str| {
        let is_file = word.contains("://") || [".deb", ".rpm", ".apk", ".whl"].iter().any(|end| word.ends_with(end));
        if let (true, [only]) = (is_file, run::architectures(word).as_slice()) {
            found.push((line, word.to_owned(), *only));
        }
    };
    for step in recipe.dockerfile.stages.get(stage).map(|stage| stage.steps.as_slice()).unwrap_or_default() {
        match &step.kind {
            StepKind::Copy(copy) if copy.add => {
                for source in &copy.sources {
                    if let Source::Path(path) = source {
                        add(step.line, path);
                    }
                }
            }
            StepKind::Run(text) => {
                for words in run::commands(text) {
                    let Some((program, arguments)) = run::program(&words) else { continue };
                    if PROGRAMS.contains(&program) {
                        arguments.iter().for_each(|word| add(step.line, word));
                    }
                }
            }
            StepKind::Environment(pairs) => {
                pairs.iter().filter(|(_, value)| value.contains("://")).for_each(|(_, value)| add(step.line, value));
            }
            _ => {}
        }
    }
    found
}

fn draft<'a>(
    site: &Site<'_, 'a>,
    recipe: &Recipe,
    stage: usize,
    line: usize,
    word: &str,
    architecture: Architecture,
) -> Draft<'a> {
    let name = recipe.stage_name(stage);
    let shown: String = word.trim_matches(['"', '\'']).chars().take(160).collect();
    let message = format!(
        "{name} of its Dockerfile downloads or installs `{shown}`, which is for {architecture}, but the task runs on `{}`",
        site.platform
    );
    let mut changed = shown.clone();
    for (written, variable) in
        [("x86_64", "$(uname -m)"), ("aarch64", "$(uname -m)"), ("amd64", "${TARGETARCH}"), ("arm64", "${TARGETARCH}")]
    {
        if changed.contains(written) {
            changed = changed.replace(written, variable);
            break;
        }
    }
    let help = if changed == shown {
        "choose by `ARG TARGETARCH`: `case \"$TARGETARCH\" in amd64) … ;; arm64) … ;; esac`".to_owned()
    } else if changed.contains("TARGETARCH") {
        format!("take it for the target: `ARG TARGETARCH`, and `{changed}`")
    } else {
        format!("take it for the target: `{changed}` in a `RUN` line")
    };
    site.draft(NAME, Severity::Warning, message, (site.build.file().to_owned(), line)).helped(help)
}

#[cfg(test)]
mod tests {
    use crate::check::testing::built;

    #[test]
    fn a_download_for_another_processor_is_found() {
        for line in [
            "ADD https://github.com/krallin/tini/releases/download/v0.19.0/tini-amd64 /tini",
            "RUN curl -fsSLo /tini https://example.com/v${VERSION}/tini-amd64 && chmod +x /tini",
            "RUN wget -q \"https://example.com/tool_Linux_x86_64.tar.gz\" -O- | tar xz",
            "RUN apt-get install -y ./chrome_amd64.deb",
            "ENV URL=https://nodejs.org/dist/v22.0.0/node-v22.0.0-linux-x64.tar.xz\nRUN curl $URL | tar xJ",
        ] {
            let file = format!("FROM debian\n{line}\nCMD [\"x\"]\n");
            assert_eq!(
                built("linux/arm64", &file, &[]),
                ["warning dockerfile-foreign-download asset.abc/Dockerfile:2"],
                "{line}"
            );
            assert!(built("linux/amd64", &file, &[]).is_empty(), "{line}");
        }
    }

    #[test]
    fn one_that_asks_is_not() {
        for line in [
            "ARG TARGETARCH\nADD https://example.com/tini-${TARGETARCH} /tini",
            "RUN curl -L https://example.com/tool-$(uname -m) -o /t && curl https://example.com/amd64.txt",
            "RUN ARCH=$(dpkg --print-architecture) && if [ \"$ARCH\" = amd64 ]; then curl -O https://e/x-amd64; fi",
            "RUN curl -O https://example.com/charm64.tgz",
            "RUN curl -O https://e/x-amd64 && curl -O https://e/x-arm64",
            "RUN echo https://e/x-amd64",
        ] {
            assert!(built("linux/arm64", &format!("FROM debian\n{line}\nCMD [\"x\"]\n"), &[]).is_empty(), "{line}");
        }
    }
}
