//! Reads YAML into [`Node`]s, with CloudFormation's short tags (`!Ref`, `!Sub`, `!GetAtt`, …) written out in full.
//!
//! The events come from `saphyr-parser`. Plain scalars keep their text; only `true`, `false`, `null` and numbers become what
//! JSON would have there, for CloudFormation reads a template that way. Aliases are followed within a bound.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::json::MAX_DEPTH;
use super::node::{Kind, Node};

/// How much the aliases of a document may add together: enough for any template, too little for a bomb. A value counts one,
/// and one more for each [`TEXT_PER_VALUE`] bytes of text.
const MAX_ALIASED: usize = 1_000_000;
const TEXT_PER_VALUE: usize = 64;

/// A place where YAML could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line} column {column}")]
pub struct YamlError {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong, in lower case.
    pub message: String,
}

/// A list or an object that is still being read.
struct Open {
    line: u32,
    anchor: usize,
    tag: Option<String>,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Vec<(Box<str>, Node)>, Option<Box<str>>),
}

/// Reads the first document of a YAML text.
///
/// # Errors
/// [`YamlError`] with the place of the first mistake: syntax, nesting too deep, aliases that expand without end.
pub fn parse(text: &str) -> Result<Node, YamlError> {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Node, usize)> = HashMap::new();
    let mut aliased = 0_usize;
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| YamlError {
            line: u32::try_from(error.marker().line()).unwrap_or(u32::MAX),
            column: u32::try_from(error.marker().col() + 1).unwrap_or(u32::MAX),
            message: error.info().to_lowercase(),
        })?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let column = u32::try_from(span.start.col() + 1).unwrap_or(u32::MAX);
        let fail = |message: String| YamlError { line, column, message };
        let done = match event {
            Event::SequenceStart(anchor, tag) => {
                let tag = tag.as_deref().and_then(function);
                open.push(Open { line, anchor, tag, content: Content::List(Vec::new()) });
                None
            }
            Event::MappingStart(anchor, tag) => {
                let tag = tag.as_deref().and_then(function);
                open.push(Open { line, anchor, tag, content: Content::Map(Vec::new(), None) });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open { line, anchor, tag, content }) => {
                    let kind = match content {
                        Content::List(items) => Kind::List(items),
                        Content::Map(members, _) => Kind::Map(merged(members)),
                    };
                    Some((tagged(tag, Node { line, kind }), anchor))
                }
                None => return Err(fail("unexpected end of a collection".to_owned())),
            },
            Event::Scalar(text, style, anchor, tag) => Some((scalar(&text, style, tag.as_deref(), line), anchor)),
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some((node, size)) => {
                    aliased = aliased.saturating_add(*size);
                    if aliased > MAX_ALIASED {
                        return Err(fail(format!("aliases expand to more than {MAX_ALIASED} values")));
                    }
                    Some((node.clone(), 0))
                }
                None => return Err(fail("an alias inside the value that it names".to_owned())),
            },
            Event::DocumentEnd => break,
            _ => None,
        };
        if u32::try_from(open.len()).unwrap_or(u32::MAX) > MAX_DEPTH {
            return Err(fail(format!("values nested deeper than {MAX_DEPTH} levels")));
        }
        let Some((node, anchor)) = done else { continue };
        if anchor != 0 {
            let size = count(&node);
            aliased = aliased.saturating_add(size);
            anchors.insert(anchor, (node.clone(), size));
        }
        match open.last_mut() {
            None => return Ok(node),
            Some(Open { content: Content::List(items), .. }) => items.push(node),
            Some(Open { content: Content::Map(members, key), .. }) => match key.take() {
                Some(name) => members.push((name, node)),
                None => match node.scalar() {
                    Some(name) => *key = Some(name.into()),
                    None => {
                        return Err(fail(format!("an object key must be a scalar, but this is {}", node.describe())));
                    }
                },
            },
        }
    }
    Ok(Node { line: 1, kind: Kind::Null })
}

/// Puts the members of merge keys (`<<: *defaults`) beside those that are written out, which go before them. CloudFormation
/// itself refuses merge keys, but the tools that package templates resolve them. Source: <https://yaml.org/type/merge.html>.
fn merged(members: Vec<(Box<str>, Node)>) -> Vec<(Box<str>, Node)> {
    if !members.iter().any(|(key, _)| &**key == "<<") {
        return members;
    }
    let mut all: Vec<(Box<str>, Node)> = Vec::new();
    let mut added = Vec::new();
    for (key, node) in members {
        match (&*key, node.kind) {
            ("<<", Kind::Map(more)) => added.extend(more),
            ("<<", Kind::List(lists)) => added.extend(lists.into_iter().flat_map(|list| match list.kind {
                Kind::Map(more) => more,
                _ => Vec::new(),
            })),
            (_, kind) => all.push((key, Node { line: node.line, kind })),
        }
    }
    let mut seen: HashSet<Box<str>> = all.iter().map(|(key, _)| key.clone()).collect();
    all.extend(added.into_iter().filter(|(key, _)| seen.insert(key.clone())));
    all
}

fn count(node: &Node) -> usize {
    let text = |text: &str| text.len() / TEXT_PER_VALUE;
    1 + match &node.kind {
        Kind::List(items) => items.iter().map(count).sum::<usize>(),
        Kind::Map(members) => members.iter().map(|(key, node)| text(key) + count(node)).sum::<usize>(),
        Kind::Text(value) | Kind::Number(value) => text(value),
        _ => 0,
    }
}

/// The intrinsic function behind a short tag: `!Ref` is `Ref`, `!Condition` is `Condition`, any other is `Fn::…`.
fn function(tag: &Tag) -> Option<String> {
    if tag.handle != "!" {
        return None;
    }
    Some(match tag.suffix.as_ref() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    })
}

fn tagged(tag: Option<String>, node: Node) -> Node {
    match tag {
        Some(name) => Node { line: node.line, kind: Kind::Map(vec![(name.into(), node)]) },
        None => node,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, line: u32) -> Node {
    let text_node = |text: &str| Node { line, kind: Kind::Text(text.into()) };
    match tag.and_then(function) {
        // `!GetAtt Resource.Attribute` splits at the first dot, as the CloudFormation user guide has it.
        Some(name) if name == "Fn::GetAtt" => {
            let (resource, attribute) = text.split_once('.').unwrap_or((text, ""));
            tagged(Some(name), Node { line, kind: Kind::List(vec![text_node(resource), text_node(attribute)]) })
        }
        Some(name) => tagged(Some(name), text_node(text)),
        None if style != ScalarStyle::Plain || tag.is_some() => text_node(text),
        None => Node { line, kind: plain(text) },
    }
}

fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && text.parse::<f64>().is_ok() => {
            Kind::Number(text.into())
        }
        _ => Kind::Text(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    /// The same value without its lines.
    fn bare(node: &Node) -> String {
        match &node.kind {
            Kind::List(items) => format!("[{}]", items.iter().map(bare).collect::<Vec<_>>().join(",")),
            Kind::Map(members) => {
                format!("{{{}}}", members.iter().map(|(k, v)| format!("{k}:{}", bare(v))).collect::<Vec<_>>().join(","))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn short_tags_mean_what_the_long_form_says() {
        for (yaml, same) in [
            ("!Ref A", r#"{"Ref":"A"}"#),
            ("!Condition A", r#"{"Condition":"A"}"#),
            ("!GetAtt A.B.C", r#"{"Fn::GetAtt":["A","B.C"]}"#),
            ("!GetAtt [A, B]", r#"{"Fn::GetAtt":["A","B"]}"#),
            ("!Sub 'a${B}'", r#"{"Fn::Sub":"a${B}"}"#),
            ("!If [A, !Ref B, 1]", r#"{"Fn::If":["A",{"Ref":"B"},1]}"#),
            ("!Join ['', [a, !Ref B]]", r#"{"Fn::Join":["",["a",{"Ref":"B"}]]}"#),
            ("a: !Select\n  - 0\n  - !GetAZs ''\n", r#"{"a":{"Fn::Select":[0,{"Fn::GetAZs":""}]}}"#),
            ("a: yes\nb: '1'\nc: 1.5\nd: ~\ne: true", r#"{"a":"yes","b":"1","c":1.5,"d":null,"e":true}"#),
        ] {
            assert_eq!(bare(&parse(yaml).unwrap()), bare(&json::parse(same.as_bytes()).unwrap()), "{yaml}");
        }
    }

    #[test]
    fn merge_keys_add_what_is_not_written_out() {
        for (yaml, same) in [
            ("a: &a {x: 1, y: 1}\nb: {<<: *a, x: 2}", r#"{"a":{"x":1,"y":1},"b":{"x":2,"y":1}}"#),
            (
                "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}",
                r#"{"a":{"x":1},"b":{"x":2,"y":2},"c":{"x":1,"y":2}}"#,
            ),
        ] {
            assert_eq!(bare(&parse(yaml).unwrap()), bare(&json::parse(same.as_bytes()).unwrap()), "{yaml}");
        }
    }

    #[test]
    fn lines_are_kept() {
        let node = parse("a:\n  b: 1\n\n  c: !Ref X\n").unwrap();
        let inner = node.get("a").unwrap();
        assert_eq!((inner.get("b").unwrap().line, inner.get("c").unwrap().line), (2, 4));
    }

    #[test]
    fn aliases_are_followed_but_not_without_end() {
        let node = parse("a: &x {b: 1}\nc: *x").unwrap();
        assert_eq!(node.get("c").and_then(|c| c.get("b")).and_then(Node::scalar), Some("1"));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let items = vec![format!("*a{}", level - 1); 10].join(",");
            bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(parse(&bomb).unwrap_err().message.contains("aliases expand"));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let error = parse("a: [1, 2\nb: 3").unwrap_err();
        assert_eq!(error.line, 2, "{error}");
        assert!(parse(&"[".repeat(10_000)).is_err());
        assert!(parse("? [a]\n: b").unwrap_err().message.contains("must be a scalar"));
    }
}
