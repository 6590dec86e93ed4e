//! A shared library or native module is for another processor than the host's.
//!
//! ## Why this fails
//!
//! The program starts. Then its loader passes over the library (`cannot open shared object file: No such file or directory`), or an
//! import fails: `invalid ELF header`. It happens where `node_modules`, a virtual environment or a library was copied from a host of the other
//! architecture.
//!
//! ## Example
//!
//! ```dockerfile
//! FROM --platform=linux/amd64 node:22
//! COPY . .               # with node_modules from an Apple-silicon laptop
//! CMD ["node", "server.js"]
//! ```
//!
//! ## How to fix
//!
//! Install the packages in the image, and keep the host's out of the context: `node_modules` in `.dockerignore`.
//!
//! ## When it is silent
//!
//! For packages that carry builds for several platforms side by side, and for layers that were not read (`--all-layers` reads them).

use super::ImageDraft;
use super::image_start::error;
use crate::inspect::Judged;

const NAME: &str = "library-foreign-architecture";

/// As many paths as are named.
const SHOWN: usize = 3;

pub(super) fn check(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let mut drafts = Vec::new();
    for library in judged.foreign_libraries {
        let message = format!(
            "`{}` needs the library `{}`, which is for {}",
            library.needed_by,
            library.name,
            library.machine.name()
        );
        let mut draft = error(NAME, message, None).into_warning();
        draft.file = Some((library.path.clone(), None));
        drafts.push(draft.help(format!("install the library for `{}`", judged.host.platform)));
    }
    for (machine, paths) in judged.foreign_modules {
        let count = paths.len();
        let what = if count == 1 { "a native module is".to_owned() } else { format!("{count} native modules are") };
        let mut draft =
            error(NAME, format!("{what} for {}, but the host is `{}`", machine.name(), judged.host.platform), None)
                .into_warning();
        draft.file = paths.first().map(|path| (path.clone(), None));
        draft.notes = paths.iter().filter(|_| count > 1).take(SHOWN).map(|path| format!("`{path}`")).collect();
        drafts.push(draft.help(
            "install the packages in the image, and keep the host's out of the build context with `.dockerignore`",
        ));
    }
    drafts
}

#[cfg(test)]
mod tests {
    use crate::inspect::testing::{ImageSpec, elf};

    #[test]
    fn a_foreign_module_is_found() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62));
        let image = image.file("srv/node_modules/bcrypt/lib/bcrypt.node", &elf(183));
        assert_eq!(image.rules(), ["warning library-foreign-architecture"]);
    }

    #[test]
    fn native_ones_and_builds_side_by_side_are_not() {
        let image = ImageSpec::new("amd64").entrypoint(&["/app"]).file("app", &elf(62));
        let image = image.file("srv/node_modules/bcrypt/lib/bcrypt.node", &elf(62));
        assert!(image.file("srv/node_modules/sharp/prebuilds/linux-arm64/sharp.node", &elf(183)).rules().is_empty());
    }
}
