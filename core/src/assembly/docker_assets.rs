//! Container images that the CDK builds or loads: the `dockerImages` of asset manifests, and the older metadata entries.

use std::collections::{BTreeMap, BTreeSet};

use crate::template::json::{self, JsonError, Reader};
use crate::template::node::Node;

/// A container image asset.
#[derive(Debug, Clone)]
pub struct DockerAsset {
    /// The asset's hash.
    pub id: String,
    /// How the image comes to be.
    pub source: Source,
    /// Where the image goes.
    pub destinations: Vec<Destination>,
    /// The file that declares the asset, relative to the assembly.
    pub file: String,
    /// JSON pointer to the asset in that file.
    pub pointer: String,
    /// Line of the asset in that file, from 1.
    pub line: u32,
}

/// How the image of an asset comes to be.
#[derive(Debug, Clone)]
pub enum Source {
    /// `docker build` of a directory.
    Directory {
        /// The build context, relative to the manifest's directory.
        directory: String,
        /// `--platform`, if it is set; an empty one is as none.
        platform: Option<String>,
        /// The other options.
        options: Box<BuildOptions>,
    },
    /// A command that loads an image and prints its name: what `fromTarball` makes.
    Executable(Vec<String>),
    /// Neither is declared.
    Unknown,
}

/// How a directory is built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BuildOptions {
    /// `--file`, relative to the build context; `Dockerfile` where it is not set.
    pub file: Option<String>,
    /// `--target`
    pub target: Option<String>,
    /// `--build-arg`
    pub arguments: BTreeMap<String, String>,
    /// The names of `--build-context`.
    pub contexts: BTreeSet<String>,
}

impl BuildOptions {
    /// Reads the options of an asset, whose members are called so: file, target, arguments, contexts.
    fn read(node: Option<&Node>, [file, target, arguments, contexts]: [&str; 4]) -> Box<BuildOptions> {
        let text = |key: &str| node.and_then(|n| n.get(key)).and_then(Node::text).filter(|text| !text.is_empty());
        let members = |key: &str| node.and_then(|n| n.get(key)).and_then(Node::members).unwrap_or_default();
        let arguments = members(arguments).iter();
        Box::new(BuildOptions {
            file: text(file).map(str::to_owned),
            target: text(target).map(str::to_owned),
            arguments: arguments
                .filter_map(|(name, value)| Some((name.to_string(), value.text()?.to_owned())))
                .collect(),
            contexts: members(contexts).iter().map(|(name, _)| name.to_string()).collect(),
        })
    }
}

/// A repository and tag that an image is published to; placeholders such as `${AWS::AccountId}` as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The repository's name.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

/// Reads the `dockerImages` of an asset manifest.
///
/// # Errors
/// [`JsonError`] where the file is not JSON or an object is missing.
pub fn from_asset_manifest(data: &[u8], file: &str) -> Result<Vec<DockerAsset>, JsonError> {
    let mut reader = Reader::new(data)?;
    let mut assets = Vec::new();
    reader.object(|reader, section| {
        if section != "dockerImages" {
            return reader.skip();
        }
        let images = reader.node()?;
        for (id, image) in images.members().unwrap_or_default() {
            assets.push(from_manifest_entry(id, image, file));
        }
        Ok(())
    })?;
    reader.finish()?;
    Ok(assets)
}

fn from_manifest_entry(id: &str, image: &Node, file: &str) -> DockerAsset {
    let text = |node: Option<&Node>, key: &str| node.and_then(|n| n.get(key)).and_then(Node::text).map(str::to_owned);
    let source = image.get("source");
    let executable = source.and_then(|source| source.get("executable")).and_then(Node::items);
    let source = match (text(source, "directory"), executable) {
        (_, Some(words)) => Source::Executable(words.iter().filter_map(Node::text).map(str::to_owned).collect()),
        (Some(directory), None) => Source::Directory {
            directory,
            platform: text(source, "platform").filter(|text| !text.is_empty()),
            options: BuildOptions::read(
                source,
                ["dockerFile", "dockerBuildTarget", "dockerBuildArgs", "dockerBuildContexts"],
            ),
        },
        (None, None) => Source::Unknown,
    };
    let destinations = image.get("destinations").and_then(Node::members).unwrap_or_default();
    let destinations = destinations.iter().filter_map(|(_, destination)| {
        Some(Destination {
            repository: text(Some(destination), "repositoryName")?,
            tag: text(Some(destination), "imageTag")?,
        })
    });
    DockerAsset {
        id: id.to_owned(),
        source,
        destinations: destinations.collect(),
        file: file.to_owned(),
        pointer: format!("/dockerImages/{id}"),
        line: image.line,
    }
}

/// Reads the container images among a stack's metadata: what assemblies had before asset manifests, and what the legacy
/// synthesizer still writes.
///
/// # Errors
/// [`JsonError`] where the text is not JSON.
pub fn from_metadata(data: &[u8], file: &str) -> Result<Vec<DockerAsset>, JsonError> {
    if memchr::memmem::find(data, b"container-image").is_none() {
        return Ok(Vec::new());
    }
    let metadata = json::parse(data)?;
    let mut assets = Vec::new();
    for (path, entries) in metadata.members().unwrap_or_default() {
        for entry in entries.items().unwrap_or_default() {
            let asset = entry.get("data");
            let text = |key: &str| asset.and_then(|data| data.get(key)).and_then(Node::text).map(str::to_owned);
            if entry.get("type").and_then(Node::text) != Some("aws:cdk:asset")
                || text("packaging").as_deref() != Some("container-image")
            {
                continue;
            }
            let id = text("sourceHash").or_else(|| text("id")).unwrap_or_default();
            let tag = text("imageTag").unwrap_or_else(|| id.clone());
            let repository = text("repositoryName").unwrap_or_else(|| "aws-cdk/assets".to_owned());
            assets.push(DockerAsset {
                source: Source::Directory {
                    directory: text("path").unwrap_or_default(),
                    platform: text("platform").filter(|text| !text.is_empty()),
                    options: BuildOptions::read(asset, ["file", "target", "buildArgs", "buildContexts"]),
                },
                destinations: vec![Destination { repository, tag }],
                id,
                file: file.to_owned(),
                pointer: format!("/{}", path.replace('~', "~0").replace('/', "~1")),
                line: entry.line,
            });
        }
    }
    Ok(assets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_tarballs_and_their_destinations_are_read() {
        let text = br#"{"version": "36.0.0", "files": {}, "dockerImages": {
            "abc": {"source": {"directory": "asset.abc", "platform": "linux/arm64", "dockerFile": "d/Dockerfile",
                               "dockerBuildTarget": "app", "dockerBuildArgs": {"A": "1"}, "dockerBuildContexts": {"c": "../c"}},
                    "destinations": {"d": {"repositoryName": "r", "imageTag": "abc"}}},
            "def": {"source": {"executable": ["sh", "-c", "docker load -i asset.def.tar"]}, "destinations": {}}}}"#;
        let assets = from_asset_manifest(text, "S.assets.json").unwrap();
        assert!(matches!(&assets[0].source, Source::Directory { platform: Some(p), .. } if p == "linux/arm64"));
        let Source::Directory { options, .. } = &assets[0].source else { panic!() };
        assert_eq!((options.file.as_deref(), options.target.as_deref()), (Some("d/Dockerfile"), Some("app")));
        assert_eq!((options.arguments["A"].as_str(), options.contexts.contains("c")), ("1", true));
        assert_eq!((assets[0].line, assets[0].pointer.as_str()), (2, "/dockerImages/abc"));
        assert_eq!(assets[0].destinations[0].tag, "abc");
        assert!(matches!(&assets[1].source, Source::Executable(words) if words.len() == 3));
    }

    #[test]
    fn metadata_entries_are_read_too() {
        let text =
            br#"{"/S/Img": [{"type": "aws:cdk:asset", "data": {"packaging": "container-image", "sourceHash": "h",
            "imageTag": "h", "repositoryName": "aws-cdk/assets", "platform": "linux/amd64", "path": "asset.h"}}]}"#;
        let assets = from_metadata(text, "S.metadata.json").unwrap();
        assert_eq!((assets.len(), assets[0].id.as_str()), (1, "h"));
    }
}
