//! Native code among the files that are copied from the context into the final stage.
//!
//! Only files are opened whose names say that they may be native code: a context can have a hundred thousand others. What is
//! overwritten later, or made anew by a `RUN` line, is left out.

use super::context::{Context, Entry, joined};
use super::dockerfile::Source;
use super::ignore::Glob;
use super::recipe::{ActionKind, Copied, From, Recipe};
use super::run::{self, Effect};
use super::tree::{Tree, What};
use crate::executable::{Executable, Format};

/// As many files as are opened for one Dockerfile.
const MAX_OPENED: usize = 20_000;
/// As many findings as anyone reads.
const MAX_FOUND: usize = 2_000;
/// Names without an extension that are no programs.
const NO_PROGRAMS: [&str; 12] = [
    "LICENSE",
    "LICENCE",
    "README",
    "CHANGELOG",
    "AUTHORS",
    "NOTICE",
    "COPYING",
    "Makefile",
    "Dockerfile",
    "Gemfile",
    "Rakefile",
    "Procfile",
];

/// A file of the context that is native code, or stands in the place of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Native {
    /// Its path in the context.
    pub source: String,
    /// Its path in the image.
    pub path: String,
    /// What it is.
    pub executable: Executable,
    /// The line that copies it.
    pub line: usize,
}

/// Looks for native code.
pub fn copied(recipe: &Recipe, context: &Context<'_>) -> Vec<Native> {
    let tree = Tree::new(recipe, context);
    let packages = Tree::new(recipe, context).with_effect(run::effect_on_packages);
    let large = large_files(context);
    let wanted =
        |directory: &str, name: &str| may_be_native(context, directory, name) || large.matches(directory, name);
    let mut found: Vec<Native> = Vec::new();
    let mut opened = 0;
    for number in recipe.chain(recipe.target) {
        let actions = recipe.stages.get(number).map(|stage| stage.actions.as_slice()).unwrap_or_default();
        for action in actions {
            let ActionKind::Copy(Copied { from: From::Context, sources, target: Some(target), .. }) = &action.kind
            else {
                continue;
            };
            for source in sources.iter().flatten() {
                let Source::Path(source) = source else { continue };
                let source = source.trim_matches('/');
                let several = if source.contains(['*', '?', '[']) {
                    context.expand(source).unwrap_or_default()
                } else {
                    vec![source.to_owned()]
                };
                for source in several {
                    let Some((real, entry)) = context.followed(&source) else { continue };
                    let mut look = |path: String, in_image: Vec<String>| {
                        if opened >= MAX_OPENED || found.len() >= MAX_FOUND {
                            return;
                        }
                        opened += 1;
                        let Ok(executable) = context.content(&path).as_ref().clone() else { return };
                        if !is_native(&executable) {
                            return;
                        }
                        let tree = if in_packages(&path) { &packages } else { &tree };
                        let there = in_image.into_iter().find(|at| {
                            let located = tree.locate(at);
                            let same = matches!(&located.what, What::File(given) if given.source == path);
                            same && located.effect <= Effect::Mode && !located.doubtful
                        });
                        if let Some(at) = there {
                            found.push(Native { source: path, path: at, executable, line: action.line });
                        }
                    };
                    match entry {
                        Entry::File(..) => {
                            let (directory, name) = real.rsplit_once('/').unwrap_or(("", &real));
                            let named = source.rsplit('/').next().unwrap_or(&source);
                            if wanted(directory, name) {
                                let inside = format!("{}/{named}", target.trim_end_matches('/'));
                                look(real.clone(), vec![inside, target.clone()]);
                            }
                        }
                        Entry::Directory => {
                            // A walk that is cut has said what it saw.
                            let _ = context.walk(&real, &wanted, &mut |path| {
                                let below = path.strip_prefix(&real).unwrap_or(&path).trim_start_matches('/');
                                let at = joined(target.trim_end_matches('/'), below);
                                let at = if at.starts_with('/') { at } else { format!("/{at}") };
                                look(path.clone(), vec![at]);
                            });
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| (a.line, &a.source).cmp(&(b.line, &b.source)));
    found.dedup_by(|a, b| a.source == b.source && a.path == b.path);
    found
}

/// Whether a path lies where package managers put what they install.
pub fn in_packages(path: &str) -> bool {
    ["node_modules/", "site-packages/", "dist-packages/"].iter().any(|part| path.contains(part))
}

fn may_be_native(context: &Context<'_>, directory: &str, name: &str) -> bool {
    if name.ends_with(".node") || name.ends_with(".so") || name.contains(".so.") {
        return true;
    }
    if name.contains('.') || NO_PROGRAMS.contains(&name) || directory == ".git" || directory.starts_with(".git/") {
        return false;
    }
    matches!(context.entry(&joined(directory, name)), Some(Entry::File(mode, size)) if mode & 0o111 != 0 && size >= 64)
}

fn is_native(executable: &Executable) -> bool {
    match executable {
        Executable::Elf(elf) => matches!(elf.kind, 2 | 3),
        Executable::Other(format) => matches!(format, Format::MachO | Format::Pe | Format::GitLfsPointer),
        Executable::Script(_) => false,
    }
}

/// The files that `.gitattributes` gives to Git LFS.
struct Large(Vec<(bool, Glob)>);

fn large_files(context: &Context<'_>) -> Large {
    let text = context.text(".gitattributes").unwrap_or_default();
    let lines = text.lines().filter(|line| line.contains("filter=lfs") && !line.trim_start().starts_with('#'));
    let patterns = lines.filter_map(|line| {
        let pattern = line.split_whitespace().next()?;
        let whole = pattern.trim_end_matches('/').contains('/');
        Some((whole, Glob::parse(pattern.trim_start_matches('/'))?))
    });
    Large(patterns.take(200).collect())
}

impl Large {
    fn matches(&self, directory: &str, name: &str) -> bool {
        self.0.iter().any(
            |(whole, glob)| {
                if *whole { glob.matches(&joined(directory, name)) } else { glob.matches(name) }
            },
        )
    }
}
