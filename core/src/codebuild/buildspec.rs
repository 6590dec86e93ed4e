//! A buildspec: the commands of its phases, its variables, and the environments of a batch.
//!
//! Source: CodeBuild user guide, "Build specification reference for CodeBuild" and "Batch build buildspec reference".

use crate::template::json;
use crate::template::node::{Kind, Node};
use crate::template::yaml;

/// The phases, in the order in which they run.
const PHASES: [&str; 4] = ["install", "pre_build", "build", "post_build"];

/// A buildspec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buildspec {
    /// The commands, each a script for the shell.
    pub scripts: Vec<String>,
    /// `env.variables`, and the names of those that come from elsewhere, without a value.
    pub variables: Vec<(String, Option<String>)>,
    /// What the builds of a batch have in the place of the project's own environment.
    pub batch: Vec<Override>,
}

/// The environment of one build of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Override {
    /// `type`
    pub kind: Option<String>,
    /// `image`
    pub image: Option<String>,
}

impl Buildspec {
    /// Reads a buildspec, in YAML or JSON.
    ///
    /// # Errors
    /// Why it cannot be read, as a clause.
    pub fn parse(text: &str) -> Result<Buildspec, String> {
        let trimmed = text.trim_start_matches('\u{feff}');
        let node = if trimmed.trim_start().starts_with('{') {
            json::parse(trimmed.as_bytes()).map_err(|error| error.to_string())
        } else {
            yaml::parse(trimmed).map_err(|error| error.to_string())
        };
        let node = node.map_err(|error| format!("the buildspec cannot be read: {error}"))?;
        if node.members().is_none() {
            return Err(format!("the buildspec is {}, not an object", node.describe()));
        }
        Ok(Buildspec { scripts: scripts(&node), variables: variables(&node), batch: batch(&node) })
    }
}

fn scripts(buildspec: &Node) -> Vec<String> {
    let mut scripts = Vec::new();
    for phase in PHASES {
        let Some(phase) = buildspec.get("phases").and_then(|phases| phases.get(phase)) else { continue };
        for list in ["commands", "finally"] {
            match phase.get(list).map(|commands| &commands.kind) {
                Some(Kind::List(commands)) => {
                    scripts.extend(commands.iter().filter_map(Node::scalar).map(str::to_owned))
                }
                Some(Kind::Text(command)) => scripts.push(command.to_string()),
                _ => {}
            }
        }
    }
    scripts
}

fn variables(buildspec: &Node) -> Vec<(String, Option<String>)> {
    let mut variables = Vec::new();
    let Some(environment) = buildspec.get("env") else { return variables };
    for (section, node) in environment.members().unwrap_or_default() {
        for (name, value) in node.members().unwrap_or_default() {
            let value = if &**section == "variables" { value.scalar().map(str::to_owned) } else { None };
            variables.push((name.to_string(), value));
        }
    }
    variables
}

fn batch(buildspec: &Node) -> Vec<Override> {
    let Some(batch) = buildspec.get("batch") else { return Vec::new() };
    let mut overrides = Vec::new();
    let mut read = |environment: &Node| {
        let values = |key: &str| -> Vec<Option<String>> {
            match environment.get(key) {
                Some(Node { kind: Kind::List(items), .. }) => {
                    items.iter().map(|item| item.scalar().map(str::to_owned)).collect()
                }
                Some(value) => vec![value.scalar().map(str::to_owned)],
                None => vec![None],
            }
        };
        for kind in values("type") {
            overrides.extend(values("image").into_iter().map(|image| Override { kind: kind.clone(), image }));
        }
    };
    for list in ["build-list", "build-graph"] {
        for build in batch.get(list).and_then(Node::items).unwrap_or_default() {
            match build.get("env") {
                Some(environment) => read(environment),
                None => read(build),
            }
        }
    }
    if let Some(matrix) = batch.get("build-matrix") {
        let fixed = matrix.get("static").and_then(|part| part.get("env"));
        let varied = matrix.get("dynamic").and_then(|part| part.get("env"));
        let kind = fixed.and_then(|environment| environment.get("type")).and_then(Node::scalar).map(str::to_owned);
        fixed.into_iter().chain(varied).for_each(&mut read);
        for part in &mut overrides {
            part.kind = part.kind.take().or_else(|| kind.clone());
        }
    }
    overrides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_in_the_order_of_the_phases() {
        let yaml = "version: 0.2\nenv:\n  variables:\n    TAG: 1\n  secrets-manager:\n    KEY: x\nphases:\n  build:\n    commands:\n      - b\n  install:\n    commands: a\n    finally:\n      - c\n";
        let read = Buildspec::parse(yaml).unwrap();
        assert_eq!(read.scripts, ["a", "c", "b"]);
        assert_eq!(read.variables, [("TAG".to_owned(), Some("1".to_owned())), ("KEY".to_owned(), None)]);
        let json = r#"{"version": "0.2", "phases": {"build": {"commands": ["x"]}}}"#;
        assert_eq!(Buildspec::parse(json).unwrap().scripts, ["x"]);
    }

    #[test]
    fn the_environments_of_a_batch_are_read() {
        let yaml = "batch:\n  build-list:\n    - identifier: a\n      env:\n        type: ARM_CONTAINER\n        image: aws/codebuild/amazonlinux2-aarch64-standard:3.0\n    - identifier: b\n";
        let read = Buildspec::parse(yaml).unwrap().batch;
        assert_eq!(read[0].kind.as_deref(), Some("ARM_CONTAINER"));
        assert_eq!(read[1], Override::default());
        let matrix = "batch:\n  build-matrix:\n    static:\n      env:\n        type: ARM_CONTAINER\n    dynamic:\n      env:\n        image:\n          - a\n          - b\n";
        let images: Vec<_> = Buildspec::parse(matrix).unwrap().batch;
        assert_eq!(images.last().unwrap().image.as_deref(), Some("b"));
        assert_eq!(images.last().unwrap().kind.as_deref(), Some("ARM_CONTAINER"));
    }

    #[test]
    fn what_is_no_buildspec_says_so() {
        for text in ["", "- a", "{", "a: [", "just text"] {
            assert!(Buildspec::parse(text).is_err(), "{text}");
        }
        assert_eq!(Buildspec::parse("phases: 1").unwrap(), Buildspec::default());
    }
}
