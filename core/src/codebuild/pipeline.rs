//! The actions of a pipeline in AWS CodePipeline: which project builds, and which service gets what was built.
//!
//! Source: CodePipeline user guide, "Action structure reference" for AWS CodeBuild and Amazon ECS (standard deployment). A
//! blue/green deployment brings a task definition of its own, which is not known here.

use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{Expression, Resolved, ResourceId, Text, Value};

/// What an action of a pipeline uses, makes and deploys.
#[derive(Debug, Default)]
pub struct Action {
    /// The CodeBuild project that it starts.
    pub project: Option<ResourceId>,
    /// The variables that it sets; `None` if it sets none.
    pub variables: Option<Vec<String>>,
    /// The ECS service that it gives a new image to.
    pub service: Option<ResourceId>,
    /// The artifacts that it takes.
    pub inputs: Vec<String>,
    /// The artifacts that it makes.
    pub outputs: Vec<String>,
}

/// The actions of a pipeline that build, and those that deploy to ECS.
pub fn actions<'a>(evaluator: &Evaluator<'a>, pipeline: &Placed<'a>) -> Vec<Action> {
    let objects = |list: &Resolved<'a>| -> Vec<Expression<'a>> {
        let items = evaluator.items(list).unwrap_or_default();
        items
            .into_iter()
            .filter_map(|item| match item.value {
                Value::Object(object) => Some(object),
                _ => None,
            })
            .collect()
    };
    let mut found = Vec::new();
    for stage in objects(&evaluator.property(pipeline, &["Stages"])) {
        for action in objects(&evaluator.member(&stage, "Actions")) {
            let provider = evaluator.at(&action, &["ActionTypeId", "Provider"]);
            let configured = |name: &'a str| {
                let value = evaluator.at(&action, &["Configuration", name]);
                value.text().and_then(Text::resource).cloned()
            };
            let names = |list: &'a str| -> Vec<String> {
                let artifacts = objects(&evaluator.member(&action, list));
                let names = artifacts.iter().map(|artifact| evaluator.member(artifact, "Name"));
                names.filter_map(|name| name.known().map(str::to_owned)).collect()
            };
            let mut read =
                Action { inputs: names("InputArtifacts"), outputs: names("OutputArtifacts"), ..Action::default() };
            match provider.known() {
                Some("CodeBuild") => {
                    read.project = configured("ProjectName");
                    let variables = evaluator.at(&action, &["Configuration", "EnvironmentVariables"]);
                    read.variables = variables.text().map(|text| variable_names(&text.display()));
                }
                Some("ECS") => read.service = configured("ServiceName"),
                _ => continue,
            }
            found.push(read);
        }
    }
    found
}

/// The names in the list of variables that an action has as JSON.
fn variable_names(text: &str) -> Vec<String> {
    let list: Result<Vec<serde_json::Value>, _> = serde_json::from_str(text);
    let name = |variable: &serde_json::Value| variable.get("name")?.as_str().map(str::to_owned);
    list.unwrap_or_default().iter().filter_map(name).collect()
}
