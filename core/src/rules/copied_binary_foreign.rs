//! A Dockerfile copies a program of another processor from its context.
//!
//! ## Why this fails
//!
//! What `COPY` takes from the build context is as it was on the machine that made it. A program that was built on an Apple-silicon
//! laptop stays one for arm64 (or for macOS), whatever `--platform` the image is built for: `exec /server: exec format error`.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM debian:12
//! COPY server /server   # built on a laptop
//! ENTRYPOINT ["/server"]
//! ```
//!
//! ## How to fix
//!
//! Build the program in the Dockerfile, or keep one for each platform and copy the one for the target:
//!
//! ```dockerfile
//! ARG TARGETARCH
//! COPY build/${TARGETARCH}/server /server
//! ```
//!
//! ## When it is silent
//!
//! For files whose path names a platform, for files that a later line replaces, and where the platform of the task is not known. It is a
//! warning where the file is not what the image starts, or where that cannot be proven.

use super::build_side::{Site, sites};
use super::native_modules_copied::{is_foreign, machine_name};
use super::task_build::{origin, refused_format, start};
use super::{Draft, Note, Settings, Severity};
use crate::build::natives::{Native, in_packages};
use crate::build::start::{Predicted, Trust};
use crate::exec::{Outcome, Role};
use crate::executable::{Executable, Format};
use crate::inspect::names_a_platform;
use crate::platform::Dialect;
use crate::workload::Task;

const NAME: &str = "copied-binary-foreign";
/// As many files as one finding names.
const SHOWN: usize = 3;

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for site in sites(task) {
        let mut starts = None;
        if let Some(predicted) = start(&site)
            && let Some((path, kind)) = stopped_by(&predicted)
        {
            drafts.push(of_start(&site, &predicted, &path, &kind));
            starts = Some(path);
        }
        let others = site.build.natives().iter().filter(|native| {
            is_foreign(&native.executable, site.platform.architecture)
                && !in_packages(&native.source)
                && !super::native_modules_copied::in_build_output(&native.source)
                && !names_a_platform(&format!("/{}", native.source))
                && starts.as_deref() != Some(native.path.as_str())
        });
        drafts.extend(of_others(&site, &others.collect::<Vec<_>>()));
    }
    drafts
}

/// The program of another machine, or for another system, that stops a start: its path in the image, and what it is.
pub(super) fn stopped_by(predicted: &Predicted) -> Option<(String, String)> {
    let inner =
        predicted.wrapped.as_ref().filter(|wrapped| wrapped.fails()).and_then(|wrapped| wrapped.prediction.as_ref());
    let prediction = if predicted.prediction.outcome == Outcome::Starts { inner? } else { &predicted.prediction };
    if let Some((Role::Entrypoint, step, machine)) = prediction.foreign() {
        let path = String::from_utf8_lossy(&step.path).into_owned();
        return Some((path, format!("a program for {}", machine.name())));
    }
    match refused_format(predicted)? {
        (format @ (Format::MachO | Format::Pe), path) => Some((path, format.name().to_owned())),
        _ => None,
    }
}

fn of_start<'a>(site: &Site<'_, 'a>, predicted: &Predicted, path: &str, kind: &str) -> Draft<'a> {
    let (at, mut notes) = origin(site, predicted, path);
    let message = format!("it starts `{path}`, which is {kind}, but it runs on `{}`", site.platform);
    let mut draft = site.draft(NAME, site.severity(predicted.trust == Trust::Certain), message, at);
    if let Outcome::Fails { text, .. } = &predicted.prediction.outcome {
        notes.push(Note::plain(format!("the container would stop at once: `{text}`")));
    }
    notes.append(&mut draft.notes);
    draft.notes = notes;
    let name = path.rsplit('/').next().unwrap_or(path);
    draft
        .helped(format!("copy the one for the target: `ARG TARGETARCH` and `COPY build/${{TARGETARCH}}/{name} {path}`"))
        .helped(format!(
            "or build it in a stage of the Dockerfile, with `ARG TARGETARCH` there and `COPY --from=build /out/{name} {path}`"
        ))
}

fn of_others<'a>(site: &Site<'_, 'a>, others: &[&Native]) -> Option<Draft<'a>> {
    let first = others.first()?;
    let names: Vec<String> = others.iter().take(SHOWN).map(|native| format!("`{}`", native.path)).collect();
    let more = if others.len() > SHOWN { format!(" and {} more", others.len() - SHOWN) } else { String::new() };
    let machine = machine_name(&first.executable);
    let message = format!(
        "{}{more} would be copied to an image for `{}`, but built for {machine}",
        names.join(", "),
        site.platform
    );
    let draft = site.draft(NAME, Severity::Warning, message, (site.build.source(&first.source), 1));
    let note = site.in_dockerfile("it is copied here".to_owned(), first.line);
    let architecture = site.platform.architecture.spelled(Dialect::Oci).unwrap_or_default();
    Some(draft.noted(note).helped(format!(
        "if the image uses it, copy the one for the target (`{architecture}`, which `ARG TARGETARCH` names); if not, name it in `.dockerignore`"
    )))
}

/// Whether a format is that of a program for another system.
pub(super) fn is_other_system(executable: &Executable) -> bool {
    matches!(executable, Executable::Other(Format::MachO | Format::Pe))
}

#[cfg(test)]
mod tests {
    use crate::check::testing::built;
    use crate::inspect::testing::elf;

    const FILE: &str = "FROM debian:12\nCOPY server /server\nENTRYPOINT [\"/server\"]\n";

    #[test]
    fn a_foreign_program_that_is_started_is_an_error() {
        assert_eq!(
            built("linux/amd64", FILE, &[("server", &elf(183))]),
            ["error copied-binary-foreign asset.abc/server:1"]
        );
        assert_eq!(
            built("linux/arm64", FILE, &[("server", &elf(62))]),
            ["error copied-binary-foreign asset.abc/server:1"]
        );
        assert_eq!(
            built("linux/amd64", FILE, &[("server", b"\xcf\xfa\xed\xfe")]),
            ["error copied-binary-foreign asset.abc/server:1"]
        );
        let shell = FILE.replace("[\"/server\"]", "exec /server");
        assert_eq!(
            built("linux/amd64", &shell, &[("server", &elf(183))]),
            ["error copied-binary-foreign asset.abc/server:1"]
        );
    }

    #[test]
    fn one_that_is_not_known_to_be_started_is_a_warning() {
        let file = FILE.replace("ENTRYPOINT [\"/server\"]", "CMD [\"sh\", \"/run.sh\"]");
        assert_eq!(
            built("linux/amd64", &file, &[("server", &elf(183))]),
            ["warning copied-binary-foreign asset.abc/server:1"]
        );
        let command = FILE.replace("ENTRYPOINT", "CMD").replace("debian:12", "example.com/base");
        assert_eq!(
            built("linux/amd64", &command, &[("server", &elf(183))]),
            ["warning copied-binary-foreign asset.abc/server:1"]
        );
    }

    #[test]
    fn a_native_one_or_one_that_is_built_again_is_not_found() {
        assert!(built("linux/amd64", FILE, &[("server", &elf(62))]).is_empty());
        let again = FILE.replace("ENTRYPOINT", "RUN go build -o /server .\nENTRYPOINT");
        assert!(built("linux/amd64", &again, &[("server", &elf(183))]).is_empty());
        let other = FILE.replace("COPY server", "COPY bin/linux-arm64/server");
        let runs = other.replace("ENTRYPOINT [\"/server\"]", "");
        assert!(built("linux/amd64", &runs, &[("bin/linux-arm64/server", &elf(183))]).is_empty());
    }
}
