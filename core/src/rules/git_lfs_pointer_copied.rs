//! A Dockerfile copies a pointer of Git LFS in the place of a file.
//!
//! ## Why this fails
//!
//! A clone without Git LFS has a small text where the file should be. Nothing complains until it is used: as a program, the kernel says
//! `exec format error`.
//!
//! ## Example
//!
//! ```dockerfile
//! COPY bin/server /server      # `version https://git-lfs.github.com/spec/v1 …`
//! ENTRYPOINT ["/server"]
//! ```
//!
//! ## How to fix
//!
//! `git lfs install && git lfs pull` before `cdk synth`; in GitHub Actions `actions/checkout` with `lfs: true`.
//!
//! ## When it is silent
//!
//! For files that are not copied into the final stage, and for files other than programs that `.gitattributes` does not give to Git LFS.

use super::build_side::sites;
use super::task_build::{origin, refused_format, start};
use super::{Draft, Note, Settings, Severity};
use crate::build::start::{Predicted, Trust};
use crate::executable::{Executable, Format};
use crate::workload::Task;

const NAME: &str = "git-lfs-pointer-copied";
const HELP: &str = "fetch the file itself before the build: `git lfs pull`";

pub(super) fn check<'a>(task: &Task<'a>, _: &Settings) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for site in sites(task) {
        let mut starts = None;
        if let Some(predicted) = start(&site)
            && let Some(path) = stopped_by(&predicted)
        {
            let (at, mut notes) = origin(&site, &predicted, &path);
            notes.push(Note::plain("the container would stop at once: `exec format error`"));
            let message = format!("it starts `{path}`, which is a pointer of Git LFS");
            let mut draft =
                site.draft(NAME, site.severity(predicted.trust == Trust::Certain), message, at).helped(HELP);
            notes.append(&mut draft.notes);
            draft.notes = notes;
            drafts.push(draft);
            starts = Some(path);
        }
        let mut others = site.build.natives().iter().filter(|native| {
            native.executable == Executable::Other(Format::GitLfsPointer) && starts.as_ref() != Some(&native.path)
        });
        if let Some(first) = others.next() {
            let more = others.count();
            let many = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            let message = format!("`{}`{many} would be copied to the image, but is a pointer of Git LFS", first.source);
            let draft = site.draft(NAME, Severity::Warning, message, (site.build.source(&first.source), 1));
            drafts.push(draft.noted(site.in_dockerfile("it is copied here".to_owned(), first.line)).helped(HELP));
        }
    }
    drafts
}

/// The pointer that stops a start, by its path in the image.
pub(super) fn stopped_by(predicted: &Predicted) -> Option<String> {
    match refused_format(predicted)? {
        (Format::GitLfsPointer, path) => Some(path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::check::testing::built;
    use crate::inspect::testing::elf;

    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

    #[test]
    fn a_pointer_is_found() {
        let file = "FROM debian\nCOPY . /srv\nENTRYPOINT [\"/srv/server\"]\n";
        assert_eq!(
            built("linux/amd64", file, &[("server", POINTER)]),
            ["error git-lfs-pointer-copied asset.abc/server:1"]
        );
        let attributes: (&str, &[u8]) = (".gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n");
        let other = built("linux/amd64", file, &[("server", &elf(62)), ("model.bin", POINTER), attributes]);
        assert_eq!(other, ["warning git-lfs-pointer-copied asset.abc/model.bin:1"]);
    }

    #[test]
    fn a_file_is_not() {
        let file = "FROM debian\nCOPY . /srv\nENTRYPOINT [\"/srv/server\"]\n";
        assert!(built("linux/amd64", file, &[("server", &elf(62)), ("notes.txt", POINTER)]).is_empty());
    }
}
