//! The platform of each stage, and the image that it starts from.
//!
//! Scopes are those of BuildKit: `ARG` before the first `FROM` is for `FROM` lines, and for stages that declare it again; the
//! automatic platform variables are there for `FROM` lines, and for stages that declare them.

use std::collections::BTreeMap;

use super::dockerfile::{Dockerfile, StepKind};
use super::words::{Word, expand};
use crate::platform::{Dialect, Platform};

/// What a build is told from outside.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `--platform`; `None` if it is not given, so that the machine that builds decides.
    pub target: Option<Platform>,
    /// `--build-arg`
    pub arguments: BTreeMap<String, String>,
}

/// What a stage is built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StagePlatform {
    /// What the build is for.
    Target,
    /// The machine that builds.
    BuildHost,
    /// This platform, whatever the build is for; the line that says so.
    Pinned(Platform, usize),
    /// It is not known, with the reason.
    Unknown(String),
}

/// One stage with its variables expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What it is built for.
    pub platform: StagePlatform,
    /// What it starts from.
    pub base: Base,
}

/// What a stage starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// An earlier stage, by its number.
    Stage(usize),
    /// An image, by its reference.
    Image(String),
    /// It is not known, with the reason.
    Unknown(String),
}

/// The automatic variables (BuildKit, "Automatic platform ARGs in the global scope").
pub(super) fn automatic(name: &str, surroundings: &Surroundings) -> Option<Word> {
    let (of_build, part) = match name.strip_prefix("BUILD") {
        Some(part) => (true, part),
        None => (false, name.strip_prefix("TARGET")?),
    };
    if !matches!(part, "PLATFORM" | "OS" | "ARCH" | "VARIANT") {
        return None;
    }
    if of_build {
        // Engines of Mac and Windows run Linux too.
        return Some(if part == "OS" { Word::Known("linux".to_owned()) } else { Word::BuildHost });
    }
    let Some(target) = &surroundings.target else { return Some(Word::BuildHost) };
    Some(Word::Known(match part {
        "PLATFORM" => target.to_string(),
        "OS" => target.os.to_string(),
        "ARCH" => target.architecture.spelled(Dialect::Oci).unwrap_or_default().to_owned(),
        _ => target.variant.clone().unwrap_or_default(),
    }))
}

/// Resolves every stage.
pub fn resolve(file: &Dockerfile, surroundings: &Surroundings) -> Vec<Resolved> {
    let globals = globals(file, surroundings);
    let lookup = |name: &str| globals.get(name).cloned().or_else(|| automatic(name, surroundings));
    let mut resolved: Vec<Resolved> = Vec::new();
    for (index, stage) in file.stages.iter().enumerate() {
        let base = match expand(&stage.base, file.escape, &lookup) {
            Word::Known(name) if name == "scratch" => Base::Scratch,
            Word::Known(name) => match file.stage_before(index, &name).filter(|_| name.parse::<usize>().is_err()) {
                Some(earlier) => Base::Stage(earlier),
                None => Base::Image(name),
            },
            Word::BuildHost => Base::Unknown("it depends on the machine that builds".to_owned()),
            Word::Unknown(reason) => Base::Unknown(reason),
        };
        let inherited = match base {
            Base::Stage(earlier) => resolved.get(earlier).map(|stage| stage.platform.clone()),
            _ => None,
        };
        // A stage that starts from another one has its platform, whatever is written (BuildKit, `dispatchState.init`).
        let platform = match (inherited, stage.platform.as_deref()) {
            (Some(inherited), _) => inherited,
            (None, None) => StagePlatform::Target,
            (None, Some(written)) => platform(written, stage.line, file, surroundings, &lookup),
        };
        resolved.push(Resolved { platform, base });
    }
    resolved
}

fn platform(
    written: &str,
    line: usize,
    file: &Dockerfile,
    surroundings: &Surroundings,
    lookup: &dyn Fn(&str) -> Option<Word>,
) -> StagePlatform {
    // Where the target is not given, it is the machine that builds all the same; what is written is what is meant.
    let mut names =
        written.trim_matches('"').trim_start_matches("${").trim_start_matches('$').trim_end_matches('}').to_owned();
    names.make_ascii_uppercase();
    let shadowed = file.global_arguments.iter().any(|argument| argument.name == names && argument.default.is_some());
    if written.contains('$')
        && names == "TARGETPLATFORM"
        && !shadowed
        && !surroundings.arguments.contains_key("TARGETPLATFORM")
    {
        return StagePlatform::Target;
    }
    match expand(written, file.escape, lookup) {
        Word::Known(text) if text.is_empty() => StagePlatform::Target,
        Word::Known(text) => match Platform::parse(&text) {
            Ok(platform) if Some(&platform) == surroundings.target.as_ref() && written.contains('$') => {
                StagePlatform::Target
            }
            Ok(platform) => StagePlatform::Pinned(platform, line),
            Err(error) => StagePlatform::Unknown(error.to_string()),
        },
        Word::BuildHost => StagePlatform::BuildHost,
        Word::Unknown(reason) => StagePlatform::Unknown(reason),
    }
}

/// The values of `ARG` before the first `FROM`: each may use those before it.
pub(super) fn globals(file: &Dockerfile, surroundings: &Surroundings) -> BTreeMap<String, Word> {
    let mut globals: BTreeMap<String, Word> = BTreeMap::new();
    for argument in &file.global_arguments {
        let value = match (surroundings.arguments.get(&argument.name), &argument.default) {
            (Some(given), _) => Some(Word::Known(given.clone())),
            (None, Some(default)) => {
                let lookup = |name: &str| globals.get(name).cloned().or_else(|| automatic(name, surroundings));
                Some(expand(default, file.escape, &lookup))
            }
            (None, None) => None,
        };
        if let Some(value) = value {
            globals.insert(argument.name.clone(), value);
        }
    }
    globals
}

/// The variables of a stage at its end: `ARG` and `ENV`, with those that it inherits from the stages it starts from.
///
/// What a base image sets is not known and not in here.
pub fn variables(
    file: &Dockerfile,
    resolved: &[Resolved],
    stage: usize,
    surroundings: &Surroundings,
) -> BTreeMap<String, Word> {
    let globals = globals(file, surroundings);
    let mut environment = match resolved.get(stage).map(|stage| &stage.base) {
        Some(Base::Stage(earlier)) if *earlier < stage => variables(file, resolved, *earlier, surroundings),
        _ => BTreeMap::new(),
    };
    let mut arguments: BTreeMap<String, Word> = BTreeMap::new();
    for step in file.stages.get(stage).map(|stage| stage.steps.as_slice()).unwrap_or_default() {
        let lookup = |name: &str| environment.get(name).or_else(|| arguments.get(name)).cloned();
        match &step.kind {
            StepKind::Argument(declared) => {
                let values: Vec<(String, Option<Word>)> = declared
                    .iter()
                    .map(|argument| {
                        let given = surroundings.arguments.get(&argument.name).cloned().map(Word::Known);
                        let default = || argument.default.as_ref().map(|default| expand(default, file.escape, &lookup));
                        let inherited =
                            || globals.get(&argument.name).cloned().or_else(|| automatic(&argument.name, surroundings));
                        (argument.name.clone(), given.or_else(default).or_else(inherited))
                    })
                    .collect();
                arguments.extend(values.into_iter().filter_map(|(name, value)| Some((name, value?))));
            }
            StepKind::Environment(pairs) => {
                let values: Vec<(String, Word)> =
                    pairs.iter().map(|(name, value)| (name.clone(), expand(value, file.escape, &lookup))).collect();
                environment.extend(values);
            }
            _ => {}
        }
    }
    arguments.extend(environment);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platforms(text: &str, target: Option<&str>) -> Vec<String> {
        let file = Dockerfile::parse(text).unwrap();
        let surroundings =
            Surroundings { target: target.map(|text| Platform::parse(text).unwrap()), arguments: BTreeMap::new() };
        let shown = |stage: &Resolved| match &stage.platform {
            StagePlatform::Target => "target".to_owned(),
            StagePlatform::BuildHost => "build host".to_owned(),
            StagePlatform::Pinned(platform, line) => format!("{platform} by line {line}"),
            StagePlatform::Unknown(_) => "unknown".to_owned(),
        };
        resolve(&file, &surroundings).iter().map(shown).collect()
    }

    #[test]
    fn a_stage_is_for_the_target_unless_it_says_otherwise() {
        let text = "FROM --platform=$BUILDPLATFORM golang AS build\nFROM build AS test\nFROM alpine\n";
        assert_eq!(platforms(text, Some("linux/arm64")), ["build host", "build host", "target"]);
        assert_eq!(platforms("FROM --platform=${TARGETPLATFORM} a\n", None), ["target"]);
        assert_eq!(platforms("FROM --platform=$TARGETPLATFORM a\n", Some("linux/arm64")), ["target"]);
        assert_eq!(platforms("FROM --platform=linux/$TARGETARCH a\n", Some("linux/arm64")), ["target"]);
        assert_eq!(platforms("FROM --platform=linux/$TARGETARCH a\n", None), ["build host"]);
    }

    #[test]
    fn a_constant_pins_a_stage_and_those_that_start_from_it() {
        let text = "FROM --platform=linux/amd64 node AS base\nFROM base\n";
        assert_eq!(platforms(text, Some("linux/arm64")), ["linux/amd64 by line 1", "linux/amd64 by line 1"]);
        let text = "ARG P=linux/amd64\nFROM --platform=$P node\n";
        assert_eq!(platforms(text, Some("linux/arm64")), ["linux/amd64 by line 2"]);
        assert_eq!(platforms("ARG P\nFROM --platform=$P node\n", None), ["target"]);
    }

    #[test]
    fn a_default_shadows_the_automatic_variable() {
        let text = "FROM a\nARG TARGETARCH=amd64\nARG TARGETOS\nENV ARCH=$TARGETARCH OS=$TARGETOS\n";
        let file = Dockerfile::parse(text).unwrap();
        let surroundings =
            Surroundings { target: Some(Platform::parse("linux/arm64").unwrap()), ..Surroundings::default() };
        let resolved = resolve(&file, &surroundings);
        let variables = variables(&file, &resolved, 0, &surroundings);
        assert_eq!(variables["ARCH"], Word::Known("amd64".to_owned()));
        assert_eq!(variables["OS"], Word::Known("linux".to_owned()));
    }

    #[test]
    fn bases_are_images_stages_or_nothing() {
        let text = "ARG V=3\nFROM alpine:${V} AS a\nFROM a\nFROM scratch\nFROM $NO${X?}\n";
        let file = Dockerfile::parse(text).unwrap();
        let bases: Vec<Base> = resolve(&file, &Surroundings::default()).into_iter().map(|stage| stage.base).collect();
        assert_eq!(bases[..3], [Base::Image("alpine:3".to_owned()), Base::Stage(0), Base::Scratch]);
        assert!(matches!(bases[3], Base::Unknown(_)));
    }
}
