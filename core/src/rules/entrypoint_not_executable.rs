//! What an image starts is a file that cannot be executed.
//!
//! ## Why this fails
//!
//! Either the file may not be executed (`permission denied`: no bit of execution for the user, a directory, a FIFO), or it is no
//! program at all: an archive, a pointer of Git LFS, the page of a failed download, a program for macOS or Windows, a damaged ELF file. The
//! kernel has the same words for the latter as for a foreign processor: `exec format error`.
//!
//! ## Example
//!
//! ```dockerfile
//! COPY server /server        # mode 0644
//! ENTRYPOINT ["/server"]
//! ```
//!
//! ## How to fix
//!
//! `COPY --chmod=0755 server /server`; `git lfs pull` before the build; check what was downloaded.
//!
//! ## When it is silent
//!
//! For scripts, which have rules of their own, and for programs of another processor.

use super::ImageDraft;
use super::image_start::{chain_notes, error, failing};
use crate::exec::errno::Errno;
use crate::exec::{Obstacle, Outcome, Refusal};
use crate::executable::{Executable, Format};
use crate::image::layer::shown;
use crate::inspect::Judged;

const NAME: &str = "entrypoint-not-executable";

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let Some(start) = failing(judged) else { return Vec::new() };
    let prediction = start.prediction;
    let program =
        prediction.program.as_deref().map(shown).or_else(|| prediction.argv.first().cloned()).unwrap_or_default();
    let chmod = "give it the bits of execution: `COPY --chmod=0755 …`, or `RUN chmod 0755 …`";
    let draft = match (&prediction.outcome, &prediction.obstacle) {
        (Outcome::Refused { refusal: Refusal::NotExecutable, .. }, _) => {
            error(NAME, format!("`{program}` may not be executed"), None).help(chmod)
        }
        (Outcome::Fails { errno: Errno::Eacces, .. }, None) => {
            error(NAME, format!("`{program}` may not be executed by this user, or is no file"), None).help(chmod)
        }
        (Outcome::Fails { errno: Errno::Eperm, .. }, _) => error(
            NAME,
            format!("`{program}` demands capabilities that containers do not have by default"),
            prediction.chain.last(),
        )
        .help("take the file's capabilities away (`setcap -r`), or add them to the container (`linuxParameters.capabilities`)"),
        (Outcome::Fails { errno: Errno::E2big, .. }, None) => {
            error(NAME, "the arguments are too long".to_owned(), None)
        }
        (Outcome::Fails { .. }, None) => error(NAME, format!("`{program}` cannot be opened"), None),
        (Outcome::Fails { .. }, Some(Obstacle::Depth)) => error(
            NAME,
            format!("`{program}` is a script whose interpreters are scripts without end"),
            prediction.chain.last(),
        ),
        (Outcome::Fails { .. }, Some(Obstacle::File)) if prediction.foreign().is_none() => {
            let Some(step) = prediction.chain.last() else { return Vec::new() };
            let what = match &step.executable {
                Executable::Other(format)
                    if super::script_missing_shebang::is_script(*format)
                        || super::script_byte_order_mark::is_marked(*format) =>
                {
                    return Vec::new();
                }
                Executable::Script(_) => return Vec::new(),
                Executable::Other(format) => format.name(),
                Executable::Elf(elf) if elf.kind == 1 => "an object file, not a program",
                Executable::Elf(elf) if elf.kind == 4 => "a memory dump, not a program",
                Executable::Elf(_) => "a damaged ELF file",
            };
            let help = match &step.executable {
                Executable::Other(Format::GitLfsPointer) => "fetch the file itself before the build: `git lfs pull`",
                Executable::Other(Format::Html | Format::Text | Format::Empty) => {
                    "look at what was downloaded or copied there"
                }
                Executable::Other(Format::MachO | Format::Pe) => "build it for Linux",
                _ => "put a program for Linux in its place",
            };
            let mut draft = error(NAME, format!("`{}` is {what}", shown(&step.asked)), Some(step)).help(help);
            draft.notes.extend(chain_notes(prediction));
            draft
        }
        _ => return Vec::new(),
    };
    vec![draft.words(&start)]
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn what_is_no_program_is_found() {
        for content in
            [&b"\xcf\xfa\xed\xfe"[..], b"version https://git-lfs.github.com/spec/v1\n", b"\x7fELF cut", b"\x1f\x8b\x08"]
        {
            let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", content);
            assert_eq!(image.rules(), ["error entrypoint-not-executable"]);
        }
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).plain_file("app", &elf(62));
        assert_eq!(image.rules(), ["error entrypoint-not-executable"]);
    }

    #[test]
    fn a_program_is_not() {
        assert!(ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62)).rules().is_empty());
    }
}
