//! What every stage of a Dockerfile does, its variables expanded: files that are copied, commands that are run, and the
//! configuration that comes out.
//!
//! What a base image brings along is not known: its variables, working directory and command are [`Setting::Inherited`] until
//! the Dockerfile sets them. The one base that is known is `scratch`.

use std::collections::{BTreeMap, BTreeSet};

use super::dockerfile::{Command, Copy, Dockerfile, Source, Step, StepKind};
use super::stages::{Base, Resolved, Surroundings, automatic, globals, resolve};
use super::words::{Word, expand};
use crate::exec::command::DEFAULT_PATH;

/// A Dockerfile in its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The instructions as they are written.
    pub dockerfile: Dockerfile,
    /// Platform and base of each stage.
    pub resolved: Vec<Resolved>,
    /// What each stage does.
    pub stages: Vec<Stage>,
    /// The stage that is built.
    pub target: usize,
}

/// What one stage does, without what the stage does that it starts from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    /// What happens to files, in its order.
    pub actions: Vec<Action>,
    /// The configuration at its end, with what it has from the stage it starts from.
    pub config: Config,
    /// Its variables at its end.
    pub variables: BTreeMap<String, Word>,
}

/// Variables by their names.
type Variables = BTreeMap<String, Word>;

/// Something that happens to files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The line, from 1.
    pub line: usize,
    /// What happens.
    pub kind: ActionKind,
}

/// The kinds of what happens to files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionKind {
    /// Files are copied.
    Copy(Copied),
    /// A command is run: its text, and the working directory if it is known.
    Run(String, Option<String>),
    /// A directory is there from now on.
    Directory(String),
}

/// `COPY` or `ADD`, expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Where from.
    pub from: From,
    /// Whether archives are unpacked and addresses downloaded.
    pub add: bool,
    /// What; `None` where it is not known.
    pub sources: Vec<Option<Source>>,
    /// Where to, from the root on and without a `/` at its end; `None` where it is not known.
    pub target: Option<String>,
    /// Whether the target is written as a directory.
    pub into_directory: bool,
    /// The mode of what is copied.
    pub mode: Chmod,
    /// Whether flags change what is copied where.
    pub unusual: bool,
}

/// `--chmod`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chmod {
    /// Files keep their modes.
    Kept,
    /// They get this one.
    Set(u16),
    /// They get one that is not known.
    Unknown,
}

/// Where files are copied from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The build context.
    Context,
    /// A stage, by its number.
    Stage(usize),
    /// An image, by its reference.
    Image(String),
    /// It is not known, with the reason.
    Unknown(String),
}

/// A setting of the image's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// What the base image has.
    #[default]
    Inherited,
    /// This.
    Set(T),
}

impl<T> Setting<T> {
    /// What is set.
    pub fn known(&self) -> Option<&T> {
        match self {
            Setting::Set(value) => Some(value),
            Setting::Inherited => None,
        }
    }
}

/// What an image starts, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `ENTRYPOINT`
    pub entrypoint: Setting<Vec<String>>,
    /// `CMD`
    pub command: Setting<Vec<String>>,
    /// The line of the instruction that decides what is started.
    pub line: Option<usize>,
    /// `WORKDIR`
    pub directory: Setting<String>,
    /// `USER`
    pub user: Setting<String>,
    /// `SHELL`
    pub shell: Setting<Vec<String>>,
    /// `ENV PATH`; the usual one where nothing is set.
    pub path: Option<String>,
}

/// Why a Dockerfile is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeError {
    /// The stage to build is not there: the build fails.
    NoTarget(String),
    /// It has more stages than anyone writes; how many are taken.
    TooLarge(usize),
}

/// As many stages as are evaluated.
const MAX_STAGES: usize = 1000;

impl Recipe {
    /// Evaluates a Dockerfile. `contexts` are the names of additional build contexts, which take the place of stages and images.
    ///
    /// # Errors
    /// [`RecipeError`] where the stage to build is not there, or there are too many.
    pub fn new(
        dockerfile: Dockerfile,
        target: Option<&str>,
        surroundings: &Surroundings,
        contexts: &BTreeSet<String>,
    ) -> Result<Recipe, RecipeError> {
        if dockerfile.stages.len() > MAX_STAGES {
            return Err(RecipeError::TooLarge(MAX_STAGES));
        }
        let mut resolved = resolve(&dockerfile, surroundings);
        for (stage, resolved) in dockerfile.stages.iter().zip(&mut resolved) {
            let replaced = match &resolved.base {
                Base::Image(name) => contexts.contains(name),
                _ => false,
            };
            if replaced || stage.name.as_ref().is_some_and(|name| contexts.contains(name)) {
                resolved.base = Base::Unknown("an additional build context takes its place".to_owned());
            }
        }
        let target =
            dockerfile.target(target).ok_or_else(|| RecipeError::NoTarget(target.unwrap_or_default().to_owned()))?;
        let globals = globals(&dockerfile, surroundings);
        let mut stages: Vec<Stage> = Vec::new();
        for index in 0..dockerfile.stages.len() {
            let stage = Evaluation { dockerfile: &dockerfile, surroundings, globals: &globals, contexts, index }
                .run(resolved.get(index), &stages);
            stages.push(stage);
        }
        Ok(Recipe { dockerfile, resolved, stages, target })
    }

    /// The stage a stage starts from, and the one that starts from, and so on: its own number first.
    pub fn chain(&self, stage: usize) -> Vec<usize> {
        let mut chain = vec![stage];
        while let Some(Base::Stage(earlier)) =
            chain.last().and_then(|last| self.resolved.get(*last)).map(|resolved| &resolved.base)
        {
            if chain.contains(earlier) {
                break;
            }
            chain.push(*earlier);
        }
        chain
    }

    /// The base at the end of a stage's chain.
    pub fn root_base(&self, stage: usize) -> Option<&Base> {
        self.chain(stage).last().and_then(|last| self.resolved.get(*last)).map(|resolved| &resolved.base)
    }

    /// The stages that a build of the target runs, in their order.
    pub fn reachable(&self) -> Vec<usize> {
        let mut reached = BTreeSet::new();
        let mut open = vec![self.target];
        while let Some(stage) = open.pop() {
            if !reached.insert(stage) {
                continue;
            }
            if let Some(Base::Stage(earlier)) = self.resolved.get(stage).map(|resolved| &resolved.base) {
                open.push(*earlier);
            }
            for action in self.stages.get(stage).map(|stage| stage.actions.as_slice()).unwrap_or_default() {
                if let ActionKind::Copy(Copied { from: From::Stage(other), .. }) = &action.kind {
                    open.push(*other);
                }
            }
        }
        reached.into_iter().collect()
    }

    /// A stage in words, for messages.
    pub fn stage_name(&self, stage: usize) -> String {
        match self.dockerfile.stages.get(stage).and_then(|stage| stage.name.as_ref()) {
            Some(name) => format!("stage `{name}`"),
            None if self.dockerfile.stages.len() == 1 => "the only stage".to_owned(),
            None if stage == self.target => "the final stage".to_owned(),
            None => format!("stage {stage}"),
        }
    }
}

struct Evaluation<'e> {
    dockerfile: &'e Dockerfile,
    surroundings: &'e Surroundings,
    globals: &'e BTreeMap<String, Word>,
    contexts: &'e BTreeSet<String>,
    index: usize,
}

impl Evaluation<'_> {
    fn run(&self, resolved: Option<&Resolved>, earlier: &[Stage]) -> Stage {
        let mut stage = Stage::default();
        let mut triggers: Vec<&Step> = Vec::new();
        let mut is_known = false;
        match resolved.map(|resolved| &resolved.base) {
            Some(Base::Stage(base)) => {
                if let Some(base) = earlier.get(*base) {
                    stage.config = base.config.clone();
                    stage.variables = base.variables.clone();
                    is_known = base.variables.contains_key(KNOWN);
                }
                let steps = self.dockerfile.stages.get(*base).map(|stage| stage.steps.as_slice()).unwrap_or_default();
                triggers.extend(steps.iter().filter_map(|step| match &step.kind {
                    StepKind::OnBuild(inner) => Some(inner.as_ref()),
                    _ => None,
                }));
            }
            Some(Base::Scratch) => {
                is_known = true;
                stage.variables.insert(KNOWN.to_owned(), Word::Known(String::new()));
                stage.config.entrypoint = Setting::Set(Vec::new());
                stage.config.command = Setting::Set(Vec::new());
                stage.config.directory = Setting::Set("/".to_owned());
                stage.config.user = Setting::Set(String::new());
            }
            _ => {}
        }
        let own = self.dockerfile.stages.get(self.index).map(|stage| stage.steps.as_slice()).unwrap_or_default();
        let mut command_is_own = false;
        for step in triggers.into_iter().chain(own) {
            self.step(step, &mut stage, is_known, &mut command_is_own);
        }
        stage
    }

    fn step(&self, step: &Step, stage: &mut Stage, is_known: bool, command_is_own: &mut bool) {
        let expanded = |text: &str, variables: &BTreeMap<String, Word>| {
            let lookup = |name: &str| match variables.get(name) {
                Some(word) => Some(word.clone()),
                None if name == "PATH" => Some(Word::Known(DEFAULT_PATH.to_owned())),
                None if is_known => None,
                None => Some(Word::Unknown(format!("`{name}` may be set by the base image"))),
            };
            expand(text, self.dockerfile.escape, &lookup)
        };
        let known = |text: &str, variables: &BTreeMap<String, Word>| match expanded(text, variables) {
            Word::Known(text) => Some(text),
            _ => None,
        };
        let line = step.line;
        match &step.kind {
            StepKind::Argument(arguments) => {
                for argument in arguments {
                    let given = self.surroundings.arguments.get(&argument.name).cloned().map(Word::Known);
                    let own = || argument.default.as_ref().map(|default| expanded(default, &stage.variables));
                    let inherited = || {
                        self.globals
                            .get(&argument.name)
                            .cloned()
                            .or_else(|| automatic(&argument.name, self.surroundings))
                            // An argument without a value is empty.
                            .or_else(|| Some(Word::Known(String::new())))
                    };
                    if let Some(word) = given.or_else(own).or_else(inherited) {
                        stage.variables.insert(argument.name.clone(), word);
                    }
                }
            }
            StepKind::Environment(pairs) => {
                let words: Vec<(String, Word)> =
                    pairs.iter().map(|(name, value)| (name.clone(), expanded(value, &stage.variables))).collect();
                for (name, word) in words {
                    if name == "PATH" {
                        stage.config.path = word.known().map(str::to_owned);
                    }
                    stage.variables.insert(name, word);
                }
            }
            StepKind::Directory(text) => {
                let text = known(text, &stage.variables);
                let directory = text.and_then(|text| absolute(&text, &stage.config.directory));
                if let Some(directory) = &directory {
                    stage.actions.push(Action { line, kind: ActionKind::Directory(directory.clone()) });
                }
                stage.config.directory = directory.map_or(Setting::Inherited, Setting::Set);
            }
            StepKind::User(text) => {
                stage.config.user = known(text, &stage.variables).map_or(Setting::Inherited, Setting::Set);
            }
            StepKind::Shell(words) => stage.config.shell = Setting::Set(words.clone()),
            StepKind::Entrypoint(command) => {
                stage.config.entrypoint = Setting::Set(words(command, &stage.config.shell));
                stage.config.line = Some(line);
                if !*command_is_own {
                    stage.config.command = Setting::Set(Vec::new());
                }
            }
            StepKind::Command(command) => {
                stage.config.command = Setting::Set(words(command, &stage.config.shell));
                if stage.config.entrypoint.known().is_none_or(Vec::is_empty) {
                    stage.config.line = Some(line);
                }
                *command_is_own = true;
            }
            StepKind::Run(text) => {
                let directory = stage.config.directory.known().cloned();
                stage.actions.push(Action { line, kind: ActionKind::Run(text.clone(), directory) });
            }
            StepKind::Copy(copy) => {
                let copied = self.copied(copy, stage, &known);
                stage.actions.push(Action { line, kind: ActionKind::Copy(copied) });
            }
            StepKind::OnBuild(_) | StepKind::Other => {}
        }
    }

    fn copied(&self, copy: &Copy, stage: &Stage, known: &dyn Fn(&str, &Variables) -> Option<String>) -> Copied {
        let variables = &stage.variables;
        let from = match copy.from.as_deref() {
            None => From::Context,
            Some(name) if self.contexts.contains(name) => {
                From::Unknown(format!("`{name}` is an additional build context"))
            }
            Some(name) => match self.dockerfile.stage_before(self.index, name) {
                Some(earlier) => From::Stage(earlier),
                None if name.contains('$') => From::Unknown("`--from` takes no variables".to_owned()),
                None => From::Image(name.to_owned()),
            },
        };
        let sources = copy.sources.iter().map(|source| match source {
            Source::Path(path) => known(path, variables).map(Source::Path),
            Source::Text(text) => Some(Source::Text(text.clone())),
        });
        let sources: Vec<Option<Source>> = sources.collect();
        let target = known(&copy.target, variables);
        let written_as_directory =
            target.as_deref().is_some_and(|text| text.ends_with('/') || text == "." || text.ends_with("/."));
        let mode = match copy.mode.as_deref().map(|text| known(text, variables)) {
            None => Chmod::Kept,
            Some(Some(text)) => match u16::from_str_radix(&text, 8) {
                Ok(mode) => Chmod::Set(mode & 0o7777),
                Err(_) => Chmod::Unknown,
            },
            Some(None) => Chmod::Unknown,
        };
        Copied {
            from,
            add: copy.add,
            into_directory: written_as_directory || sources.len() > 1,
            sources,
            target: target.and_then(|text| absolute(&text, &stage.config.directory)),
            mode,
            unusual: copy.unusual,
        }
    }
}

/// Marks a stage whose every variable is known, because it starts from nothing. No variable has such a name.
const KNOWN: &str = "\0known";

/// A path from the root on, without `.`, `..` and a `/` at its end; the root is empty.
fn absolute(path: &str, directory: &Setting<String>) -> Option<String> {
    let base = if path.starts_with('/') { "" } else { directory.known()? };
    let mut names: Vec<&str> = Vec::new();
    for name in base.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    Some(if names.is_empty() { "/".to_owned() } else { format!("/{}", names.join("/")) })
}

fn words(command: &Command, shell: &Setting<Vec<String>>) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(text) if text.trim().is_empty() => Vec::new(),
        Command::Shell(text) => {
            let shell = shell.known().cloned().unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()]);
            [shell, vec![text.clone()]].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(text: &str) -> Recipe {
        let dockerfile = Dockerfile::parse(text).unwrap();
        Recipe::new(dockerfile, None, &Surroundings::default(), &BTreeSet::new()).unwrap()
    }

    #[test]
    fn an_entrypoint_drops_the_command_of_its_base() {
        let file = recipe(
            "FROM scratch AS a\nCMD [\"x\"]\nFROM a\nENTRYPOINT [\"/e\"]\nFROM a\nCMD [\"y\"]\nENTRYPOINT [\"/e\"]\n",
        );
        let commands: Vec<_> = file.stages.iter().map(|stage| stage.config.command.known().unwrap().len()).collect();
        assert_eq!(commands, [1, 0, 1]);
    }

    #[test]
    fn what_the_base_sets_is_not_known() {
        let file = recipe("FROM node\nWORKDIR $HOME/app\nCOPY a b\nWORKDIR /srv\nCOPY $X/a b\nCMD node x\n");
        let config = &file.stages[0].config;
        assert_eq!(config.entrypoint, Setting::Inherited);
        assert_eq!(config.command.known().unwrap(), &["/bin/sh", "-c", "node x"]);
        let copies: Vec<_> = file.stages[0]
            .actions
            .iter()
            .filter_map(|action| match &action.kind {
                ActionKind::Copy(copied) => Some((copied.target.as_deref(), copied.sources[0].is_some())),
                _ => None,
            })
            .collect();
        assert_eq!(copies, [(None, true), (Some("/srv/b"), false)]);
    }

    #[test]
    fn triggers_fire_in_the_stage_that_starts_from_theirs() {
        let file = recipe("FROM scratch AS a\nONBUILD COPY x /x\nFROM a AS b\nFROM b\n");
        assert_eq!(file.stages.iter().map(|stage| stage.actions.len()).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!(file.chain(2), [2, 1, 0]);
        assert_eq!(file.root_base(2), Some(&Base::Scratch));
    }

    #[test]
    fn only_stages_that_the_target_needs_are_reached() {
        let file = recipe(
            "FROM a AS tools\nFROM b AS build\nFROM c AS unused\nFROM d\nCOPY --from=build /x /x\nCOPY --from=0 /y /y\n",
        );
        assert_eq!(file.reachable(), [0, 1, 3]);
    }
}
