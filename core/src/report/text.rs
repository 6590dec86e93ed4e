//! The form that a person reads in a terminal: findings as a compiler shows them, then the architecture map.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::{Finding, Location, Report, UnreadableFile, Verdict, Workload};
use crate::rules::Severity;

/// How the text is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Format {
    /// With ANSI colours.
    pub color: bool,
    /// Findings and summary only, without the map.
    pub quiet: bool,
}

/// The report as text.
pub fn text(report: &Report, format: Format) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        show_finding(&mut out, finding, format);
    }
    let mut show_place = |head: String, place: &UnreadableFile| {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        put(&mut out, &format!("{head}: {}\n  --> {}{line}\n\n", clean(&place.message), clean(&place.file)));
    };
    for unreadable in &report.unreadable {
        show_place(paint(red().bold(), "error", format), unreadable);
    }
    for unseen in &report.unseen {
        show_place(paint(blue().bold(), "note", format), unseen);
    }
    if !format.quiet {
        show_map(&mut out, report, format);
    }
    show_summary(&mut out, report, format);
    out
}

fn show_finding(out: &mut String, finding: &Finding, format: Format) {
    let (word, style) = match finding.severity {
        Severity::Error => ("error", red()),
        Severity::Warning => ("warning", yellow()),
    };
    let head = paint(style.bold(), &format!("{word}[{}]", finding.rule), format);
    let message = paint(Style::new().bold(), &clean(&finding.message), format);
    let whose = finding.construct_path.as_ref().unwrap_or(&finding.resource);
    let arrow = paint(blue(), "-->", format);
    put(out, &format!("{head}: {message}\n  {arrow} {} ({})\n", clean(whose), place(&finding.location)));
    for note in &finding.notes {
        let place =
            note.location.as_ref().map(|at| paint(dim(), &format!(" ({})", place(at)), format)).unwrap_or_default();
        put(out, &format!("   {} note: {}{place}\n", paint(blue(), "=", format), clean(&note.message)));
    }
    for help in &finding.help {
        let word = paint(green().bold(), "help", format);
        put(out, &format!("   {} {word}: {}\n", paint(blue(), "=", format), clean(help)));
    }
    let explain = paint(dim(), &format!("ecs-arch explain {}", finding.rule), format);
    put(out, &format!("   {} more: {explain}\n\n", paint(blue(), "=", format)));
}

fn place(location: &Location) -> String {
    format!("{}:{}", clean(&location.file), location.line)
}

/// One line per container: what it is built for, where it runs, and what follows.
fn show_map(out: &mut String, report: &Report, format: Format) {
    if report.workloads.is_empty() {
        put(out, "no ECS task definitions found\n\n");
        return;
    }
    let rows: Vec<[String; 4]> = report.workloads.iter().map(row).collect();
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [container_width, image_width, built_width, runs_width] = widths;
    let mut group = "";
    for (workload, [container, image, built, runs]) in report.workloads.iter().zip(&rows) {
        let task = workload.construct_path.as_ref().unwrap_or(&workload.resource);
        if task != group || group.is_empty() {
            let shown = task.strip_suffix("/Resource").unwrap_or(task);
            let shown =
                if task == &workload.resource { format!("{}/{shown}", workload.stack) } else { shown.to_owned() };
            put(out, &format!("{}\n", paint(Style::new().bold(), &clean(&shown), format)));
            group = task;
        }
        let (mark, word, style) = match workload.verdict {
            Verdict::Fails => ("x", "fails", red().bold()),
            Verdict::AtRisk => ("!", "at risk", yellow().bold()),
            Verdict::Runs => ("o", "runs", green()),
            Verdict::Unknown => ("?", "unknown", dim()),
        };
        put(
            out,
            &format!(
                "  {} {container:container_width$}  {image:image_width$}  {built:>built_width$} -> {runs:runs_width$}  {}\n",
                paint(style, mark, format),
                paint(style, word, format)
            ),
        );
        if let (Verdict::Unknown, Some(why)) = (workload.verdict, &workload.why) {
            put(out, &format!("      {}\n", paint(dim(), &clean(why), format)));
        }
    }
    put(out, "\n");
}

fn row(workload: &Workload) -> [String; 4] {
    let platforms = |known: &Option<Vec<String>>| match known.as_deref() {
        None | Some([]) => "?".to_owned(),
        Some(names) => clean(&names.join(", ")),
    };
    let image = match workload.image.strip_prefix("asset:") {
        Some(hash) => format!("asset {}", hash.get(..12).unwrap_or(hash)),
        None => workload.image.clone(),
    };
    let image: String = clean(&image).chars().take(60).collect();
    [clean(&workload.container), image, platforms(&workload.image_platforms), platforms(&workload.runs_on)]
}

fn show_summary(out: &mut String, report: &Report, format: Format) {
    let counts = report.summary.workloads;
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let style = if report.summary.errors > 0 || !report.unreadable.is_empty() {
        red().bold()
    } else if report.summary.warnings > 0 {
        yellow().bold()
    } else {
        green().bold()
    };
    let head = format!("{}, {}", count(report.summary.errors, "error"), count(report.summary.warnings, "warning"));
    put(
        out,
        &format!(
            "{}; {}: {} run, {} fail, {} at risk, {} unknown\n",
            paint(style, &head, format),
            count(report.workloads.len(), "container"),
            counts.runs,
            counts.fails,
            counts.at_risk,
            counts.unknown
        ),
    );
}

fn put(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = out.write_str(text);
}

pub(crate) fn paint(style: Style, text: &str, format: Format) -> String {
    if format.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

fn red() -> Style {
    AnsiColor::Red.on_default()
}

fn yellow() -> Style {
    AnsiColor::Yellow.on_default()
}

fn green() -> Style {
    AnsiColor::Green.on_default()
}

fn blue() -> Style {
    AnsiColor::Blue.on_default()
}

fn dim() -> Style {
    Style::new().dimmed()
}

/// Text from a template must not steer the terminal: control characters are written out.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || is_directional(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// Characters that reorder the text around them.
fn is_directional(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Options;
    use crate::check::testing::{report_of, task};

    #[test]
    fn a_failing_task_reads_like_a_compiler_error() {
        let report = report_of(&task("arm64v8/nginx", ""), &Options::default());
        let shown = text(&report, Format::default());
        assert!(
            shown.starts_with(
                "error[image-platform-mismatch]: container `web` is built for `linux/arm64`, but the task runs on `linux/amd64`\n"
            ),
            "{shown}"
        );
        assert!(shown.contains("  x web  arm64v8/nginx  linux/arm64 -> linux/amd64  fails\n"), "{shown}");
        assert!(shown.ends_with("1 error, 0 warnings; 1 container: 0 run, 1 fail, 0 at risk, 0 unknown\n"), "{shown}");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
    }
}
