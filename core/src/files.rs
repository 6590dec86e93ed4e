//! Where files come from: a trait small enough to be a disk or a test's memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::ops::Bound;
use std::path::{Component, Path, PathBuf};

/// What can be read from any place on.
pub trait ReadSeek: io::Read + io::Seek + Send {}

impl<R: io::Read + io::Seek + Send> ReadSeek for R {}

/// What stands at a path, links not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file, with its size in bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, FIFO or socket.
    Special,
}

/// What is known of a file without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is.
    pub kind: Kind,
    /// Permission bits; 0755 where the machine has none.
    pub mode: u16,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: OsString,
    /// Whether it is a directory, and no link to one.
    pub is_directory: bool,
    /// Whether it is a regular file, and no link to one.
    pub is_file: bool,
}

/// Reads the files of an assembly.
pub trait Files: Sync {
    /// The whole content of a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// A file as a stream, for what is too large to hold.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadSeek>>;

    /// Whether the path is a regular file.
    fn is_file(&self, path: &Path) -> bool;

    /// Whether the path is a directory.
    fn is_directory(&self, path: &Path) -> bool;

    /// What stands at a path; a link is not followed.
    ///
    /// # Errors
    /// What the operating system says.
    fn status(&self, path: &Path) -> io::Result<Status>;

    /// Where a symbolic link leads, as it is written.
    ///
    /// # Errors
    /// What the operating system says.
    fn link(&self, path: &Path) -> io::Result<PathBuf>;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, path: &Path) -> io::Result<Vec<Listed>>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        std::fs::read(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadSeek>> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(Box::new(std::fs::File::open(path)?))
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        let metadata = std::fs::symlink_metadata(path)?;
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File(metadata.len()),
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Symlink,
            _ => Kind::Special,
        };
        Ok(Status { kind, mode: mode(&metadata) })
    }

    fn link(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::read_link(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            listed.push(Listed { name: entry.file_name(), is_directory: kind.is_dir(), is_file: kind.is_file() });
        }
        listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> u16 {
    use std::os::unix::fs::PermissionsExt;
    (metadata.permissions().mode() & 0o7777) as u16
}

/// Docker gives every file of a context on Windows this mode.
#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> u16 {
    0o755
}

/// Files that exist in memory only: regular files that may be executed, and the directories they are in.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadSeek>> {
        Ok(Box::new(io::Cursor::new(self.read(path)?)))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.below(path).next().is_some()
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        let kind = match self.0.get(path) {
            Some(content) => Kind::File(content.len() as u64),
            None if self.is_directory(path) => Kind::Directory,
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Status { kind, mode: 0o755 })
    }

    fn link(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Listed>> {
        let mut listed: Vec<Listed> = Vec::new();
        for file in self.below(path) {
            let mut rest = file.strip_prefix(path).map(Path::components).into_iter().flatten();
            let Some(name) = rest.next().map(|name| name.as_os_str().to_owned()) else { continue };
            let is_directory = rest.next().is_some();
            if listed.last().is_none_or(|last| last.name != name) {
                listed.push(Listed { name, is_directory, is_file: !is_directory });
            }
        }
        if listed.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(listed) }
    }
}

impl Memory {
    fn below<'m>(&'m self, path: &'m Path) -> impl Iterator<Item = &'m PathBuf> {
        let from = (Bound::Excluded(path), Bound::Unbounded);
        self.0.range::<Path, _>(from).map(|(file, _)| file).take_while(move |file| file.starts_with(path))
    }
}

/// Joins a relative path to a directory inside `root`, without asking the disk; `None` if it leads out of `root`.
pub fn join_inside(root: &Path, directory: &Path, relative: &str) -> Option<PathBuf> {
    let mut joined = directory.to_path_buf();
    for part in Path::new(relative).components() {
        match part {
            Component::Normal(name) => joined.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                joined.pop();
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
        if !joined.starts_with(root) {
            return None;
        }
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_not_lead_out_of_the_assembly() {
        let (root, stage) = (Path::new("/out"), Path::new("/out/stage"));
        assert_eq!(join_inside(root, stage, "../asset.1"), Some(PathBuf::from("/out/asset.1")));
        assert_eq!(join_inside(root, stage, "./a/b.json"), Some(PathBuf::from("/out/stage/a/b.json")));
        for outside in ["../../etc/passwd", "/etc/passwd", "../../out/a"] {
            assert_eq!(join_inside(root, stage, outside), None, "{outside}");
        }
    }
}
