//! The simple commands in a shell script, with the values of variables as far as the script itself says them.
//!
//! Nothing is executed and nothing is guessed: a variable that is set in a branch, twice, by a command or by another script has
//! no known value, and stays in its words as `${NAME}`. Source: POSIX.1-2024, "Shell Command Language".

use std::collections::HashMap;

/// How long a word may become.
const MAX_WORD: usize = 1 << 14;
/// How many characters the values of variables may add to all words together.
const MAX_EXPANDED: usize = 1 << 22;

/// A simple command: a program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its words, expanded; what is not known stands as `${NAME}` or `$(…)`.
    pub words: Vec<Word>,
    /// Variables that are set for this command alone.
    pub environment: Vec<(String, String)>,
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its text.
    pub text: String,
    /// Whether it is nothing but an unknown value without quotes, which may be any number of words.
    pub may_be_several: bool,
}

/// Whether nothing in a text stands for a value that only the shell knows.
pub fn is_known(text: &str) -> bool {
    !text.contains('$')
}

/// Variables, by name; `None` where a value is there but not known.
#[derive(Debug, Clone, Default)]
pub struct Variables(HashMap<String, Option<String>>);

impl Variables {
    /// Gives a variable its value from outside of the script; a later call replaces it.
    pub fn set(&mut self, name: &str, value: Option<String>) {
        self.0.insert(name.to_owned(), value);
    }

    /// What is known of a variable: `None` if nothing sets it, `Some(None)` if its value is not known.
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        self.0.get(name).map(Option::as_deref)
    }

    /// Notes an assignment of the script; a value that differs from an earlier one makes both unknown.
    fn assign(&mut self, name: &str, value: Option<String>) {
        let value = match self.0.get(name) {
            Some(before) if *before != value => None,
            _ => value,
        };
        self.0.insert(name.to_owned(), value.filter(|value| value.len() <= MAX_WORD));
    }
}

/// A piece of a word.
#[derive(Debug)]
enum Piece {
    Text(String),
    Variable {
        name: String,
        quoted: bool,
    },
    /// A command substitution, an arithmetic expansion, an operator in a parameter expansion: as it is written.
    Opaque {
        text: String,
        quoted: bool,
    },
}

#[derive(Debug)]
enum Token {
    Word(Vec<Piece>),
    /// The end of a command; whether the next one runs only if this one went well, or not.
    End {
        conditional: bool,
    },
}

/// Reads scripts one after the other, as one shell would run them.
#[derive(Debug, Default)]
pub struct Reader {
    /// The variables at this point.
    pub variables: Variables,
    /// How deeply the script is in branches, loops and functions.
    branches: usize,
    /// How many characters the values of variables have added.
    expanded: usize,
}

impl Reader {
    /// A shell that starts with these variables.
    pub fn new(variables: Variables) -> Reader {
        Reader { variables, branches: 0, expanded: 0 }
    }

    /// The simple commands of a script, in their order, whether they would run or not.
    pub fn commands(&mut self, script: &str) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut words: Vec<Vec<Piece>> = Vec::new();
        let mut conditional = false;
        for token in tokens(script) {
            match token {
                Token::Word(pieces) => words.push(pieces),
                Token::End { conditional: next } => {
                    commands.extend(self.command(std::mem::take(&mut words), conditional));
                    conditional = next;
                }
            }
        }
        commands.extend(self.command(words, conditional));
        commands
    }

    fn command(&mut self, words: Vec<Vec<Piece>>, conditional: bool) -> Option<Command> {
        let mut words = words.into_iter().peekable();
        while let Some(keyword) = words.peek().and_then(|pieces| plain(pieces)) {
            match keyword {
                "if" | "case" | "for" | "while" | "until" | "{" => self.branches += 1,
                "fi" | "esac" | "done" | "}" => self.branches = self.branches.saturating_sub(1),
                "then" | "else" | "elif" | "do" | "!" | "time" | "sudo" | "exec" | "command" | "nohup" => {}
                _ => break,
            }
            let is_loop = keyword == "for";
            words.next();
            if is_loop && let Some(variable) = words.peek().and_then(|pieces| plain(pieces)) {
                self.variables.set(variable, None);
                return None;
            }
        }
        let unsure = conditional || self.branches > 0;
        let mut environment = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|pieces| assignment(pieces)) {
            let value = self.expand(value).text;
            environment.push((name.to_owned(), value));
            words.next();
        }
        if words.peek().is_none() {
            for (name, value) in environment {
                self.assign(&name, value, unsure);
            }
            return None;
        }
        let words: Vec<Vec<Piece>> = words.collect();
        match words.first().and_then(|pieces| plain(pieces)) {
            Some("export" | "declare" | "local" | "readonly" | "typeset") => {
                for pieces in &words {
                    if let Some((name, value)) = assignment(pieces) {
                        let value = self.expand(value).text;
                        self.assign(name, value, unsure);
                    }
                }
                None
            }
            Some("read" | "unset" | "mapfile" | "readarray" | "getopts") => {
                for name in words.iter().filter_map(|pieces| plain(pieces)) {
                    self.variables.set(name, None);
                }
                None
            }
            Some("env") => {
                let mut rest = words.iter().skip(1).peekable();
                while let Some((name, value)) = rest.peek().and_then(|pieces| assignment(pieces)) {
                    let value = self.expand(value).text;
                    environment.push((name.to_owned(), value));
                    rest.next();
                }
                let words: Vec<Word> = rest.map(|pieces| self.expand_word(pieces)).collect();
                (!words.is_empty()).then_some(Command { words, environment })
            }
            _ => {
                let words = words.iter().map(|pieces| self.expand_word(pieces)).collect();
                Some(Command { words, environment })
            }
        }
    }

    fn assign(&mut self, name: &str, value: String, unsure: bool) {
        self.variables.assign(name, (!unsure && is_known(&value)).then_some(value));
    }

    fn expand_word(&mut self, pieces: &[Piece]) -> Word {
        self.expand(pieces.iter().map(|piece| (piece, None)))
    }

    /// Puts a word together; the text that comes with a piece replaces the piece's own.
    fn expand<'p>(&mut self, pieces: impl IntoIterator<Item = (&'p Piece, Option<&'p str>)>) -> Word {
        let mut word = Word { text: String::new(), may_be_several: false };
        let mut only_unknown = true;
        let mut unquoted = false;
        for (piece, instead) in pieces {
            match piece {
                Piece::Text(text) => {
                    let text = instead.unwrap_or(text);
                    only_unknown &= text.is_empty();
                    word.text.push_str(text);
                }
                Piece::Variable { name, quoted } => match self.variables.get(name) {
                    Some(Some(value)) if word.text.len() + value.len() <= MAX_WORD && self.expanded < MAX_EXPANDED => {
                        only_unknown = false;
                        self.expanded += value.len();
                        word.text.push_str(value);
                    }
                    _ => {
                        unquoted |= !quoted && !is_one_word(name);
                        word.text.push_str(&format!("${{{name}}}"));
                    }
                },
                Piece::Opaque { text, quoted } => {
                    unquoted |= !quoted && text != "$(pwd)";
                    word.text.push_str(text);
                }
            }
        }
        word.may_be_several = only_unknown && unquoted;
        word
    }
}

/// Whether a variable without a known value is a path, a name or a number all the same: CodeBuild or the shell sets it.
fn is_one_word(name: &str) -> bool {
    name.starts_with("CODEBUILD_") || matches!(name, "PWD" | "HOME" | "OLDPWD" | "AWS_REGION" | "AWS_DEFAULT_REGION")
}

/// The text of a word in which nothing is expanded.
fn plain(pieces: &[Piece]) -> Option<&str> {
    match pieces {
        [Piece::Text(text)] => Some(text),
        _ => None,
    }
}

/// The pieces of a value, the first of them with what is left of its text.
type ValueOf<'p> = Vec<(&'p Piece, Option<&'p str>)>;

/// The name and the value of `NAME=value`.
fn assignment(pieces: &[Piece]) -> Option<(&str, ValueOf<'_>)> {
    let Some((first @ Piece::Text(text), rest)) = pieces.split_first() else { return None };
    let (name, value) = text.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = std::iter::once((first, Some(value))).chain(rest.iter().map(|piece| (piece, None)));
    is_name.then(|| (name, value.collect()))
}

/// Splits a script into words and ends of commands.
fn tokens(script: &str) -> Vec<Token> {
    let mut scanner = Scanner { rest: script, tokens: Vec::new(), word: None, heredocs: Vec::new() };
    scanner.scan();
    scanner.tokens
}

struct Scanner<'s> {
    rest: &'s str,
    tokens: Vec<Token>,
    word: Option<Vec<Piece>>,
    heredocs: Vec<String>,
}

impl<'s> Scanner<'s> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'s str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn push(&mut self, c: char) {
        let pieces = self.word.get_or_insert_default();
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => pieces.push(Piece::Text(c.to_string())),
        }
    }

    fn end_word(&mut self) {
        self.tokens.extend(self.word.take().map(Token::Word));
    }

    fn end_command(&mut self, conditional: bool) {
        self.end_word();
        self.tokens.push(Token::End { conditional });
    }

    fn scan(&mut self) {
        while let Some(c) = self.next() {
            match c {
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' => {
                    self.end_command(false);
                    self.skip_heredocs();
                }
                ';' => self.end_command(false),
                '&' => {
                    let and = self.eat('&');
                    self.end_command(and);
                }
                '|' => {
                    let or = self.eat('|');
                    self.end_command(or);
                }
                '(' | ')' => self.end_command(false),
                '#' if self.word.is_none() => {
                    self.take_while(|c| c != '\n');
                }
                '<' | '>' => self.redirection(c),
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some('\r') if self.eat('\n') => {}
                    Some(escaped) => self.push(escaped),
                },
                '\'' => {
                    self.word.get_or_insert_default();
                    let text = self.take_while(|c| c != '\'');
                    text.chars().for_each(|c| self.push(c));
                    self.next();
                }
                '"' => self.double_quoted(),
                '$' => self.expansion(false),
                '`' => self.backquoted(false),
                other => self.push(other),
            }
        }
        self.end_word();
    }

    fn double_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.next() {
            match c {
                '"' => return,
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => self.push(escaped),
                    Some(other) => {
                        self.push('\\');
                        self.push(other);
                    }
                },
                '$' => self.expansion(true),
                '`' => self.backquoted(true),
                other => self.push(other),
            }
        }
    }

    fn piece(&mut self, piece: Piece) {
        self.word.get_or_insert_default().push(piece);
    }

    fn expansion(&mut self, quoted: bool) {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match self.peek() {
            Some('(') => {
                let text = self.balanced('(', ')');
                self.piece(Piece::Opaque { text: format!("${text}"), quoted });
            }
            Some('{') => {
                let text = self.balanced('{', '}');
                let inner = text.trim_start_matches('{').trim_end_matches('}');
                let piece = if !inner.is_empty() && inner.chars().all(is_name) {
                    Piece::Variable { name: inner.to_owned(), quoted }
                } else {
                    Piece::Opaque { text: format!("${text}"), quoted }
                };
                self.piece(piece);
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.take_while(is_name).to_owned();
                self.piece(Piece::Variable { name, quoted });
            }
            Some(c @ ('@' | '*' | '#' | '?' | '$' | '!' | '-' | '0'..='9')) => {
                self.next();
                self.piece(Piece::Opaque { text: format!("${c}"), quoted });
            }
            _ => self.push('$'),
        }
    }

    /// What stands between a pair of brackets, both included; a bracket in quotes counts as any other.
    fn balanced(&mut self, open: char, close: char) -> String {
        let mut depth = 0_usize;
        let mut text = String::new();
        while let Some(c) = self.next() {
            text.push(c);
            if c == open {
                depth += 1;
            } else if c == close {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
        }
        text
    }

    fn backquoted(&mut self, quoted: bool) {
        let text = self.take_while(|c| c != '`').to_owned();
        self.next();
        self.piece(Piece::Opaque { text: format!("$(`{text}`)"), quoted });
    }

    /// A redirection and its target are no words of the command.
    fn redirection(&mut self, c: char) {
        // `2>`: the number belongs to the redirection.
        if self.word.as_deref().and_then(plain).is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        if c == '<' && self.eat('<') {
            if self.eat('<') {
                return;
            }
            self.eat('-');
            self.take_while(|c| c == ' ' || c == '\t');
            let name = self.take_while(|c| !c.is_whitespace() && !";&|<>()".contains(c));
            self.heredocs.push(name.trim_matches(['\'', '"', '\\']).to_owned());
            return;
        }
        self.eat('>');
        if self.eat('&') {
            self.take_while(|c| c.is_ascii_digit() || c == '-');
            return;
        }
        self.take_while(|c| c == ' ' || c == '\t');
        self.take_while(|c| !c.is_whitespace() && !";&|<>()".contains(c));
    }

    fn skip_heredocs(&mut self) {
        for name in std::mem::take(&mut self.heredocs) {
            while !self.rest.is_empty() {
                let line = self.take_while(|c| c != '\n');
                self.next();
                if line.trim() == name {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(script: &str) -> Vec<String> {
        let commands = Reader::default().commands(script);
        let line = |command: &Command| command.words.iter().map(|word| word.text.clone()).collect::<Vec<_>>().join("|");
        commands.iter().map(line).collect()
    }

    #[test]
    fn commands_end_where_a_shell_ends_them() {
        assert_eq!(read("a b && c || d; e | f\ng"), ["a|b", "c", "d", "e", "f", "g"]);
        assert_eq!(read("a \\\n  b # c\n# d\nx#y"), ["a|b", "x#y"]);
        assert_eq!(read("if [ x ]; then a; else b; fi"), ["[|x|]", "a", "b"]);
        assert_eq!(read("(cd x && sudo a) > log 2>&1"), ["cd|x", "a"]);
        assert_eq!(read("cat <<EOF > f\nnot a command\nEOF\na"), ["cat", "a"]);
        assert_eq!(read("a 'b c' \"d e\" f\\ g \"h\\\"i\" ''"), ["a|b c|d e|f g|h\"i|"]);
    }

    #[test]
    fn variables_that_the_script_sets_are_known() {
        assert_eq!(read("A=x; B=$A/y\necho $B \"${A}\" '$A'"), ["echo|x/y|x|$A"]);
        assert_eq!(read("export A=x B=y\necho $A$B"), ["echo|xy"]);
        assert_eq!(read("A=x; A=x; echo $A"), ["echo|x"]);
    }

    #[test]
    fn values_that_are_not_certain_are_not_known() {
        for script in [
            "A=x; A=y; echo $A",
            "if true; then A=x; fi; echo $A",
            "[ -f y ] && A=x\necho $A",
            "A=$(cat y); echo $A",
            "for A in x y; do echo $A; done",
            "read A; echo $A",
            "echo ${A}",
        ] {
            assert_eq!(read(script).last().map(String::as_str), Some("echo|${A}"), "{script}");
        }
        assert_eq!(read("echo ${A:-x} $(a b) `c` $@"), ["echo|${A:-x}|$(a b)|$(`c`)|$@"]);
    }

    #[test]
    fn an_unknown_word_without_quotes_may_be_several() {
        let several = |script: &str| -> Vec<bool> {
            let commands = Reader::default().commands(script);
            commands[0].words.iter().map(|word| word.may_be_several).collect()
        };
        assert_eq!(several("a $B \"$B\" x$B $CODEBUILD_SRC_DIR $(c)"), [false, true, false, false, false, true]);
    }

    #[test]
    fn what_never_ends_comes_to_an_end() {
        for script in ["'a", "\"a", "$(a", "${a", "`a", "a <<EOF\nb", "$", "\\", "<", "((((", "a=\"$(\"", "<<", "2>"] {
            let _ = read(script);
        }
        let doubling = format!("A=xxxxxxxx\n{}echo $A", "A=$A$A\n".repeat(64));
        assert_eq!(read(&doubling), ["echo|${A}"]);
        let names: String = (1..64).map(|n| format!("A{n}=$A{}$A{}\n", n - 1, n - 1)).collect();
        assert!(read(&format!("A0=xxxxxxxx\n{names}echo $A63"))[0].len() < 100);
        let long = format!("A={}\necho {}", "x".repeat(10_000), "$A ".repeat(100_000));
        assert!(read(&long)[0].len() < 2 * MAX_EXPANDED);
    }
}
