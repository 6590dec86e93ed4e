//! `Fn::ForEach` among the resources of a template (the `AWS::LanguageExtensions` transform).
//!
//! A loop over known items is written out; a loop over items that are not known yet is kept as one resource whose loop
//! variable is unknown, so that nothing in it goes unseen. Source: CloudFormation user guide, `Fn::ForEach`.

use std::collections::{BTreeMap, HashMap};

use super::document::Problem;
use super::node::{Kind, Node};

/// The start of a loop's key: `Fn::ForEach::Name`.
pub const PREFIX: &str = "Fn::ForEach::";

/// How many resources the loops of one template may make; CloudFormation itself allows 500 in a template.
const MAX_RESOURCES: usize = 5_000;

/// What is known of a template's parameters before anything in it is evaluated.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Values that replace defaults.
    pub values: BTreeMap<String, String>,
    /// Parameters that the stack around a nested one passes, so that their default says nothing.
    pub by_parent: Vec<String>,
}

/// Writes out the loops among `resources`; nested loops too.
pub fn expand(
    resources: Vec<(Box<str>, Node)>,
    parameters: &HashMap<Box<str>, Node>,
    given: &Given,
    problems: &mut Vec<Problem>,
) -> Vec<(Box<str>, Node)> {
    if !resources.iter().any(|(id, _)| id.starts_with(PREFIX)) {
        return resources;
    }
    let mut expanded = Vec::new();
    let mut waiting: Vec<(Box<str>, Node)> = resources.into_iter().rev().collect();
    while let Some((id, node)) = waiting.pop() {
        if expanded.len() + waiting.len() > MAX_RESOURCES {
            problems.push(Problem {
                line: node.line,
                message: format!("`{id}` makes more than {MAX_RESOURCES} resources; the rest is not judged"),
            });
            break;
        }
        if !id.starts_with(PREFIX) {
            expanded.push((id, node));
            continue;
        }
        let Some([variable, collection, body]) = node.items() else {
            problems.push(Problem {
                line: node.line,
                message: format!("`{id}` must be an array of variable, collection and body"),
            });
            continue;
        };
        let (Some(variable), Some(body)) = (variable.text(), body.members()) else {
            problems.push(Problem { line: node.line, message: format!("`{id}` has no variable or no body") });
            continue;
        };
        match items(collection, parameters, given) {
            Some(items) => {
                for item in items.iter().rev() {
                    for (name, part) in body.iter().rev() {
                        waiting.push((in_text(name, variable, item).into(), substituted(part, variable, item)));
                    }
                }
            }
            None => waiting.extend(body.iter().rev().cloned()),
        }
    }
    expanded
}

/// The items of a collection: literals, or those of a list parameter.
fn items(collection: &Node, parameters: &HashMap<Box<str>, Node>, given: &Given) -> Option<Vec<String>> {
    if let Some(list) = collection.items() {
        return list.iter().map(|item| item.scalar().map(str::to_owned)).collect();
    }
    match collection.only_member()? {
        ("Ref", name) => {
            let name = name.text()?;
            let default = parameters.get(name)?.get("Default");
            let list = match given.values.get(name) {
                _ if given.by_parent.iter().any(|passed| passed == name) => return None,
                Some(value) => value,
                None => default?.scalar()?,
            };
            Some(list.split(',').map(|item| item.trim().to_owned()).collect())
        }
        _ => None,
    }
}

fn in_text(text: &str, variable: &str, item: &str) -> String {
    let plain: String = item.chars().filter(char::is_ascii_alphanumeric).collect();
    text.replace(&format!("${{{variable}}}"), item).replace(&format!("&{{{variable}}}"), &plain)
}

fn substituted(node: &Node, variable: &str, item: &str) -> Node {
    let kind = match &node.kind {
        Kind::Text(text) => Kind::Text(in_text(text, variable, item).into()),
        Kind::List(list) => Kind::List(list.iter().map(|part| substituted(part, variable, item)).collect()),
        Kind::Map(members) => match node.only_member() {
            Some(("Ref", name)) if name.text() == Some(variable) => Kind::Text(item.into()),
            _ => Kind::Map(
                members
                    .iter()
                    .map(|(name, part)| (in_text(name, variable, item).into(), substituted(part, variable, item)))
                    .collect(),
            ),
        },
        other => other.clone(),
    };
    Node { line: node.line, kind }
}

#[cfg(test)]
mod tests {
    use super::super::document::Template;
    use super::Given;

    const LOOP: &str = r#"{"Transform": "AWS::LanguageExtensions",
        "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "Web,Api"}},
        "Resources": {"Fn::ForEach::Tasks": ["Name", ITEMS,
            {"Task${Name}": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": {"Ref": "Name"}}}}]}}"#;

    fn ids(items: &str) -> Vec<String> {
        ids_given(items, &Given::default())
    }

    fn ids_given(items: &str, given: &Given) -> Vec<String> {
        let template = Template::parse(LOOP.replace("ITEMS", items).as_bytes(), given).unwrap();
        template.resources.iter().map(|resource| resource.id.to_string()).collect()
    }

    #[test]
    fn a_loop_over_known_items_is_written_out() {
        assert_eq!(ids(r#"["Web", "Api"]"#), ["TaskApi", "TaskWeb"]);
        assert_eq!(ids(r#"{"Ref": "Names"}"#), ["TaskApi", "TaskWeb"]);
    }

    #[test]
    fn a_loop_over_unknown_items_is_kept_once() {
        assert_eq!(ids(r#"{"Fn::Split": [",", {"Ref": "Elsewhere"}]}"#), ["Task${Name}"]);
    }

    #[test]
    fn a_parameter_that_is_given_goes_before_its_default() {
        let given = Given { values: [("Names".to_owned(), "Job, Cron".to_owned())].into(), by_parent: Vec::new() };
        assert_eq!(ids_given(r#"{"Ref": "Names"}"#, &given), ["TaskCron", "TaskJob"]);
        let passed = Given { by_parent: vec!["Names".to_owned()], ..given };
        assert_eq!(ids_given(r#"{"Ref": "Names"}"#, &passed), ["Task${Name}"]);
    }
}
