//! The rules: one file each, and the table that lists them.
//!
//! A rule looks at one task in one scenario (or at one group of instances) and says what is wrong with it. It does not know
//! other scenarios: [`crate::check`] turns an error that only some of them have into a warning. A rule's documentation is the
//! comment at the top of its file; pages, `explain` and the list of rules are made from it.

pub(crate) mod ami_instance_mismatch;
mod architecture_misspelled;
mod architecture_unsupported;
mod asset_platform_unset;
mod base_image_single_architecture;
mod build_side;
mod capacity_architecture_mismatch;
mod capacity_mixed;
mod codebuild_builds_other_architecture;
mod codebuild_image_mismatch;
mod copied_binary_foreign;
mod cpu_level_too_high;
mod dockerfile_final_stage_on_build_platform;
mod dockerfile_foreign_download;
mod dockerfile_foreign_target;
mod dockerfile_invalid;
mod dockerfile_platform_pinned;
mod entrypoint_foreign_architecture;
mod entrypoint_not_executable;
mod entrypoint_not_found;
mod git_lfs_pointer_copied;
mod image_contents_mismatch;
pub(crate) mod image_platform_mismatch;
pub(crate) mod image_platform_missing;
mod image_start;
mod interpreter_foreign_architecture;
mod interpreter_missing;
mod library_foreign_architecture;
mod loader_foreign_architecture;
mod loader_missing;
mod native_modules_copied;
mod operating_system_mismatch;
mod page_size_assumption;
mod remedy;
mod runtime_platform_unset;
mod script_byte_order_mark;
mod script_carriage_return;
mod script_missing_shebang;
pub(crate) mod task_build;
pub(crate) mod task_image;
mod user_not_found;
mod working_directory_unusable;

pub use remedy::ContainerTool;

use crate::capacity::group::Group;
use crate::codebuild::project::Project;
use crate::inspect::Judged;
use crate::platform::Architecture;
use crate::template::resolve::Placed;
use crate::template::value::{ResourceId, Spot, Via};
use crate::workload::{Context, Task};

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name: identity in reports, in acknowledgements, in SARIF and on the documentation pages.
    pub name: &'static str,
    /// Its source file, whose leading comment is its documentation.
    source: &'static str,
    /// What it looks at.
    pub check: Check,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// A task with its containers and places.
    Task(for<'a> fn(&Task<'a>, &Settings) -> Vec<Draft<'a>>),
    /// What a group of instances launches.
    Group(for<'a> fn(&Placed<'a>, &Group<'a>, &Settings) -> Vec<Draft<'a>>),
    /// A CodeBuild project.
    Project(for<'a> fn(&Project<'a>, &Context<'a>) -> Vec<Draft<'a>>),
    /// What an image holds.
    Image(fn(&Judged<'_>) -> Vec<ImageDraft>),
}

macro_rules! rules {
    ($($name:literal, $module:ident, $kind:ident;)*) => {
        /// Every rule, by name.
        pub const RULES: &[Rule] = &[$(Rule {
            name: $name,
            source: include_str!(concat!(stringify!($module), ".rs")),
            check: Check::$kind($module::check),
        }),*];
    };
}

rules! {
    "ami-instance-mismatch", ami_instance_mismatch, Group;
    "architecture-misspelled", architecture_misspelled, Task;
    "architecture-unsupported", architecture_unsupported, Task;
    "asset-platform-unset", asset_platform_unset, Task;
    "base-image-single-architecture", base_image_single_architecture, Task;
    "capacity-architecture-mismatch", capacity_architecture_mismatch, Task;
    "capacity-mixed", capacity_mixed, Task;
    "codebuild-builds-other-architecture", codebuild_builds_other_architecture, Task;
    "codebuild-image-mismatch", codebuild_image_mismatch, Project;
    "copied-binary-foreign", copied_binary_foreign, Task;
    "cpu-level-too-high", cpu_level_too_high, Image;
    "dockerfile-final-stage-on-build-platform", dockerfile_final_stage_on_build_platform, Task;
    "dockerfile-foreign-download", dockerfile_foreign_download, Task;
    "dockerfile-foreign-target", dockerfile_foreign_target, Task;
    "dockerfile-invalid", dockerfile_invalid, Task;
    "dockerfile-platform-pinned", dockerfile_platform_pinned, Task;
    "entrypoint-foreign-architecture", entrypoint_foreign_architecture, Image;
    "entrypoint-not-executable", entrypoint_not_executable, Image;
    "entrypoint-not-found", entrypoint_not_found, Image;
    "git-lfs-pointer-copied", git_lfs_pointer_copied, Task;
    "image-contents-mismatch", image_contents_mismatch, Image;
    "image-platform-mismatch", image_platform_mismatch, Task;
    "image-platform-missing", image_platform_missing, Task;
    "interpreter-foreign-architecture", interpreter_foreign_architecture, Image;
    "interpreter-missing", interpreter_missing, Image;
    "library-foreign-architecture", library_foreign_architecture, Image;
    "loader-foreign-architecture", loader_foreign_architecture, Image;
    "loader-missing", loader_missing, Image;
    "native-modules-copied", native_modules_copied, Task;
    "operating-system-mismatch", operating_system_mismatch, Task;
    "page-size-assumption", page_size_assumption, Image;
    "runtime-platform-unset", runtime_platform_unset, Task;
    "script-byte-order-mark", script_byte_order_mark, Image;
    "script-carriage-return", script_carriage_return, Image;
    "script-missing-shebang", script_missing_shebang, Image;
    "user-not-found", user_not_found, Image;
    "working-directory-unusable", working_directory_unusable, Image;
}

impl Rule {
    /// The rule with this name.
    pub fn named(name: &str) -> Option<&'static Rule> {
        RULES.iter().find(|rule| rule.name == name)
    }

    /// Its documentation, as Markdown.
    pub fn documentation(&self) -> String {
        let lines = self.source.lines().take_while(|line| line.starts_with("//!"));
        let mut page = format!("# {}\n\n", self.name);
        for line in lines {
            let text = line.trim_start_matches("//!");
            page.push_str(text.strip_prefix(' ').unwrap_or(text));
            page.push('\n');
        }
        page
    }

    /// What it finds, in one line.
    pub fn summary(&self) -> &'static str {
        let first = self.source.lines().next().unwrap_or_default();
        first.trim_start_matches("//!").trim()
    }

    /// Its documentation page.
    pub fn url(&self) -> String {
        format!("https://github.com/ecs-arch/ecs-arch/blob/main/docs/rules/{}.md", self.name)
    }
}

/// What rules are told beside the task.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The architecture of the machine that would build the images, if it is known.
    pub host_architecture: Option<Architecture>,
    /// What the user builds images with.
    pub container_tool: ContainerTool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may fail, depending on what the person who deploys does.
    Warning,
    /// It fails.
    Error,
}

/// What a rule says of one scenario.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is in this scenario.
    pub severity: Severity,
    /// The problem in one line: lower case at the start, no full stop, names in backticks.
    pub message: String,
    /// The resource that must change.
    pub resource: ResourceId,
    /// The place in it.
    pub spot: Spot<'a>,
    /// A place in another file of the app, which is shown instead: the file, relative to the assembly, and the line.
    pub at: Option<(String, u32)>,
    /// The container, where it is about one.
    pub container: Option<String>,
    /// The facts, and where each comes from.
    pub notes: Vec<Note<'a>>,
    /// The ways out, ready to paste.
    pub help: Vec<String>,
}

/// What a rule says of an image on one host.
#[derive(Debug, Clone)]
pub struct ImageDraft {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The problem in one line: lower case at the start, no full stop, names in backticks.
    pub message: String,
    /// The file that it is about, and its layer, counted from the top.
    pub file: Option<(String, Option<usize>)>,
    /// The facts.
    pub notes: Vec<String>,
    /// The ways out.
    pub help: Vec<String>,
}

/// A fact behind a finding.
#[derive(Debug, Clone)]
pub struct Note<'a> {
    /// The fact.
    pub message: String,
    /// Where it stands.
    pub place: Place<'a>,
}

/// Where a fact stands.
#[derive(Debug, Clone)]
pub enum Place<'a> {
    /// Nowhere in the app.
    None,
    /// In a template.
    Template(Spot<'a>),
    /// In another file of the assembly: file, JSON pointer, line.
    File(String, String, u32),
}

impl<'a> Note<'a> {
    /// A fact that stands in a template.
    pub fn at(message: String, spot: &Spot<'a>) -> Note<'a> {
        Note { message, place: Place::Template(spot.clone()) }
    }

    /// A fact that stands nowhere.
    pub fn plain(message: impl Into<String>) -> Note<'a> {
        Note { message: message.into(), place: Place::None }
    }

    /// The steps that led to a value.
    pub fn steps(via: &[Via<'a>]) -> impl Iterator<Item = Note<'a>> {
        via.iter().map(|step| Note::at(step.fact.clone(), &step.spot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_rule_is_documented() {
        assert!(RULES.is_sorted_by_key(|rule| rule.name));
        for rule in RULES {
            let page = rule.documentation();
            for section in ["## Why", "## Example", "## How to fix", "## When it is silent"] {
                assert!(page.contains(section), "{} has no section {section}", rule.name);
            }
            assert!(
                rule.source.contains(&format!("\"{}\"", rule.name)),
                "{} is named otherwise in its file",
                rule.name
            );
            assert!(!rule.summary().is_empty() && rule.summary().len() < 120, "{}", rule.summary());
        }
    }
}
