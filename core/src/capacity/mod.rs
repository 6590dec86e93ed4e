//! What a task may land on: clusters, their capacity providers, and the instances that join them.
//!
//! Knows which groups belong to which cluster and what they launch. It does not know tasks; which of a cluster's hosts a task
//! may land on is decided where task and capacity are joined, in [`crate::workload`].

pub mod ami;
pub mod group;
pub mod instance_type;
pub mod query;
pub mod user_data;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::template::resolve::{Evaluator, Placed};
use crate::template::scenario::Memo;
use crate::template::value::{Part, Resolved, ResourceId, Symbol, TemplateId, Text, Value};
use group::Group;
use user_data::Joins;

/// The ECS capacity of an app, by cluster.
pub struct Capacity<'a> {
    /// Groups whose instances join a cluster, or may, in some scenario.
    joining: HashMap<ResourceId, Vec<Placed<'a>>>,
    /// Groups whose instances join a cluster that is not known, by stage.
    adrift: HashMap<usize, Vec<Placed<'a>>>,
    /// Stacks that are told of a cluster, but whose template is not part of the app.
    unread: HashMap<ResourceId, Vec<Placed<'a>>>,
    /// Associations of capacity providers with a cluster, apart from what the cluster itself says.
    associations: HashMap<ResourceId, Vec<Placed<'a>>>,
    /// Clusters and capacity providers with a name of their own, by stage.
    named: HashMap<(usize, &'static str, Text), Vec<Placed<'a>>>,
    /// Every group that is ECS capacity, in report order.
    groups: BTreeSet<ResourceId>,
    launched: Memo<ResourceId, Group<'a>>,
    instances: Memo<ResourceId, Instances<'a>>,
}

/// How a cluster is meant by a service.
pub enum ClusterRef<'a> {
    /// A cluster of the app.
    Known(Placed<'a>),
    /// A cluster from elsewhere, or one that is not known; with its name where that is known, and the reason.
    Elsewhere(Option<String>, String),
}

/// The instances of a cluster, as far as the app says.
#[derive(Debug, Default)]
pub struct Instances<'a> {
    /// Those that are known.
    pub group: Group<'a>,
    /// Why there may be others; `None` where it is certain that there are none.
    pub open: Option<String>,
}

/// Whether the instances of a group are in a cluster.
enum Membership {
    Yes,
    /// The group names the cluster, but not as the one to join.
    Maybe,
    /// The group does not say which cluster it joins.
    Unsaid,
    No,
}

const CLUSTER: &str = "AWS::ECS::Cluster";
const PROVIDER: &str = "AWS::ECS::CapacityProvider";

impl<'a> Capacity<'a> {
    /// Finds out which groups belong to which cluster, in any scenario.
    pub fn index(evaluator: &Evaluator<'a>) -> Capacity<'a> {
        let mut capacity = Capacity {
            joining: HashMap::new(),
            adrift: HashMap::new(),
            unread: HashMap::new(),
            associations: HashMap::new(),
            named: HashMap::new(),
            groups: BTreeSet::new(),
            launched: Memo::default(),
            instances: Memo::default(),
        };
        capacity.index_names(evaluator);
        let mut provided = BTreeSet::new();
        for placed in evaluator.placed() {
            match &*placed.resource.kind {
                PROVIDER => provided.extend(
                    evaluator.explore_all(|| provider_group(evaluator, &placed)).flatten().map(|group| group.id()),
                ),
                "AWS::ECS::ClusterCapacityProviderAssociations" => {
                    let clusters = evaluator.explore_all(|| {
                        match capacity.cluster(evaluator, placed.template, &evaluator.property(&placed, &["Cluster"])) {
                            ClusterRef::Known(cluster) => Some(cluster.id()),
                            ClusterRef::Elsewhere(..) => None,
                        }
                    });
                    for cluster in clusters.flatten().collect::<BTreeSet<_>>() {
                        capacity.associations.entry(cluster).or_default().push(placed);
                    }
                }
                "AWS::CloudFormation::Stack" => capacity.index_unread(evaluator, placed),
                _ => {}
            }
        }
        let mut used = BTreeSet::new();
        for placed in evaluator.placed().filter(|placed| launches(placed)) {
            used.extend(capacity.index_group(evaluator, placed, provided.contains(&placed.id())));
        }
        // A launch template that nothing here uses may be used from elsewhere, if it says which cluster it is for.
        for placed in evaluator.placed().filter(|placed| &*placed.resource.kind == "AWS::EC2::LaunchTemplate") {
            if !used.contains(&placed.id()) {
                capacity.index_group(evaluator, placed, true);
            }
        }
        capacity.groups.retain(|id| evaluator.resource(id).is_some_and(|placed| launches(&placed)));
        capacity.groups.extend(provided);
        capacity
    }

    fn index_names(&mut self, evaluator: &Evaluator<'a>) {
        for placed in evaluator.placed() {
            let Some((kind, property)) = name_property(&placed) else { continue };
            let names = evaluator.explore_all(|| evaluator.property(&placed, &[property]).text().cloned());
            let is_known = |name: &Text| !name.parts().iter().any(|p| matches!(p, Part::Symbol(Symbol::Unknown(_))));
            let stage = evaluator.app().unit(placed.template).stage;
            for name in names.flatten().filter(is_known) {
                let named = self.named.entry((stage, kind, name)).or_default();
                if named.last().is_none_or(|last| last.id() != placed.id()) {
                    named.push(placed);
                }
            }
        }
    }

    /// Notes the clusters that a nested stack is told of, if nothing is known of its template.
    fn index_unread(&mut self, evaluator: &Evaluator<'a>, placed: Placed<'a>) {
        if evaluator.app().unit(placed.template).nested.contains_key(&*placed.resource.id) {
            return;
        }
        let clusters = evaluator.explore_all(|| {
            let Value::Object(parameters) = evaluator.property(&placed, &["Parameters"]).value else {
                return Vec::new();
            };
            let names = parameters.node.members().unwrap_or_default().iter();
            let values = names.map(|(name, _)| evaluator.member(&parameters, name));
            values
                .filter_map(|value| match self.cluster_of_text(evaluator, placed.template, value.text()?) {
                    ClusterRef::Known(cluster) => Some(cluster.id()),
                    ClusterRef::Elsewhere(..) => None,
                })
                .collect()
        });
        for cluster in clusters.flatten().collect::<BTreeSet<_>>() {
            self.unread.entry(cluster).or_default().push(placed);
        }
    }

    /// Notes the clusters that a group may join; returns the launch templates that it uses.
    fn index_group(&mut self, evaluator: &Evaluator<'a>, placed: Placed<'a>, elsewhere: bool) -> BTreeSet<ResourceId> {
        let mut clusters = BTreeSet::new();
        let mut adrift = false;
        let mut runs_agent = false;
        let mut used = BTreeSet::new();
        for group in evaluator.explore_all(|| self.launched(evaluator, &placed)) {
            used.extend(group.specifications.iter().cloned());
            for joins in &group.joins {
                runs_agent |= !matches!(joins, Joins::Nothing | Joins::Unread);
                let named = self.clusters_named(evaluator, placed.template, joins);
                adrift |= named.is_empty() && *joins != Joins::Nothing;
                clusters.extend(named);
            }
        }
        if runs_agent {
            self.groups.insert(placed.id());
        }
        for cluster in clusters {
            self.joining.entry(cluster).or_default().push(placed);
        }
        if adrift && !elsewhere {
            let stage = evaluator.app().unit(placed.template).stage;
            self.adrift.entry(stage).or_default().push(placed);
        }
        used
    }

    /// The clusters of the app that are named as the one to join, or at all where that one is not said.
    fn clusters_named(&self, evaluator: &Evaluator<'a>, from: TemplateId, joins: &Joins) -> BTreeSet<ResourceId> {
        match joins {
            Joins::Nothing | Joins::Unread => BTreeSet::new(),
            Joins::Cluster(text) => match self.cluster_of_text(evaluator, from, text) {
                ClusterRef::Known(cluster) => BTreeSet::from([cluster.id()]),
                ClusterRef::Elsewhere(..) => BTreeSet::new(),
            },
            Joins::Unsaid(text) => {
                let symbols = text.parts().iter().filter_map(|part| match part {
                    Part::Symbol(Symbol::Resource(id) | Symbol::Attribute(id, _)) => Some(id),
                    _ => None,
                });
                symbols
                    .filter(|id| evaluator.resource(id).is_some_and(|placed| &*placed.resource.kind == CLUSTER))
                    .cloned()
                    .collect()
            }
        }
    }

    fn membership(
        &self,
        evaluator: &Evaluator<'a>,
        from: TemplateId,
        joins: &Joins,
        cluster: &Placed<'a>,
    ) -> Membership {
        let named = self.clusters_named(evaluator, from, joins);
        match joins {
            Joins::Nothing => Membership::No,
            Joins::Cluster(_) if named.contains(&cluster.id()) => Membership::Yes,
            Joins::Unsaid(_) if named.contains(&cluster.id()) => Membership::Maybe,
            _ if !named.is_empty() => Membership::No,
            Joins::Cluster(name) if !may_be_named(evaluator, cluster, name) => Membership::No,
            _ => Membership::Unsaid,
        }
    }

    /// The groups that are ECS capacity: they join a cluster, or a capacity provider launches them.
    pub fn groups(&self) -> impl Iterator<Item = &ResourceId> {
        self.groups.iter()
    }

    /// The cluster or provider with a name, in the same stage and environment.
    fn by_name(
        &self,
        evaluator: &Evaluator<'a>,
        from: TemplateId,
        kind: &'static str,
        name: &Text,
    ) -> Option<Placed<'a>> {
        let unit = evaluator.app().unit(from);
        let named = self.named.get(&(unit.stage, kind, name.clone()))?;
        let mut near = named.iter().filter(|placed| {
            evaluator.app().unit(placed.template).environment_id == unit.environment_id
                && evaluator.exists(placed)
                && name_property(placed)
                    .is_some_and(|(_, property)| evaluator.property(placed, &[property]).text() == Some(name))
        });
        let found = near.next()?;
        if near.next().is_some() { None } else { Some(*found) }
    }

    /// The cluster that a property means.
    pub fn cluster(&self, evaluator: &Evaluator<'a>, from: TemplateId, property: &Resolved<'a>) -> ClusterRef<'a> {
        let Some(text) = property.text() else {
            return match &property.value {
                Value::Absent => match self.by_name(evaluator, from, CLUSTER, &Text::literal("default")) {
                    Some(placed) => ClusterRef::Known(placed),
                    None => ClusterRef::Elsewhere(
                        Some("default".to_owned()),
                        "the cluster `default` is not part of this app".to_owned(),
                    ),
                },
                _ => ClusterRef::Elsewhere(None, property.reason().unwrap_or_default()),
            };
        };
        self.cluster_of_text(evaluator, from, text)
    }

    /// The cluster that a name or ARN means.
    pub fn cluster_of_text(&self, evaluator: &Evaluator<'a>, from: TemplateId, text: &Text) -> ClusterRef<'a> {
        if let Some(placed) = text.resource().and_then(|id| evaluator.resource(id))
            && &*placed.resource.kind == CLUSTER
        {
            return ClusterRef::Known(placed);
        }
        let own_name = own_name(text);
        if let Some(placed) = self.by_name(evaluator, from, CLUSTER, &own_name) {
            return ClusterRef::Known(placed);
        }
        let (shown, name) = (text.display(), own_name.display());
        let named = text.parts().last().is_some_and(|part| matches!(part, Part::Literal(_)));
        let reason = if named {
            format!("cluster `{name}` is not part of this app")
        } else {
            text.reason().unwrap_or_else(|| format!("cluster `{name}` is not part of this app"))
        };
        ClusterRef::Elsewhere(named.then(|| shown.clone()), reason)
    }

    /// The capacity provider that a strategy names.
    pub fn provider(&self, evaluator: &Evaluator<'a>, from: TemplateId, text: &Text) -> Option<Placed<'a>> {
        let by_reference = text.resource().and_then(|id| evaluator.resource(id));
        by_reference
            .or_else(|| self.by_name(evaluator, from, PROVIDER, text))
            .filter(|placed| &*placed.resource.kind == PROVIDER)
    }

    /// The default capacity-provider strategy of a cluster, as the list that is written; absent if there is none.
    pub fn default_strategy(&self, evaluator: &Evaluator<'a>, cluster: &Placed<'a>) -> Resolved<'a> {
        let own = evaluator.property(cluster, &["DefaultCapacityProviderStrategy"]);
        if !own.is_absent() {
            return own;
        }
        let associations = self.associations.get(&cluster.id()).map(Vec::as_slice).unwrap_or_default();
        associations
            .iter()
            .filter(|placed| evaluator.exists(placed))
            .map(|placed| evaluator.property(placed, &["DefaultCapacityProviderStrategy"]))
            .find(|strategy| !strategy.is_absent())
            .unwrap_or(own)
    }

    /// What a group, instance, fleet or launch template of the app launches, in the current scenario.
    pub fn launched(&self, evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Rc<Group<'a>> {
        self.launched.get(&evaluator.choices, &placed.id(), || {
            if !evaluator.exists(placed) {
                return Group::default();
            }
            match &*placed.resource.kind {
                "AWS::EC2::Instance" => group::instance(evaluator, placed),
                "AWS::EC2::EC2Fleet" | "AWS::EC2::SpotFleet" => group::fleet(evaluator, placed),
                "AWS::EC2::LaunchTemplate" => group::unlaunched_template(evaluator, placed),
                _ => group::auto_scaling_group(evaluator, placed),
            }
        })
    }

    /// What the instances of a cluster are, whichever capacity provider or user data brought them there.
    pub fn instances(&self, evaluator: &Evaluator<'a>, cluster: &Placed<'a>) -> Rc<Instances<'a>> {
        self.instances.get(&evaluator.choices, &cluster.id(), || self.find_instances(evaluator, cluster))
    }

    fn find_instances(&self, evaluator: &Evaluator<'a>, cluster: &Placed<'a>) -> Instances<'a> {
        let id = &cluster.resource.id;
        let mut found = Instances::default();
        let (mut members, outside) = self.provided(evaluator, cluster);
        found.open = outside;
        let unit = evaluator.app().unit(cluster.template);
        let adrift = self.adrift.get(&unit.stage).into_iter().flatten();
        let adrift = adrift.filter(|p| unit.environment.may_be(&evaluator.app().unit(p.template).environment));
        for placed in self.joining.get(&cluster.id()).into_iter().flatten().chain(adrift) {
            members.entry(placed.id()).or_insert((*placed, false));
        }
        let mut any = false;
        for (placed, by_provider) in members.into_values().filter(|(placed, _)| evaluator.exists(placed)) {
            let launched = self.launched(evaluator, &placed);
            let (mut certain, mut reaches) = (true, by_provider);
            for joins in launched.joins.iter().filter(|_| !by_provider) {
                match self.membership(evaluator, placed.template, joins, cluster) {
                    Membership::Yes => reaches = true,
                    Membership::Maybe => (reaches, certain) = (true, false),
                    Membership::No => certain = false,
                    Membership::Unsaid => {
                        certain = false;
                        found.open = Some(format!(
                            "whether the instances of `{}` join cluster `{id}` is not known",
                            placed.resource.id
                        ));
                    }
                }
            }
            if !reaches {
                continue;
            }
            any = true;
            let mut group = Group::clone(&launched);
            for host in &mut group.hosts {
                host.certain &= certain;
            }
            found.group.add(group);
        }
        let told = self.unread.get(&cluster.id()).into_iter().flatten().find(|placed| evaluator.exists(placed));
        if let Some(stack) = told {
            let stack = &stack.resource.id;
            found.open = Some(format!(
                "nested stack `{stack}`, which is not part of this app, may add instances to cluster `{id}`"
            ));
        }
        if let Some(part) = unit.template.unseen.first() {
            found.open = Some(part.message.clone());
        }
        if !any && found.open.is_none() {
            found.open = Some(format!("nothing in this app adds instances to cluster `{id}`"));
        }
        found
    }

    /// The groups that the capacity providers of a cluster launch; and why there may be others, if so.
    fn provided(
        &self,
        evaluator: &Evaluator<'a>,
        cluster: &Placed<'a>,
    ) -> (BTreeMap<ResourceId, (Placed<'a>, bool)>, Option<String>) {
        let mut groups = BTreeMap::new();
        let mut open = None;
        let mut lists = vec![evaluator.property(cluster, &["CapacityProviders"])];
        for placed in self.associations.get(&cluster.id()).into_iter().flatten() {
            if evaluator.exists(placed) {
                lists.push(evaluator.property(placed, &["CapacityProviders"]));
            }
        }
        for list in lists {
            let items = match evaluator.items(&list) {
                Ok(items) => items,
                Err(reason) => {
                    open = Some(reason.to_string());
                    continue;
                }
            };
            for item in items {
                if item.known().is_some_and(|name| name.starts_with("FARGATE")) {
                    continue;
                }
                let provider = item.text().and_then(|text| self.provider(evaluator, list.spot.template, text));
                match provider {
                    // Managed instances take no task that asks for the launch type EC2.
                    Some(provider) if !evaluator.property(&provider, &["ManagedInstancesProvider"]).is_absent() => {}
                    Some(provider) => match provider_group(evaluator, &provider) {
                        Some(group) => {
                            groups.insert(group.id(), (group, true));
                        }
                        None => open = Some(not_of_this_app(&provider)),
                    },
                    None => {
                        let id = &cluster.resource.id;
                        open = Some(format!("a capacity provider of cluster `{id}` is not part of this app"));
                    }
                }
            }
        }
        (groups, open)
    }

    /// What a capacity provider of the app launches.
    ///
    /// # Errors
    /// The reason why that is not known, as a clause.
    pub fn launched_by_provider(&self, evaluator: &Evaluator<'a>, provider: &Placed<'a>) -> Result<Group<'a>, String> {
        let managed = evaluator.property(provider, &["ManagedInstancesProvider"]);
        if let Value::Object(managed) = &managed.value {
            return Ok(group::managed_instances(evaluator, provider, managed));
        }
        match provider_group(evaluator, provider) {
            Some(group) => Ok(Group::clone(&self.launched(evaluator, &group))),
            None => Err(not_of_this_app(provider)),
        }
    }
}

fn not_of_this_app(provider: &Placed<'_>) -> String {
    format!("the Auto Scaling group of capacity provider `{}` is not part of this app", provider.resource.id)
}

fn provider_group<'a>(evaluator: &Evaluator<'a>, provider: &Placed<'a>) -> Option<Placed<'a>> {
    let group = evaluator.property(provider, &["AutoScalingGroupProvider", "AutoScalingGroupArn"]);
    let placed = group.text().and_then(|text| text.resource()).and_then(|id| evaluator.resource(id))?;
    (&*placed.resource.kind == "AWS::AutoScaling::AutoScalingGroup").then_some(placed)
}

/// Whether a resource launches instances by itself.
fn launches(placed: &Placed<'_>) -> bool {
    matches!(
        &*placed.resource.kind,
        "AWS::AutoScaling::AutoScalingGroup" | "AWS::EC2::Instance" | "AWS::EC2::EC2Fleet" | "AWS::EC2::SpotFleet"
    )
}

/// The kind of a resource that services name, and the property that names it.
fn name_property(placed: &Placed<'_>) -> Option<(&'static str, &'static str)> {
    match &*placed.resource.kind {
        CLUSTER => Some((CLUSTER, "ClusterName")),
        PROVIDER => Some((PROVIDER, "Name")),
        _ => None,
    }
}

/// The name at the end of an ARN, or the text itself.
fn own_name(text: &Text) -> Text {
    let marked = text.marked();
    marked.rsplit_once("cluster/").map_or_else(|| text.clone(), |(_, name)| text.unmarked(name))
}

/// Whether a cluster of the app could have a name that is not plainly its own.
fn may_be_named<'a>(evaluator: &Evaluator<'a>, cluster: &Placed<'a>, name: &Text) -> bool {
    let own = evaluator.property(cluster, &["ClusterName"]);
    match (own_name(name).known(), &own.value) {
        // A name that CloudFormation makes up ends in random characters.
        (Some(_), Value::Absent) => false,
        (Some(name), _) => own.known().is_none_or(|own| own == name),
        (None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{ec2, joiner, rules_of, with};

    const ARM: &str = r#""RuntimePlatform": {"CpuArchitecture": "ARM64"},"#;
    const MISMATCH: [&str; 1] = ["error capacity-architecture-mismatch"];

    /// An ARM64 task on a cluster of x86_64 instances, and more resources.
    fn arm_on_x86(more: &[&str]) -> Vec<String> {
        rules_of(&with(&ec2("arm64v8/nginx", ARM, &["m7i.large"], ""), more))
    }

    /// A task without an architecture there, and more resources.
    fn x86_on_x86(more: &[&str]) -> Vec<String> {
        rules_of(&with(&ec2("amd64/nginx", "", &["m7i.large"], ""), more))
    }

    fn sub(text: &str) -> String {
        format!(r#"{{"Fn::Base64": {{"Fn::Sub": "{text}"}}}}"#)
    }

    const OTHER: &str = r#""Other": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "other"}}"#;

    #[test]
    fn a_group_joins_the_cluster_that_its_user_data_assigns() {
        let joins = sub("#!/bin/bash\\necho ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config");
        assert_eq!(x86_on_x86(&[OTHER, &joiner("G", "m7g.large", &joins)]), ["error runtime-platform-unset"]);
        for mentions in [
            "#!/bin/bash\\n# unlike ${Cluster}\\necho ECS_CLUSTER=${Other} >> /etc/ecs/ecs.config",
            "#!/bin/bash\\necho ECS_CLUSTER=other >> /etc/ecs/ecs.config; aws ecs list-tasks --cluster ${Cluster}",
            "#!/bin/bash\\nNAME=${Cluster}\\necho ECS_CLUSTER=$NAME >> /etc/ecs/ecs.config",
        ] {
            assert!(x86_on_x86(&[OTHER, &joiner("G", "m7g.large", &sub(mentions))]).is_empty(), "{mentions}");
        }
    }

    #[test]
    fn a_bastion_that_mentions_a_cluster_is_no_capacity_of_it() {
        let bastion = r##""Bastion": {"Type": "AWS::EC2::Instance", "Properties": {"InstanceType": "t4g.nano",
            "ImageId": "{{resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64}}",
            "UserData": {"Fn::Base64": {"Fn::Sub": "#!/bin/bash\naws ecs list-tasks --cluster ${Cluster}"}}}}"##;
        assert!(x86_on_x86(&[bastion]).is_empty());
    }

    #[test]
    fn a_group_uses_a_launch_template_only_where_it_launches_from_it() {
        let tagged = joiner("G", "m7g.large", &sub("ECS_CLUSTER=${Other}")).replace(
            r#""MaxSize": "1","#,
            r#""MaxSize": "1", "Tags": [{"Key": "sibling", "Value": {"Ref": "Group0T"}, "PropagateAtLaunch": false}],"#,
        );
        assert!(x86_on_x86(&[OTHER, &tagged]).is_empty());
    }

    #[test]
    fn a_cluster_is_known_completely_only_if_nothing_else_may_join_it() {
        let other = joiner("G", "m7g.large", &sub("ECS_CLUSTER=${Other}"));
        assert_eq!(arm_on_x86(&[OTHER, &other]), MISMATCH);
        assert_eq!(arm_on_x86(&[&joiner("G", "m7g.large", &sub("ECS_CLUSTER=elsewhere"))]), MISMATCH);
        for user_data in [
            sub("ECS_CLUSTER=`cat /name`"),
            sub("#!/bin/bash\\nyum update -y"),
            r#"{"Fn::ImportValue": "user-data"}"#.to_owned(),
            r#""IyEvYmluL2Jhc2gKZWNobyBFQ1NfQ0xVU1RFUj1gbmFtZWA+PiBj""#.to_owned(),
        ] {
            assert!(arm_on_x86(&[&joiner("G", "m7g.large", &user_data)]).is_empty(), "{user_data}");
        }
    }

    #[test]
    fn capacity_from_outside_of_the_app_leaves_a_cluster_open() {
        let association = r#""Association": {"Type": "AWS::ECS::ClusterCapacityProviderAssociations",
            "Properties": {"Cluster": {"Ref": "Cluster"}, "CapacityProviders": [{"Ref": "Provider"}]}}"#;
        let provider = |group: &str| {
            format!(
                r#""Provider": {{"Type": "AWS::ECS::CapacityProvider",
                    "Properties": {{"AutoScalingGroupProvider": {{"AutoScalingGroupArn": {group}}}}}}}"#
            )
        };
        assert_eq!(arm_on_x86(&[association, &provider(r#"{"Ref": "Group0"}"#)]), MISMATCH);
        assert!(
            arm_on_x86(&[association, &provider(r#""arn:aws:autoscaling:eu-west-1:1:group/graviton""#)]).is_empty()
        );
        let stack = |value: &str| {
            format!(
                r#""Nested": {{"Type": "AWS::CloudFormation::Stack", "Properties": {{"TemplateURL": "https://s3/x.yaml",
                    "Parameters": {{"Name": {value}}}}}}}"#
            )
        };
        assert_eq!(arm_on_x86(&[&stack(r#""prod""#)]), MISMATCH);
        assert!(arm_on_x86(&[&stack(r#"{"Fn::GetAtt": ["Cluster", "Arn"]}"#)]).is_empty());
    }

    #[test]
    fn fleets_and_cfn_init_bring_instances_too() {
        let fleet = |cluster: &str| {
            format!(
                r##""Fleet": {{"Type": "AWS::EC2::SpotFleet", "Properties": {{"SpotFleetRequestConfigData": {{"LaunchSpecifications":
                    [{{"InstanceType": "m7g.large", "ImageId": "ami-1", "UserData": {{"Fn::Base64": {{"Fn::Sub":
                    "#!/bin/bash\necho ECS_CLUSTER=${{{cluster}}} >> /etc/ecs/ecs.config"}}}}}}]}}}}}}"##
            )
        };
        assert!(arm_on_x86(&[OTHER, &fleet("Cluster")]).is_empty());
        assert_eq!(arm_on_x86(&[OTHER, &fleet("Other")]), MISMATCH);
        let init = |cluster: &str| {
            joiner("G", "m7g.large", &sub("#!/bin/bash\\ncfn-init --resource G")).replace(
                r#""AWS::AutoScaling::AutoScalingGroup","#,
                &format!(
                    r#""AWS::AutoScaling::AutoScalingGroup", "Metadata": {{"AWS::CloudFormation::Init": {{"config": {{"files":
                        {{"/etc/ecs/ecs.config": {{"content": {{"Fn::Sub": "ECS_CLUSTER=${{{cluster}}}"}}}}}}}}}}}},"#
                ),
            )
        };
        assert!(arm_on_x86(&[OTHER, &init("Cluster")]).is_empty());
        assert_eq!(arm_on_x86(&[OTHER, &init("Other")]), MISMATCH);
    }

    #[test]
    fn joining_is_decided_in_each_scenario() {
        let chosen = r#"{"Fn::Base64": {"Fn::Sub": ["ECS_CLUSTER=${C}", {"C": {"Fn::If": ["Blue", {"Ref": "Other"}, {"Ref": "Cluster"}]}}]}}"#;
        let app = with(&ec2("amd64/nginx", "", &["m7i.large"], ""), &[OTHER, &joiner("G", "m7g.large", chosen)]);
        let app = |values: &str| {
            app.replacen(
                '{',
                &format!(
                    r#"{{"Parameters": {{"P": {{"Type": "String", {values}}}}},
                        "Conditions": {{"Blue": {{"Fn::Equals": [{{"Ref": "P"}}, "b"]}}}},"#
                ),
                1,
            )
        };
        assert_eq!(rules_of(&app(r#""AllowedValues": ["b", "g"]"#)), ["warning runtime-platform-unset"]);
        assert_eq!(rules_of(&app(r#""AllowedValues": ["g"]"#)), ["error runtime-platform-unset"]);
        assert!(rules_of(&app(r#""AllowedValues": ["b"]"#)).is_empty());
    }
}
