//! Who builds: CodeBuild projects, the images that they push, and the assets that they publish.
//!
//! A project without a word about platforms builds for the machine that it runs on. What ties a container to a project is the
//! repository, the pipeline that deploys what it built, or the asset that it publishes; where something else may have made the
//! image as well, nothing here is certain. Projects whose commands lie in their own source are not understood.

pub mod buildspec;
pub mod environment;
mod pipeline;
pub mod project;
mod recipe;
mod repository;
mod shell;
pub mod work;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use crate::assembly::Asset;
use crate::assembly::docker_assets::Source;
use crate::files::Files;
use crate::platform::{BuildPlatform, Platform};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::scenario::Memo;
use crate::template::value::{ResourceId, Spot, Text};
use environment::Machine;
use pipeline::actions;
use project::Project;
use recipe::{Follows, Recipe};
use repository::{Reference, Repositories, Repository};
use work::Made;

const PROJECT: &str = "AWS::CodeBuild::Project";
const PIPELINE: &str = "AWS::CodePipeline::Pipeline";
const IMAGE_BUILD: &str = "Custom::CDKContainerImageBuild";
const IMAGE_COPY: &str = "Custom::CDKECRDeployment";

/// A project that makes an image.
#[derive(Debug, Clone)]
pub struct Builder<'a> {
    /// The project.
    pub project: ResourceId,
    /// In words: "CodeBuild project `Build`".
    pub label: String,
    /// `Environment.Type`, as it is written.
    pub kind: String,
    /// Where it is written.
    pub spot: Spot<'a>,
    /// The machine that it runs on.
    pub machine: Machine,
    /// What the image is for.
    pub platforms: Vec<Platform>,
    /// Whether that is so because nothing says otherwise.
    pub native: bool,
    /// Whether the image needs an emulator while it is built, and there is none.
    pub lacks_emulator: bool,
    /// Whether nothing else of the app makes the image.
    pub certain: bool,
    /// Whether its base image is not one that may be for another platform only.
    pub base_known: bool,
    /// Whether a pipeline puts it in the place of the image that the task definition names.
    pub replaces: bool,
    /// What ties the image to the project, as a sentence.
    pub link: String,
}

impl Builder<'_> {
    /// What the image is built for, as a sentence.
    pub fn evidence(&self) -> String {
        let names: Vec<String> = self.platforms.iter().map(|platform| format!("`{platform}`")).collect();
        let names = names.join(", ");
        if self.native {
            format!("{} builds it for {names}, the platform of `{}`", self.label, self.kind)
        } else {
            format!("{} builds it with `--platform` for {names}", self.label)
        }
    }
}

/// An image that the app makes or copies while it is deployed.
pub enum Origin<'a> {
    /// A project makes it.
    Built(Builder<'a>),
    /// It is a copy of an asset.
    Copy(&'a Asset),
}

/// Everything in an app that makes images while it is deployed.
pub struct Builders<'a> {
    files: &'a dyn Files,
    repositories: Repositories,
    /// What is known of a project, for the choices that it depends on.
    known: Memo<ResourceId, Project<'a>>,
    /// The images that a project pushes, for the same choices.
    pushed: Memo<ResourceId, Vec<(Option<Reference>, Made)>>,
    projects: Vec<Placed<'a>>,
    /// Variables that pipelines set, by project.
    overridden: HashMap<ResourceId, Vec<String>>,
    /// Projects that push to a repository, in some scenario.
    pushers: HashMap<Repository, Vec<Placed<'a>>>,
    /// Privileged projects of which it is not known where they push, by stage.
    opaque: HashMap<usize, Vec<ResourceId>>,
    /// Projects that publish an asset, by the manifest's file and the asset's hash.
    publishers: HashMap<(String, Option<String>), Vec<Placed<'a>>>,
    /// Projects whose image a pipeline gives to a service, by the service's task definition; with the pipeline's name.
    deployed: HashMap<ResourceId, Vec<(Placed<'a>, String)>>,
    /// Custom resources that make or copy an image, by the repository that they write to in some scenario.
    makers: HashMap<Repository, Vec<Placed<'a>>>,
}

impl<'a> Builders<'a> {
    /// Finds out what may make which image, in any scenario.
    pub fn index(evaluator: &Evaluator<'a>, files: &'a dyn Files) -> Builders<'a> {
        let mut builders = Builders {
            files,
            repositories: Repositories::default(),
            known: Memo::default(),
            pushed: Memo::default(),
            projects: Vec::new(),
            overridden: HashMap::new(),
            pushers: HashMap::new(),
            opaque: HashMap::new(),
            publishers: HashMap::new(),
            deployed: HashMap::new(),
            makers: HashMap::new(),
        };
        let of_kind = |kind: &'static str| evaluator.placed().filter(move |placed| &*placed.resource.kind == kind);
        builders.projects = of_kind(PROJECT).collect();
        let mut makers = of_kind(IMAGE_BUILD).chain(of_kind(IMAGE_COPY)).peekable();
        if builders.projects.is_empty() && makers.peek().is_none() {
            return builders;
        }
        builders.repositories = Repositories::index(evaluator);
        for pipeline in of_kind(PIPELINE) {
            builders.index_pipeline(evaluator, &pipeline);
        }
        for placed in builders.projects.clone() {
            builders.index_project(evaluator, placed);
        }
        for maker in makers {
            let written: HashSet<Repository> =
                evaluator.explore_all(|| builders.written_by(evaluator, &maker)).flatten().collect();
            for repository in written {
                builders.makers.entry(repository).or_default().push(maker);
            }
        }
        builders
    }

    /// The projects, in report order.
    pub fn projects(&self) -> impl Iterator<Item = &Placed<'a>> {
        self.projects.iter()
    }

    /// What is known of a project in the current scenario.
    pub fn project(&self, evaluator: &Evaluator<'a>, placed: &Placed<'a>) -> Rc<Project<'a>> {
        let id = placed.id();
        let overridden = self.overridden.get(&id).map(Vec::as_slice).unwrap_or_default();
        self.known.get(&evaluator.choices, &id, || Project::read(evaluator, self.files, *placed, overridden))
    }

    fn index_project(&mut self, evaluator: &Evaluator<'a>, placed: Placed<'a>) {
        let mut pushes = HashSet::new();
        let mut publishes = BTreeSet::new();
        let mut opaque = false;
        for project in evaluator.explore_all(|| self.project(evaluator, &placed)) {
            match &project.work {
                Ok(work) => {
                    for (pushed, _) in self.pushed(evaluator, &project).iter() {
                        match pushed {
                            Some(reference) => {
                                pushes.insert(reference.repository.clone());
                            }
                            None => opaque = true,
                        }
                    }
                    for publish in &work.publishes {
                        publishes.insert((publish.manifest.clone(), publish.asset.clone()));
                    }
                    // Other scripts may push as well.
                    opaque |= project.privileged && work.pushes.is_empty() && work.publishes.is_empty();
                }
                Err(_) => opaque |= project.privileged,
            }
        }
        for repository in pushes {
            self.pushers.entry(repository).or_default().push(placed);
        }
        for publish in publishes {
            self.publishers.entry(publish).or_default().push(placed);
        }
        if opaque {
            let stage = evaluator.app().unit(placed.template).stage;
            self.opaque.entry(stage).or_default().push(placed.id());
        }
    }

    /// Notes the variables that a pipeline gives to projects, and the services that get what a project has built.
    fn index_pipeline(&mut self, evaluator: &Evaluator<'a>, pipeline: &Placed<'a>) {
        let found = evaluator.explore_all(|| actions(evaluator, pipeline));
        let mut seen: Vec<(ResourceId, ResourceId)> = Vec::new();
        for actions in found {
            for action in &actions {
                if let (Some(project), Some(names)) = (&action.project, &action.variables) {
                    self.overridden.entry(project.clone()).or_default().extend(names.iter().cloned());
                }
                let Some(service) = action.service.as_ref().and_then(|id| evaluator.resource(id)) else { continue };
                let tasks = evaluator.explore_all(|| {
                    let task = evaluator.property(&service, &["TaskDefinition"]);
                    task.text().and_then(Text::resource).cloned()
                });
                let tasks: BTreeSet<ResourceId> = tasks.flatten().collect();
                let built =
                    actions.iter().filter(|other| other.outputs.iter().any(|name| action.inputs.contains(name)));
                for project in built.filter_map(|other| other.project.as_ref()) {
                    let Some(placed) = evaluator.resource(project).filter(is_project) else { continue };
                    for task in &tasks {
                        if !seen.contains(&(task.clone(), project.clone())) {
                            seen.push((task.clone(), project.clone()));
                            let label = pipeline.resource.id.to_string();
                            self.deployed.entry(task.clone()).or_default().push((placed, label));
                        }
                    }
                }
            }
        }
    }

    /// The images that a project pushes, with what they are built for.
    fn pushed(&self, evaluator: &Evaluator<'a>, project: &Project<'a>) -> Rc<Vec<(Option<Reference>, Made)>> {
        let from = project.placed.template;
        self.pushed.get(&evaluator.choices, &project.placed.id(), || {
            let pushes = self.project(evaluator, &project.placed);
            let pushes = pushes.work.as_ref().map(|work| work.pushes.as_slice()).unwrap_or_default();
            let reference = |name: &str| self.repositories.reference(evaluator, from, &project.text(name));
            pushes.iter().map(|push| (reference(&push.name), push.made.clone())).collect()
        })
    }

    /// The repository that a custom resource writes to.
    fn written_by(&self, evaluator: &Evaluator<'a>, maker: &Placed<'a>) -> Option<Repository> {
        let property = if &*maker.resource.kind == IMAGE_COPY { "DestImage" } else { "repositoryUri" };
        let text = evaluator.property(maker, &[property]).text().cloned()?;
        Some(self.repositories.reference(evaluator, maker.template, &text)?.repository)
    }

    /// Where an image comes from that a container of a template names, if the app itself makes it.
    pub fn origin(&self, evaluator: &Evaluator<'a>, from: &Placed<'a>, image: &Text) -> Option<Origin<'a>> {
        if self.projects.is_empty() && self.makers.is_empty() {
            return None;
        }
        let reference = self.repositories.reference(evaluator, from.template, image)?;
        for maker in self.makers.get(&reference.repository).into_iter().flatten() {
            if let Some(origin) = self.made_by(evaluator, maker, &reference) {
                return Some(origin);
            }
        }
        let candidates = self.pushers.get(&reference.repository)?;
        let mut answer: Option<Builder<'a>> = None;
        for placed in candidates.iter().filter(|placed| evaluator.exists(placed)) {
            let project = self.project(evaluator, placed);
            let Ok(work) = &project.work else { return None };
            for (pushed, made) in self.pushed(evaluator, &project).iter() {
                if !pushed.as_ref().is_some_and(|pushed| pushed.may_be(&reference)) {
                    continue;
                }
                let link = "it pushes to the repository that the container takes its image from".to_owned();
                let builder = builder(&project, made, work.emulates, link)?;
                match &answer {
                    Some(other) if other.platforms != builder.platforms => return None,
                    _ => answer = Some(builder),
                }
            }
        }
        let mut builder = answer?;
        let stage = evaluator.app().unit(from.template).stage;
        let others = self.opaque.get(&stage).into_iter().flatten().any(|id| *id != builder.project);
        builder.certain = matches!(reference.repository, Repository::OfThisApp(_))
            && !others
            && !self.makers.contains_key(&reference.repository);
        Some(Origin::Built(builder))
    }

    /// The image of a custom resource, if it is the one that is meant.
    fn made_by(&self, evaluator: &Evaluator<'a>, maker: &Placed<'a>, reference: &Reference) -> Option<Origin<'a>> {
        if !evaluator.exists(maker) {
            return None;
        }
        let property = |name: &'a str| evaluator.property(maker, &[name]);
        if &*maker.resource.kind == IMAGE_COPY {
            let target = property("DestImage").text().cloned()?;
            let target = self.repositories.reference(evaluator, maker.template, &target)?;
            if target.tag.is_none() || target != *reference {
                return None;
            }
            let source = property("SrcImage").text().cloned()?;
            let source = source.marked().strip_prefix("docker://").map(|name| source.unmarked(name))?;
            return evaluator.app().asset_of(maker.template, &source).map(Origin::Copy);
        }
        let by_tag = property("imageTag").known().is_some_and(|tag| reference.tag.as_deref() == Some(tag))
            && self.written_by(evaluator, maker).as_ref() == Some(&reference.repository);
        if reference.tagged_by.as_ref() != Some(&maker.id()) && !by_tag {
            return None;
        }
        let project = property("codeBuildProjectName").text().and_then(Text::resource).cloned()?;
        let project = evaluator.resource(&project).filter(is_project)?;
        let project = self.project(evaluator, &project);
        let command = property("buildCommand").known().map(str::to_owned)?;
        let made = work::of_build(&command);
        let link = format!("custom resource `{}` starts it during the deployment", maker.resource.id);
        let mut builder = builder(&project, &made, false, link)?;
        let source = property("sourceS3Url").text().map(Text::display).unwrap_or_default();
        let recipe = Recipe::of_staged(self.files, evaluator.app().unit(maker.template), &source, &command);
        builder.base_known = judge_base(&builder, recipe.as_ref())?;
        builder.lacks_emulator &= recipe.is_some_and(|recipe| recipe.runs_foreign(&builder.platforms, builder.machine));
        builder.certain = true;
        Some(Origin::Built(builder))
    }

    /// The project that gives a container its image through a pipeline, whatever the task definition names first.
    pub fn deployed(
        &self,
        evaluator: &Evaluator<'a>,
        task: &Placed<'a>,
        container: &str,
        only_one: bool,
    ) -> Option<Builder<'a>> {
        let mut answer: Option<Builder<'a>> = None;
        for (placed, pipeline) in self.deployed.get(&task.id())? {
            if !evaluator.exists(placed) {
                continue;
            }
            let project = self.project(evaluator, placed);
            let Ok(work) = &project.work else { return None };
            let listed = work.listed.iter().any(|name| name == container);
            if work.pushes.is_empty() || !project.privileged || !(listed || only_one && work.listed.len() <= 1) {
                return None;
            }
            for push in &work.pushes {
                let link = format!("pipeline `{pipeline}` gives what it built to the service of this task");
                let builder = builder(&project, &push.made, work.emulates, link)?;
                match &answer {
                    Some(other) if other.platforms != builder.platforms => return None,
                    _ => answer = Some(Builder { certain: true, replaces: true, ..builder }),
                }
            }
        }
        answer
    }

    /// The project that builds an asset and publishes it, if the app says so and nothing else may.
    pub fn publisher(&self, evaluator: &Evaluator<'a>, asset: &'a Asset) -> Option<Builder<'a>> {
        if self.publishers.is_empty() {
            return None;
        }
        let builder = self.only_publisher(evaluator, asset)?;
        // Someone who deploys the same asset to the same repository by hand may have been there before.
        let declared = &asset.declared;
        let same = evaluator.app().assets.iter().filter(|other| {
            let theirs = &other.declared;
            theirs.id == declared.id
                && theirs.destinations.iter().any(|destination| declared.destinations.contains(destination))
        });
        for other in same {
            if self.only_publisher(evaluator, other).is_none_or(|other| other.machine != builder.machine) {
                return None;
            }
        }
        Some(builder)
    }

    fn only_publisher(&self, evaluator: &Evaluator<'a>, asset: &'a Asset) -> Option<Builder<'a>> {
        let Source::Directory { platform, .. } = &asset.declared.source else { return None };
        let file = asset.declared.file.replace('\\', "/");
        let named = self.publishers.get(&(file.clone(), Some(asset.declared.id.clone())));
        let all = self.publishers.get(&(file.clone(), None));
        let mut answer: Option<Builder<'a>> = None;
        for placed in named.into_iter().chain(all).flatten().filter(|placed| evaluator.exists(placed)) {
            let project = self.project(evaluator, placed);
            let Ok(work) = &project.work else { return None };
            let publish = work.publishes.iter().find(|publish| {
                publish.manifest == file && publish.asset.as_ref().is_none_or(|id| *id == asset.declared.id)
            })?;
            if publish.made != Made::Native {
                return None;
            }
            let made = match platform.as_deref().map(BuildPlatform::parse_list) {
                None => Made::Native,
                Some(Ok(platforms)) if platforms == [BuildPlatform::Host] => Made::Native,
                Some(_) => Made::For(platform.clone().unwrap_or_default()),
            };
            let link = format!("it publishes asset `{}`", crate::workload::short(&asset.declared.id));
            let mut builder = builder(&project, &made, work.emulates, link)?;
            let recipe = Recipe::of_asset(self.files, asset);
            builder.base_known = judge_base(&builder, recipe.as_ref())?;
            builder.lacks_emulator &=
                recipe.is_some_and(|recipe| recipe.runs_foreign(&builder.platforms, builder.machine));
            builder.certain = true;
            match &answer {
                Some(other) if other.machine != builder.machine => return None,
                _ => answer = Some(builder),
            }
        }
        answer
    }
}

fn is_project(placed: &Placed<'_>) -> bool {
    &*placed.resource.kind == PROJECT
}

/// Whether the base image of a native build is for the machine as well, if the Dockerfile leaves that open; `None` if it does not.
fn judge_base(builder: &Builder<'_>, recipe: Option<&Recipe>) -> Option<bool> {
    let Some(recipe) = recipe.filter(|_| builder.native) else { return Some(true) };
    match recipe.follows(&builder.platforms) {
        Follows::Yes => Some(true),
        Follows::Perhaps => Some(false),
        Follows::No => None,
    }
}

/// What a project makes of an image; `None` where that is not known.
fn builder<'a>(project: &Project<'a>, made: &Made, emulates: bool, link: String) -> Option<Builder<'a>> {
    let machine = project.only_machine().filter(|_| project.privileged)?;
    let own = machine.platform()?;
    let (platforms, native) = match made {
        Made::Undecided(_) => return None,
        Made::Native => (vec![own.clone()], true),
        Made::For(text) => {
            let mut platforms = Vec::new();
            for platform in BuildPlatform::parse_list(text).ok()? {
                match platform {
                    BuildPlatform::Host => platforms.push(own.clone()),
                    BuildPlatform::Named(platform) => platforms.push(platform),
                }
            }
            (platforms, false)
        }
    };
    let foreign = platforms.iter().any(|platform| platform.os == own.os && !machine.runs(platform));
    Some(Builder {
        project: project.placed.id(),
        label: project.label(),
        kind: project.kind.known().unwrap_or_default().to_owned(),
        spot: project.kind.spot.clone(),
        machine,
        platforms,
        native,
        lacks_emulator: foreign && !emulates,
        certain: false,
        base_known: true,
        replaces: false,
        link,
    })
}
