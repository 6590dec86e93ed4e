//! A Dockerfile compiles for another processor than the one its task gets.
//!
//! ## Why this fails
//!
//! A cross-compiler builds for what it is told: `GOARCH=amd64` gives a program for amd64, whatever platform the image is built for.
//!
//! ## Example
//!
//! ```dockerfile
//! RUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o /server .      # the task is ARM64
//! ```
//!
//! ## How to fix
//!
//! Take the architecture from the build:
//!
//! ```dockerfile
//! ARG TARGETARCH
//! RUN CGO_ENABLED=0 GOOS=linux GOARCH=$TARGETARCH go build -o /server .
//! ```
//!
//! ## When it is silent
//!
//! When the stage asks for the architecture (`TARGETARCH`, `uname -m`, `dpkg --print-architecture`), or names both; for stages that do not
//! reach the image; for programs for other systems (`GOOS=darwin`). Always a warning: what a `RUN` line makes is not known.

use super::build_side::{Site, sites};
use super::{Draft, Settings, Severity};
use crate::build::dockerfile::StepKind;
use crate::build::recipe::Recipe;
use crate::build::run;
use crate::build::stages::StagePlatform;
use crate::build::words::Word;
use crate::platform::{Architecture, Dialect};
use crate::workload::Task;

const NAME: &str = "dockerfile-foreign-target";

/// Something in a stage that names a processor: the line, what is written, and what to write in its place.
struct Named {
    line: usize,
    written: String,
    architecture: Architecture,
    instead: String,
}

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for site in sites(task) {
        let Some(recipe) = site.build.recipe() else { continue };
        let target = site.platform.architecture;
        for stage in recipe.reachable() {
            if is_pinned(recipe, stage) {
                continue;
            }
            let mut named = shadowed(recipe, stage);
            if !handles_several(recipe, stage) {
                named.extend(in_stage(recipe, stage));
            }
            let foreign = named.into_iter().find(|named| named.architecture != target);
            drafts.extend(foreign.map(|named| draft(&site, recipe, stage, &named)));
        }
    }
    drafts.dedup_by(|a, b| a.at == b.at);
    drafts
}

/// A stage that is pinned as a whole has its own rule.
pub(super) fn is_pinned(recipe: &Recipe, stage: usize) -> bool {
    matches!(recipe.resolved.get(stage).map(|resolved| &resolved.platform), Some(StagePlatform::Pinned(..)))
}

/// Whether a stage, or one that it starts from, asks for the processor or names both.
pub(super) fn handles_several(recipe: &Recipe, stage: usize) -> bool {
    let mut named = Vec::new();
    for number in recipe.chain(stage) {
        let Some(stage) = recipe.dockerfile.stages.get(number) else { continue };
        for step in &stage.steps {
            let text = match &step.kind {
                StepKind::Run(text) => text.clone(),
                StepKind::Environment(pairs) => pairs.iter().map(|(name, value)| format!("{name}={value}\n")).collect(),
                StepKind::Argument(arguments) => arguments
                    .iter()
                    .map(|argument| match &argument.default {
                        Some(default) => format!("{}={default}\n", argument.name),
                        // Declared to be used.
                        None if argument.name.starts_with("TARGET") => "TARGETARCH".to_owned(),
                        None => String::new(),
                    })
                    .collect(),
                StepKind::Copy(copy) => format!("{copy:?}"),
                _ => continue,
            };
            let own_default =
                matches!(&step.kind, StepKind::Argument(_)) && !text.starts_with("TARGETARCH=") && run::asks(&text);
            let asks = if matches!(&step.kind, StepKind::Argument(_)) {
                own_default || text == "TARGETARCH"
            } else {
                run::asks(&text)
            };
            if asks {
                return true;
            }
            for architecture in run::architectures(&text) {
                if !named.contains(&architecture) {
                    named.push(architecture);
                }
            }
        }
    }
    named.len() > 1
}

/// `ARG TARGETARCH=amd64`, which beats the value that the builder has for it, where a stage uses it.
fn shadowed(recipe: &Recipe, stage: usize) -> Vec<Named> {
    let Some(own) = recipe.dockerfile.stages.get(stage) else { return Vec::new() };
    let declared = own.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Argument(arguments) => Some(arguments),
        _ => None,
    });
    let mut named = Vec::new();
    for argument in declared.flatten() {
        let globals = &recipe.dockerfile.global_arguments;
        let outer = globals.iter().find(|global| global.name == argument.name && argument.default.is_none());
        let written = outer.unwrap_or(argument);
        let (Some(default), true) =
            (&written.default, matches!(written.name.as_str(), "TARGETARCH" | "TARGETPLATFORM"))
        else {
            continue;
        };
        // A build argument may say otherwise.
        let value =
            recipe.stages.get(stage).and_then(|stage| stage.variables.get(&argument.name)).and_then(Word::known);
        let text = value.unwrap_or_default().trim_start_matches("linux/");
        let used = own.steps.iter().any(|step| match &step.kind {
            StepKind::Run(text) => text.contains(&argument.name),
            StepKind::Environment(pairs) => pairs.iter().any(|(_, value)| value.contains(&argument.name)),
            StepKind::Copy(copy) => format!("{copy:?}").contains(&argument.name),
            _ => false,
        });
        if let (true, true, Ok(architecture)) =
            (used, value == Some(default.as_str()), Architecture::parse(Dialect::Oci, text))
        {
            named.push(Named {
                line: written.line,
                written: format!("ARG {}={default}", argument.name),
                architecture,
                instead: format!("`ARG {}` without a default: the builder sets it", argument.name),
            });
        }
    }
    named
}

fn in_stage(recipe: &Recipe, stage: usize) -> Vec<Named> {
    let mut named = Vec::new();
    for step in recipe.dockerfile.stages.get(stage).map(|stage| stage.steps.as_slice()).unwrap_or_default() {
        match &step.kind {
            StepKind::Run(text) => named.extend(in_run(text, step.line)),
            StepKind::Environment(pairs) => {
                named.extend(pairs.iter().filter_map(|(name, value)| variable(name, value, step.line, "ENV ")));
            }
            StepKind::Argument(arguments) => {
                for argument in arguments {
                    let value = recipe.stages.get(stage).and_then(|stage| stage.variables.get(&argument.name));
                    let value = value.and_then(Word::known).unwrap_or_default();
                    named.extend(variable(&argument.name, value, argument.line, "ARG "));
                }
            }
            _ => {}
        }
    }
    named
}

/// A variable that tells a compiler what to build for.
fn variable(name: &str, value: &str, line: usize, prefix: &str) -> Option<Named> {
    let value = value.trim_matches(['"', '\'']);
    let (architecture, instead) = match name {
        "GOARCH" => (
            common(Architecture::parse(Dialect::Go, value).ok()?)?,
            "`ARG TARGETARCH` and `GOARCH=$TARGETARCH`".to_owned(),
        ),
        "CARGO_BUILD_TARGET" => (common(Architecture::of_rust_target(value).ok()?)?, rust_help()),
        "npm_config_arch" | "npm_config_target_arch" => {
            (common(Architecture::parse(Dialect::Npm, value).ok()?)?, plain_help())
        }
        _ => return None,
    };
    Some(Named { line, written: format!("{prefix}{name}={value}"), architecture, instead })
}

/// The two that ECS has.
fn common(architecture: Architecture) -> Option<Architecture> {
    matches!(architecture, Architecture::X86_64 | Architecture::Arm64).then_some(architecture)
}

fn rust_help() -> String {
    "`ARG TARGETARCH` and a `case \"$TARGETARCH\" in amd64) … ;; arm64) … ;; esac` that chooses the target".to_owned()
}

fn plain_help() -> String {
    "take it from the build (`ARG TARGETARCH`), or leave it out: a stage for the target builds for it".to_owned()
}

fn in_run(text: &str, line: usize) -> Vec<Named> {
    let mut named = Vec::new();
    if ["GOOS=darwin", "GOOS=windows", "GOOS=js", "GOOS=wasip1"].iter().any(|other| text.contains(other)) {
        return named;
    }
    for words in run::commands(text) {
        for word in &words {
            if let Some((name, value)) = word.split_once('=') {
                named.extend(variable(name, value, line, ""));
            }
        }
        let Some((program, arguments)) = run::program(&words) else { continue };
        let value = |options: &[&str]| -> Option<(String, String)> {
            let mut rest = arguments.iter();
            while let Some(word) = rest.next() {
                for option in options {
                    if word == option {
                        return rest.next().map(|value| (format!("{word} {value}"), value.clone()));
                    }
                    if let Some(value) = word.strip_prefix(option).and_then(|rest| rest.strip_prefix(['=', ':'])) {
                        return Some((word.clone(), value.to_owned()));
                    }
                }
            }
            None
        };
        let found = match program {
            "cargo" | "cross" | "rustc" | "maturin" => value(&["--target"]).and_then(|(written, triple)| {
                let is_linux = triple.contains("linux");
                let architecture = Architecture::of_rust_target(&triple).ok().and_then(common).filter(|_| is_linux)?;
                Some((written, architecture, rust_help()))
            }),
            "dotnet" => {
                let options = ["-r", "--runtime", "-a", "--arch", "-p:RuntimeIdentifier", "/p:RuntimeIdentifier"];
                value(&options).and_then(|(written, rid)| {
                    let is_linux = !rid.contains('-') || rid.contains("linux") || rid.starts_with("alpine");
                    let architecture = Architecture::of_dotnet_rid(&rid).ok().and_then(common).filter(|_| is_linux)?;
                    let help = "`ARG TARGETARCH` and `dotnet publish -a $TARGETARCH`".to_owned();
                    Some((written, architecture, help))
                })
            }
            "pip" | "pip3" | "uv" | "npm" | "yarn" | "pnpm" | "bun" | "deno" | "pkg" | "npx" | "zig" | "swift"
            | "nim" | "nexe" => {
                let options = [
                    "--platform",
                    "--python-platform",
                    "--arch",
                    "--cpu",
                    "--target_arch",
                    "--target-arch",
                    "--target",
                    "--targets",
                    "--triple",
                    "-target",
                ];
                value(&options).and_then(|(written, value)| {
                    let is_linux = !["darwin", "windows", "win32", "macos"].iter().any(|other| value.contains(other));
                    match run::architectures(&value).as_slice() {
                        [only] if is_linux => Some((written, *only, plain_help())),
                        _ => None,
                    }
                })
            }
            "apt-get" | "apt" | "apk" => arguments.iter().find_map(|package| {
                let architecture = match package.split_once('=').map_or(package.as_str(), |(name, _)| name) {
                    "gcc-aarch64-linux-gnu"
                    | "g++-aarch64-linux-gnu"
                    | "crossbuild-essential-arm64"
                    | "libc6-dev-arm64-cross"
                    | "binutils-aarch64-linux-gnu" => Architecture::Arm64,
                    "gcc-x86-64-linux-gnu"
                    | "g++-x86-64-linux-gnu"
                    | "crossbuild-essential-amd64"
                    | "libc6-dev-amd64-cross"
                    | "binutils-x86-64-linux-gnu" => Architecture::X86_64,
                    _ => return None,
                };
                Some((package.clone(), architecture, plain_help()))
            }),
            _ => None,
        };
        named.extend(found.map(|(written, architecture, instead)| Named { line, written, architecture, instead }));
    }
    named
}

fn draft<'a>(site: &Site<'_, 'a>, recipe: &Recipe, stage: usize, named: &Named) -> Draft<'a> {
    let name = recipe.stage_name(stage);
    let message = format!(
        "{name} of its Dockerfile builds for {} (`{}`), but the task runs on `{}`",
        named.architecture, named.written, site.platform
    );
    let at = (site.build.file().to_owned(), named.line);
    site.draft(NAME, Severity::Warning, message, at).helped(named.instead.clone())
}

#[cfg(test)]
mod tests {
    use crate::check::testing::built;

    const FOUND: &str = "warning dockerfile-foreign-target asset.abc/Dockerfile:";

    #[test]
    fn a_compiler_that_is_told_another_processor_is_found() {
        for (line, number) in [
            ("RUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o /x .", 2),
            ("ENV GOARCH=amd64", 2),
            ("RUN cargo build --release --target x86_64-unknown-linux-musl", 2),
            ("RUN dotnet publish -c Release -r linux-x64 -o /x", 2),
            ("RUN dotnet publish --runtime linux-musl-x64", 2),
            ("RUN pip install --platform manylinux2014_x86_64 --only-binary=:all: x", 2),
            ("RUN npm install --cpu=x64 sharp", 2),
            ("RUN bun build --compile --target=bun-linux-x64 ./x.ts", 2),
            ("RUN apt-get update && apt-get install -y gcc-x86-64-linux-gnu", 2),
            ("ARG TARGETARCH=amd64\nRUN GOARCH=$TARGETARCH go build -o /x", 2),
        ] {
            let file =
                format!("FROM golang AS build\n{line}\nFROM scratch\nCOPY --from=build /x /x\nENTRYPOINT [\"/x\"]\n");
            assert_eq!(built("linux/arm64", &file, &[]), [format!("{FOUND}{number}")], "{line}");
            assert!(built("linux/amd64", &file, &[]).is_empty(), "{line}");
        }
    }

    #[test]
    fn what_asks_or_does_not_reach_the_image_is_not() {
        for line in [
            "ARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /x",
            "RUN GOARCH=amd64 go build -o /x-amd64 && GOARCH=arm64 go build -o /x-arm64",
            "RUN GOARCH=$(dpkg --print-architecture) go build && echo amd64",
            "RUN case \"$(uname -m)\" in x86_64) T=x86_64-unknown-linux-musl;; *) T=y;; esac && cargo build --target $T",
            "RUN GOOS=darwin GOARCH=amd64 go build -o /cli",
            "RUN cargo build --target wasm32-unknown-unknown",
            "RUN go build -o /x",
        ] {
            let file =
                format!("FROM golang AS build\n{line}\nFROM scratch\nCOPY --from=build /x /x\nENTRYPOINT [\"/x\"]\n");
            assert!(built("linux/arm64", &file, &[]).is_empty(), "{line}");
        }
        let unused = "FROM golang AS lambda\nRUN GOARCH=amd64 go build -o /x\nFROM node\nCMD [\"node\"]\n";
        assert!(built("linux/arm64", unused, &[]).is_empty());
    }
}
