//! Small images for the tests of rules.

use std::io::Cursor;

use super::{Question, inspect};
use crate::image::layout::{ArchiveKind, archive};
use crate::image::limits::Limits;
use crate::platform::Platform;

/// An image of one layer.
#[derive(Clone)]
pub(crate) struct ImageSpec {
    architecture: String,
    entrypoint: Vec<String>,
    user: String,
    directory: String,
    files: Vec<(String, u32, Vec<u8>)>,
    host: Option<Platform>,
}

impl ImageSpec {
    pub(crate) fn new(architecture: &str) -> ImageSpec {
        let architecture = architecture.to_owned();
        let (entrypoint, files, host) = (Vec::new(), Vec::new(), None);
        ImageSpec { architecture, entrypoint, user: String::new(), directory: String::new(), files, host }
    }

    pub(crate) fn entrypoint(mut self, words: &[&str]) -> ImageSpec {
        self.entrypoint = words.iter().map(ToString::to_string).collect();
        self
    }

    pub(crate) fn file(mut self, path: &str, content: &[u8]) -> ImageSpec {
        self.files.push((path.to_owned(), 0o755, content.to_vec()));
        self
    }

    pub(crate) fn plain_file(mut self, path: &str, content: &[u8]) -> ImageSpec {
        self.files.push((path.to_owned(), 0o644, content.to_vec()));
        self
    }

    pub(crate) fn user(mut self, user: &str) -> ImageSpec {
        user.clone_into(&mut self.user);
        self
    }

    pub(crate) fn directory(mut self, path: &str) -> ImageSpec {
        path.clone_into(&mut self.directory);
        self
    }

    pub(crate) fn host(mut self, platform: &str) -> ImageSpec {
        self.host = Some(Platform::parse(platform).unwrap());
        self
    }

    /// The image as `docker save` writes it.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let files: Vec<(&str, u32, &[u8])> =
            self.files.iter().map(|(path, mode, content)| (path.as_str(), *mode, content.as_slice())).collect();
        let layer = tar_of(&files);
        let config = serde_json::json!({
            "os": "linux", "architecture": self.architecture,
            "config": { "Entrypoint": self.entrypoint, "User": self.user, "WorkingDir": self.directory },
        });
        let manifest = r#"[{"Config":"config.json","RepoTags":["test:latest"],"Layers":["a/layer.tar"]}]"#;
        tar_of(&[
            ("config.json", 0o644, config.to_string().as_bytes()),
            ("a/layer.tar", 0o644, &layer),
            ("manifest.json", 0o644, manifest.as_bytes()),
        ])
    }

    /// What is found: severity and rule.
    pub(crate) fn rules(&self) -> Vec<String> {
        let images =
            archive(Box::new(Cursor::new(self.archive())), ArchiveKind::Either, None, &Limits::default()).unwrap();
        let question = Question { host: self.host.clone(), ..Question::default() };
        let inspection = inspect(&images, "test", &question);
        assert_eq!(inspection.unreadable, Vec::<String>::new());
        inspection.findings.iter().map(|finding| format!("{} {}", finding.severity, finding.rule)).collect()
    }
}

fn tar_of(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A program of a machine, with these segments: kind, alignment, content.
fn elf_with(machine: u16, segments: &[(u32, u64, &[u8])]) -> Vec<u8> {
    let count = segments.len();
    let mut data = b"\x7fELF\x02\x01\x01".to_vec();
    data.resize(16, 0);
    data.extend_from_slice(&2u16.to_le_bytes());
    data.extend_from_slice(&machine.to_le_bytes());
    data.extend_from_slice(&1u32.to_le_bytes());
    data.extend_from_slice(&0u64.to_le_bytes());
    data.extend_from_slice(&64u64.to_le_bytes());
    data.resize(54, 0);
    data.extend_from_slice(&56u16.to_le_bytes());
    data.extend_from_slice(&u16::try_from(count).unwrap().to_le_bytes());
    data.resize(64, 0);
    let mut offset = 64 + 56 * count as u64;
    let mut contents = Vec::new();
    for (kind, alignment, content) in segments {
        data.extend_from_slice(&kind.to_le_bytes());
        data.extend_from_slice(&5u32.to_le_bytes());
        for word in [offset, 0, 0, content.len() as u64, content.len() as u64, *alignment] {
            data.extend_from_slice(&word.to_le_bytes());
        }
        offset += content.len() as u64;
        contents.extend_from_slice(content);
    }
    data.extend_from_slice(&contents);
    data
}

/// A static program.
pub(crate) fn elf(machine: u16) -> Vec<u8> {
    elf_with(machine, &[(1, 65536, b"code")])
}

/// A program with a loader.
pub(crate) fn elf_with_loader(machine: u16, loader: &str) -> Vec<u8> {
    elf_with(machine, &[(3, 1, &[loader.as_bytes(), b"\0"].concat()), (1, 65536, b"code")])
}

/// A program whose segments have an alignment.
pub(crate) fn elf_aligned(machine: u16, alignment: u64) -> Vec<u8> {
    elf_with(machine, &[(1, alignment, b"code")])
}

/// A program for x86-64 of a level.
pub(crate) fn elf_for_level(level: u32) -> Vec<u8> {
    let mut note = Vec::new();
    for word in [4u32, 16, 5] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    note.extend_from_slice(b"GNU\0");
    for word in [0xc000_8002u32, 4, 1 << (level - 1), 0] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    elf_with(62, &[(4, 8, &note), (1, 65536, b"code")])
}
