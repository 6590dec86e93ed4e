//! What the archive behind an image really holds, and what becomes of it on the hosts of its task.
//!
//! An archive is opened once for an app, its layers are read once, and each question (command, host) is answered once,
//! however many scenarios ask it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Image, Platforms};
use crate::capacity::group::Host as Place;
use crate::capacity::instance_type;
use crate::exec::command::{Command, Overrides};
use crate::exec::{Host, Outcome};
use crate::files::Files;
use crate::image::layout::{self, ArchiveKind, Images};
use crate::image::limits::Limits;
use crate::inspect::{Answer, judge_image};
use crate::platform::{Architecture, Os, Platform};

/// What the container definition says about the start, where all of it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Start {
    /// What it puts in the place of the image's own settings.
    pub overrides: Overrides,
    /// Whether a small init process starts the command.
    pub init: bool,
    /// Paths that volumes cover.
    pub mounted: Vec<String>,
}

/// An archive's image that a container starts.
#[derive(Debug, Clone)]
pub struct Contents {
    path: PathBuf,
    /// The archive's name, for messages.
    pub name: String,
    /// The platform that the image declares.
    pub declared: Option<Platform>,
    /// The platform of the program that it starts.
    pub held: Option<Platform>,
    start: Start,
}

impl Contents {
    /// Whether the image starts programs of another architecture than it declares.
    pub fn differs(&self) -> bool {
        match (&self.declared, &self.held) {
            (Some(declared), Some(held)) => declared.architecture != held.architecture,
            _ => false,
        }
    }
}

impl Contents {
    /// Whether a volume of the task lies over a file of the image.
    fn covers(&self, path: &str) -> bool {
        self.start.covers(path)
    }
}

impl Start {
    /// Whether a volume of the task lies over a file of the image.
    pub fn covers(&self, path: &str) -> bool {
        self.mounted.iter().any(|mount| is_below(path, mount))
    }
}

type Opened = Result<Rc<Images<'static>>, String>;
type Question = (PathBuf, Command, Host);

/// The archives of an app.
pub struct Archives<'f> {
    files: &'f dyn Files,
    opened: RefCell<HashMap<PathBuf, Opened>>,
    answers: RefCell<HashMap<Question, Rc<Answer>>>,
}

impl<'f> Archives<'f> {
    /// Nothing is opened yet.
    pub fn new(files: &'f dyn Files) -> Archives<'f> {
        Archives { files, opened: RefCell::default(), answers: RefCell::default() }
    }

    /// What a container starts from an archive. `start` is `None` where the container definition is not known well enough;
    /// then the label is all there is.
    ///
    /// # Errors
    /// A sentence where the archive cannot be read or does not hold one image.
    pub fn contents(
        &self,
        path: &Path,
        name: &str,
        start: Option<Start>,
    ) -> Result<(Platforms, Option<Contents>), String> {
        let images = self.open(path)?;
        let [image] = images.images.as_slice() else {
            let mut declared = images.images.iter().filter_map(|image| image.declared.clone().ok());
            return match (declared.next(), images.unreadable.first()) {
                (_, Some(message)) => Err(format!("the archive `{name}`: {message}")),
                (Some(first), None) if declared.all(|other| other == first) => Ok((Platforms::Single(first), None)),
                _ => Err(format!("the archive `{name}` holds images for several platforms")),
            };
        };
        let declared = image.declared.clone();
        let label =
            || declared.clone().map(Platforms::Single).map_err(|reason| format!("the archive `{name}`: {reason}"));
        let Some(start) = start else { return Ok((label()?, None)) };
        let Some(platform) = declared.as_ref().ok().filter(|platform| platform.os == Os::Linux) else {
            return Ok((label()?, None));
        };
        let mut contents = Contents {
            path: path.to_owned(),
            name: name.to_owned(),
            declared: Some(platform.clone()),
            held: None,
            start,
        };
        let answer = self.ask(&contents, &Host::of(platform.clone()))?;
        if let Outcome::Unknown(reason) = &answer.outcome {
            return Ok((Platforms::Unknown(format!("what the archive `{name}` starts is not known: {reason}")), None));
        }
        if answer.paths.iter().any(|path| contents.covers(path)) {
            return Ok((Platforms::Unknown("a volume covers what the image starts".to_owned()), None));
        }
        contents.held = answer.machine.map(|architecture| {
            if architecture == platform.architecture {
                platform.clone()
            } else {
                Platform::new(Os::Linux, architecture)
            }
        });
        let platforms = contents.held.clone().map_or_else(label, |held| Ok(Platforms::Single(held)))?;
        Ok((platforms, Some(contents)))
    }

    /// What the rules say of an image on one of its task's hosts; nothing where volumes of the task may change it.
    pub fn findings(&self, image: &Image<'_>, place: &Place<'_>) -> Option<Rc<Answer>> {
        let contents = image.contents.as_ref()?;
        let platform = Platform::new(place.os.filter(|os| *os == Os::Linux)?, place.architecture?);
        let runs_32bit = match platform.architecture {
            Architecture::X86_64 => (!place.fargate).then_some(true),
            _ => place.instance_type.as_deref().and_then(instance_type::runs_arm32),
        };
        if !place.certain || place.emulates {
            return None;
        }
        let answer = self.ask(contents, &Host { platform, runs_32bit }).ok()?;
        let undecided =
            matches!(answer.outcome, Outcome::Unknown(_)) || answer.paths.iter().any(|path| contents.covers(path));
        // An init process starts the command with `execvp`, which reads a text as a script of the shell.
        let read_by_shell = contents.start.init && answer.ends_in_text;
        // What is missing may be in a volume.
        let may_appear = !contents.start.mounted.is_empty() && answer.outcome != Outcome::Starts && !answer.is_foreign;
        (!undecided && !read_by_shell && !may_appear).then_some(answer)
    }

    fn ask(&self, contents: &Contents, host: &Host) -> Result<Rc<Answer>, String> {
        let images = self.open(&contents.path)?;
        let image = images.images.first().ok_or_else(|| format!("the archive `{}` holds no image", contents.name))?;
        let command = Command::new(&image.config.config, &contents.start.overrides);
        let key = (contents.path.clone(), command, host.clone());
        if let Some(known) = self.answers.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let answer = Rc::new(judge_image(&images, image, &key.1, host));
        self.answers.borrow_mut().insert(key, Rc::clone(&answer));
        Ok(answer)
    }

    fn open(&self, path: &Path) -> Opened {
        if let Some(known) = self.opened.borrow().get(path) {
            return known.clone();
        }
        let opened = self.files.open(path).map_err(|error| error.to_string()).and_then(|file| {
            layout::archive(file, ArchiveKind::Either, None, &Limits::default()).map_err(|e| e.to_string())
        });
        let opened = opened.map(Rc::new).map_err(|error| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("the archive `{name}` cannot be read: {error}")
        });
        self.opened.borrow_mut().insert(path.to_owned(), opened.clone());
        opened
    }
}

fn is_below(path: &str, mount: &str) -> bool {
    let mount = mount.trim_end_matches('/');
    path.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
