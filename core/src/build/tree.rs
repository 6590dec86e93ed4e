//! The file system that comes out of a build: where each path comes from.
//!
//! Paths are asked one by one, and the steps of a stage are looked through from the last one up, into the stages that it starts
//! from and copies from. What a base image holds is not known: its files may be there or not.

use std::cell::Cell;

use super::context::{Context, Entry, joined};
use super::dockerfile::Source;
use super::recipe::{Action, ActionKind, Chmod, Copied, From, Recipe};
use super::run::{self, Effect};
use super::stages::Base;
use crate::executable::{Executable, Format};

/// As many stages and links as one question leads through.
const MAX_DEPTH: usize = 64;
/// As many steps as one question looks at, and all questions together. A step is a line of a stage, or some bytes of a `RUN`.
const MAX_STEPS: usize = 200_000;
const MAX_ALL_STEPS: usize = 50_000_000;
/// As many bytes of a `RUN` as are read in one step.
const BYTES_A_STEP: usize = 16;
/// Directories that every Linux distribution has, so that what is copied to one of them is copied into it.
const KNOWN_DIRECTORIES: [&str; 24] = [
    "/",
    "/bin",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/lib",
    "/usr/lib",
    "/lib",
    "/etc",
    "/opt",
    "/tmp",
    "/var",
    "/var/lib",
    "/var/tmp",
    "/home",
    "/root",
    "/srv",
    "/mnt",
    "/usr/share",
    "/run",
];

/// The file system of a recipe.
pub struct Tree<'t> {
    /// The recipe.
    pub recipe: &'t Recipe,
    /// The context.
    pub context: &'t Context<'t>,
    effect: EffectOf,
    steps: Cell<usize>,
    all_steps: Cell<usize>,
}

/// Says what a `RUN` does to a file: its text, the working directory, the file's path, and whether that is a text.
pub type EffectOf = fn(&str, Option<&str>, &str, bool) -> Effect;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A file of the context.
    File(Given),
    /// A file whose text stands in the Dockerfile.
    Text(String, u16, usize),
    /// A symbolic link of the context.
    Link(String),
    /// A device, FIFO or socket of the context, which no build copies as a file.
    Special,
    /// A directory.
    Directory,
    /// Nothing: the stage starts from `scratch`, and nothing was put there.
    Nothing,
    /// What the stage's base image has there, or its `RUN` lines made.
    Stage(usize),
    /// A file of another image.
    Image(String),
    /// It is not known, with the reason.
    Unknown(String),
}

/// A file of the context in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its path in the context.
    pub source: String,
    /// Its mode in the image.
    pub mode: u16,
    /// Whether `--chmod` gives it that mode, so that it does not depend on the machine.
    pub mode_is_set: bool,
    /// The line that copies it.
    pub line: usize,
}

/// What is at a path, and what the `RUN` lines behind the step that put it there may have done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// What it is.
    pub what: What,
    /// What may have happened to it since.
    pub effect: Effect,
    /// Whether a copy whose place is not known may have put something else there.
    pub doubtful: bool,
}

impl<'t> Tree<'t> {
    /// The tree of a recipe over a context.
    pub fn new(recipe: &'t Recipe, context: &'t Context<'t>) -> Tree<'t> {
        Tree { recipe, context, effect: run::effect, steps: Cell::new(0), all_steps: Cell::new(0) }
    }

    /// The same tree with another judgement of `RUN` lines.
    pub fn with_effect(self, effect: EffectOf) -> Tree<'t> {
        Tree { effect, ..self }
    }

    /// What is at a path of the final image. The path is from the root on, without `.` and `..`.
    pub fn locate(&self, path: &str) -> Located {
        self.steps.set(0);
        self.in_stage(self.recipe.target, path, 0)
    }

    /// What is at a path at the end of a stage.
    fn in_stage(&self, stage: usize, path: &str, depth: usize) -> Located {
        let found = |what| Located { what, effect: Effect::None, doubtful: false };
        if depth > MAX_DEPTH {
            return found(What::Unknown("the stages lead too deep into each other".to_owned()));
        }
        let mut after: Vec<(&str, Option<&str>)> = Vec::new();
        let mut doubtful = false;
        for number in self.recipe.chain(stage) {
            let actions = self.recipe.stages.get(number).map(|stage| stage.actions.as_slice()).unwrap_or_default();
            for action in actions.iter().rev() {
                let bytes = if let ActionKind::Run(text, _) = &action.kind { text.len() } else { 0 };
                let steps = 1 + bytes / BYTES_A_STEP;
                self.steps.set(self.steps.get() + steps);
                self.all_steps.set(self.all_steps.get() + steps);
                if self.steps.get() > MAX_STEPS || self.all_steps.get() > MAX_ALL_STEPS {
                    return found(What::Unknown("the stages have too many steps".to_owned()));
                }
                let at = match &action.kind {
                    ActionKind::Run(text, directory) => {
                        after.push((text, directory.as_deref()));
                        continue;
                    }
                    ActionKind::Directory(directory) => is_below(directory, path).then(|| found(What::Directory)),
                    ActionKind::Copy(copied) => self.copied(copied, action, path, depth, &mut doubtful),
                };
                let Some(mut located) = at else { continue };
                let is_text = self.is_text(&located.what);
                let effects = after.iter().map(|(text, directory)| (self.effect)(text, *directory, path, is_text));
                located.effect = effects.fold(located.effect, Effect::max);
                located.doubtful |= doubtful;
                return located;
            }
        }
        let what = match self.recipe.root_base(stage) {
            Some(Base::Scratch) if after.is_empty() && !doubtful => What::Nothing,
            _ => What::Stage(stage),
        };
        Located { what, effect: Effect::None, doubtful }
    }

    fn is_text(&self, what: &What) -> bool {
        match what {
            What::File(given) => match self.context.content(&given.source).as_ref() {
                Ok(Executable::Script(_)) => true,
                Ok(Executable::Other(format)) => format.is_text(),
                _ => false,
            },
            What::Text(..) => true,
            _ => false,
        }
    }

    /// What a copy puts at a path, if it puts something there.
    fn copied(
        &self,
        copied: &Copied,
        action: &Action,
        path: &str,
        depth: usize,
        doubtful: &mut bool,
    ) -> Option<Located> {
        let found = |what| Some(Located { what, effect: Effect::None, doubtful: false });
        let Some(target) = &copied.target else {
            *doubtful = true;
            return None;
        };
        if is_below(target, path) && target != path {
            return found(What::Directory);
        }
        let rest = below(path, target)?;
        if copied.unusual {
            return found(What::Unknown("flags of `COPY` change what is copied where".to_owned()));
        }
        // The last source counts where two have the same name.
        for source in copied.sources.iter().rev() {
            let Some(source) = source else {
                *doubtful = true;
                continue;
            };
            let at = match (source, &copied.from) {
                (Source::Text(text), _) if rest.is_empty() && !copied.into_directory => {
                    let mode = match copied.mode {
                        Chmod::Set(mode) => mode,
                        Chmod::Kept => 0o644,
                        Chmod::Unknown => 0o755,
                    };
                    found(What::Text(text.clone(), mode, action.line))
                }
                (Source::Text(_), _) => {
                    *doubtful = true;
                    None
                }
                (Source::Path(source), From::Context) if is_address(source) && copied.add => {
                    let name = source.split(['?', '#']).next().unwrap_or(source).rsplit('/').next().unwrap_or_default();
                    let unpacked = source.ends_with(".git") || source.starts_with("git@");
                    let there = rest.is_empty() || rest == name || unpacked;
                    there.then(|| What::Unknown(format!("it is downloaded from `{source}`"))).and_then(found)
                }
                (Source::Path(source), From::Context) => self.of_context(copied, action, source, target, rest),
                (Source::Path(source), From::Stage(other)) => {
                    self.of_stage(*other, source, target, rest, copied, depth)
                }
                (Source::Path(source), From::Image(image)) => {
                    let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                    let whole = rest.is_empty() && target != "/" || rest == name;
                    let is_file = rest.is_empty() || rest == name;
                    if whole || is_file {
                        found(What::Image(image.clone()))
                    } else {
                        found(What::Unknown(format!("it may come from the image `{image}`")))
                    }
                }
                (Source::Path(_), From::Unknown(reason)) => found(What::Unknown(reason.clone())),
            };
            if at.is_some() {
                return at;
            }
        }
        (rest.is_empty() && copied.into_directory).then_some(Located {
            what: What::Directory,
            effect: Effect::None,
            doubtful: false,
        })
    }

    fn of_context(&self, copied: &Copied, action: &Action, source: &str, target: &str, rest: &str) -> Option<Located> {
        let found = |what| Some(Located { what, effect: Effect::None, doubtful: false });
        let plain = normalized(source);
        let sources = if plain.contains(['*', '?', '[', '\\']) {
            match self.context.expand(&plain) {
                Some(sources) => sources,
                None => return found(What::Unknown(format!("`{source}` stands for too many files"))),
            }
        } else {
            vec![plain]
        };
        let several = sources.len() > 1;
        for source in sources.iter().rev() {
            let Some((real, entry)) = self.context.followed(source) else { continue };
            match entry {
                Entry::Directory => {
                    let inner = if rest.is_empty() { real } else { joined(&real, rest) };
                    if rest.is_empty() {
                        return found(What::Directory);
                    }
                    if let Some(entry) = self.context.entry(&inner) {
                        return found(self.given(entry, inner, copied, action));
                    }
                }
                Entry::File(..) | Entry::Special => {
                    let name = source.rsplit('/').next().unwrap_or(source);
                    if copied.add && (is_archive(name) || self.holds_archive(&real)) {
                        return found(What::Unknown(format!("it may come from the archive `{name}`")));
                    }
                    let is_directory = copied.into_directory || several || self.is_directory(target);
                    let lands_here = if is_directory { rest == name } else { rest.is_empty() || rest == name };
                    if lands_here {
                        return found(self.given(entry, real, copied, action));
                    }
                    if rest.is_empty() && is_directory {
                        return found(What::Directory);
                    }
                }
                Entry::Symlink(_) => {}
            }
        }
        None
    }

    /// Whether `ADD` unpacks a file, which it tells by the first bytes.
    fn holds_archive(&self, source: &str) -> bool {
        let packed = [Format::Gzip, Format::Bzip2, Format::Xz, Format::Zstd, Format::Tar];
        matches!(self.context.content(source).as_ref(), Ok(Executable::Other(format)) if packed.contains(format))
    }

    fn given(&self, entry: Entry, source: String, copied: &Copied, action: &Action) -> What {
        match entry {
            Entry::Directory => What::Directory,
            Entry::Symlink(target) => What::Link(target),
            Entry::Special => What::Special,
            Entry::File(mode, _) => {
                let (mode, mode_is_set) = match copied.mode {
                    Chmod::Kept => (mode, false),
                    Chmod::Set(mode) => (mode, true),
                    Chmod::Unknown => (0o755, false),
                };
                What::File(Given { source, mode, mode_is_set, line: action.line })
            }
        }
    }

    fn of_stage(
        &self,
        other: usize,
        source: &str,
        target: &str,
        rest: &str,
        copied: &Copied,
        depth: usize,
    ) -> Option<Located> {
        let source = format!("/{}", normalized(source));
        if source.contains(['*', '?', '[', '\\']) {
            return Some(Located { what: What::Stage(other), effect: Effect::None, doubtful: true });
        }
        let name = source.rsplit('/').next().unwrap_or_default();
        let source = source.trim_end_matches('/');
        let whole = self.in_stage(other, if source.is_empty() { "/" } else { source }, depth + 1);
        let located = match &whole.what {
            What::Directory | What::Stage(_) | What::Unknown(_) | What::Link(_) if !rest.is_empty() && rest != name => {
                self.in_stage(other, &format!("{source}/{rest}"), depth + 1)
            }
            What::Directory if !rest.is_empty() => self.in_stage(other, &format!("{source}/{rest}"), depth + 1),
            What::Nothing => return None,
            What::File(_) | What::Text(..) | What::Special => {
                let is_directory = copied.into_directory || self.is_directory(target);
                let lands_here = if is_directory { rest == name } else { rest.is_empty() || rest == name };
                if !lands_here {
                    return None;
                }
                whole
            }
            _ => whole,
        };
        match (&located.what, copied.mode) {
            (What::Nothing, _) => None,
            // The stage may have the file in that directory, or not.
            (What::Stage(_), _) if !rest.is_empty() && rest != name => Some(Located { doubtful: true, ..located }),
            (What::File(given), Chmod::Set(mode)) => {
                let given = Given { mode, mode_is_set: true, ..given.clone() };
                Some(Located { what: What::File(given), ..located })
            }
            (What::Text(text, _, line), Chmod::Set(mode)) => {
                Some(Located { what: What::Text(text.clone(), mode, *line), ..located })
            }
            (_, Chmod::Unknown) => Some(Located { effect: located.effect.max(Effect::Mode), ..located }),
            _ => Some(located),
        }
    }

    /// Whether something is known to be a directory when files are copied to it: because distributions have it, or because the
    /// Dockerfile makes it.
    fn is_directory(&self, target: &str) -> bool {
        let from_nothing = self.recipe.root_base(self.recipe.target) == Some(&Base::Scratch);
        (KNOWN_DIRECTORIES.contains(&target) && (!from_nothing || target == "/"))
            || self.recipe.stages.iter().flat_map(|stage| &stage.actions).any(|action| match &action.kind {
                ActionKind::Directory(directory) => is_below(directory, target),
                ActionKind::Copy(copied) => copied.target.as_deref().is_some_and(|other| {
                    copied.into_directory && is_below(other, target) || is_below(other, target) && other != target
                }),
                ActionKind::Run(..) => false,
            })
    }
}

/// Whether a path is another one or lies below it.
fn is_below(path: &str, directory: &str) -> bool {
    below(path, directory).is_some()
}

/// The part of a path below a directory, without `/` at its start.
fn below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
    if rest.is_empty() || path == "/" { Some("") } else { rest.strip_prefix('/') }
}

/// A source without `.`, `..` and `/` at its ends: `..` cannot lead out of the context.
fn normalized(source: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in source.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.join("/")
}

fn is_address(source: &str) -> bool {
    source.contains("://") || source.starts_with("git@")
}

/// Whether `ADD` unpacks it, if it is what its name says.
fn is_archive(name: &str) -> bool {
    [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst"]
        .iter()
        .any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::super::dockerfile::Dockerfile;
    use super::super::ignore::Ignore;
    use super::super::stages::Surroundings;
    use super::*;
    use crate::files::Memory;

    /// What is at a path, in a word, with a context of a few files.
    fn at(dockerfile: &str, path: &str) -> String {
        let names = ["run.sh", "bin/server", "dist/a.js", "dist/sub/b", "app.tar.gz"];
        let files = names.map(|name| (PathBuf::from(format!("c/{name}")), b"#!/bin/sh\n".to_vec()));
        let files = Memory(files.into());
        let context = Context::new(&files, Path::new("c"), Ignore::default());
        let dockerfile = Dockerfile::parse(dockerfile).unwrap();
        let recipe = Recipe::new(dockerfile, None, &Surroundings::default(), &BTreeSet::new()).unwrap();
        let located = Tree::new(&recipe, &context).locate(path);
        let what = match located.what {
            What::File(given) => given.source,
            What::Text(..) => "text".to_owned(),
            What::Link(to) => format!("-> {to}"),
            What::Special => "special".to_owned(),
            What::Directory => "directory".to_owned(),
            What::Nothing => "nothing".to_owned(),
            What::Stage(number) => format!("stage {number}"),
            What::Image(name) => format!("image {name}"),
            What::Unknown(_) => "unknown".to_owned(),
        };
        let effect = match located.effect {
            Effect::None => "",
            Effect::Mode => ", mode",
            Effect::Unlikely => ", unlikely",
            Effect::Content => ", content",
        };
        format!("{what}{effect}{}", if located.doubtful { ", doubtful" } else { "" })
    }

    #[test]
    fn files_land_where_docker_puts_them() {
        for (line, path, expected) in [
            ("COPY run.sh /", "/run.sh", "run.sh"),
            ("COPY run.sh /entry", "/entry", "run.sh"),
            ("COPY run.sh /usr/local/bin", "/usr/local/bin/run.sh", "run.sh"),
            ("COPY run.sh /usr/local/bin/entry", "/usr/local/bin/entry", "run.sh"),
            ("WORKDIR /app\nCOPY run.sh .", "/app/run.sh", "run.sh"),
            ("WORKDIR /app\nCOPY . .", "/app/bin/server", "bin/server"),
            ("COPY dist /srv", "/srv/sub/b", "dist/sub/b"),
            ("COPY dist /srv", "/srv/dist/a.js", "stage 0"),
            ("COPY *.sh bin/* /srv/", "/srv/server", "bin/server"),
            ("COPY *.sh bin/* /srv/", "/srv", "directory"),
            ("COPY d*t /srv/", "/srv/a.js", "dist/a.js"),
            ("COPY run.sh /a/b/c", "/a/b", "directory"),
            ("ADD https://example.com/x/tool /usr/bin/", "/usr/bin/tool", "unknown"),
            ("ADD app.tar.gz /srv/", "/srv/x", "unknown"),
            ("COPY app.tar.gz /srv/", "/srv/app.tar.gz", "app.tar.gz"),
            ("COPY <<EOF /hello\n#!/bin/sh\nEOF", "/hello", "text"),
            ("COPY --from=alpine:3 /bin/busybox /bin/sh", "/bin/sh", "image alpine:3"),
            ("COPY run.sh /run.sh\nRUN chmod +x /run.sh", "/run.sh", "run.sh, mode"),
            ("COPY run.sh /run.sh\nRUN sed -i s/a/b/ /run.sh", "/run.sh", "run.sh, content"),
            ("RUN sed -i s/a/b/ /run.sh\nCOPY run.sh /run.sh", "/run.sh", "run.sh"),
            ("COPY missing /run.sh", "/run.sh", "stage 0"),
        ] {
            assert_eq!(at(&format!("FROM debian\n{line}\n"), path), expected, "{line} {path}");
        }
        assert_eq!(at("FROM scratch\nCOPY run.sh /run.sh\n", "/bin/sh"), "nothing");
    }

    #[test]
    fn files_come_through_stages() {
        let files = "FROM alpine AS files\nCOPY run.sh /x/run.sh\nRUN chmod +x /x/run.sh\n";
        assert_eq!(at(&format!("{files}FROM scratch\nCOPY --from=files /x /y\n"), "/y/run.sh"), "run.sh, mode");
        assert_eq!(at(&format!("{files}FROM scratch\nCOPY --from=files /x/run.sh /\n"), "/run.sh"), "run.sh, mode");
        assert_eq!(at(&format!("{files}FROM scratch\nCOPY --from=files /out /y\n"), "/y/z"), "stage 0, doubtful");
        assert_eq!(at(&format!("{files}FROM files\nCOPY bin/server /x/run.sh\n"), "/x/run.sh"), "bin/server");
        assert_eq!(at(&format!("{files}FROM files\n"), "/x/run.sh"), "run.sh, mode");
        let build = "FROM golang AS build\nCOPY . /src\nRUN cd /src && go build -o /out/app .\n";
        assert_eq!(at(&format!("{build}FROM scratch\nCOPY --from=build /out/app /app\n"), "/app"), "stage 0");
    }
}
