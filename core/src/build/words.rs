//! Words of a Dockerfile: quotes, escapes, and variables.
//!
//! The rules are those of BuildKit's `shell` package (frontend/dockerfile/shell): `$NAME`, `${NAME}`, `${NAME:-default}`,
//! `${NAME-default}`, `${NAME:+other}`, `${NAME+other}`. Other forms are not expanded here, and then the word is not known.

use super::dockerfile::Argument;

/// What a word comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// This text.
    Known(String),
    /// It depends on the machine that builds.
    BuildHost,
    /// It is not known, with the reason.
    Unknown(String),
}

impl Word {
    /// The text, if it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Word::Known(text) => Some(text),
            _ => None,
        }
    }
}

/// The names of `ARG`, with their defaults.
pub fn arguments(text: &str, line: usize) -> Vec<Argument> {
    let words = split(text).into_iter().filter(|word| !word.is_empty());
    words
        .map(|word| match word.split_once('=') {
            Some((name, default)) => Argument { name: name.to_owned(), default: Some(default.to_owned()), line },
            None => Argument { name: word, default: None, line },
        })
        .collect()
}

/// The names and values of `ENV`: `A=1 B=2`, or the old form `A 1 and the rest`.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let words = split(text);
    let old_form = words.first().is_some_and(|word| !word.contains('='));
    if old_form {
        let (name, value) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        return vec![(name.to_owned(), value.trim().to_owned())];
    }
    words
        .iter()
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Splits at blanks that are not quoted or escaped; quotes stay.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => {
                word.push(c);
                word.extend(chars.next());
            }
            ('"' | '\'', None) => {
                quote = Some(c);
                word.push(c);
            }
            (c, Some(open)) if c == open => {
                quote = None;
                word.push(c);
            }
            (c, None) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Takes quotes away and puts values in the place of variables. A variable that `lookup` does not have is empty, as in a build.
pub fn expand(text: &str, escape: char, lookup: &dyn Fn(&str) -> Option<Word>) -> Word {
    let mut expansion = Expansion { chars: text.chars().collect(), at: 0, escape, lookup, out: String::new() };
    match expansion.run(None) {
        Ok(()) => Word::Known(expansion.out),
        Err(word) => word,
    }
}

/// As deep as variables may stand in each other's defaults.
const MAX_DEPTH: usize = 16;
/// As long as a word may become, in bytes: variables that double each other grow without end.
const MAX_LENGTH: usize = 1 << 20;

struct Expansion<'l> {
    chars: Vec<char>,
    at: usize,
    escape: char,
    lookup: &'l dyn Fn(&str) -> Option<Word>,
    out: String,
}

impl Expansion<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied()?;
        self.at += 1;
        Some(c)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Expands up to the end, or to a closing character that is taken too.
    fn run(&mut self, until: Option<char>) -> Result<(), Word> {
        self.run_at(until, 0)
    }

    fn run_at(&mut self, until: Option<char>, depth: usize) -> Result<(), Word> {
        let mut quoted = false;
        while let Some(c) = self.next() {
            match c {
                _ if Some(c) == until && !quoted => return Ok(()),
                '\'' if !quoted => {
                    while let Some(inner) = self.next().filter(|inner| *inner != '\'') {
                        self.out.push(inner);
                    }
                }
                '"' => quoted = !quoted,
                _ if c == self.escape => match self.next() {
                    Some(escaped) if quoted && !matches!(escaped, '"' | '$') && escaped != self.escape => {
                        self.out.push(c);
                        self.out.push(escaped);
                    }
                    Some(escaped) => self.out.push(escaped),
                    None => self.out.push(c),
                },
                '$' => self.variable(depth)?,
                _ => self.out.push(c),
            }
        }
        match until {
            None => Ok(()),
            Some(_) => Err(Word::Unknown("a `${` is not closed".to_owned())),
        }
    }

    fn variable(&mut self, depth: usize) -> Result<(), Word> {
        if depth > MAX_DEPTH {
            return Err(Word::Unknown("variables stand too deep in each other".to_owned()));
        }
        let braces = self.peek() == Some('{');
        if braces {
            self.at += 1;
        }
        let name = self.name();
        if name.is_empty() {
            if braces {
                return Err(Word::Unknown("a variable has no name".to_owned()));
            }
            self.out.push('$');
            return Ok(());
        }
        let value = (self.lookup)(&name);
        if !braces {
            return self.put(value);
        }
        let colon = self.peek() == Some(':');
        let operator = self.chars.get(self.at + usize::from(colon)).copied();
        match operator {
            Some('}') if !colon => {
                self.at += 1;
                self.put(value)
            }
            Some(operator @ ('-' | '+')) => {
                self.at += 1 + usize::from(colon);
                let is_set = match &value {
                    None => false,
                    Some(Word::Known(text)) => !colon || !text.is_empty(),
                    Some(_) => true,
                };
                let before = self.out.len();
                let other = self.run_at(Some('}'), depth + 1);
                let wants_other = (operator == '+') == is_set;
                if wants_other {
                    return other;
                }
                self.out.truncate(before);
                if operator == '-' { self.put(value) } else { Ok(()) }
            }
            _ => Err(Word::Unknown(format!("the form of `${{{name}…}}` is not followed"))),
        }
    }

    fn put(&mut self, value: Option<Word>) -> Result<(), Word> {
        match value {
            None => Ok(()),
            Some(Word::Known(text)) if self.out.len() + text.len() > MAX_LENGTH => {
                Err(Word::Unknown("variables become too long".to_owned()))
            }
            Some(Word::Known(text)) => {
                self.out.push_str(&text);
                Ok(())
            }
            Some(other) => Err(other),
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            if name.is_empty() && c.is_ascii_digit() {
                // `$1` is one character long.
                self.at += 1;
                name.push(c);
                break;
            }
            name.push(c);
            self.at += 1;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Word {
        expand(text, '\\', &|name| match name {
            "A" => Some(Word::Known("one".to_owned())),
            "EMPTY" => Some(Word::Known(String::new())),
            "HOST" => Some(Word::BuildHost),
            _ => None,
        })
    }

    #[test]
    fn variables_are_expanded_as_in_a_build() {
        for (text, value) in [
            ("x$A-${A}y", "xone-oney"),
            ("${A:-b}${NO:-b}${EMPTY:-b}${EMPTY-b}", "onebb"),
            ("${A:+b}${NO:+b}${EMPTY+c}", "bc"),
            ("${NO:-${A}}", "one"),
            ("\"$A\" '$A' \\$A", "one $A $A"),
            ("$NO", ""),
            ("a$", "a$"),
            ("${NO:-linux/amd64}", "linux/amd64"),
        ] {
            assert_eq!(expanded(text), Word::Known(value.to_owned()), "{text}");
        }
        assert_eq!(expanded("x$HOST"), Word::BuildHost);
        for text in ["${A#x}", "${A", "${}", "${A:?x}"] {
            assert!(matches!(expanded(text), Word::Unknown(_)), "{text}");
        }
    }

    #[test]
    fn both_forms_of_env_are_read() {
        assert_eq!(pairs("A=1 B=\"2 3\""), [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "\"2 3\"".to_owned())]);
        assert_eq!(pairs("PATH /a /b"), [("PATH".to_owned(), "/a /b".to_owned())]);
    }

    #[test]
    fn arguments_may_have_defaults() {
        let read = arguments("A B=x", 3);
        assert_eq!((read[0].name.as_str(), &read[0].default), ("A", &None));
        assert_eq!((read[1].name.as_str(), read[1].default.as_deref(), read[1].line), ("B", Some("x"), 3));
    }

    #[test]
    fn endless_growth_ends() {
        let mut value = "x".repeat(1000);
        for _ in 0..60 {
            match expand("$V$V", '\\', &|_| Some(Word::Known(value.clone()))) {
                Word::Known(text) => value = text,
                other => return assert_eq!(other, Word::Unknown("variables become too long".to_owned())),
            }
        }
        panic!("{} bytes", value.len());
    }

    #[test]
    fn endless_nesting_ends() {
        let deep = format!("{}x{}", "${NO:-".repeat(100_000), "}".repeat(100_000));
        assert!(matches!(expanded(&deep), Word::Unknown(_)));
    }
}
