//! What the Dockerfile behind an image asset will make, and what becomes of it on the hosts of its task.
//!
//! A Dockerfile is read once for an app, however many containers and scenarios ask for it, and its context only where a
//! question leads to a file. Whether something is a finding is the rules' business.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Platforms;
use super::contents::Start;
use crate::assembly::Asset;
use crate::assembly::docker_assets::{BuildOptions, Source};
use crate::build::context::Context;
use crate::build::dockerfile::{self, Dockerfile, MAX_SIZE};
use crate::build::ignore::Ignore;
use crate::build::natives::{self, Native};
use crate::build::recipe::{Action, ActionKind, Copied, From, Recipe, RecipeError};
use crate::build::run;
use crate::build::stages::{Base, StagePlatform, Surroundings};
use crate::build::start::{self, Predicted};
use crate::build::tree::What;
use crate::exec::{Host, Outcome};
use crate::executable::Executable;
use crate::executable::elf::{Interpreter, Machine};
use crate::files::{Files, Kind, join_inside};
use crate::image::reference;
use crate::lock::Lock;
use crate::platform::{Architecture, Os, Platform};

/// A build that a container's image comes from.
#[derive(Clone)]
pub struct Build<'a> {
    opened: Rc<Opened<'a>>,
    /// What the container definition says about the start, where all of it is known.
    pub start: Option<Start>,
    /// What the asset is built for, if it is built for one platform.
    pub target: Option<Platform>,
    /// What the program is built for that the image starts.
    pub held: Held,
    /// Whether that is proven.
    pub proven: bool,
}

impl fmt::Debug for Build<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Build").field("file", &self.opened.file).field("held", &self.held).finish_non_exhaustive()
    }
}

/// What a program is built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// What the build is for.
    Target,
    /// The machine that builds, because a stage says so; the stage.
    BuildHost(usize),
    /// This platform, whatever the build is for.
    Platform(Platform, Cause),
    /// Nothing: the base image has no image for what the build is for.
    Missing(Platform, Cause),
    /// It is not known, with the reason.
    Unknown(String),
}

/// What decides what a program is built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// `FROM --platform` in this stage.
    Pinned(usize),
    /// The base image of this stage, with what says so.
    Base(usize, String),
    /// A program without a loader that is copied from the context.
    Copied,
}

/// Why nothing can be said about a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, if it is about one.
    pub line: Option<usize>,
    /// What is wrong, as a sentence behind the name of the file.
    pub message: String,
    /// Whether every build of it fails.
    pub certain: bool,
}

type Asked = (Start, Host);

/// A Dockerfile with its context.
struct Opened<'f> {
    context: Context<'f>,
    /// The Dockerfile, relative to the assembly.
    file: String,
    /// The context, relative to the assembly.
    directory: String,
    recipe: Result<Option<Recipe>, Problem>,
    natives: OnceCell<Vec<Native>>,
    predicted: RefCell<HashMap<Asked, Option<Rc<Predicted>>>>,
}

type Key = (PathBuf, BuildOptions, Option<Platform>);

/// The Dockerfiles of an app.
pub struct Builds<'f> {
    files: &'f dyn Files,
    opened: RefCell<HashMap<Key, Option<Rc<Opened<'f>>>>>,
}

impl<'f> Builds<'f> {
    /// Nothing is opened yet.
    pub fn new(files: &'f dyn Files) -> Builds<'f> {
        Builds { files, opened: RefCell::default() }
    }

    /// The build behind an asset; `None` where its context is not here. `platforms` is what the asset says it is built for.
    pub fn build(
        &self,
        asset: &Asset,
        platforms: &Platforms,
        start: Option<Start>,
        lock: Option<&Lock>,
    ) -> Option<Build<'f>> {
        let Source::Directory { directory, options, .. } = &asset.declared.source else { return None };
        let target = match platforms {
            Platforms::Single(platform) => Some(platform.clone()),
            Platforms::BuildHost => None,
            _ => return None,
        };
        let path = join_inside(&asset.root, &asset.directory, directory)?;
        let key = (path, options.as_ref().clone(), target.clone());
        let known = self.opened.borrow().get(&key).cloned();
        let opened = match known {
            Some(opened) => opened,
            None => {
                let opened = self.open(&key.0, &asset.root, options, target.as_ref()).map(Rc::new);
                self.opened.borrow_mut().insert(key, opened.clone());
                opened
            }
        }?;
        let mut build = Build { opened, start, target, held: Held::Target, proven: false };
        (build.held, build.proven) = build.held(lock);
        Some(build)
    }

    fn open(&self, path: &Path, root: &Path, options: &BuildOptions, target: Option<&Platform>) -> Option<Opened<'f>> {
        // A link in the place of the staged directory leads out of the assembly.
        if self.files.status(path).ok()?.kind != Kind::Directory {
            return None;
        }
        let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
        let name = options.file.as_deref().unwrap_or("Dockerfile");
        let (text, file) = match join_inside(root, path, name) {
            None => {
                let message = "lies outside of the assembly".to_owned();
                (Err(Problem { line: None, message, certain: false }), name.to_owned())
            }
            Some(file) => (self.text(&file), shown(&file)),
        };
        let ignore = [format!("{name}.dockerignore"), ".dockerignore".to_owned()];
        let plain = Context::new(self.files, path, Ignore::default());
        let ignore = ignore.iter().find_map(|name| plain.text(name)).map(|text| Ignore::parse(&text));
        let recipe = text.and_then(|text| {
            if dockerfile::is_foreign(&text) {
                return Ok(None);
            }
            let dockerfile = Dockerfile::parse(&text).map_err(|error| Problem {
                line: Some(error.line),
                message: format!("cannot be read: {}", error.message),
                certain: error.certain,
            })?;
            let surroundings = Surroundings { target: target.cloned(), arguments: options.arguments.clone() };
            let recipe = Recipe::new(dockerfile, options.target.as_deref(), &surroundings, &options.contexts);
            recipe.map(Some).map_err(|error| match error {
                RecipeError::NoTarget(name) => Problem {
                    line: None,
                    message: format!("has no stage `{name}`, which the asset's `target` names"),
                    certain: true,
                },
                RecipeError::TooLarge(most) => {
                    Problem { line: None, message: format!("has more than {most} stages"), certain: false }
                }
            })
        });
        Some(Opened {
            context: Context::new(self.files, path, ignore.unwrap_or_default()),
            file,
            directory: shown(path),
            recipe,
            natives: OnceCell::new(),
            predicted: RefCell::default(),
        })
    }

    fn text(&self, path: &Path) -> Result<String, Problem> {
        let problem = |message: String, certain| Problem { line: None, message, certain };
        match self.files.status(path).map(|status| status.kind) {
            Ok(Kind::File(size)) if size > MAX_SIZE as u64 => {
                Err(problem(format!("is larger than {} MiB", MAX_SIZE >> 20), false))
            }
            Ok(Kind::File(_)) => {
                let data = self.files.read(path).map_err(|error| problem(format!("cannot be read: {error}"), false))?;
                Ok(String::from_utf8_lossy(&data).into_owned())
            }
            Ok(Kind::Symlink) => Err(problem("is a symbolic link, which is not followed".to_owned(), false)),
            Ok(Kind::Directory) => Err(problem("is a directory".to_owned(), true)),
            Ok(Kind::Special) => Err(problem("is not a regular file".to_owned(), false)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(problem("does not exist".to_owned(), true))
            }
            Err(error) => Err(problem(format!("cannot be read: {error}"), false)),
        }
    }
}

impl<'f> Build<'f> {
    /// The Dockerfile, relative to the assembly.
    pub fn file(&self) -> &str {
        &self.opened.file
    }

    /// A file of the context, relative to the assembly.
    pub fn source(&self, path: &str) -> String {
        format!("{}/{path}", self.opened.directory)
    }

    /// What is wrong with the Dockerfile.
    pub fn problem(&self) -> Option<&Problem> {
        self.opened.recipe.as_ref().err()
    }

    /// The Dockerfile in its surroundings; `None` where it is not read.
    pub fn recipe(&self) -> Option<&Recipe> {
        self.opened.recipe.as_ref().ok()?.as_ref()
    }

    /// The context.
    pub fn context(&self) -> &Context<'f> {
        &self.opened.context
    }

    /// The native code that is copied from the context into the final stage, as far as its name says that it is.
    pub fn natives(&self) -> &[Native] {
        let Some(recipe) = self.recipe() else { return &[] };
        self.opened.natives.get_or_init(|| natives::copied(recipe, &self.opened.context))
    }

    /// What the image does on a host; `None` where that is not decided.
    pub fn predicted(&self, host: &Host) -> Option<Rc<Predicted>> {
        let (recipe, start) = (self.recipe()?, self.start.as_ref()?);
        let key = (start.clone(), host.clone());
        if let Some(known) = self.opened.predicted.borrow().get(&key) {
            return known.clone();
        }
        let predicted = start::predict(recipe, &self.opened.context, &start.overrides, host).map(Rc::new);
        self.opened.predicted.borrow_mut().insert(key, predicted.clone());
        predicted
    }

    /// What the image is built for, where the Dockerfile and not the asset decides it.
    pub(super) fn decided(&self, platforms: Platforms, evidence: String) -> (Platforms, String) {
        if let Some(problem) = self.problem().filter(|problem| !problem.certain) {
            return (Platforms::Unknown(format!("`{}` {}", self.file(), problem.message)), evidence);
        }
        match (&self.held, self.proven) {
            (Held::Unknown(reason), _) => (Platforms::Unknown(reason.clone()), evidence),
            (Held::Platform(platform, cause), true) if Some(platform) != self.target.as_ref() => {
                let evidence = match cause {
                    Cause::Pinned(stage) => {
                        format!("`{}` pins it to `{platform}` in line {}", self.file(), self.line_of(*stage))
                    }
                    Cause::Base(_, evidence) => evidence.clone(),
                    Cause::Copied => format!("the program that `{}` copies is for `{platform}`", self.file()),
                };
                (Platforms::Single(platform.clone()), evidence)
            }
            (Held::BuildHost(stage), true) => {
                let line = self.line_of(*stage);
                (Platforms::BuildHost, format!("line {line} of `{}` takes the platform of the build host", self.file()))
            }
            _ => (platforms, evidence),
        }
    }

    /// Whether the Dockerfile, and not the asset, decides what the image is built for.
    pub fn decides(&self) -> bool {
        self.proven
            && match &self.held {
                Held::Platform(platform, _) => Some(platform) != self.target.as_ref(),
                Held::BuildHost(_) | Held::Missing(..) => true,
                _ => false,
            }
    }

    /// Whether no build of the Dockerfile can succeed.
    pub fn is_broken(&self) -> bool {
        self.problem().is_some_and(|problem| problem.certain)
    }

    /// The line of a stage's `FROM`.
    pub fn line_of(&self, stage: usize) -> usize {
        self.recipe().and_then(|recipe| recipe.dockerfile.stages.get(stage)).map_or(1, |stage| stage.line)
    }

    /// What the program that the image starts is built for, and whether that is proven.
    fn held(&self, lock: Option<&Lock>) -> (Held, bool) {
        let Some(recipe) = self.recipe() else { return (Held::Target, false) };
        let host = Host::of(self.target.clone().unwrap_or_else(|| Platform::linux(Architecture::X86_64)));
        if host.platform.os == Os::Windows {
            return (Held::Target, false);
        }
        let Some(predicted) = self.predicted(&host) else {
            // The base's own command, as far as the Dockerfile and the task say nothing.
            let proven = self.start.as_ref().is_some_and(|start| {
                let overridden = start.overrides.entrypoint.is_some() || start.overrides.command.is_some();
                let config = recipe.stages.get(recipe.target).map(|stage| &stage.config);
                let inherited = config
                    .is_some_and(|config| config.command.known().is_none() && config.entrypoint.known().is_none());
                !overridden && inherited && start.mounted.is_empty()
            });
            let (held, certain) = of_stage(recipe, recipe.target, self.target.as_ref(), lock);
            return (held, proven && certain && leaves_system_alone(recipe));
        };
        if let Outcome::Unknown(reason) = &predicted.prediction.outcome {
            return (Held::Unknown(reason.clone()), false);
        }
        let covered = self.start.as_ref().is_some_and(|start| {
            predicted
                .prediction
                .chain
                .iter()
                .flat_map(|step| [&step.asked, &step.path])
                .any(|path| std::str::from_utf8(path).is_ok_and(|path| start.covers(path)))
        });
        match &predicted.program.what {
            What::Stage(stage) => {
                let (held, certain) = of_stage(recipe, *stage, self.target.as_ref(), lock);
                let proven = certain && !covered && !predicted.program.doubtful;
                (held, proven && leaves_system_alone(recipe))
            }
            What::Image(name) => {
                let (held, certain) = of_image(name, self.target.as_ref(), recipe.target, lock);
                (held, certain && !covered)
            }
            What::File(_) => match predicted.prediction.chain.last().map(|step| &step.executable) {
                Some(Executable::Elf(elf)) => match elf.machine {
                    Machine::Known(architecture)
                        if elf.interpreter == Interpreter::None && predicted.trust == start::Trust::Certain =>
                    {
                        (Held::Platform(Platform::linux(architecture), Cause::Copied), !covered)
                    }
                    _ => of_stage(recipe, recipe.target, self.target.as_ref(), lock),
                },
                _ => (Held::Target, false),
            },
            _ => (Held::Target, false),
        }
    }
}

/// What the programs of a stage's base image are built for; whether that is certain even for what `RUN` lines made.
fn of_stage(recipe: &Recipe, stage: usize, target: Option<&Platform>, lock: Option<&Lock>) -> (Held, bool) {
    let chain = recipe.chain(stage);
    let Some(resolved) = chain.last().and_then(|root| recipe.resolved.get(*root)) else { return (Held::Target, false) };
    let root = chain.last().copied().unwrap_or(stage);
    let (platform, pinned) = match &resolved.platform {
        StagePlatform::Target => (target.cloned(), None),
        StagePlatform::BuildHost => (None, Some(Held::BuildHost(root))),
        StagePlatform::Pinned(platform, _) => {
            (Some(platform.clone()), Some(Held::Platform(platform.clone(), Cause::Pinned(root))))
        }
        StagePlatform::Unknown(reason) => return (Held::Unknown(reason.clone()), false),
    };
    match &resolved.base {
        Base::Image(name) => {
            let (held, certain) = match (of_image(name, platform.as_ref(), root, lock), pinned) {
                // A digest may be that of one platform.
                ((Held::Target, _), Some(pinned)) => (pinned, !name.contains('@')),
                (known, _) => known,
            };
            let certain = certain && !may_be_built_for_another(recipe, &chain, &held);
            (held, certain)
        }
        Base::Scratch => (Held::Target, false),
        _ => (pinned.unwrap_or(Held::Target), false),
    }
}

/// Whether a `RUN` line of these stages asks for the processor, or names another one than the stages are for: what it makes may be
/// for that one.
fn may_be_built_for_another(recipe: &Recipe, chain: &[usize], held: &Held) -> bool {
    let own = match held {
        Held::Platform(platform, _) => Some(platform.architecture),
        _ => None,
    };
    chain.iter().filter_map(|number| recipe.stages.get(*number)).any(|stage| {
        let asks = stage.actions.iter().any(|action| match &action.kind {
            ActionKind::Run(text, _) => {
                run::asks(text) || run::architectures(text).iter().any(|named| Some(*named) != own)
            }
            _ => false,
        });
        asks || stage.variables.contains_key("GOARCH")
    })
}

/// What an image is built for, by its name or by what the lock file knows of it.
fn of_image(name: &str, wanted: Option<&Platform>, stage: usize, lock: Option<&Lock>) -> (Held, bool) {
    if let Some(platform) = reference::platform_by_name(name) {
        let evidence = format!("Docker publishes `{name}` for `{platform}` only");
        return (Held::Platform(platform, Cause::Base(stage, evidence)), true);
    }
    let locked = lock.and_then(|lock| lock.images.get(name));
    let platforms = locked.and_then(|locked| Some((locked, locked.platforms().ok()?)));
    if let Some((locked, platforms)) = platforms {
        let shown: Vec<String> = platforms.iter().map(|platform| format!("`{platform}`")).collect();
        let evidence = format!("the lock file says that `{name}` is for {}", shown.join(", "));
        let cause = Cause::Base(stage, evidence);
        match (locked.is_index(), platforms.as_slice()) {
            (false, [platform]) => return (Held::Platform(platform.clone(), cause), true),
            (true, platforms) => {
                if let Some(wanted) = wanted.filter(|wanted| !platforms.contains(wanted)) {
                    return (Held::Missing(wanted.clone(), cause), true);
                }
            }
            _ => {}
        }
    }
    (Held::Target, false)
}

/// Whether nothing is copied over the directories that programs of the base image lie in.
fn leaves_system_alone(recipe: &Recipe) -> bool {
    const SYSTEM: [&str; 8] = ["/", "/bin", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin", "/sbin", "/lib"];
    let is_harmless = |action: &Action| match &action.kind {
        ActionKind::Copy(Copied { from: From::Context, .. }) => true,
        ActionKind::Copy(Copied { target: Some(target), into_directory, sources, .. }) => {
            let file = sources.iter().all(|source| {
                matches!(source, Some(crate::build::dockerfile::Source::Path(path))
                    if path.rsplit('/').next().is_some_and(|name| !name.is_empty() && !name.contains('*')))
            });
            !SYSTEM.contains(&target.as_str()) || *into_directory && file && target != "/"
        }
        ActionKind::Copy(_) => false,
        _ => true,
    };
    recipe
        .chain(recipe.target)
        .into_iter()
        .filter_map(|number| recipe.stages.get(number))
        .all(|stage| stage.actions.iter().all(is_harmless))
}
