//! The facts file `ecs-arch.lock.json`: what images and clusters outside of the app are, looked up once and committed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::Files;
use crate::platform::{Architecture, Dialect, Os, Platform};

/// The schema that this version reads and writes.
pub const SCHEMA: u32 = 1;

/// The facts of a lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Registry images, by reference.
    #[serde(default)]
    pub images: BTreeMap<String, Image>,
    /// Clusters, by ARN or name.
    #[serde(default)]
    pub clusters: BTreeMap<String, Cluster>,
}

/// What a reference pointed to when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// `sha256:…` of what the tag pointed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Media type of the manifest or index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// `linux/amd64`, …; attestations left out.
    pub platforms: Vec<String>,
    /// When it was looked up. Enters no judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_at: Option<String>,
}

/// What a cluster's instances were when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// `x86_64`, `arm64`.
    pub architectures: Vec<String>,
    /// `linux`, `windows`, as the attribute `ecs.os-type` has it; not known where nothing is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operating_systems: Vec<String>,
    /// When it was looked up. Enters no judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_at: Option<String>,
}

/// A lock file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Not JSON, or not of this shape.
    #[error("not a lock file: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by a later version.
    #[error("schema {0} is not known to this version (it knows schema {SCHEMA}); update ecs-arch")]
    Schema(u32),
    /// A platform or architecture in it is not known.
    #[error("`{0}`: {1}")]
    Fact(String, String),
}

/// A lock file that cannot be read or used, with its name.
#[derive(Debug, thiserror::Error)]
pub enum LockFileError {
    /// The operating system does not give it.
    #[error("cannot read the lock file `{}`: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// It is there, but cannot be used.
    #[error("`{}`: {error}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: LockError,
    },
}

impl Lock {
    /// Reads a lock file from where files are.
    ///
    /// # Errors
    /// [`LockFileError`] where there is none, or none that can be used.
    pub fn read(files: &dyn Files, path: &Path) -> Result<Lock, LockFileError> {
        let file = || path.to_path_buf();
        let data = files.read(path).map_err(|error| LockFileError::Unreadable { file: file(), error })?;
        Lock::parse(&data).map_err(|error| LockFileError::Unusable { file: file(), error })
    }

    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// [`LockError`] where it cannot be read, or a fact in it is not understood.
    pub fn parse(data: &[u8]) -> Result<Lock, LockError> {
        let lock: Lock = serde_json::from_slice(data)?;
        if lock.schema != SCHEMA {
            return Err(LockError::Schema(lock.schema));
        }
        for (name, image) in &lock.images {
            image.platforms().map_err(|error| LockError::Fact(name.clone(), error))?;
        }
        for (name, cluster) in &lock.clusters {
            cluster.hosts().map_err(|error| LockError::Fact(name.clone(), error))?;
        }
        Ok(lock)
    }
}

impl Image {
    /// Whether the reference pointed to an index rather than a single manifest.
    pub fn is_index(&self) -> bool {
        self.platforms.len() > 1
            || self.media_type.as_deref().is_some_and(|kind| kind.contains("index") || kind.contains("manifest.list"))
    }

    /// The platforms.
    ///
    /// # Errors
    /// What is not a platform, in words.
    pub fn platforms(&self) -> Result<Vec<Platform>, String> {
        self.platforms.iter().map(|text| Platform::parse(text).map_err(|error| error.to_string())).collect()
    }
}

impl Cluster {
    /// The architectures.
    ///
    /// # Errors
    /// What is not an architecture, in words.
    pub fn architectures(&self) -> Result<Vec<Architecture>, String> {
        let parse = |text: &String| Architecture::parse(Dialect::EcsAttribute, text).map_err(|error| error.to_string());
        self.architectures.iter().map(parse).collect()
    }

    /// The kinds of host that the cluster has: architecture, and system where that is known. Windows has no Arm hosts.
    ///
    /// # Errors
    /// What is not an architecture or a system, in words.
    pub fn hosts(&self) -> Result<Vec<(Architecture, Option<Os>)>, String> {
        let parse = |text: &String| Os::parse(text).map_err(|error| error.to_string());
        let systems: Vec<Os> = self.operating_systems.iter().map(parse).collect::<Result<_, _>>()?;
        let mut hosts = Vec::new();
        for architecture in self.architectures()? {
            match (architecture, systems.as_slice()) {
                (Architecture::Arm64, _) => hosts.push((architecture, Some(Os::Linux))),
                (_, []) => hosts.push((architecture, None)),
                (_, systems) => hosts.extend(systems.iter().map(|os| (architecture, Some(*os)))),
            }
        }
        Ok(hosts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_read_and_its_mistakes_are_named() {
        let lock =
            Lock::parse(br#"{"schema":1,"images":{"nginx:1":{"platforms":["linux/amd64","linux/arm64"]}}}"#).unwrap();
        assert!(lock.images["nginx:1"].is_index());
        let error = Lock::parse(br#"{"schema":1,"images":{"nginx:1":{"platforms":["linux/arm46"]}}}"#).unwrap_err();
        assert!(error.to_string().starts_with("`nginx:1`: `arm46` is not a Docker platform"), "{error}");
        assert!(Lock::parse(b"{\"schema\":2}").unwrap_err().to_string().contains("update ecs-arch"));
        assert!(Lock::parse(b"[]").is_err());
    }
}
