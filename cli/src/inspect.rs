//! `ecs-arch inspect`: finds the image that is named and shows what the core says of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ecs_arch_core::exec::command::Overrides;
use ecs_arch_core::files::Disk;
use ecs_arch_core::image::layout::{self, ArchiveKind, Images};
use ecs_arch_core::image::limits::Limits;
use ecs_arch_core::inspect::report::Inspection;
use ecs_arch_core::inspect::{Question, inspect, text};
use ecs_arch_core::platform::Platform;

use crate::output::Output;
use crate::{Format, key_and_value};

#[derive(Args)]
pub struct Arguments {
    /// `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:TAG]`, the path of one of these, or `-` for a stream from `docker save`
    image: String,
    /// The host's platform, such as `linux/arm64` [default: each platform of the image on a host of its own kind]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    platform: Option<Platform>,
    /// `entryPoint` of the container definition: a JSON list
    #[arg(long, value_name = "JSON", value_parser = words)]
    entrypoint: Option<Words>,
    /// `command` of the container definition: a JSON list
    #[arg(long, value_name = "JSON", value_parser = words)]
    command: Option<Words>,
    /// `user` of the container definition
    #[arg(long)]
    user: Option<String>,
    /// `workingDirectory` of the container definition
    #[arg(long, value_name = "PATH")]
    workdir: Option<String>,
    /// `environment` of the container definition
    #[arg(long, value_name = "NAME=VALUE", value_parser = key_and_value)]
    env: Vec<(String, String)>,
    /// Read every layer, also those that are not needed to say what starts
    #[arg(long, conflicts_with = "labels_only")]
    all_layers: bool,
    /// Read manifests and configurations only, no layer
    #[arg(long)]
    labels_only: bool,
    /// The largest layer that is read, in bytes after decompression [default: 100 times its compressed size, and 1 GiB more]
    #[arg(long, value_name = "BYTES")]
    max_layer_size: Option<u64>,
    /// The most entries that are read of a layer
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().entries)]
    max_entries: usize,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone)]
struct Words(Vec<String>);

fn words(text: &str) -> Result<Words, String> {
    serde_json::from_str(text)
        .map(Words)
        .map_err(|_| format!("`{text}` is not a JSON list of words, such as '[\"/bin/app\"]'"))
}

fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).map_err(|error| error.to_string())
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let mut limits = Limits { entries: arguments.max_entries, ..Limits::default() };
    if let Some(size) = arguments.max_layer_size {
        limits = Limits { layer: size, slack: size, ..limits };
    }
    let images = open(&arguments.image, &limits).map_err(|error| format!("`{}`: {error}", arguments.image))?;
    let question = Question {
        host: arguments.platform.clone(),
        overrides: Overrides {
            entrypoint: arguments.entrypoint.clone().map(|words| words.0),
            command: arguments.command.clone().map(|words| words.0),
            user: arguments.user.clone(),
            working_directory: arguments.workdir.clone(),
            environment: arguments.env.clone(),
        },
        all_layers: arguments.all_layers,
        metadata_only: arguments.labels_only,
    };
    let name = if arguments.image == "-" { "<standard input>" } else { &arguments.image };
    let inspection = inspect(&images, name, &question);
    show(&inspection, &arguments.output)?;
    for message in &inspection.unreadable {
        crate::output::complain(message);
    }
    Ok(if !inspection.unreadable.is_empty() {
        ExitCode::from(2)
    } else if inspection.summary.errors > 0 {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn show(inspection: &Inspection, output: &Output) -> Result<(), String> {
    output.write(&match output.format {
        Format::Text => text::text(inspection, output.text()),
        Format::Json => inspection.to_json().map_err(|error| error.to_string())?,
    })
}

/// Where the image is, by its name.
fn open(name: &str, limits: &Limits) -> Result<Images<'static>, String> {
    if name == "-" {
        return layout::stream(std::io::stdin().lock(), ArchiveKind::Either, None, limits)
            .map_err(|error| error.to_string());
    }
    for (prefix, kind) in [("docker-archive:", ArchiveKind::Docker), ("oci-archive:", ArchiveKind::Oci)] {
        if let Some(rest) = name.strip_prefix(prefix) {
            let (path, tag) = path_and_tag(rest);
            return archive(&path, kind, tag.as_deref(), limits);
        }
    }
    if let Some(rest) = name.strip_prefix("oci:") {
        let (path, tag) = path_and_tag(rest);
        return layout::directory(&Disk, &path, tag.as_deref(), limits).map_err(|error| error.to_string());
    }
    let path = Path::new(name);
    if path.is_dir() {
        return layout::directory(&Disk, path, None, limits).map_err(|error| error.to_string());
    }
    if path.exists() {
        return archive(path, ArchiveKind::Either, None, limits);
    }
    Err("there is no such file or directory; images in a registry can be saved first: `docker save IMAGE | ecs-arch inspect -`".to_owned())
}

fn archive(path: &Path, kind: ArchiveKind, tag: Option<&str>, limits: &Limits) -> Result<Images<'static>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if is_fifo(&metadata) && !path.starts_with("/dev/fd") {
        // Opening it would wait for a writer who may never come.
        return Err("it is a FIFO; read it through standard input: `ecs-arch inspect - < FIFO`".to_owned());
    }
    let file = File::open(path).map_err(cannot)?;
    if metadata.is_dir() {
        return Err("it is a directory; `oci:DIR` reads one".to_owned());
    }
    // A pipe can be read once.
    let images = if metadata.is_file() {
        layout::archive(Box::new(file), kind, tag, limits)
    } else {
        layout::stream(file, kind, tag, limits)
    };
    images.map_err(|error| error.to_string())
}

#[cfg(unix)]
fn is_fifo(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_fifo(_: &std::fs::Metadata) -> bool {
    false
}

/// `PATH:TAG`, where the path may have colons of its own.
fn path_and_tag(text: &str) -> (PathBuf, Option<String>) {
    let whole = PathBuf::from(text);
    if whole.exists() {
        return (whole, None);
    }
    // A tag may be a whole reference: `shop/web:1`.
    let split = text.match_indices(':').find(|(at, _)| Path::new(text.get(..*at).unwrap_or_default()).exists());
    match split {
        Some((at, _)) => (PathBuf::from(text.get(..at).unwrap_or_default()), text.get(at + 1..).map(str::to_owned)),
        None => (whole, None),
    }
}
