//! Where a task may land: each request that starts it, turned into routes and the hosts on them.
//!
//! Sources: ECS developer guide, "Amazon ECS launch types and capacity providers", "Define which container instances
//! Amazon ECS uses for tasks"; ECS API reference, `CapacityProviderStrategyItem`.

use super::launches::{self, Field, Request, StrategyItem};
use super::{Context, Declared, Launch, Route, Task};
use crate::capacity::group::{Group, Host};
use crate::capacity::query;
use crate::capacity::{Capacity, ClusterRef};
use crate::platform::{Architecture, Os};
use crate::template::resolve::Evaluator;
use crate::template::value::{Spot, Text};

/// Everything that starts the task, and where it lands.
pub(super) fn launches<'a>(context: &Context<'a>, task: &Task<'a>) -> Vec<Launch<'a>> {
    if super::is_express(&task.placed) {
        return vec![express(task)];
    }
    let compatibilities = compatibilities(context, task);
    let requests = context.launchers.of(context.evaluator, &task.placed);
    if requests.is_empty() {
        return vec![unlaunched(context, task, compatibilities.as_deref())];
    }
    requests.iter().map(|request| launch(context, task, compatibilities.as_deref(), request)).collect()
}

/// Express Mode runs on Fargate; it may notice a mismatch and run the task elsewhere (`RuntimePlatformOverride` in the ECS API).
fn express<'a>(task: &Task<'a>) -> Launch<'a> {
    let mut route = fargate(task, "Fargate", task.placed.spot());
    route.hosts.iter_mut().for_each(|host| host.certain = false);
    Launch {
        label: format!("Express Mode service `{}`", task.placed.resource.id),
        spot: task.placed.spot(),
        platform_version: None,
        platform_version_spot: None,
        routes: vec![route],
    }
}

/// `RequiresCompatibilities`; `None` where it is not given or not known.
fn compatibilities<'a>(context: &Context<'a>, task: &Task<'a>) -> Option<Vec<String>> {
    let list = context.evaluator.property(&task.placed, &["RequiresCompatibilities"]);
    let items = context.evaluator.items(&list).ok()?;
    let names: Option<Vec<String>> = items.iter().map(|item| item.known().map(str::to_owned)).collect();
    names.filter(|names| !names.is_empty())
}

/// A task that nothing in the app starts: what it asks for is what it gets.
fn unlaunched<'a>(context: &Context<'a>, task: &Task<'a>, compatibilities: Option<&[String]>) -> Launch<'a> {
    let spot = task.placed.spot();
    let route = match compatibilities {
        Some([only]) if only == "FARGATE" => fargate(task, "Fargate", spot.clone()),
        _ => {
            let constraints = constraints(context, task, None).unwrap_or_default();
            let reason = "nothing in this app starts the task".to_owned();
            elsewhere(task, &constraints, "capacity outside of this app", spot.clone(), reason)
        }
    };
    Launch {
        label: "whatever starts the task".to_owned(),
        spot,
        platform_version: None,
        platform_version_spot: None,
        routes: vec![route],
    }
}

/// Fargate provides what the task definition asks for, x86_64 and Linux if it asks for nothing.
fn fargate<'a>(task: &Task<'a>, label: &str, spot: Spot<'a>) -> Route<'a> {
    let (architecture, reason) = match &task.cpu {
        Declared::Known(architecture) => (Some(*architecture), String::new()),
        Declared::Absent => (Some(Architecture::X86_64), String::new()),
        Declared::Misspelled(_, complaint) | Declared::Unknown(complaint) => (None, complaint.clone()),
    };
    let os = match &task.os {
        Declared::Known(os) => Some(*os),
        Declared::Absent => Some(Os::Linux),
        _ => None,
    };
    let host = Host {
        architecture,
        os,
        instance_type: None,
        certain: true,
        emulates: false,
        fargate: true,
        label: label.to_owned(),
        reason,
        spot,
    };
    Route { label: label.to_owned(), hosts: vec![host], ..Route::default() }
}

/// Capacity that is not known. What the task and its constraints ask for narrows it: ECS places it on nothing else.
fn elsewhere<'a>(task: &Task<'a>, constraints: &[Field], label: &str, spot: Spot<'a>, reason: String) -> Route<'a> {
    let host = |architecture, os| Host {
        architecture: Some(architecture),
        os: Some(os),
        instance_type: None,
        certain: !task.asks_for_something_unknown(),
        emulates: false,
        fargate: false,
        label: label.to_owned(),
        reason: String::new(),
        spot: spot.clone(),
    };
    let mut possible = vec![
        host(Architecture::X86_64, Os::Linux),
        host(Architecture::Arm64, Os::Linux),
        host(Architecture::X86_64, Os::Windows),
    ];
    possible.retain(|host| {
        agrees(task.cpu.known(), host.architecture) != Some(false)
            && agrees(task.os.known(), host.os) != Some(false)
            && allowed(constraints, host) != Some(false)
    });
    let mut route = Route { label: label.to_owned(), ..Route::default() };
    match possible.as_slice() {
        [first, rest @ ..] if rest.iter().all(|other| other.architecture == first.architecture) => {
            let os = first.os.filter(|_| rest.is_empty());
            route.hosts.push(Host { os, ..first.clone() });
        }
        _ => route.unknown = Some(reason),
    }
    route
}

fn launch<'a>(
    context: &Context<'a>,
    task: &Task<'a>,
    compatibilities: Option<&[String]>,
    request: &Request<'a>,
) -> Launch<'a> {
    let mut routes = routes(context, task, compatibilities, request);
    if context.emulators.reach(context.evaluator, context.capacity, request) {
        for host in routes.iter_mut().flat_map(|route| &mut route.hosts).filter(|host| !host.fargate) {
            host.emulates = true;
        }
    }
    if request.adapts {
        // Express Mode may notice a mismatch and run the task elsewhere (`RuntimePlatformOverride` in the ECS API).
        for host in routes.iter_mut().flat_map(|route| &mut route.hosts) {
            host.certain = false;
        }
    }
    let (platform_version, platform_version_spot) = match &request.platform_version {
        Field::Text(text) => (text.known().map(str::to_owned), Some(request.platform_version_spot.clone())),
        _ => (None, None),
    };
    Launch { label: request.label.clone(), spot: request.spot.clone(), platform_version, platform_version_spot, routes }
}

fn routes<'a>(
    context: &Context<'a>,
    task: &Task<'a>,
    compatibilities: Option<&[String]>,
    request: &Request<'a>,
) -> Vec<Route<'a>> {
    let spot = || request.spot.clone();
    let open = |label: &str, reason: String| {
        let constraints = constraints(context, task, Some(request)).unwrap_or_default();
        vec![elsewhere(task, &constraints, label, spot(), reason)]
    };
    if matches!(compatibilities, Some([only]) if only == "FARGATE") {
        return vec![fargate(task, "Fargate", spot())];
    }
    let strategy = match &request.strategy {
        Ok(strategy) => strategy,
        Err(reason) => return open("its capacity providers", reason.clone()),
    };
    if !strategy.is_empty() {
        return strategy_routes(context, task, request, strategy);
    }
    match &request.launch_type {
        Field::Text(text) => match text.known() {
            Some("FARGATE") => vec![fargate(task, "Fargate", spot())],
            Some("EC2") => vec![cluster_route(context, task, request)],
            Some("EXTERNAL") => {
                open("external instances", "external instances may be of either architecture".to_owned())
            }
            Some(other) => open(other, format!("what launch type `{other}` provides is not known")),
            None => open("its launch type", text.reason().unwrap_or_default()),
        },
        Field::Unknown(reason) => open("its launch type", reason.clone()),
        Field::Absent => match cluster(context.evaluator, context.capacity, request) {
            ClusterRef::Known(placed) => {
                let default = context.capacity.default_strategy(context.evaluator, &placed);
                match launches::strategy(context.evaluator, &default) {
                    Ok(strategy) if strategy.is_empty() => vec![cluster_route(context, task, request)],
                    Ok(strategy) => strategy_routes(context, task, request, &strategy),
                    Err(reason) => open("its capacity providers", reason),
                }
            }
            // An unknown cluster may have a default strategy.
            ClusterRef::Elsewhere(..) => vec![cluster_route(context, task, request)],
        },
    }
}

/// The cluster in which a request starts its task.
pub(super) fn cluster<'a>(evaluator: &Evaluator<'a>, capacity: &Capacity<'a>, request: &Request<'a>) -> ClusterRef<'a> {
    match &request.cluster {
        Field::Text(text) => capacity.cluster_of_text(evaluator, request.template, text),
        Field::Absent => capacity.cluster_of_text(evaluator, request.template, &Text::literal("default")),
        Field::Unknown(reason) => ClusterRef::Elsewhere(None, reason.clone()),
    }
}

/// One route per capacity provider that the strategy can choose.
fn strategy_routes<'a>(
    context: &Context<'a>,
    task: &Task<'a>,
    request: &Request<'a>,
    strategy: &[StrategyItem],
) -> Vec<Route<'a>> {
    let alone = strategy.len() == 1;
    let constraints = constraints(context, task, Some(request)).unwrap_or_default();
    let reachable = strategy.iter().filter(|item| alone || item.weight != Some(0) || item.base != Some(0));
    reachable
        .map(|item| {
            let shown = item.provider.display();
            if let Some(name @ ("FARGATE" | "FARGATE_SPOT")) = item.provider.known() {
                return fargate(task, if name == "FARGATE" { "Fargate" } else { "Fargate Spot" }, request.spot.clone());
            }
            let unsure = !alone && (item.weight.is_none() || item.base.is_none());
            let label = format!("capacity provider `{shown}`");
            match context.capacity.provider(context.evaluator, request.template, &item.provider) {
                Some(provider) => {
                    let label = format!("capacity provider `{}`", provider.resource.id);
                    match context.capacity.launched_by_provider(context.evaluator, &provider) {
                        Ok(mut group) => {
                            if unsure {
                                group.hosts.iter_mut().for_each(|host| host.certain = false);
                            }
                            filtered(context, task, request, label, group)
                        }
                        Err(reason) => elsewhere(task, &constraints, &label, request.spot.clone(), reason),
                    }
                }
                None => {
                    let reason = format!("{label} is not part of this app");
                    elsewhere(task, &constraints, &label, request.spot.clone(), reason)
                }
            }
        })
        .collect()
}

/// Any instance of the cluster, as far as task and constraints allow.
fn cluster_route<'a>(context: &Context<'a>, task: &Task<'a>, request: &Request<'a>) -> Route<'a> {
    let constraints = constraints(context, task, Some(request)).unwrap_or_default();
    let outside = |label: &str, reason| elsewhere(task, &constraints, label, request.spot.clone(), reason);
    match cluster(context.evaluator, context.capacity, request) {
        ClusterRef::Known(placed) => {
            let label = format!("cluster `{}`", placed.resource.id);
            let instances = context.capacity.instances(context.evaluator, &placed);
            let mut route = filtered(context, task, request, label.clone(), instances.group.clone());
            if let Some(reason) = &instances.open {
                let others = outside(&label, reason.clone());
                route.hosts.extend(others.hosts);
                route.unknown = route.unknown.or(others.unknown);
            }
            route
        }
        ClusterRef::Elsewhere(name, reason) => {
            let label = name.as_ref().map_or_else(|| "its cluster".to_owned(), |name| format!("cluster `{name}`"));
            match name.as_deref().and_then(|name| locked(context, name, &label, &request.spot)) {
                Some(group) => filtered(context, task, request, label, group),
                None => outside(&label, reason),
            }
        }
    }
}

/// What the lock file says about a cluster from elsewhere.
fn locked<'a>(context: &Context<'a>, name: &str, label: &str, spot: &Spot<'a>) -> Option<Group<'a>> {
    let clusters = &context.lock?.clusters;
    let by_name = || {
        let mut found = clusters.iter().filter(|(arn, _)| arn.rsplit('/').next() == Some(name));
        let (_, cluster) = found.next()?;
        if found.next().is_some() { None } else { Some(cluster) }
    };
    let cluster = clusters.get(name).or_else(by_name)?;
    let host = |(architecture, os)| Host {
        architecture: Some(architecture),
        os,
        instance_type: None,
        certain: true,
        emulates: false,
        fargate: false,
        label: format!("an instance of {label}, as the lock file has it"),
        reason: String::new(),
        spot: spot.clone(),
    };
    Some(Group { hosts: cluster.hosts().ok()?.into_iter().map(host).collect(), ..Group::default() })
}

/// Keeps the hosts that the task may land on: of its architecture, of its system, and allowed by the constraints.
fn filtered<'a>(
    context: &Context<'a>,
    task: &Task<'a>,
    request: &Request<'a>,
    label: String,
    group: Group<'a>,
) -> Route<'a> {
    let constraints = constraints(context, task, Some(request));
    let mut route = Route { label, unlaunchable: group.unlaunchable, ..Route::default() };
    if let Err(reason) = &constraints {
        route.unknown = Some(reason.clone());
    }
    let constraints = constraints.unwrap_or_default();
    for mut host in group.hosts {
        let cpu = agrees(task.cpu.known(), host.architecture);
        let os = agrees(task.os.known(), host.os);
        if task.asks_for_something_unknown() {
            host.certain = false;
        }
        if cpu == Some(false) || os == Some(false) {
            route.unfit.push(host);
            continue;
        }
        match allowed(&constraints, &host) {
            Some(false) => route.excluded.push(host),
            answer => {
                if answer.is_none() {
                    host.certain = false;
                }
                // On a host of unknown architecture, a task that asks for one lands only if it is that.
                if host.architecture.is_none() && task.cpu.known().is_some() {
                    host.architecture = task.cpu.known();
                    host.certain = false;
                }
                if host.os.is_none() {
                    host.os = task.os.known();
                }
                route.hosts.push(host);
            }
        }
    }
    route
}

fn agrees<T: PartialEq>(asked: Option<T>, has: Option<T>) -> Option<bool> {
    match (asked, has) {
        (None, _) => Some(true),
        (Some(asked), Some(has)) => Some(asked == has),
        (Some(_), None) => None,
    }
}

/// The constraints of the request, if there is one, and of the task definition together.
fn constraints<'a>(
    context: &Context<'a>,
    task: &Task<'a>,
    request: Option<&Request<'a>>,
) -> Result<Vec<Field>, String> {
    let own = context.evaluator.property(&task.placed, &["PlacementConstraints"]);
    let mut all = launches::constraint_expressions(context.evaluator, &own)?;
    if let Some(request) = request {
        all.extend(request.constraints.clone()?);
    }
    Ok(all)
}

fn allowed(constraints: &[Field], host: &Host<'_>) -> Option<bool> {
    let mut answer = Some(true);
    for constraint in constraints {
        let one = match constraint {
            Field::Text(text) => text.known().and_then(|expression| query::satisfies(expression, host)),
            Field::Absent => Some(true),
            Field::Unknown(_) => None,
        };
        match one {
            Some(false) => return Some(false),
            None => answer = None,
            Some(true) => {}
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{elsewhere, locked_verdict, verdict};

    const LOCK: &str = r#"{"schema": 1, "images": {"win": {"platforms": ["windows/amd64"]}, "lin": {"platforms": ["linux/amd64"]}},
        "clusters": {"arn:aws:ecs:eu-west-1:1:cluster/known": {"architectures": ["x86_64"], "operatingSystems": ["windows"]},
                     "arn:aws:ecs:eu-west-1:1:cluster/half": {"architectures": ["x86_64"]}}}"#;

    fn constrained(expression: &str) -> String {
        format!(r#""PlacementConstraints": [{{"Type": "memberOf", "Expression": "{expression}"}}],"#)
    }

    #[test]
    fn a_system_that_nobody_states_is_not_known() {
        let x86 = r#""RuntimePlatform": {"CpuArchitecture": "X86_64"},"#;
        let windows = r#""RuntimePlatform": {"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},"#;
        for (image, properties, cluster, expected) in [
            ("win", x86, "prod", "unknown"),
            ("win", "", "half", "unknown"),
            ("lin", "", "half", "unknown"),
            ("win", windows, "half", "runs"),
            ("win", "", "known", "runs"),
            ("lin", "", "known", "error operating-system-mismatch"),
        ] {
            let app = elsewhere(image, properties, cluster, "");
            assert_eq!(locked_verdict(&app, LOCK), expected, "{image} {properties} {cluster}");
        }
    }

    #[test]
    fn a_constraint_says_what_the_hosts_of_an_unknown_cluster_are() {
        let windows = constrained("attribute:ecs.os-type == windows");
        assert_eq!(locked_verdict(&elsewhere("win", "", "prod", &windows), LOCK), "runs");
        assert_eq!(locked_verdict(&elsewhere("lin", "", "prod", &windows), LOCK), "error operating-system-mismatch");
        let arm = constrained("attribute:ecs.cpu-architecture == arm64");
        assert_eq!(verdict(&elsewhere("arm64v8/nginx", "", "prod", &arm)), "runs");
        assert_eq!(verdict(&elsewhere("amd64/nginx", "", "prod", &arm)), "error image-platform-mismatch");
    }
}
