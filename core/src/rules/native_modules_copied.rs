//! A Dockerfile copies installed packages of the host, with native code for another processor, into its image.
//!
//! ## Why this fails
//!
//! `node_modules`, virtual environments and `target/` hold what was installed or built for the machine that they are on. `COPY . .` puts
//! them over what the image has installed for itself. The process starts and dies when it loads the first native module: `invalid ELF
//! header`, `wrong ELF class`, `exec format error` from a program that it starts.
//!
//! ## Example
//!
//! ```dockerfile
//! COPY package*.json ./
//! RUN npm ci
//! COPY . .              # and the laptop's node_modules with it
//! ```
//!
//! ## How to fix
//!
//! Name the directory in `.dockerignore`:
//!
//! ```text
//! node_modules
//! .venv
//! target
//! ```
//!
//! ## When it is silent
//!
//! For packages that carry builds for several platforms side by side and say so in their paths; where a later line installs the packages
//! again or copies others over them; where the platform of the task is not known.

use super::build_side::{Site, sites};
use super::copied_binary_foreign::is_other_system;
use super::{Draft, Settings, Severity};
use crate::build::natives::{Native, in_packages};
use crate::executable::Executable;
use crate::executable::elf::Machine;
use crate::inspect::names_a_platform;
use crate::platform::Architecture;
use crate::workload::Task;

const NAME: &str = "native-modules-copied";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts: Vec<Draft<'a>> = Vec::new();
    for site in sites(task) {
        let found: Vec<&Native> = site
            .build
            .natives()
            .iter()
            .filter(|native| is_foreign(&native.executable, site.platform.architecture))
            .filter(|native| {
                in_packages(&native.source) && !is_one_of_several(&native.source) || in_build_output(&native.source)
            })
            .collect();
        let mut roots: Vec<&str> = found.iter().map(|native| root(&native.source)).collect();
        roots.dedup();
        for place in roots.into_iter().take(4) {
            let inside: Vec<&Native> = found.iter().copied().filter(|native| root(&native.source) == place).collect();
            drafts.extend(draft(&site, place, &inside));
        }
    }
    drafts
}

fn draft<'a>(site: &Site<'_, 'a>, place: &str, found: &[&Native]) -> Option<Draft<'a>> {
    let first = found.first()?;
    let files = match found.len() {
        1 => format!("`{}` is", first.source),
        many => format!("{many} files, such as `{}`, are", first.source),
    };
    let message = format!(
        "`{place}` of the build context would be copied to an image for `{}`, but {files} for {}",
        site.platform,
        machine_name(&first.executable)
    );
    let draft = site.draft(NAME, Severity::Warning, message, (site.build.source(&first.source), 1));
    let note = site.in_dockerfile(format!("it is copied here, to `{}`", first.path), first.line);
    let name = place.rsplit('/').next().unwrap_or(place);
    Some(draft.noted(note).helped(format!(
        "leave it out of the build: add `**/{name}` to `.dockerignore`, and install in the Dockerfile"
    )))
}

/// The directory to leave out: the topmost `node_modules`, the virtual environment, `target`.
fn root(path: &str) -> &str {
    if let Some(at) = path.find("node_modules") {
        return path.get(..at + "node_modules".len()).unwrap_or(path);
    }
    if let Some(at) = path.find("/lib/python").or_else(|| path.find("/lib64/python")) {
        return path.get(..at).unwrap_or(path);
    }
    if let Some(at) = path.find("target/") {
        return path.get(..at + "target".len()).unwrap_or(path);
    }
    path.split("site-packages").next().unwrap_or(path).trim_end_matches('/')
}

/// Whether a path says for which of several platforms a file is. The names of Python's own modules always do.
fn is_one_of_several(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    names_a_platform(&format!("/{path}")) && !name.contains(".cpython-") && !name.contains(".abi3")
}

/// Whether a path is that of Cargo's output.
pub(super) fn in_build_output(path: &str) -> bool {
    ["target/release/", "target/debug/"].iter().any(|part| path.starts_with(part) || path.contains(&format!("/{part}")))
}

/// Whether native code is not for Linux on a processor.
pub(super) fn is_foreign(executable: &Executable, host: Architecture) -> bool {
    match executable {
        Executable::Elf(elf) => match elf.machine {
            Machine::Known(Architecture::X86) => host != Architecture::X86_64,
            Machine::Known(Architecture::Arm) => host != Architecture::Arm64,
            Machine::Known(architecture) => architecture != host,
            Machine::Other(_) => false,
        },
        other => is_other_system(other),
    }
}

/// The machine of native code in words.
pub(super) fn machine_name(executable: &Executable) -> String {
    match executable {
        Executable::Elf(elf) => elf.machine.name(),
        Executable::Other(format) => format.name().trim_start_matches("a program for ").to_owned(),
        Executable::Script(_) => "a shell".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::check::testing::built;
    use crate::inspect::testing::elf;

    const FILE: &str = "FROM node:22\nWORKDIR /app\nCOPY package.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\nCMD [\"node\", \"x\"]\n";
    const MODULE: &str = "node_modules/bcrypt/lib/bcrypt.node";

    #[test]
    fn modules_of_the_host_are_found() {
        for content in [&elf(183)[..], b"\xcf\xfa\xed\xfe"] {
            let found = built("linux/amd64", FILE, &[(MODULE, content)]);
            assert_eq!(found, [format!("warning native-modules-copied asset.abc/{MODULE}:1")]);
        }
        let python = "FROM python:3.13\nCOPY . /app\nCMD [\"python\", \"x\"]\n";
        let module = ".venv/lib/python3.13/site-packages/x.cpython-313-aarch64-linux-gnu.so";
        assert_eq!(
            built("linux/amd64", python, &[(module, &elf(183))]),
            [format!("warning native-modules-copied asset.abc/{module}:1")]
        );
    }

    #[test]
    fn what_is_ignored_or_installed_again_is_not() {
        assert!(built("linux/arm64", FILE, &[(MODULE, &elf(183))]).is_empty());
        assert!(built("linux/amd64", FILE, &[(MODULE, &elf(183)), (".dockerignore", b"node_modules\n")]).is_empty());
        let again = FILE.replace("npm run build", "npm ci --omit=dev");
        assert!(built("linux/amd64", &again, &[(MODULE, &elf(183))]).is_empty());
        let over = FILE.replace("RUN npm run build", "COPY --from=deps /app/node_modules ./node_modules");
        let over = format!("FROM node:22 AS deps\nRUN npm ci\n{over}");
        assert!(built("linux/amd64", &over, &[(MODULE, &elf(183))]).is_empty());
        let several = "node_modules/x/prebuilds/linux-arm64/x.node";
        assert!(built("linux/amd64", FILE, &[(several, &elf(183))]).is_empty());
    }
}
