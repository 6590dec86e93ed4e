//! Where files come from: a trait small enough to be a disk or a test's memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What can be read from any place on.
pub trait ReadSeek: io::Read + io::Seek + Send {}

impl<R: io::Read + io::Seek + Send> ReadSeek for R {}

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
}

/// Files that exist in memory only.
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
        self.0.keys().any(|file| file != path && file.starts_with(path))
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
