//! `.dockerignore`: which files of a directory a build does not see.
//!
//! The rules are those of moby's `patternmatcher` package and its `ignorefile` reader: the last pattern that matches a file
//! or one of its directories decides, `!` takes a file back, `**` goes through directories.

/// The patterns of an ignore file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    patterns: Vec<Pattern>,
    has_exceptions: bool,
}

/// As many patterns as are looked at; files with more are generated, and no build would be quick with them either.
const MAX_PATTERNS: usize = 10_000;

impl Ignore {
    /// Reads an ignore file. A pattern that no build takes is left out: the build says so itself.
    pub fn parse(text: &str) -> Ignore {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty());
        let patterns: Vec<Pattern> = lines.take(MAX_PATTERNS).filter_map(Pattern::parse).collect();
        let has_exceptions = patterns.iter().any(|pattern| pattern.exception);
        Ignore { patterns, has_exceptions }
    }

    /// Whether a path, relative to the context and with `/` in it, is ignored.
    pub fn ignores(&self, path: &str) -> bool {
        let mut ignored = false;
        for pattern in &self.patterns {
            if pattern.exception == ignored && pattern.matches_path_or_parent(path) {
                ignored = !pattern.exception;
            }
        }
        ignored
    }

    /// Whether nothing below an ignored directory can be taken back.
    pub fn prunes(&self) -> bool {
        !self.has_exceptions
    }
}

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    exception: bool,
    glob: Glob,
}

impl Pattern {
    fn parse(line: &str) -> Option<Pattern> {
        let (exception, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if text.is_empty() {
            return None;
        }
        let cleaned = clean(text);
        let rooted = cleaned.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&cleaned);
        Some(Pattern { exception, glob: Glob::parse(rooted)? })
    }

    fn matches_path_or_parent(&self, path: &str) -> bool {
        self.glob.matches(path)
            || path.match_indices('/').any(|(at, _)| path.get(..at).is_some_and(|parent| self.glob.matches(parent)))
    }
}

/// `filepath.Clean` of Go.
fn clean(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    let rooted = path.starts_with('/');
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => {
                names.pop();
            }
            ".." if rooted => {}
            name => names.push(name),
        }
    }
    let joined = names.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// A pattern of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Glob {
    /// This path.
    Exact(String),
    /// Everything that begins so.
    Prefix(String),
    /// Everything that ends so: `**` and then this; behind `/`, the path itself too.
    Suffix(String),
    /// Anything else.
    Tokens(Vec<Token>),
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// This character.
    Char(char),
    /// Any character but `/`.
    Any,
    /// Any characters but `/`.
    Star,
    /// Any directories, or none.
    Directories,
    /// Anything.
    Rest,
    /// One of these ranges, or none of them.
    Class(bool, Vec<(char, char)>),
}

impl Glob {
    /// Reads a pattern; `None` where no build takes it.
    pub fn parse(text: &str) -> Option<Glob> {
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    chars.next_if_eq(&'/');
                    if chars.peek().is_none() { Token::Rest } else { Token::Directories }
                }
                '*' => Token::Star,
                '?' => Token::Any,
                '\\' => Token::Char(chars.next()?),
                '[' => {
                    let negated = chars.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    loop {
                        let from = match chars.next()? {
                            ']' if !ranges.is_empty() => break,
                            '\\' => chars.next()?,
                            c => c,
                        };
                        let to = match chars.next_if_eq(&'-') {
                            Some(_) => chars.next()?,
                            None => from,
                        };
                        ranges.push((from, to));
                    }
                    Token::Class(negated, ranges)
                }
                c => Token::Char(c),
            });
        }
        let literal = |tokens: &[Token]| -> Option<String> {
            tokens.iter().map(|token| if let Token::Char(c) = token { Some(*c) } else { None }).collect()
        };
        if let Some(exact) = literal(&tokens) {
            return Some(Glob::Exact(exact));
        }
        match tokens.split_first() {
            // What `**/` swallowed still stands in the pattern's text.
            Some((Token::Directories, rest)) if literal(rest).is_some() => {
                return text.strip_prefix("**").map(|suffix| Glob::Suffix(suffix.replace('\\', "")));
            }
            Some((Token::Rest, [])) => return Some(Glob::Prefix(String::new())),
            _ => {}
        }
        match tokens.split_last() {
            Some((Token::Rest, before)) => match literal(before) {
                Some(prefix) => Some(Glob::Prefix(prefix)),
                None => Some(Glob::Tokens(tokens)),
            },
            _ => Some(Glob::Tokens(tokens)),
        }
    }

    /// Whether a path matches as a whole. Takes time in proportion to the lengths of both, whatever they are.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Glob::Exact(exact) => exact == path,
            Glob::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Glob::Suffix(suffix) => path.ends_with(suffix.as_str()) || suffix.strip_prefix('/') == Some(path),
            Glob::Tokens(tokens) => tokens_match(tokens, path),
        }
    }
}

/// Walks over the path with the set of tokens that may come next.
fn tokens_match(tokens: &[Token], path: &str) -> bool {
    let mut open = vec![false; tokens.len() + 1];
    // A token that may stand for nothing opens the one behind it.
    let close = |open: &mut Vec<bool>, start_of_name: bool| {
        for (index, token) in tokens.iter().enumerate() {
            let empty = match token {
                Token::Star | Token::Rest => true,
                Token::Directories => start_of_name,
                _ => false,
            };
            if empty
                && open.get(index) == Some(&true)
                && let Some(next) = open.get_mut(index + 1)
            {
                *next = true;
            }
        }
    };
    // `(.*/)?` may be left out wherever it stands, and else ends behind a `/`.
    let mut inside = vec![false; tokens.len()];
    if let Some(first) = open.first_mut() {
        *first = true;
    }
    close(&mut open, true);
    for c in path.chars() {
        let mut next = vec![false; tokens.len() + 1];
        let mut next_inside = vec![false; tokens.len()];
        let mut put = |index: usize| {
            if let Some(slot) = next.get_mut(index) {
                *slot = true;
            }
        };
        for (index, token) in tokens.iter().enumerate() {
            let is_open = open.get(index) == Some(&true);
            let was_inside = inside.get(index) == Some(&true);
            match token {
                Token::Directories if is_open || was_inside => {
                    if let Some(slot) = next_inside.get_mut(index) {
                        *slot = true;
                    }
                    if c == '/' {
                        put(index + 1);
                    }
                }
                _ if !is_open => {}
                Token::Char(wanted) if *wanted == c => put(index + 1),
                Token::Any if c != '/' => put(index + 1),
                Token::Star if c != '/' => put(index),
                Token::Rest => put(index),
                Token::Class(negated, ranges)
                    if ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated =>
                {
                    put(index + 1);
                }
                _ => {}
            }
        }
        close(&mut next, true);
        (open, inside) = (next, next_inside);
        if !open.contains(&true) && !inside.contains(&true) {
            return false;
        }
    }
    open.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(patterns: &str, path: &str) -> bool {
        Ignore::parse(patterns).ignores(path)
    }

    #[test]
    fn a_pattern_matches_a_file_and_what_is_below_it() {
        for (pattern, path) in [
            ("node_modules", "node_modules/a/b.js"),
            ("/node_modules/", "node_modules/a"),
            ("**/node_modules", "packages/a/node_modules/x"),
            ("**/node_modules", "node_modules"),
            ("**/*.log", "a/b.log"),
            ("**/*.log", "b.log"),
            ("*.md", "README.md"),
            ("./a", "a"),
            ("a/../b", "b"),
            ("*", ".git/config"),
            ("**", "x/y"),
            ("build/**", "build/x"),
            ("a/**/b", "a/x/y/b"),
            ("a/**/b", "a/b"),
            ("file?.[ab-c]x", "file1.cx"),
            ("**/target/release", "x/target/release/app"),
            ("\\!x", "!x"),
        ] {
            assert!(ignored(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.md", "docs/README.md"),
            ("node_modules", "packages/a/node_modules"),
            ("build/**", "build"),
            ("file[^a]", "filea"),
            ("# x", "# x"),
            ("a/**/b", "a/xb"),
            ("a?b", "a/b"),
        ] {
            assert!(!ignored(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_match_decides() {
        let patterns = "*\n!src\n!package.json\nsrc/*.test.js\n";
        assert!(!ignored(patterns, "src/index.js"));
        assert!(!ignored(patterns, "package.json"));
        assert!(ignored(patterns, "src/index.test.js"));
        assert!(ignored(patterns, "node_modules/x"));
        assert!(!Ignore::parse(patterns).prunes());
        assert!(Ignore::parse("x\n").prunes());
    }

    #[test]
    fn patterns_that_no_build_takes_are_left_out() {
        for text in ["[a", "a\\", "!", "! "] {
            assert_eq!(Ignore::parse(text), Ignore::default(), "{text}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_time_to_speak_of() {
        let pattern = "*a".repeat(2_000);
        assert!(!ignored(&pattern, &"a".repeat(200)));
        assert!(!ignored(&format!("{}x", "**/".repeat(2_000)), "a/b"));
    }
}
