//! What the image will start on a host, as far as the Dockerfile and its context decide it.
//!
//! The same prediction as for an image that exists is made over a file system in which everything that is not known is as good
//! as it can be: what a base image or a `RUN` line may have put somewhere is a program of the host's own machine. So a
//! prediction that fails is a proof, and one that succeeds says nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::context::Context;
use super::recipe::{Recipe, Setting};
use super::run::Effect;
use super::stages::Base;
use super::tree::{Given, Located, Tree, What};
use crate::exec::command::{Command, DEFAULT_PATH, Overrides};
use crate::exec::wrapper::{self, Wrapped};
use crate::exec::{self, Host, Outcome, Prediction};
use crate::executable::elf::{Elf, Headers, Interpreter, Machine};
use crate::executable::{self, Executable};
use crate::image::manifest::Execution;
use crate::image::reference;
use crate::image::view::{Found, FoundKind, Unavailable, View};

/// Official images of Docker that set no entrypoint, by the last part of their names: what `CMD` says is what is started. Source: the
/// Dockerfiles of docker-library.
const WITHOUT_ENTRYPOINT: [&str; 17] = [
    "alpine",
    "debian",
    "ubuntu",
    "busybox",
    "amazonlinux",
    "fedora",
    "rockylinux",
    "almalinux",
    "oraclelinux",
    "archlinux",
    "python",
    "golang",
    "rust",
    "ruby",
    "buildpack-deps",
    "perl",
    "amazoncorretto",
];
/// The directories that the usual `PATH` looks into first, where distributions have nothing of their own.
const LOCAL: [&str; 2] = ["/usr/local/sbin", "/usr/local/bin"];

/// How far a prediction can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Something that is not known would have to be unusual for it to be wrong.
    Likely,
    /// It is proven.
    Certain,
}

/// A file that takes part in the start, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its path in the image.
    pub path: String,
    /// The file of the context, or the line of the Dockerfile that has its text.
    pub from: Origin,
}

/// Where a file that takes part in the start is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The build context.
    Context(Given),
    /// This line of the Dockerfile.
    Text(usize),
}

/// What is predicted.
#[derive(Debug, Clone)]
pub struct Predicted {
    /// The start.
    pub prediction: Prediction,
    /// The program behind a wrapper.
    pub wrapped: Option<Wrapped>,
    /// How far this can be trusted.
    pub trust: Trust,
    /// What is known of the files that were looked at.
    pub parts: Vec<Part>,
    /// Where the program that the kernel runs is from.
    pub program: Located,
}

impl Predicted {
    /// Where a file is from, by its path in the image.
    pub fn part(&self, path: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.path == path)
    }
}

/// The words of the command, and whether they are certain to be these; `None` where they are not known.
pub fn words(recipe: &Recipe, overrides: &Overrides) -> Option<(Vec<String>, Trust)> {
    let config = &recipe.stages.get(recipe.target)?.config;
    let given = |list: &Option<Vec<String>>| list.clone().filter(|list| !list.is_empty());
    if let Some(mut entrypoint) = given(&overrides.entrypoint) {
        entrypoint.extend(given(&overrides.command).unwrap_or_default());
        return Some((entrypoint, Trust::Certain));
    }
    let command = given(&overrides.command).or_else(|| config.command.known().cloned());
    match (&config.entrypoint, command) {
        (Setting::Set(entrypoint), command) if !entrypoint.is_empty() => {
            Some(([entrypoint.clone(), command.unwrap_or_default()].concat(), Trust::Certain))
        }
        (Setting::Set(_), command) => Some((command?, Trust::Certain)),
        (Setting::Inherited, command) => {
            let trust = if has_no_entrypoint(recipe) { Trust::Certain } else { Trust::Likely };
            Some((command.filter(|words| !words.is_empty())?, trust))
        }
    }
}

fn has_no_entrypoint(recipe: &Recipe) -> bool {
    let Some(Base::Image(name)) = recipe.root_base(recipe.target) else { return false };
    let name = name.split('@').next().unwrap_or(name);
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("public.ecr.aws/docker/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let name = match reference::platform_by_name(name) {
        Some(_) => name.split_once('/').map_or(name, |(_, name)| name),
        None => name,
    };
    let name = name.split(':').next().unwrap_or(name);
    WITHOUT_ENTRYPOINT.contains(&name)
}

/// Follows the start on a host; `None` where the command, or the directory that it is relative to, is not known.
pub fn predict(recipe: &Recipe, context: &Context<'_>, overrides: &Overrides, host: &Host) -> Option<Predicted> {
    let tree = Tree::new(recipe, context);
    let config = &recipe.stages.get(recipe.target)?.config;
    let from_nothing = recipe.root_base(recipe.target) == Some(&Base::Scratch);
    let (mut argv, trust) = words(recipe, overrides)?;
    let trust = Cell::new(trust);
    let first = argv.first().cloned().unwrap_or_default();
    let unusual = first.ends_with('/') || first.split('/').any(|name| name == "..");
    let directory =
        overrides.working_directory.clone().filter(|text| !text.is_empty()).or(config.directory.known().cloned());
    if unusual || first.contains('/') && !first.starts_with('/') && directory.is_none() {
        return None;
    }
    let environment_path =
        overrides.environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
    let path = environment_path.or(config.path.clone()).unwrap_or_else(|| DEFAULT_PATH.to_owned());
    if !first.is_empty() && !first.contains('/') && !from_nothing {
        let copied = path.split(':').filter(|directory| directory.starts_with('/')).find(|directory| {
            let what = tree.locate(&format!("{}/{first}", directory.trim_end_matches('/'))).what;
            matches!(what, What::File(_) | What::Text(..))
        });
        if let Some(directory) = copied {
            if !LOCAL.contains(&directory) {
                trust.set(Trust::Likely);
            }
            if let Some(word) = argv.first_mut() {
                *word = format!("{}/{first}", directory.trim_end_matches('/'));
            }
        }
    }
    let user = overrides.user.clone().filter(|user| !user.is_empty()).or(config.user.known().cloned());
    let execution = Execution {
        entrypoint: argv,
        cmd: Vec::new(),
        env: vec![format!("PATH={path}")],
        working_dir: directory.clone().unwrap_or_default(),
        // Who may do what in a base image is not known; nobody may do more than root.
        user: if from_nothing { user.unwrap_or_default() } else { String::new() },
    };
    let command =
        Command::new(&execution, &Overrides { environment: overrides.environment.clone(), ..Overrides::default() });
    let mut directories = BTreeSet::new();
    let mut above = String::new();
    for name in directory.unwrap_or_default().split('/').filter(|name| !name.is_empty()) {
        above = format!("{above}/{name}");
        directories.insert(above.clone());
    }
    let parts: RefCell<Vec<Part>> = RefCell::default();
    let links = Cell::new(false);
    let view = View::of(|path, rest| {
        let Some(text) = text_of(path) else {
            return Err(Unavailable("a path is not text in UTF-8".to_owned()));
        };
        let favourable = || {
            let last = rest.last().or(path.last());
            let is_mangled = last.is_some_and(|name| name.ends_with(b"\r"));
            let is_directory = !rest.is_empty() || directories.contains(&text);
            Ok(match (is_directory, is_mangled) {
                (true, _) => Some(directory_found()),
                (false, true) => None,
                (false, false) => Some(native(host)),
            })
        };
        let located = tree.locate(&text);
        let doubt = |located: &Located| {
            if located.effect == Effect::Unlikely || located.doubtful {
                trust.set(Trust::Likely);
            }
        };
        match &located.what {
            What::Directory => Ok(Some(directory_found())),
            What::Nothing if directories.contains(&text) => Ok(Some(directory_found())),
            What::Nothing => Ok(None),
            What::Special => Ok(Some(Found { kind: FoundKind::Special, ..directory_found() })),
            What::Stage(_) | What::Image(_) | What::Unknown(_) => favourable(),
            _ if located.effect == Effect::Content => favourable(),
            What::Link(target) => {
                links.set(true);
                doubt(&located);
                Ok(Some(Found { kind: FoundKind::Symlink(target.clone().into_bytes()), ..directory_found() }))
            }
            What::File(given) => {
                doubt(&located);
                let executable = context.content(&given.source).as_ref().clone().map_err(Unavailable)?;
                parts.borrow_mut().push(Part { path: text.clone(), from: Origin::Context(given.clone()) });
                let mode = if located.effect == Effect::Mode { 0o755 } else { given.mode };
                Ok(Some(Found { kind: FoundKind::File(executable, 1, None), mode, ..directory_found() }))
            }
            What::Text(content, mode, line) => {
                doubt(&located);
                let size = content.len() as u64;
                let executable =
                    executable::read(&mut content.as_bytes(), size).map_err(|error| Unavailable(error.to_string()))?;
                parts.borrow_mut().push(Part { path: text.clone(), from: Origin::Text(*line) });
                let mode = if located.effect == Effect::Mode { 0o755 } else { *mode };
                Ok(Some(Found { kind: FoundKind::File(executable, size, None), mode, ..directory_found() }))
            }
        }
    });
    let prediction = exec::predict(&view, &command, host);
    let leads_up = |path: &[u8]| path.split(|&byte| byte == b'/').any(|name| name == b"..");
    let asked_above = prediction.chain.iter().any(|step| leads_up(&step.asked))
        || matches!(&prediction.obstacle, Some(exec::Obstacle::Interpreter(path) | exec::Obstacle::Loader(path)) if leads_up(path));
    let lost = matches!(&prediction.outcome,
        Outcome::Fails { errno, .. } | Outcome::Refused { errno: Some(errno), .. } if *errno == exec::errno::Errno::Enotdir);
    if !from_nothing && (asked_above || lost) || links.get() && lost {
        return None;
    }
    let wrapped = match (&prediction.outcome, exec::process(&view, &command)) {
        (Outcome::Starts, Ok(Some(process))) => wrapper::wrapped(&process, &command, &prediction).ok().flatten(),
        _ => None,
    };
    let program = prediction.chain.last().and_then(|step| std::str::from_utf8(&step.path).ok().map(str::to_owned));
    let program = match program {
        Some(path) => tree.locate(&path),
        None => Located {
            what: What::Unknown("what is started is not known".to_owned()),
            effect: Effect::None,
            doubtful: true,
        },
    };
    drop(view);
    Some(Predicted { prediction, wrapped, trust: trust.get(), parts: parts.into_inner(), program })
}

fn text_of(names: &[Vec<u8>]) -> Option<String> {
    let mut text = String::new();
    for name in names {
        text.push('/');
        text.push_str(std::str::from_utf8(name).ok()?);
    }
    Some(if text.is_empty() { "/".to_owned() } else { text })
}

fn directory_found() -> Found {
    Found { kind: FoundKind::Directory, mode: 0o755, uid: 0, gid: 0, layer: 0, privileged: false }
}

/// A program that certainly starts on a host.
fn native(host: &Host) -> Found {
    let elf = Elf {
        machine: Machine::Known(host.platform.architecture),
        kind: 2,
        class: 2,
        size: 4096,
        eabi: true,
        headers: Headers::Readable,
        interpreter: Interpreter::None,
        isa_needed: 0,
        page_size: None,
        dynamic: None,
    };
    Found { kind: FoundKind::File(Executable::Elf(Box::new(elf)), 4096, None), ..directory_found() }
}
