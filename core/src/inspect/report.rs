//! The result of an inspection, and its JSON form.

use serde::Serialize;

use crate::exec::{Outcome, Prediction, Step};
use crate::executable::Executable;
use crate::executable::elf::{Interpreter, Machine};
use crate::executable::script::Line;
use crate::image::layer::shown;
use crate::platform::{Architecture, Dialect, Os, Platform};
use crate::report::SCHEMA;
use crate::rules::{ImageDraft, Rule, Severity};

/// Everything that was found of an image.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// The image as it was named.
    pub image: String,
    /// Counts.
    pub summary: Summary,
    /// The image's platforms, in the order of its index.
    pub platforms: Vec<PlatformReport>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be read, as sentences that name the part.
    pub unreadable: Vec<String>,
}

/// Counts of findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Of error severity.
    pub errors: usize,
    /// Of warning severity.
    pub warnings: usize,
}

/// One platform of an image on its host.
#[derive(Debug, Clone, Serialize)]
pub struct PlatformReport {
    /// The platform that it declares; `None` if it declares none that is known.
    pub declared: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// The platform of the program that it starts.
    pub contents: Option<String>,
    /// Whether `execve` succeeds; `None` if that is not known.
    pub starts: Option<bool>,
    /// The words that are started.
    pub argv: Vec<String>,
    /// The files that the kernel opens, in its order.
    pub chain: Vec<ChainLink>,
    /// How far it comes; `None` if that is not known.
    pub outcome: Option<OutcomeReport>,
    /// Why something is not known.
    pub why: Option<String>,
}

/// One file that the kernel opens.
#[derive(Debug, Clone, Serialize)]
pub struct ChainLink {
    /// Its path, after all links.
    pub path: String,
    /// `elf`, `script`, or the name of another format.
    pub kind: &'static str,
    /// The interpreter that a script names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// The machine of an ELF file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The loader that an ELF file names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
}

/// How far a start comes.
#[derive(Debug, Clone, Serialize)]
pub struct OutcomeReport {
    /// `start`, `create` or `exec`.
    pub stage: &'static str,
    /// The kernel's error.
    pub errno: Option<&'static str>,
    /// What people read.
    pub text: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The problem in one line.
    pub message: String,
    /// The host that it is about.
    pub platform: Option<String>,
    /// The file that it is about.
    pub location: Option<FileLocation>,
    /// The facts behind it.
    pub notes: Vec<Note>,
    /// The ways out.
    pub help: Vec<String>,
    /// The rule's documentation.
    pub url: String,
}

/// A fact.
#[derive(Debug, Clone, Serialize)]
pub struct Note {
    /// The fact.
    pub message: String,
}

/// A file of an image.
#[derive(Debug, Clone, Serialize)]
pub struct FileLocation {
    /// The digest of its layer, or the layer's name in the archive.
    pub layer: Option<String>,
    /// Its path.
    pub path: String,
}

impl Inspection {
    pub(super) fn new(reference: &str) -> Inspection {
        Inspection {
            schema: SCHEMA,
            image: reference.to_owned(),
            summary: Summary::default(),
            platforms: Vec::new(),
            findings: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, draft: ImageDraft, host: Option<&Platform>, layer: &dyn Fn(usize) -> Option<String>) {
        let (severity, count) = match draft.severity {
            Severity::Error => ("error", &mut self.summary.errors),
            Severity::Warning => ("warning", &mut self.summary.warnings),
        };
        *count += 1;
        self.findings.push(Finding {
            rule: draft.rule,
            severity,
            message: draft.message,
            platform: host.map(ToString::to_string),
            location: draft.file.map(|(path, from_top)| FileLocation { layer: from_top.and_then(layer), path }),
            notes: draft.notes.into_iter().map(|message| Note { message }).collect(),
            help: draft.help,
            url: Rule::named(draft.rule).map(Rule::url).unwrap_or_default(),
        });
    }

    pub(super) fn finish(&mut self) {
        self.unreadable.sort();
        self.unreadable.dedup();
    }

    /// The JSON form, indented, with a line break at its end.
    ///
    /// # Errors
    /// Never in practice: every part of it can be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

impl PlatformReport {
    pub(super) fn new(declared: Option<&Platform>, argv: &[String]) -> PlatformReport {
        PlatformReport {
            declared: declared.map(ToString::to_string),
            os: declared.map(|platform| platform.os.to_string()),
            contents: None,
            starts: None,
            argv: argv.to_vec(),
            chain: Vec::new(),
            outcome: None,
            why: None,
        }
    }

    pub(super) fn show(&mut self, prediction: &Prediction) {
        self.chain = prediction.chain.iter().map(ChainLink::of).collect();
        self.contents = match prediction.machine() {
            Some(Machine::Known(architecture)) => Some(Platform::new(Os::Linux, architecture).to_string()),
            _ => None,
        };
        let (starts, stage, errno, text) = match &prediction.outcome {
            Outcome::Starts => (true, "start", None, None),
            Outcome::Refused { errno, text, .. } => (false, "create", *errno, Some(text.clone())),
            Outcome::Fails { errno, text } => (false, "exec", Some(*errno), Some(text.clone())),
            Outcome::Unknown(reason) => {
                self.why = Some(reason.clone());
                return;
            }
        };
        self.starts = Some(starts);
        self.outcome = Some(OutcomeReport { stage, errno: errno.map(crate::exec::errno::Errno::name), text });
    }
}

impl ChainLink {
    fn of(step: &Step) -> ChainLink {
        let mut link =
            ChainLink { path: shown(&step.path), kind: "elf", interpreter: None, machine: None, loader: None };
        match &step.executable {
            Executable::Elf(elf) => {
                link.machine = Some(machine_name(elf.machine));
                if let Interpreter::Path(path) = &elf.interpreter {
                    link.loader = Some(shown(path));
                }
            }
            Executable::Script(script) => {
                link.kind = "script";
                if let Line::Interpreter { path, .. } = &script.line {
                    link.interpreter = Some(shown(path));
                }
            }
            Executable::Other(format) => link.kind = format.kind(),
        }
        link
    }
}

/// The machine as ELF names it, without `EM_`.
fn machine_name(machine: Machine) -> String {
    let name = |architecture: Architecture| {
        architecture.spelled(Dialect::Elf)?.strip_prefix("EM_").map(str::to_ascii_lowercase)
    };
    match machine {
        Machine::Known(architecture) => name(architecture).unwrap_or_default(),
        Machine::Other(number) => number.to_string(),
    }
}
