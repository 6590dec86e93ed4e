//! What starts tasks: services, task sets, EventBridge rules, schedules, pipes, state machines, Express Mode.
//!
//! Each is read into the same request, so that placement needs to know only one shape.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::state_machine;
use crate::template::resolve::{Evaluator, Placed};
use crate::template::scenario::Memo;
use crate::template::value::{Expression, Resolved, ResourceId, Spot, TemplateId, Text, Value};

/// A request to start a task, as a service or a target makes it.
pub struct Request<'a> {
    /// In words: "service `Web`".
    pub label: String,
    /// The template in which its references are meant.
    pub template: TemplateId,
    /// Where it is declared.
    pub spot: Spot<'a>,
    /// Family, ARN or reference of the task definition.
    pub task: Text,
    /// The cluster.
    pub cluster: Field,
    /// `FARGATE`, `EC2`, `EXTERNAL`, `MANAGED_INSTANCES`.
    pub launch_type: Field,
    /// `PlatformVersion`.
    pub platform_version: Field,
    /// Where the platform version stands.
    pub platform_version_spot: Spot<'a>,
    /// The capacity-provider strategy; empty if there is none.
    pub strategy: Result<Vec<StrategyItem>, String>,
    /// Expressions of `memberOf` placement constraints.
    pub constraints: Result<Vec<Field>, String>,
    /// Whether ECS may move the task to the architecture of its image (Express Mode).
    pub adapts: bool,
}

/// A string property.
#[derive(Debug, Clone)]
pub enum Field {
    /// Not there.
    Absent,
    /// There, known in full or in part.
    Text(Text),
    /// There, but nothing is known of it.
    Unknown(String),
}

impl Field {
    /// A property as a field.
    pub fn of(resolved: &Resolved<'_>) -> Field {
        match &resolved.value {
            Value::Absent => Field::Absent,
            Value::Text(text) => Field::Text(text.clone()),
            _ => Field::Unknown(resolved.reason().unwrap_or_default()),
        }
    }
}

/// One capacity provider of a strategy.
pub struct StrategyItem {
    /// Its name.
    pub provider: Text,
    /// `Weight`; `None` where it is not known, 0 where it is not given.
    pub weight: Option<u64>,
    /// `Base`; likewise.
    pub base: Option<u64>,
}

/// Everything in an app that starts tasks, by the task definitions that it may start.
pub struct Launchers<'a> {
    by_task: HashMap<ResourceId, Vec<Placed<'a>>>,
    families: HashMap<(usize, String), Vec<Placed<'a>>>,
    /// The requests that a resource makes, by the task definition that they start.
    requests: Memo<ResourceId, HashMap<ResourceId, Vec<Rc<Request<'a>>>>>,
}

impl<'a> Launchers<'a> {
    /// Finds out what may start what, in any scenario.
    pub fn index(evaluator: &Evaluator<'a>) -> Launchers<'a> {
        let mut launchers = Launchers { by_task: HashMap::new(), families: HashMap::new(), requests: Memo::default() };
        for placed in evaluator.placed().filter(|placed| &*placed.resource.kind == "AWS::ECS::TaskDefinition") {
            if let Some(family) = evaluator.property(&placed, &["Family"]).known() {
                let stage = evaluator.app().unit(placed.template).stage;
                launchers.families.entry((stage, family.to_owned())).or_default().push(placed);
            }
        }
        for placed in evaluator.placed().filter(starts_tasks) {
            let answers =
                evaluator.explore_all(|| launchers.made_by(evaluator, &placed).keys().cloned().collect::<Vec<_>>());
            let tasks: BTreeSet<ResourceId> = answers.flatten().collect();
            for task in tasks {
                launchers.by_task.entry(task).or_default().push(placed);
            }
        }
        launchers
    }

    /// The task definition that a request starts, in the current scenario.
    fn task(&self, evaluator: &Evaluator<'a>, request: &Request<'a>) -> Option<ResourceId> {
        if let Some(placed) = request.task.resource().and_then(|id| evaluator.resource(id)) {
            return (&*placed.resource.kind == "AWS::ECS::TaskDefinition").then(|| placed.id());
        }
        // By family, as a name, `family:revision` or an ARN.
        let shown = request.task.display();
        let family = shown.rsplit_once("task-definition/").map_or(shown.as_str(), |(_, family)| family);
        let family = family.split_once(':').map_or(family, |(family, _)| family);
        let unit = evaluator.app().unit(request.template);
        let named = self.families.get(&(unit.stage, family.to_owned()))?;
        let mut near =
            named.iter().filter(|placed| evaluator.app().unit(placed.template).environment_id == unit.environment_id);
        let found = near.next()?;
        if near.next().is_some() { None } else { Some(found.id()) }
    }

    /// The requests that start a task definition, in the current scenario.
    pub fn of(&self, evaluator: &Evaluator<'a>, task: &Placed<'a>) -> Vec<Rc<Request<'a>>> {
        let id = task.id();
        let candidates = self.by_task.get(&id).map(Vec::as_slice).unwrap_or_default();
        candidates
            .iter()
            .filter(|placed| evaluator.exists(placed))
            .flat_map(|placed| self.made_by(evaluator, placed).get(&id).cloned().unwrap_or_default())
            .collect()
    }

    /// The requests that a resource makes, by the task definition that they start, in the current scenario.
    fn made_by(&self, evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Rc<HashMap<ResourceId, Vec<Rc<Request<'a>>>>> {
        self.requests.get(&evaluator.choices, &placed.id(), || {
            let mut by_task: HashMap<_, Vec<_>> = HashMap::new();
            for request in requests(evaluator, placed) {
                if let Some(task) = self.task(evaluator, &request) {
                    by_task.entry(task).or_default().push(Rc::new(request));
                }
            }
            by_task
        })
    }
}

/// Whether a resource is of a type that [`requests`] reads.
fn starts_tasks(placed: &Placed<'_>) -> bool {
    matches!(
        &*placed.resource.kind,
        "AWS::ECS::Service"
            | "AWS::ECS::TaskSet"
            | "AWS::ECS::ExpressGatewayService"
            | "AWS::Events::Rule"
            | "AWS::Scheduler::Schedule"
            | "AWS::Pipes::Pipe"
            | "AWS::StepFunctions::StateMachine"
            | "AWS::Serverless::StateMachine"
    )
}

/// The requests that a resource makes.
fn requests<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Vec<Request<'a>> {
    let Some(properties) = placed.properties() else { return Vec::new() };
    let id = &placed.resource.id;
    let spot = placed.spot();
    match &*placed.resource.kind {
        "AWS::ECS::Service" => {
            let cluster = evaluator.member(&properties, "Cluster");
            request(evaluator, &properties, "TaskDefinition", &cluster, format!("service `{id}`"), spot)
        }
        "AWS::ECS::TaskSet" => {
            let cluster = evaluator.member(&properties, "Cluster");
            request(evaluator, &properties, "TaskDefinition", &cluster, format!("task set `{id}`"), spot)
        }
        "AWS::ECS::ExpressGatewayService" => {
            let cluster = evaluator.member(&properties, "Cluster");
            let label = format!("Express Mode service `{id}`");
            let mut requests = request(evaluator, &properties, "TaskDefinitionArn", &cluster, label, spot);
            for request in &mut requests {
                request.launch_type = Field::Text(Text::literal("FARGATE"));
                request.adapts = true;
            }
            requests
        }
        "AWS::Events::Rule" => {
            let targets = evaluator.items(&evaluator.member(&properties, "Targets")).unwrap_or_default();
            let targets = targets.iter().filter_map(|target| match &target.value {
                Value::Object(target) => Some(target.clone()),
                _ => None,
            });
            targets
                .flat_map(|target| {
                    target_requests(evaluator, &target, "Arn", &["EcsParameters"], format!("rule `{id}`"), &spot)
                })
                .collect()
        }
        "AWS::Scheduler::Schedule" => match evaluator.member(&properties, "Target").value {
            Value::Object(target) => {
                target_requests(evaluator, &target, "Arn", &["EcsParameters"], format!("schedule `{id}`"), &spot)
            }
            _ => Vec::new(),
        },
        "AWS::Pipes::Pipe" => {
            let path = &["TargetParameters", "EcsTaskParameters"];
            target_requests(evaluator, &properties, "Target", path, format!("pipe `{id}`"), &spot)
        }
        "AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine" => {
            state_machine::requests(evaluator, placed)
        }
        _ => Vec::new(),
    }
}

fn target_requests<'a>(
    evaluator: &Evaluator<'a>,
    target: &Expression<'a>,
    cluster: &'a str,
    parameters: &[&'a str],
    label: String,
    spot: &Spot<'a>,
) -> Vec<Request<'a>> {
    let cluster = evaluator.member(target, cluster);
    match evaluator.at(target, parameters).value {
        Value::Object(parameters) => {
            request(evaluator, &parameters, "TaskDefinitionArn", &cluster, label, spot.clone())
        }
        _ => Vec::new(),
    }
}

fn request<'a>(
    evaluator: &Evaluator<'a>,
    object: &Expression<'a>,
    task: &'a str,
    cluster: &Resolved<'a>,
    label: String,
    spot: Spot<'a>,
) -> Vec<Request<'a>> {
    let Some(task) = evaluator.member(object, task).text().cloned() else { return Vec::new() };
    let platform_version = evaluator.member(object, "PlatformVersion");
    let constraints = evaluator.member(object, "PlacementConstraints");
    vec![Request {
        label,
        template: object.template,
        spot,
        task,
        cluster: Field::of(cluster),
        launch_type: Field::of(&evaluator.member(object, "LaunchType")),
        platform_version: Field::of(&platform_version),
        platform_version_spot: platform_version.spot,
        strategy: strategy(evaluator, &evaluator.member(object, "CapacityProviderStrategy")),
        constraints: constraint_expressions(evaluator, &constraints),
        adapts: false,
    }]
}

/// A capacity-provider strategy, as services, targets and clusters write it.
pub(super) fn strategy<'a>(evaluator: &Evaluator<'a>, list: &Resolved<'a>) -> Result<Vec<StrategyItem>, String> {
    let items = evaluator.items(list).map_err(|reason| reason.to_string())?;
    let mut strategy = Vec::new();
    for item in items {
        let Value::Object(object) = &item.value else {
            return Err(item.reason().unwrap_or_else(|| "a strategy item is not an object".to_owned()));
        };
        let provider = evaluator.member(object, "CapacityProvider");
        let Some(provider) = provider.text().cloned() else {
            return Err(provider.reason().unwrap_or_else(|| "a strategy item names no capacity provider".to_owned()));
        };
        let number = |key: &'a str| {
            let value = evaluator.member(object, key);
            if value.is_absent() { Some(0) } else { value.known().and_then(|digits| digits.parse().ok()) }
        };
        strategy.push(StrategyItem { provider, weight: number("Weight"), base: number("Base") });
    }
    Ok(strategy)
}

/// The expressions of the `memberOf` constraints in a list.
pub(super) fn constraint_expressions<'a>(evaluator: &Evaluator<'a>, list: &Resolved<'a>) -> Result<Vec<Field>, String> {
    let items = evaluator.items(list).map_err(|reason| reason.to_string())?;
    let mut expressions = Vec::new();
    for item in items {
        let Value::Object(object) = &item.value else {
            return Err(item.reason().unwrap_or_else(|| "a placement constraint is not an object".to_owned()));
        };
        if evaluator.member(object, "Type").known() != Some("distinctInstance") {
            expressions.push(Field::of(&evaluator.member(object, "Expression")));
        }
    }
    Ok(expressions)
}
