//! What the Dockerfile of a build says about platforms, where it is part of the app.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::environment::Machine;
use super::shell::Reader;
use super::work::names_architecture;
use crate::assembly::docker_assets::Source;
use crate::assembly::{Asset, Unit};
use crate::build::dockerfile::{Dockerfile, StepKind};
use crate::build::stages::{self, Base, StagePlatform, Surroundings};
use crate::files::{Files, join_inside};
use crate::platform::Platform;

/// How large a Dockerfile may be that is looked at.
const MAX_DOCKERFILE: usize = 1 << 20;

/// A Dockerfile with what its build is told.
pub struct Recipe {
    file: Dockerfile,
    target: Option<String>,
    arguments: BTreeMap<String, String>,
}

/// Whether an image is for the platform that its build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// It is.
    Yes,
    /// It is, unless its base image is for one platform only.
    Perhaps,
    /// Something else decides, or may.
    No,
}

/// Where base images come from that are published for every platform alike, under one name.
const PUBLIC: &[&str] = &[
    "library/",
    "public.ecr.aws/docker/library/",
    "public.ecr.aws/amazonlinux/",
    "public.ecr.aws/amazoncorretto/",
    "public.ecr.aws/lambda/",
    "public.ecr.aws/nginx/",
    "public.ecr.aws/ubuntu/",
    "mcr.microsoft.com/",
    "gcr.io/distroless/",
];

fn is_public(image: &str) -> bool {
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    !name.contains('/') || PUBLIC.iter().any(|prefix| name.starts_with(prefix))
}

impl Recipe {
    /// The Dockerfile of an asset; `None` where it cannot be read.
    pub fn of_asset(files: &dyn Files, asset: &Asset) -> Option<Recipe> {
        let Source::Directory { directory, options, .. } = &asset.declared.source else { return None };
        let directory = join_inside(&asset.root, &asset.directory, directory)?;
        let file = read(files, &asset.root, &directory, options.file.as_deref())?;
        Some(Recipe { file, target: options.target.clone(), arguments: options.arguments.clone() })
    }

    /// The Dockerfile in a directory that the CDK has staged under its hash; `source` ends in the archive's name, and `command`
    /// is the one that builds it.
    pub fn of_staged(files: &dyn Files, unit: &Unit, source: &str, command: &str) -> Option<Recipe> {
        let hash = source.rsplit('/').next()?.strip_suffix(".zip")?;
        let staged = format!("asset.{hash}");
        let places: [PathBuf; 2] =
            [join_inside(&unit.root, &unit.directory, &staged)?, join_inside(&unit.root, &unit.root, &staged)?];
        let words: Vec<String> =
            Reader::default().commands(command).into_iter().flat_map(|c| c.words).map(|word| word.text).collect();
        let mut recipe_file = None;
        let mut target = None;
        let mut arguments = BTreeMap::new();
        for (option, value) in words.iter().zip(words.iter().skip(1)) {
            match option.as_str() {
                "--file" => recipe_file = Some(value.clone()),
                "--target" => target = Some(value.clone()),
                "--build-arg" => {
                    arguments.extend(value.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
                }
                _ => {}
            }
        }
        let file = places.iter().find_map(|place| read(files, &unit.root, place, recipe_file.as_deref()))?;
        Some(Recipe { file, target, arguments })
    }

    /// The stages as a build for these platforms resolves them, and the one that it makes.
    fn stages(&self, platforms: &[Platform]) -> (Vec<stages::Resolved>, Option<usize>) {
        let surroundings = Surroundings { target: platforms.first().cloned(), arguments: self.arguments.clone() };
        (stages::resolve(&self.file, &surroundings), self.file.target(self.target.as_deref()))
    }

    /// Whether the image is for the platform that its build is for, as far as the file says.
    pub fn follows(&self, platforms: &[Platform]) -> Follows {
        let (stages, mut at) = self.stages(platforms);
        for _ in 0..=stages.len() {
            let Some(stage) = at.and_then(|at| stages.get(at)) else { return Follows::No };
            if !matches!(stage.platform, StagePlatform::Target | StagePlatform::BuildHost) {
                return Follows::No;
            }
            match &stage.base {
                Base::Scratch => return Follows::Yes,
                Base::Stage(earlier) => at = Some(*earlier),
                // A digest, or a name that speaks of an architecture, may be an image of one platform only.
                Base::Image(name) if name.contains('@') || name.ends_with(':') || names_architecture(name) => {
                    return Follows::No;
                }
                Base::Image(name) if is_public(name) => return Follows::Yes,
                Base::Image(_) => return Follows::Perhaps,
                Base::Unknown(_) => return Follows::No,
            }
        }
        Follows::No
    }

    /// Whether the build runs programs that the machine cannot run: `RUN` in a stage for another platform.
    pub fn runs_foreign(&self, platforms: &[Platform], machine: Machine) -> bool {
        let (stages, made) = self.stages(platforms);
        let mut waiting: Vec<usize> = made.into_iter().collect();
        let mut seen = HashSet::new();
        while let Some(index) = waiting.pop() {
            let (Some(stage), Some(resolved)) = (self.file.stages.get(index), stages.get(index)) else { continue };
            if !seen.insert(index) {
                continue;
            }
            let foreign = match &resolved.platform {
                StagePlatform::Target => platforms.iter().any(|platform| !machine.runs(platform)),
                StagePlatform::Pinned(platform, _) => !machine.runs(platform),
                StagePlatform::BuildHost | StagePlatform::Unknown(_) => false,
            };
            for step in &stage.steps {
                match &step.kind {
                    StepKind::Run(_) if foreign => return true,
                    StepKind::Copy(copy) => {
                        waiting.extend(copy.from.as_deref().and_then(|from| self.file.stage_before(index, from)));
                    }
                    _ => {}
                }
            }
            if let Base::Stage(earlier) = resolved.base {
                waiting.push(earlier);
            }
        }
        false
    }
}

fn read(files: &dyn Files, root: &Path, directory: &Path, name: Option<&str>) -> Option<Dockerfile> {
    let path = join_inside(root, directory, name.unwrap_or("Dockerfile"))?;
    let data = files.read(&path).ok().filter(|data| data.len() <= MAX_DOCKERFILE)?;
    Dockerfile::parse(&String::from_utf8(data).ok()?).ok()
}
