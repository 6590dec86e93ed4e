//! What user data tells the ECS agent of an instance: the cluster to join.
//!
//! Read are the forms that AWS documents: `ECS_CLUSTER=…` as shell commands, cloud-config and `ecs.config` have it, `-Cluster`
//! of `Initialize-ECSAgent` on Windows, and `cluster = …` under `[settings.ecs]` of Bottlerocket. Nothing is executed: a value
//! that comes from a variable or a command is not known. Source: ECS developer guide, "Bootstrapping Amazon ECS Linux
//! container instances to pass data", "Bootstrapping Windows instances"; Bottlerocket's settings reference.

use crate::platform::Os;
use crate::template::value::{Resolved, Text, Value, is_mark};

/// Which cluster the instances with this user data join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joins {
    /// None: nothing configures the ECS agent.
    Nothing,
    /// The one with this name or ARN.
    Cluster(Text),
    /// One that the text does not say; here is all of the text that is no comment.
    Unsaid(Text),
    /// Nothing is known of the text.
    Unread,
}

/// User data as far as it is known.
#[derive(Debug, Clone)]
pub struct UserData {
    text: Option<Text>,
}

impl UserData {
    /// Reads the property; a text that is base64 already is decoded.
    pub fn of(property: &Resolved<'_>) -> UserData {
        let text = match &property.value {
            Value::Absent => Some(Text::default()),
            Value::Text(text) if text.only_symbol().is_some() => None,
            Value::Text(text) => match text.known().map(decoded) {
                Some(Encoding::Base64(decoded)) => Some(Text::literal(&decoded)),
                Some(Encoding::Binary) => None,
                Some(Encoding::Plain) | None => Some(text.clone()),
            },
            _ => None,
        };
        UserData { text }
    }

    /// A text that is known to be none of the kinds that are encoded.
    pub fn text(text: Text) -> UserData {
        UserData { text: Some(text) }
    }

    /// A text of which nothing is known.
    pub fn unread() -> UserData {
        UserData { text: None }
    }

    /// Adds what else configures the instance.
    pub fn add(&mut self, more: UserData) {
        self.text = match (self.text.take(), more.text) {
            (Some(mut text), Some(more)) => {
                text.push_str("\n");
                text.append(more);
                Some(text)
            }
            _ => None,
        };
    }

    /// Whether there is nothing at all.
    pub fn is_absent(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.parts().is_empty())
    }

    /// Whether it runs `cfn-init`, which does what the resource's metadata says.
    pub fn runs_init(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.display().contains("cfn-init"))
    }

    /// What is joined by instances that join a cluster for another reason than this text.
    pub fn unsaid(&self) -> Joins {
        self.text.clone().map_or(Joins::Unread, Joins::Unsaid)
    }

    /// Whether it registers an emulator; then foreign images run, if slowly.
    pub fn emulates(&self) -> bool {
        let shown = self.text.as_ref().map(Text::display).unwrap_or_default();
        ["binfmt", "qemu-user"].iter().any(|word| shown.contains(word))
    }

    /// The operating system that reads this text.
    pub fn os(&self) -> Option<Os> {
        let shown = self.text.as_ref()?.display();
        let text = shown.trim_start();
        if text.starts_with("<powershell>") || text.starts_with("<script>") || text.contains("Initialize-ECSAgent") {
            Some(Os::Windows)
        } else if text.starts_with("#!") || text.contains("[settings") || text.contains("/etc/ecs") {
            Some(Os::Linux)
        } else {
            None
        }
    }

    /// Which cluster the instances join; of several assignments, the last one wins.
    pub fn joins(&self) -> Joins {
        let Some(text) = &self.text else { return Joins::Unread };
        let marked = text.marked();
        let mut code = String::new();
        let mut section = String::new();
        let mut said: Option<String> = None;
        let mut configured = false;
        for line in marked.lines().map(without_comment) {
            code.push_str(line);
            code.push('\n');
            let trimmed = line.trim();
            if let Some(header) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = format!("{}.", header.trim());
            } else if let Some((key, value)) = trimmed.split_once('=')
                && format!("{section}{}", key.trim()).ends_with("settings.ecs.cluster")
            {
                configured = true;
                said = Some(value.to_owned());
            }
            configured |= AGENT.iter().any(|word| contains_ignoring_case(line, word));
            for after in after_each(line, "ECS_CLUSTER") {
                configured = true;
                let assigned = after.trim_start().strip_prefix('=').filter(|value| !value.starts_with('='));
                said = assigned.map(str::to_owned).or(said);
            }
            if contains_ignoring_case(line, "Initialize-ECSAgent") {
                for after in after_each(line, "-Cluster") {
                    said = Some(after.strip_prefix(':').unwrap_or(after).to_owned());
                }
            }
        }
        match said.as_deref().map(literal_value) {
            Some(Some(value)) => Joins::Cluster(text.unmarked(value)),
            _ if configured => Joins::Unsaid(text.unmarked(&code)),
            _ if code.to_ascii_lowercase().contains("content-transfer-encoding: base64") => Joins::Unread,
            _ => Joins::Nothing,
        }
    }
}

/// Words that only a text which configures the ECS agent has.
const AGENT: &[&str] =
    &["/etc/ecs/", "ecs.config", "Initialize-ECSAgent", "settings.ecs", "ecs-init", "amazon-ecs-agent"];

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// A line up to its comment: `#` at its start or after a blank, as shell, TOML, YAML and PowerShell have it.
fn without_comment(line: &str) -> &str {
    let starts = |at: usize| line.get(..at).is_none_or(|before| before.is_empty() || before.ends_with([' ', '\t']));
    let comment = line.match_indices('#').map(|(at, _)| at).find(|at| starts(*at));
    comment.and_then(|at| line.get(..at)).unwrap_or(line)
}

/// What stands after each place that has a word, where it is no part of a longer one.
fn after_each<'t>(line: &'t str, word: &str) -> impl Iterator<Item = &'t str> {
    let bytes = line.as_bytes();
    let found: Vec<usize> = bytes
        .windows(word.len())
        .enumerate()
        .filter(|(_, window)| window.eq_ignore_ascii_case(word.as_bytes()))
        .map(|(at, _)| at)
        .collect();
    let length = word.len();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    found.into_iter().filter_map(move |at| {
        let (before, after) = (line.get(..at)?, line.get(at + length..)?);
        (!before.ends_with(is_word) && !after.starts_with(is_word)).then_some(after)
    })
}

/// The value at the start of a text, if it is written out: a name or an ARN, in quotes or not.
fn literal_value(text: &str) -> Option<&str> {
    let value = text.trim_start().trim_start_matches(['"', '\'', '\\']);
    let is_arn = value.starts_with("arn:");
    let belongs =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || is_mark(c) || is_arn && matches!(c, ':' | '/');
    let end = value.find(|c| !belongs(c)).unwrap_or(value.len());
    let (value, rest) = value.split_at_checked(end)?;
    let ends = rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || "\"'\\;>|&)],<}/".contains(c));
    (ends && !value.is_empty()).then_some(value)
}

enum Encoding {
    Plain,
    Base64(String),
    /// Base64 of something that is no text, compressed perhaps.
    Binary,
}

/// Undoes base64 (RFC 4648) where a text is nothing else.
fn decoded(text: &str) -> Encoding {
    let mut bits: u32 = 0;
    let mut count = 0;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let compact = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let body: Vec<u8> = compact.collect();
    let padding = body.iter().rev().take_while(|byte| **byte == b'=').count();
    if body.len() < 8 || !body.len().is_multiple_of(4) || padding > 2 {
        return Encoding::Plain;
    }
    for byte in body.iter().take(body.len() - padding) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Encoding::Plain,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).map_or(Encoding::Binary, Encoding::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::value::{Part, ResourceId, Symbol, TemplateId};

    /// `@C` in the text stands for a reference to the resource `C`.
    fn joins(text: &str) -> String {
        let mut whole = Text::default();
        for (index, piece) in text.split("@C").enumerate() {
            if index > 0 {
                let id = ResourceId { template: TemplateId(0), id: "C".into() };
                whole.push(Part::Symbol(Symbol::Resource(id)));
            }
            whole.push_str(piece);
        }
        match (UserData { text: Some(whole) }).joins() {
            Joins::Nothing => "nothing".to_owned(),
            Joins::Cluster(name) => name.display(),
            Joins::Unsaid(text) if text.display().contains("${C}") => "maybe C".to_owned(),
            Joins::Unsaid(_) | Joins::Unread => "unsaid".to_owned(),
        }
    }

    #[test]
    fn the_cluster_is_read_in_every_form_that_aws_documents() {
        for (text, cluster) in [
            ("#!/bin/bash\necho ECS_CLUSTER=@C >> /etc/ecs/ecs.config", "${C}"),
            ("echo \"ECS_CLUSTER=prod\" >> /etc/ecs/ecs.config", "prod"),
            ("cat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=@C-blue\nECS_LOGLEVEL=debug\nEOF", "${C}-blue"),
            ("printf 'ECS_CLUSTER=prod\\n' > /etc/ecs/ecs.config", "prod"),
            (
                "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER = prod\n",
                "prod",
            ),
            ("#cloud-config\nruncmd: [echo ECS_CLUSTER=prod>>/etc/ecs/ecs.config]", "prod"),
            ("[settings.ecs]\ncluster = \"prod\"\n", "prod"),
            ("[settings.host]\ncluster = \"x\"\n[settings.ecs]\n# the cluster\ncluster = '@C' # ours\n", "${C}"),
            ("settings.ecs.cluster = \"prod\"", "prod"),
            (
                "<powershell>Import-Module ECSTools\nInitialize-ECSAgent -Cluster 'prod' -EnableTaskIAMRole</powershell>",
                "prod",
            ),
            ("<powershell>Initialize-ECSAgent -EnableTaskIAMRole -Cluster @C</powershell>", "${C}"),
            ("<powershell>$env:ECS_CLUSTER = \"prod\"</powershell>", "prod"),
            ("ECS_CLUSTER=arn:aws:ecs:eu-west-1:1:cluster/prod", "arn:aws:ecs:eu-west-1:1:cluster/prod"),
            ("echo ECS_CLUSTER=old >> x\nsed -i 's/ECS_CLUSTER=.*/ECS_CLUSTER=new/' x", "new"),
            ("echo ECS_CLUSTER=old >> x\necho ECS_CLUSTER=new >> x", "new"),
        ] {
            assert_eq!(joins(text), cluster, "{text}");
        }
    }

    #[test]
    fn a_text_that_only_mentions_a_cluster_joins_none() {
        for text in [
            "",
            "#!/bin/bash\naws ecs list-tasks --cluster @C",
            "#!/bin/bash\nexport DEPLOY_CLUSTER=@C\nMY_ECS_CLUSTER=@C",
            "#!/bin/bash\n# ECS_CLUSTER=@C\nyum update  # then ECS_CLUSTER=@C",
            "Set-Cluster -Cluster @C",
        ] {
            assert_eq!(joins(text), "nothing", "{text}");
        }
    }

    #[test]
    fn a_value_that_is_not_written_out_is_not_known() {
        for (text, cluster) in [
            ("NAME=@C\necho ECS_CLUSTER=$NAME >> /etc/ecs/ecs.config", "maybe C"),
            ("NAME=@C\necho ECS_CLUSTER=\"${NAME}\" >> /etc/ecs/ecs.config", "maybe C"),
            ("# @C\necho ECS_CLUSTER=`cat /name`", "unsaid"),
            ("echo ECS_CLUSTER=prod-$REGION", "unsaid"),
            ("aws s3 cp s3://bucket/ecs.config /etc/ecs/ecs.config", "unsaid"),
            ("<powershell>Initialize-ECSAgent -Cluster $name</powershell>", "unsaid"),
            ("[settings.ecs]\nimage-cleanup-age = \"1h\"", "unsaid"),
        ] {
            assert_eq!(joins(text), cluster, "{text}");
        }
    }

    #[test]
    fn base64_is_decoded_and_nothing_else_is() {
        let read = |text: &str| match decoded(text) {
            Encoding::Plain => "plain".to_owned(),
            Encoding::Base64(text) => text,
            Encoding::Binary => "binary".to_owned(),
        };
        assert_eq!(read("RUNTX0NMVVNURVI9cHJvZA=="), "ECS_CLUSTER=prod");
        assert_eq!(read("#!/bin/bash\necho"), "plain");
        assert_eq!(read("yum"), "plain");
        assert_eq!(read("H4sIAAAAAAAA//8="), "binary");
    }
}
