//! What a task may land on: clusters, their capacity providers, and the instances that join them.
//!
//! Knows which groups belong to which cluster and what they launch. It does not know tasks; which of a cluster's hosts a task
//! may land on is decided where task and capacity are joined, in [`crate::workload`].

pub mod ami;
pub mod group;
pub mod instance_type;
pub mod query;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::template::node::{Kind, Node};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{Part, Resolved, ResourceId, Symbol, TemplateId, Text, Value};
use group::Group;

/// The ECS capacity of an app, by cluster.
pub struct Capacity<'a> {
    /// Groups whose instances join a cluster by user data.
    joining: HashMap<ResourceId, Vec<Placed<'a>>>,
    /// Associations of capacity providers with a cluster, apart from what the cluster itself says.
    associations: HashMap<ResourceId, Vec<Placed<'a>>>,
    /// Clusters and capacity providers with a literal name, by stage.
    named: BTreeMap<(usize, &'a str, String), Vec<Placed<'a>>>,
    /// Every group that is ECS capacity, in report order.
    groups: BTreeSet<(TemplateId, &'a str)>,
}

/// How a cluster is meant by a service.
pub enum ClusterRef<'a> {
    /// A cluster of the app.
    Known(Placed<'a>),
    /// A cluster from elsewhere, or one that is not known; with its name where that is known, and the reason.
    Elsewhere(Option<String>, String),
}

impl<'a> Capacity<'a> {
    /// Finds out which groups belong to which cluster, in any scenario.
    pub fn index(evaluator: &Evaluator<'a>) -> Capacity<'a> {
        let mut capacity = Capacity {
            joining: HashMap::new(),
            associations: HashMap::new(),
            named: BTreeMap::new(),
            groups: BTreeSet::new(),
        };
        let all = || {
            evaluator.app().units().flat_map(|(template, unit)| {
                unit.template.resources.iter().map(move |resource| Placed { template, resource })
            })
        };
        for placed in all() {
            let (kind, name) = match &*placed.resource.kind {
                "AWS::ECS::Cluster" => ("AWS::ECS::Cluster", "ClusterName"),
                "AWS::ECS::CapacityProvider" => ("AWS::ECS::CapacityProvider", "Name"),
                _ => continue,
            };
            if let Some(name) = evaluator.property(&placed, &[name]).known() {
                let stage = evaluator.app().unit(placed.template).stage;
                capacity.named.entry((stage, kind, name.to_owned())).or_default().push(placed);
            }
        }
        let mut joined: HashMap<ResourceId, BTreeSet<ResourceId>> = HashMap::new();
        for placed in all() {
            let within: &[&str] = match &*placed.resource.kind {
                "AWS::EC2::LaunchTemplate" => &["LaunchTemplateData", "UserData"],
                "AWS::AutoScaling::LaunchConfiguration" | "AWS::EC2::Instance" => &["UserData"],
                _ => continue,
            };
            let clusters = capacity.mentioned_clusters(evaluator, &placed, within);
            joined.insert(placed.id(), clusters);
        }
        let mut launched: BTreeSet<ResourceId> = BTreeSet::new();
        for placed in all() {
            match &*placed.resource.kind {
                "AWS::AutoScaling::AutoScalingGroup" | "AWS::EC2::Instance" => {
                    let mut specifications = BTreeSet::from([placed.id()]);
                    references(&placed.resource.node, placed.template, &mut specifications);
                    let clusters: BTreeSet<ResourceId> =
                        specifications.iter().filter_map(|id| joined.get(id)).flatten().cloned().collect();
                    for cluster in clusters {
                        capacity.joining.entry(cluster).or_default().push(placed);
                        capacity.groups.insert((placed.template, &placed.resource.id));
                    }
                    launched.extend(specifications);
                }
                "AWS::ECS::ClusterCapacityProviderAssociations" => {
                    for cluster in capacity.clusters_meant(evaluator, &placed, &["Cluster"]) {
                        capacity.associations.entry(cluster).or_default().push(placed);
                    }
                }
                "AWS::ECS::CapacityProvider" => {
                    let group = evaluator.property(&placed, &["AutoScalingGroupProvider", "AutoScalingGroupArn"]);
                    if let Some(group) = group.text().and_then(|t| t.resource()).and_then(|id| evaluator.resource(id)) {
                        capacity.groups.insert((group.template, &group.resource.id));
                    }
                }
                _ => {}
            }
        }
        for placed in all().filter(|placed| &*placed.resource.kind == "AWS::EC2::LaunchTemplate") {
            if !launched.contains(&placed.id()) {
                for cluster in joined.get(&placed.id()).into_iter().flatten() {
                    capacity.joining.entry(cluster.clone()).or_default().push(placed);
                }
            }
        }
        capacity
    }

    /// The groups that are ECS capacity: they join a cluster, or a capacity provider launches them.
    pub fn groups(&self) -> impl Iterator<Item = ResourceId> {
        self.groups.iter().map(|(template, id)| ResourceId { template: *template, id: (*id).into() })
    }

    fn clusters_meant(&self, evaluator: &Evaluator<'a>, placed: &Placed<'a>, path: &[&'a str]) -> BTreeSet<ResourceId> {
        let (answers, _) = evaluator.choices.explore(|| {
            evaluator.refuel();
            match self.cluster(evaluator, placed.template, &evaluator.property(placed, path)) {
                ClusterRef::Known(cluster) => Some(cluster.id()),
                ClusterRef::Elsewhere(..) => None,
            }
        });
        answers.into_iter().filter_map(|(cluster, _)| cluster).collect()
    }

    fn mentioned_clusters(
        &self,
        evaluator: &Evaluator<'a>,
        placed: &Placed<'a>,
        path: &[&'a str],
    ) -> BTreeSet<ResourceId> {
        let is_cluster = |id: &&ResourceId| {
            evaluator.resource(id).is_some_and(|placed| &*placed.resource.kind == "AWS::ECS::Cluster")
        };
        let (answers, _) = evaluator.choices.explore(|| {
            evaluator.refuel();
            let user_data = evaluator.property(placed, path);
            let Some(text) = user_data.text() else { return Vec::new() };
            let mut found: Vec<ResourceId> = text
                .parts()
                .iter()
                .filter_map(|part| match part {
                    Part::Symbol(Symbol::Resource(id) | Symbol::Attribute(id, _)) => Some(id),
                    _ => None,
                })
                .filter(is_cluster)
                .cloned()
                .collect();
            if let Some((_, after)) = text.display().split_once("ECS_CLUSTER=") {
                let name: String = after
                    .trim_start_matches(['"', '\''])
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
                    .collect();
                found.extend(
                    self.by_name(evaluator, placed.template, "AWS::ECS::Cluster", &name).map(|placed| placed.id()),
                );
            }
            found
        });
        answers.into_iter().flat_map(|(clusters, _)| clusters).collect()
    }

    /// The cluster or provider with a literal name, in the same stage and environment.
    fn by_name(
        &self,
        evaluator: &Evaluator<'a>,
        from: TemplateId,
        kind: &'static str,
        name: &str,
    ) -> Option<Placed<'a>> {
        let unit = evaluator.app().unit(from);
        let named = self.named.get(&(unit.stage, kind, name.to_owned()))?;
        let mut near =
            named.iter().filter(|placed| evaluator.app().unit(placed.template).environment_id == unit.environment_id);
        let found = near.next()?;
        if near.next().is_some() { None } else { Some(*found) }
    }

    /// The cluster that a property means.
    pub fn cluster(&self, evaluator: &Evaluator<'a>, from: TemplateId, property: &Resolved<'a>) -> ClusterRef<'a> {
        let Some(text) = property.text() else {
            return match &property.value {
                Value::Absent => match self.by_name(evaluator, from, "AWS::ECS::Cluster", "default") {
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
            && &*placed.resource.kind == "AWS::ECS::Cluster"
        {
            return ClusterRef::Known(placed);
        }
        let shown = text.display();
        let name = shown.rsplit_once("cluster/").map_or(shown.as_str(), |(_, name)| name);
        if let Some(placed) = self.by_name(evaluator, from, "AWS::ECS::Cluster", name) {
            return ClusterRef::Known(placed);
        }
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
            .or_else(|| self.by_name(evaluator, from, "AWS::ECS::CapacityProvider", text.known()?))
            .filter(|placed| &*placed.resource.kind == "AWS::ECS::CapacityProvider")
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

    /// What the instances of a cluster are, whichever capacity provider or user data brought them there.
    ///
    /// # Errors
    /// The reason why that is not known, as a clause.
    pub fn instances(&self, evaluator: &Evaluator<'a>, cluster: &Placed<'a>) -> Result<Group<'a>, String> {
        let mut groups: BTreeMap<ResourceId, Placed<'a>> = BTreeMap::new();
        for placed in self.joining.get(&cluster.id()).into_iter().flatten() {
            groups.insert(placed.id(), *placed);
        }
        let mut lists = vec![evaluator.property(cluster, &["CapacityProviders"])];
        for placed in self.associations.get(&cluster.id()).into_iter().flatten() {
            if evaluator.exists(placed) {
                lists.push(evaluator.property(placed, &["CapacityProviders"]));
            }
        }
        let mut open = None;
        for list in lists {
            match evaluator.items(&list) {
                Ok(items) => {
                    for item in items {
                        let provider = item.text().and_then(|text| self.provider(evaluator, list.spot.template, text));
                        match provider {
                            Some(provider) => {
                                if let Some(group) = provider_group(evaluator, &provider) {
                                    groups.insert(group.id(), group);
                                }
                            }
                            None if item.known().is_some_and(|name| name.starts_with("FARGATE")) => {}
                            None => {
                                open = Some(format!(
                                    "a capacity provider of cluster `{}` is not part of this app",
                                    cluster.resource.id
                                ))
                            }
                        }
                    }
                }
                Err(reason) => open = Some(reason.to_string()),
            }
        }
        let mut all = Group::default();
        let mut found = false;
        for placed in groups.into_values().filter(|placed| evaluator.exists(placed)) {
            found = true;
            let group = launched_by(evaluator, &placed);
            all.hosts.extend(group.hosts);
            all.unlaunchable.extend(group.unlaunchable);
        }
        match open {
            Some(reason) => Err(reason),
            None if !found => Err(format!("nothing in this app adds instances to cluster `{}`", cluster.resource.id)),
            None => Ok(all),
        }
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
            Some(group) => Ok(launched_by(evaluator, &group)),
            None => Err(format!(
                "the Auto Scaling group of capacity provider `{}` is not part of this app",
                provider.resource.id
            )),
        }
    }
}

fn provider_group<'a>(evaluator: &Evaluator<'a>, provider: &Placed<'a>) -> Option<Placed<'a>> {
    let group = evaluator.property(provider, &["AutoScalingGroupProvider", "AutoScalingGroupArn"]);
    let placed = group.text().and_then(|text| text.resource()).and_then(|id| evaluator.resource(id))?;
    (&*placed.resource.kind == "AWS::AutoScaling::AutoScalingGroup").then_some(placed)
}

/// What a group, instance or launch template of the app launches.
pub fn launched_by<'a>(evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Group<'a> {
    match &*placed.resource.kind {
        "AWS::EC2::Instance" => group::instance(evaluator, placed),
        "AWS::EC2::LaunchTemplate" => group::unlaunched_template(evaluator, placed),
        _ => group::auto_scaling_group(evaluator, placed),
    }
}

/// The resources of the same template that a resource refers to, anywhere in it.
fn references(node: &Node, template: TemplateId, found: &mut BTreeSet<ResourceId>) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| references(item, template, found)),
        Kind::Map(members) => {
            if let Some((name, argument)) = node.only_member() {
                let target = match name {
                    "Ref" => argument.text(),
                    "Fn::GetAtt" => argument.items().and_then(|items| items.first()).and_then(Node::text),
                    _ => None,
                };
                found.extend(target.map(|id| ResourceId { template, id: id.into() }));
            }
            members.iter().for_each(|(_, member)| references(member, template, found));
        }
        _ => {}
    }
}
