//! The cluster query language of placement constraints: `attribute:ecs.cpu-architecture == arm64 and …`.
//!
//! An expression is asked about one host and answers yes, no, or that it cannot know (an attribute of the user's own, say).
//! Source: ECS developer guide, "Create expressions to define container instances for Amazon ECS tasks".

/// What is known about a host when a constraint is asked.
pub trait Attributes {
    /// The value of a built-in attribute such as `ecs.cpu-architecture`, if it is known.
    fn value(&self, name: &str) -> Option<String>;
}

/// Whether a host satisfies an expression; `None` where that cannot be known, also for what is not an expression.
pub fn satisfies(expression: &str, host: &dyn Attributes) -> Option<bool> {
    let tokens = tokens(expression)?;
    let mut parser = Parser { tokens: &tokens, at: 0, host, depth: 0 };
    let answer = parser.either()?;
    if parser.at == tokens.len() { answer.0 } else { None }
}

/// Three-valued truth; wrapped so that "not an expression" (no answer at all) stays apart from "cannot know".
#[derive(Clone, Copy)]
struct Answer(Option<bool>);

fn tokens(text: &str) -> Option<Vec<String>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let operator = ["==", "!=", "=~", "!~", ">=", "<=", "&&", "||", "(", ")", "[", "]", ",", "!", ">", "<"]
            .into_iter()
            .find(|operator| rest.starts_with(operator));
        let taken = if let Some(operator) = operator {
            tokens.push(operator.to_owned());
            operator.len()
        } else if first == '"' || first == '\'' {
            let inner = rest.get(1..)?;
            let end = inner.find(first)?;
            tokens.push(inner.get(..end)?.to_owned());
            end + 2
        } else {
            let stops = |c: char| c.is_whitespace() || "()[],=!<>&|".contains(c);
            let end = rest.find(stops).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            tokens.push(rest.get(..end)?.to_owned());
            end
        };
        rest = rest.get(taken..)?.trim_start();
    }
    Some(tokens)
}

struct Parser<'t> {
    tokens: &'t [String],
    at: usize,
    host: &'t dyn Attributes,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let found = self.peek().is_some_and(|token| words.iter().any(|word| token.eq_ignore_ascii_case(word)));
        if found {
            self.at += 1;
        }
        found
    }

    fn either(&mut self) -> Option<Answer> {
        let mut answer = self.both()?;
        while self.take(&["or", "||"]) {
            let right = self.both()?;
            answer = Answer(match (answer.0, right.0) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            });
        }
        Some(answer)
    }

    fn both(&mut self) -> Option<Answer> {
        let mut answer = self.one()?;
        while self.take(&["and", "&&"]) {
            let right = self.one()?;
            answer = Answer(match (answer.0, right.0) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            });
        }
        Some(answer)
    }

    fn one(&mut self) -> Option<Answer> {
        self.depth += 1;
        if self.depth > 64 {
            return None;
        }
        let answer = if self.take(&["not", "!"]) {
            self.one().map(|answer| Answer(answer.0.map(|value| !value)))
        } else if self.take(&["("]) {
            let inner = self.either()?;
            self.take(&[")"]).then_some(inner)
        } else {
            self.comparison()
        };
        self.depth -= 1;
        answer
    }

    fn comparison(&mut self) -> Option<Answer> {
        let subject = self.peek()?.to_owned();
        self.at += 1;
        if subject.eq_ignore_ascii_case("exists") {
            let attribute = self.peek()?.to_owned();
            self.at += 1;
            let known = attribute.strip_prefix("attribute:").and_then(|name| self.host.value(name));
            return Some(Answer(known.map(|_| true)));
        }
        if subject.eq_ignore_ascii_case("not_exists") {
            let attribute = self.peek()?.to_owned();
            self.at += 1;
            let known = attribute.strip_prefix("attribute:").and_then(|name| self.host.value(name));
            return Some(Answer(known.map(|_| false)));
        }
        let value = subject.strip_prefix("attribute:").and_then(|name| self.host.value(name));
        if self.take(&["exists"]) {
            return Some(Answer(value.map(|_| true)));
        }
        let operator = self.peek()?.to_ascii_lowercase();
        self.at += 1;
        match operator.as_str() {
            "==" | "equals" | "!=" | "not_equals" => {
                let wanted = self.peek()?.to_owned();
                self.at += 1;
                let positive = matches!(operator.as_str(), "==" | "equals");
                Some(Answer(value.and_then(|value| equals(&value, &wanted)).map(|found| found == positive)))
            }
            "=~" | "matches" | "!~" | "not_matches" => {
                let pattern = self.peek()?.to_owned();
                self.at += 1;
                let positive = matches!(operator.as_str(), "=~" | "matches");
                Some(Answer(value.and_then(|value| matches(&pattern, &value)).map(|found| found == positive)))
            }
            "in" | "not_in" => self.membership(value.as_deref(), operator == "in"),
            "!" if self.take(&["in"]) => self.membership(value.as_deref(), false),
            "not" if self.take(&["in"]) => self.membership(value.as_deref(), false),
            ">" | "<" | ">=" | "<=" | "greater_than" | "less_than" | "greater_than_equal" | "less_than_equal" => {
                self.at += 1;
                Some(Answer(None))
            }
            _ => None,
        }
    }

    fn membership(&mut self, value: Option<&str>, positive: bool) -> Option<Answer> {
        if !self.take(&["["]) {
            return None;
        }
        let mut found = Some(false);
        while !self.take(&["]"]) {
            let item = self.peek()?.to_owned();
            self.at += 1;
            found = match (found, value.and_then(|value| equals(value, &item))) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
            self.take(&[","]);
        }
        Some(Answer(value.and(found).map(|found| found == positive)))
    }
}

/// Whether a value is another one. ECS does not say whether case counts, so values that differ in nothing else are not decided.
fn equals(value: &str, wanted: &str) -> Option<bool> {
    if value == wanted { Some(true) } else { (!value.eq_ignore_ascii_case(wanted)).then_some(false) }
}

/// Whether a value matches a pattern of `=~`, if that does not depend on how the pattern is read.
///
/// ECS documents the operator with `t4g.*` alone, which is a regular expression and a shell's pattern at once, and does not
/// say whether the pattern must match the whole value.
fn matches(pattern: &str, value: &str) -> Option<bool> {
    let shell: String = pattern
        .chars()
        .map(|c| match c {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            other => regex_lite::escape(other.encode_utf8(&mut [0; 4])),
        })
        .collect();
    let is_match = |expression: &str| {
        let built = regex_lite::RegexBuilder::new(expression).size_limit(1 << 16).build();
        built.ok().map(|built| built.is_match(value))
    };
    let readings = [format!("^(?:{shell})$"), format!("^(?:{pattern})$"), pattern.to_owned()];
    let [shell, whole, part] = readings.map(|reading| is_match(&reading));
    (shell == whole && whole == part).then_some(shell).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Graviton;

    impl Attributes for Graviton {
        fn value(&self, name: &str) -> Option<String> {
            match name {
                "ecs.cpu-architecture" => Some("arm64".to_owned()),
                "ecs.instance-type" => Some("t4g.large".to_owned()),
                "ecs.os-type" => Some("linux".to_owned()),
                _ => None,
            }
        }
    }

    #[test]
    fn expressions_are_answered_as_far_as_the_host_is_known() {
        for (expression, answer) in [
            ("attribute:ecs.cpu-architecture == arm64", Some(true)),
            ("attribute:ecs.cpu-architecture == x86_64", Some(false)),
            ("attribute:ecs.cpu-architecture != x86_64", Some(true)),
            ("attribute:ecs.cpu-architecture==arm64", Some(true)),
            ("attribute:ecs.instance-type =~ t4g.*", Some(true)),
            ("attribute:ecs.instance-type =~ t4g.large", Some(true)),
            ("attribute:ecs.instance-type =~ m7g.*", Some(false)),
            ("attribute:ecs.instance-type !~ m7g.*", Some(true)),
            ("attribute:ecs.instance-type =~ t4*", None),
            ("attribute:ecs.instance-type =~ t4g", None),
            ("attribute:ecs.cpu-architecture == ARM64", None),
            ("attribute:ecs.cpu-architecture in [ARM64, x86_64]", None),
            ("attribute:ecs.cpu-architecture in [ARM64, arm64]", Some(true)),
            ("attribute:ecs.instance-type == 't4g.large'", Some(true)),
            ("attribute:ecs.instance-type in [t4g.large, t4g.small]", Some(true)),
            ("attribute:ecs.instance-type not_in [t4g.large]", Some(false)),
            ("attribute:ecs.instance-type !in [t4g.large]", Some(false)),
            ("not(attribute:ecs.os-type == linux)", Some(false)),
            ("attribute:ecs.os-type == linux and attribute:stack == prod", None),
            ("attribute:ecs.os-type == windows and attribute:stack == prod", Some(false)),
            ("attribute:ecs.os-type == linux || attribute:stack == prod", Some(true)),
            ("(attribute:a == b) or (attribute:ecs.cpu-architecture == arm64)", Some(true)),
            ("attribute:stack exists", None),
            ("attribute:ecs.os-type exists", Some(true)),
            ("agentVersion >= 1.50.0", None),
            ("attribute:ecs.instance-type =~ t4g\\..*", None),
            ("nonsense", None),
            ("(((", None),
            ("", None),
        ] {
            assert_eq!(satisfies(expression, &Graviton), answer, "{expression}");
        }
    }

    #[test]
    fn a_deep_expression_is_no_crash() {
        assert_eq!(satisfies(&"(".repeat(100_000), &Graviton), None);
        assert_eq!(satisfies(&"!".repeat(100_000), &Graviton), None);
    }
}
