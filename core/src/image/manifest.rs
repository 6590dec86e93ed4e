//! The JSON documents of an image: index, manifest, configuration, in the media types of OCI and of Docker.

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use serde::Deserialize;

use crate::platform::{Platform, PlatformError};

/// A document that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ManifestError(pub String);

/// What a descriptor points to.
#[derive(Debug)]
pub enum Document {
    /// Manifests, one per platform.
    Index(Vec<Descriptor>),
    /// One image.
    Manifest(Box<ImageManifest>),
}

impl Document {
    /// Reads an index or a manifest, whichever it is by its content.
    ///
    /// # Errors
    /// [`ManifestError`] where it is neither.
    pub fn parse(data: &[u8]) -> Result<Document, ManifestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape {
            schema_version: Option<u64>,
            manifests: Option<serde::de::IgnoredAny>,
            config: Option<serde::de::IgnoredAny>,
            fs_layers: Option<serde::de::IgnoredAny>,
        }
        let broken = |error: &dyn std::fmt::Display| ManifestError(format!("it is not understood: {error}"));
        let shape: Shape = serde_json::from_slice(data).map_err(|error| broken(&error))?;
        if shape.manifests.is_some() {
            let index = ImageIndex::from_reader(data).map_err(|error| broken(&error))?;
            return Ok(Document::Index(index.manifests().clone()));
        }
        if shape.config.is_some() {
            return Ok(Document::Manifest(Box::new(ImageManifest::from_reader(data).map_err(|error| broken(&error))?)));
        }
        if shape.fs_layers.is_some() || shape.schema_version == Some(1) {
            return Err(ManifestError(
                "it is a manifest of Docker's schema 1, which registries no longer take; push the image again"
                    .to_owned(),
            ));
        }
        Err(ManifestError("it is neither an image index nor an image manifest".to_owned()))
    }
}

/// Whether a descriptor stands for an attestation or another artifact, not for an image.
pub fn is_attestation(descriptor: &Descriptor) -> bool {
    let unknown = descriptor.platform().as_ref().is_some_and(|platform| platform.os().to_string() == "unknown");
    let annotated = descriptor
        .annotations()
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key("vnd.docker.reference.type"));
    unknown || annotated
}

/// The platform that a descriptor in an index names.
///
/// # Errors
/// [`PlatformError`] where it names one that is not known.
pub fn descriptor_platform(descriptor: &Descriptor) -> Option<Result<Platform, PlatformError>> {
    let platform = descriptor.platform().as_ref()?;
    let (os, architecture) = (platform.os().to_string(), platform.architecture().to_string());
    if os.is_empty() || architecture.is_empty() {
        return None;
    }
    Some(Platform::from_oci(&os, &architecture, platform.variant().as_deref()))
}

/// The configuration of an image, as far as it decides what is started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// `os`
    #[serde(default)]
    pub os: String,
    /// `architecture`
    #[serde(default)]
    pub architecture: String,
    /// `variant`
    #[serde(default)]
    pub variant: Option<String>,
    /// `config`
    #[serde(default, deserialize_with = "or_default")]
    pub config: Execution,
    /// `rootfs`
    #[serde(default, deserialize_with = "or_default")]
    pub rootfs: RootFs,
}

/// `config` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Execution {
    /// `Entrypoint`
    #[serde(deserialize_with = "words")]
    pub entrypoint: Vec<String>,
    /// `Cmd`
    #[serde(deserialize_with = "words")]
    pub cmd: Vec<String>,
    /// `Env`, as `NAME=value`
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// `WorkingDir`
    #[serde(deserialize_with = "or_default")]
    pub working_dir: String,
    /// `User`
    #[serde(deserialize_with = "or_default")]
    pub user: String,
}

/// `rootfs` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Digests of the uncompressed layers, from the bottom up.
    #[serde(deserialize_with = "or_default")]
    pub diff_ids: Vec<String>,
}

/// Many writers say `null` where there is nothing.
fn or_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of words, or one word as old versions of Docker wrote it.
fn words<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        List(Vec<String>),
        One(String),
    }
    Ok(match Option::<Words>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(Words::List(list)) => list,
        Some(Words::One(word)) => vec![word],
    })
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ManifestError`] where it is not one.
    pub fn parse(data: &[u8]) -> Result<Config, ManifestError> {
        serde_json::from_slice(data)
            .map_err(|error| ManifestError(format!("it is not an image configuration: {error}")))
    }

    /// The platform that it declares.
    ///
    /// # Errors
    /// A sentence where it declares none that is known.
    pub fn platform(&self) -> Result<Platform, String> {
        if self.os.is_empty() && self.architecture.is_empty() {
            return Err("its configuration declares no platform".to_owned());
        }
        Platform::from_oci(&self.os, &self.architecture, self.variant.as_deref()).map_err(|error| error.to_string())
    }
}

/// One image of `manifest.json` in an archive of `docker save`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Saved {
    /// The name of the configuration in the archive.
    pub config: String,
    /// The image's names.
    #[serde(default, deserialize_with = "or_default")]
    pub repo_tags: Vec<String>,
    /// The names of the layers in the archive, from the bottom up.
    #[serde(default, deserialize_with = "or_default")]
    pub layers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_may_leave_out_or_null_anything() {
        for text in [
            "{}",
            r#"{"config":null,"rootfs":null}"#,
            r#"{"config":{"Entrypoint":null,"Cmd":null,"Env":null,"User":""}}"#,
        ] {
            assert_eq!(Config::parse(text.as_bytes()).unwrap(), Config::default(), "{text}");
        }
        let text = r#"{"os":"linux","architecture":"arm64","config":{"Entrypoint":"/run","Cmd":["a","b"]}}"#;
        let config = Config::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (config.config.entrypoint, config.config.cmd),
            (vec!["/run".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
    }

    #[test]
    fn documents_are_told_by_their_content() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let descriptor = format!(r#"{{"mediaType":"x","size":1,"digest":"{digest}"}}"#);
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{descriptor}]}}"#);
        assert!(matches!(Document::parse(index.as_bytes()), Ok(Document::Index(list)) if list.len() == 1));
        let manifest = format!(r#"{{"schemaVersion":2,"config":{descriptor},"layers":[]}}"#);
        assert!(matches!(Document::parse(manifest.as_bytes()), Ok(Document::Manifest(_))));
        for (text, part) in
            [("{}", "neither"), (r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1"), ("[", "not understood")]
        {
            assert!(Document::parse(text.as_bytes()).unwrap_err().to_string().contains(part), "{text}");
        }
    }
}
