//! Who builds: CodeBuild projects, the images that they push, and the assets that they publish.
//!
//! A project without a word about platforms builds for the machine that it runs on. What ties a container to a project is the
//! repository, the pipeline that deploys what it built, or the asset that it publishes; where something else may have made the
//! image as well, nothing here is certain. Projects whose commands lie in their own source are not understood.

pub mod buildspec;
pub mod environment;
pub mod project;
mod repository;
mod shell;
pub mod work;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use crate::assembly::Asset;
use crate::assembly::docker_assets::Source;
use crate::build::dockerfile::{Dockerfile, StepKind};
use crate::build::stages::{self, Base, StagePlatform, Surroundings};
use crate::files::{Files, join_inside};
use crate::platform::{BuildPlatform, Platform};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::scenario::Memo;
use crate::template::value::{Expression, ResourceId, Spot, Text, Value};
use environment::Machine;
use project::Project;
use repository::{Reference, Repositories, Repository};
use work::Made;

const PROJECT: &str = "AWS::CodeBuild::Project";
const PIPELINE: &str = "AWS::CodePipeline::Pipeline";
const IMAGE_BUILD: &str = "Custom::CDKContainerImageBuild";
const IMAGE_COPY: &str = "Custom::CDKECRDeployment";

/// How large a Dockerfile may be that is looked at.
const MAX_DOCKERFILE: usize = 1 << 20;

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
    projects: Vec<Placed<'a>>,
    /// Variables that pipelines set, by project.
    overridden: HashMap<ResourceId, Vec<String>>,
    /// Projects that push to a repository, in some scenario.
    pushers: HashMap<Repository, Vec<Placed<'a>>>,
    /// Repositories that something else may push to.
    shared: HashSet<Repository>,
    /// Privileged projects of which it is not known where they push, by stage.
    opaque: HashMap<usize, Vec<ResourceId>>,
    /// Projects that publish an asset, by the manifest's file and the asset's hash.
    publishers: HashMap<(String, Option<String>), Vec<Placed<'a>>>,
    /// Projects whose image a pipeline gives to a service, by the service's task definition; with the pipeline's name.
    deployed: HashMap<ResourceId, Vec<(Placed<'a>, String)>>,
    /// Custom resources that make or copy an image.
    makers: Vec<Placed<'a>>,
}

impl<'a> Builders<'a> {
    /// Finds out what may make which image, in any scenario.
    pub fn index(evaluator: &Evaluator<'a>, files: &'a dyn Files) -> Builders<'a> {
        let mut builders = Builders {
            files,
            repositories: Repositories::default(),
            known: Memo::default(),
            projects: Vec::new(),
            overridden: HashMap::new(),
            pushers: HashMap::new(),
            shared: HashSet::new(),
            opaque: HashMap::new(),
            publishers: HashMap::new(),
            deployed: HashMap::new(),
            makers: Vec::new(),
        };
        let of_kind = |kind: &'static str| evaluator.placed().filter(move |placed| &*placed.resource.kind == kind);
        builders.projects = of_kind(PROJECT).collect();
        builders.makers = of_kind(IMAGE_BUILD).chain(of_kind(IMAGE_COPY)).collect();
        if builders.projects.is_empty() && builders.makers.is_empty() {
            return builders;
        }
        builders.repositories = Repositories::index(evaluator);
        for pipeline in of_kind(PIPELINE) {
            builders.index_pipeline(evaluator, &pipeline);
        }
        for placed in builders.projects.clone() {
            builders.index_project(evaluator, placed);
        }
        for maker in builders.makers.clone() {
            let written = evaluator.explore_all(|| builders.written_by(evaluator, &maker)).flatten();
            let written: Vec<Repository> = written.collect();
            builders.shared.extend(written);
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
                    for push in &work.pushes {
                        match self.reference(evaluator, &project, &push.name) {
                            Some(reference) => {
                                pushes.insert(reference.repository);
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

    fn reference(&self, evaluator: &Evaluator<'a>, project: &Project<'a>, name: &str) -> Option<Reference> {
        self.repositories.reference(evaluator, project.placed.template, &project.text(name))
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
        for maker in &self.makers {
            if let Some(origin) = self.made_by(evaluator, maker, &reference) {
                return Some(origin);
            }
        }
        let candidates = self.pushers.get(&reference.repository)?;
        let mut answer: Option<Builder<'a>> = None;
        for placed in candidates.iter().filter(|placed| evaluator.exists(placed)) {
            let project = self.project(evaluator, placed);
            let Ok(work) = &project.work else { return None };
            for push in &work.pushes {
                let pushed = self.reference(evaluator, &project, &push.name);
                if !pushed.is_some_and(|pushed| pushed.may_be(&reference)) {
                    continue;
                }
                let link = "it pushes to the repository that the container takes its image from".to_owned();
                let builder = builder(&project, &push.made, work.emulates, link)?;
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
            && !self.shared.contains(&reference.repository);
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
            if publish.made != Made::Native || names_other_engine(&work.text) {
                return None;
            }
            let made = match platform.as_deref().map(BuildPlatform::parse_list) {
                None => Made::Native,
                Some(Ok(platforms)) if platforms == [BuildPlatform::Host] => Made::Native,
                Some(_) => Made::For(platform.clone().unwrap_or_default()),
            };
            let link = format!("it publishes asset `{}`", crate::workload::short(&asset.declared.id));
            let mut builder = builder(&project, &made, work.emulates, link)?;
            let dockerfile = self.dockerfile(asset);
            if builder.native && dockerfile.as_ref().is_some_and(|file| !follows(file, asset, &builder.platforms)) {
                return None;
            }
            builder.lacks_emulator &= dockerfile.is_some_and(|file| runs_foreign(&file, asset, &builder));
            builder.certain = true;
            match &answer {
                Some(other) if other.machine != builder.machine => return None,
                _ => answer = Some(builder),
            }
        }
        answer
    }

    fn dockerfile(&self, asset: &Asset) -> Option<Dockerfile> {
        let Source::Directory { directory, options, .. } = &asset.declared.source else { return None };
        let directory = join_inside(&asset.root, &asset.directory, directory)?;
        let path = join_inside(&asset.root, &directory, options.file.as_deref().unwrap_or("Dockerfile"))?;
        let text = self.read(&path)?;
        Dockerfile::parse(&text).ok()
    }

    fn read(&self, path: &Path) -> Option<String> {
        let data = self.files.read(path).ok().filter(|data| data.len() <= MAX_DOCKERFILE)?;
        String::from_utf8(data).ok()
    }
}

fn is_project(placed: &Placed<'_>) -> bool {
    &*placed.resource.kind == PROJECT
}

/// Whether commands put something else in the place of `docker`.
fn names_other_engine(text: &str) -> bool {
    ["CDK_DOCKER", "DOCKER_DEFAULT_PLATFORM"].iter().any(|name| text.contains(name))
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
        replaces: false,
        link,
    })
}

/// The stages of a Dockerfile as an asset's build for a platform resolves them, and the one that it makes.
fn stages_of(file: &Dockerfile, asset: &Asset, platforms: &[Platform]) -> (Vec<stages::Resolved>, Option<usize>) {
    let mut surroundings = Surroundings { target: platforms.first().cloned(), ..Surroundings::default() };
    let mut target = None;
    if let Source::Directory { options, .. } = &asset.declared.source {
        surroundings.arguments = options.arguments.clone();
        target = options.target.as_deref();
    }
    (stages::resolve(file, &surroundings), file.target(target))
}

/// Whether the image of a Dockerfile is for the platform that its build is for, as far as the file says.
fn follows(file: &Dockerfile, asset: &Asset, platforms: &[Platform]) -> bool {
    let (stages, mut at) = stages_of(file, asset, platforms);
    for _ in 0..=stages.len() {
        let Some(stage) = at.and_then(|at| stages.get(at)) else { return false };
        if !matches!(stage.platform, StagePlatform::Target | StagePlatform::BuildHost) {
            return false;
        }
        match &stage.base {
            Base::Scratch => return true,
            Base::Stage(earlier) => at = Some(*earlier),
            // A digest, or a name that speaks of an architecture, may be an image of one platform only.
            Base::Image(name) => return !name.contains('@') && !name.ends_with(':') && !work::names_architecture(name),
            Base::Unknown(_) => return false,
        }
    }
    false
}

/// Whether a build runs programs of a platform that the machine cannot run: `RUN` in a stage for that platform.
fn runs_foreign(file: &Dockerfile, asset: &Asset, builder: &Builder<'_>) -> bool {
    let (stages, made) = stages_of(file, asset, &builder.platforms);
    let mut waiting: Vec<usize> = made.into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(index) = waiting.pop() {
        let (Some(stage), Some(resolved)) = (file.stages.get(index), stages.get(index)) else { continue };
        if !seen.insert(index) {
            continue;
        }
        let foreign = match &resolved.platform {
            StagePlatform::Target => builder.platforms.iter().any(|platform| !builder.machine.runs(platform)),
            StagePlatform::Pinned(platform, _) => !builder.machine.runs(platform),
            StagePlatform::BuildHost | StagePlatform::Unknown(_) => false,
        };
        for step in &stage.steps {
            match &step.kind {
                StepKind::Run(_) if foreign => return true,
                StepKind::Copy(copy) => {
                    waiting.extend(copy.from.as_deref().and_then(|from| file.stage_before(index, from)));
                }
                _ => {}
            }
        }
        if let Base::Stage(earlier) = resolved.base {
            waiting.push(earlier);
        }
    }
    false
}

/// What an action of a pipeline uses, makes and deploys.
#[derive(Debug, Default)]
struct Action {
    project: Option<ResourceId>,
    /// The variables that it sets; `None` if it sets none.
    variables: Option<Vec<String>>,
    service: Option<ResourceId>,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

fn actions<'a>(evaluator: &Evaluator<'a>, pipeline: &Placed<'a>) -> Vec<Action> {
    let objects = |list: &crate::template::value::Resolved<'a>| -> Vec<Expression<'a>> {
        let items = evaluator.items(list).unwrap_or_default();
        items
            .into_iter()
            .filter_map(|item| match item.value {
                Value::Object(object) => Some(object),
                _ => None,
            })
            .collect()
    };
    let mut found = Vec::new();
    for stage in objects(&evaluator.property(pipeline, &["Stages"])) {
        for action in objects(&evaluator.member(&stage, "Actions")) {
            let provider = evaluator.at(&action, &["ActionTypeId", "Provider"]);
            let configured = |name: &'a str| {
                let value = evaluator.at(&action, &["Configuration", name]);
                value.text().and_then(Text::resource).cloned()
            };
            let names = |list: &'a str| -> Vec<String> {
                let artifacts = objects(&evaluator.member(&action, list));
                let names = artifacts.iter().map(|artifact| evaluator.member(artifact, "Name"));
                names.filter_map(|name| name.known().map(str::to_owned)).collect()
            };
            let mut read =
                Action { inputs: names("InputArtifacts"), outputs: names("OutputArtifacts"), ..Action::default() };
            match provider.known() {
                Some("CodeBuild") => {
                    read.project = configured("ProjectName");
                    let variables = evaluator.at(&action, &["Configuration", "EnvironmentVariables"]);
                    read.variables = variables.text().map(|text| variable_names(&text.display()));
                }
                Some("ECS") => read.service = configured("ServiceName"),
                _ => continue,
            }
            found.push(read);
        }
    }
    found
}

/// The names in the list of variables that an action has as JSON.
fn variable_names(text: &str) -> Vec<String> {
    let list: Result<Vec<serde_json::Value>, _> = serde_json::from_str(text);
    let name = |variable: &serde_json::Value| variable.get("name")?.as_str().map(str::to_owned);
    list.unwrap_or_default().iter().filter_map(name).collect()
}
