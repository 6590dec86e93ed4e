//! Evaluates expressions: CloudFormation's intrinsic functions, parameters, conditions, and references between stacks.
//!
//! Evaluation is lazy (an object's members are evaluated when they are asked for) and total: every expression comes to a
//! [`Value`], if need be to an unknown one with its reason. Work is bounded by fuel, so that no template can make it hang.
//! Source: CloudFormation user guide, "Intrinsic function reference" and "Parameters".

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::document::Resource;
use super::node::{Kind, Node};
use super::scenario::{Choice, Choices, Memo, Variable};
use super::value::{Expression, Item, Part, Path, Resolved, ResourceId, Spot, Symbol, TemplateId, Text, Value, Via};
use crate::assembly::{App, Unit};

/// How many steps one scenario may take.
const FUEL: u32 = 200_000;
/// How deeply evaluation may nest, references between stacks included.
const MAX_DEPTH: u32 = 150;
/// How long a text may grow, in parts and characters.
const MAX_TEXT: usize = 1 << 20;

/// The values of a parameter that a template tells apart.
#[derive(Debug, Clone, Default)]
struct Distinguished {
    /// Literals that conditions compare it with, and rows that mappings have for it.
    values: BTreeSet<String>,
    /// The only values that are not refused: every mapping without a default has a row for them.
    accepted: Option<BTreeSet<String>>,
}

impl Distinguished {
    /// Keeps, of the values that are accepted so far, those that are rows of one more mapping.
    fn accept(&mut self, rows: &BTreeSet<String>) {
        self.accepted = Some(match self.accepted.take() {
            Some(accepted) => accepted.intersection(rows).cloned().collect(),
            None => rows.clone(),
        });
    }

    /// The values worth trying, and whether there are no others.
    fn options(&self) -> (Vec<String>, bool) {
        match &self.accepted {
            Some(accepted) if !accepted.is_empty() => (accepted.iter().cloned().collect(), true),
            _ => (self.values.iter().cloned().collect(), false),
        }
    }
}

/// What a template tells apart, by parameter.
type Compared = HashMap<String, Distinguished>;

/// Evaluates the expressions of one app, in one scenario at a time.
pub struct Evaluator<'a> {
    app: &'a App,
    /// Parameter values given by the person who asks.
    given: &'a BTreeMap<String, String>,
    /// The choices of the current scenario.
    pub choices: Choices,
    fuel: Cell<u32>,
    depth: Cell<u32>,
    /// What is being evaluated across stacks, to notice circles.
    active: RefCell<BTreeSet<(TemplateId, String)>>,
    exports: RefCell<Option<Rc<Exports<'a>>>>,
    compared: RefCell<HashMap<TemplateId, Rc<Compared>>>,
    /// Conditions that have been decided, by the choices that decided them.
    conditions: Memo<(TemplateId, String), bool>,
}

/// The exports of an app: the template and output behind each name.
#[derive(Debug, Default)]
struct Exports<'a> {
    /// Those whose name is the same in every scenario.
    fixed: HashMap<String, Vec<(TemplateId, &'a str)>>,
    /// Those whose name depends on a choice.
    chosen: Vec<(Expression<'a>, &'a str)>,
}

/// A resource with its template.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The template that declares it.
    pub template: TemplateId,
    /// The resource.
    pub resource: &'a Resource,
}

impl<'a> Placed<'a> {
    /// Its identity.
    pub fn id(&self) -> ResourceId {
        ResourceId { template: self.template, id: (*self.resource.id).into() }
    }

    /// The expression of its `Properties`, if it has any.
    pub fn properties(&self) -> Option<Expression<'a>> {
        self.whole().member("Properties")
    }

    /// The expression of the whole resource.
    pub fn whole(&self) -> Expression<'a> {
        Expression {
            template: self.template,
            node: &self.resource.node,
            path: Path::default().member("Resources").member(&self.resource.id),
        }
    }

    /// Where the resource is declared.
    pub fn spot(&self) -> Spot<'a> {
        self.whole().spot()
    }

    /// The construct path that the CDK wrote down.
    pub fn construct_path(&self) -> Option<&'a str> {
        self.resource.node.get("Metadata")?.get("aws:cdk:path")?.text()
    }
}

impl<'a> Evaluator<'a> {
    /// An evaluator for an app; `given` are parameter values that replace defaults in every stack that has the parameter.
    pub fn new(app: &'a App, given: &'a BTreeMap<String, String>) -> Evaluator<'a> {
        Evaluator {
            app,
            given,
            choices: Choices::default(),
            fuel: Cell::new(FUEL),
            depth: Cell::new(0),
            active: RefCell::default(),
            exports: RefCell::default(),
            compared: RefCell::default(),
            conditions: Memo::default(),
        }
    }

    /// The app.
    pub fn app(&self) -> &'a App {
        self.app
    }

    /// Evaluates a question in every scenario, each with fuel of its own, and returns each answer with the choices that led
    /// to it. The flag says that there were too many scenarios, and the rest was cut off.
    pub fn explore<T>(&self, mut question: impl FnMut() -> T) -> (Vec<(T, Vec<Choice>)>, bool) {
        let (fuel, active) = (self.fuel.get(), self.active.take());
        let explored = self.choices.explore(|| {
            self.fuel.set(FUEL);
            question()
        });
        self.fuel.set(fuel);
        self.active.replace(active);
        explored
    }

    /// Everything that a question comes to, over all scenarios.
    pub fn explore_all<T>(&self, question: impl FnMut() -> T) -> impl Iterator<Item = T> {
        self.explore(question).0.into_iter().map(|(answer, _)| answer)
    }

    fn unit(&self, template: TemplateId) -> &'a Unit {
        self.app.unit(template)
    }

    /// Every relevant resource of the app, in report order.
    pub fn placed(&self) -> impl Iterator<Item = Placed<'a>> + use<'a> {
        self.app.units().flat_map(|(template, unit)| {
            unit.template.resources.iter().map(move |resource| Placed { template, resource })
        })
    }

    /// The resource behind an identity, if its type is relevant.
    pub fn resource(&self, id: &ResourceId) -> Option<Placed<'a>> {
        let resource = self.unit(id.template).template.resource(&id.id)?;
        Some(Placed { template: id.template, resource })
    }

    /// Whether a resource exists in the current scenario (its `Condition` holds, and its nested stack exists).
    pub fn exists(&self, placed: &Placed<'a>) -> bool {
        if let Some(parent) = &self.unit(placed.template).parent
            && let Some(parent) = self.resource(parent)
            && !self.exists(&parent)
        {
            return false;
        }
        match placed.resource.node.get("Condition").and_then(Node::text) {
            Some(name) => self.condition(placed.template, name),
            None => true,
        }
    }

    /// The property of a resource at a path of member names.
    pub fn property(&self, placed: &Placed<'a>, path: &[&'a str]) -> Resolved<'a> {
        if placed.resource.node.get("Fn::Transform").is_some() {
            let value = unknown(format!("a macro may rewrite `{}`", placed.resource.id));
            return Resolved { value, spot: placed.spot(), via: Vec::new() };
        }
        match placed.whole().member("Properties") {
            Some(properties) => self.at(&properties, path),
            None => Resolved { value: Value::Absent, spot: placed.spot(), via: Vec::new() },
        }
    }

    /// The value at a path of member names below an object.
    pub fn at(&self, object: &Expression<'a>, path: &[&'a str]) -> Resolved<'a> {
        let mut resolved = self.resolve(object);
        for key in path {
            let next = match &resolved.value {
                Value::Object(object) => self.member(object, key),
                Value::Absent | Value::Unknown(_) => break,
                other => {
                    let found = describe(other);
                    resolved.value = unknown(format!("an object is expected around `{key}`, but {found} stands there"));
                    break;
                }
            };
            let mut via = resolved.via;
            via.extend(next.via);
            resolved = Resolved { via, ..next };
        }
        resolved
    }

    /// The member of an object that has been evaluated.
    pub fn member(&self, object: &Expression<'a>, key: &'a str) -> Resolved<'a> {
        match object.member(key) {
            Some(member) => self.resolve(&member),
            None => {
                let rewritten = object.node.members().is_some_and(|members| {
                    members.iter().any(|(name, _)| name.starts_with("Fn::ForEach::") || &**name == "Fn::Transform")
                });
                let value = if rewritten { unknown(format!("a loop or macro may add `{key}`")) } else { Value::Absent };
                Resolved { value, spot: object.spot(), via: Vec::new() }
            }
        }
    }

    /// The items of a list, without those that are absent.
    ///
    /// # Errors
    /// The reason why the items are not known, as a clause. An absent list is empty.
    pub fn items(&self, list: &Resolved<'a>) -> Result<Vec<Resolved<'a>>, Rc<str>> {
        match &list.value {
            Value::Absent => Ok(Vec::new()),
            Value::List(items) => {
                Ok(items.iter().map(|item| self.item(item, &list.spot)).filter(|item| !item.is_absent()).collect())
            }
            Value::Unknown(reason) => Err(reason.clone()),
            other => Err(format!("a list is expected, but {} stands there", describe(other)).into()),
        }
    }

    fn item(&self, item: &Item<'a>, spot: &Spot<'a>) -> Resolved<'a> {
        match item {
            Item::Written(expression) => self.resolve(expression),
            Item::Computed(text) => Resolved { value: Value::Text(text.clone()), spot: spot.clone(), via: Vec::new() },
        }
    }

    /// Evaluates an expression in the current scenario.
    pub fn resolve(&self, expression: &Expression<'a>) -> Resolved<'a> {
        let mut via = Vec::new();
        let value = self.evaluate(expression, &mut via);
        Resolved { value, spot: expression.spot(), via }
    }

    fn evaluate(&self, expression: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let (fuel, depth) = (self.fuel.get(), self.depth.get());
        if fuel == 0 || depth >= MAX_DEPTH {
            return unknown("the expression is too large to evaluate".to_owned());
        }
        self.fuel.set(fuel - 1);
        self.depth.set(depth + 1);
        let value = self.evaluate_node(expression, via);
        self.depth.set(depth);
        value
    }

    fn evaluate_node(&self, expression: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        match &expression.node.kind {
            Kind::Null => Value::Absent,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(text) => Value::Text(Text::literal(text)),
            Kind::Text(text) => Value::Text(Text::literal(text)),
            Kind::List(items) => Value::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, node)| {
                        Item::Written(Expression {
                            template: expression.template,
                            node,
                            path: expression.path.item(index),
                        })
                    })
                    .collect(),
            ),
            Kind::Map(_) => match expression.node.only_member() {
                Some((name, argument)) if is_function(name) => {
                    let argument = Expression {
                        template: expression.template,
                        node: argument,
                        path: expression.path.member(name),
                    };
                    self.call(name, &argument, via)
                }
                _ => Value::Object(expression.clone()),
            },
        }
    }

    fn call(&self, name: &str, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        match name {
            "Ref" => match argument.node.text() {
                Some(target) => self.reference(argument, target, via),
                None => self.malformed(name, argument),
            },
            "Fn::GetAtt" => self.attribute(argument, via),
            "Fn::Sub" => self.substitute(argument, via),
            "Fn::Join" => self.join(argument, via),
            "Fn::Select" => self.select(argument, via),
            "Fn::Split" => self.split(argument, via),
            "Fn::If" => self.choose(argument, via),
            "Fn::FindInMap" => self.find_in_map(argument, via),
            "Fn::ImportValue" => self.import(argument, via),
            "Fn::GetStackOutput" => self.stack_output(argument, via),
            "Fn::Base64" => self.evaluate(argument, via),
            _ => unknown(format!("`{name}` is only known at deployment")),
        }
    }

    fn malformed(&self, name: &str, argument: &Expression<'a>) -> Value<'a> {
        unknown(format!("`{name}` is not used as CloudFormation defines it (line {})", argument.node.line))
    }

    // References

    fn reference(&self, argument: &Expression<'a>, target: &str, via: &mut Vec<Via<'a>>) -> Value<'a> {
        if target == "AWS::NoValue" {
            return Value::Absent;
        }
        let unit = self.unit(argument.template);
        if target.starts_with("AWS::") {
            let text = unit.pseudo_parameter(target);
            return Value::Text(match text.only_symbol() {
                // Each stack has a name of its own; everything else is the same in one environment.
                Some(Symbol::Pseudo(name, _)) if matches!(&**name, "AWS::StackName" | "AWS::StackId") => {
                    Text::symbol(Symbol::Pseudo(name.clone(), argument.template.0))
                }
                _ => text,
            });
        }
        match unit.template.parameters.get_key_value(target) {
            Some((name, declaration)) => self.parameter(argument.template, name, declaration, via),
            None => Value::Text(Text::symbol(Symbol::Resource(ResourceId {
                template: argument.template,
                id: target.into(),
            }))),
        }
    }

    fn parameter(
        &self,
        template: TemplateId,
        name: &'a str,
        declaration: &'a Node,
        via: &mut Vec<Via<'a>>,
    ) -> Value<'a> {
        let kind = declaration.get("Type").and_then(Node::text).unwrap_or("String");
        let spot = Spot { template, path: Path::default().member("Parameters").member(name), line: declaration.line };
        let unit = self.unit(template);
        if let Some(parent) = unit.parent.as_ref().and_then(|parent| self.resource(parent)) {
            let passed = self.guarded(template, format!("parameter {name}"), via, |via| {
                let passed = parent.properties().and_then(|properties| properties.member("Parameters"))?;
                let passed = passed.member(name)?;
                via.push(Via {
                    fact: format!("parameter `{name}` is passed by the parent stack"),
                    spot: passed.spot(),
                });
                Some(self.evaluate(&passed, via))
            });
            match passed {
                Some(Value::Text(text)) => return typed(kind, text),
                Some(value) if !matches!(value, Value::Absent) => return value,
                _ => {}
            }
        } else if let Some(value) = self.given.get(name) {
            via.push(Via { fact: format!("parameter `{name}` is given as `{value}`"), spot });
            return typed(kind, Text::literal(value));
        }
        let allowed: Vec<&'a str> = declaration
            .get("AllowedValues")
            .and_then(Node::items)
            .map(|items| items.iter().filter_map(Node::scalar).collect())
            .unwrap_or_default();
        if !allowed.is_empty() {
            let variable = Variable::Parameter(template, name.to_owned());
            let default = declaration.get("Default").and_then(Node::scalar);
            // The default comes first, so that it is judged even where the rest is cut off.
            let mut ordered = allowed.clone();
            ordered.sort_by_key(|value| Some(*value) != default);
            let options = || ordered.iter().map(|value| format!("parameter `{name}` is `{value}`")).collect();
            if let Some(value) = self.choices.option(&variable, options).and_then(|taken| ordered.get(taken)) {
                via.push(Via { fact: format!("parameter `{name}` allows `{value}`"), spot });
                return typed(kind, Text::literal(value));
            }
        }
        match declaration.get("Default").and_then(Node::scalar) {
            Some(default) => {
                via.push(Via { fact: format!("parameter `{name}` has the default `{default}`"), spot });
                typed(kind, Text::literal(default))
            }
            None if kind.starts_with("AWS::SSM::") => {
                unknown(format!("the SSM parameter behind parameter `{name}` is only known at deployment"))
            }
            None => self.free_parameter(template, name, kind),
        }
    }

    /// A parameter of which nothing is known, except what the template compares it with.
    fn free_parameter(&self, template: TemplateId, name: &str, kind: &str) -> Value<'a> {
        let (literals, closed) = self.compared_with(template).get(name).cloned().unwrap_or_default().options();
        let variable = Variable::Parameter(template, name.to_owned());
        let options = || {
            if literals.is_empty() {
                return Vec::new();
            }
            let mut options: Vec<String> =
                literals.iter().map(|literal| format!("parameter `{name}` is `{literal}`")).collect();
            if !closed {
                options.push(format!("parameter `{name}` is something else"));
            }
            options
        };
        let taken = self.choices.option(&variable, options).and_then(|taken| literals.get(taken));
        match taken {
            Some(literal) => typed(kind, Text::literal(literal)),
            None => Value::Text(Text::symbol(Symbol::Parameter(template, name.into(), literals.as_slice().into()))),
        }
    }

    fn attribute(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let (resource, attribute) = match &argument.node.kind {
            Kind::Text(text) => match text.split_once('.') {
                Some((resource, attribute)) => (resource.to_owned(), attribute.to_owned()),
                None => return self.malformed("Fn::GetAtt", argument),
            },
            Kind::List(items) => {
                let names: Option<Vec<&str>> = items.iter().map(Node::scalar).collect();
                match names.as_deref() {
                    Some([resource, rest @ ..]) if !rest.is_empty() => ((*resource).to_owned(), rest.join(".")),
                    _ => return self.malformed("Fn::GetAtt", argument),
                }
            }
            _ => return self.malformed("Fn::GetAtt", argument),
        };
        self.attribute_of(argument.template, &resource, &attribute, via)
    }

    fn attribute_of(&self, template: TemplateId, resource: &str, attribute: &str, via: &mut Vec<Via<'a>>) -> Value<'a> {
        if let Some(output) = attribute.strip_prefix("Outputs.")
            && let Some(nested) = self.unit(template).nested.get(resource)
        {
            return self.output(*nested, output, via);
        }
        let id = ResourceId { template, id: resource.into() };
        Value::Text(Text::symbol(Symbol::Attribute(id, attribute.into())))
    }

    // Between stacks

    fn output(&self, template: TemplateId, name: &str, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let unit = self.unit(template);
        let Some((key, node)) = unit.template.outputs.get_key_value(name) else {
            return unknown(format!("stack `{}` has no output `{name}`", unit.stack));
        };
        let declared = Expression { template, node, path: Path::default().member("Outputs").member(key) };
        let Some(value) = declared.member("Value") else {
            return unknown(format!("output `{name}` of stack `{}` has no value", unit.stack));
        };
        via.push(Via { fact: format!("output `{name}` of stack `{}`", unit.stack), spot: value.spot() });
        self.guarded(template, format!("output {name}"), via, |via| Some(self.evaluate(&value, via)))
            .unwrap_or(Value::Absent)
    }

    /// Evaluates something that may lead back to itself through other stacks.
    fn guarded<F>(&self, template: TemplateId, what: String, via: &mut Vec<Via<'a>>, inner: F) -> Option<Value<'a>>
    where
        F: FnOnce(&mut Vec<Via<'a>>) -> Option<Value<'a>>,
    {
        let key = (template, what);
        if !self.active.borrow_mut().insert(key.clone()) {
            return Some(unknown(format!("{} of stack `{}` refers to itself", key.1, self.unit(template).stack)));
        }
        let value = inner(via);
        self.active.borrow_mut().remove(&key);
        value
    }

    fn import(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let name = match self.evaluate(argument, via) {
            Value::Text(text) => text,
            Value::Unknown(reason) => return Value::Unknown(reason),
            _ => return self.malformed("Fn::ImportValue", argument),
        };
        let shown = name.display();
        let exports = self.exports();
        let mut found = exports.fixed.get(&shown).cloned().unwrap_or_default();
        for (name, output) in &exports.chosen {
            if self.export_name(name).as_ref() == Some(&shown) {
                found.push((name.template, output));
            }
        }
        match self.nearest(argument.template, found.into_iter()) {
            Some((template, output)) => self.output(template, output, via),
            None => unknown(format!("the export `{shown}` is not made by a stack of this app")),
        }
    }

    fn exports(&self) -> Rc<Exports<'a>> {
        if let Some(known) = &*self.exports.borrow() {
            return known.clone();
        }
        // A name that imports another export finds none.
        self.exports.replace(Some(Rc::default()));
        let mut exports = Exports::default();
        for (template, unit) in self.app.units() {
            let mut outputs: Vec<_> = unit.template.outputs.iter().collect();
            outputs.sort_unstable_by_key(|(output, _)| *output);
            for (output, node) in outputs {
                let declared = Expression { template, node, path: Path::default() };
                let Some(name) = declared.member("Export").and_then(|export| export.member("Name")) else { continue };
                let (mut names, _) = self.explore(|| self.export_name(&name));
                match (names.pop(), names.is_empty()) {
                    (Some((Some(name), choices)), true) if choices.is_empty() => {
                        exports.fixed.entry(name).or_default().push((template, output));
                    }
                    (Some((None, _)), true) => {}
                    _ => exports.chosen.push((name, output)),
                }
            }
        }
        let exports = Rc::new(exports);
        self.exports.replace(Some(exports.clone()));
        exports
    }

    fn export_name(&self, name: &Expression<'a>) -> Option<String> {
        self.resolve(name).text().map(Text::display)
    }

    /// Of several stacks that could be meant, the one in the same stage and environment; `None` if that leaves several.
    fn nearest<T>(&self, from: TemplateId, found: impl Iterator<Item = (TemplateId, T)>) -> Option<(TemplateId, T)> {
        let here = self.unit(from);
        let mut found: Vec<(TemplateId, T)> = found.collect();
        if found.len() > 1 {
            let near = |unit: &Unit| (unit.stage == here.stage, unit.environment == here.environment);
            let best = found.iter().map(|(template, _)| near(self.unit(*template))).max()?;
            found.retain(|(template, _)| near(self.unit(*template)) == best);
        }
        if found.len() == 1 { found.pop() } else { None }
    }

    fn stack_output(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let (stack, output) = (self.at(argument, &["StackName"]), self.at(argument, &["OutputName"]));
        let (Some(stack), Some(output)) = (stack.known(), output.known()) else {
            return unknown("`Fn::GetStackOutput` names a stack or output that is only known at deployment".to_owned());
        };
        let named = self.app.units().filter(|(_, unit)| {
            unit.parent.is_none()
                && unit.stack_name.as_deref() == Some(stack)
                && unit.template.outputs.contains_key(output)
        });
        match self.nearest(argument.template, named.map(|(template, _)| (template, ()))) {
            Some((template, ())) => self.output(template, output, via),
            None => unknown(format!("stack `{stack}` with output `{output}` is not part of this app")),
        }
    }

    // Strings and lists

    /// Evaluates to text, or to the value that stands in its way.
    fn text(&self, expression: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Result<Text, Value<'a>> {
        match self.evaluate(expression, via) {
            Value::Text(text) => Ok(text),
            Value::Bool(value) => Ok(Text::literal(if value { "true" } else { "false" })),
            Value::Unknown(reason) => Ok(Text::symbol(Symbol::Unknown(reason))),
            other => Err(other),
        }
    }

    fn substitute(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let (template, variables) = match &argument.node.kind {
            Kind::Text(_) => (argument.node, None),
            Kind::List(items) => match items.as_slice() {
                [template, variables] => {
                    let path = argument.path.item(1);
                    (template, Some(Expression { template: argument.template, node: variables, path }))
                }
                [template] => (template, None),
                _ => return self.malformed("Fn::Sub", argument),
            },
            _ => return self.malformed("Fn::Sub", argument),
        };
        let Some(mut rest) = template.text() else { return self.malformed("Fn::Sub", argument) };
        let mut text = Text::default();
        while let Some((before, from)) = rest.split_once("${") {
            text.append(Text::literal(before));
            let Some((name, after)) = from.split_once('}') else {
                rest = from;
                text.push_str("${");
                break;
            };
            rest = after;
            if let Some(escaped) = name.strip_prefix('!') {
                text.push_str(&format!("${{{escaped}}}"));
                continue;
            }
            let name = name.trim();
            let value = match variables.as_ref().and_then(|variables| {
                let (key, node) = variables.node.members()?.iter().find(|(key, _)| &**key == name)?;
                Some(Expression { template: variables.template, node, path: variables.path.member(key) })
            }) {
                Some(variable) => self.evaluate(&variable, via),
                None => match name.split_once('.') {
                    Some((resource, attribute)) => self.attribute_of(argument.template, resource, attribute, via),
                    None => self.reference(argument, name, via),
                },
            };
            match value {
                Value::Text(part) => text.append(part),
                Value::Bool(value) => text.push_str(if value { "true" } else { "false" }),
                Value::Unknown(reason) => text.push(Part::Symbol(Symbol::Unknown(reason))),
                _ => text.push(Part::Symbol(Symbol::Unknown(format!("`{name}` is not a string").into()))),
            }
            if size(&text) > MAX_TEXT {
                return unknown("the text is too long to evaluate".to_owned());
            }
        }
        text.append(Text::literal(rest));
        Value::Text(text.with_references())
    }

    fn join(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let Some([delimiter, _]) = argument.node.items() else { return self.malformed("Fn::Join", argument) };
        let Some(delimiter) = delimiter.scalar() else { return self.malformed("Fn::Join", argument) };
        let list = match self.argument(argument, 1) {
            Some(list) => self.resolve(&list),
            None => return self.malformed("Fn::Join", argument),
        };
        via.extend(list.via.iter().cloned());
        let items = match self.items(&list) {
            Ok(items) => items,
            Err(reason) => return Value::Unknown(reason),
        };
        let mut text = Text::default();
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                text.push_str(delimiter);
            }
            via.extend(item.via);
            match item.value {
                Value::Text(part) => text.append(part),
                Value::Bool(value) => text.push_str(if value { "true" } else { "false" }),
                Value::Unknown(reason) => text.push(Part::Symbol(Symbol::Unknown(reason))),
                _ => return self.malformed("Fn::Join", argument),
            }
            if size(&text) > MAX_TEXT {
                return unknown("the text is too long to evaluate".to_owned());
            }
        }
        Value::Text(text.with_references())
    }

    fn argument(&self, list: &Expression<'a>, index: usize) -> Option<Expression<'a>> {
        let node = list.node.items()?.get(index)?;
        Some(Expression { template: list.template, node, path: list.path.item(index) })
    }

    fn select(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let (Some(index), Some(list)) = (self.argument(argument, 0), self.argument(argument, 1)) else {
            return self.malformed("Fn::Select", argument);
        };
        let index = match self.text(&index, via) {
            Ok(text) => text,
            Err(_) => return self.malformed("Fn::Select", argument),
        };
        let Some(index) = index.known().and_then(|digits| digits.parse::<usize>().ok()) else {
            return unknown(index.reason().unwrap_or_else(|| "`Fn::Select` has no valid index".to_owned()));
        };
        let list = self.resolve(&list);
        via.extend(list.via.iter().cloned());
        match &list.value {
            Value::List(items) => match items.get(index) {
                Some(item) => {
                    let item = self.item(item, &list.spot);
                    via.extend(item.via);
                    item.value
                }
                None => unknown(format!("`Fn::Select` takes item {index} of a list that has {}", items.len())),
            },
            Value::Unknown(reason) => Value::Unknown(reason.clone()),
            Value::Text(text) => unknown(text.reason().unwrap_or_else(|| "`Fn::Select` takes a list".to_owned())),
            _ => self.malformed("Fn::Select", argument),
        }
    }

    fn split(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let (Some(delimiter), Some(source)) = (self.argument(argument, 0), self.argument(argument, 1)) else {
            return self.malformed("Fn::Split", argument);
        };
        let Some(delimiter) = delimiter.node.scalar().filter(|text| !text.is_empty()) else {
            return self.malformed("Fn::Split", argument);
        };
        let source = match self.text(&source, via) {
            Ok(text) => text,
            Err(_) => return self.malformed("Fn::Split", argument),
        };
        let mut pieces = vec![Text::default()];
        for part in source.parts() {
            match part {
                Part::Literal(text) => {
                    for (index, piece) in text.split(delimiter).enumerate() {
                        if index > 0 {
                            pieces.push(Text::default());
                        }
                        if let Some(last) = pieces.last_mut() {
                            last.push_str(piece);
                        }
                    }
                }
                // A pseudo parameter never holds a delimiter; anything else might.
                Part::Symbol(symbol @ Symbol::Pseudo(name, _)) if &**name != "AWS::StackId" => {
                    if let Some(last) = pieces.last_mut() {
                        last.push(Part::Symbol(symbol.clone()));
                    }
                }
                Part::Symbol(symbol) => return unknown(symbol.reason()),
            }
        }
        Value::List(pieces.into_iter().map(Item::Computed).collect())
    }

    fn find_in_map(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let (Some(map), Some(first), Some(second)) =
            (self.argument(argument, 0), self.argument(argument, 1), self.argument(argument, 2))
        else {
            return self.malformed("Fn::FindInMap", argument);
        };
        let mut keys = Vec::new();
        for key in [&map, &first, &second] {
            match self.text(key, via) {
                Ok(text) => keys.push(text),
                Err(_) => return self.malformed("Fn::FindInMap", argument),
            }
        }
        let [map, first, second] = keys.as_slice() else { return self.malformed("Fn::FindInMap", argument) };
        let mappings = &self.unit(argument.template).template.mappings;
        let Some((map_name, mapping)) = map.known().and_then(|name| mappings.get_key_value(name)) else {
            return unknown(map.reason().unwrap_or_else(|| format!("there is no mapping `{}`", map.display())));
        };
        let first = match first.known() {
            Some(known) => known.to_owned(),
            // Every row may be meant: the person who deploys chooses.
            None => match self.chosen_row(first, mapping) {
                Some(row) => row,
                None => return unknown(first.reason().unwrap_or_default()),
            },
        };
        let Some(second) = second.known() else { return unknown(second.reason().unwrap_or_default()) };
        let found = mapping.members().and_then(|rows| {
            let (row, node) = rows.iter().find(|(name, _)| **name == *first)?;
            let (column, node) = node.members()?.iter().find(|(name, _)| **name == *second)?;
            let path = Path::default().member("Mappings").member(map_name).member(row).member(column);
            Some(Expression { template: argument.template, node, path })
        });
        match found {
            Some(entry) => {
                via.push(Via { fact: format!("mapping `{map_name}` at `{first}`, `{second}`"), spot: entry.spot() });
                self.evaluate(&entry, via)
            }
            None => match self.argument(argument, 3).and_then(|options| options.member("DefaultValue")) {
                Some(default) => self.evaluate(&default, via),
                None => unknown(format!("mapping `{map_name}` has no entry `{first}`, `{second}`")),
            },
        }
    }

    /// The row that the person who deploys chooses by a pseudo parameter, such as the region.
    fn chosen_row(&self, key: &Text, mapping: &Node) -> Option<String> {
        let Symbol::Pseudo(name, environment) = key.only_symbol()? else { return None };
        self.chosen_pseudo(name, *environment)?.filter(|row| mapping.get(row).is_some())
    }

    /// The value that a pseudo parameter has in the current scenario; `Some(None)` if it is one that no template of the
    /// environment tells from others, `None` if there is nothing to choose from.
    fn chosen_pseudo(&self, name: &str, environment: usize) -> Option<Option<String>> {
        let mut known = Distinguished::default();
        for (template, unit) in self.app.units() {
            if unit.environment_id == environment
                && let Some(more) = self.compared_with(template).get(name)
            {
                known.values.extend(more.values.iter().cloned());
                if let Some(rows) = &more.accepted {
                    known.accept(rows);
                }
            }
        }
        let (literals, closed) = known.options();
        let options = || {
            let mut options: Vec<String> = literals.iter().map(|literal| format!("`{name}` is `{literal}`")).collect();
            if !closed && !literals.is_empty() {
                options.push(format!("`{name}` is something else"));
            }
            options
        };
        let taken = self.choices.option(&Variable::Pseudo(name.to_owned(), environment), options)?;
        Some(literals.get(taken).cloned())
    }

    // Conditions

    fn choose(&self, argument: &Expression<'a>, via: &mut Vec<Via<'a>>) -> Value<'a> {
        let Some([condition, _, _]) = argument.node.items() else { return self.malformed("Fn::If", argument) };
        let Some(name) = condition.text() else { return self.malformed("Fn::If", argument) };
        let branch = if self.condition(argument.template, name) { 1 } else { 2 };
        match self.argument(argument, branch) {
            Some(branch) => self.evaluate(&branch, via),
            None => self.malformed("Fn::If", argument),
        }
    }

    /// Whether a condition holds in the current scenario; what cannot be decided becomes a choice.
    pub fn condition(&self, template: TemplateId, name: &str) -> bool {
        *self.conditions.get(&self.choices, &(template, name.to_owned()), || {
            let unit = self.unit(template);
            let decided = unit.template.conditions.get_key_value(name).and_then(|(key, node)| {
                let path = Path::default().member("Conditions").member(key);
                let expression = Expression { template, node, path };
                match self.guarded(template, format!("condition {name}"), &mut Vec::new(), |_| {
                    self.truth(&expression).map(Value::Bool)
                }) {
                    Some(Value::Bool(value)) => Some(value),
                    _ => None,
                }
            });
            decided.unwrap_or_else(|| self.undecided(template, format!("condition `{name}`")))
        })
    }

    fn undecided(&self, template: TemplateId, what: String) -> bool {
        let variable = Variable::Condition(template, what.clone());
        self.choices.option(&variable, || vec![format!("{what} is true"), format!("{what} is false")]) == Some(0)
    }

    fn truth(&self, expression: &Expression<'a>) -> Option<bool> {
        let (fuel, depth) = (self.fuel.get(), self.depth.get());
        if fuel == 0 || depth >= MAX_DEPTH {
            return None;
        }
        self.fuel.set(fuel - 1);
        self.depth.set(depth + 1);
        let truth = self.truth_of(expression);
        self.depth.set(depth);
        truth
    }

    fn truth_of(&self, expression: &Expression<'a>) -> Option<bool> {
        let (name, node) = expression.node.only_member()?;
        let argument = Expression { template: expression.template, node, path: expression.path.member(name) };
        let operands =
            || node.items().map(|items| (0..items.len()).filter_map(|index| self.argument(&argument, index)));
        match name {
            "Condition" => Some(self.condition(expression.template, node.text()?)),
            "Fn::Not" => {
                let [_] = node.items()? else { return None };
                self.truth(&self.argument(&argument, 0)?).map(|value| !value)
            }
            "Fn::And" => {
                for operand in operands()? {
                    if !self.truth(&operand)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            "Fn::Or" => {
                for operand in operands()? {
                    if self.truth(&operand)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            "Fn::Equals" => self.equals(&self.argument(&argument, 0)?, &self.argument(&argument, 1)?),
            _ => None,
        }
    }

    fn equals(&self, left: &Expression<'a>, right: &Expression<'a>) -> Option<bool> {
        let mut via = Vec::new();
        let (a, b) = (self.text(left, &mut via).ok()?, self.text(right, &mut via).ok()?);
        if let (Some(a), Some(b)) = (a.known(), b.known()) {
            return Some(a == b);
        }
        let unclear = |text: &Text| text.parts().iter().any(|part| matches!(part, Part::Symbol(Symbol::Unknown(_))));
        if a == b && !unclear(&a) {
            return Some(true);
        }
        for (symbol, literal) in [(&a, &b), (&b, &a)] {
            let Some(literal) = literal.known() else { continue };
            match symbol.only_symbol() {
                Some(Symbol::Parameter(_, _, others)) if others.iter().any(|other| other == literal) => {
                    return Some(false);
                }
                Some(Symbol::Pseudo(name, environment)) => {
                    return Some(self.chosen_pseudo(name, *environment)?.as_deref() == Some(literal));
                }
                _ => {}
            }
        }
        Some(self.undecided(left.template, format!("`{}` = `{}`", a.display(), b.display())))
    }

    /// The values that a template tells apart, by parameter.
    fn compared_with(&self, template: TemplateId) -> Rc<Compared> {
        let known = self.compared.borrow().get(&template).cloned();
        known.unwrap_or_else(|| {
            let mut found = HashMap::new();
            let document = &self.unit(template).template;
            let resources = document.resources.iter().map(|resource| &resource.node);
            for node in document.conditions.values().chain(resources) {
                collect_comparisons(node, &document.mappings, &mut found);
            }
            let found = Rc::new(found);
            self.compared.borrow_mut().insert(template, found.clone());
            found
        })
    }
}

fn collect_comparisons(node: &Node, mappings: &HashMap<Box<str>, Node>, found: &mut Compared) {
    if let Some(("Fn::Equals", operands)) = node.only_member()
        && let Some([left, right]) = operands.items()
    {
        for (reference, literal) in [(left, right), (right, left)] {
            if let (Some(("Ref", name)), Some(literal)) = (reference.only_member(), literal.scalar())
                && let Some(name) = name.text()
            {
                found.entry(name.to_owned()).or_default().values.insert(literal.to_owned());
            }
        }
    }
    if let Some(("Fn::FindInMap", arguments)) = node.only_member()
        && let Some([map, key, _, rest @ ..]) = arguments.items()
        && let Some(("Ref", name)) = key.only_member()
        && let (Some(name), Some(rows)) = (name.text(), map.text().and_then(|map| mappings.get(map)?.members()))
    {
        let distinguished = found.entry(name.to_owned()).or_default();
        let rows: BTreeSet<String> = rows.iter().map(|(row, _)| row.to_string()).collect();
        if rest.is_empty() {
            distinguished.accept(&rows);
        }
        distinguished.values.extend(rows);
    }
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| collect_comparisons(item, mappings, found)),
        Kind::Map(members) => members.iter().for_each(|(_, member)| collect_comparisons(member, mappings, found)),
        _ => {}
    }
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::") && !name.starts_with("Fn::ForEach::")
}

/// The value of a parameter by its declared type: SSM types give a path, list types a list.
fn typed<'a>(kind: &str, text: Text) -> Value<'a> {
    let is_list = kind == "CommaDelimitedList" || kind.contains("List<");
    if kind.starts_with("AWS::SSM::Parameter::Value<") {
        return match text.known() {
            _ if is_list => unknown(format!("the SSM parameter `{}` is only known at deployment", text.display())),
            Some(path) => Value::Text(Text::symbol(Symbol::SsmParameter(path.into()))),
            None => Value::Text(text),
        };
    }
    match text.known() {
        Some(known) if is_list => {
            Value::List(known.split(',').map(|item| Item::Computed(Text::literal(item.trim()))).collect())
        }
        None if is_list => unknown(text.reason().unwrap_or_default()),
        _ => Value::Text(text),
    }
}

fn unknown<'a>(reason: String) -> Value<'a> {
    Value::Unknown(reason.into())
}

fn describe(value: &Value<'_>) -> &'static str {
    match value {
        Value::Absent => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Text(_) => "a string",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
        Value::Unknown(_) => "something unknown",
    }
}

fn size(text: &Text) -> usize {
    text.parts().iter().map(|part| if let Part::Literal(text) = part { text.len() } else { 16 }).sum()
}
