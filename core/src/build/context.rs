//! The build context: the files of a directory that a build sees, asked for one by one.
//!
//! Nothing is walked unless it is asked for, and nothing outside of the directory is touched: links are followed by hand, as
//! BuildKit does, with the context as the root of the file system. The CDK applies `.dockerignore` when it stages a context,
//! and the build applies it again; so does this.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::ignore::{Glob, Ignore};
use crate::executable::{self, Executable};
use crate::files::{Files, Kind, Status};

/// As many links as one path may lead through.
const MAX_LINKS: usize = 40;
/// As many names as one wildcard is compared with.
const MAX_NAMES: usize = 20_000;
/// As many entries as one walk sees.
pub const MAX_ENTRIES: usize = 400_000;

/// A directory that is sent to the builder.
pub struct Context<'f> {
    files: &'f dyn Files,
    root: PathBuf,
    ignore: Ignore,
    read: RefCell<HashMap<String, Rc<Content>>>,
}

/// What stands at a path of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file: permission bits, size in bytes.
    File(u16, u64),
    /// A directory.
    Directory,
    /// A symbolic link, and where it leads.
    Symlink(String),
    /// A device, FIFO or socket.
    Special,
}

/// What a file is, or why that is not known.
pub type Content = Result<Executable, String>;

impl<'f> Context<'f> {
    /// The context in a directory, without what an ignore file names.
    pub fn new(files: &'f dyn Files, root: &Path, ignore: Ignore) -> Context<'f> {
        Context { files, root: root.to_owned(), ignore, read: RefCell::default() }
    }

    /// What stands at a path, if the build sees it. The path is relative, `/` in it, without `.` and `..`; directories on the
    /// way may be links inside of the context, the last name is not followed.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let real = if parent.is_empty() { String::new() } else { self.directory(parent, 0)? };
        self.entry_at(&joined(&real, name))
    }

    /// The same with links followed, as `COPY` follows the link that it names. Gives the real path too.
    pub fn followed(&self, path: &str) -> Option<(String, Entry)> {
        let real = self.follow(path, 0)?;
        let entry = if real.is_empty() { Entry::Directory } else { self.entry_at(&real)? };
        Some((real, entry))
    }

    fn entry_at(&self, path: &str) -> Option<Entry> {
        if path.is_empty() {
            return Some(Entry::Directory);
        }
        let Status { kind, mode } = self.files.status(&self.root.join(path)).ok()?;
        // A directory may be there for the sake of what was taken back in it.
        if (self.ignore.prunes() || kind != Kind::Directory) && self.ignore.ignores(path) {
            return None;
        }
        Some(match kind {
            Kind::File(size) => Entry::File(mode, size),
            Kind::Directory => Entry::Directory,
            Kind::Symlink => {
                let target = self.files.link(&self.root.join(path)).ok()?;
                Entry::Symlink(target.to_str()?.to_owned())
            }
            Kind::Special => Entry::Special,
        })
    }

    fn directory(&self, path: &str, links: usize) -> Option<String> {
        let real = self.follow(path, links)?;
        matches!(self.entry_at(&real)?, Entry::Directory).then_some(real)
    }

    /// The real path behind a path, in the context.
    fn follow(&self, path: &str, mut links: usize) -> Option<String> {
        let mut real: Vec<String> = Vec::new();
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        while let Some(name) = rest.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    real.pop();
                    continue;
                }
                _ => {}
            }
            let at = joined(&real.join("/"), &name);
            match self.entry_at(&at)? {
                Entry::Symlink(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    if target.starts_with('/') {
                        real.clear();
                    }
                    rest.extend(target.split('/').rev().map(str::to_owned));
                }
                Entry::Directory => real.push(name),
                _ if rest.iter().all(|name| name.is_empty() || name == ".") => real.push(name),
                _ => return None,
            }
        }
        Some(real.join("/"))
    }

    /// What a regular file is, by its bytes. Read once.
    pub fn content(&self, path: &str) -> Rc<Content> {
        if let Some(known) = self.read.borrow().get(path) {
            return Rc::clone(known);
        }
        let content = Rc::new(self.read_content(path).map_err(|error| format!("`{path}` cannot be read: {error}")));
        self.read.borrow_mut().insert(path.to_owned(), Rc::clone(&content));
        content
    }

    fn read_content(&self, path: &str) -> io::Result<Executable> {
        let full = self.root.join(path);
        let Kind::File(size) = self.files.status(&full)?.kind else {
            return Err(io::Error::other("not a regular file"));
        };
        executable::read(&mut *self.files.open(&full)?, size)
    }

    /// How many files were opened so far.
    pub fn opened(&self) -> usize {
        self.read.borrow().len()
    }

    /// A small text file of the context, whether the build sees it or not.
    pub fn text(&self, path: &str) -> Option<String> {
        let full = self.root.join(path);
        match self.files.status(&full).ok()?.kind {
            Kind::File(size) if size <= 1 << 20 => String::from_utf8(self.files.read(&full).ok()?).ok(),
            _ => None,
        }
    }

    /// The paths that a source with wildcards stands for; `None` where there are too many to look at.
    pub fn expand(&self, pattern: &str) -> Option<Vec<String>> {
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let mut next = Vec::new();
            if !part.contains(['*', '?', '[', '\\']) {
                next.extend(found.iter().map(|path| joined(path, part)).filter(|path| self.entry(path).is_some()));
            } else {
                let glob = Glob::parse(part)?;
                for directory in &found {
                    let Some((real, Entry::Directory)) = self.followed(directory) else { continue };
                    let Ok(names) = self.files.list(&self.root.join(&real)) else { continue };
                    if names.len() > MAX_NAMES {
                        return None;
                    }
                    let names = names.iter().filter_map(|listed| listed.name.to_str());
                    let paths = names.filter(|name| glob.matches(name)).map(|name| joined(directory, name));
                    next.extend(paths.filter(|path| self.entry(path).is_some()));
                }
            }
            if next.len() > MAX_NAMES {
                return None;
            }
            found = next;
        }
        Some(found)
    }

    /// Every regular file below a directory whose name is wanted, by its path; links are not followed. `false` where the walk
    /// was cut, because there were more than [`MAX_ENTRIES`] entries.
    pub fn walk(&self, from: &str, wanted: &dyn Fn(&str, &str) -> bool, found: &mut dyn FnMut(String)) -> bool {
        let mut open = vec![from.to_owned()];
        let mut seen = 0;
        while let Some(directory) = open.pop() {
            let Ok(names) = self.files.list(&self.root.join(&directory)) else { continue };
            for listed in names.iter().rev() {
                seen += 1;
                if seen > MAX_ENTRIES {
                    return false;
                }
                let Some(name) = listed.name.to_str() else { continue };
                if listed.is_directory {
                    let path = joined(&directory, name);
                    if !(self.ignore.prunes() && self.ignore.ignores(&path)) {
                        open.push(path);
                    }
                } else if listed.is_file && wanted(&directory, name) {
                    let path = joined(&directory, name);
                    if !self.ignore.ignores(&path) {
                        found(path);
                    }
                }
            }
        }
        true
    }
}

/// A path in a directory; the root is the empty path.
pub fn joined(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Disk, Memory};

    #[test]
    fn what_is_ignored_is_not_there() {
        let files = ["c/a", "c/node_modules/x", "c/keep/y", "c/keep/z"].map(|path| (PathBuf::from(path), Vec::new()));
        let files = Memory(files.into());
        let context = Context::new(&files, Path::new("c"), Ignore::parse("node_modules\nkeep\n!keep/y\n"));
        assert_eq!(context.entry("a"), Some(Entry::File(0o755, 0)));
        assert_eq!(context.entry("node_modules/x"), None);
        assert_eq!(context.entry("keep"), Some(Entry::Directory));
        assert_eq!((context.entry("keep/y"), context.entry("keep/z")), (Some(Entry::File(0o755, 0)), None));
        let mut walked = Vec::new();
        assert!(context.walk("", &|_, _| true, &mut |path| walked.push(path)));
        assert_eq!(walked, ["a", "keep/y"]);
        assert_eq!(context.expand("k*/?"), Some(vec!["keep/y".to_owned()]));
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_outside() {
        use std::os::unix::fs::symlink;
        let root = std::env::temp_dir().join(format!("ecs-arch-context-{}", std::process::id()));
        std::fs::create_dir_all(root.join("real/below")).unwrap();
        std::fs::write(root.join("real/below/file"), "x").unwrap();
        symlink("real", root.join("inside")).unwrap();
        symlink("/real/below", root.join("rooted")).unwrap();
        symlink("/etc", root.join("outside")).unwrap();
        symlink("../../../../etc", root.join("above")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let context = Context::new(&Disk, &root, Ignore::default());
        assert!(matches!(context.entry("inside/below/file"), Some(Entry::File(..))));
        assert_eq!(context.followed("rooted/file").unwrap().0, "real/below/file");
        for path in ["outside/passwd", "above/passwd", "loop/x"] {
            assert_eq!(context.entry(path), None, "{path}");
        }
        assert!(matches!(context.entry("outside"), Some(Entry::Symlink(_))));
        assert!(context.content("outside").is_err());
        std::fs::remove_dir_all(root).unwrap();
    }
}
