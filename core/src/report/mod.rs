//! The report: findings and workloads, and the forms in which they are shown. Every form is a pure function of one value.

pub mod text;

use serde::{Serialize, Serializer};

use crate::assembly::{App, Unreadable};
use crate::rules::Severity;

/// The schema of the JSON form.
pub const SCHEMA: u32 = 1;

/// Everything that a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Who made the report.
    pub tool: Tool,
    /// Counts.
    pub summary: Summary,
    /// Every container of every task, in the order of stacks and logical ids.
    pub workloads: Vec<Workload>,
    /// What is wrong, likewise.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub unreadable: Vec<UnreadableFile>,
    /// What was not judged, because it is written elsewhere.
    pub unseen: Vec<UnreadableFile>,
}

/// Name and version of this tool.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Tool {
    /// `ecs-arch`
    pub name: &'static str,
    /// The version of this crate.
    pub version: &'static str,
}

/// Counts of findings and workloads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Findings of error severity.
    pub errors: usize,
    /// Findings of warning severity.
    pub warnings: usize,
    /// Workloads by verdict.
    pub workloads: Verdicts,
}

/// Workloads by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdicts {
    /// Will start.
    pub runs: usize,
    /// Will not.
    pub fails: usize,
    /// May not.
    pub at_risk: usize,
    /// Not known.
    pub unknown: usize,
}

/// What is said of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// An error concerns it.
    Fails,
    /// A warning concerns it.
    AtRisk,
    /// Everything that is needed is known, and it starts.
    Runs,
    /// Something that is needed is not known.
    Unknown,
}

/// One container of one task definition.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// What is said of it.
    pub verdict: Verdict,
    /// Construct path of the stack.
    pub stack: String,
    /// Logical id of the task definition.
    pub resource: String,
    /// Construct path of the task definition.
    pub construct_path: Option<String>,
    /// The container's name.
    pub container: String,
    /// Whether the task stops with it.
    pub essential: bool,
    /// `asset:…`, or the reference.
    pub image: String,
    /// What the image is built for.
    pub image_platforms: Option<Vec<String>>,
    /// Every platform it may land on.
    pub runs_on: Option<Vec<String>>,
    /// The problem, or why the verdict is unknown.
    pub why: Option<String>,
    /// Numbers of the findings that concern it.
    pub findings: Vec<usize>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is.
    #[serde(serialize_with = "severity")]
    pub severity: Severity,
    /// The problem in one line.
    pub message: String,
    /// Construct path of the stack whose resource must change.
    pub stack: String,
    /// Logical id of that resource.
    pub resource: String,
    /// Construct path of that resource.
    pub construct_path: Option<String>,
    /// The container, where it is about one.
    pub container: Option<String>,
    /// The place.
    pub location: Location,
    /// The facts behind it.
    pub notes: Vec<Note>,
    /// The ways out.
    pub help: Vec<String>,
    /// The rule's documentation.
    pub url: String,
}

/// A place in a file of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Relative to the assembly; a bare template as it was named.
    pub file: String,
    /// JSON pointer.
    pub pointer: String,
    /// From 1.
    pub line: u32,
}

/// A fact and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The fact.
    pub message: String,
    /// Where it stands, if it stands in the app.
    pub location: Option<Location>,
}

/// A file, or a part of one, that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadableFile {
    /// The file.
    pub file: String,
    /// From 1, where it is known.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
}

fn severity<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    })
}

impl Report {
    /// A report with its counts.
    pub fn new(workloads: Vec<Workload>, findings: Vec<Finding>, app: &App) -> Report {
        let shown = |places: &[Unreadable]| {
            let places = places.iter().cloned();
            places.map(|Unreadable { file, line, message }| UnreadableFile { file, line, message }).collect()
        };
        let mut report = Report {
            schema: SCHEMA,
            tool: Tool { name: "ecs-arch", version: env!("CARGO_PKG_VERSION") },
            summary: Summary::default(),
            workloads,
            findings,
            unreadable: shown(&app.unreadable),
            unseen: shown(&app.unseen),
        };
        report.count();
        report
    }

    /// Puts the reports on several apps together, in their order.
    pub fn merged(reports: impl IntoIterator<Item = Report>) -> Report {
        let mut merged = Report::new(Vec::new(), Vec::new(), &App::default());
        for mut report in reports {
            let offset = merged.findings.len();
            for index in report.workloads.iter_mut().flat_map(|workload| &mut workload.findings) {
                *index += offset;
            }
            merged.workloads.append(&mut report.workloads);
            merged.findings.append(&mut report.findings);
            merged.unreadable.append(&mut report.unreadable);
            merged.unseen.append(&mut report.unseen);
        }
        merged.count();
        merged
    }

    fn count(&mut self) {
        let severity = |wanted| self.findings.iter().filter(|finding| finding.severity == wanted).count();
        let verdict = |wanted| self.workloads.iter().filter(|workload| workload.verdict == wanted).count();
        self.summary = Summary {
            errors: severity(Severity::Error),
            warnings: severity(Severity::Warning),
            workloads: Verdicts {
                runs: verdict(Verdict::Runs),
                fails: verdict(Verdict::Fails),
                at_risk: verdict(Verdict::AtRisk),
                unknown: verdict(Verdict::Unknown),
            },
        };
    }

    /// The JSON form, indented, with a line break at its end.
    ///
    /// # Errors
    /// Never in practice: every part of a report can be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}
