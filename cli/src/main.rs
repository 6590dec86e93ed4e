//! The command `ecs-arch`: a thin shell around the core. It reads arguments and files, prints, and sets the exit status.

mod inspect;
mod output;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ecs_arch_core::assembly;
use ecs_arch_core::check::{self, Options};
use ecs_arch_core::files::Disk;
use ecs_arch_core::lock::Lock;
use ecs_arch_core::platform::{Architecture, Dialect};
use ecs_arch_core::report::{self, Report};
use ecs_arch_core::rules::{ContainerTool, RULES, Rule, Settings};

use output::{Output, complain, print};

/// Finds the containers of an Amazon ECS app that would die of `exec format error`, before they are deployed.
#[derive(Parser)]
#[command(name = "ecs-arch", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a cloud assembly (`cdk.out`) or a CloudFormation template
    Check(CheckArguments),
    /// Say what an image really holds, and whether it starts
    Inspect(inspect::Arguments),
    /// List the rules
    Rules {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Explain a rule: what it finds, why that fails, how to fix it
    Explain {
        /// The rule's name, such as `image-platform-mismatch`
        rule: String,
    },
}

#[derive(Args)]
struct CheckArguments {
    /// A cloud assembly's directory, or a template in JSON or YAML; `-` reads a template from standard input
    #[arg(default_value = "cdk.out")]
    paths: Vec<PathBuf>,
    /// The facts file about images and clusters outside of the app [default: ecs-arch.lock.json, if it is there]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Fail on more than errors
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Vec<Deny>,
    /// The value of a CloudFormation parameter
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    parameter: Vec<(String, String)>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings too
    Warnings,
    /// Containers whose verdict is unknown too
    Unknown,
}

/// The forms of a report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.command {
        Command::Check(arguments) => check(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Rules { json } => rules(*json),
        Command::Explain { rule } => explain(rule),
    };
    outcome.unwrap_or_else(|message| {
        complain(&message);
        ExitCode::from(2)
    })
}

fn check(arguments: &CheckArguments) -> Result<ExitCode, String> {
    let options = Options {
        parameters: arguments.parameter.iter().cloned().collect::<BTreeMap<_, _>>(),
        lock: read_lock(arguments.lock.as_deref())?,
        settings: Settings {
            host_architecture: Architecture::parse(Dialect::Rust, std::env::consts::ARCH).ok(),
            container_tool: container_tool(),
        },
    };
    let mut reports = Vec::new();
    for path in &arguments.paths {
        let app = if path.as_os_str() == "-" {
            let mut data = Vec::new();
            std::io::stdin().read_to_end(&mut data).map_err(|error| format!("cannot read standard input: {error}"))?;
            assembly::load_template(&data, "<standard input>", &options.parameters)
        } else {
            assembly::load_given(&Disk, path, &options.parameters)
        };
        reports.push(check::check(&app, &Disk, &options));
    }
    let report = Report::merged(reports);
    show(&report, &arguments.output)?;
    for unreadable in &report.unreadable {
        let line = unreadable.line.map(|line| format!(":{line}")).unwrap_or_default();
        complain(&format!("{}{line}: {}", unreadable.file, unreadable.message));
    }
    let denied = |what| arguments.deny.contains(&what);
    Ok(if !report.unreadable.is_empty() {
        ExitCode::from(2)
    } else if report.summary.errors > 0
        || denied(Deny::Warnings) && report.summary.warnings > 0
        || denied(Deny::Unknown) && (report.summary.workloads.unknown > 0 || !report.unseen.is_empty())
    {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn read_lock(named: Option<&Path>) -> Result<Option<Lock>, String> {
    let path = named.unwrap_or_else(|| Path::new("ecs-arch.lock.json"));
    if named.is_none() && !path.exists() {
        return Ok(None);
    }
    Lock::read(&Disk, path).map(Some).map_err(|error| error.to_string())
}

/// The CDK builds images with what `CDK_DOCKER` names.
fn container_tool() -> ContainerTool {
    let named = std::env::var_os("CDK_DOCKER").map(PathBuf::from);
    match named.as_deref().and_then(Path::file_stem) {
        Some(name) if name == "finch" => ContainerTool::Finch,
        _ => ContainerTool::Docker,
    }
}

fn show(report: &Report, output: &Output) -> Result<(), String> {
    output.write(&match output.format {
        Format::Text => report::text::text(report, output.text()),
        Format::Json => report.to_json().map_err(|error| error.to_string())?,
    })
}

fn rules(json: bool) -> Result<ExitCode, String> {
    let shown = if json {
        let rules: Vec<_> = RULES
            .iter()
            .map(|rule| serde_json::json!({ "name": rule.name, "summary": rule.summary(), "url": rule.url() }))
            .collect();
        serde_json::to_string_pretty(&rules).map_err(|error| error.to_string())? + "\n"
    } else {
        let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
        RULES.iter().map(|rule| format!("{:width$}  {}\n", rule.name, rule.summary())).collect()
    };
    print(&shown)?;
    Ok(ExitCode::SUCCESS)
}

fn explain(name: &str) -> Result<ExitCode, String> {
    let name = name.strip_prefix("ecs-arch::").unwrap_or(name);
    let name = name.split('[').next().unwrap_or(name);
    match Rule::named(name) {
        Some(rule) => print(&rule.documentation()).map(|()| ExitCode::SUCCESS),
        None => Err(format!("there is no rule `{name}`; `ecs-arch rules` lists them")),
    }
}
