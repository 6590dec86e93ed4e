//! An app as it stands on disk: a cloud assembly (`cdk.out`) or a bare template.
//!
//! Knows manifests, stages, stacks, nested stacks and asset manifests. It evaluates nothing: what an expression in a template
//! comes to is asked of [`crate::template`]. One unreadable file is noted and does not hide the others.

pub mod docker_assets;
mod load;
pub mod manifest;

pub use load::{load, load_given, load_template};

use std::collections::HashMap;
use std::path::PathBuf;

use crate::template::document::Template;
use crate::template::value::{Part, ResourceId, Symbol, TemplateId, Text};
use docker_assets::DockerAsset;
use manifest::Environment;

/// An app: every template of an assembly, with what the manifests say about it.
#[derive(Debug, Default)]
pub struct App {
    units: Vec<Unit>,
    /// Container image assets, in the order of the manifests.
    pub assets: Vec<Asset>,
    /// Files that could not be read, and parts of them that make no sense.
    pub unreadable: Vec<Unreadable>,
    /// Parts of the app that are written elsewhere: nested stacks by their address, included fragments.
    pub unseen: Vec<Unreadable>,
    assets_by_tag: HashMap<String, Vec<usize>>,
}

/// A container image asset with where it was found.
#[derive(Debug)]
pub struct Asset {
    /// The asset.
    pub declared: DockerAsset,
    /// The directory that its paths are relative to.
    pub directory: PathBuf,
    /// The directory that no path may lead out of.
    pub root: PathBuf,
    /// The stage it belongs to.
    pub stage: usize,
}

/// One template: a stack, or a nested stack.
#[derive(Debug)]
pub struct Unit {
    /// The template.
    pub template: Template,
    /// Its file, relative to the assembly (or as it was named on the command line).
    pub file: String,
    /// The stack's construct path in the app; for a bare template, its file name.
    pub stack: String,
    /// The name under which the stack is deployed, if it is known.
    pub stack_name: Option<String>,
    /// Account and region.
    pub environment: Environment,
    /// A number that two templates share if and only if they are deployed to the same environment.
    pub environment_id: usize,
    /// The directory of the file.
    pub directory: PathBuf,
    /// The directory that no path may lead out of.
    pub root: PathBuf,
    /// The stage it belongs to.
    pub stage: usize,
    /// The resource that nests this stack, if it is nested.
    pub parent: Option<ResourceId>,
    /// The stacks nested in this one, by the logical id of their resource.
    pub nested: HashMap<String, TemplateId>,
}

/// A file, or a place in one, that could not be understood, or leads to what cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// The file.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
    /// What is wrong, and what to do where that is not plain.
    pub message: String,
}

impl App {
    /// The template with this number, which must come from this app.
    #[expect(clippy::indexing_slicing, reason = "numbers are made by `units` only, and units are never removed")]
    pub fn unit(&self, template: TemplateId) -> &Unit {
        &self.units[template.0]
    }

    /// Every template with its number: stacks in the order of the manifest, nested stacks behind the stack they are in.
    pub fn units(&self) -> impl Iterator<Item = (TemplateId, &Unit)> {
        self.units.iter().enumerate().map(|(index, unit)| (TemplateId(index), unit))
    }

    /// The asset that an image reference names, if it names one; `from` is the template that refers to it.
    pub fn asset_of(&self, from: TemplateId, reference: &Text) -> Option<&Asset> {
        let (repository, tag) = repository_and_tag(reference)?;
        let candidates = self.assets_by_tag.get(&tag)?;
        let unit = self.unit(from);
        let mut best: Option<(u8, &Asset)> = None;
        for asset in candidates.iter().filter_map(|index| self.assets.get(*index)) {
            let matches = asset.declared.destinations.iter().any(|destination| {
                destination.tag == tag && repository.may_be(&unit.environment.fill_in(&destination.repository))
            });
            let rank = u8::from(asset.stage == unit.stage);
            if matches && best.is_none_or(|(best, _)| rank > best) {
                best = Some((rank, asset));
            }
        }
        best.map(|(_, asset)| asset)
    }
}

/// The repository part of an image reference, with what is not known in it.
struct Repository {
    shown: String,
    known: bool,
}

impl Repository {
    /// Whether this could be the repository of a destination.
    fn may_be(&self, destination: &str) -> bool {
        !self.known || self.shown == destination
    }
}

/// Splits `registry/repository:tag`; the tag must be known.
fn repository_and_tag(reference: &Text) -> Option<(Repository, String)> {
    let Part::Literal(tail) = reference.parts().last()? else { return None };
    let (before_tag, tag) = tail.rsplit_once(':')?;
    if tag.is_empty() || tag.contains('/') || tail.contains('@') {
        return None;
    }
    let mut rest: Vec<Part> = reference.parts().to_vec();
    rest.pop();
    let mut repository = Text::default();
    for part in rest {
        repository.push(part);
    }
    repository.push_str(before_tag);
    let shown = repository.display();
    let shown = shown.split_once('/').map_or(shown.as_str(), |(_, name)| name).to_owned();
    let known = repository.parts().iter().all(|part| match part {
        Part::Literal(_) | Part::Symbol(Symbol::Pseudo(..)) => true,
        Part::Symbol(_) => false,
    });
    Some((Repository { shown, known }, tag.to_owned()))
}

impl Environment {
    /// Replaces `${AWS::AccountId}` and `${AWS::Region}` in a destination by what is known of them.
    fn fill_in(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (placeholder, value) in [("${AWS::AccountId}", &self.account), ("${AWS::Region}", &self.region)] {
            if let Some(value) = value {
                filled = filled.replace(placeholder, value);
            }
        }
        filled
    }
}

impl Unit {
    /// What a pseudo parameter (`AWS::Region`, …) comes to in this stack.
    pub fn pseudo_parameter(&self, name: &str) -> Text {
        let region = self.environment.region.as_deref();
        let partition = region.map(|region| match region {
            _ if region.starts_with("cn-") => ("aws-cn", "amazonaws.com.cn"),
            _ if region.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
            _ => ("aws", "amazonaws.com"),
        });
        // Isolated partitions have suffixes of their own.
        let partition =
            partition.filter(|_| !region.is_some_and(|region| region.contains("-iso") || region.contains("eusc-")));
        let known = match name {
            "AWS::AccountId" => self.environment.account.as_deref(),
            "AWS::Region" => region,
            "AWS::Partition" => partition.map(|(name, _)| name),
            "AWS::URLSuffix" => partition.map(|(_, suffix)| suffix),
            "AWS::StackName" if self.parent.is_none() => self.stack_name.as_deref(),
            _ => None,
        };
        match known {
            Some(value) => Text::literal(value),
            None => Text::symbol(Symbol::Pseudo(name.into(), self.environment_id)),
        }
    }
}
