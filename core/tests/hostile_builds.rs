//! Dockerfiles and contexts that nobody writes on purpose, or that someone does: each ends soon, with a complaint or a verdict, and nothing
//! outside of the context is touched.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ecs_arch_core::assembly;
use ecs_arch_core::check::{self, Options};
use ecs_arch_core::files::{Disk, Files, Memory};
use ecs_arch_core::report::{Report, Verdict};

const TEMPLATE: &str = r#"{"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"RequiresCompatibilities": ["FARGATE"],
    "ContainerDefinitions": [{"Name": "web", "Image": {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/repo:abc"}}]}}}}"#;
const MANIFEST: &str = r#"{"version": "36.0.0", "artifacts": {
    "A.assets": {"type": "cdk:asset-manifest", "properties": {"file": "A.assets.json"}},
    "A": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "A.template.json"}, "dependencies": ["A.assets"]}}}"#;

fn assets(options: &str) -> String {
    format!(
        r#"{{"dockerImages": {{"abc": {{"source": {{"directory": "asset.abc", "platform": "linux/amd64"{options}}},
            "destinations": {{"d": {{"repositoryName": "repo", "imageTag": "abc"}}}}}}}}}}"#
    )
}

fn judge(files: &dyn Files, path: &Path) -> Report {
    let start = Instant::now();
    let app = assembly::load(files, path);
    let report = check::check(&app, files, &Options::default());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(report.workloads.len(), 1);
    report
}

/// The report on a Dockerfile with some files, in memory.
fn built(dockerfile: &str, context: &[(&str, &str)]) -> Report {
    let mut files = vec![
        ("out/manifest.json".to_owned(), MANIFEST.to_owned()),
        ("out/A.template.json".to_owned(), TEMPLATE.to_owned()),
        ("out/A.assets.json".to_owned(), assets("")),
        ("out/asset.abc/Dockerfile".to_owned(), dockerfile.to_owned()),
    ];
    files.extend(context.iter().map(|(name, text)| (format!("out/asset.abc/{name}"), (*text).to_owned())));
    let memory = Memory(files.into_iter().map(|(name, text)| (PathBuf::from(name), text.into_bytes())).collect());
    judge(&memory, Path::new("out"))
}

#[cfg(test)]
mod on_disk {
    use super::*;

    /// An assembly on the disk, which goes away with it.
    pub struct OnDisk(pub PathBuf);

    impl OnDisk {
        pub fn new(name: &str) -> OnDisk {
            let root = std::env::temp_dir().join(format!("ecs-arch-{name}-{}", std::process::id()));
            std::fs::create_dir_all(root.join("asset.abc")).unwrap();
            std::fs::write(root.join("manifest.json"), MANIFEST).unwrap();
            std::fs::write(root.join("A.template.json"), TEMPLATE).unwrap();
            std::fs::write(root.join("A.assets.json"), assets("")).unwrap();
            OnDisk(root)
        }

        pub fn write(&self, name: &str, content: &[u8]) -> &OnDisk {
            let path = self.0.join("asset.abc").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
            self
        }

        pub fn judged(&self) -> Report {
            judge(&Disk, &self.0)
        }
    }

    impl Drop for OnDisk {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
use on_disk::OnDisk;

#[test]
fn ten_megabytes_in_one_line_are_read_in_no_time() {
    for text in [
        format!("FROM a\nRUN echo {}\nENTRYPOINT [\"/x\"]\n", "x".repeat(10 << 20)),
        format!("FROM a\nRUN {}\n", "true && ".repeat(1 << 20)),
        format!("FROM a\nENV {}\n", "A=$A ".repeat(1 << 20)),
        format!("FROM a\nCOPY {} /x/\n", "a*b ".repeat(1 << 18)),
        format!("FROM {}\n", "a".repeat(10 << 20)),
        format!("FROM a\nRUN a {}\n", "\\\n".repeat(1 << 20)),
    ] {
        let report = built(&text, &[("x", "#!/bin/sh\n")]);
        assert_eq!(report.summary.errors, 0, "{:?}", report.findings.first().map(|finding| &finding.message));
    }
    let larger = built(&"#".repeat(17 << 20), &[]);
    assert!(larger.workloads[0].why.as_ref().unwrap().contains("larger than 16 MiB"), "{:?}", larger.workloads);
}

#[test]
fn variables_that_name_themselves_or_double_end() {
    let mut doubled = "ARG A0=xxxxxxxxxxxxxxxx\n".to_owned();
    for step in 1..200 {
        writeln!(doubled, "ARG A{step}=$A{0}$A{0}", step - 1).unwrap();
    }
    for text in [
        "ARG A=$A\nFROM $A\n".to_owned(),
        "ARG A=$B\nARG B=$A\nFROM x$A$B\nCMD [\"y\"]\n".to_owned(),
        format!("{doubled}FROM a:$A199\nCMD [\"y\"]\n"),
        format!("FROM a\n{doubled}COPY $A199 /x\nWORKDIR $A199\nENTRYPOINT [\"./x\"]\n"),
        format!("FROM ${{A:-{}x{}\n", "${A:-".repeat(100_000), "}".repeat(100_001)),
    ] {
        assert_eq!(built(&text, &[]).summary.errors, 0);
    }
}

#[test]
fn stages_that_lead_into_each_other_without_end_are_cut() {
    let mut text = "FROM scratch AS s0\nCOPY a /d/a\n".to_owned();
    for step in 1..600 {
        writeln!(text, "FROM scratch AS s{step}\nCOPY --from=s{0} /d /d\nCOPY --from=s{0} /d /d", step - 1).unwrap();
    }
    text.push_str("ENTRYPOINT [\"/d/a\"]\n");
    assert_eq!(built(&text, &[("a", "#!/d/a\n")]).summary.errors, 0);
    let many: String = (0..20_000).map(|number| format!("FROM s{}\n", number % 7)).collect();
    let report = built(&many, &[]);
    assert!(report.workloads[0].why.as_ref().unwrap().contains("more than 1000 stages"), "{:?}", report.workloads);
    let own = built("FROM a AS a\nCOPY --from=a /x /x\nCOPY --from=0 /x /x\nCOPY --from=9 /x /x\nCMD [\"/x\"]\n", &[]);
    assert_eq!(own.summary.errors, 0);
}

#[test]
fn broken_syntax_is_a_finding_with_its_line() {
    for (text, line) in [
        ("FROM a\nFROBNICATE x\n", 2),
        ("FROM a\n\n\nRUM echo\n", 4),
        ("FROM\n", 1),
        ("RUN x\nFROM a\n", 1),
        ("FROM a\nCOPY x\n", 2),
        ("FROM a\nRUN <<EOF\nnever ends\n", 3),
        ("FROM a\nSHELL x\n", 2),
        ("\0\0\0\0", 1),
        ("\u{202e}FROM a\n", 1),
    ] {
        let report = built(text, &[]);
        let finding = &report.findings.iter().find(|finding| finding.rule == "dockerfile-invalid");
        let finding = finding.unwrap_or_else(|| panic!("{text:?}: {:?}", report.workloads));
        assert_eq!(finding.location.file, "asset.abc/Dockerfile");
        assert!(finding.location.line.abs_diff(line) <= 1, "{text:?}: line {}", finding.location.line);
    }
}

#[test]
fn a_dockerfile_outside_is_not_read() {
    for file in ["../../secret", "/etc/passwd", "../../../etc/passwd"] {
        let mut files = vec![
            (PathBuf::from("out/manifest.json"), MANIFEST.as_bytes().to_vec()),
            (PathBuf::from("out/A.template.json"), TEMPLATE.as_bytes().to_vec()),
            (PathBuf::from("out/A.assets.json"), assets(&format!(r#", "dockerFile": "{file}""#)).into_bytes()),
            (PathBuf::from("out/asset.abc/x"), Vec::new()),
        ];
        files.push((PathBuf::from("secret"), b"FROM --platform=linux/arm64 a\nCMD x\n".to_vec()));
        let report = judge(&Memory(files.into_iter().collect()), Path::new("out"));
        assert_eq!(report.summary.errors, 0);
        assert_eq!(report.workloads[0].verdict, Verdict::Unknown);
        assert!(report.workloads[0].why.as_ref().unwrap().contains("lies outside"), "{:?}", report.workloads[0].why);
    }
}

#[cfg(unix)]
#[test]
fn links_devices_and_fifos_do_no_harm() {
    use std::os::unix::fs::symlink;
    let assembly = OnDisk::new("special");
    let text = b"FROM a\nCOPY . /c\nCOPY fifo zero outside /c/\nENTRYPOINT [\"/c/fifo\"]\n";
    assembly.write("Dockerfile", text).write("node_modules/a.node", b"x");
    let context = assembly.0.join("asset.abc");
    let made = std::process::Command::new("mkfifo").arg(context.join("fifo")).arg(context.join("fifo.so")).status();
    assert!(made.unwrap().success());
    symlink("/dev/zero", context.join("zero")).unwrap();
    symlink("/etc", context.join("outside")).unwrap();
    symlink("/proc/self/mem", context.join("libx.so")).unwrap();
    symlink("loop", context.join("loop")).unwrap();
    symlink("..", context.join("up")).unwrap();
    let report = assembly.judged();
    assert_eq!(report.summary.errors, 0, "{:#?}", report.findings);
    for entrypoint in ["/c/zero", "/c/outside/passwd", "/c/up/manifest.json", "/c/up/../x"] {
        let text = format!("FROM a\nCOPY . /c\nENTRYPOINT [\"{entrypoint}\"]\n");
        let report = assembly.write("Dockerfile", text.as_bytes()).judged();
        let wrong = report.findings.iter().filter(|finding| finding.rule != "entrypoint-not-executable").count();
        assert_eq!(wrong, 0, "{entrypoint}: {:#?}", report.findings);
    }
    assembly.write("Dockerfile", b"FROM a\nCOPY . /c\nENTRYPOINT [\"/c/loop\"]\n");
    assert_eq!(assembly.judged().findings[0].rule, "entrypoint-not-found");
    std::fs::remove_file(context.join("Dockerfile")).unwrap();
    symlink("/etc/passwd", context.join("Dockerfile")).unwrap();
    assert!(assembly.judged().workloads[0].why.as_ref().unwrap().contains("symbolic link"));
    std::fs::remove_file(context.join("Dockerfile")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(context.join("Dockerfile")).status().unwrap().success());
    assert!(assembly.judged().workloads[0].why.as_ref().unwrap().contains("not a regular file"));
}

/// The disk, but for one file that nobody may read.
struct Forbidding(Disk, &'static str);

impl Files for Forbidding {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        if path.ends_with(self.1) { Err(std::io::ErrorKind::PermissionDenied.into()) } else { self.0.read(path) }
    }
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn ecs_arch_core::files::ReadSeek>> {
        if path.ends_with(self.1) { Err(std::io::ErrorKind::PermissionDenied.into()) } else { self.0.open(path) }
    }
    fn is_file(&self, path: &Path) -> bool {
        self.0.is_file(path)
    }
    fn is_directory(&self, path: &Path) -> bool {
        self.0.is_directory(path)
    }
    fn status(&self, path: &Path) -> std::io::Result<ecs_arch_core::files::Status> {
        self.0.status(path)
    }
    fn link(&self, path: &Path) -> std::io::Result<PathBuf> {
        self.0.link(path)
    }
    fn list(&self, path: &Path) -> std::io::Result<Vec<ecs_arch_core::files::Listed>> {
        self.0.list(path)
    }
}

#[test]
fn what_may_not_be_read_is_unknown_and_says_so() {
    let assembly = OnDisk::new("unreadable");
    assembly
        .write("Dockerfile", b"FROM a\nCOPY server /server\nENTRYPOINT [\"/server\"]\n")
        .write("server", b"#!/bin/sh\n");
    for file in ["server", "Dockerfile"] {
        let report = judge(&Forbidding(Disk, file), &assembly.0);
        let workload = &report.workloads[0];
        assert_eq!(workload.verdict, Verdict::Unknown, "{workload:?}");
        let why = workload.why.as_ref().unwrap();
        assert!(why.contains(file) && why.contains("cannot be read"), "{why}");
    }
}

#[test]
fn two_hundred_thousand_files_are_walked_and_not_opened() {
    let mut files: Vec<(PathBuf, Vec<u8>)> = (0..200_000)
        .map(|number| (PathBuf::from(format!("out/asset.abc/node_modules/p{}/f{number}.js", number % 500)), Vec::new()))
        .collect();
    for (name, text) in [
        ("manifest.json", MANIFEST),
        ("A.template.json", TEMPLATE),
        ("A.assets.json", &assets("")),
        ("asset.abc/Dockerfile", "FROM node\nCOPY . /app\nCMD [\"node\", \"/app\"]\n"),
    ] {
        files.push((PathBuf::from(format!("out/{name}")), text.as_bytes().to_vec()));
    }
    let report = judge(&Memory(files.into_iter().collect()), Path::new("out"));
    assert_eq!(report.workloads[0].verdict, Verdict::Runs);
}
