//! What an Auto Scaling group, an instance, a fleet or a Managed Instances provider launches: hosts, and what cannot be launched.

use crate::capacity::instance_type::{self, Selection};
use crate::capacity::user_data::{Joins, UserData};
use crate::capacity::{ami, query};
use crate::platform::{Architecture, Dialect, Os};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{Expression, Resolved, ResourceId, Spot, Symbol, Text, Value};

/// A kind of host that a task may land on.
#[derive(Debug, Clone)]
pub struct Host<'a> {
    /// Its architecture, if it is known.
    pub architecture: Option<Architecture>,
    /// Its operating system, if it is known.
    pub os: Option<Os>,
    /// Its instance type, if it is known.
    pub instance_type: Option<String>,
    /// Whether the host certainly can be there; false where that depends on something unknown.
    pub certain: bool,
    /// Whether foreign programs may run on it by emulation.
    pub emulates: bool,
    /// Whether this is Fargate.
    pub fargate: bool,
    /// What it is, in words: "`m7g.large` of Auto Scaling group `Asg`".
    pub label: String,
    /// Why the architecture is not known; empty where it is.
    pub reason: String,
    /// The place that decides it.
    pub spot: Spot<'a>,
}

impl query::Attributes for Host<'_> {
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "ecs.cpu-architecture" => self.architecture?.spelled(Dialect::EcsAttribute).map(str::to_owned),
            "ecs.instance-type" => self.instance_type.clone(),
            "ecs.os-type" => self.os.map(|os| os.to_string()),
            _ => None,
        }
    }
}

/// Instance types and an AMI that cannot go together.
#[derive(Debug, Clone)]
pub struct Unlaunchable<'a> {
    /// The resource that must change.
    pub resource: ResourceId,
    /// Where the instance type, or the group of them, is written.
    pub spot: Spot<'a>,
    /// The instance types, in words.
    pub types: String,
    /// Their architecture.
    pub needs: Architecture,
    /// The AMI's SSM parameter.
    pub ami: String,
    /// Where the AMI is written.
    pub ami_spot: Spot<'a>,
    /// The AMI's architecture.
    pub has: Architecture,
}

/// What a group launches.
#[derive(Debug, Clone, Default)]
pub struct Group<'a> {
    /// Hosts that can be there.
    pub hosts: Vec<Host<'a>>,
    /// What can never be launched.
    pub unlaunchable: Vec<Unlaunchable<'a>>,
    /// Which cluster the instances join; more than one entry where they are launched in different ways.
    pub joins: Vec<Joins>,
    /// The launch templates and launch configurations that are used.
    pub specifications: Vec<ResourceId>,
}

impl<'a> Group<'a> {
    /// Adds what another group launches.
    pub fn add(&mut self, other: Group<'a>) {
        self.hosts.extend(other.hosts);
        self.unlaunchable.extend(other.unlaunchable);
        self.specifications.extend(other.specifications);
        for joins in other.joins {
            if !self.joins.contains(&joins) {
                self.joins.push(joins);
            }
        }
    }
}

/// What a launch template, a launch configuration or an instance says.
struct Specification<'a> {
    resource: ResourceId,
    ami: Resolved<'a>,
    instance_type: Resolved<'a>,
    requirements: Resolved<'a>,
    user_data: UserData,
}

impl<'a> Specification<'a> {
    fn read(evaluator: &Evaluator<'a>, placed: &Placed<'a>, within: &[&'a str]) -> Specification<'a> {
        let mut specification = Self::of(placed.id(), |key| {
            let mut path = within.to_vec();
            path.push(key);
            evaluator.property(placed, &path)
        });
        specification.add_init(evaluator, placed);
        specification
    }

    fn of(resource: ResourceId, at: impl Fn(&'a str) -> Resolved<'a>) -> Specification<'a> {
        Specification {
            resource,
            ami: at("ImageId"),
            instance_type: at("InstanceType"),
            requirements: at("InstanceRequirements"),
            user_data: UserData::of(&at("UserData")),
        }
    }

    /// Adds what `cfn-init` writes to the instance, if the user data runs it.
    fn add_init(&mut self, evaluator: &Evaluator<'a>, placed: &Placed<'a>) {
        let metadata =
            placed.whole().member("Metadata").and_then(|metadata| metadata.member("AWS::CloudFormation::Init"));
        if let (true, Some(metadata)) = (self.user_data.runs_init(), metadata) {
            let mut written = Text::default();
            write_out(evaluator, &evaluator.resolve(&metadata), &mut written);
            self.user_data.add(UserData::text(written));
        }
    }

    /// Which cluster the instances join. An AMI made for ECS joins one in any case.
    fn joins(&self) -> Joins {
        match self.user_data.joins() {
            Joins::Nothing if ami(&self.ami).runs_agent => self.user_data.unsaid(),
            joins => joins,
        }
    }
}

/// Every key and text of a value, a line each.
fn write_out<'a>(evaluator: &Evaluator<'a>, value: &Resolved<'a>, written: &mut Text) {
    match &value.value {
        Value::Text(text) => {
            written.append(text.clone());
            written.push_str("\n");
        }
        Value::List(_) => {
            for item in evaluator.items(value).unwrap_or_default() {
                write_out(evaluator, &item, written);
            }
        }
        Value::Object(object) => {
            for (key, _) in object.node.members().unwrap_or_default() {
                written.push_str(key);
                written.push_str("\n");
                write_out(evaluator, &evaluator.member(object, key), written);
            }
        }
        Value::Absent | Value::Bool(_) | Value::Unknown(_) => {}
    }
}

/// An AMI as far as it is known.
struct Ami<'a> {
    architecture: Option<Architecture>,
    os: Option<Os>,
    runs_agent: bool,
    shown: String,
    spot: Spot<'a>,
}

fn ami<'a>(resolved: &Resolved<'a>) -> Ami<'a> {
    let path = match resolved.text().and_then(|text| text.only_symbol()) {
        Some(Symbol::SsmParameter(path)) => Some(path.to_string()),
        _ => resolved.known().and_then(|text| text.strip_prefix("resolve:ssm:")).map(str::to_owned),
    };
    let platform = path.as_deref().and_then(ami::platform_of_parameter);
    Ami {
        architecture: platform.as_ref().map(|platform| platform.architecture),
        os: platform.as_ref().map(|platform| platform.os),
        runs_agent: path.as_deref().is_some_and(ami::runs_agent),
        shown: path.unwrap_or_else(|| resolved.text().map(|text| text.display()).unwrap_or_default()),
        spot: resolved.spot.clone(),
    }
}

/// Which instance types one entry of a group launches.
enum Types {
    One(String, Architecture),
    Some(Vec<Architecture>, String),
    Unknown(String),
}

fn types<'a>(evaluator: &Evaluator<'a>, instance_type: &Resolved<'a>, requirements: &Resolved<'a>) -> Types {
    if let Value::Object(requirements) = &requirements.value {
        return required_types(evaluator, requirements);
    }
    match instance_type.known() {
        Some(name) => match instance_type::architecture(name) {
            Some(architecture) => Types::One(name.to_owned(), architecture),
            None => Types::Unknown(format!("`{name}` is not an instance type that can be ECS capacity")),
        },
        None => {
            let reason = instance_type.reason().or_else(|| requirements.reason());
            Types::Unknown(reason.unwrap_or_else(|| "no instance type is given".to_owned()))
        }
    }
}

/// The architectures that `InstanceRequirements` leave open.
fn required_types<'a>(evaluator: &Evaluator<'a>, requirements: &Expression<'a>) -> Types {
    let known = |key: &'a str| -> Result<Vec<String>, String> {
        let list = evaluator.member(requirements, key);
        let items = evaluator.items(&list).map_err(|reason| reason.to_string())?;
        items
            .iter()
            .map(|item| item.known().map(str::to_owned).ok_or_else(|| item.reason().unwrap_or_default()))
            .collect()
    };
    let (allowed, makers) = match (known("AllowedInstanceTypes"), known("CpuManufacturers")) {
        (Ok(allowed), Ok(makers)) => (allowed, makers),
        (Err(reason), _) | (_, Err(reason)) => return Types::Unknown(reason),
    };
    let excluded = known("ExcludedInstanceTypes").unwrap_or_default();
    let mut architectures = vec![Architecture::X86_64, Architecture::Arm64];
    if !makers.is_empty() {
        let graviton = makers.iter().any(|maker| maker == "amazon-web-services");
        let x86 = makers.iter().any(|maker| maker == "intel" || maker == "amd");
        architectures.retain(|a| if *a == Architecture::Arm64 { graviton } else { x86 });
    }
    if !allowed.is_empty() {
        let selections: Vec<Selection> = allowed.iter().map(|pattern| instance_type::selection(pattern)).collect();
        architectures.retain(|architecture| {
            selections
                .iter()
                .any(|s| matches!(s, Selection::Both | Selection::Unknown) || *s == Selection::Only(*architecture))
        });
    }
    let shown = match (allowed.is_empty(), makers.is_empty()) {
        (false, _) => allowed.join(", "),
        (true, false) => format!("CPUs by {}", makers.join(", ")),
        (true, true) => "any instance type".to_owned(),
    };
    match architectures.as_slice() {
        [] => Types::Unknown("no instance type fits the requirements".to_owned()),
        // What is excluded may leave one architecture only; that is not worked out.
        [_, _] if !excluded.is_empty() || allowed.iter().any(|pattern| pattern.contains('*')) => {
            Types::Unknown(format!("the instance requirements ({shown}) leave the architecture open"))
        }
        [_, _] if allowed.is_empty() => {
            Types::Unknown(format!("the instance requirements ({shown}) leave the architecture open"))
        }
        _ => Types::Some(architectures, shown),
    }
}

/// One launch specification with one choice of instance types.
struct Entry<'a, 's> {
    specification: &'s Specification<'a>,
    types: Types,
    spot: Spot<'a>,
}

fn collect<'a>(entries: Vec<Entry<'a, '_>>, group: &str) -> Group<'a> {
    let mut collected = Group::default();
    // One AMI that is not known cannot serve two architectures: some of the types will not launch.
    let mut architectures: Vec<Architecture> = Vec::new();
    for entry in &entries {
        match &entry.types {
            Types::One(_, architecture) => architectures.push(*architecture),
            Types::Some(several, _) => architectures.extend(several),
            Types::Unknown(_) => {}
        }
    }
    architectures.sort_unstable();
    architectures.dedup();
    for entry in entries {
        collected.add(Group {
            joins: vec![entry.specification.joins()],
            specifications: vec![entry.specification.resource.clone()],
            ..Group::default()
        });
        let ami = ami(&entry.specification.ami);
        let shares_ami = architectures.len() > 1 && ami.architecture.is_none();
        let host = |architecture: Option<Architecture>, name: Option<String>, shown: &str, reason: String| Host {
            architecture,
            os: ami.os.or_else(|| entry.specification.user_data.os()).or_else(|| {
                // Windows containers run on x86_64 only.
                (architecture == Some(Architecture::Arm64)).then_some(Os::Linux)
            }),
            instance_type: name,
            certain: !shares_ami,
            emulates: entry.specification.user_data.emulates(),
            fargate: false,
            label: format!("{shown} of {group}"),
            reason,
            spot: entry.spot.clone(),
        };
        let (possible, name, shown): (Vec<Architecture>, Option<String>, String) = match &entry.types {
            Types::One(name, architecture) => (vec![*architecture], Some(name.clone()), format!("`{name}`")),
            Types::Some(several, shown) => (several.clone(), None, format!("`{shown}`")),
            Types::Unknown(reason) => {
                let reason = if ami.architecture.is_some() { String::new() } else { reason.clone() };
                collected.hosts.push(host(ami.architecture, None, "an instance", reason));
                continue;
            }
        };
        let fitting: Vec<Architecture> =
            possible.iter().copied().filter(|a| ami.architecture.is_none_or(|has| has == *a)).collect();
        if let (Some(has), [], [needs, ..]) = (ami.architecture, fitting.as_slice(), possible.as_slice()) {
            collected.unlaunchable.push(Unlaunchable {
                resource: entry.specification.resource.clone(),
                spot: entry.spot.clone(),
                types: shown.clone(),
                needs: *needs,
                ami: ami.shown.clone(),
                ami_spot: ami.spot.clone(),
                has,
            });
        }
        for architecture in fitting {
            collected.hosts.push(host(Some(architecture), name.clone(), &shown, String::new()));
        }
    }
    collected
}

/// A group of which nothing is known but why.
fn unknown<'a>(label: &str, reason: String, spot: Spot<'a>) -> Group<'a> {
    Group {
        hosts: vec![Host {
            architecture: None,
            os: None,
            instance_type: None,
            certain: true,
            emulates: false,
            fargate: false,
            label: format!("an instance of {label}"),
            reason,
            spot,
        }],
        joins: vec![Joins::Unread],
        ..Group::default()
    }
}

/// What an `AWS::AutoScaling::AutoScalingGroup` launches.
pub fn auto_scaling_group<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Group<'a> {
    let label = format!("Auto Scaling group `{}`", placed.resource.id);
    if evaluator.property(placed, &["MaxSize"]).known() == Some("0") {
        return Group::default();
    }
    let mixed = evaluator.property(placed, &["MixedInstancesPolicy", "LaunchTemplate"]);
    if let Value::Object(mixed) = &mixed.value {
        return with_overrides(evaluator, mixed, &label);
    }
    let template = evaluator.property(placed, &["LaunchTemplate"]);
    let specification = match &template.value {
        Value::Object(reference) => launch_template(evaluator, reference),
        Value::Unknown(reason) => Err(reason.to_string()),
        _ => launch_configuration(evaluator, placed),
    };
    match specification {
        Ok(mut specification) => {
            specification.add_init(evaluator, placed);
            let types = types(evaluator, &specification.instance_type, &specification.requirements);
            let spot = if specification.instance_type.is_absent() {
                specification.requirements.spot.clone()
            } else {
                specification.instance_type.spot.clone()
            };
            collect(vec![Entry { specification: &specification, types, spot }], &label)
        }
        Err(reason) => unknown(&label, reason, placed.spot()),
    }
}

/// A launch template with overrides, as groups and fleets have it.
fn with_overrides<'a>(evaluator: &Evaluator<'a>, mixed: &Expression<'a>, label: &str) -> Group<'a> {
    let reference = evaluator.member(mixed, "LaunchTemplateSpecification");
    let base = match &reference.value {
        Value::Object(reference) => launch_template(evaluator, reference),
        _ => Err("its launch template is not known".to_owned()),
    };
    let base = match base {
        Ok(base) => base,
        Err(reason) => return unknown(label, reason, mixed.spot()),
    };
    let overrides = match evaluator.items(&evaluator.member(mixed, "Overrides")) {
        Ok(overrides) => overrides,
        Err(reason) => return unknown(label, reason.to_string(), mixed.spot()),
    };
    if overrides.is_empty() {
        let spot = base.instance_type.spot.clone();
        let types = types(evaluator, &base.instance_type, &base.requirements);
        return collect(vec![Entry { specification: &base, types, spot }], label);
    }
    let mut own: Vec<Option<Result<Specification<'a>, String>>> = Vec::new();
    for item in &overrides {
        own.push(match &item.value {
            Value::Object(item) => match &evaluator.member(item, "LaunchTemplateSpecification").value {
                Value::Object(reference) => Some(launch_template(evaluator, reference)),
                _ => None,
            },
            _ => Some(Err("an override is not known".to_owned())),
        });
    }
    let mut collected = Group::default();
    let mut entries = Vec::new();
    for (item, own) in overrides.iter().zip(&own) {
        let specification = match own {
            None => &base,
            Some(Ok(own)) => own,
            Some(Err(reason)) => {
                collected.add(unknown(label, reason.clone(), item.spot.clone()));
                continue;
            }
        };
        let Value::Object(written) = &item.value else { continue };
        let instance_type = evaluator.member(written, "InstanceType");
        let requirements = evaluator.member(written, "InstanceRequirements");
        let types = if instance_type.is_absent() && requirements.is_absent() {
            types(evaluator, &specification.instance_type, &specification.requirements)
        } else {
            types(evaluator, &instance_type, &requirements)
        };
        let spot = if instance_type.is_absent() { item.spot.clone() } else { instance_type.spot.clone() };
        entries.push(Entry { specification, types, spot });
    }
    collected.add(collect(entries, label));
    collected
}

fn launch_template<'a>(evaluator: &Evaluator<'a>, reference: &Expression<'a>) -> Result<Specification<'a>, String> {
    let id = evaluator.member(reference, "LaunchTemplateId");
    let name = evaluator.member(reference, "LaunchTemplateName");
    let named = id.text().or_else(|| name.text());
    let by_id = named.and_then(|text| text.resource()).and_then(|resource| evaluator.resource(resource));
    let by_name = || {
        let name = name.known()?;
        let template = &evaluator.app().unit(reference.template).template;
        let mut found = template.resources.iter().filter(|resource| &*resource.kind == "AWS::EC2::LaunchTemplate");
        let resource = found.find(|resource| {
            let written = resource.node.get("Properties").and_then(|p| p.get("LaunchTemplateName"));
            written.and_then(|node| node.text()) == Some(name)
        })?;
        Some(Placed { template: reference.template, resource })
    };
    match by_id.or_else(by_name) {
        Some(placed) if &*placed.resource.kind == "AWS::EC2::LaunchTemplate" => {
            Ok(Specification::read(evaluator, &placed, &["LaunchTemplateData"]))
        }
        _ => Err(id
            .reason()
            .or_else(|| name.reason())
            .unwrap_or_else(|| "its launch template is not part of this app".to_owned())),
    }
}

fn launch_configuration<'a>(evaluator: &Evaluator<'a>, group: &Placed<'a>) -> Result<Specification<'a>, String> {
    let reference = evaluator.property(group, &["LaunchConfigurationName"]);
    let placed = reference.text().and_then(|text| text.resource()).and_then(|resource| evaluator.resource(resource));
    match placed {
        Some(placed) if &*placed.resource.kind == "AWS::AutoScaling::LaunchConfiguration" => {
            Ok(Specification::read(evaluator, &placed, &[]))
        }
        _ => Err("its launch configuration is not part of this app".to_owned()),
    }
}

/// What an `AWS::EC2::Instance` is.
pub fn instance<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Group<'a> {
    let label = format!("instance `{}`", placed.resource.id);
    let mut specification = Specification::read(evaluator, placed, &[]);
    let reference = evaluator.property(placed, &["LaunchTemplate"]);
    let template = match &reference.value {
        Value::Object(reference) => launch_template(evaluator, reference),
        Value::Unknown(reason) => Err(reason.to_string()),
        _ => Err(String::new()),
    };
    let mut used = Vec::new();
    match template {
        // The instance's own properties stand before those of its launch template.
        Ok(template) => {
            used.push(template.resource);
            if specification.ami.is_absent() {
                specification.ami = template.ami;
            }
            if specification.instance_type.is_absent() {
                specification.instance_type = template.instance_type;
            }
            if specification.user_data.is_absent() {
                specification.user_data = template.user_data;
                specification.add_init(evaluator, placed);
            }
        }
        Err(_) if !reference.is_absent() && specification.user_data.is_absent() => {
            specification.user_data = UserData::unread();
        }
        Err(_) => {}
    }
    let types = types(evaluator, &specification.instance_type, &specification.requirements);
    let spot = specification.instance_type.spot.clone();
    let mut group = collect(vec![Entry { specification: &specification, types, spot }], &label);
    group.specifications.extend(used);
    group
}

/// What an `AWS::EC2::SpotFleet` or an `AWS::EC2::EC2Fleet` launches.
pub fn fleet<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Group<'a> {
    let label = format!("fleet `{}`", placed.resource.id);
    let within: &[&str] =
        if &*placed.resource.kind == "AWS::EC2::SpotFleet" { &["SpotFleetRequestConfigData"] } else { &[] };
    let list = |key: &'a str| {
        let mut path = within.to_vec();
        path.push(key);
        evaluator.items(&evaluator.property(placed, &path))
    };
    let (Ok(configs), Ok(specifications)) = (list("LaunchTemplateConfigs"), list("LaunchSpecifications")) else {
        return unknown(&label, "what it launches is not known".to_owned(), placed.spot());
    };
    let mut group = Group::default();
    for config in configs {
        group.add(match &config.value {
            Value::Object(config) => with_overrides(evaluator, config, &label),
            _ => unknown(&label, config.reason().unwrap_or_default(), config.spot.clone()),
        });
    }
    for written in specifications {
        group.add(match &written.value {
            Value::Object(written) => {
                let specification = Specification::of(placed.id(), |key| evaluator.member(written, key));
                let types = types(evaluator, &specification.instance_type, &specification.requirements);
                let spot = specification.instance_type.spot.clone();
                collect(vec![Entry { specification: &specification, types, spot }], &label)
            }
            _ => unknown(&label, written.reason().unwrap_or_default(), written.spot.clone()),
        });
    }
    group
}

/// A launch template that nothing in the app launches, but whose instances join a cluster.
pub fn unlaunched_template<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Group<'a> {
    let specification = Specification::read(evaluator, placed, &["LaunchTemplateData"]);
    let types = types(evaluator, &specification.instance_type, &specification.requirements);
    let spot = placed.spot();
    let label = format!("launch template `{}`", placed.resource.id);
    let mut group = collect(vec![Entry { specification: &specification, types, spot }], &label);
    for host in &mut group.hosts {
        host.certain = false;
    }
    group.unlaunchable.clear();
    group
}

/// What a Managed Instances capacity provider may launch: ECS picks instance types that meet the requirements, and the AMI.
pub fn managed_instances<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>, provider: &Expression<'a>) -> Group<'a> {
    let label = format!("Managed Instances provider `{}`", placed.resource.id);
    let requirements = evaluator.at(provider, &["InstanceLaunchTemplate", "InstanceRequirements"]);
    let types = match &requirements.value {
        Value::Object(requirements) => required_types(evaluator, requirements),
        Value::Absent => Types::Unknown("it may launch instance types of either architecture".to_owned()),
        _ => Types::Unknown(requirements.reason().unwrap_or_default()),
    };
    let (architectures, shown, reason) = match types {
        Types::Some(several, shown) => (several, format!("`{shown}`"), String::new()),
        Types::One(name, architecture) => (vec![architecture], format!("`{name}`"), String::new()),
        Types::Unknown(reason) => return unknown(&label, reason, requirements.spot),
    };
    let certain = architectures.len() == 1;
    let hosts = architectures.into_iter().map(|architecture| Host {
        architecture: Some(architecture),
        os: Some(Os::Linux),
        instance_type: None,
        certain,
        emulates: false,
        fargate: false,
        label: format!("{shown} of {label}"),
        reason: reason.clone(),
        spot: requirements.spot.clone(),
    });
    Group { hosts: hosts.collect(), ..Group::default() }
}
