//! A CodeBuild project builds the image for its own machine, which is not the one that the task runs on.
//!
//! ## Why this fails
//!
//! `docker build` without a platform builds for the machine that it runs on, and the environment type of the project decides
//! which one that is. So an x86_64 project makes an image that stops at once in an ARM64 task: `exec format error`. With
//! `--platform` the image is right, but CodeBuild has no emulator of its own: the first `RUN` of the Dockerfile fails with
//! `exec /bin/sh: exec format error`, and nothing is pushed.
//!
//! ## Example
//!
//! ```ts
//! new codebuild.PipelineProject(this, 'Build', {
//!   environment: { privileged: true }, // x86_64, because nothing else is said
//!   buildSpec: codebuild.BuildSpec.fromObject({
//!     version: '0.2',
//!     phases: { build: { commands: ['docker build -t $REPOSITORY:latest .', 'docker push $REPOSITORY:latest'] } },
//!   }),
//!   environmentVariables: { REPOSITORY: { value: repository.repositoryUri } }, // the repository of an ARM64 task
//! });
//! ```
//!
//! ## How to fix
//!
//! Build where the task runs:
//!
//! ```ts
//! environment: TargetArchitecture.ARM64.buildEnvironment()
//! ```
//!
//! For the assets that CDK Pipelines publishes, the same goes into `assetPublishingCodeBuildDefaults.buildEnvironment`.
//!
//! ## When it is silent
//!
//! When the commands of the project are not part of the app, run other scripts, or leave the platform to something that is not
//! known; when a batch builds on several machines or a manifest list is put together; when the image has a tag that the project
//! does not push. It is a warning where something else may have pushed the image too, where the base image may be for one
//! platform only, and where only the emulator is missing.

use super::image_platform_mismatch::misfit;
use super::remedy;
use super::{Draft, Note, Settings, Severity};
use crate::capacity::group::Host;
use crate::codebuild::Builder;
use crate::platform::{Architecture, Os, Platform};
use crate::workload::{Container, Image, Launch, Platforms, Task};

const NAME: &str = "codebuild-builds-other-architecture";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for container in &task.containers {
        let Some(builder) = &container.image.builder else { continue };
        if let (true, [platform]) = (builder.native, builder.platforms.as_slice()) {
            let built = Image { platforms: Platforms::Single(platform.clone()), ..container.image.clone() };
            if let Some((launch, host)) = misfit(task, &built) {
                drafts.push(native(task, container, builder, platform, launch, host));
            }
        } else if builder.lacks_emulator {
            drafts.push(without_emulator(container, builder));
        }
    }
    drafts
}

fn native<'a>(
    task: &Task<'a>,
    container: &Container<'a>,
    builder: &Builder<'a>,
    platform: &Platform,
    launch: &Launch<'a>,
    host: &Host<'a>,
) -> Draft<'a> {
    let target = Platform::new(host.os.unwrap_or(platform.os), host.architecture.unwrap_or(platform.architecture));
    let mut notes = builder_notes(builder);
    if let Some(asset) = container.image.asset {
        let place =
            super::Place::File(asset.declared.file.clone(), asset.declared.pointer.clone(), asset.declared.line);
        notes.push(Note { message: "the asset sets no build platform".to_owned(), place });
    }
    notes.extend(remedy::task_note(task, host.fargate));
    notes.push(remedy::launch_note(&launch.label, &host.label, &launch.spot));
    let sure = builder.certain && builder.base_known;
    notes.push(Note::plain(if sure {
        "the container would stop at once: `exec …: exec format error`"
    } else if builder.certain {
        "unless the base image is for another platform only, the container stops at once: `exec …: exec format error`"
    } else {
        "the image may also come from elsewhere; if it comes from this project, the container stops at once: `exec …: exec format error`"
    }));
    notes.extend(remedy::essential_note(container.essential));
    let mut help = vec![build_there(container, builder, &target)];
    if container.image.asset.is_some() {
        help.push("set the platform of the asset as well, so that every machine builds the same: `platform` of `ecs.ContainerImage.fromAsset`, or `ArchImage.fromAsset`".to_owned());
    }
    help.extend(remedy::change_task(task, platform, task.is_cdk()));
    let may = if sure { "builds" } else { "may build" };
    draft(
        container,
        builder,
        if sure { Severity::Error } else { Severity::Warning },
        format!(
            "{} {may} the image of container `{}` for `{platform}`, but the task runs on `{target}`",
            builder.label, container.name
        ),
        notes,
        help,
    )
}

fn without_emulator<'a>(container: &Container<'a>, builder: &Builder<'a>) -> Draft<'a> {
    let own = builder.machine;
    let foreign = builder.platforms.iter().find(|platform| !own.runs(platform));
    let wanted = foreign.map_or_else(|| "another platform".to_owned(), |platform| format!("`{platform}`"));
    let mut notes = builder_notes(builder);
    notes.push(Note::plain(
        "CodeBuild has no emulator: a `RUN` for another platform fails with `exec /bin/sh: exec format error`",
    ));
    let mut help: Vec<String> = foreign.into_iter().map(|platform| build_there(container, builder, platform)).collect();
    help.push(
        "or register an emulator before the build, which is slow: `docker run --privileged --rm tonistiigi/binfmt --install all`"
            .to_owned(),
    );
    let message = format!(
        "{} builds the image of container `{}` for {wanted} on `{own}`, and nothing there emulates it",
        builder.label, container.name
    );
    draft(container, builder, Severity::Warning, message, notes, help)
}

fn draft<'a>(
    container: &Container<'a>,
    builder: &Builder<'a>,
    severity: Severity,
    message: String,
    notes: Vec<Note<'a>>,
    help: Vec<String>,
) -> Draft<'a> {
    Draft {
        rule: NAME,
        severity,
        message,
        resource: builder.project.clone(),
        spot: builder.spot.clone(),
        at: None,
        container: Some(container.name.clone()),
        notes,
        help,
    }
}

fn builder_notes<'a>(builder: &Builder<'a>) -> Vec<Note<'a>> {
    vec![
        Note::at(format!("the environment type `{}` is `{}`", builder.kind, builder.machine), &builder.spot),
        Note::at(builder.link.clone(), &builder.spot),
    ]
}

fn build_there(container: &Container<'_>, builder: &Builder<'_>, target: &Platform) -> String {
    let kind = target.architecture.codebuild_type().filter(|_| target.os == Os::Linux).unwrap_or("of its architecture");
    let name = remedy::ecs_name(target.architecture);
    let image = match target.architecture {
        Architecture::Arm64 => "codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0",
        _ => "codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5",
    };
    // Only CDK Pipelines publishes assets with projects of its own.
    let property = if container.image.asset.is_some() {
        "the pipeline's `assetPublishingCodeBuildDefaults: { buildEnvironment"
    } else {
        "`{ environment"
    };
    format!(
        "let {} build where the task runs (environment type `{kind}`): {property}: TargetArchitecture.{name}.buildEnvironment() }}`, or \
         with `{{ buildImage: {image}, privileged: true }}` as the environment",
        builder.label
    )
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{files_rules_of, rules_of, verdict};

    /// What a repository is called in expressions.
    const URI: &str = r#"{"Fn::GetAtt": ["Repo", "RepositoryUri"]}"#;

    fn task(cpu: &str, image: &str) -> String {
        format!(
            r#""Task": {{"Type": "AWS::ECS::TaskDefinition", "Properties": {{"RequiresCompatibilities": ["FARGATE"],
                "RuntimePlatform": {{"CpuArchitecture": "{cpu}"}}, "ContainerDefinitions": [{{"Name": "web", "Image": {image}}}]}}}}"#
        )
    }

    fn image(tag: &str) -> String {
        format!(r#"{{"Fn::Join": ["", [{URI}, ":{tag}"]]}}"#)
    }

    fn project(name: &str, kind: &str, commands: &str) -> String {
        let buildspec = format!(
            "version: 0.2\\nphases:\\n  build:\\n    commands:\\n      - |\\n        {}",
            commands.replace('\n', "\\n        ")
        );
        format!(
            r#""{name}": {{"Type": "AWS::CodeBuild::Project", "Properties": {{"Source": {{"Type": "NO_SOURCE", "BuildSpec": "{buildspec}"}},
                "Environment": {{"Type": "{kind}", "Image": "custom", "PrivilegedMode": true, "EnvironmentVariables": [
                    {{"Name": "REPO", "Value": {URI}}}, {{"Name": "NAME", "Value": {{"Ref": "Repo"}}}}]}}}}}}"#
        )
    }

    const REPOSITORY: &str = r#""Repo": {"Type": "AWS::ECR::Repository"}"#;
    const ERROR: [&str; 1] = ["error codebuild-builds-other-architecture"];
    const WARNING: [&str; 1] = ["warning codebuild-builds-other-architecture"];
    const BUILD: &str = "docker build -t $REPO:latest .\ndocker push $REPO:latest";

    fn app(resources: &[String]) -> String {
        format!(r#"{{"Resources": {{{REPOSITORY}, {}}}}}"#, resources.join(", "))
    }

    #[test]
    fn a_native_build_for_a_task_of_the_other_architecture_is_found() {
        for commands in [
            BUILD,
            "aws ecr get-login-password | docker login --username AWS --password-stdin x\ndocker build -t web .\ndocker tag web:latest $REPO:latest\ndocker push $REPO:latest",
            "docker build -t $ACCOUNT.dkr.ecr.$AWS_REGION.amazonaws.com/$NAME:latest . && docker push $ACCOUNT.dkr.ecr.$AWS_REGION.amazonaws.com/$NAME:latest",
            "docker buildx build --push -t ${REPO} .",
            "docker build -t $REPO:$CODEBUILD_RESOLVED_SOURCE_VERSION . && docker push $REPO:$CODEBUILD_RESOLVED_SOURCE_VERSION",
        ] {
            for (cpu, kind) in [("ARM64", "LINUX_CONTAINER"), ("X86_64", "ARM_CONTAINER")] {
                let app = app(&[task(cpu, &image("latest")), project("Build", kind, commands)]);
                assert_eq!(rules_of(&app), ERROR, "{commands} on {kind}");
            }
        }
    }

    #[test]
    fn a_native_build_on_the_right_machine_makes_the_image_known() {
        for (cpu, kind) in [("ARM64", "ARM_CONTAINER"), ("ARM64", "ARM_EC2"), ("X86_64", "LINUX_CONTAINER")] {
            assert_eq!(verdict(&app(&[task(cpu, &image("latest")), project("Build", kind, BUILD)])), "runs", "{cpu}");
        }
    }

    #[test]
    fn a_platform_is_what_counts_and_the_emulator_is_told_of() {
        let with = |platform: &str, more: &str| {
            let commands = format!("{more}docker buildx build --platform {platform} -t $REPO:latest --push .");
            app(&[task("ARM64", &image("latest")), project("Build", "LINUX_CONTAINER", &commands)])
        };
        let emulator = "docker run --privileged --rm tonistiigi/binfmt --install all\n";
        assert_eq!(rules_of(&with("linux/arm64", "")), WARNING);
        assert_eq!(verdict(&with("linux/arm64", emulator)), "runs");
        assert_eq!(verdict(&with("linux/amd64,linux/arm64", emulator)), "runs");
        assert_eq!(rules_of(&with("linux/amd64", "")), ["error image-platform-mismatch"]);
        assert_eq!(rules_of(&with("linux/amd64,linux/s390x", emulator)), ["error image-platform-missing"]);
        assert_eq!(verdict(&with("$PLATFORMS", "")), "unknown");
    }

    #[test]
    fn another_tag_is_another_image() {
        let app = app(&[task("ARM64", &image("v1")), project("Build", "LINUX_CONTAINER", BUILD)]);
        assert_eq!(verdict(&app), "unknown");
    }

    #[test]
    fn what_else_may_push_makes_it_a_warning_or_nothing() {
        let task = || task("ARM64", &image("latest"));
        let build = || project("Build", "LINUX_CONTAINER", BUILD);
        let other = |kind: &str, commands: &str| app(&[task(), build(), project("Other", kind, commands)]);
        assert_eq!(verdict(&other("ARM_CONTAINER", BUILD)), "unknown");
        assert_eq!(rules_of(&other("LINUX_CONTAINER", BUILD)), ERROR);
        assert_eq!(rules_of(&other("ARM_CONTAINER", "make release")), WARNING);
        assert_eq!(rules_of(&other("ARM_CONTAINER", "docker build -t $X . && docker push $X")), WARNING);
        assert_eq!(verdict(&other("ARM_CONTAINER", "docker manifest create $REPO:latest a b")), "unknown");
        let outside = project("Build", "LINUX_CONTAINER", BUILD);
        let named = r#""1.dkr.ecr.eu-west-1.amazonaws.com/web:latest""#;
        let outside = outside.replace(URI, r#""1.dkr.ecr.eu-west-1.amazonaws.com/web""#);
        assert_eq!(rules_of(&app(&[super::tests::task("ARM64", named), outside])), WARNING);
    }

    #[test]
    fn what_is_not_known_of_a_project_is_not_held_against_it() {
        let silent = |project: String| {
            let found = verdict(&app(&[task("ARM64", &image("latest")), project.clone()]));
            assert_eq!(found, "unknown", "{project}");
        };
        let build = || project("Build", "LINUX_CONTAINER", BUILD);
        silent(build().replace(r#""PrivilegedMode": true"#, r#""PrivilegedMode": false"#));
        silent(build().replace(r#""LINUX_CONTAINER""#, r#"{"Ref": "Kind"}"#));
        silent(build().replace(
            "version: 0.2",
            "version: 0.2\\nbatch:\\n  build-list:\\n    - env:\\n        type: ARM_CONTAINER",
        ));
        for commands in [
            "./build.sh",
            "source env.sh\ndocker build -t $REPO:latest .\ndocker push $REPO:latest",
            "docker build $FLAGS -t $REPO:latest .\ndocker push $REPO:latest",
            "docker push $REPO:latest",
            "docker compose build\ndocker push $REPO:latest",
        ] {
            silent(project("Build", "LINUX_CONTAINER", commands));
        }
        let spec = build();
        let at = spec.find(r#""BuildSpec": ""#).unwrap();
        let end = at + spec[at..].find("\"}").unwrap();
        silent(format!("{}\"BuildSpec\": \"buildspec.yml{}", &spec[..at], &spec[end..]));
    }

    #[test]
    fn variables_may_change_what_a_build_is_for() {
        let with = |value: &str| {
            let variable = format!(r#"{{"Name": "DOCKER_DEFAULT_PLATFORM", "Value": {value}}}, {{"Name": "REPO""#);
            let build = project("Build", "LINUX_CONTAINER", BUILD).replace(r#"{"Name": "REPO""#, &variable);
            verdict(&app(&[task("ARM64", &image("latest")), build]))
        };
        assert_eq!(with(r#""linux/arm64""#), WARNING[0]);
        assert_eq!(with(r#""linux/amd64""#), "error image-platform-mismatch");
        assert_eq!(with(r#"{"Ref": "P"}"#), "unknown");
    }

    /// A pipeline that builds with `Build` and gives the result to a service.
    fn pipeline(provider: &str) -> String {
        format!(
            r#""Cluster": {{"Type": "AWS::ECS::Cluster"}},
            "Service": {{"Type": "AWS::ECS::Service", "Properties": {{"TaskDefinition": {{"Ref": "Task"}}, "LaunchType": "FARGATE"}}}},
            "Pipeline": {{"Type": "AWS::CodePipeline::Pipeline", "Properties": {{"Stages": [
                {{"Name": "Build", "Actions": [{{"ActionTypeId": {{"Provider": "CodeBuild"}}, "OutputArtifacts": [{{"Name": "Built"}}],
                    "Configuration": {{"ProjectName": {{"Ref": "Build"}}}}}}]}},
                {{"Name": "Deploy", "Actions": [{{"ActionTypeId": {{"Provider": "{provider}"}}, "InputArtifacts": [{{"Name": "Built"}}],
                    "Configuration": {{"ServiceName": {{"Fn::GetAtt": ["Service", "Name"]}}}}}}]}}]}}}}"#
        )
    }

    #[test]
    fn a_pipeline_gives_the_image_to_the_container_that_it_names() {
        let build = |listed: &str| {
            project(
                "Build",
                "LINUX_CONTAINER",
                &format!(
                    "docker build -t $REPO:$TAG .\ndocker push $REPO:$TAG\necho '[{{'name':'{listed}','imageUri':'x'}}]' > imagedefinitions.json"
                ),
            )
        };
        let sample = task("ARM64", r#""amazon/amazon-ecs-sample""#);
        let judged = |listed: &str, provider: &str| verdict(&app(&[sample.clone(), build(listed), pipeline(provider)]));
        assert_eq!(judged("web", "ECS"), ERROR[0]);
        assert_eq!(judged("web", "CodeDeployToECS"), "unknown");
        let two = sample.replace(r#"[{"Name": "web""#, r#"[{"Name": "side", "Image": "amd64/redis"}, {"Name": "web""#);
        let two = two.replace("ARM64", "X86_64");
        let other = build("other").replace("LINUX_CONTAINER", "ARM_CONTAINER");
        assert_eq!(verdict(&app(&[two.clone(), other, pipeline("ECS")])), "unknown");
        let named = build("web").replace("LINUX_CONTAINER", "ARM_CONTAINER");
        assert_eq!(verdict(&app(&[two, named, pipeline("ECS")])), ERROR[0]);
    }

    #[test]
    fn an_image_of_deploy_time_build_is_understood() {
        let custom = |command: &str| {
            format!(
                r#""Image": {{"Type": "Custom::CDKContainerImageBuild", "Properties": {{"buildCommand": "{command}", "repositoryUri": {URI},
                    "codeBuildProjectName": {{"Ref": "Build"}}}}}}"#
            )
        };
        let judged = |cpu: &str, kind: &str, command: &str| {
            let image = format!(r#"{{"Fn::Join": ["", [{URI}, ":", {{"Fn::GetAtt": ["Image", "ImageTag"]}}]]}}"#);
            verdict(&app(&[task(cpu, &image), custom(command), project("Build", kind, "eval $buildCommand")]))
        };
        let (native, arm) = (
            "docker buildx build --output type=docker,name=a:$t .",
            "docker buildx build --platform linux/arm64 --output type=docker,name=a:$t .",
        );
        assert_eq!(judged("X86_64", "LINUX_CONTAINER", native), "runs");
        assert_eq!(judged("ARM64", "LINUX_CONTAINER", native), ERROR[0]);
        assert_eq!(judged("ARM64", "ARM_CONTAINER", arm), "runs");
        assert_eq!(judged("X86_64", "ARM_CONTAINER", arm), "error image-platform-mismatch");
    }

    /// A stage whose asset a project in the pipeline's own stack publishes.
    fn published(cpu: &str, kind: &str, platform: &str, commands: &str, dockerfile: &str) -> Vec<String> {
        let stack = |id: &str| {
            format!(
                r#""{id}.assets": {{"type": "cdk:asset-manifest", "properties": {{"file": "{id}.assets.json"}}}},
               "{id}": {{"type": "aws:cloudformation:stack", "properties": {{"templateFile": "{id}.json"}}, "dependencies": ["{id}.assets"]}}"#
            )
        };
        let manifest = |artifacts: &str| format!(r#"{{"version": "36.0.0", "artifacts": {{{artifacts}}}}}"#);
        let nested =
            r#""assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}"#;
        let assets = format!(
            r#"{{"dockerImages": {{"abc": {{"source": {{"directory": "../asset.abc"{platform}}},
                "destinations": {{"d": {{"repositoryName": "repo", "imageTag": "abc"}}}}}}}}}}"#
        );
        let image = r#""1.dkr.ecr.eu-west-1.amazonaws.com/repo:abc""#;
        files_rules_of(&[
            ("out/manifest.json", &manifest(&format!("{nested}, {}", stack("Pipe")))),
            ("out/Pipe.assets.json", r#"{"dockerImages": {}}"#),
            ("out/Pipe.json", &app(&[project("Publish", kind, commands)])),
            ("out/assembly-Prod/manifest.json", &manifest(&stack("Shop"))),
            ("out/assembly-Prod/Shop.assets.json", &assets),
            ("out/assembly-Prod/Shop.json", &app(&[task(cpu, image)])),
            ("out/asset.abc/Dockerfile", dockerfile),
        ])
    }

    const PUBLISH: &str = "cdk-assets --path 'assembly-Prod/Shop.assets.json' --verbose publish 'abc:d'";
    const PLAIN: &str = "FROM node:22\nRUN npm ci\n";

    #[test]
    fn an_asset_is_built_on_the_machine_of_the_project_that_publishes_it() {
        assert_eq!(published("ARM64", "LINUX_CONTAINER", "", PUBLISH, PLAIN), ERROR);
        assert_eq!(published("X86_64", "ARM_CONTAINER", "", PUBLISH, PLAIN), ERROR);
        assert!(published("ARM64", "ARM_CONTAINER", "", PUBLISH, PLAIN).is_empty());
        assert!(published("X86_64", "LINUX_CONTAINER", "", PUBLISH, PLAIN).is_empty());
        let all = "npx cdk-assets publish -p ./assembly-Prod/Shop.assets.json";
        assert_eq!(published("ARM64", "LINUX_CONTAINER", "", all, PLAIN), ERROR);
    }

    #[test]
    fn an_asset_whose_builder_is_not_certain_stays_without_a_platform() {
        let unset = ["warning asset-platform-unset"];
        for commands in [
            "cdk-assets --path other.assets.json publish abc:d",
            "cdk-assets --path assembly-Prod/Shop.assets.json publish other:d",
            &format!("export DOCKER_DEFAULT_PLATFORM=linux/arm64\n{PUBLISH}"),
            &format!("export CDK_DOCKER=./docker.sh\n{PUBLISH}"),
        ] {
            assert_eq!(published("ARM64", "LINUX_CONTAINER", "", commands, PLAIN), unset, "{commands}");
        }
        for decided in ["FROM --platform=linux/arm64 node:22\n", "FROM arm64v8/node:22\n"] {
            let found = published("ARM64", "LINUX_CONTAINER", "", PUBLISH, decided);
            assert!(found.is_empty(), "the Dockerfile decides: {decided}");
        }
        for dockerfile in [
            "FROM node@sha256:0000000000000000000000000000000000000000000000000000000000000000\n",
            "ARG ARCH\nFROM node:$ARCH\n",
        ] {
            assert_eq!(published("ARM64", "LINUX_CONTAINER", "", PUBLISH, dockerfile), unset, "{dockerfile}");
        }
    }

    #[test]
    fn a_base_image_that_may_be_for_one_platform_only_makes_it_a_warning() {
        let own = "FROM 1.dkr.ecr.eu-west-1.amazonaws.com/base:1\n";
        assert_eq!(published("ARM64", "LINUX_CONTAINER", "", PUBLISH, own), WARNING);
        assert!(published("ARM64", "ARM_CONTAINER", "", PUBLISH, own).is_empty());
    }

    #[test]
    fn an_asset_for_another_machine_needs_an_emulator_only_where_something_runs() {
        let arm = r#", "platform": "linux/arm64""#;
        assert_eq!(published("ARM64", "LINUX_CONTAINER", arm, PUBLISH, PLAIN), WARNING);
        let cross = "FROM --platform=$BUILDPLATFORM golang AS build\nRUN go build\nFROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n";
        assert!(published("ARM64", "LINUX_CONTAINER", arm, PUBLISH, cross).is_empty());
        assert!(published("ARM64", "LINUX_CONTAINER", arm, PUBLISH, "FROM node:22\nCOPY . .\n").is_empty());
        assert!(published("ARM64", "ARM_CONTAINER", arm, PUBLISH, PLAIN).is_empty());
        let emulator = format!("docker run --privileged tonistiigi/binfmt --install all\n{PUBLISH}");
        assert!(published("ARM64", "LINUX_CONTAINER", arm, &emulator, PLAIN).is_empty());
        assert_eq!(
            published("X86_64", "LINUX_CONTAINER", arm, PUBLISH, "FROM node:22\n"),
            ["error image-platform-mismatch"]
        );
    }
}
