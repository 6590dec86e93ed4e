//! Reads JSON into [`Node`]s, and skips what nobody asked for.
//!
//! Skipping is what makes a check fast: an uninteresting resource is passed over at the speed of a scan, without
//! building anything. The tokens come from `jiter`; this module adds line numbers and a limit to the nesting.

use jiter::{Jiter, JiterError, Peek};

use super::node::{Kind, Node};

/// How deeply values may nest. CloudFormation templates stay far below it; `jiter` skips no deeper either.
pub const MAX_DEPTH: u32 = 190;

/// A place where JSON could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line} column {column}")]
pub struct JsonError {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong, in lower case.
    pub message: String,
}

/// A cursor over one JSON document.
pub struct Reader<'a> {
    data: &'a [u8],
    tokens: Jiter<'a>,
    /// Up to where lines have been counted, and the line there.
    counted: (usize, u32),
    /// The line on which `data` begins.
    first_line: u32,
    /// Buffers for the names of members, one per level, used again for every object.
    names: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a document; a byte order mark is passed over.
    ///
    /// # Errors
    /// [`JsonError`] where the bytes are not UTF-8.
    pub fn new(data: &'a [u8]) -> Result<Reader<'a>, JsonError> {
        let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
        if let Err(error) = std::str::from_utf8(data) {
            let before = data.get(..error.valid_up_to()).unwrap_or_default();
            return Err(JsonError { message: "not valid UTF-8".to_owned(), ..place(before) });
        }
        Ok(Reader { data, tokens: Jiter::new(data), counted: (0, 1), first_line: 1, names: Vec::new() })
    }

    /// The line of the token that comes next.
    fn line(&mut self) -> u32 {
        self.line_at(self.tokens.current_index())
    }

    /// The line at an offset, which must not lie before one that was asked for already.
    fn line_at(&mut self, to: usize) -> u32 {
        let (from, line) = self.counted;
        let passed = self.data.get(from..to).unwrap_or_default();
        let line = line.saturating_add(u32::try_from(memchr::memchr_iter(b'\n', passed).count()).unwrap_or(u32::MAX));
        self.counted = (to, line);
        line
    }

    /// Turns an error of the tokenizer into one with a place.
    fn error(&self, error: &JiterError) -> JsonError {
        let before = self.data.get(..error.index.min(self.data.len())).unwrap_or_default();
        let message = match &error.error_type {
            jiter::JiterErrorType::WrongType { expected, actual } => {
                format!("expected {} but found {}", spoken(expected), spoken(actual))
            }
            jiter::JiterErrorType::JsonError(jiter::JsonErrorType::RecursionLimitExceeded) => too_deep(),
            jiter::JiterErrorType::JsonError(kind) => {
                let text = kind.to_string();
                let mut letters = text.chars();
                letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or(text)
            }
        };
        self.placed(before, message)
    }

    fn placed(&self, before: &[u8], message: String) -> JsonError {
        let JsonError { line, column, .. } = place(before);
        JsonError { line: line.saturating_add(self.first_line - 1), column, message }
    }

    /// An error at the current place.
    fn fail(&self, message: String) -> JsonError {
        self.placed(self.data.get(..self.tokens.current_index()).unwrap_or_default(), message)
    }

    /// Goes through the members of the object that comes next; `member` must read or skip each value.
    ///
    /// # Errors
    /// [`JsonError`] where this is not an object, or whatever `member` returns.
    pub fn object<F>(&mut self, mut member: F) -> Result<(), JsonError>
    where
        F: FnMut(&mut Self, &str) -> Result<(), JsonError>,
    {
        let mut name = self.names.pop().unwrap_or_default();
        name.clear();
        let mut present = match self.tokens.next_object() {
            Ok(Some(key)) => {
                name.push_str(key);
                true
            }
            Ok(None) => false,
            Err(error) => return Err(self.error(&error)),
        };
        while present {
            member(self, &name)?;
            name.clear();
            present = match self.tokens.next_key() {
                Ok(Some(key)) => {
                    name.push_str(key);
                    true
                }
                Ok(None) => false,
                Err(error) => return Err(self.error(&error)),
            };
        }
        self.names.push(name);
        Ok(())
    }

    /// Whether an object comes next.
    ///
    /// # Errors
    /// [`JsonError`] at the end of the document or where no value begins.
    pub fn at_object(&mut self) -> Result<bool, JsonError> {
        self.tokens.peek().map(|next| next == Peek::Object).map_err(|error| self.error(&error))
    }

    /// Passes over the value that comes next.
    ///
    /// # Errors
    /// [`JsonError`] where it is not JSON, or nested too deeply.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        self.tokens.next_skip().map_err(|error| self.error(&error))
    }

    /// Reads the value that comes next.
    ///
    /// # Errors
    /// [`JsonError`] where it is not JSON, or nested too deeply.
    pub fn node(&mut self) -> Result<Node, JsonError> {
        let next = self.peek()?;
        self.build(next, 0)
    }

    /// Reads an object, or passes over it: `wanted` is asked with the text of its member `key`.
    ///
    /// The value may be anything; what is not an object is read as it is, so that the caller can complain about it.
    ///
    /// # Errors
    /// [`JsonError`] where it is not JSON, or nested too deeply.
    pub fn node_if<F>(&mut self, key: &str, wanted: F) -> Result<Option<Node>, JsonError>
    where
        F: Fn(&str) -> bool,
    {
        if self.peek()? != Peek::Object {
            return self.node().map(Some);
        }
        let start = self.tokens.current_index();
        let mut keep = false;
        self.object(|reader, name| {
            if name == key && reader.peek()? == Peek::String {
                match reader.tokens.known_str() {
                    Ok(text) => keep = wanted(text),
                    Err(error) => return Err(reader.error(&error)),
                }
                Ok(())
            } else {
                reader.skip()
            }
        })?;
        if !keep {
            return Ok(None);
        }
        let line = self.line_at(start);
        let data = self.data.get(start..self.tokens.current_index()).unwrap_or_default();
        Reader { data, tokens: Jiter::new(data), counted: (0, line), first_line: line, names: Vec::new() }
            .node()
            .map(Some)
    }

    /// Makes sure that nothing but white space is left.
    ///
    /// # Errors
    /// [`JsonError`] at the first byte that is left over.
    pub fn finish(&mut self) -> Result<(), JsonError> {
        self.tokens.finish().map_err(|error| self.error(&error))
    }

    fn peek(&mut self) -> Result<Peek, JsonError> {
        self.tokens.peek().map_err(|error| self.error(&error))
    }

    fn build(&mut self, next: Peek, depth: u32) -> Result<Node, JsonError> {
        if depth > MAX_DEPTH {
            return Err(self.fail(too_deep()));
        }
        let line = self.line();
        let kind = match next {
            Peek::Null => self.tokens.known_null().map(|()| Kind::Null).map_err(|e| self.error(&e))?,
            Peek::True | Peek::False => self.tokens.known_bool(next).map(Kind::Bool).map_err(|e| self.error(&e))?,
            Peek::String => match self.tokens.known_str() {
                Ok(text) => Kind::Text(text.into()),
                Err(error) => return Err(self.error(&error)),
            },
            Peek::Array => {
                let mut items = Vec::new();
                let mut step = self.tokens.known_array().map_err(|e| self.error(&e))?;
                while let Some(next) = step {
                    items.push(self.build(next, depth + 1)?);
                    step = self.tokens.array_step().map_err(|e| self.error(&e))?;
                }
                Kind::List(items)
            }
            Peek::Object => {
                let mut members: Vec<(Box<str>, Node)> = Vec::new();
                self.object(|reader, name| {
                    let next = reader.peek()?;
                    members.push((name.into(), reader.build(next, depth + 1)?));
                    Ok(())
                })?;
                Kind::Map(members)
            }
            _ => match self.tokens.known_number_bytes(next) {
                Ok(digits) => Kind::Number(String::from_utf8_lossy(digits).into()),
                Err(error) => return Err(self.error(&error)),
            },
        };
        Ok(Node { line, kind })
    }
}

/// Reads a whole JSON document.
///
/// # Errors
/// [`JsonError`] with the place of the first mistake.
pub fn parse(data: &[u8]) -> Result<Node, JsonError> {
    let mut reader = Reader::new(data)?;
    let node = reader.node()?;
    reader.finish()?;
    Ok(node)
}

fn too_deep() -> String {
    format!("values nested deeper than {MAX_DEPTH} levels")
}

fn spoken(kind: &jiter::JsonType) -> &'static str {
    match kind {
        jiter::JsonType::Null => "null",
        jiter::JsonType::Bool => "a boolean",
        jiter::JsonType::Int | jiter::JsonType::Float => "a number",
        jiter::JsonType::String => "a string",
        jiter::JsonType::Array => "an array",
        jiter::JsonType::Object => "an object",
    }
}

/// Line and column behind the text that comes before an error.
fn place(before: &[u8]) -> JsonError {
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
    JsonError {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        message: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_knows_its_line() {
        let node = parse(b"{\n \"a\": 1,\n \"b\": [\n  true,\n  \"x\"]\n}").unwrap();
        assert_eq!(node.line, 1);
        assert_eq!(node.get("a").map(|n| (n.line, n.scalar())), Some((2, Some("1"))));
        let items = node.get("b").and_then(Node::items).unwrap();
        assert_eq!((items[0].line, items[1].line), (4, 5));
    }

    #[test]
    fn an_unwanted_object_is_passed_over_and_a_wanted_one_keeps_its_lines() {
        let text = b"{\"x\": {\"Type\": \"No\", \"p\": [1,{}]},\n\n \"y\":\n {\"p\": 2,\n \"Type\": \"Yes\"}}";
        let mut reader = Reader::new(text).unwrap();
        let mut seen = Vec::new();
        reader
            .object(|reader, name| {
                if let Some(node) = reader.node_if("Type", |kind| kind == "Yes")? {
                    seen.push((name.to_owned(), node.line, node.get("Type").map(|n| n.line)));
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [("y".to_owned(), 4, Some(5))]);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, message) in [
            (&b"{\"a\": \n tru}"[..], "expected ident at line 2 column 5"),
            (b"{\"a\": 1", "EOF while parsing an object at line 1 column 8"),
            (b"", "EOF while parsing a value at line 1 column 1"),
            (b"{} x", "trailing characters at line 1 column 4"),
            (b"{\"a\": \"\xff\"}", "not valid UTF-8 at line 1 column 8"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert_eq!(error.to_lowercase(), message.to_lowercase());
        }
    }

    #[test]
    fn ten_thousand_levels_are_an_error_and_not_a_crash() {
        let text = "[".repeat(10_000);
        assert!(parse(text.as_bytes()).unwrap_err().message.contains("nested deeper"));
        let mut reader = Reader::new(text.as_bytes()).unwrap();
        assert!(reader.skip().unwrap_err().message.contains("nested deeper"));
    }
}
