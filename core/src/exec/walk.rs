//! Finds a file by its path as the kernel does for a process: through links, with its permissions.

use super::errno::Errno;
use super::mounts;
use super::user::User;
use crate::image::view::{Found, FoundKind, Names, Unavailable, View};

/// As many links as one path may lead through (`MAXSYMLINKS`, include/linux/namei.h).
const MAX_LINKS: usize = 40;
/// `PATH_MAX`, with the NUL at its end.
const MAX_PATH: usize = 4096;
/// `NAME_MAX`
const MAX_NAME: usize = 255;

/// A process that looks for files.
pub struct Process<'v, 's> {
    /// The file system.
    pub view: &'v View<'s>,
    /// Who it is.
    pub user: User,
    /// Its working directory, without links in it.
    pub directory: Names,
    /// The root directory.
    pub root: Found,
}

/// Where a path leads.
#[derive(Debug, Clone)]
pub struct Place {
    /// The path without links in it.
    pub names: Names,
    /// What is there.
    pub found: Found,
}

impl Place {
    /// The path as text from the root on.
    pub fn path(&self) -> Vec<u8> {
        joined(&self.names)
    }
}

/// A path from the root on.
pub fn joined(names: &[Vec<u8>]) -> Vec<u8> {
    [b"/".as_slice(), &names.join(&b'/')].concat()
}

/// What is asked of a file's permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Search,
    Execute,
}

impl Process<'_, '_> {
    /// Follows a path to its end. `Ok(Err(_))` is the kernel's answer, `Err(_)` means that the answer is not known.
    ///
    /// # Errors
    /// [`Unavailable`] where the image does not hold what decides.
    pub fn walk(&self, path: &[u8]) -> Result<Result<Place, Errno>, Unavailable> {
        if path.is_empty() {
            return Ok(Err(Errno::Enoent));
        }
        if path.len() >= MAX_PATH {
            return Ok(Err(Errno::Enametoolong));
        }
        let mut at: Names = if path.starts_with(b"/") { Vec::new() } else { self.directory.clone() };
        let mut rest: Names = split(path);
        rest.reverse();
        let mut must_be_directory = ends_as_directory(path);
        let mut links = 0;
        let mut here = match self.directory_at(&at)? {
            Ok(found) => found,
            Err(errno) => return Ok(Err(errno)),
        };
        while let Some(name) = rest.pop() {
            if here.kind != FoundKind::Directory {
                return Ok(Err(Errno::Enotdir));
            }
            if !self.may(&here, Access::Search) {
                return Ok(Err(Errno::Eacces));
            }
            if name == b"." {
                continue;
            }
            if name == b".." {
                at.pop();
                here = match self.directory_at(&at)? {
                    Ok(found) => found,
                    Err(errno) => return Ok(Err(errno)),
                };
                continue;
            }
            if name.len() > MAX_NAME {
                return Ok(Err(Errno::Enametoolong));
            }
            at.push(name);
            let ahead: Names = rest.iter().rev().cloned().collect();
            let plain = !ahead.iter().any(|name| name == b"." || name == b"..");
            let Some(found) = self.entry(&at, if plain { &ahead } else { &[] })? else {
                return Ok(Err(Errno::Enoent));
            };
            if let FoundKind::Symlink(target) = &found.kind {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(Err(Errno::Eloop));
                }
                if target.is_empty() {
                    return Ok(Err(Errno::Enoent));
                }
                at.pop();
                if target.starts_with(b"/") {
                    at.clear();
                    here = match self.directory_at(&at)? {
                        Ok(found) => found,
                        Err(errno) => return Ok(Err(errno)),
                    };
                }
                if rest.is_empty() {
                    must_be_directory |= ends_as_directory(target);
                }
                rest.extend(split(target).into_iter().rev());
                continue;
            }
            here = found;
        }
        if must_be_directory && here.kind != FoundKind::Directory {
            return Ok(Err(Errno::Enotdir));
        }
        Ok(Ok(Place { names: at, found: here }))
    }

    /// Opens a file to execute it (`do_open_execat` in the kernel).
    ///
    /// # Errors
    /// [`Unavailable`] where the image does not hold what decides.
    pub fn open_executable(&self, path: &[u8]) -> Result<Result<Place, Errno>, Unavailable> {
        Ok(match self.walk(path)? {
            Ok(place)
                if !matches!(place.found.kind, FoundKind::File(..)) || !self.may(&place.found, Access::Execute) =>
            {
                Err(Errno::Eacces)
            }
            other => other,
        })
    }

    /// What stands at a path: in a mount of the runtime, else in the image.
    fn entry(&self, path: &[Vec<u8>], rest: &[Vec<u8>]) -> Result<Option<Found>, Unavailable> {
        mounts::entry(path).unwrap_or_else(|| self.view.entry(path, rest))
    }

    /// A directory that the walk stands in: the root, the working directory, or one it came through.
    fn directory_at(&self, names: &[Vec<u8>]) -> Result<Result<Found, Errno>, Unavailable> {
        if names.is_empty() {
            return Ok(Ok(self.root.clone()));
        }
        // A working directory that the image lacks is made by the runtime.
        let found = self.entry(names, &[])?;
        Ok(Ok(found.unwrap_or_else(made_by_runtime)))
    }

    /// Whether the process may search a directory.
    pub fn may_search(&self, found: &Found) -> bool {
        self.may(found, Access::Search)
    }

    /// Whether the process may execute a file.
    pub fn may_execute(&self, found: &Found) -> bool {
        self.may(found, Access::Execute)
    }

    /// `generic_permission` in the kernel's fs/namei.c. Root has `CAP_DAC_OVERRIDE` among the capabilities that container
    /// runtimes give by default: it searches any directory, and executes what has one bit of execution.
    fn may(&self, found: &Found, access: Access) -> bool {
        let mode = found.mode;
        if self.user.uid == 0 {
            return access == Access::Search || mode & 0o111 != 0;
        }
        let bits = if found.uid == self.user.uid {
            mode >> 6
        } else if found.gid == self.user.gid || self.user.groups.contains(&found.gid) {
            mode >> 3
        } else {
            mode
        };
        bits & 1 != 0
    }
}

/// A directory as runtimes make one.
pub fn made_by_runtime() -> Found {
    Found { kind: FoundKind::Directory, mode: 0o755, uid: 0, gid: 0, layer: 0, privileged: false }
}

fn split(path: &[u8]) -> Names {
    path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
}

/// Whether the last part of a path can only be a directory.
fn ends_as_directory(path: &[u8]) -> bool {
    path.ends_with(b"/") || path.ends_with(b"/.") || path == b"."
}
