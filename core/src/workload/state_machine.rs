//! ECS tasks that a Step Functions state machine runs: `ecs:runTask` states, in the JSON text of its definition.

use serde_json::Value as Json;

use super::launches::{Field, Request, StrategyItem};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{Part, Resolved, Text, Value};

/// Marks in the text stand for what is only known at deployment; these characters are for private use (Unicode).
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// The requests of the `ecs:runTask` states of a state machine.
pub(super) fn requests<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Vec<Request<'a>> {
    let definition = evaluator.property(placed, &["DefinitionString"]);
    let Some(text) = written(&definition) else { return Vec::new() };
    let mut json = String::new();
    for (index, part) in text.parts().iter().enumerate() {
        match part {
            Part::Literal(literal) => json.push_str(literal),
            Part::Symbol(_) => json.push_str(&format!("{OPEN}{index}{CLOSE}")),
        }
    }
    let Ok(definition) = serde_json::from_str::<Json>(&json) else { return Vec::new() };
    let mut found = Vec::new();
    states(&definition, &mut found);
    found.into_iter().filter_map(|parameters| request(placed, parameters, text)).collect()
}

fn written<'r>(definition: &'r Resolved<'_>) -> Option<&'r Text> {
    match &definition.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The arguments of every `ecs:runTask` state, however deep in parallel branches and maps.
fn states<'j>(json: &'j Json, found: &mut Vec<&'j serde_json::Map<String, Json>>) {
    match json {
        Json::Object(members) => {
            let runs_task = members.get("Resource").and_then(Json::as_str).is_some_and(|r| r.contains(":ecs:runTask"));
            let arguments = members.get("Parameters").or_else(|| members.get("Arguments")).and_then(Json::as_object);
            if runs_task {
                found.extend(arguments);
            }
            members.values().for_each(|member| states(member, found));
        }
        Json::Array(items) => items.iter().for_each(|item| states(item, found)),
        _ => {}
    }
}

fn request<'a>(placed: &Placed<'a>, arguments: &serde_json::Map<String, Json>, source: &Text) -> Option<Request<'a>> {
    let field = |key: &str| match arguments.get(key) {
        Some(Json::String(text)) if text.starts_with("{%") => {
            Field::Unknown(format!("`{key}` is computed when the state machine runs"))
        }
        Some(Json::String(text)) => Field::Text(restored(text, source)),
        Some(_) => Field::Unknown(format!("`{key}` is not a string")),
        None if arguments.contains_key(&format!("{key}.$")) => {
            Field::Unknown(format!("`{key}` is computed when the state machine runs"))
        }
        None => Field::Absent,
    };
    let Field::Text(task) = field("TaskDefinition") else { return None };
    Some(Request {
        label: format!("state machine `{}`", placed.resource.id),
        template: placed.template,
        spot: placed.spot(),
        task,
        cluster: field("Cluster"),
        launch_type: field("LaunchType"),
        platform_version: field("PlatformVersion"),
        platform_version_spot: placed.spot(),
        strategy: strategy(arguments, source),
        constraints: constraints(arguments, source),
        adapts: false,
    })
}

fn strategy(arguments: &serde_json::Map<String, Json>, source: &Text) -> Result<Vec<StrategyItem>, String> {
    let Some(list) = arguments.get("CapacityProviderStrategy") else {
        return match arguments.contains_key("CapacityProviderStrategy.$") {
            true => Err("the capacity-provider strategy is computed when the state machine runs".to_owned()),
            false => Ok(Vec::new()),
        };
    };
    let items = list.as_array().ok_or("the capacity-provider strategy is not a list")?;
    items
        .iter()
        .map(|item| {
            let provider =
                item.get("CapacityProvider").and_then(Json::as_str).ok_or("a strategy item names no provider")?;
            let number = |key: &str| item.get(key).map_or(Some(0), Json::as_u64);
            Ok(StrategyItem { provider: restored(provider, source), weight: number("Weight"), base: number("Base") })
        })
        .collect()
}

fn constraints(arguments: &serde_json::Map<String, Json>, source: &Text) -> Result<Vec<Field>, String> {
    let Some(list) = arguments.get("PlacementConstraints") else {
        return match arguments.contains_key("PlacementConstraints.$") {
            true => Err("the placement constraints are computed when the state machine runs".to_owned()),
            false => Ok(Vec::new()),
        };
    };
    let items = list.as_array().ok_or("the placement constraints are not a list")?;
    let written = items.iter().filter(|item| item.get("Type").and_then(Json::as_str) != Some("distinctInstance"));
    Ok(written
        .map(|item| match item.get("Expression").and_then(Json::as_str) {
            Some(text) => Field::Text(restored(text, source)),
            None => Field::Unknown("a placement constraint has no expression".to_owned()),
        })
        .collect())
}

/// Puts back what the marks stand for.
fn restored(text: &str, source: &Text) -> Text {
    let mut restored = Text::default();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(OPEN) {
        restored.push_str(before);
        let Some((index, after)) = from.split_once(CLOSE) else { break };
        if let Some(part) = index.parse::<usize>().ok().and_then(|index| source.parts().get(index)) {
            restored.push(part.clone());
        }
        rest = after;
    }
    restored.push_str(rest);
    restored
}
