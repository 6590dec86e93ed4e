//! What the runtime does before `execve`: user, working directory, and the search for the program.
//!
//! The order and the words are those of runc 1.1 (libcontainer/standard_init_linux.go, `exec.LookPath` of Go) and of Docker
//! where it refuses earlier.

use super::command::Command;
use super::errno::Errno;
use super::user::User;
use super::walk::{Place, Process, made_by_runtime};
use super::{Outcome, Refusal};
use crate::image::view::{FoundKind, Names, Unavailable, View};

/// Resolves the user and finds the working directory, in Docker's order.
pub(super) fn process<'v, 's>(
    view: &'v View<'s>,
    command: &Command,
) -> Result<Result<Process<'v, 's>, Outcome>, Unavailable> {
    if command.argv.is_empty() {
        return Ok(Err(refused(Refusal::NoCommand, None, "no command specified".to_owned())));
    }
    let root = User { uid: 0, gid: 0, groups: Vec::new() };
    let mut process = Process { view, user: root, directory: Vec::new(), root: made_by_runtime() };
    let files = if User::needs_files(&command.user) {
        match (read(&process, b"/etc/passwd")?, read(&process, b"/etc/group")?) {
            (Ok(passwd), Ok(group)) => (passwd, group),
            (Err(refused), _) | (_, Err(refused)) => return Ok(Err(refused)),
        }
    } else {
        (Vec::new(), Vec::new())
    };
    let user = match User::resolve(&command.user, &files.0, &files.1) {
        Ok(user) => user,
        Err(error) => return Ok(Err(refused(Refusal::User, None, error.to_string()))),
    };
    if command.env.iter().any(|variable| variable.starts_with('=')) {
        return Ok(Err(refused(Refusal::Environment, None, "invalid environment variable: it has no name".to_owned())));
    }
    if !command.directory.is_empty() && !command.directory.starts_with('/') {
        return Ok(Err(refused(Refusal::Directory, None, "Cwd must be an absolute path".to_owned())));
    }
    match directory(&process, command.directory.as_bytes())? {
        Ok(directory) => process.directory = directory,
        Err(errno) => {
            let text = format!("mkdir {}: {}", command.directory, errno.text());
            return Ok(Err(refused(Refusal::Directory, Some(errno), text)));
        }
    }
    process.user = user;
    Ok(Ok(process))
}

/// Runtimes read `/etc/passwd` even where nothing in it is needed, and fail if it is no file.
pub(super) fn unreadable_passwd(view: &View<'_>) -> Option<Outcome> {
    let found = view.peek(&[b"etc".to_vec(), b"passwd".to_vec()])?;
    (found.kind == FoundKind::Directory).then(|| is_directory(b"/etc/passwd"))
}

fn is_directory(path: &[u8]) -> Outcome {
    refused(Refusal::User, None, format!("read {}: is a directory", String::from_utf8_lossy(path)))
}

fn refused(refusal: Refusal, errno: Option<Errno>, text: String) -> Outcome {
    Outcome::Refused { errno, text, refusal }
}

/// A small file of the image; one that is not there is as good as empty.
fn read(root: &Process<'_, '_>, path: &[u8]) -> Result<Result<Vec<u8>, Outcome>, Unavailable> {
    let Ok(Place { found, .. }) = root.walk(path)? else { return Ok(Ok(Vec::new())) };
    match found.kind {
        FoundKind::Directory => Ok(Err(is_directory(path))),
        FoundKind::File(_, 0, _) => Ok(Ok(Vec::new())),
        FoundKind::File(_, _, Some(content)) => Ok(Ok(content)),
        _ => Err(Unavailable(format!("`{}` is not a small regular file of that name", String::from_utf8_lossy(path)))),
    }
}

/// The working directory, made by the runtime where it is missing; links in it are followed.
fn directory(root: &Process<'_, '_>, path: &[u8]) -> Result<Result<Names, Errno>, Unavailable> {
    let mut existing =
        Process { view: root.view, user: root.user.clone(), directory: Vec::new(), root: root.root.clone() };
    let mut missing = false;
    for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
        if missing {
            if name == b".." {
                existing.directory.pop();
            } else {
                existing.directory.push(name.to_vec());
            }
            continue;
        }
        match existing.walk(name)? {
            Ok(place) if place.found.kind == FoundKind::Directory => existing.directory = place.names,
            Ok(_) => return Ok(Err(Errno::Enotdir)),
            Err(Errno::Enoent) => {
                missing = true;
                existing.directory.push(name.to_vec());
            }
            // `mkdir` finds the link in its way.
            Err(Errno::Eloop) => return Ok(Err(Errno::Eexist)),
            Err(errno) => return Ok(Err(errno)),
        }
    }
    Ok(Ok(existing.directory))
}

/// Finds the program: `exec.LookPath` of Go in the container, as its user; then runc asks whether the user may execute it.
pub(super) fn look_up(process: &Process<'_, '_>, command: &Command) -> Result<Result<Vec<u8>, Outcome>, Unavailable> {
    let name = command.argv.first().map(String::as_str).unwrap_or_default();
    if name.contains('/') {
        return Ok(match executable(process, name.as_bytes())? {
            Ok(place) => permitted(process, &place, name.as_bytes()),
            Err((errno, what)) => {
                let refusal = if errno == Errno::Eacces { Refusal::NotExecutable } else { Refusal::NotFound };
                Err(refused(refusal, Some(errno), format!("exec: \"{name}\": {what}{}", errno.text())))
            }
        });
    }
    let path = command.variable("PATH").unwrap_or_default();
    for directory in path.split(':').filter(|_| !path.is_empty()) {
        let directory = if directory.is_empty() { "." } else { directory };
        let candidate = clean(&format!("{directory}/{name}"));
        let Ok(place) = executable(process, candidate.as_bytes())? else { continue };
        if !candidate.starts_with('/') {
            let text = format!("exec: \"{name}\": cannot run executable found relative to current directory");
            return Ok(Err(refused(Refusal::NotFound, None, text)));
        }
        return Ok(permitted(process, &place, candidate.as_bytes()));
    }
    let text = format!("exec: \"{name}\": executable file not found in $PATH");
    Ok(Err(refused(Refusal::NotFound, Some(Errno::Enoent), text)))
}

/// Whether Go takes a file for executable: it is no directory and has any bit of execution, whoever that is for.
fn executable(process: &Process<'_, '_>, path: &[u8]) -> Result<Result<Place, (Errno, String)>, Unavailable> {
    Ok(match process.walk(path)? {
        Err(errno) => Err((errno, format!("stat {}: ", String::from_utf8_lossy(path)))),
        Ok(place) if place.found.kind == FoundKind::Directory || place.found.mode & 0o111 == 0 => {
            Err((Errno::Eacces, String::new()))
        }
        Ok(place) => Ok(place),
    })
}

fn permitted(process: &Process<'_, '_>, place: &Place, path: &[u8]) -> Result<Vec<u8>, Outcome> {
    if process.may_execute(&place.found) {
        return Ok(path.to_vec());
    }
    let text = format!("exec: \"{}\": {}", String::from_utf8_lossy(path), Errno::Eacces.text());
    Err(refused(Refusal::NotExecutable, Some(Errno::Eacces), text))
}

/// `filepath.Clean` of Go.
fn clean(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    let rooted = path.starts_with('/');
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => {
                names.pop();
            }
            ".." if rooted => {}
            name => names.push(name),
        }
    }
    let joined = names.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}
