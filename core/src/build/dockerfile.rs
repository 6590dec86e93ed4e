//! The instructions of a Dockerfile, as far as they decide what the image is and what it starts.
//!
//! The `parse-dockerfile` crate reads the syntax (directives, continuations, heredocs); what stands here is a smaller model,
//! with lines instead of byte offsets, in which every stage owns its instructions.

use std::borrow::Cow;

use parse_dockerfile::{Command as Parsed, Flag, Instruction, Source as ParsedSource};

/// Why a Dockerfile cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// Whether no builder takes it, rather than this reader only.
    pub certain: bool,
}

/// A Dockerfile larger than this is not read: BuildKit does not take more either (`maxDockerfileSize` is of this order), and
/// none that a person wrote is near.
pub const MAX_SIZE: usize = 16 << 20;

/// Every instruction there is (BuildKit, frontend/dockerfile/command).
const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// A Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The character before which `$` means itself.
    pub escape: char,
    /// `ARG` before the first `FROM`.
    pub global_arguments: Vec<Argument>,
    /// The stages, in their order.
    pub stages: Vec<Stage>,
}

/// `FROM` with everything up to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The line of `FROM`, from 1.
    pub line: usize,
    /// `AS name`
    pub name: Option<String>,
    /// The image or the stage that it starts from, variables unexpanded.
    pub base: String,
    /// `--platform`, variables unexpanded.
    pub platform: Option<String>,
    /// The instructions.
    pub steps: Vec<Step>,
}

/// One instruction of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its line, from 1.
    pub line: usize,
    /// What it is.
    pub kind: StepKind,
}

/// What an instruction does. Words are as they are written, variables unexpanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepKind {
    /// `ARG`
    Argument(Vec<Argument>),
    /// `ENV`
    Environment(Vec<(String, String)>),
    /// `COPY` and `ADD`
    Copy(Copy),
    /// `RUN`, as one text, heredocs included.
    Run(String),
    /// `WORKDIR`
    Directory(String),
    /// `USER`
    User(String),
    /// `SHELL`
    Shell(Vec<String>),
    /// `ENTRYPOINT`
    Entrypoint(Command),
    /// `CMD`
    Command(Command),
    /// `ONBUILD`: it happens in the stages that start from this one.
    OnBuild(Box<Step>),
    /// `VOLUME`, `EXPOSE`, `LABEL` and others that decide nothing here.
    Other,
}

/// One name of `ARG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The name.
    pub name: String,
    /// Its default.
    pub default: Option<String>,
    /// Its line, from 1.
    pub line: usize,
}

/// `COPY` or `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Whether it is `ADD`, which also downloads and unpacks.
    pub add: bool,
    /// `--from`
    pub from: Option<String>,
    /// `--chmod`
    pub mode: Option<String>,
    /// Whether flags change what is copied where: `--parents`, `--exclude`, `--unpack`.
    pub unusual: bool,
    /// What is copied.
    pub sources: Vec<Source>,
    /// Where to.
    pub target: String,
}

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path or a URL.
    Path(String),
    /// The text of a heredoc.
    Text(String),
}

/// The two forms of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A JSON list.
    Exec(Vec<String>),
    /// A line for the shell.
    Shell(String),
}

impl Dockerfile {
    /// Reads a Dockerfile.
    ///
    /// # Errors
    /// [`SyntaxError`] where it has none that a build would take, or no `FROM`.
    pub fn parse(text: &str) -> Result<Dockerfile, SyntaxError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > MAX_SIZE {
            let message = format!("it is larger than {} MiB", MAX_SIZE >> 20);
            return Err(SyntaxError { line: 1, message, certain: false });
        }
        let text = &*with_empty_lists(text);
        let read = Dockerfile::parse_once(text);
        match read {
            // The crate knows documents at the start of a command only, and takes others for instructions.
            Err(error) if text.contains("<<") && error.message.starts_with("unknown instruction") => {
                Dockerfile::parse_once(&without_documents(text)).or(Err(error))
            }
            read => read,
        }
    }

    fn parse_once(text: &str) -> Result<Dockerfile, SyntaxError> {
        let failed = |error: &parse_dockerfile::Error| {
            let line = error.line().max(1);
            let message = format!("{error:#}");
            SyntaxError { line, certain: is_certain(text, line, &message), message }
        };
        let parsed = parse_dockerfile::parse_iter(text).map_err(|error| failed(&error))?;
        let lines = Lines::of(text);
        let escape = directive(text, "escape").and_then(|value| value.chars().next()).unwrap_or('\\');
        let mut dockerfile = Dockerfile { escape, global_arguments: Vec::new(), stages: Vec::new() };
        for instruction in parsed {
            let instruction = &instruction.map_err(|error| failed(&error))?;
            if let Instruction::From(from) = instruction {
                dockerfile.stages.push(Stage {
                    line: lines.at(from.from.span.start),
                    name: from.as_.as_ref().map(|(_, name)| name.value.to_ascii_lowercase()),
                    base: from.image.value.to_string(),
                    platform: flag(&from.options, "platform"),
                    steps: Vec::new(),
                });
                continue;
            }
            let step = step(instruction, &lines);
            match (dockerfile.stages.last_mut(), step.kind) {
                (Some(stage), kind) => stage.steps.push(Step { kind, ..step }),
                (None, StepKind::Argument(arguments)) => dockerfile.global_arguments.extend(arguments),
                (None, _) => {}
            }
        }
        if dockerfile.stages.is_empty() {
            return Err(SyntaxError { line: 1, message: "there is no `FROM`".to_owned(), certain: true });
        }
        Ok(dockerfile)
    }

    /// The stage that a build with this `--target` makes: by name, by number, or the last one.
    pub fn target(&self, target: Option<&str>) -> Option<usize> {
        match target.filter(|name| !name.is_empty()) {
            None => self.stages.len().checked_sub(1),
            Some(name) => self.stage_before(self.stages.len(), name),
        }
    }

    /// A stage that an instruction of a later one names: by name, or by number.
    pub fn stage_before(&self, index: usize, name: &str) -> Option<usize> {
        let earlier = self.stages.get(..index)?;
        let named =
            earlier.iter().rposition(|stage| stage.name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name)));
        named.or_else(|| name.parse().ok().filter(|number| *number < earlier.len()))
    }
}

/// Whether another frontend than Docker's own reads the file, because of its `# syntax`: its language may be another one.
pub fn is_foreign(text: &str) -> bool {
    directive(text, "syntax").is_some_and(|image| {
        let name = image.strip_prefix("docker.io/").unwrap_or(image);
        !name.starts_with("docker/dockerfile") && !name.contains("/docker/dockerfile")
    })
}

/// `ENTRYPOINT []` takes away what the base image starts, and the crate does not take it: a list of one empty word means the same.
fn with_empty_lists(text: &str) -> Cow<'_, str> {
    let is_empty = |line: &str| {
        let (word, list) = line.trim().split_once(char::is_whitespace).unwrap_or_default();
        matches!(word.to_ascii_uppercase().as_str(), "ENTRYPOINT" | "CMD")
            && list
                .trim()
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|rest| rest.trim().is_empty())
    };
    if !text.lines().any(is_empty) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| match is_empty(line) {
        true => Cow::Owned(line.replacen(']', "\"\"]", 1)),
        false => Cow::Borrowed(line),
    });
    Cow::Owned(lines.collect())
}

/// The text with the documents of commands (`RUN cat <<A > /a && cat <<B > /b`) left out, each line of them a comment.
fn without_documents(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(end) = open.first() {
            if line.trim_end_matches(['\r', '\n']).trim_start_matches('\t') == end {
                open.remove(0);
            }
            out.push_str(if line.ends_with('\n') { "#\n" } else { "#" });
            continue;
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("<<") {
            out.push_str(before);
            let name = after.trim_start_matches('-').trim_start_matches(['"', '\'']);
            let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            let (name, behind) = name.split_at(length);
            let is_document = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !is_document || line.trim_start().starts_with('#') {
                out.push_str("<<");
                rest = after;
                continue;
            }
            open.push(name.to_owned());
            rest = behind.strip_prefix(['"', '\'']).unwrap_or(behind);
        }
        out.push_str(rest);
    }
    out
}

/// The value of a parser directive: `# name=value` on a line before anything else.
fn directive<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let directives = text.lines().map_while(|line| {
        let (key, value) = line.trim_start().strip_prefix('#')?.split_once('=')?;
        let key = key.trim();
        (!key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric())).then_some((key, value.trim()))
    });
    directives.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether BuildKit refuses it too: a first word that is no instruction, or no `FROM`. What else this reader does not take, some
/// builder might.
fn is_certain(text: &str, line: usize, message: &str) -> bool {
    let word = text.lines().nth(line - 1).and_then(|line| line.split_whitespace().next()).unwrap_or_default();
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic());
    // What stands in a document, or goes on from the line before, is no instruction; readers differ in where these end.
    let before = || text.lines().take(line - 1);
    let goes_on = before()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .last()
        .is_some_and(|line| line.trim_end().ends_with(['\\', '`']));
    let is_instruction = INSTRUCTIONS.contains(&word.to_ascii_uppercase().as_str());
    message.starts_with("unknown instruction")
        && plain
        && !is_instruction
        && !goes_on
        && !before().any(|line| line.contains("<<"))
        || message.starts_with("expected at least one FROM")
}

/// Where lines begin in a text.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// The line of a byte, from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}

fn flag(flags: &[Flag<'_>], name: &str) -> Option<String> {
    let found = flags.iter().find(|flag| flag.name.value == name)?;
    Some(found.value.as_ref().map(|value| value.value.to_string()).unwrap_or_default())
}

fn step(instruction: &Instruction<'_>, lines: &Lines) -> Step {
    let at = |span: &std::ops::Range<usize>| lines.at(span.start);
    let (line, kind) = match instruction {
        Instruction::Arg(arg) => {
            let line = at(&arg.arg.span);
            (line, StepKind::Argument(super::words::arguments(&arg.arguments.value, line)))
        }
        Instruction::Env(env) => (at(&env.env.span), StepKind::Environment(super::words::pairs(&env.arguments.value))),
        Instruction::Copy(copy) => {
            (at(&copy.copy.span), StepKind::Copy(copied(false, &copy.options, &copy.src, &copy.dest.value)))
        }
        Instruction::Add(add) => {
            (at(&add.add.span), StepKind::Copy(copied(true, &add.options, &add.src, &add.dest.value)))
        }
        Instruction::Run(run) => {
            let mut text = match command(&run.arguments) {
                Command::Exec(words) => words.join(" "),
                Command::Shell(text) => text,
            };
            for document in &run.here_docs {
                text.push('\n');
                text.push_str(&document.value);
            }
            (at(&run.run.span), StepKind::Run(text))
        }
        Instruction::Workdir(workdir) => {
            (at(&workdir.workdir.span), StepKind::Directory(workdir.arguments.value.to_string()))
        }
        Instruction::User(user) => (at(&user.user.span), StepKind::User(user.arguments.value.to_string())),
        Instruction::Shell(shell) => {
            let words = shell.arguments.iter().map(|word| word.value.to_string()).collect();
            (at(&shell.shell.span), StepKind::Shell(words))
        }
        Instruction::Entrypoint(entry) => (at(&entry.entrypoint.span), StepKind::Entrypoint(command(&entry.arguments))),
        Instruction::Cmd(cmd) => (at(&cmd.cmd.span), StepKind::Command(command(&cmd.arguments))),
        Instruction::Onbuild(onbuild) => {
            (at(&onbuild.onbuild.span), StepKind::OnBuild(Box::new(step(&onbuild.instruction, lines))))
        }
        _ => (1, StepKind::Other),
    };
    Step { line, kind }
}

fn command(parsed: &Parsed<'_>) -> Command {
    match parsed {
        Parsed::Exec(words) if matches!(words.value.as_slice(), [only] if only.value.is_empty()) => {
            Command::Exec(Vec::new())
        }
        Parsed::Exec(words) => Command::Exec(words.value.iter().map(|word| word.value.to_string()).collect()),
        Parsed::Shell(text) => Command::Shell(text.value.to_owned()),
        _ => Command::Shell(String::new()),
    }
}

fn copied(add: bool, flags: &[Flag<'_>], sources: &[ParsedSource<'_>], target: &str) -> Copy {
    let sources = sources.iter().filter_map(|source| match source {
        ParsedSource::Path(path) => Some(Source::Path(path.value.to_string())),
        ParsedSource::HereDoc(document) => Some(Source::Text(document.value.to_string())),
        _ => None,
    });
    Copy {
        add,
        from: flag(flags, "from"),
        mode: flag(flags, "chmod"),
        unusual: flags.iter().any(|flag| matches!(&*flag.name.value, "parents" | "exclude" | "unpack")),
        sources: sources.collect(),
        target: target.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_own_their_instructions() {
        let text = "# syntax=docker/dockerfile:1\nARG BASE=node:22\nfrom --platform=$BUILDPLATFORM ${BASE} as Build\n\nRUN make \\\n  all\nFROM scratch\nCOPY --from=build --chmod=755 /out/app /app\nENTRYPOINT [\"/app\"]\n";
        let file = Dockerfile::parse(text).unwrap();
        assert_eq!(file.global_arguments[0].default.as_deref(), Some("node:22"));
        let [build, last] = file.stages.as_slice() else { panic!("{:?}", file.stages) };
        assert_eq!((build.line, build.name.as_deref(), build.base.as_str()), (3, Some("build"), "${BASE}"));
        assert_eq!(build.platform.as_deref(), Some("$BUILDPLATFORM"));
        assert_eq!(last.steps[0].line, 8);
        let StepKind::Copy(copy) = &last.steps[0].kind else { panic!("{:?}", last.steps) };
        assert_eq!(
            (copy.from.as_deref(), copy.mode.as_deref(), copy.target.as_str()),
            (Some("build"), Some("755"), "/app")
        );
        assert_eq!(last.steps[1].kind, StepKind::Entrypoint(Command::Exec(vec!["/app".to_owned()])));
    }

    #[test]
    fn a_target_is_a_name_a_number_or_the_last_stage() {
        let file = Dockerfile::parse("FROM a AS one\nFROM b AS two\nFROM c\n").unwrap();
        assert_eq!(
            [file.target(None), file.target(Some("ONE")), file.target(Some("1")), file.target(Some("x"))],
            [Some(2), Some(0), Some(1), None]
        );
    }

    #[test]
    fn heredocs_and_windows_lines_are_read() {
        let file =
            Dockerfile::parse("FROM a\r\nRUN <<EOF\r\ncurl x\r\nEOF\r\nCOPY <<EOF /run.sh\r\n#!/bin/sh\r\nEOF\r\n")
                .unwrap();
        let StepKind::Run(text) = &file.stages[0].steps[0].kind else { panic!() };
        assert!(text.contains("curl x"), "{text}");
        assert!(
            matches!(&file.stages[0].steps[1].kind, StepKind::Copy(copy) if matches!(copy.sources[0], Source::Text(_)))
        );
    }

    #[test]
    fn empty_lists_and_documents_anywhere_are_read() {
        let file = Dockerfile::parse("FROM a\nENTRYPOINT []\ncmd [ ]\n").unwrap();
        assert_eq!(file.stages[0].steps[0].kind, StepKind::Entrypoint(Command::Exec(Vec::new())));
        assert_eq!(file.stages[0].steps[1].kind, StepKind::Command(Command::Exec(Vec::new())));
        let text = "FROM a\nRUN cat <<A > /a && cat <<-\"B\" > /b\nthis\nA\n\tthat\n\tB\nCMD x\n";
        let file = Dockerfile::parse(text).unwrap();
        assert_eq!(file.stages[0].steps.iter().map(|step| step.line).collect::<Vec<_>>(), [2, 7]);
    }

    #[test]
    fn what_builds_take_is_read_or_at_least_no_certain_mistake() {
        for text in [
            "FROM a\nRUN <<-EOF\n\tcurl x\n\tEOF\nCMD x\n",
            "FROM a\nRUN python3 <<EOF > /x && cat /x\nprint(1)\nEOF\nCMD x\n",
            "FROM a\nRUN cat <<A > /a && cat <<B > /b\nthis\nA\nthat\nB\nCMD x\n",
            "FROM a\nCOPY <<\"EOF\" /x\nFROBNICATE\nEOF\n",
            "FROM a\nCOPY <<one <<two /x/\nhello\none\nworld\ntwo\n",
            "FROM a\nRUN a && \\  \n    b\nCMD x\n",
            "FROM a\nRUN a && \\\n\n    b\nCMD x\n",
            "FROM a\nRUN a && \\\n# comment\n    b\nCMD x\n",
            "FROM a\r\nRUN a && \\\r\n  b\r\n",
            "# escape=`\nFROM a\nRUN a `\n b\n",
            "FROM a\nRUN echo 'it' \\\n  \"is\"\n",
            "FROM a AS x\nFROM b AS x\n",
            "FROM a\nENV A b\nENV A=b C=\"d e\" \\\n  F=g\n",
            "FROM a\nLABEL a=b\nMAINTAINER me\nSTOPSIGNAL 9\nHEALTHCHECK NONE\nVOLUME /a /b\nEXPOSE 80/tcp\n",
            "FROM a\nCMD\n",
            "FROM a\nENTRYPOINT []\n",
            "FROM a\nCMD [ \"x\" , 'y' ]\n",
            "FROM a\nCMD [\"x\",]\n",
            "   FROM a\n\tRUN b\n",
            "FROM a\nRUN echo $(( 1 << 2 ))\nCMD x\n",
            "FROM a\nADD --checksum=sha256:0 https://x /y\nCOPY --parents --exclude=*.md . /z\n",
            "FROM a\nRUN --mount=type=secret,id=x,env=Y --network=none make\n",
            "FROM --platform=linux/amd64 a as b\nONBUILD RUN x\n",
            "FROM a\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nUSER 1:2\nWORKDIR 'a b'\n",
        ] {
            let certain = Dockerfile::parse(text).is_err_and(|error| error.certain);
            assert!(!certain, "{text}: {:?}", Dockerfile::parse(text));
        }
    }

    #[test]
    fn what_no_build_takes_is_an_error_with_its_line() {
        assert_eq!(Dockerfile::parse("FROM a\nFROBNICATE x\n").unwrap_err().line, 2);
        assert!(Dockerfile::parse("").is_err());
        assert!(Dockerfile::parse("# nothing\n").is_err());
    }
}
