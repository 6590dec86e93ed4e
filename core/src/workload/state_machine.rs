//! ECS tasks that a Step Functions state machine runs: `ecs:runTask` states, in the JSON of its definition, whether that is
//! written as text (`DefinitionString`) or as an object (`Definition`), with `DefinitionSubstitutions` filled in. A definition
//! that lies in S3 is not seen. Sources: CloudFormation reference, `AWS::StepFunctions::StateMachine`; AWS SAM developer
//! guide, `AWS::Serverless::StateMachine`.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::launches::{Field, Request, StrategyItem};
use crate::template::node::Kind;
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{Expression, Part, Text, Value};

/// The requests of the `ecs:runTask` states of a state machine.
pub(super) fn requests<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Vec<Request<'a>> {
    let Some(text) = definition(evaluator, placed) else { return Vec::new() };
    let text = substituted(&text, &substitutions(evaluator, placed));
    let Ok(definition) = serde_json::from_str::<Json>(&text.marked()) else { return Vec::new() };
    let mut found = Vec::new();
    states(&definition, &mut found);
    found.into_iter().filter_map(|parameters| request(placed, parameters, &text)).collect()
}

/// The definition as JSON text.
fn definition<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Option<Text> {
    match evaluator.property(placed, &["DefinitionString"]).value {
        Value::Text(text) => return Some(text),
        Value::Absent => {}
        _ => return None,
    }
    match evaluator.property(placed, &["Definition"]).value {
        Value::Object(object) => {
            let mut json = Text::default();
            write_json(evaluator, &object, &mut json);
            Some(json)
        }
        _ => None,
    }
}

/// Writes what an expression comes to as JSON; what is not known becomes `null`.
fn write_json<'a>(evaluator: &Evaluator<'a>, expression: &Expression<'a>, json: &mut Text) {
    let resolved = evaluator.resolve(expression);
    match &resolved.value {
        Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
        Value::Text(text) => match &expression.node.kind {
            Kind::Number(number) => json.push_str(number),
            _ => write_string(text, json),
        },
        Value::List(_) => {
            json.push_str("[");
            for (index, item) in expression.node.items().unwrap_or_default().iter().enumerate() {
                json.push_str(if index == 0 { "" } else { "," });
                let item = Expression { template: expression.template, node: item, path: expression.path.item(index) };
                write_json(evaluator, &item, json);
            }
            json.push_str("]");
        }
        Value::Object(object) => {
            json.push_str("{");
            for (index, (name, _)) in object.node.members().unwrap_or_default().iter().enumerate() {
                json.push_str(if index == 0 { "" } else { "," });
                write_string(&Text::literal(name), json);
                json.push_str(":");
                match object.member(name) {
                    Some(member) => write_json(evaluator, &member, json),
                    None => json.push_str("null"),
                }
            }
            json.push_str("}");
        }
        _ => json.push_str("null"),
    }
}

fn write_string(text: &Text, json: &mut Text) {
    json.push_str("\"");
    for part in text.parts() {
        match part {
            Part::Literal(literal) => {
                let quoted = Json::from(literal.as_str()).to_string();
                json.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            }
            symbol @ Part::Symbol(_) => json.push(symbol.clone()),
        }
    }
    json.push_str("\"");
}

fn substitutions<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> HashMap<&'a str, Text> {
    let Value::Object(object) = evaluator.property(placed, &["DefinitionSubstitutions"]).value else {
        return HashMap::new();
    };
    let members = object.node.members().unwrap_or_default();
    members.iter().filter_map(|(name, _)| Some((&**name, evaluator.member(&object, name).text()?.clone()))).collect()
}

/// Fills in each `${Name}` for which there is a substitution.
fn substituted(text: &Text, substitutions: &HashMap<&str, Text>) -> Text {
    if substitutions.is_empty() {
        return text.clone();
    }
    let mut whole = Text::default();
    for part in text.parts() {
        let Part::Literal(literal) = part else {
            whole.push(part.clone());
            continue;
        };
        let mut rest = literal.as_str();
        while let Some((before, from)) = rest.split_once("${") {
            whole.push_str(before);
            match from.split_once('}').and_then(|(name, after)| Some((substitutions.get(name)?, after))) {
                Some((value, after)) => {
                    whole.append(value.clone());
                    rest = after;
                }
                None => {
                    whole.push_str("${");
                    rest = from;
                }
            }
        }
        whole.push_str(rest);
    }
    whole
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
        Some(Json::String(text)) => Field::Text(source.unmarked(text)),
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
            Ok(StrategyItem { provider: source.unmarked(provider), weight: number("Weight"), base: number("Base") })
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
            Some(text) => Field::Text(source.unmarked(text)),
            None => Field::Unknown("a placement constraint has no expression".to_owned()),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use crate::check::testing::verdict;

    /// An x86 cluster, a task for it with an Arm image, and a state machine that runs it there.
    fn app(state_machine: &str) -> String {
        format!(
            r##"{{"Transform": "AWS::Serverless-2016-10-31", "Resources": {{
            "Cluster": {{"Type": "AWS::ECS::Cluster"}},
            "Machine": {{"Type": "AWS::EC2::Instance", "Properties": {{"InstanceType": "m7i.large",
                "ImageId": "{{{{resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id}}}}",
                "UserData": {{"Fn::Base64": {{"Fn::Sub": "#!/bin/bash\necho ECS_CLUSTER=${{Cluster}} >> /etc/ecs/ecs.config"}}}}}}}},
            "Task": {{"Type": "AWS::ECS::TaskDefinition", "Properties": {{"RequiresCompatibilities": ["EC2"],
                "ContainerDefinitions": [{{"Name": "web", "Image": "arm64v8/nginx", "Memory": 128}}]}}}},
            "States": {state_machine}}}}}"##
        )
    }

    const SUBSTITUTIONS: &str =
        r#""DefinitionSubstitutions": {"Task": {"Ref": "Task"}, "Where": {"Fn::GetAtt": ["Cluster", "Arn"]}}"#;

    #[test]
    fn a_definition_in_text_or_as_an_object_runs_its_tasks() {
        let text = r#""{\"States\":{\"A\":{\"Resource\":\"arn:aws:states:::ecs:runTask.sync\",\"Parameters\":{\"LaunchType\":\"EC2\",\"Cluster\":\"${Where}\",\"TaskDefinition\":\"${Task}\"}}}}""#;
        let object = r#"{"States": {"A": {"Resource": "arn:aws:states:::ecs:runTask.sync",
            "Parameters": {"LaunchType": "EC2", "Cluster": "${Where}", "TaskDefinition": {"Ref": "Task"}}}}}"#;
        for (kind, property, definition) in [
            ("AWS::StepFunctions::StateMachine", "DefinitionString", text),
            ("AWS::StepFunctions::StateMachine", "Definition", object),
            ("AWS::Serverless::StateMachine", "Definition", object),
        ] {
            let machine =
                format!(r#"{{"Type": "{kind}", "Properties": {{"{property}": {definition}, {SUBSTITUTIONS}}}}}"#);
            assert_eq!(verdict(&app(&machine)), "error image-platform-mismatch", "{kind} {property}");
        }
    }

    #[test]
    fn a_definition_elsewhere_runs_nothing_that_is_known() {
        let machine =
            r#"{"Type": "AWS::Serverless::StateMachine", "Properties": {"DefinitionUri": "s3://bucket/key"}}"#;
        assert_eq!(verdict(&app(machine)), "unknown");
    }
}
