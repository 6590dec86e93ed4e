//! Where a report goes and how it is coloured, the same for every command.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ecs_arch_core::report::text;

use crate::Format;

/// What every report can be told.
#[derive(Args)]
pub struct Output {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the report to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
    /// Findings and summary only
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Output {
    /// How the text form is made.
    pub fn text(&self) -> text::Format {
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                self.output.is_none() && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
            }
        };
        text::Format { color, quiet: self.quiet }
    }

    /// Writes the report where it is wanted.
    pub fn write(&self, shown: &str) -> Result<(), String> {
        match &self.output {
            Some(path) => {
                std::fs::write(path, shown).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
            }
            None => print(shown),
        }
    }
}

/// Prints to standard output; a reader that has gone away is no error.
pub fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("cannot print: {error}")),
        _ => Ok(()),
    }
}

/// Says on standard error what could not be done.
pub fn complain(message: &str) {
    let _ = writeln!(anstream::stderr(), "error: {}", text::clean(message));
}
