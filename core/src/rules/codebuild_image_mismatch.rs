//! A CodeBuild environment and its image are made for different machines.
//!
//! ## Why this fails
//!
//! The environment type decides which machine a build gets: `ARM_CONTAINER` is arm64, `LINUX_CONTAINER` is x86_64. CodeBuild
//! refuses an image of its own that is made for the other one, so the deployment fails: `AWS CodeBuild curated image … is not
//! supported for projects with environment type LINUX_CONTAINER`. Any other image cannot be started, so no build of the project is.
//!
//! ## Example
//!
//! ```yaml
//! Environment:
//!   Type: ARM_CONTAINER
//!   Image: aws/codebuild/amazonlinux-x86_64-standard:5.0
//! ```
//!
//! ## How to fix
//!
//! Take type and image together, as the build images of the CDK do:
//!
//! ```ts
//! environment: { buildImage: TargetArchitecture.ARM64.codeBuildImage }
//! ```
//!
//! ## When it is silent
//!
//! When the type or the image is only known at deployment; for images that neither AWS curates, nor the lock file or Docker's
//! per-architecture names describe. What a batch of the buildspec overrides is judged with it.

use super::{Draft, Note, Severity};
use crate::assembly::docker_assets::Source;
use crate::codebuild::buildspec::Override;
use crate::codebuild::environment::{Machine, System};
use crate::codebuild::project::Project;
use crate::image::reference;
use crate::platform::{BuildPlatform, Platform};
use crate::template::value::Text;
use crate::workload::Context;

const NAME: &str = "codebuild-image-mismatch";

/// What an image needs to run on.
enum Needs {
    Machine(Machine),
    Platforms(Vec<Platform>),
}

impl Needs {
    fn meets(&self, machine: Machine) -> bool {
        match self {
            Needs::Machine(needed) => *needed == machine,
            Needs::Platforms(platforms) => platforms.iter().any(|platform| machine.runs(platform)),
        }
    }

    fn in_words(&self) -> String {
        match self {
            Needs::Machine(machine) => format!("`{machine}`"),
            Needs::Platforms(platforms) => {
                platforms.iter().map(|platform| format!("`{platform}`")).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

pub(super) fn check<'a>(project: &Project<'a>, context: &Context<'a>) -> Vec<Draft<'a>> {
    let own_image = project.image.text();
    let own = own_image.and_then(|image| of_environment(project, context, project.machine?, image, None));
    let mut drafts: Vec<Draft<'a>> = own.into_iter().collect();
    for build in &project.batch {
        let kind = build.kind.as_deref();
        let machine = kind.map_or(project.machine, Machine::of_type);
        let given = build.image.as_deref().map(|image| project.text(image));
        let (Some(machine), Some(image)) = (machine, given.as_ref().or(own_image)) else { continue };
        // The project's own environment has been judged, unless a build overrides a part of it.
        if (kind.is_some() || given.is_some()) && drafts.is_empty() {
            drafts.extend(of_environment(project, context, machine, image, Some(build)));
        }
    }
    drafts
}

fn of_environment<'a>(
    project: &Project<'a>,
    context: &Context<'a>,
    machine: Machine,
    image: &Text,
    build: Option<&Override>,
) -> Option<Draft<'a>> {
    let (needs, evidence) = needs(project, context, image)?;
    if needs.meets(machine) {
        return None;
    }
    let kind = match build.and_then(|build| build.kind.as_deref()) {
        Some(kind) => kind,
        None => project.kind.known()?,
    };
    let (shown, wanted) = (image.display(), needs.in_words());
    let mut notes = vec![Note::at(format!("the environment type `{kind}` is `{machine}`"), &project.kind.spot)];
    notes.extend(Note::steps(&project.kind.via));
    notes.push(Note::at(evidence, &project.image.spot));
    if build.is_some() {
        notes.push(Note::plain("the batch of the buildspec puts this type and this image together"));
    }
    Some(Draft {
        rule: NAME,
        severity: Severity::Error,
        message: format!("the build image `{shown}` is for {wanted}, but the environment type `{kind}` is `{machine}`"),
        resource: project.placed.id(),
        spot: project.image.spot.clone(),
        at: None,
        container: None,
        notes,
        help: vec![help(machine)],
    })
}

fn help(machine: Machine) -> String {
    let image = match (machine.system, machine.architecture) {
        (System::Linux, crate::platform::Architecture::Arm64) => {
            "`codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0` (`aws/codebuild/amazonlinux-aarch64-standard:3.0`)"
        }
        (System::Linux, _) => {
            "`codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5` (`aws/codebuild/amazonlinux-x86_64-standard:5.0`)"
        }
        (System::Windows, _) => "a `codebuild.WindowsBuildImage`",
        (System::MacOs, _) => "a `codebuild.MacBuildImage`",
    };
    format!("take an image for `{machine}`: {image}; or the environment type that belongs to the image")
}

fn needs(project: &Project<'_>, context: &Context<'_>, image: &Text) -> Option<(Needs, String)> {
    let shown = image.display();
    if let Some(machine) = image.known().and_then(Machine::of_curated_image) {
        return Some((Needs::Machine(machine), format!("CodeBuild provides `{shown}` for `{machine}` only")));
    }
    if let Some(asset) = context.evaluator.app().asset_of(project.placed.template, image) {
        let Source::Directory { platform: Some(text), .. } = &asset.declared.source else { return None };
        let named = BuildPlatform::parse_list(text).ok()?.into_iter().map(|platform| match platform {
            BuildPlatform::Named(platform) => Some(platform),
            BuildPlatform::Host => None,
        });
        let platforms = named.collect::<Option<Vec<_>>>()?;
        return Some((Needs::Platforms(platforms), format!("the image is an asset, built with `--platform {text}`")));
    }
    if let Some(locked) = context.lock.and_then(|lock| lock.images.get(&shown)) {
        let platforms = locked.platforms().ok().filter(|platforms| !platforms.is_empty())?;
        return Some((Needs::Platforms(platforms), format!("the lock file says what `{shown}` is for")));
    }
    let platform = image.known().and_then(reference::platform_by_name)?;
    let evidence = format!("Docker publishes `{shown}` for `{platform}` only");
    Some((Needs::Platforms(vec![platform]), evidence))
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{locked_rules_of, rules_of};

    fn project(kind: &str, image: &str) -> String {
        format!(
            r#"{{"Resources": {{"Build": {{"Type": "AWS::CodeBuild::Project",
                "Properties": {{"Environment": {{"Type": "{kind}", "Image": "{image}"}}}}}}}}}}"#
        )
    }

    const MISMATCH: [&str; 1] = ["error codebuild-image-mismatch"];

    #[test]
    fn an_image_for_another_machine_is_found() {
        for (kind, image) in [
            ("ARM_CONTAINER", "aws/codebuild/standard:7.0"),
            ("ARM_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
            ("ARM_EC2", "aws/codebuild/amazonlinux2-x86_64-standard:5.0"),
            ("LINUX_CONTAINER", "aws/codebuild/amazonlinux2-aarch64-standard:3.0"),
            ("LINUX_GPU_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
            ("LINUX_LAMBDA_CONTAINER", "aws/codebuild/amazonlinux-aarch64-lambda-standard:nodejs20"),
            ("LINUX_CONTAINER", "aws/codebuild/windows-base:2022-1.0"),
            ("ARM_CONTAINER", "amd64/ubuntu"),
            ("LINUX_CONTAINER", "arm64v8/ubuntu"),
        ] {
            assert_eq!(rules_of(&project(kind, image)), MISMATCH, "{kind} {image}");
        }
    }

    #[test]
    fn an_image_for_the_same_machine_or_of_an_unknown_kind_is_not() {
        for (kind, image) in [
            ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
            ("LINUX_CONTAINER", "aws/codebuild/standard:7.0"),
            ("LINUX_EC2", "aws/codebuild/ami/amazonlinux-x86_64-base:latest"),
            ("ARM_LAMBDA_CONTAINER", "aws/codebuild/amazonlinux-aarch64-lambda-standard:python3.12"),
            ("WINDOWS_SERVER_2022_CONTAINER", "aws/codebuild/windows-base:2022-1.0"),
            ("MAC_ARM", "aws/codebuild/macos-arm-base:15"),
            ("ARM_CONTAINER", "node:22"),
            ("ARM_CONTAINER", "my-x86_64-image"),
            ("LINUX_CONTAINER", "i386/debian"),
            ("RISCV_CONTAINER", "aws/codebuild/standard:7.0"),
        ] {
            assert!(rules_of(&project(kind, image)).is_empty(), "{kind} {image}");
        }
    }

    #[test]
    fn the_lock_file_describes_other_images() {
        let lock = r#"{"schema": 1, "images": {"tools:1": {"platforms": ["linux/amd64"]}}}"#;
        assert_eq!(locked_rules_of(&project("ARM_CONTAINER", "tools:1"), lock), MISMATCH);
        assert!(locked_rules_of(&project("LINUX_CONTAINER", "tools:1"), lock).is_empty());
    }

    #[test]
    fn the_environments_of_a_batch_are_judged_too() {
        let batch = |kind: &str| {
            let buildspec = format!(
                "version: 0.2\\nbatch:\\n  build-list:\\n    - identifier: x\\n    - identifier: y\\n      env:\\n        type: {kind}\\n        image: aws/codebuild/amazonlinux-aarch64-standard:3.0\\n"
            );
            project("LINUX_CONTAINER", "aws/codebuild/standard:7.0")
                .replace(r#""Properties": {"#, &format!(r#""Properties": {{"Source": {{"BuildSpec": "{buildspec}"}},"#))
        };
        assert_eq!(rules_of(&batch("LINUX_CONTAINER")), MISMATCH);
        assert!(rules_of(&batch("ARM_CONTAINER")).is_empty());
    }
}
