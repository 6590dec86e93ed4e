//! What an expression in a template comes to: a value, and where it came from.

use std::rc::Rc;
use std::sync::Arc;

use super::node::Node;

/// Which template of an app something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TemplateId(pub usize);

/// A resource of an app, named by template and logical id. It need not be of a relevant type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId {
    /// The template that declares it.
    pub template: TemplateId,
    /// Its logical id.
    pub id: Arc<str>,
}

/// The way from a template's root to one of its values, as in a JSON pointer.
#[derive(Debug, Clone, Default)]
pub struct Path<'a>(Option<Rc<(Path<'a>, Step<'a>)>>);

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

impl<'a> Path<'a> {
    /// The path of a member of the object at this path.
    #[must_use]
    pub fn member(&self, name: &'a str) -> Path<'a> {
        Path(Some(Rc::new((self.clone(), Step::Member(name)))))
    }

    /// The path of an item of the array at this path.
    #[must_use]
    pub fn item(&self, index: usize) -> Path<'a> {
        Path(Some(Rc::new((self.clone(), Step::Item(index)))))
    }

    /// As a JSON pointer (RFC 6901); the root is the empty string.
    pub fn pointer(&self) -> String {
        let mut steps = Vec::new();
        let mut at = self;
        while let Some(inner) = &at.0 {
            steps.push(inner.1);
            at = &inner.0;
        }
        let mut pointer = String::new();
        for step in steps.into_iter().rev() {
            pointer.push('/');
            match step {
                Step::Member(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Item(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }
}

/// A place in a template: which one, the way there, the line.
#[derive(Debug, Clone)]
pub struct Spot<'a> {
    /// The template.
    pub template: TemplateId,
    /// The way from its root.
    pub path: Path<'a>,
    /// The line, from 1.
    pub line: u32,
}

/// An expression that has not been evaluated.
#[derive(Debug, Clone)]
pub struct Expression<'a> {
    /// The template in which its references are meant.
    pub template: TemplateId,
    /// What is written.
    pub node: &'a Node,
    /// Where it is written.
    pub path: Path<'a>,
}

impl<'a> Expression<'a> {
    /// Where the expression stands.
    pub fn spot(&self) -> Spot<'a> {
        Spot { template: self.template, path: self.path.clone(), line: self.node.line }
    }

    /// The expression under a literal key, without evaluating anything on the way.
    pub fn member(&self, key: &'a str) -> Option<Expression<'a>> {
        let node = self.node.get(key)?;
        Some(Expression { template: self.template, node, path: self.path.member(key) })
    }
}

/// A step on the way from an expression to its value: a parameter's default, a mapping, an export.
#[derive(Debug, Clone)]
pub struct Via<'a> {
    /// What the step is, as a sentence without its end: "parameter `Cpu` has the default `ARM64`".
    pub fact: String,
    /// Where it stands.
    pub spot: Spot<'a>,
}

/// A value with the place at which it was asked for, and the steps that led to it.
#[derive(Debug, Clone)]
pub struct Resolved<'a> {
    /// The value.
    pub value: Value<'a>,
    /// Where the expression stands.
    pub spot: Spot<'a>,
    /// How the value was found, where that is not plain from the place.
    pub via: Vec<Via<'a>>,
}

/// What an expression comes to.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Nothing: the property is absent, `null`, or `AWS::NoValue`.
    Absent,
    /// `true` or `false`.
    Bool(bool),
    /// A string or number; parts of it may be known only at deployment.
    Text(Text),
    /// A list whose items are evaluated when they are asked for.
    List(Vec<Item<'a>>),
    /// An object whose members are evaluated when they are asked for.
    Object(Expression<'a>),
    /// Not known, with the reason as a clause: "parameter `Cpu` has no default".
    Unknown(Rc<str>),
}

/// An item of a list.
#[derive(Debug, Clone)]
pub enum Item<'a> {
    /// Written in the template.
    Written(Expression<'a>),
    /// The outcome of a function.
    Computed(Text),
}

/// A string in parts, some of them known, some standing for something that is known only at deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Text {
    /// Literals are never adjacent and never empty.
    parts: Vec<Part>,
}

/// A part of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Known characters.
    Literal(String),
    /// Something that stands for characters.
    Symbol(Symbol),
}

/// The marks of [`Text::marked`]: characters for private use (Unicode).
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// How many symbols of a book a new one is compared with: the same symbol then has the same mark.
const MAX_COMPARED: usize = 256;

/// Whether a character belongs to a mark; the digits between two marks do too.
pub fn is_mark(c: char) -> bool {
    matches!(c, OPEN | CLOSE)
}

/// Something whose characters are known only at deployment, but which is the same wherever it is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// `Ref` to a resource: usually its name, for some types its ARN.
    Resource(ResourceId),
    /// `Fn::GetAtt` of a resource.
    Attribute(ResourceId, Rc<str>),
    /// A pseudo parameter such as `AWS::Region`; the number tells environments apart.
    Pseudo(Rc<str>, usize),
    /// A parameter without a known value; it is known to differ from each of these.
    Parameter(TemplateId, Rc<str>, Rc<[String]>),
    /// The value behind an SSM parameter, by its path.
    SsmParameter(Rc<str>),
    /// Anything else, with the reason.
    Unknown(Rc<str>),
}

impl Symbol {
    /// Why the characters are not known, as a clause.
    pub fn reason(&self) -> String {
        match self {
            Symbol::Resource(resource) => format!("the name of `{}` is only known at deployment", resource.id),
            Symbol::Attribute(resource, attribute) => {
                format!("`{}.{attribute}` is only known at deployment", resource.id)
            }
            Symbol::Pseudo(name, _) => format!("`{name}` is only known at deployment"),
            Symbol::Parameter(_, name, _) => format!("parameter `{name}` has no default and no allowed values"),
            Symbol::SsmParameter(path) => {
                format!("the value of the SSM parameter `{path}` is only known at deployment")
            }
            Symbol::Unknown(reason) => reason.to_string(),
        }
    }
}

impl Text {
    /// A text that is known in full, but for dynamic references (`{{resolve:ssm:…}}`) inside it.
    pub fn literal(text: &str) -> Text {
        let mut parsed = Text::default();
        let mut rest = text;
        while let Some(start) = rest.find("{{resolve:") {
            let (before, from) = rest.split_at(start);
            let Some(end) = from.find("}}") else { break };
            let (reference, after) = from.split_at(end + 2);
            parsed.push_str(before);
            let inner = reference.trim_start_matches("{{resolve:").trim_end_matches("}}");
            parsed.push(Part::Symbol(match inner.split_once(':') {
                Some(("ssm", path)) => Symbol::SsmParameter(path.split(':').next().unwrap_or(path).into()),
                _ => Symbol::Unknown(format!("the dynamic reference `{reference}` is only known at deployment").into()),
            }));
            rest = after;
        }
        parsed.push_str(rest);
        parsed
    }

    /// Recognises the dynamic references that came together when this text was put together from parts.
    #[must_use]
    pub fn with_references(self) -> Text {
        let is_written = |part: &Part| matches!(part, Part::Literal(text) if text.contains("{{resolve:"));
        if !self.parts.iter().any(is_written) {
            return self;
        }
        let mut whole = Text::default();
        for part in self.parts {
            match part {
                Part::Literal(text) => whole.append(Text::literal(&text)),
                symbol @ Part::Symbol(_) => whole.push(symbol),
            }
        }
        whole
    }

    /// The text as one string, in which a mark stands for each symbol; [`Text::unmarked`] puts the symbols back.
    pub fn marked(&self) -> String {
        let mut marked = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(literal) => marked.extend(literal.chars().filter(|c| !is_mark(*c))),
                Part::Symbol(_) => marked.push_str(&format!("{OPEN}{index}{CLOSE}")),
            }
        }
        marked
    }

    /// The same, with the symbols in a book that several texts share; [`Text::unmarked`] of the book puts them back.
    pub fn marked_in(&self, book: &mut Text) -> String {
        let mut marked = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => marked.extend(literal.chars().filter(|c| !is_mark(*c))),
                Part::Symbol(_) => {
                    let known = book.parts.iter().take(MAX_COMPARED).position(|other| other == part);
                    let index = known.unwrap_or_else(|| {
                        book.parts.push(part.clone());
                        book.parts.len() - 1
                    });
                    marked.push_str(&format!("{OPEN}{index}{CLOSE}"));
                }
            }
        }
        marked
    }

    /// What a piece of the marked string says.
    #[must_use]
    pub fn unmarked(&self, piece: &str) -> Text {
        let mut text = Text::default();
        let mut rest = piece;
        while let Some((before, from)) = rest.split_once(OPEN) {
            text.push_str(before);
            let Some((index, after)) = from.split_once(CLOSE) else { return text };
            if let Some(part) = index.parse::<usize>().ok().and_then(|index| self.parts.get(index)) {
                text.push(part.clone());
            }
            rest = after;
        }
        text.push_str(rest);
        text
    }

    /// A text that is one symbol.
    pub fn symbol(symbol: Symbol) -> Text {
        Text { parts: vec![Part::Symbol(symbol)] }
    }

    /// Appends known characters.
    pub fn push_str(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Literal(last)) => last.push_str(text),
            _ => self.parts.push(Part::Literal(text.to_owned())),
        }
    }

    /// Appends a part.
    pub fn push(&mut self, part: Part) {
        match part {
            Part::Literal(text) => self.push_str(&text),
            symbol @ Part::Symbol(_) => self.parts.push(symbol),
        }
    }

    /// Appends another text.
    pub fn append(&mut self, other: Text) {
        for part in other.parts {
            self.push(part);
        }
    }

    /// The parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The characters, if all of them are known.
    pub fn known(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The one symbol that this text consists of.
    pub fn only_symbol(&self) -> Option<&Symbol> {
        match self.parts.as_slice() {
            [Part::Symbol(symbol)] => Some(symbol),
            _ => None,
        }
    }

    /// Why the text is not known, from its first unknown part.
    pub fn reason(&self) -> Option<String> {
        self.parts.iter().find_map(|part| match part {
            Part::Symbol(symbol) => Some(symbol.reason()),
            Part::Literal(_) => None,
        })
    }

    /// The resource that this text names: by `Ref`, by its ARN or id attribute, or at the end of an ARN written out.
    pub fn resource(&self) -> Option<&ResourceId> {
        let before_last = self.parts.len().checked_sub(2).and_then(|at| self.parts.get(at));
        let named = match self.parts.last()? {
            Part::Symbol(Symbol::Resource(resource)) => resource,
            Part::Symbol(Symbol::Attribute(resource, attribute)) if names_itself(attribute) => resource,
            _ => return None,
        };
        match before_last {
            None => Some(named),
            Some(Part::Literal(before)) if before.ends_with('/') => Some(named),
            _ => None,
        }
    }

    /// For people and for comparison: symbols as `${…}`.
    pub fn display(&self) -> String {
        let mut shown = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => shown.push_str(text),
                Part::Symbol(symbol) => {
                    shown.push_str("${");
                    match symbol {
                        Symbol::Resource(resource) => shown.push_str(&resource.id),
                        Symbol::Attribute(resource, attribute) => {
                            shown.push_str(&format!("{}.{attribute}", resource.id));
                        }
                        Symbol::Pseudo(name, _) | Symbol::Parameter(_, name, _) => shown.push_str(name),
                        Symbol::SsmParameter(path) => shown.push_str(&format!("ssm:{path}")),
                        Symbol::Unknown(_) => shown.push('?'),
                    }
                    shown.push('}');
                }
            }
        }
        shown
    }
}

/// Attributes that identify the resource itself, rather than something it holds.
fn names_itself(attribute: &str) -> bool {
    matches!(
        attribute,
        "Arn"
            | "Id"
            | "Name"
            | "TaskDefinitionArn"
            | "ServiceArn"
            | "LaunchTemplateId"
            | "AutoScalingGroupARN"
            | "AutoScalingGroupArn"
    )
}

impl<'a> Resolved<'a> {
    /// The known characters of a string or number.
    pub fn known(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => text.known(),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// The text, known or not.
    pub fn text(&self) -> Option<&Text> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing here.
    pub fn is_absent(&self) -> bool {
        matches!(self.value, Value::Absent)
    }

    /// Why this is not a known scalar; `None` where it is one, or absent.
    pub fn reason(&self) -> Option<String> {
        match &self.value {
            Value::Unknown(reason) => Some(reason.to_string()),
            Value::Text(text) => text.reason(),
            Value::List(_) => Some("a list stands where a string is expected".to_owned()),
            Value::Object(_) => Some("an object stands where a string is expected".to_owned()),
            Value::Absent | Value::Bool(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(id: &str) -> ResourceId {
        ResourceId { template: TemplateId(0), id: id.into() }
    }

    #[test]
    fn a_dynamic_reference_is_not_known() {
        let text = Text::literal("a{{resolve:ssm:/x/y:3}}b");
        assert_eq!(text.known(), None);
        assert_eq!(text.display(), "a${ssm:/x/y}b");
        assert_eq!(Text::literal("{{resolve:ssm:/x").known(), Some("{{resolve:ssm:/x"));
    }

    #[test]
    fn a_marked_piece_keeps_its_symbols() {
        let mut text = Text::literal("CLUSTER=\u{e000}");
        text.push(Part::Symbol(Symbol::Resource(resource("C"))));
        text.push_str("-blue");
        let marked = text.marked();
        let (_, value) = marked.split_once('=').unwrap();
        assert_eq!(text.unmarked(value).display(), "${C}-blue");
        assert_eq!(text.unmarked("\u{e000}9\u{e001}x\u{e000}").display(), "x");
    }

    #[test]
    fn a_resource_is_named_by_ref_by_arn_and_at_the_end_of_an_arn() {
        let mut arn = Text::literal("arn:aws:ecs:eu-west-1:1:cluster/");
        arn.push(Part::Symbol(Symbol::Resource(resource("C"))));
        assert_eq!(arn.resource(), Some(&resource("C")));
        assert_eq!(Text::symbol(Symbol::Attribute(resource("C"), "Arn".into())).resource(), Some(&resource("C")));
        assert_eq!(Text::symbol(Symbol::Attribute(resource("C"), "Outputs.X".into())).resource(), None);
        let mut other = Text::literal("prefix-");
        other.push(Part::Symbol(Symbol::Resource(resource("C"))));
        assert_eq!(other.resource(), None);
    }

    #[test]
    fn a_path_is_a_json_pointer() {
        let path = Path::default().member("a/b").item(3).member("c~d");
        assert_eq!(path.pointer(), "/a~1b/3/c~0d");
        assert_eq!(Path::default().pointer(), "");
    }
}
