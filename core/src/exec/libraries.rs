//! The shared libraries that a loader will look for: where, and of which machine they are.
//!
//! A loader passes over libraries of another machine, so that they are as good as missing; the program has started by then and
//! dies with the loader's own words. Only libraries that are there and foreign are reported: which directories a loader's
//! cache adds is not known from its configuration alone, so a missing library proves nothing.

use std::collections::BTreeSet;

use super::walk::Process;
use super::{Prediction, Step};
use crate::executable::Executable;
use crate::executable::elf::{Dynamic, Elf, Machine};
use crate::image::view::{FoundKind, Unavailable};
use crate::platform::{Architecture, Dialect};

/// As many libraries as are followed.
const MAX_LIBRARIES: usize = 256;

/// A library of another machine than its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its name as it is asked for.
    pub name: String,
    /// Where it lies.
    pub path: String,
    /// Its machine.
    pub machine: Machine,
    /// Who asks for it.
    pub needed_by: String,
}

/// Libraries that the loader will not take, because they are of another machine, and none that fits is found.
///
/// # Errors
/// [`Unavailable`] where the image does not hold what decides.
pub fn foreign(
    process: &Process<'_, '_>,
    prediction: &Prediction,
    library_path: Option<&str>,
) -> Result<Vec<Foreign>, Unavailable> {
    let Some((program, elf)) = prediction.chain.last().and_then(|step| Some((step, step.elf()?))) else {
        return Ok(Vec::new());
    };
    if prediction.loader.is_none() {
        return Ok(Vec::new());
    }
    let defaults = default_directories(elf);
    let mut foreign = Vec::new();
    let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut open: Vec<Step> = vec![program.clone()];
    while let Some(step) = open.pop() {
        let Some(dynamic) = step.elf().and_then(|elf| elf.dynamic.as_ref()) else { continue };
        for name in &dynamic.needed {
            if seen.len() >= MAX_LIBRARIES || !seen.insert(name.clone()) {
                continue;
            }
            let mut other = None;
            let mut fits = None;
            for directory in search(dynamic, &step.path, library_path, &defaults) {
                let path =
                    if name.contains(&b'/') { name.clone() } else { [directory.as_slice(), b"/", name].concat() };
                let Ok(place) = process.walk(&path)? else { continue };
                let real = place.path();
                let FoundKind::File(Executable::Elf(library), size, _) = place.found.kind else { continue };
                if library.machine == elf.machine {
                    fits = Some(Step {
                        asked: path,
                        path: real,
                        executable: Executable::Elf(library),
                        size,
                        layer: place.found.layer,
                        privileged: false,
                    });
                    break;
                }
                other = other.or(Some((real, library.machine)));
            }
            match (fits, other) {
                (Some(library), _) => open.push(library),
                (None, Some((path, machine))) => {
                    foreign.push(Foreign { name: text(name), path: text(&path), machine, needed_by: text(&step.path) })
                }
                (None, None) => {}
            }
        }
    }
    Ok(foreign)
}

/// The directories in the loader's order (ld.so(8)): `DT_RPATH` unless there is `DT_RUNPATH`, `LD_LIBRARY_PATH`, `DT_RUNPATH`,
/// the loader's own.
fn search(dynamic: &Dynamic, file: &[u8], library_path: Option<&str>, defaults: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let origin = file.iter().rposition(|&byte| byte == b'/').and_then(|slash| file.get(..slash)).unwrap_or_default();
    let list = |text: &[u8]| -> Vec<Vec<u8>> {
        let parts = text.split(|&byte| byte == b':').filter(|part| !part.is_empty());
        parts.map(|part| replace(&replace(part, b"$ORIGIN", origin), b"${ORIGIN}", origin)).collect()
    };
    let mut directories = Vec::new();
    if let (None, Some(rpath)) = (&dynamic.runpath, &dynamic.rpath) {
        directories.extend(list(rpath));
    }
    directories.extend(library_path.map(|path| list(path.as_bytes())).unwrap_or_default());
    directories.extend(dynamic.runpath.as_deref().map(list).unwrap_or_default());
    directories.extend_from_slice(defaults);
    directories
}

fn replace(text: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    match memchr::memmem::find(text, what) {
        Some(at) => [text.get(..at).unwrap_or_default(), by, text.get(at + what.len()..).unwrap_or_default()].concat(),
        None => text.to_vec(),
    }
}

/// What glibc of Debian and of others, and musl, have built in.
fn default_directories(program: &Elf) -> Vec<Vec<u8>> {
    let triple = match program.machine {
        Machine::Known(Architecture::X86) => Some("i386-linux-gnu".to_owned()),
        Machine::Known(Architecture::Arm) => Some("arm-linux-gnueabihf".to_owned()),
        Machine::Known(architecture) => {
            architecture.spelled(Dialect::Rust).map(|name| format!("{}-linux-gnu", name.trim_end_matches("gc")))
        }
        Machine::Other(_) => None,
    };
    let triple = triple.unwrap_or_default();
    ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", "/usr/local/lib64"]
        .into_iter()
        .map(str::to_owned)
        .chain([format!("/lib/{triple}"), format!("/usr/lib/{triple}")])
        .map(String::into_bytes)
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
