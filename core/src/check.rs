//! The judgement: every task in every scenario, turned into one report.
//!
//! A rule's error that holds in every scenario stays an error. One that holds in some, while others would run, becomes a
//! warning that names the choice behind it: the person who deploys has not made it yet.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::assembly::App;
use crate::capacity::Capacity;
use crate::codebuild::Builders;
use crate::files::Files;
use crate::lock::Lock;
use crate::report::{self, Finding, Location, Report, Verdict, Workload};
use crate::rules::{
    self, Check, Draft, Place, RULES, Rule, Settings, Severity, ami_instance_mismatch, task_build, task_image,
};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::scenario::{Choice, MAX_SCENARIOS, needed_choices};
use crate::template::value::{ResourceId, Spot, TemplateId};
use crate::workload::{Archives, Builds, Context, Emulators, Fit, Launchers, Platforms, Task, declares_containers};

/// What the person who asks may say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Parameter values, which replace defaults in every stack that has the parameter.
    pub parameters: BTreeMap<String, String>,
    /// Facts from outside.
    pub lock: Option<Lock>,
    /// What rules are told.
    pub settings: Settings,
}

/// What one scenario shows of one container.
struct Seen {
    name: String,
    essential: bool,
    image: String,
    image_platforms: Option<Vec<String>>,
    runs_on: Option<Vec<String>>,
    unknown: Option<String>,
}

/// What one scenario shows of one task.
struct Outcome<'a> {
    containers: Vec<Seen>,
    /// The place of each container in the list, by its name.
    by_name: HashMap<String, usize>,
    /// What rules say, by the container that it concerns; `None` is what concerns all of them.
    drafts: HashMap<Option<String>, Vec<Draft<'a>>>,
    /// Which findings these make.
    keys: HashSet<Key>,
}

impl<'a> Outcome<'a> {
    fn new(containers: Vec<Seen>, drafts: Vec<Draft<'a>>) -> Outcome<'a> {
        let mut outcome = Outcome { containers, by_name: HashMap::new(), drafts: HashMap::new(), keys: HashSet::new() };
        for (index, container) in outcome.containers.iter().enumerate() {
            outcome.by_name.entry(container.name.clone()).or_insert(index);
        }
        for draft in drafts {
            outcome.keys.insert(key(&draft));
            outcome.drafts.entry(draft.container.clone()).or_default().push(draft);
        }
        outcome
    }

    fn container(&self, name: &str) -> Option<&Seen> {
        self.containers.get(*self.by_name.get(name)?)
    }

    /// What rules say of a container: what concerns all, then what concerns it alone.
    fn of(&self, name: &str) -> impl Iterator<Item = &Draft<'a>> {
        let own = self.drafts.get(&Some(name.to_owned()));
        self.drafts.get(&None).into_iter().chain(own).flatten()
    }

    fn fails(&self, name: &str) -> bool {
        self.of(name).any(|draft| draft.severity == Severity::Error)
    }
}

/// A finding's identity: the same cause at the same place is reported once.
type Key = (&'static str, ResourceId, Option<String>, String, Option<(String, u32)>);

fn key(draft: &Draft<'_>) -> Key {
    (draft.rule, draft.resource.clone(), draft.container.clone(), draft.spot.path.pointer(), draft.at.clone())
}

/// Judges an app.
pub fn check(app: &App, files: &dyn Files, options: &Options) -> Report {
    let evaluator = Evaluator::new(app, &options.parameters);
    let capacity = Capacity::index(&evaluator);
    let launchers = Launchers::index(&evaluator);
    let archives = Archives::new(files);
    let builders = Builders::index(&evaluator, files);
    let builds = Builds::new(files);
    let emulators = Emulators::index(&evaluator, &capacity, &launchers);
    let context = Context {
        evaluator: &evaluator,
        capacity: &capacity,
        launchers: &launchers,
        emulators: &emulators,
        lock: options.lock.as_ref(),
        archives: &archives,
        builders: &builders,
        builds: &builds,
    };
    let mut judge =
        Judge { evaluator: &evaluator, options, found: HashMap::new(), findings: Vec::new(), workloads: Vec::new() };
    for id in capacity.groups() {
        if let Some(placed) = evaluator.resource(id) {
            judge.group(&capacity, &placed);
        }
    }
    for placed in builders.projects() {
        judge.project(&context, placed);
    }
    for placed in evaluator.placed().filter(declares_containers) {
        judge.task(&context, placed);
    }
    judge.report(app)
}

struct Judge<'a, 'o> {
    evaluator: &'a Evaluator<'a>,
    options: &'o Options,
    found: HashMap<Key, usize>,
    findings: Vec<(TemplateId, ResourceId, Finding)>,
    workloads: Vec<Workload>,
}

impl<'a> Judge<'a, '_> {
    fn group(&mut self, capacity: &Capacity<'a>, placed: &Placed<'a>) {
        let settings = &self.options.settings;
        let evaluator = self.evaluator;
        self.resource(placed, || {
            let group = capacity.launched(evaluator, placed);
            let checks = RULES.iter().filter_map(|rule| match rule.check {
                Check::Group(check) => Some(check),
                _ => None,
            });
            checks.flat_map(|check| check(placed, &group, settings)).collect()
        });
    }

    fn project(&mut self, context: &Context<'a>, placed: &Placed<'a>) {
        self.resource(placed, || {
            let project = context.builders.project(context.evaluator, placed);
            let checks = RULES.iter().filter_map(|rule| match rule.check {
                Check::Project(check) => Some(check),
                _ => None,
            });
            checks.flat_map(|check| check(&project, context)).collect()
        });
    }

    /// What is said of a resource apart from any task, in every scenario in which it exists.
    fn resource(&mut self, placed: &Placed<'a>, drafts: impl Fn() -> Vec<Draft<'a>>) {
        let evaluator = self.evaluator;
        let (answers, cut) = evaluator.explore(|| evaluator.exists(placed).then(&drafts));
        let answers: Vec<(Vec<Draft<'a>>, Vec<Choice>)> =
            answers.into_iter().filter_map(|(drafts, choices)| Some((drafts?, choices))).collect();
        let fails = |drafts: &Vec<Draft<'a>>| drafts.iter().any(|draft| draft.severity == Severity::Error);
        let always = !cut && answers.iter().all(|(drafts, _)| fails(drafts));
        for (drafts, choices) in &answers {
            for draft in drafts {
                let needed = needed_choices(choices, &answers, |drafts: &Vec<Draft<'a>>| {
                    drafts.iter().any(|other| key(other) == key(draft))
                });
                self.add(draft, always, &needed);
            }
        }
    }

    fn task(&mut self, context: &Context<'a>, placed: Placed<'a>) {
        let (answers, cut) =
            self.evaluator.explore(|| self.evaluator.exists(&placed).then(|| self.outcome(context, placed)));
        let answers: Vec<(Outcome<'a>, Vec<Choice>)> =
            answers.into_iter().filter_map(|(outcome, choices)| Some((outcome?, choices))).collect();
        let rewriting = self.evaluator.app().unit(placed.template).template.rewriting_macro();
        let mut names: Vec<&str> = Vec::new();
        let mut met: HashSet<&str> = HashSet::new();
        for container in answers.iter().flat_map(|(outcome, _)| &outcome.containers) {
            if met.insert(&container.name) {
                names.push(&container.name);
            }
        }
        for name in names {
            let with: Vec<&(Outcome<'a>, Vec<Choice>)> =
                answers.iter().filter(|(outcome, _)| outcome.by_name.contains_key(name)).collect();
            let always = !cut && rewriting.is_none() && with.iter().all(|(outcome, _)| outcome.fails(name));
            let mut indices: Vec<usize> = Vec::new();
            for (outcome, choices) in &with {
                for draft in outcome.of(name) {
                    let key = key(draft);
                    let needed = needed_choices(choices, &answers, |outcome: &Outcome<'a>| outcome.keys.contains(&key));
                    let index = self.add(draft, always, &needed);
                    if let (Some(name), Some((_, _, finding))) = (rewriting, self.findings.get_mut(index)) {
                        let message = format!("the macro `{name}` may rewrite this template before it is deployed");
                        if !finding.notes.iter().any(|note| note.message == message) {
                            finding.notes.push(report::Note { message, location: None });
                        }
                    }
                    if !indices.contains(&index) {
                        indices.push(index);
                    }
                }
            }
            indices.sort_unstable();
            let seen: Vec<&Seen> = with.iter().filter_map(|(outcome, _)| outcome.container(name)).collect();
            let cut_reason = cut.then(|| format!("only the first {MAX_SCENARIOS} scenarios were looked at"));
            self.workload(placed, &seen, indices, cut_reason);
        }
    }

    /// What the current scenario shows.
    fn outcome(&self, context: &Context<'a>, placed: Placed<'a>) -> Outcome<'a> {
        let task = Task::read(context, placed);
        let mut drafts = ami_instance_mismatch::of_task(&task);
        for rule in RULES {
            if let Check::Task(check) = rule.check {
                drafts.extend(check(&task, &self.options.settings));
            }
        }
        drafts.extend(task_image::of_task(&task, context.archives));
        drafts.extend(task_build::of_task(&task));
        let runs_on = task.runs_on();
        let containers = task.containers.iter().map(|container| {
            let mut unknown = None;
            for (_, route) in task.routes() {
                if let Some(reason) = &route.unknown {
                    unknown = Some(reason.clone());
                } else if route.leads_nowhere() {
                    unknown.get_or_insert_with(|| {
                        let none = route.unfit.is_empty() && route.excluded.is_empty();
                        let what = if none { "has no instances" } else { "has no instance that takes the task" };
                        format!("{} {what}", route.label)
                    });
                }
            }
            for (_, host) in task.hosts() {
                match container.image.fits(host) {
                    Fit::Runs => {}
                    Fit::Unknown(reason) => unknown = Some(reason),
                    // Some rule says so; if none did, the container must still not count as one that runs.
                    Fit::Fails(_) if host.certain => {
                        unknown.get_or_insert_with(|| format!("it cannot start on {}", host.label));
                    }
                    Fit::Fails(_) => {
                        unknown.get_or_insert_with(|| format!("whether the task lands on {} is not known", host.label));
                    }
                }
            }
            let image_platforms = match &container.image.platforms {
                Platforms::Single(platform) => Some(vec![platform.to_string()]),
                Platforms::Index(platforms) => Some(platforms.iter().map(ToString::to_string).collect()),
                _ => None,
            };
            Seen {
                name: container.name.clone(),
                essential: container.essential,
                image: container.image.shown.clone(),
                image_platforms,
                runs_on: runs_on.as_ref().map(|platforms| platforms.iter().map(ToString::to_string).collect()),
                unknown,
            }
        });
        let mut containers: Vec<Seen> = containers.collect();
        if let Some(reason) = &task.unknown_containers {
            containers.push(Seen {
                name: "?".to_owned(),
                essential: true,
                image: "?".to_owned(),
                image_platforms: None,
                runs_on: runs_on.map(|platforms| platforms.iter().map(ToString::to_string).collect()),
                unknown: Some(format!("its containers are not known: {reason}")),
            });
        }
        Outcome::new(containers, drafts)
    }

    fn workload(&mut self, placed: Placed<'a>, seen: &[&Seen], findings: Vec<usize>, cut: Option<String>) {
        let Some(first) = seen.first() else { return };
        let severity = findings.iter().filter_map(|index| self.findings.get(*index)).map(|(_, _, f)| f.severity).max();
        let unknown = seen.iter().find_map(|seen| seen.unknown.clone()).or(cut);
        let verdict = match (severity, &unknown) {
            (Some(Severity::Error), _) => Verdict::Fails,
            (Some(Severity::Warning), _) => Verdict::AtRisk,
            (None, None) => Verdict::Runs,
            (None, Some(_)) => Verdict::Unknown,
        };
        let leading = findings
            .iter()
            .filter_map(|index| self.findings.get(*index))
            .find(|(_, _, finding)| Some(finding.severity) == severity);
        let why = match (leading, verdict) {
            (Some((_, _, finding)), _) => Some(finding.message.clone()),
            (None, Verdict::Unknown) => unknown,
            _ => None,
        };
        let same = |of: fn(&Seen) -> &Option<Vec<String>>| {
            seen.iter().all(|other| of(other) == of(first)).then(|| of(first).clone()).flatten()
        };
        let mut runs_on: Option<Vec<String>> = Some(Vec::new());
        for seen in seen {
            runs_on = match (runs_on, &seen.runs_on) {
                (Some(mut all), Some(some)) => {
                    all.extend(some.iter().cloned());
                    Some(all)
                }
                _ => None,
            };
        }
        if let Some(all) = &mut runs_on {
            all.sort();
            all.dedup();
        }
        self.workloads.push(Workload {
            verdict,
            stack: self.evaluator.app().unit(placed.template).stack.clone(),
            resource: placed.resource.id.to_string(),
            construct_path: placed.construct_path().map(str::to_owned),
            container: first.name.clone(),
            essential: first.essential,
            image: first.image.clone(),
            image_platforms: same(|seen| &seen.image_platforms),
            runs_on,
            why,
            findings,
        });
    }

    /// Adds a finding, or finds the one that is there already; returns its number.
    fn add(&mut self, draft: &Draft<'a>, always: bool, choices: &[&Choice]) -> usize {
        let severity = if always { draft.severity } else { Severity::Warning };
        let key = key(draft);
        if let Some(index) = self.found.get(&key) {
            if let Some((_, _, finding)) = self.findings.get_mut(*index) {
                finding.severity = finding.severity.max(severity);
            }
            return *index;
        }
        let app = self.evaluator.app();
        let mut notes: Vec<report::Note> = Vec::new();
        if !always && draft.severity == Severity::Error && !choices.is_empty() {
            let when: Vec<&str> = choices.iter().map(|choice| choice.in_words()).collect();
            notes.push(report::Note { message: format!("this is so when {}", when.join(" and ")), location: None });
        }
        for note in &draft.notes {
            let note = report::Note {
                message: note.message.clone(),
                location: match &note.place {
                    Place::None => None,
                    Place::Template(spot) => Some(location(app, spot)),
                    Place::File(file, pointer, line) => {
                        Some(Location { file: file.clone(), pointer: pointer.clone(), line: *line })
                    }
                },
            };
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let resource = self.evaluator.resource(&draft.resource);
        let finding = Finding {
            rule: draft.rule,
            severity,
            message: draft.message.clone(),
            stack: app.unit(draft.resource.template).stack.clone(),
            resource: draft.resource.id.to_string(),
            construct_path: resource.and_then(|placed| placed.construct_path()).map(str::to_owned),
            container: draft.container.clone(),
            location: match &draft.at {
                Some((file, line)) => Location { file: file.clone(), pointer: String::new(), line: *line },
                None => location(app, &draft.spot),
            },
            notes,
            help: draft.help.clone(),
            url: Rule::named(draft.rule).map(Rule::url).unwrap_or_default(),
        };
        let index = self.findings.len();
        self.findings.push((draft.resource.template, draft.resource.clone(), finding));
        self.found.insert(key, index);
        index
    }

    /// Puts the findings in order and renumbers them.
    fn report(self, app: &App) -> Report {
        let mut order: Vec<usize> = (0..self.findings.len()).collect();
        order.sort_by_key(|index| {
            self.findings.get(*index).map(|(template, resource, finding)| {
                let at = &finding.location;
                (*template, resource.id.clone(), at.pointer.clone(), finding.rule, at.file.clone(), at.line)
            })
        });
        let mut numbers = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            if let Some(number) = numbers.get_mut(*old) {
                *number = new;
            }
        }
        let mut findings: Vec<Option<Finding>> =
            self.findings.into_iter().map(|(_, _, finding)| Some(finding)).collect();
        let ordered = order.iter().filter_map(|old| findings.get_mut(*old).and_then(Option::take)).collect();
        let mut workloads = self.workloads;
        for workload in &mut workloads {
            for index in &mut workload.findings {
                *index = numbers.get(*index).copied().unwrap_or(*index);
            }
            workload.findings.sort_unstable();
        }
        Report::new(workloads, ordered, app)
    }
}

fn location(app: &App, spot: &Spot<'_>) -> Location {
    Location { file: app.unit(spot.template).file.clone(), pointer: spot.path.pointer(), line: spot.line }
}

/// Names of all rules, for whoever lists them.
pub fn rule_names() -> impl Iterator<Item = &'static str> {
    rules::RULES.iter().map(|rule| rule.name)
}

#[cfg(test)]
mod tests {
    use super::testing::{task, verdict};

    #[test]
    fn an_express_service_with_a_container_of_its_own_is_a_workload() {
        let app = |image: &str| {
            format!(
                r#"{{"Resources": {{"X": {{"Type": "AWS::ECS::ExpressGatewayService",
                    "Properties": {{"PrimaryContainer": {{"Image": "{image}"}}}}}}}}}}"#
            )
        };
        assert_eq!(verdict(&app("amd64/nginx")), "runs");
        assert_eq!(verdict(&app("arm64v8/nginx")), "unknown");
    }

    #[test]
    fn a_macro_in_a_resource_may_change_all_of_it() {
        let app = task("arm64v8/nginx", "");
        assert_eq!(verdict(&app), "error image-platform-mismatch");
        let include = r#""AWS::ECS::TaskDefinition", "Fn::Transform": {"Name": "AWS::Include"},"#;
        assert_eq!(verdict(&app.replace(r#""AWS::ECS::TaskDefinition","#, include)), "unknown");
    }
}

/// Small apps for the tests of rules.
#[cfg(test)]
pub mod testing {
    use super::*;
    use crate::assembly;
    use crate::files::Memory;
    use std::path::{Path, PathBuf};

    fn resources(task: &str, rest: &str) -> String {
        format!(r#"{{"Resources": {{"Task": {task}{rest}}}}}"#)
    }

    fn task_definition(image: &str, properties: &str, compatibility: &str) -> String {
        format!(
            r#"{{"Type": "AWS::ECS::TaskDefinition", "Properties": {{{properties} "RequiresCompatibilities": ["{compatibility}"],
                "ContainerDefinitions": [{{"Name": "web", "Image": "{image}"}}]}}}}"#
        )
    }

    /// A Fargate task with one container; `properties` end in a comma.
    pub fn task(image: &str, properties: &str) -> String {
        resources(&task_definition(image, properties, "FARGATE"), "")
    }

    /// The same with a service.
    pub fn service(image: &str, properties: &str, service: &str) -> String {
        let rest = format!(
            r#", "Service": {{"Type": "AWS::ECS::Service", "Properties": {{"TaskDefinition": {{"Ref": "Task"}}, {service}}}}}"#
        );
        resources(&task_definition(image, properties, "FARGATE"), &rest)
    }

    fn ami(instance_type: &str) -> &'static str {
        match crate::capacity::instance_type::architecture(instance_type) {
            Some(crate::platform::Architecture::Arm64) => {
                "{{resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id}}"
            }
            _ => "{{resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id}}",
        }
    }

    fn group(name: &str, instance_type: &str, ami: &str) -> String {
        let user_data =
            r##"{"Fn::Base64": {"Fn::Sub": "#!/bin/bash\necho ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config"}}"##;
        group_with(name, instance_type, ami, user_data)
    }

    fn group_with(name: &str, instance_type: &str, ami: &str, user_data: &str) -> String {
        format!(
            r#", "{name}T": {{"Type": "AWS::EC2::LaunchTemplate", "Properties": {{"LaunchTemplateData": {{"InstanceType": "{instance_type}",
                "ImageId": "{ami}", "UserData": {user_data}}}}}}},
               "{name}": {{"Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": {{"MaxSize": "1", "MinSize": "1",
                "LaunchTemplate": {{"LaunchTemplateId": {{"Ref": "{name}T"}}, "Version": "1"}}}}}}"#
        )
    }

    /// A task on an EC2 cluster with instances of these types; `service` ends in a comma.
    pub fn ec2(image: &str, properties: &str, instance_types: &[&str], service: &str) -> String {
        let mut rest = r#", "Cluster": {"Type": "AWS::ECS::Cluster"}"#.to_owned();
        for (index, instance_type) in instance_types.iter().enumerate() {
            rest.push_str(&group(&format!("Group{index}"), instance_type, ami(instance_type)));
        }
        rest.push_str(&format!(
            r#", "Service": {{"Type": "AWS::ECS::Service", "Properties": {{{service} "LaunchType": "EC2", "Cluster": {{"Ref": "Cluster"}},
                "TaskDefinition": {{"Ref": "Task"}}}}}}"#
        ));
        resources(&task_definition(image, properties, "EC2"), &rest)
    }

    /// A task on a cluster that is not part of the app; `properties` and `service` end in a comma.
    pub fn elsewhere(image: &str, properties: &str, cluster: &str, service: &str) -> String {
        let rest = format!(
            r#", "Service": {{"Type": "AWS::ECS::Service", "Properties": {{{service} "LaunchType": "EC2", "Cluster": "{cluster}",
                "TaskDefinition": {{"Ref": "Task"}}}}}}"#
        );
        resources(&task_definition(image, properties, "EC2"), &rest)
    }

    /// The same app with more resources, each `"Id": {…}`.
    pub fn with(app: &str, more: &[&str]) -> String {
        format!("{}, {}}}}}", app.strip_suffix("}}").unwrap(), more.join(", "))
    }

    /// An Auto Scaling group of this instance type with an AMI made for ECS, and this expression as user data.
    pub fn joiner(name: &str, instance_type: &str, user_data: &str) -> String {
        group_with(name, instance_type, ami(instance_type), user_data)
            .trim_start_matches(|c: char| c == ',' || c.is_whitespace())
            .to_owned()
    }

    /// A task on one instance type with an AMI by SSM parameter path.
    pub fn ec2_with_ami(instance_type: &str, path: &str) -> String {
        ec2("nginx", "", &[instance_type], "").replace(
            &format!(r#""ImageId": "{}""#, ami(instance_type)),
            &format!(r#""ImageId": "{{{{resolve:ssm:{path}}}}}""#),
        )
    }

    /// A task that a strategy spreads over providers of these instance types and weights.
    pub fn providers(image: &str, properties: &str, providers: &[(&str, u32)]) -> String {
        let mut rest = r#", "Cluster": {"Type": "AWS::ECS::Cluster"}"#.to_owned();
        let mut strategy = Vec::new();
        for (index, (instance_type, weight)) in providers.iter().enumerate() {
            rest.push_str(&group(&format!("Group{index}"), instance_type, ami(instance_type)));
            rest.push_str(&format!(
                r#", "Provider{index}": {{"Type": "AWS::ECS::CapacityProvider", "Properties": {{"AutoScalingGroupProvider":
                    {{"AutoScalingGroupArn": {{"Ref": "Group{index}"}}}}}}}}"#
            ));
            strategy.push(format!(r#"{{"CapacityProvider": {{"Ref": "Provider{index}"}}, "Weight": {weight}}}"#));
        }
        rest.push_str(&format!(
            r#", "Service": {{"Type": "AWS::ECS::Service", "Properties": {{"CapacityProviderStrategy": [{}], "Cluster": {{"Ref": "Cluster"}},
                "TaskDefinition": {{"Ref": "Task"}}}}}}"#,
            strategy.join(",")
        ));
        resources(&task_definition(image, properties, "EC2"), &rest)
    }

    /// An assembly's files with one asset, whose platform is given or not; read by [`rules_of`].
    pub fn asset_app(platform: Option<&str>) -> String {
        format!("asset {}", platform.unwrap_or_default())
    }

    fn memory(app: &str) -> (Memory, PathBuf) {
        let Some(platform) = app.strip_prefix("asset ") else {
            let path = PathBuf::from("app.json");
            return (Memory([(path.clone(), app.as_bytes().to_vec())].into()), path);
        };
        let platform = if platform.is_empty() { String::new() } else { format!(r#", "platform": "{platform}""#) };
        let image = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/repo-${AWS::AccountId}:abc";
        let template = task("IMAGE", "").replace("\"IMAGE\"", &format!(r#"{{"Fn::Sub": "{image}"}}"#));
        let files = [
            ("out/manifest.json", r#"{"version": "36.0.0", "artifacts": {
                "A.assets": {"type": "cdk:asset-manifest", "properties": {"file": "A.assets.json"}},
                "A": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "A.template.json"}, "dependencies": ["A.assets"]}}}"#.to_owned()),
            ("out/A.assets.json", format!(r#"{{"dockerImages": {{"abc": {{"source": {{"directory": "asset.abc"{platform}}},
                "destinations": {{"d": {{"repositoryName": "repo-${{AWS::AccountId}}", "imageTag": "abc"}}}}}}}}}}"#)),
            ("out/A.template.json", template),
        ];
        (
            Memory(files.into_iter().map(|(name, text)| (PathBuf::from(name), text.into_bytes())).collect()),
            PathBuf::from("out"),
        )
    }

    const IMAGE: &str = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/repo:abc";

    fn built_memory(
        platform: Option<&str>,
        task_architecture: &str,
        options: &str,
        context: &[(&str, &[u8])],
    ) -> Memory {
        let platform = platform.map(|platform| format!(r#", "platform": "{platform}""#)).unwrap_or_default();
        let properties = format!(r#""RuntimePlatform": {{"CpuArchitecture": "{task_architecture}"}},"#);
        let template = task("IMAGE", &properties).replace("\"IMAGE\"", &format!(r#"{{"Fn::Sub": "{IMAGE}"}}"#));
        let manifest = r#"{"version": "36.0.0", "artifacts": {
            "A.assets": {"type": "cdk:asset-manifest", "properties": {"file": "A.assets.json"}},
            "A": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "A.template.json"}, "dependencies": ["A.assets"]}}}"#;
        let assets = format!(
            r#"{{"dockerImages": {{"abc": {{"source": {{"directory": "asset.abc"{platform}{options}}},
                "destinations": {{"d": {{"repositoryName": "repo", "imageTag": "abc"}}}}}}}}}}"#
        );
        let files = [("manifest.json", manifest), ("A.assets.json", &assets), ("A.template.json", &template)];
        let files = files.iter().map(|(name, text)| (PathBuf::from(format!("out/{name}")), text.as_bytes().to_vec()));
        let context =
            context.iter().map(|(name, data)| (PathBuf::from(format!("out/asset.abc/{name}")), data.to_vec()));
        Memory(files.chain(context).collect())
    }

    fn found(files: &Memory, options: &Options) -> Vec<String> {
        let app = assembly::load(files, Path::new("out"));
        assert!(app.unreadable.is_empty(), "{:?}", app.unreadable);
        let report = check(&app, files, options);
        let names = names(&report);
        let at = report.findings.iter().map(|finding| format!("{}:{}", finding.location.file, finding.location.line));
        names.into_iter().zip(at).map(|(name, at)| format!("{name} {at}")).collect()
    }

    fn of_platform(platform: &str) -> &'static str {
        if platform == "linux/arm64" { "ARM64" } else { "X86_64" }
    }

    /// What is found in a Dockerfile and its context, for a Fargate task that fits the platform: severity, rule, file and line.
    pub fn built(platform: &str, dockerfile: &str, context: &[(&str, &[u8])]) -> Vec<String> {
        let context: Vec<(&str, &[u8])> =
            [("Dockerfile", dockerfile.as_bytes())].into_iter().chain(context.iter().copied()).collect();
        built_files(platform, &context)
    }

    /// The same, with the Dockerfile among the files.
    pub fn built_files(platform: &str, context: &[(&str, &[u8])]) -> Vec<String> {
        found(&built_memory(Some(platform), of_platform(platform), "", context), &Options::default())
    }

    /// The same for an asset without a platform, in a task for x86_64.
    pub fn built_anywhere(dockerfile: &str, context: &[(&str, &[u8])]) -> Vec<String> {
        let context: Vec<(&str, &[u8])> =
            [("Dockerfile", dockerfile.as_bytes())].into_iter().chain(context.iter().copied()).collect();
        found(&built_memory(None, "X86_64", "", &context), &Options::default())
    }

    /// The same with more options of the asset, each after a comma.
    pub fn built_with(options: &str, dockerfile: &str) -> Vec<String> {
        let context: [(&str, &[u8]); 1] = [("Dockerfile", dockerfile.as_bytes())];
        found(&built_memory(Some("linux/amd64"), "X86_64", options, &context), &Options::default())
    }

    /// The same with a lock file.
    pub fn built_locked(platform: &str, dockerfile: &str, lock: &str) -> Vec<String> {
        let context: [(&str, &[u8]); 1] = [("Dockerfile", dockerfile.as_bytes())];
        found(&built_memory(Some(platform), of_platform(platform), "", &context), &locked(lock))
    }

    /// The report on an app.
    pub fn report_of(app: &str, options: &Options) -> Report {
        let (files, path) = memory(app);
        let app = assembly::load(&files, Path::new(&path));
        assert!(app.unreadable.is_empty(), "{:?}", app.unreadable);
        check(&app, &files, options)
    }

    fn names(report: &Report) -> Vec<String> {
        report
            .findings
            .iter()
            .map(|finding| {
                let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
                format!("{severity} {}", finding.rule)
            })
            .collect()
    }

    /// Severity and rule of each finding on the assembly `out` among these files.
    pub fn files_rules_of(files: &[(&str, &str)]) -> Vec<String> {
        let files = Memory(files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect());
        let app = assembly::load(&files, Path::new("out"));
        assert!(app.unreadable.is_empty(), "{:?}", app.unreadable);
        names(&check(&app, &files, &Options::default()))
    }

    /// Severity and rule of each finding.
    pub fn rules_of(app: &str) -> Vec<String> {
        names(&report_of(app, &Options::default()))
    }

    fn locked(lock: &str) -> Options {
        Options { lock: Some(Lock::parse(lock.as_bytes()).unwrap()), ..Options::default() }
    }

    /// The same with a lock file.
    pub fn locked_rules_of(app: &str, lock: &str) -> Vec<String> {
        names(&report_of(app, &locked(lock)))
    }

    fn outcome(report: &Report) -> String {
        let workload = report.workloads.last().unwrap();
        match workload.verdict {
            Verdict::Runs => "runs".to_owned(),
            Verdict::Unknown => "unknown".to_owned(),
            Verdict::Fails | Verdict::AtRisk => names(report).join(", "),
        }
    }

    /// The findings, or the verdict on the last container if there are none.
    pub fn verdict(app: &str) -> String {
        outcome(&report_of(app, &Options::default()))
    }

    /// The same with a lock file.
    pub fn locked_verdict(app: &str, lock: &str) -> String {
        outcome(&report_of(app, &locked(lock)))
    }
}
