//! `manifest.json` of a cloud assembly: its stacks, its stages, its asset manifests.
//!
//! Only members that have been there since CDK 2.0 are required, so that any version of the manifest can be read.
//! Source: the CDK's cloud assembly schema (`ArtifactManifest`, `AwsCloudFormationStackProperties`).

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A manifest.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    /// Artifacts by id, in the order of the file.
    #[serde(default)]
    pub artifacts: Artifacts,
}

/// Artifacts in the order of the file.
#[derive(Debug, Default)]
pub struct Artifacts(pub Vec<(String, Artifact)>);

/// A stack, a nested assembly, an asset manifest, or something else.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// `aws:cloudformation:stack`, `cdk:cloud-assembly`, `cdk:asset-manifest`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `aws://account/region`
    pub environment: Option<String>,
    /// What depends on the type.
    #[serde(default)]
    pub properties: Properties,
    /// The construct path, where it is not the id itself.
    pub display_name: Option<String>,
    /// Ids of other artifacts.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// Metadata entries by construct path; unread until someone needs them.
    pub metadata: Option<Box<RawValue>>,
    /// The file that holds the metadata instead.
    pub additional_metadata_file: Option<String>,
}

/// Properties of the artifact types that matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// Stack: the template, relative to the manifest.
    pub template_file: Option<String>,
    /// Stack: its name, where that is not the artifact's id.
    pub stack_name: Option<String>,
    /// Asset manifest: the file, relative to the manifest.
    pub file: Option<String>,
    /// Nested assembly: its directory, relative to the manifest.
    pub directory_name: Option<String>,
}

impl<'de> Deserialize<'de> for Artifacts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Artifacts;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of artifacts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Artifacts, A::Error> {
                let mut artifacts = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    artifacts.push(entry);
                }
                Ok(Artifacts(artifacts))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Account and region of a stack, where they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Environment {
    /// Twelve digits.
    pub account: Option<String>,
    /// Such as `eu-west-1`.
    pub region: Option<String>,
}

impl Environment {
    /// Reads `aws://account/region`, in which `unknown-account` and `unknown-region` stand for what is not known.
    pub fn parse(text: &str) -> Environment {
        let (account, region) = text.strip_prefix("aws://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
        let known = |part: &str, unknown: &str| (!part.is_empty() && part != unknown).then(|| part.to_owned());
        Environment { account: known(account, "unknown-account"), region: known(region, "unknown-region") }
    }

    /// Whether this may be the same account and region as another.
    pub fn may_be(&self, other: &Environment) -> bool {
        let agree = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        agree(&self.account, &other.account) && agree(&self.region, &other.region)
    }
}
