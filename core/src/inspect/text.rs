//! The form of an inspection that a person reads in a terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::report::{ChainLink, Finding, Inspection, PlatformReport};
use crate::report::text::{Format, clean, paint};

/// The inspection as text.
pub fn text(inspection: &Inspection, format: Format) -> String {
    let mut out = String::new();
    for finding in &inspection.findings {
        show_finding(&mut out, finding, format);
    }
    for unreadable in &inspection.unreadable {
        put(
            &mut out,
            &format!("{}: {}\n\n", paint(AnsiColor::Red.on_default().bold(), "error", format), clean(unreadable)),
        );
    }
    if !format.quiet {
        put(&mut out, &format!("{}\n", paint(Style::new().bold(), &clean(&inspection.image), format)));
        for platform in &inspection.platforms {
            show_platform(&mut out, platform, format);
        }
        put(&mut out, "\n");
    }
    show_summary(&mut out, inspection, format);
    out
}

fn show_finding(out: &mut String, finding: &Finding, format: Format) {
    let style = if finding.severity == "error" { AnsiColor::Red } else { AnsiColor::Yellow }.on_default().bold();
    let bar = paint(AnsiColor::Blue.on_default(), "=", format);
    let head = paint(style, &format!("{}[{}]", finding.severity, finding.rule), format);
    put(out, &format!("{head}: {}\n", paint(Style::new().bold(), &clean(&finding.message), format)));
    if let Some(location) = &finding.location {
        let layer =
            location.layer.as_ref().map(|layer| format!(" (layer {})", clean(&short(layer)))).unwrap_or_default();
        put(
            out,
            &format!("  {} {}{layer}\n", paint(AnsiColor::Blue.on_default(), "-->", format), clean(&location.path)),
        );
    }
    for note in &finding.notes {
        put(out, &format!("   {bar} note: {}\n", clean(&note.message)));
    }
    for help in &finding.help {
        let word = paint(AnsiColor::Green.on_default().bold(), "help", format);
        put(out, &format!("   {bar} {word}: {}\n", clean(help)));
    }
    let explain = paint(Style::new().dimmed(), &format!("ecs-arch explain {}", finding.rule), format);
    put(out, &format!("   {bar} more: {explain}\n\n"));
}

fn show_platform(out: &mut String, platform: &PlatformReport, format: Format) {
    let (mark, word, style) = match platform.starts {
        Some(true) => ("o", "starts", AnsiColor::Green.on_default()),
        Some(false) => ("x", "fails", AnsiColor::Red.on_default().bold()),
        None => ("?", "unknown", Style::new().dimmed()),
    };
    let declared = platform.declared.as_deref().unwrap_or("no platform that is known");
    let contents = match &platform.contents {
        Some(contents)
            if platform.declared.as_ref().is_some_and(|declared| !declared.starts_with(contents.as_str())) =>
        {
            format!(", holds {contents}")
        }
        _ => String::new(),
    };
    let mark = paint(style, mark, format);
    put(out, &format!("  {mark} {}{}  {}\n", clean(declared), clean(&contents), paint(style, word, format)));
    if !platform.argv.is_empty() {
        put(out, &format!("      {}\n", clean(&command_line(&platform.argv))));
    }
    for link in &platform.chain {
        put(out, &format!("      {} {}\n", paint(Style::new().dimmed(), "->", format), clean(&chain_link(link))));
    }
    if let Some(text) = platform.outcome.as_ref().and_then(|outcome| outcome.text.as_ref()) {
        put(out, &format!("      {}\n", paint(style, &clean(text), format)));
    }
    if let Some(why) = &platform.why {
        put(out, &format!("      {}\n", paint(Style::new().dimmed(), &clean(why), format)));
    }
}

/// The words as they would be typed, at most a line of them.
fn command_line(argv: &[String]) -> String {
    let quoted = |word: &String| {
        let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c));
        if plain { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    let line = argv.iter().map(quoted).collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(100).collect();
    if short.len() == line.len() { line } else { format!("{short}…") }
}

fn chain_link(link: &ChainLink) -> String {
    let mut text = format!("{}: ", link.path);
    match (link.kind, &link.machine) {
        ("elf", Some(machine)) => text += &format!("program for {machine}"),
        (kind, _) => text += kind,
    }
    if let Some(interpreter) = &link.interpreter {
        text += &format!(", interpreted by {interpreter}");
    }
    if let Some(loader) = &link.loader {
        text += &format!(", loaded by {loader}");
    }
    text
}

fn short(digest: &str) -> String {
    match digest.strip_prefix("sha256:") {
        Some(hex) => hex.chars().take(12).collect(),
        None => digest.to_owned(),
    }
}

fn show_summary(out: &mut String, inspection: &Inspection, format: Format) {
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let style = if inspection.summary.errors > 0 || !inspection.unreadable.is_empty() {
        AnsiColor::Red
    } else if inspection.summary.warnings > 0 {
        AnsiColor::Yellow
    } else {
        AnsiColor::Green
    };
    let counts =
        format!("{}, {}", count(inspection.summary.errors, "error"), count(inspection.summary.warnings, "warning"));
    let starting = inspection.platforms.iter().filter(|platform| platform.starts == Some(true)).count();
    put(
        out,
        &format!(
            "{}; {} of {} {}\n",
            paint(style.on_default().bold(), &counts, format),
            starting,
            count(inspection.platforms.len(), "platform"),
            if inspection.platforms.len() == 1 { "starts" } else { "start" }
        ),
    );
}

fn put(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = out.write_str(text);
}
