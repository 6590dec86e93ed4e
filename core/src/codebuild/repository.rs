//! Which repository of Amazon ECR a name means, and which tag in it.

use std::collections::HashMap;

use crate::assembly::App;
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{ResourceId, Symbol, TemplateId, Text};

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Repository {
    /// One of this app.
    OfThisApp(ResourceId),
    /// Another one, by its name.
    Named(String),
}

/// An image in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// The tag; `None` where it is not known.
    pub tag: Option<String>,
    /// The attribute of a resource that the tag is.
    pub tagged_by: Option<ResourceId>,
}

impl Reference {
    /// Whether both may be the same image.
    pub fn may_be(&self, other: &Reference) -> bool {
        self.repository == other.repository
            && match (&self.tag, &other.tag) {
                (Some(own), Some(other)) => own == other,
                _ => true,
            }
    }
}

/// The repositories of an app that have names of their own, by stage, environment and name.
#[derive(Debug, Default)]
pub struct Repositories(HashMap<(usize, usize, String), ResourceId>);

const KIND: &str = "AWS::ECR::Repository";

impl Repositories {
    /// Finds the repositories with a name.
    pub fn index<'a>(evaluator: &Evaluator<'a>) -> Repositories {
        let mut named = HashMap::new();
        for placed in evaluator.placed().filter(|placed| &*placed.resource.kind == KIND) {
            let names =
                evaluator.explore_all(|| evaluator.property(&placed, &["RepositoryName"]).known().map(str::to_owned));
            for name in names.flatten() {
                named.insert(key(evaluator.app(), placed.template, name), placed.id());
            }
        }
        Repositories(named)
    }

    /// The image that a text names, if it names one in Amazon ECR; `from` is the template that it stands in.
    pub fn reference<'a>(&self, evaluator: &Evaluator<'a>, from: TemplateId, text: &Text) -> Option<Reference> {
        let marked = text.marked();
        let name = marked.strip_prefix("docker://").unwrap_or(&marked);
        if name.contains('@') {
            return None;
        }
        let first = name.split([':', '/']).next().unwrap_or(name);
        if let Some(Symbol::Attribute(id, attribute)) = text.unmarked(first).only_symbol()
            && &**attribute == "RepositoryUri"
            && is_repository(evaluator, id)
        {
            let rest = name.get(first.len()..).unwrap_or_default();
            if rest.starts_with('/') {
                return None;
            }
            return Some(self.tagged(
                text,
                Repository::OfThisApp(id.clone()),
                rest.strip_prefix(':').unwrap_or("latest"),
            ));
        }
        let (host, rest) = name.split_once('/')?;
        // A registry that only the shell knows may be this one.
        if !host.contains(".dkr.ecr.") && !host.contains(".dkr-ecr.") && !host.contains('$') {
            return None;
        }
        let (name, tag) = rest.rsplit_once(':').unwrap_or((rest, "latest"));
        let name = text.unmarked(name);
        let repository = match (name.only_symbol(), name.known()) {
            (Some(Symbol::Resource(id)), _) if is_repository(evaluator, id) => Repository::OfThisApp(id.clone()),
            (_, Some(known)) if known.contains('$') => return None,
            (_, Some(known)) => match self.0.get(&key(evaluator.app(), from, known.to_owned())) {
                Some(id) => Repository::OfThisApp(id.clone()),
                None => Repository::Named(known.to_owned()),
            },
            (Some(Symbol::Parameter(template, parameter, _)), _) => {
                Repository::Named(format!("parameter {parameter} of template {}", template.0))
            }
            _ => return None,
        };
        Some(self.tagged(text, repository, tag))
    }

    fn tagged(&self, text: &Text, repository: Repository, tag: &str) -> Reference {
        let tag = text.unmarked(tag);
        let tagged_by = match tag.only_symbol() {
            Some(Symbol::Attribute(id, _)) => Some(id.clone()),
            _ => None,
        };
        let tag = tag.known().filter(|tag| !tag.contains('$')).map(str::to_owned);
        Reference { repository, tag, tagged_by }
    }
}

fn key(app: &App, template: TemplateId, name: String) -> (usize, usize, String) {
    let unit = app.unit(template);
    (unit.stage, unit.environment_id, name)
}

fn is_repository(evaluator: &Evaluator<'_>, id: &ResourceId) -> bool {
    evaluator.resource(id).is_some_and(|placed: Placed<'_>| &*placed.resource.kind == KIND)
}
