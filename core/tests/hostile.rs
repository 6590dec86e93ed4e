//! Input that nobody writes on purpose, or that someone does: every case ends soon, with a complaint or a verdict.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use ecs_arch_core::assembly::{self, App};
use ecs_arch_core::check::{self, Options};
use ecs_arch_core::files::Memory;
use ecs_arch_core::report::{Report, Verdict};

const TASK: &str = r#""Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"RequiresCompatibilities": ["FARGATE"],
    "ContainerDefinitions": [{"Name": "web", "Image": "arm64v8/nginx"}]}}"#;

fn judged(files: &[(&str, &str)], path: &str) -> (App, Report) {
    let memory = Memory(files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect());
    let app = assembly::load(&memory, Path::new(path));
    let report = check::check(&app, &memory, &Options::default());
    (app, report)
}

fn template(text: &str) -> Report {
    judged(&[("t.json", text)], "t.json").1
}

fn complaint(files: &[(&str, &str)], path: &str) -> String {
    let (_, report) = judged(files, path);
    assert!(!report.unreadable.is_empty(), "nothing was said");
    report.unreadable.iter().map(|at| format!("{}: {}\n", at.file, at.message)).collect()
}

fn stack(file: &str) -> String {
    format!(r#""{file}": {{"type": "aws:cloudformation:stack", "properties": {{"templateFile": "{file}"}}}}"#)
}

fn manifest(artifacts: &[String]) -> String {
    format!(r#"{{"version": "36.0.0", "artifacts": {{{}}}}}"#, artifacts.join(","))
}

#[test]
fn a_directory_without_a_manifest_says_what_to_do() {
    let said = complaint(&[("out/other.txt", "x")], "out");
    assert!(said.contains("out/manifest.json: cannot read the cloud assembly's manifest"), "{said}");
    assert!(said.contains("run `cdk synth`"), "{said}");
}

#[test]
fn a_manifest_that_is_none_is_named_with_its_line() {
    for text in
        ["", "[]", "{\"artifacts\": []}", "{\"artifacts\": {\"A\": 1}}", "{\"artifacts\": {\"A\": {\"type\": 1}}}"]
    {
        let said = complaint(&[("out/manifest.json", text)], "out");
        assert!(said.contains("not a cloud assembly manifest"), "{text}: {said}");
    }
}

#[test]
fn nothing_outside_of_the_assembly_is_read() {
    for file in ["../secret.json", "/etc/passwd", "a/../../secret.json"] {
        let files = [
            ("out/manifest.json", manifest(&[stack(file)])),
            ("secret.json", format!("{{\"Resources\": {{{TASK}}}}}")),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let (_, report) = judged(&files, "out");
        assert!(report.workloads.is_empty());
        assert!(report.unreadable[0].message.contains("points outside"), "{:?}", report.unreadable);
    }
}

#[test]
fn one_unreadable_stack_does_not_hide_the_others() {
    let files = [
        ("out/manifest.json", manifest(&[stack("a.json"), stack("b.json"), stack("missing.json")])),
        ("out/a.json", "{\"Resources\": {".to_owned()),
        ("out/b.json", format!("{{\"Resources\": {{{TASK}}}}}")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (_, report) = judged(&files, "out");
    assert_eq!(report.unreadable.iter().map(|at| at.file.as_str()).collect::<Vec<_>>(), ["a.json", "missing.json"]);
    assert_eq!(report.summary.workloads.fails, 1);
}

#[test]
fn a_stage_that_contains_itself_is_noticed() {
    let nested = r#""S": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}"#.to_owned();
    let said = complaint(&[("out/manifest.json", &manifest(&[nested]))], "out");
    assert!(said.contains("is part of this app already"), "{said}");
}

#[test]
fn nested_stacks_that_contain_each_other_are_noticed() {
    let nested = |file: &str| {
        format!(
            r#"{{"Resources": {{"N": {{"Type": "AWS::CloudFormation::Stack", "Metadata": {{"aws:asset:path": "{file}"}}}}, {TASK}}}}}"#
        )
    };
    let (a, b) = (nested("b.json"), nested("a.json"));
    let (_, report) = judged(&[("a.json", &a), ("b.json", &b)], "a.json");
    assert!(report.unreadable[0].message.contains("leads back into itself"));
    assert_eq!(report.workloads.len(), 2);
}

#[test]
fn stages_that_lead_to_each_other_are_read_once() {
    let stage = |directory: &str| {
        format!(r#""{directory}": {{"type": "cdk:cloud-assembly", "properties": {{"directoryName": "{directory}"}}}}"#)
    };
    let both = manifest(&[stage("../a"), stage("../b")]);
    let files = [
        ("out/manifest.json", manifest(&[stage("a"), stage("b")])),
        ("out/a/manifest.json", both.clone()),
        ("out/b/manifest.json", both),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (app, _) = judged(&files, "out");
    assert_eq!(app.unreadable.len(), 4, "{:?}", app.unreadable);
    assert!(app.unreadable.iter().all(|part| part.message.contains("is part of this app already")));
}

#[test]
fn aliases_of_long_texts_are_bounded() {
    let text = "x".repeat(1 << 20);
    let aliases = "*a, ".repeat(10_000);
    let report = complaint(&[("a.yaml", &format!("a: &a \"{text}\"\nb: [{aliases}]"))], "a.yaml");
    assert!(report.contains("aliases expand"), "{report}");
}

#[test]
fn what_is_written_elsewhere_is_said() {
    let report = template(
        r#"{"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/a"}}, "Resources": {
        "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/b"}},
        "Remote": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://s3.amazonaws.com/b/c"}},
        "Module": {"Type": "My::Ecs::Service::MODULE"}, "App": {"Type": "AWS::Serverless::Application"}}}"#,
    );
    assert_eq!(report.unseen.len(), 5, "{:?}", report.unseen);
    assert!(report.unreadable.is_empty());
}

#[test]
fn a_yaml_file_may_begin_with_a_brace() {
    let (app, report) = judged(&[("a.yaml", "{Resources: {T: {Type: AWS::ECS::TaskDefinition}}}")], "a.yaml");
    assert!(app.unreadable.is_empty(), "{:?}", app.unreadable);
    assert!(report.unreadable.is_empty());
    let (app, _) = judged(&[("a.json", "{Resources: {T: {Type: AWS::ECS::TaskDefinition}}}")], "a.json");
    assert_eq!(app.unreadable.len(), 1);
}

#[test]
fn a_hundred_thousand_containers_are_no_trouble() {
    let containers: Vec<String> =
        (0..100_000).map(|n| format!(r#"{{"Name": "c{n}", "Image": "amd64/nginx"}}"#)).collect();
    let report = template(&format!(
        r#"{{"Resources": {{"T": {{"Type": "AWS::ECS::TaskDefinition", "Properties": {{"RequiresCompatibilities": ["FARGATE"],
            "ContainerDefinitions": [{}]}}}}}}}}"#,
        containers.join(",")
    ));
    let counts = report.summary.workloads;
    assert_eq!(counts.fails + counts.at_risk, 0);
    assert!(counts.runs + counts.unknown > 0);
}

#[test]
fn exports_that_need_each_other_are_unknown() {
    let text = r#"{"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"RequiresCompatibilities": ["FARGATE"],
        "RuntimePlatform": {"CpuArchitecture": {"Fn::ImportValue": "a"}}, "ContainerDefinitions": [{"Name": "web", "Image": "arm64v8/nginx"}]}}},
        "Outputs": {"A": {"Value": {"Fn::ImportValue": "b"}, "Export": {"Name": "a"}},
                    "B": {"Value": {"Fn::ImportValue": "a"}, "Export": {"Name": "b"}}}}"#;
    let report = template(text);
    assert_eq!(report.workloads[0].verdict, Verdict::Unknown);
    assert!(report.workloads[0].why.as_ref().unwrap().contains("refers to itself"), "{:?}", report.workloads[0].why);
}

#[test]
fn ten_thousand_nested_functions_are_a_complaint() {
    let mut image = "\"nginx\"".to_owned();
    for _ in 0..10_000 {
        image = format!(r#"{{"Fn::If": ["C", {image}, "x"]}}"#);
    }
    let text = format!(
        r#"{{"Resources": {{"T": {{"Type": "AWS::ECS::TaskDefinition", "Properties": {{"ContainerDefinitions": [{{"Image": {image}}}]}}}}}}}}"#
    );
    assert!(complaint(&[("t.json", &text)], "t.json").contains("nested deeper"));
    let yaml = complaint(&[("t.yaml", &format!("---\n{text}"))], "t.yaml");
    assert!(yaml.contains("nested deeper") || yaml.contains("recursion"), "{yaml}");
}

#[test]
fn conditions_that_double_at_every_step_end() {
    let mut conditions = r#""C0": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}"#.to_owned();
    for step in 1..60 {
        let before = format!(r#"{{"Condition": "C{}"}}"#, step - 1);
        write!(conditions, r#", "C{step}": {{"Fn::And": [{before}, {before}]}}"#).unwrap();
    }
    let report = template(&format!(
        r#"{{"Conditions": {{{conditions}}}, "Resources": {{"Task": {{"Type": "AWS::ECS::TaskDefinition", "Condition": "C59", "Properties":
            {{"RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": [{{"Name": "web", "Image": "arm64v8/nginx"}}]}}}}}}}}"#
    ));
    assert_eq!(report.workloads.len(), 1);
}

#[test]
fn more_choices_than_can_be_tried_are_cut_and_said() {
    let mut parameters = String::new();
    let mut parts = String::new();
    for number in 0..60 {
        write!(
            parameters,
            r#"{}"P{number}": {{"Type": "String", "AllowedValues": ["a", "b"]}}"#,
            if number > 0 { "," } else { "" }
        )
        .unwrap();
        write!(parts, r#"{}{{"Ref": "P{number}"}}"#, if number > 0 { "," } else { "" }).unwrap();
    }
    let report = template(&format!(
        r#"{{"Parameters": {{{parameters}}}, "Resources": {{"Task": {{"Type": "AWS::ECS::TaskDefinition", "Properties":
            {{"RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": [{{"Name": "web", "Image": {{"Fn::Join": ["", [{parts}]]}}}}]}}}}}}}}"#
    ));
    assert_eq!(report.workloads[0].verdict, Verdict::Unknown);
}

#[test]
fn wrong_types_anywhere_are_unknown_and_never_an_error() {
    for (property, value) in [
        ("RuntimePlatform", "1"),
        ("RuntimePlatform", "[]"),
        ("RuntimePlatform", r#"{"CpuArchitecture": {}}"#),
        ("RuntimePlatform", r#"{"CpuArchitecture": ["ARM64"]}"#),
        ("RequiresCompatibilities", "1"),
        ("ContainerDefinitions", "1"),
        ("ContainerDefinitions", "[1]"),
        ("ContainerDefinitions", r#"[{"Image": 1}]"#),
        ("ContainerDefinitions", r#"[{"Name": [], "Image": {}}]"#),
        ("ContainerDefinitions", r#"{"Fn::Join": 1}"#),
        ("PlacementConstraints", "[null, 1]"),
        ("Family", "{}"),
    ] {
        let text = format!(
            r#"{{"Resources": {{"Task": {{"Type": "AWS::ECS::TaskDefinition", "Properties": {{"ContainerDefinitions": [{{"Image": "nginx"}}],
                "{property}": {value}}}}}}}}}"#
        );
        let report = template(&text);
        assert_eq!(report.summary.errors, 0, "{text}");
        assert_eq!(report.workloads.len(), 1, "{text}");
        assert_eq!(report.workloads[0].verdict, Verdict::Unknown, "{text}");
        assert!(report.workloads[0].why.is_some(), "{text}");
    }
}

/// A project with these properties, beside a task whose image may be its.
fn project(properties: &str) -> Report {
    template(&format!(
        r#"{{"Resources": {{"Repo": {{"Type": "AWS::ECR::Repository"}},
            "Build": {{"Type": "AWS::CodeBuild::Project", "Properties": {{{properties}}}}},
            "Pipeline": {{"Type": "AWS::CodePipeline::Pipeline", "Properties": {{"Stages": [1, {{"Actions": [null, {{"ActionTypeId": []}}]}}]}}}},
            "Copy": {{"Type": "Custom::CDKECRDeployment", "Properties": {{"SrcImage": 1, "DestImage": []}}}},
            "Task": {{"Type": "AWS::ECS::TaskDefinition", "Properties": {{"RequiresCompatibilities": ["FARGATE"],
                "RuntimePlatform": {{"CpuArchitecture": "ARM64"}}, "ContainerDefinitions": [{{"Name": "web",
                "Image": {{"Fn::Sub": "${{Repo.RepositoryUri}}:latest"}}}}]}}}}}}}}"#
    ))
}

#[test]
fn projects_of_wrong_types_are_unknown_and_never_an_error() {
    let spec = |text: &str| {
        let environment = r#""Environment": {"Type": "LINUX_CONTAINER", "PrivilegedMode": true, "Image": "x"}"#;
        format!(r#"{environment}, "Source": {{"BuildSpec": {text}}}"#)
    };
    for properties in [
        r#""Environment": 1"#.to_owned(),
        r#""Environment": {"Type": [], "Image": {}}, "Source": []"#.to_owned(),
        r#""Environment": {"EnvironmentVariables": [1, {"Name": []}, {"Value": {}}]}, "Source": {"BuildSpec": {}}"#
            .to_owned(),
        spec("1"),
        spec(r#""../../etc/passwd""#),
        spec(r#""arn:aws:s3:::b/../../../etc/passwd""#),
        spec(r#""{""#),
        spec(r#""phases: [1]\nbatch: 1\nenv: x""#),
        spec(r#""a: &a [*a]\n""#),
        spec(&format!("\"{}\"", "phases:\\n  build:\\n    commands: [".repeat(1000))),
    ] {
        let report = project(&properties);
        assert_eq!(report.summary.errors, 0, "{properties}");
        assert_eq!(report.workloads[0].verdict, Verdict::Unknown, "{properties}");
    }
}

#[test]
fn builds_of_a_hundred_thousand_commands_end() {
    for command in
        ["docker build -t a$N .;docker push a$N", "A=$A$A", "echo $(", "name:", "docker tag a b", "cat <<E", "if"]
    {
        let lines = format!("{command}\\n        ").repeat(100_000 / 4).replace('"', "");
        let numbered: String = lines.split("$N").enumerate().map(|(n, part)| format!("{part}{n}")).collect();
        let report = project(&format!(
            r#""Environment": {{"Type": "LINUX_CONTAINER", "PrivilegedMode": true, "Image": "x"}},
                "Source": {{"BuildSpec": "phases:\n  build:\n    commands:\n      - |\n        imageUri\n        {numbered}"}}"#
        ));
        assert_eq!(report.workloads[0].verdict, Verdict::Unknown, "{command}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let text = format!("{{\"Resources\": {{{TASK}}}}}");
    assert_eq!(template(&text).to_json().unwrap(), template(&text).to_json().unwrap());
}
