//! A CloudFormation template, read from JSON or YAML, without the resources that say nothing about architectures.

use std::collections::HashMap;
use std::path::Path;

use super::foreach::{self, Given};
use super::json::{JsonError, Reader};
use super::node::{Kind, Node};
use super::yaml::{self, YamlError};

/// Resource types that take part in a judgement. Everything else is passed over while reading.
pub const RELEVANT_TYPES: &[&str] = &[
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::AutoScaling::LaunchConfiguration",
    "AWS::CloudFormation::Stack",
    "AWS::CodeBuild::Project",
    "AWS::CodePipeline::Pipeline",
    "AWS::EC2::EC2Fleet",
    "AWS::EC2::Instance",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::SpotFleet",
    "AWS::ECR::Repository",
    "AWS::ECS::CapacityProvider",
    "AWS::ECS::Cluster",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::ECS::ExpressGatewayService",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ECS::TaskSet",
    "AWS::Events::Rule",
    "AWS::Pipes::Pipe",
    "AWS::Scheduler::Schedule",
    APPLICATION,
    "AWS::Serverless::StateMachine",
    "AWS::StepFunctions::StateMachine",
    "Custom::CDKContainerImageBuild",
    "Custom::CDKECRDeployment",
];

/// The key of a macro that adds to the object it stands in.
const MACRO: &str = "Fn::Transform";
/// An application of the Serverless Application Repository, or another template: SAM deploys it as a nested stack.
const APPLICATION: &str = "AWS::Serverless::Application";
/// The end of the type of a module, a registered fragment of a template.
const MODULE: &str = "::MODULE";

/// A resource of a relevant type.
#[derive(Debug)]
pub struct Resource {
    /// Logical id.
    pub id: Box<str>,
    /// `Type`, such as `AWS::ECS::Service`.
    pub kind: Box<str>,
    /// The whole resource: `Type`, `Properties`, `Condition`, `Metadata`.
    pub node: Node,
}

/// The parts of a template that a judgement may need.
#[derive(Debug, Default)]
pub struct Template {
    /// `Parameters`, by name.
    pub parameters: HashMap<Box<str>, Node>,
    /// `Conditions`, by name.
    pub conditions: HashMap<Box<str>, Node>,
    /// `Mappings`, by name.
    pub mappings: HashMap<Box<str>, Node>,
    /// `Outputs`, by name.
    pub outputs: HashMap<Box<str>, Node>,
    /// The template's macros (`Transform`), where they are named by a literal.
    pub transforms: Vec<Box<str>>,
    /// Whether there is a `Resources` section at all. A stack of the CDK may do without; a file that someone names may not
    /// be a template then.
    pub has_resources: bool,
    /// Relevant resources, sorted by logical id.
    pub resources: Vec<Resource>,
    /// What is not as a template should be, without making it unreadable.
    pub problems: Vec<Problem>,
    /// Parts of the template that are written elsewhere, so that what they add cannot be judged.
    pub unseen: Vec<Problem>,
}

/// Relevant resources by logical id; or what stands in the place of the section, if that is not an object.
type Section = Result<Vec<(Box<str>, Node)>, Node>;

/// A part of a template that cannot be understood; the rest of the template still can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: u32,
    /// What is wrong and where, in lower case.
    pub message: String,
}

/// A template that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// Readable, but not a template.
    #[error("{0}")]
    Shape(String),
}

fn begins_with_brace(data: &[u8]) -> bool {
    let start = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

impl Template {
    /// Reads a template, whose loops `given` may decide; a text that begins with `{` is JSON, everything else YAML.
    ///
    /// # Errors
    /// [`TemplateError`] where the text cannot be read or is not a CloudFormation template.
    pub fn parse(data: &[u8], given: &Given) -> Result<Template, TemplateError> {
        if begins_with_brace(data) { Self::from_json(data, given) } else { Self::from_yaml(data, given) }
    }

    /// Reads a template from a file of this name: where the name says YAML, a text that begins with `{` may be that too.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse_file(data: &[u8], name: &Path, given: &Given) -> Result<Template, TemplateError> {
        let is_yaml = name.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        match Self::parse(data, given) {
            Err(TemplateError::Json(error)) if is_yaml => Self::from_yaml(data, given).map_err(|_| error.into()),
            read => read,
        }
    }

    /// The resource with this logical id.
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        let at = self.resources.binary_search_by(|resource| (*resource.id).cmp(id)).ok()?;
        self.resources.get(at)
    }

    fn from_json(data: &[u8], given: &Given) -> Result<Template, TemplateError> {
        let mut reader = Reader::new(data)?;
        let mut template = Template::default();
        let mut resources = None;
        reader.object(|reader, section| {
            if section != "Resources" {
                return match section {
                    "Parameters" | "Conditions" | "Mappings" | "Outputs" | "Transform" | MACRO => {
                        let node = reader.node()?;
                        template.take_section(section, node);
                        Ok(())
                    }
                    _ => reader.skip(),
                };
            }
            let mut found = Vec::new();
            if reader.at_object()? {
                reader.object(|reader, id| {
                    let wanted = if id.starts_with(foreach::PREFIX) || id == MACRO {
                        Some(reader.node()?)
                    } else {
                        reader.node_if("Type", is_relevant)?
                    };
                    found.extend(wanted.map(|node| (Box::from(id), node)));
                    Ok(())
                })?;
                resources = Some(Ok(found));
            } else {
                resources = Some(Err(reader.node()?));
            }
            Ok(())
        })?;
        reader.finish()?;
        template.complete(resources, given)
    }

    fn from_yaml(data: &[u8], given: &Given) -> Result<Template, TemplateError> {
        let text = std::str::from_utf8(data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data))
            .map_err(|error| TemplateError::Shape(format!("not valid UTF-8 at byte {}", error.valid_up_to())))?;
        let node = yaml::parse(text)?;
        let Kind::Map(sections) = node.kind else {
            return Err(TemplateError::Shape(format!(
                "not a CloudFormation template: expected an object, found {}",
                node.describe()
            )));
        };
        let mut template = Template::default();
        let mut resources = None;
        for (section, node) in sections {
            match (&*section, node.kind) {
                ("Resources", Kind::Map(members)) => {
                    let keep = |(id, node): &(Box<str>, Node)| {
                        id.starts_with(foreach::PREFIX)
                            || &**id == MACRO
                            || node.members().is_none()
                            || node.get("Type").and_then(Node::text).is_some_and(is_relevant)
                    };
                    resources = Some(Ok(members.into_iter().filter(keep).collect()));
                }
                ("Resources", kind) => resources = Some(Err(Node { line: node.line, kind })),
                (_, kind) => template.take_section(&section, Node { line: node.line, kind }),
            }
        }
        template.complete(resources, given)
    }

    fn take_section(&mut self, section: &str, node: Node) {
        if section == "Transform" || section == MACRO {
            let names = node.items().unwrap_or(std::slice::from_ref(&node));
            for transform in names {
                let Some(name) = transform.text().or_else(|| transform.get("Name").and_then(Node::text)) else {
                    continue;
                };
                if section == MACRO || name == "AWS::Include" {
                    self.unseen.push(added_by(name, "this template", transform.line));
                }
                self.transforms.push(name.into());
            }
            return;
        }
        let target = match section {
            "Parameters" => &mut self.parameters,
            "Conditions" => &mut self.conditions,
            "Mappings" => &mut self.mappings,
            "Outputs" => &mut self.outputs,
            _ => return,
        };
        match node.kind {
            Kind::Map(members) => *target = members.into_iter().collect(),
            Kind::Null => {}
            _ => self.problems.push(Problem {
                line: node.line,
                message: format!("`{section}` must be an object, but it is {}", node.describe()),
            }),
        }
    }

    /// Checks the shape of the resources and expands the loops among them.
    fn complete(mut self, resources: Option<Section>, given: &Given) -> Result<Template, TemplateError> {
        self.has_resources = resources.is_some();
        let resources = match resources {
            None => Vec::new(),
            Some(Ok(resources)) => resources,
            Some(Err(other)) => {
                let found = other.describe();
                return Err(TemplateError::Shape(format!("`Resources` must be an object, but it is {found}")));
            }
        };
        let mut seen: HashMap<Box<str>, Resource> = HashMap::with_capacity(resources.len());
        let (macros, resources): (Vec<_>, Vec<_>) = resources.into_iter().partition(|(id, _)| &**id == MACRO);
        for (_, node) in &macros {
            let name = node.get("Name").and_then(Node::text).unwrap_or("a macro");
            self.unseen.push(added_by(name, "`Resources`", node.line));
        }
        for (id, node) in foreach::expand(resources, &self.parameters, given, &mut self.problems) {
            match node.get("Type").and_then(Node::text) {
                Some(kind) if is_relevant(kind) => {
                    if kind == APPLICATION || kind.ends_with(MODULE) {
                        let message =
                            format!("what `{id}` ({kind}) is made of is not part of this app, and not judged");
                        self.unseen.push(Problem { line: node.line, message });
                        continue;
                    }
                    let kind = kind.into();
                    seen.insert(id.clone(), Resource { id, kind, node });
                }
                Some(_) => {}
                None => self.problems.push(Problem {
                    line: node.line,
                    message: format!("resource `{id}` must be an object with a `Type`, but it is {}", node.describe()),
                }),
            }
        }
        self.resources = seen.into_values().collect();
        self.resources.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(self)
    }

    /// A macro that may rewrite anything in the template, so that what is written here is not what is deployed.
    ///
    /// AWS's own transforms are left out: they add to a template, but do not change the resources judged here.
    pub fn rewriting_macro(&self) -> Option<&str> {
        self.transforms.iter().map(|name| &**name).find(|name| !name.starts_with("AWS::"))
    }
}

fn added_by(name: &str, whereto: &str, line: u32) -> Problem {
    Problem { line, message: format!("what `{name}` adds to {whereto} is only known at deployment, and not judged") }
}

fn is_relevant(kind: &str) -> bool {
    // Asked for every resource: the length alone tells most types apart.
    RELEVANT_TYPES.iter().any(|relevant| relevant.len() == kind.len() && *relevant == kind) || kind.ends_with(MODULE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_yaml_are_read_alike() {
        let json = br#"{"Parameters": {"P": {"Type": "String"}}, "Resources": {
            "B": {"Type": "AWS::S3::Bucket"},
            "T": {"Properties": {"Family": "f"}, "Type": "AWS::ECS::TaskDefinition"}}}"#;
        let yaml = b"Parameters:\n  P: {Type: String}\nResources:\n  B: {Type: AWS::S3::Bucket}\n  T:\n    Type: AWS::ECS::TaskDefinition\n";
        for data in [&json[..], &yaml[..]] {
            let template = Template::parse(data, &Given::default()).unwrap();
            assert_eq!(template.resources.iter().map(|r| &*r.id).collect::<Vec<_>>(), ["T"]);
            assert!(template.parameters.contains_key("P"));
            assert!(template.problems.is_empty());
        }
    }

    #[test]
    fn what_is_not_a_template_is_an_error() {
        for data in [&b""[..], b"[]", b"hello", b"{\"Resources\": []}", b"Resources: 1"] {
            assert!(Template::parse(data, &Given::default()).is_err(), "{}", String::from_utf8_lossy(data));
        }
        assert!(!Template::parse(b"{}", &Given::default()).unwrap().has_resources);
    }

    #[test]
    fn a_resource_that_is_not_an_object_does_not_hide_the_others() {
        let template = Template::parse(
            br#"{"Resources": {"A": 1, "T": {"Type": "AWS::ECS::TaskDefinition"}}}"#,
            &Given::default(),
        )
        .unwrap();
        assert_eq!(template.resources.len(), 1);
        assert_eq!(template.problems[0].message, "resource `A` must be an object with a `Type`, but it is a number");
    }
}
