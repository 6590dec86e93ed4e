//! The platform that an image archive declares: what `docker save` writes, and OCI layouts in a tar file.

use std::collections::HashMap;
use std::io::Read;

use oci_spec::image::ImageIndex;
use serde::Deserialize;

use crate::platform::{Platform, PlatformError};

/// JSON files of an archive are small; anything larger is a layer.
const MAX_JSON: u64 = 4 << 20;
/// How many bytes of JSON are kept of one archive.
const MAX_KEPT: usize = 64 << 20;
/// How many entries of an archive are looked at.
const MAX_ENTRIES: usize = 100_000;

/// An archive that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Not a tar file, or cut off.
    #[error("not a readable tar archive: {0}")]
    Tar(#[from] std::io::Error),
    /// Neither `manifest.json` nor `index.json`.
    #[error("neither a `docker save` archive nor an OCI layout: it has no `manifest.json` and no `index.json`")]
    NoManifest,
    /// A file in it is not what it should be.
    #[error("`{0}` in the archive is not understood: {1}")]
    Json(String, String),
    /// A file in it is missing.
    #[error("the archive has no `{0}`, which its manifest names")]
    Missing(String),
    /// The platform is not known.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// More than an image archive would hold.
    #[error("the archive has more entries or metadata than an image would")]
    TooLarge,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
}

#[derive(Deserialize)]
struct Config {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

/// The platforms that the images of an archive declare, in the order of its manifest.
///
/// # Errors
/// [`ArchiveError`] where the archive is not one, or declares no platform that is known.
pub fn declared_platforms(archive: impl Read) -> Result<Vec<Platform>, ArchiveError> {
    let mut files: HashMap<String, Vec<u8>> = HashMap::new();
    let mut kept = 0;
    let mut reader = tar::Archive::new(archive);
    for (count, entry) in reader.entries()?.enumerate() {
        let mut entry = entry?;
        let size = entry.size();
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        let may_be_json = name.ends_with(".json") || name.starts_with("blobs/");
        if count > MAX_ENTRIES || kept > MAX_KEPT {
            return Err(ArchiveError::TooLarge);
        }
        if !entry.header().entry_type().is_file() || size > MAX_JSON || !may_be_json {
            continue;
        }
        let mut data = Vec::new();
        entry.by_ref().take(MAX_JSON).read_to_end(&mut data)?;
        if data.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| b"{[".contains(byte)) {
            kept += data.len();
            files.insert(name, data);
        }
    }
    let config = |name: &str| -> Result<Platform, ArchiveError> {
        let data = files.get(name).ok_or_else(|| ArchiveError::Missing(name.to_owned()))?;
        let config: Config =
            serde_json::from_slice(data).map_err(|error| ArchiveError::Json(name.to_owned(), error.to_string()))?;
        Ok(Platform::from_oci(&config.os, &config.architecture, config.variant.as_deref())?)
    };
    if let Some(data) = files.get("manifest.json") {
        let saved: Vec<Saved> = serde_json::from_slice(data)
            .map_err(|error| ArchiveError::Json("manifest.json".to_owned(), error.to_string()))?;
        return saved.iter().map(|image| config(&image.config)).collect();
    }
    let data = files.get("index.json").ok_or(ArchiveError::NoManifest)?;
    let index = ImageIndex::from_reader(data.as_slice())
        .map_err(|error| ArchiveError::Json("index.json".to_owned(), error.to_string()))?;
    let declared = index.manifests().iter().filter_map(|descriptor| descriptor.platform().as_ref());
    declared
        .filter(|platform| platform.os().to_string() != "unknown")
        .map(|platform| {
            let (os, architecture) = (platform.os().to_string(), platform.architecture().to_string());
            Ok(Platform::from_oci(&os, &architecture, platform.variant().as_deref())?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn both_kinds_of_archives_declare_their_platform() {
        let saved = archive(&[
            ("abc.json", r#"{"os":"linux","architecture":"arm64","variant":"v8"}"#),
            ("layer.tar", "x"),
            ("manifest.json", r#"[{"Config":"abc.json","RepoTags":null,"Layers":["layer.tar"]}]"#),
        ]);
        assert_eq!(declared_platforms(saved.as_slice()).unwrap()[0].to_string(), "linux/arm64");
        let digest = format!("sha256:{}", "0".repeat(64));
        let layout = archive(&[(
            "index.json",
            &format!(
                r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"{digest}","platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
            ),
        )]);
        assert_eq!(declared_platforms(layout.as_slice()).unwrap()[0].to_string(), "linux/amd64");
    }

    #[test]
    fn what_is_not_an_archive_is_an_error() {
        for data in [&b"not a tar file, but long enough to be read as one header maybe"[..], b""] {
            assert!(declared_platforms(data).is_err());
        }
        let missing = archive(&[("manifest.json", r#"[{"Config":"abc.json"}]"#)]);
        assert!(declared_platforms(missing.as_slice()).unwrap_err().to_string().contains("no `abc.json`"));
    }
}
