//! The core for Node.js: JSON in, JSON out. No logic lives here.
//!
//! Every function catches panics and throws them as JavaScript errors, so that a mistake in the core cannot end the process.

#![allow(unsafe_code, reason = "the code that `napi` generates registers functions with Node.js")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use ecs_arch_core::assembly;
use ecs_arch_core::capacity::instance_type;
use ecs_arch_core::check::{self, Options};
use ecs_arch_core::files::Disk;
use ecs_arch_core::lock::Lock;
use ecs_arch_core::platform::{Architecture, Dialect};
use ecs_arch_core::report::Report;
use ecs_arch_core::rules::{ContainerTool, RULES, Settings};
use napi::{Error, Result};
use napi_derive::napi;
use serde::Deserialize;

/// What is asked of [`check`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    /// Cloud assemblies or templates.
    paths: Vec<PathBuf>,
    /// The lock file, if there is one.
    #[serde(default)]
    lock: Option<PathBuf>,
    /// Parameter values.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// `x86_64` or `arm64`.
    #[serde(default)]
    host_architecture: Option<String>,
    /// `docker` or `finch`.
    #[serde(default)]
    container_tool: Option<String>,
}

/// The version of the core.
#[napi(catch_unwind)]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Judges cloud assemblies or templates; takes a request and gives a report, both as JSON text.
///
/// # Errors
/// Where the request is not understood, or the lock file cannot be read. What cannot be read of an app is in the report.
#[napi(catch_unwind)]
#[allow(clippy::needless_pass_by_value, reason = "Node.js hands over a string of our own")]
pub fn check(request: String) -> Result<String> {
    let request: Request = serde_json::from_str(&request)
        .map_err(|error| Error::from_reason(format!("the request is not understood: {error}")))?;
    let lock = match &request.lock {
        None => None,
        Some(path) => Some(Lock::read(&Disk, path).map_err(|error| Error::from_reason(error.to_string()))?),
    };
    let options = Options {
        parameters: request.parameters,
        lock,
        settings: Settings {
            host_architecture: request.host_architecture.and_then(|name| Architecture::parse(Dialect::Ec2, &name).ok()),
            container_tool: match request.container_tool.as_deref() {
                Some("finch") => ContainerTool::Finch,
                _ => ContainerTool::Docker,
            },
        },
    };
    let judged =
        |path: &PathBuf| check::check(&assembly::load_given(&Disk, path, &options.parameters), &Disk, &options);
    let reports = request.paths.iter().map(judged);
    serde_json::to_string(&Report::merged(reports)).map_err(|error| Error::from_reason(error.to_string()))
}

/// The architecture of an EC2 instance type: `x86_64`, `arm64`, or null for what is not one.
#[napi(catch_unwind)]
#[allow(clippy::needless_pass_by_value, reason = "Node.js hands over a string of our own")]
pub fn architecture_of_instance_type(name: String) -> Option<String> {
    instance_type::architecture(&name)?.spelled(Dialect::Ec2).map(str::to_owned)
}

/// The rules as JSON text: an array of objects with `name` and `summary`.
///
/// # Errors
/// Never in practice: the rules can be written as JSON.
#[napi(catch_unwind)]
pub fn rules() -> Result<String> {
    let rules: Vec<_> =
        RULES.iter().map(|rule| serde_json::json!({ "name": rule.name, "summary": rule.summary() })).collect();
    serde_json::to_string(&rules).map_err(|error| Error::from_reason(error.to_string()))
}
