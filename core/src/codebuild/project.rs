//! One CodeBuild project: its machine, and what its commands make.
//!
//! The buildspec may stand in the template, be an asset of the app, or lie in the build's own source; only the last one is not
//! known. Source: CloudFormation reference, `AWS::CodeBuild::Project`; CodeBuild user guide, "Environment variables in build
//! environments" for which value of a variable wins.

use std::path::PathBuf;

use super::buildspec::{Buildspec, Override};
use super::environment::Machine;
use super::shell::Variables;
use super::work::{self, Work};
use crate::files::{Files, join_inside};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{Resolved, Text, Value};

/// How large a buildspec may be that is read from a file.
const MAX_BUILDSPEC: usize = 1 << 20;

/// A CodeBuild project, in one scenario.
#[derive(Debug)]
pub struct Project<'a> {
    /// Its resource.
    pub placed: Placed<'a>,
    /// `Environment.Type`.
    pub kind: Resolved<'a>,
    /// The machine that the type names.
    pub machine: Option<Machine>,
    /// `Environment.Image`.
    pub image: Resolved<'a>,
    /// Whether its builds may use a container engine.
    pub privileged: bool,
    /// What its commands do; or why they are not known, as a clause.
    pub work: Result<Work, String>,
    /// The environments of batch builds.
    pub batch: Vec<Override>,
    /// The symbols behind the marks in its commands.
    book: Text,
}

impl<'a> Project<'a> {
    /// Reads a project in the current scenario; `overridden` are the variables that a pipeline sets.
    pub fn read(
        evaluator: &Evaluator<'a>,
        files: &dyn Files,
        placed: Placed<'a>,
        overridden: &[String],
    ) -> Project<'a> {
        let environment = |name: &'a str| evaluator.property(&placed, &["Environment", name]);
        let kind = environment("Type");
        let machine = kind.known().and_then(Machine::of_type);
        let own_machine = kind.known().is_some_and(|kind| kind.ends_with("_EC2"));
        let mut project = Project {
            machine,
            image: environment("Image"),
            privileged: own_machine || environment("PrivilegedMode").known() == Some("true"),
            work: Err(String::new()),
            batch: Vec::new(),
            book: Text::default(),
            kind,
            placed,
        };
        let buildspec = project.buildspec(evaluator, files);
        project.work = buildspec.map(|buildspec| {
            let variables = project.variables(evaluator, &buildspec, overridden);
            project.batch = buildspec.batch;
            work::of_commands(&buildspec.scripts, variables)
        });
        project
    }

    /// In words: "CodeBuild project `Build`".
    pub fn label(&self) -> String {
        format!("CodeBuild project `{}`", self.placed.resource.id)
    }

    /// What a piece of its commands says.
    pub fn text(&self, piece: &str) -> Text {
        self.book.unmarked(piece)
    }

    /// The machine of all of its builds; `None` where they have several, or it is not known.
    pub fn only_machine(&self) -> Option<Machine> {
        let machine = self.machine?;
        let same = |build: &Override| build.kind.as_deref().is_none_or(|kind| Machine::of_type(kind) == Some(machine));
        self.batch.iter().all(same).then_some(machine)
    }

    fn buildspec(&mut self, evaluator: &Evaluator<'a>, files: &dyn Files) -> Result<Buildspec, String> {
        let property = evaluator.property(&self.placed, &["Source", "BuildSpec"]);
        let Some(text) = property.text() else {
            return Err(property.reason().unwrap_or_else(|| "the buildspec lies in the build's source".to_owned()));
        };
        let unit = evaluator.app().unit(self.placed.template);
        let from_pipeline = evaluator.property(&self.placed, &["Source", "Type"]).known() == Some("CODEPIPELINE");
        let shown = text.display();
        let one_line = !shown.contains('\n') && !shown.trim_start().starts_with('{');
        if !one_line {
            let marked = text.marked_in(&mut self.book);
            return Buildspec::parse(&marked);
        }
        let name = shown.rsplit('/').next().unwrap_or(&shown);
        let places: Vec<Option<PathBuf>> = if shown.starts_with("arn:") {
            // An asset: its key in the bucket is its hash, under which it lies in the assembly too.
            let staged = format!("asset.{name}");
            vec![join_inside(&unit.root, &unit.directory, &staged), join_inside(&unit.root, &unit.root, &staged)]
        } else if from_pipeline {
            // The assembly itself is the source of the projects that CDK Pipelines makes.
            vec![join_inside(&unit.root, &unit.root, &shown)]
        } else {
            Vec::new()
        };
        let found = places.into_iter().flatten().find(|path| files.is_file(path));
        let Some(path) = found else { return Err(format!("the buildspec `{shown}` lies in the build's source")) };
        let data = files.read(&path).map_err(|error| format!("the buildspec `{shown}` cannot be read: {error}"))?;
        if data.len() > MAX_BUILDSPEC {
            return Err(format!("the buildspec `{shown}` is too large to read"));
        }
        let text = String::from_utf8(data).map_err(|_| format!("the buildspec `{shown}` is not a text"))?;
        Buildspec::parse(&Text::literal(&text).marked_in(&mut self.book))
    }

    /// The project's own values win over those of the buildspec, and the pipeline's over both.
    fn variables(&mut self, evaluator: &Evaluator<'a>, buildspec: &Buildspec, overridden: &[String]) -> Variables {
        let mut variables = Variables::default();
        for (name, value) in &buildspec.variables {
            variables.set(name, value.clone());
        }
        let own = evaluator.property(&self.placed, &["Environment", "EnvironmentVariables"]);
        for item in evaluator.items(&own).unwrap_or_default() {
            let Value::Object(object) = &item.value else { continue };
            let name = evaluator.member(object, "Name");
            let Some(name) = name.known() else { continue };
            let kind = evaluator.member(object, "Type");
            let value = evaluator.member(object, "Value");
            let plain = kind.is_absent() || kind.known() == Some("PLAINTEXT");
            let value = value.text().filter(|_| plain).map(|text| text.marked_in(&mut self.book));
            variables.set(name, value.filter(|value| super::shell::is_known(value)));
        }
        for name in overridden {
            variables.set(name, None);
        }
        variables
    }
}
