//! Reads an app from its files: manifests first, then every template and asset manifest in parallel, then nested stacks
//! wave by wave until there are no more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::docker_assets::{self, DockerAsset};
use super::manifest::{Artifact, Environment, Manifest};
use super::{App, Asset, Unit, Unreadable};
use crate::files::{Files, join_inside};
use crate::template::document::{Template, TemplateError};
use crate::template::foreach::Given;
use crate::template::node::Node;
use crate::template::value::{ResourceId, TemplateId};

/// How deeply stages, or nested stacks, may lie in each other.
const MAX_DEPTH: usize = 32;
/// How many templates an app may have.
const MAX_TEMPLATES: usize = 20_000;
/// How many assemblies one app may have: symbolic links can make a few look like many.
const MAX_ASSEMBLIES: usize = 2_000;

/// A template that is to be read.
struct Planned {
    path: PathBuf,
    file: String,
    stack: String,
    stack_name: Option<String>,
    environment: Environment,
    stage: usize,
    root: PathBuf,
    parent: Option<ResourceId>,
    /// What decides its loops.
    given: Given,
    /// Files of the templates that this one is nested in, to notice circles.
    ancestors: Vec<PathBuf>,
}

/// A file with container image assets that is to be read.
struct PlannedAssets {
    kind: AssetsFile,
    file: String,
    directory: PathBuf,
    root: PathBuf,
    stage: usize,
}

enum AssetsFile {
    Manifest(PathBuf),
    Metadata(PathBuf),
    Inline(Box<serde_json::value::RawValue>),
}

/// Reads the app at a path: an assembly's directory, its `manifest.json`, or a template.
///
/// What cannot be read is noted in [`App::unreadable`]; the rest of the app is still there.
pub fn load(files: &dyn Files, path: &Path) -> App {
    load_given(files, path, &BTreeMap::new())
}

/// Reads the app at a path as [`load`] does, with values that replace the defaults of parameters: they decide how often a
/// loop among the resources is written out.
pub fn load_given(files: &dyn Files, path: &Path, parameters: &BTreeMap<String, String>) -> App {
    let mut loading = Loading {
        files,
        given: Given { values: parameters.clone(), by_parent: Vec::new() },
        app: App::default(),
        planned: Vec::new(),
        assets: Vec::new(),
        stages: 0,
        directories: HashSet::new(),
    };
    let is_manifest = path.file_name().is_some_and(|name| name == "manifest.json");
    if files.is_directory(path) {
        loading.assembly(path, path, 0);
    } else if is_manifest {
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        loading.assembly(directory, directory, 0);
    } else {
        loading.template(path);
    }
    loading.finish()
}

/// Judges a template that is already in memory, as if it were read from a file of this name.
pub fn load_template(data: &[u8], name: &str, parameters: &BTreeMap<String, String>) -> App {
    let path = PathBuf::from(name);
    let memory = crate::files::Memory(BTreeMap::from([(path.clone(), data.to_vec())]));
    load_given(&memory, &path, parameters)
}

struct Loading<'f> {
    files: &'f dyn Files,
    given: Given,
    app: App,
    planned: Vec<Planned>,
    assets: Vec<PlannedAssets>,
    stages: usize,
    /// The assemblies that have been read.
    directories: HashSet<PathBuf>,
}

impl Loading<'_> {
    fn unreadable(&mut self, file: &str, line: Option<u32>, message: String) {
        self.app.unreadable.push(Unreadable { file: file.to_owned(), line, message });
    }

    fn template(&mut self, path: &Path) {
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        self.planned.push(Planned {
            file: path.display().to_string(),
            stack: name,
            stack_name: None,
            environment: Environment::default(),
            stage: 0,
            root: path.parent().map(Path::to_path_buf).unwrap_or_default(),
            parent: None,
            given: self.given.clone(),
            ancestors: Vec::new(),
            path: path.to_path_buf(),
        });
    }

    fn assembly(&mut self, root: &Path, directory: &Path, depth: usize) {
        let stage = self.stages;
        self.stages += 1;
        self.directories.insert(directory.to_path_buf());
        let path = directory.join("manifest.json");
        let shown = path.display().to_string();
        let data = match self.files.read(&path) {
            Ok(data) => data,
            Err(error) => {
                let hint =
                    if depth == 0 { "; run `cdk synth` and name its output directory, or name a template" } else { "" };
                return self.unreadable(
                    &shown,
                    None,
                    format!("cannot read the cloud assembly's manifest: {error}{hint}"),
                );
            }
        };
        let data = data.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(data);
        if data.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return self.unreadable(
                &shown,
                Some(1),
                "not a cloud assembly manifest: it is not a JSON object".to_owned(),
            );
        }
        let manifest: Manifest = match serde_json::from_slice(&data) {
            Ok(manifest) => manifest,
            Err(error) => {
                let line = u32::try_from(error.line()).ok().filter(|line| *line > 0);
                return self.unreadable(&shown, line, format!("not a cloud assembly manifest: {error}"));
            }
        };
        drop(data);
        let asset_manifests: HashSet<String> = manifest
            .artifacts
            .0
            .iter()
            .filter(|(_, artifact)| artifact.kind == "cdk:asset-manifest")
            .map(|(id, _)| id.clone())
            .collect();
        for (id, artifact) in manifest.artifacts.0 {
            match artifact.kind.as_str() {
                "aws:cloudformation:stack" => self.stack(root, directory, stage, &id, artifact, &asset_manifests),
                "cdk:asset-manifest" => {
                    let Some(file) = artifact.properties.file else {
                        self.unreadable(&shown, None, format!("asset manifest `{id}` names no file"));
                        continue;
                    };
                    if let Some(path) = self.inside(root, directory, &file, &shown) {
                        self.plan_assets(AssetsFile::Manifest(path.clone()), &path, root, directory, stage);
                    }
                }
                "cdk:cloud-assembly" => {
                    let Some(name) = artifact.properties.directory_name else {
                        self.unreadable(&shown, None, format!("nested assembly `{id}` names no directory"));
                        continue;
                    };
                    let Some(nested) = self.inside(root, directory, &name, &shown) else { continue };
                    if depth >= MAX_DEPTH || self.directories.contains(&nested) {
                        self.unreadable(
                            &shown,
                            None,
                            format!("nested assembly `{id}` leads to `{name}`, which is part of this app already"),
                        );
                        continue;
                    }
                    if self.directories.len() >= MAX_ASSEMBLIES {
                        let message =
                            format!("the app has more than {MAX_ASSEMBLIES} nested assemblies; `{id}` is not judged");
                        self.unreadable(&shown, None, message);
                        return;
                    }
                    self.assembly(root, &nested, depth + 1);
                }
                _ => {}
            }
        }
    }

    fn inside(&mut self, root: &Path, directory: &Path, relative: &str, named_by: &str) -> Option<PathBuf> {
        let path = join_inside(root, directory, relative);
        if path.is_none() {
            self.unreadable(named_by, None, format!("`{relative}` points outside of the cloud assembly"));
        }
        path
    }

    fn plan_assets(&mut self, kind: AssetsFile, path: &Path, root: &Path, directory: &Path, stage: usize) {
        let file = path.strip_prefix(root).unwrap_or(path).display().to_string();
        self.assets.push(PlannedAssets {
            kind,
            file,
            directory: directory.to_path_buf(),
            root: root.to_path_buf(),
            stage,
        });
    }

    fn stack(
        &mut self,
        root: &Path,
        directory: &Path,
        stage: usize,
        id: &str,
        artifact: Artifact,
        asset_manifests: &HashSet<String>,
    ) {
        let manifest = directory.join("manifest.json").display().to_string();
        let Some(template_file) = artifact.properties.template_file else {
            return self.unreadable(&manifest, None, format!("stack `{id}` names no template file"));
        };
        let Some(path) = self.inside(root, directory, &template_file, &manifest) else { return };
        if !artifact.dependencies.iter().any(|dependency| asset_manifests.contains(dependency)) {
            match (artifact.metadata, artifact.additional_metadata_file) {
                (Some(metadata), _) => {
                    self.plan_assets(
                        AssetsFile::Inline(metadata),
                        &directory.join("manifest.json"),
                        root,
                        directory,
                        stage,
                    );
                }
                (None, Some(file)) => {
                    if let Some(path) = self.inside(root, directory, &file, &manifest) {
                        self.plan_assets(AssetsFile::Metadata(path.clone()), &path, root, directory, stage);
                    }
                }
                (None, None) => {}
            }
        }
        self.planned.push(Planned {
            file: path.strip_prefix(root).unwrap_or(&path).display().to_string(),
            stack: artifact.display_name.unwrap_or_else(|| id.to_owned()),
            stack_name: Some(artifact.properties.stack_name.unwrap_or_else(|| id.to_owned())),
            environment: artifact.environment.as_deref().map(Environment::parse).unwrap_or_default(),
            stage,
            root: root.to_path_buf(),
            parent: None,
            given: self.given.clone(),
            ancestors: Vec::new(),
            path,
        });
    }

    fn finish(mut self) -> App {
        self.read_assets();
        let mut wave = std::mem::take(&mut self.planned);
        let mut units: Vec<(Unit, PathBuf, PathBuf, Vec<PathBuf>)> = Vec::new();
        while !wave.is_empty() {
            let files = self.files;
            let read = in_parallel(&wave, |planned| {
                let data =
                    files.read(&planned.path).map_err(|error| (None, format!("cannot read the template: {error}")))?;
                let template =
                    Template::parse_file(&data, &planned.path, &planned.given).map_err(|error| match &error {
                        TemplateError::Json(at) => (Some(at.line), error.to_string()),
                        TemplateError::Yaml(at) => (Some(at.line), error.to_string()),
                        TemplateError::Shape(_) => (None, error.to_string()),
                    })?;
                // A stack of the CDK may be empty; a file that was only named must look like a template.
                let is_named_only = planned.stack_name.is_none() && planned.parent.is_none();
                if is_named_only && !template.has_resources {
                    return Err((None, "not a CloudFormation template: it has no `Resources`".to_owned()));
                }
                Ok(template)
            });
            let first = units.len();
            for (planned, read) in std::mem::take(&mut wave).into_iter().zip(read) {
                match read {
                    Err((line, message)) => self.unreadable(&planned.file, line, message),
                    Ok(mut template) => {
                        for problem in std::mem::take(&mut template.problems) {
                            self.unreadable(&planned.file, Some(problem.line), problem.message);
                        }
                        for part in &template.unseen {
                            let (file, line) = (planned.file.clone(), Some(part.line));
                            self.app.unseen.push(Unreadable { file, line, message: part.message.clone() });
                        }
                        let id = TemplateId(units.len());
                        if let Some(parent) = &planned.parent
                            && let Some((unit, ..)) = units.get_mut(parent.template.0)
                        {
                            unit.nested.insert(parent.id.to_string(), id);
                        }
                        let unit = Unit {
                            template,
                            file: planned.file,
                            stack: planned.stack,
                            stack_name: planned.stack_name,
                            environment: planned.environment,
                            environment_id: 0,
                            directory: planned.path.parent().map(Path::to_path_buf).unwrap_or_default(),
                            root: planned.root.clone(),
                            stage: planned.stage,
                            parent: planned.parent,
                            nested: HashMap::new(),
                        };
                        units.push((unit, planned.path, planned.root, planned.ancestors));
                    }
                }
            }
            for index in first..units.len() {
                let Some((unit, path, root, ancestors)) = units.get(index) else { continue };
                let nested =
                    nested_stacks(TemplateId(index), unit, path, root, ancestors, &self.given, &mut self.app.unseen);
                for planned in nested {
                    match planned {
                        Ok(planned) if units.len() + wave.len() < MAX_TEMPLATES => wave.push(planned),
                        Ok(planned) => self.app.unreadable.push(Unreadable {
                            file: planned.file,
                            line: None,
                            message: format!("the app has more than {MAX_TEMPLATES} templates; this one is not judged"),
                        }),
                        Err(unreadable) => self.app.unreadable.push(unreadable),
                    }
                }
            }
        }
        let units = units.into_iter().map(|(unit, ..)| unit).collect();
        self.app.units = number_environments(in_report_order(units));
        self.app.unreadable.sort();
        self.app.unseen.sort();
        for (index, asset) in self.app.assets.iter().enumerate() {
            for destination in &asset.declared.destinations {
                self.app.assets_by_tag.entry(destination.tag.clone()).or_default().push(index);
            }
        }
        self.app
    }

    fn read_assets(&mut self) {
        let files = self.files;
        let planned = std::mem::take(&mut self.assets);
        let read = in_parallel(&planned, |assets| -> Result<Vec<DockerAsset>, String> {
            let read = |path: &Path| files.read(path).map_err(|error| format!("cannot read it: {error}"));
            let found = match &assets.kind {
                AssetsFile::Manifest(path) => docker_assets::from_asset_manifest(&read(path)?, &assets.file),
                AssetsFile::Metadata(path) => docker_assets::from_metadata(&read(path)?, &assets.file),
                AssetsFile::Inline(text) => docker_assets::from_metadata(text.get().as_bytes(), &assets.file),
            };
            found.map_err(|error| format!("not an asset manifest: {error}"))
        });
        for (assets, read) in planned.into_iter().zip(read) {
            match read {
                Ok(found) => self.app.assets.extend(found.into_iter().map(|declared| Asset {
                    declared,
                    directory: assets.directory.clone(),
                    root: assets.root.clone(),
                    stage: assets.stage,
                })),
                Err(message) => self.unreadable(&assets.file, None, message),
            }
        }
    }
}

/// The stacks that a template nests, as far as their templates are files of the app.
fn nested_stacks(
    id: TemplateId,
    unit: &Unit,
    path: &Path,
    root: &Path,
    ancestors: &[PathBuf],
    given: &Given,
    unseen: &mut Vec<Unreadable>,
) -> Vec<Result<Planned, Unreadable>> {
    let mut found = Vec::new();
    for resource in unit.template.resources.iter().filter(|resource| &*resource.kind == "AWS::CloudFormation::Stack") {
        let metadata = resource.node.get("Metadata");
        let url = resource.node.get("Properties").and_then(|properties| properties.get("TemplateURL"));
        let asset = metadata.and_then(|metadata| metadata.get("aws:asset:path")).and_then(Node::text);
        // A package that has not been uploaded yet names a file beside the template.
        let local = url.and_then(Node::text).filter(|url| !url.contains("://"));
        let Some(relative) = asset.or(local) else {
            unseen.push(Unreadable {
                file: unit.file.clone(),
                line: Some(resource.node.line),
                message: format!(
                    "the template of nested stack `{}` is not part of this app, and not judged",
                    resource.id
                ),
            });
            continue;
        };
        let directory = path.parent().unwrap_or_else(|| Path::new(""));
        let problem =
            |message: String| Err(Unreadable { file: unit.file.clone(), line: Some(resource.node.line), message });
        let Some(nested) = join_inside(root, directory, relative) else {
            found.push(problem(format!("nested stack `{}` points outside: `{relative}`", resource.id)));
            continue;
        };
        if nested == path || ancestors.contains(&nested) || ancestors.len() >= MAX_DEPTH {
            found.push(problem(format!("nested stack `{}` leads back into itself", resource.id)));
            continue;
        }
        let construct = metadata.and_then(|metadata| metadata.get("aws:cdk:path")).and_then(Node::text);
        let passed = resource.node.get("Properties").and_then(|properties| properties.get("Parameters"));
        let passed = passed.and_then(Node::members).unwrap_or_default();
        let by_parent = passed.iter().map(|(name, _)| name.to_string()).collect();
        let mut ancestors = ancestors.to_vec();
        ancestors.push(path.to_path_buf());
        found.push(Ok(Planned {
            file: nested.strip_prefix(root).unwrap_or(&nested).display().to_string(),
            stack: construct.map_or_else(|| format!("{}/{}", unit.stack, resource.id), nested_construct_path),
            stack_name: None,
            environment: unit.environment.clone(),
            stage: unit.stage,
            root: root.to_path_buf(),
            parent: Some(ResourceId { template: id, id: (*resource.id).into() }),
            given: Given { values: given.values.clone(), by_parent },
            ancestors,
            path: nested,
        }));
    }
    found
}

/// `Shop/Web.NestedStack/Web.NestedStackResource` is the resource of the nested stack `Shop/Web`.
fn nested_construct_path(resource: &str) -> String {
    let holder = resource.rsplit_once('/').map_or(resource, |(holder, _)| holder);
    holder.strip_suffix(".NestedStack").unwrap_or(holder).to_owned()
}

/// Puts nested stacks behind the stack they are in, and renumbers what refers to them.
fn in_report_order(units: Vec<Unit>) -> Vec<Unit> {
    let mut order = Vec::with_capacity(units.len());
    let mut waiting: Vec<usize> =
        (0..units.len()).rev().filter(|i| units.get(*i).is_some_and(|u| u.parent.is_none())).collect();
    while let Some(index) = waiting.pop() {
        order.push(index);
        let Some(unit) = units.get(index) else { continue };
        let mut nested: Vec<(&String, usize)> = unit.nested.iter().map(|(name, id)| (name, id.0)).collect();
        nested.sort_unstable_by(|a, b| b.cmp(a));
        waiting.extend(nested.into_iter().map(|(_, index)| index));
    }
    let new_ids: HashMap<usize, TemplateId> =
        order.iter().enumerate().map(|(new, old)| (*old, TemplateId(new))).collect();
    let mut placed: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(order.len());
    for old in order {
        let Some(mut unit) = placed.get_mut(old).and_then(Option::take) else { continue };
        if let Some(parent) = &mut unit.parent
            && let Some(new) = new_ids.get(&parent.template.0)
        {
            parent.template = *new;
        }
        for nested in unit.nested.values_mut() {
            if let Some(new) = new_ids.get(&nested.0) {
                *nested = *new;
            }
        }
        ordered.push(unit);
    }
    ordered
}

/// Stacks without a known environment share one only within their stage.
fn number_environments(mut units: Vec<Unit>) -> Vec<Unit> {
    let mut numbers: HashMap<(Environment, Option<usize>), usize> = HashMap::new();
    for unit in &mut units {
        let known = unit.environment.account.is_some() && unit.environment.region.is_some();
        let key = (unit.environment.clone(), (!known).then_some(unit.stage));
        let next = numbers.len();
        unit.environment_id = *numbers.entry(key).or_insert(next);
    }
    units
}

/// Maps over a slice on all processors; on a platform without threads, on this one.
fn in_parallel<T: Sync, R: Send>(work: &[T], map: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(work.len());
    if workers <= 1 {
        return work.iter().map(map).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(work.len()));
    let run = || {
        let mut mine = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            work.get(index).map(|item| (index, item))
        } {
            mine.push((index, map(item)));
        }
        done.lock().unwrap_or_else(PoisonError::into_inner).append(&mut mine);
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            // Where no thread can be had, the loop below does all the work.
            let _ = std::thread::Builder::new().spawn_scoped(scope, run);
        }
        run();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
