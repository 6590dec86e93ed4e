//! Dockerfiles as people write them. Those in `silent` are right for both architectures, and nothing may be found in them; each in `found`
//! is wrong for one, beside a twin that is right.
//!
//! Comments say what a build context would have beside the Dockerfile, and what is to be found:
//!
//! ```text
//! #@ file entrypoint.sh script
//! #@ expect linux/arm64 error dockerfile-platform-pinned 3
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ecs_arch_core::assembly;
use ecs_arch_core::check::{self, Options};
use ecs_arch_core::files::Memory;
use ecs_arch_core::report::Report;
use ecs_arch_core::rules::Severity;

const PLATFORMS: [(&str, &str); 2] = [("linux/amd64", "X86_64"), ("linux/arm64", "ARM64")];

/// An ELF header and one segment: as much of a program as is looked at.
fn elf(machine: u16) -> Vec<u8> {
    let half = |value: u16| value.to_le_bytes().to_vec();
    let word = |value: u32| value.to_le_bytes().to_vec();
    let long = |value: u64| value.to_le_bytes().to_vec();
    let header = [
        b"\x7fELF\x02\x01\x01".to_vec(),
        vec![0; 9],
        [half(2), half(machine), word(1)].concat(),
        [long(0), long(64), long(0), word(0)].concat(),
        [half(64), half(56), half(1), half(0), half(0), half(0)].concat(),
    ];
    let segment = [word(1), word(5), long(0), long(0), long(0), long(120), long(120), long(4096)];
    [header.concat(), segment.concat()].concat()
}

#[cfg(test)]
mod fixture {
    use super::*;

    pub fn content(kind: &str) -> Vec<u8> {
        match kind {
            "script" => b"#!/bin/sh\nset -e\nexec \"$@\"\n".to_vec(),
            "bash" => b"#!/usr/bin/env bash\nexec \"$@\"\n".to_vec(),
            "script-crlf" => b"#!/bin/sh\r\nexec \"$@\"\r\n".to_vec(),
            "env-crlf" => b"#!/usr/bin/env bash\r\nexec \"$@\"\r\n".to_vec(),
            "script-bare" => b"set -e\nexec \"$@\"\n".to_vec(),
            "script-late" => b"\n#!/bin/sh\nexec \"$@\"\n".to_vec(),
            "script-bom" => b"\xef\xbb\xbf#!/bin/sh\nexec \"$@\"\n".to_vec(),
            "amd64" => elf(62),
            "arm64" => elf(183),
            "macos" => b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01".to_vec(),
            "lfs" => b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".to_vec(),
            "text" => b"text\n".to_vec(),
            "ignores-modules" => b"**/node_modules\n.venv\ntarget\n.git\n".to_vec(),
            other => panic!("there is no kind of file `{other}`"),
        }
    }

    /// One Dockerfile with what its comments say.
    pub struct Fixture {
        pub name: String,
        pub text: String,
        pub files: Vec<(String, String)>,
        pub expected: BTreeMap<String, Vec<String>>,
    }

    pub fn fixtures(folder: &str) -> Vec<Fixture> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dockerfiles").join(folder);
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).unwrap();
            let (mut files, mut expected) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
            for line in text.lines().filter_map(|line| line.strip_prefix("#@ ")) {
                match line.split(' ').collect::<Vec<_>>().as_slice() {
                    ["file", path, kind] => files.push(((*path).to_owned(), (*kind).to_owned())),
                    ["expect", platform, rest @ ..] => {
                        expected.entry((*platform).to_owned()).or_default().push(rest.join(" "))
                    }
                    _ => panic!("{}: `{line}` is not understood", path.display()),
                }
            }
            Fixture { name: path.file_name().unwrap().to_string_lossy().into_owned(), text, files, expected }
        };
        paths.iter().map(read).collect()
    }
}
use fixture::{Fixture, content, fixtures};

/// The report on a Fargate task of an architecture whose image is built from a fixture for that platform.
fn report(fixture: &Fixture, platform: &str, architecture: &str) -> Report {
    let template = format!(
        r#"{{"Resources": {{"Task": {{"Type": "AWS::ECS::TaskDefinition", "Properties": {{"RequiresCompatibilities": ["FARGATE"],
            "RuntimePlatform": {{"CpuArchitecture": "{architecture}"}},
            "ContainerDefinitions": [{{"Name": "web", "Image": {{"Fn::Sub": "${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.amazonaws.com/repo:abc"}}}}]}}}}}}}}"#
    );
    let assets = format!(
        r#"{{"dockerImages": {{"abc": {{"source": {{"directory": "asset.abc", "platform": "{platform}"}},
            "destinations": {{"d": {{"repositoryName": "repo", "imageTag": "abc"}}}}}}}}}}"#
    );
    let manifest = r#"{"version": "36.0.0", "artifacts": {
        "A.assets": {"type": "cdk:asset-manifest", "properties": {"file": "A.assets.json"}},
        "A": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "A.template.json"}, "dependencies": ["A.assets"]}}}"#;
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for (name, text) in [
        ("manifest.json", manifest),
        ("A.assets.json", &assets),
        ("A.template.json", &template),
        ("asset.abc/Dockerfile", &fixture.text),
    ] {
        files.insert(PathBuf::from(format!("out/{name}")), text.as_bytes().to_vec());
    }
    for (path, kind) in &fixture.files {
        files.insert(PathBuf::from(format!("out/asset.abc/{path}")), content(kind));
    }
    let memory = Memory(files);
    let app = assembly::load(&memory, Path::new("out"));
    check::check(&app, &memory, &Options::default())
}

fn found(report: &Report) -> Vec<String> {
    let shown = report.findings.iter().map(|finding| {
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        let place = match finding.location.file.strip_prefix("asset.abc/") {
            Some("Dockerfile") => finding.location.line.to_string(),
            Some(file) => file.to_owned(),
            None => finding.location.file.clone(),
        };
        format!("{severity} {} {place}", finding.rule)
    });
    shown.collect()
}

#[test]
fn what_is_right_for_both_architectures_is_silent_for_both() {
    let fixtures = fixtures("silent");
    assert!(fixtures.len() >= 60, "{}", fixtures.len());
    let mut wrong = String::new();
    for fixture in &fixtures {
        for (platform, architecture) in PLATFORMS {
            let report = report(fixture, platform, architecture);
            if !report.findings.is_empty() || report.summary.workloads.runs != 1 {
                wrong
                    .push_str(&format!("{} {platform}: {:#?} {:?}\n", fixture.name, report.findings, report.workloads));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_is_wrong_for_one_architecture_is_found_for_that_one() {
    let fixtures = fixtures("found");
    let mut wrong = String::new();
    for fixture in &fixtures {
        let (case, edition) = fixture.name.split_once('.').unwrap();
        let other = if edition == "wrong" { "right" } else { "wrong" };
        assert!(fixtures.iter().any(|twin| twin.name == format!("{case}.{other}")), "{} has no twin", fixture.name);
        assert_eq!(fixture.expected.is_empty(), edition == "right", "{} expects otherwise", fixture.name);
        for (platform, architecture) in PLATFORMS {
            let found = found(&report(fixture, platform, architecture));
            let expected = fixture.expected.get(platform).cloned().unwrap_or_default();
            if found != expected {
                wrong.push_str(&format!("{} {platform}: {found:?} instead of {expected:?}\n", fixture.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
