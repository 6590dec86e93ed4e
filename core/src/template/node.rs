//! The tree of a template's parts: JSON values that remember the line they stand on.

/// A value in a template, as it was written, with the line on which it begins (from 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Line in the file, counted from 1.
    pub line: u32,
    /// What is written there.
    pub kind: Kind,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`, or an empty YAML value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in the digits of the file: CloudFormation passes numbers on as text.
    Number(Box<str>),
    /// A string.
    Text(Box<str>),
    /// An array.
    List(Vec<Node>),
    /// An object, in the order of the file.
    Map(Vec<(Box<str>, Node)>),
}

impl Node {
    /// The member of an object; of repeated keys the last one counts, as in JavaScript.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(members) => members.iter().rev().find(|(name, _)| &**name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text of a string node.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The scalar as CloudFormation would print it; `None` for lists, objects and null.
    pub fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) | Kind::Number(text) => Some(text),
            Kind::Bool(true) => Some("true"),
            Kind::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// The items of a list node.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object node.
    pub fn members(&self) -> Option<&[(Box<str>, Node)]> {
        match &self.kind {
            Kind::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The only member of an object that has exactly one: the shape of every intrinsic function.
    pub fn only_member(&self) -> Option<(&str, &Node)> {
        match self.members() {
            Some([(name, node)]) => Some((name, node)),
            _ => None,
        }
    }

    /// What kind of value this is, for messages: "a string", "an object".
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::List(_) => "an array",
            Kind::Map(_) => "an object",
        }
    }
}
