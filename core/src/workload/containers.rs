//! The containers of a task definition and the images they name.

use super::contents::{Contents, Start};
use super::{Build, Container, Context, Image, Platforms};
use crate::assembly::Asset;
use crate::assembly::docker_assets::Source;
use crate::codebuild::Origin;
use crate::exec::command::Overrides;
use crate::files::join_inside;
use crate::image::reference;
use crate::platform::{BuildPlatform, Platform};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{Expression, Part, Resolved, Symbol, Value};

/// The containers, and the reason why they are not all known, if so.
pub(super) fn read<'a>(context: &Context<'a>, placed: &Placed<'a>) -> (Vec<Container<'a>>, Option<String>) {
    let evaluator = context.evaluator;
    if super::is_express(placed) {
        let container = evaluator.property(placed, &["PrimaryContainer"]);
        let Value::Object(object) = &container.value else {
            return (
                Vec::new(),
                Some(container.reason().unwrap_or_else(|| "the container is not an object".to_owned())),
            );
        };
        let image = evaluator.member(object, "Image");
        let image = read_image(context, placed, &image, || start(evaluator, object));
        return (vec![Container { name: "PrimaryContainer".to_owned(), essential: true, image }], None);
    }
    let list = evaluator.property(placed, &["ContainerDefinitions"]);
    let items = match evaluator.items(&list) {
        Ok(items) => items,
        Err(reason) => return (Vec::new(), Some(reason.to_string())),
    };
    let mut containers = Vec::new();
    let mut unknown = None;
    for (index, item) in items.iter().enumerate() {
        match &item.value {
            Value::Object(object) => {
                let name = evaluator.member(object, "Name").text().map(|text| text.display());
                let image = evaluator.member(object, "Image");
                containers.push(Container {
                    name: name.unwrap_or_else(|| format!("#{index}")),
                    essential: evaluator.member(object, "Essential").known() != Some("false"),
                    image: read_image(context, placed, &image, || start(evaluator, object)),
                });
            }
            _ => unknown = Some(item.reason().unwrap_or_else(|| "a container definition is not an object".to_owned())),
        }
    }
    let only_one = containers.len() == 1 && unknown.is_none();
    for container in &mut containers {
        if container.image.builder.is_none() {
            container.image.builder = context.builders.deployed(evaluator, placed, &container.name, only_one);
        }
    }
    (containers, unknown)
}

/// What the container definition says about the start; `None` where some of it is only known at deployment.
fn start<'a>(evaluator: &Evaluator<'a>, container: &Expression<'a>) -> Option<Start> {
    let text = |name: &'static str| -> Option<Option<String>> {
        let value = evaluator.member(container, name);
        match (value.known(), value.is_absent()) {
            (Some(text), _) => Some(Some(text.to_owned())),
            (None, absent) => absent.then_some(None),
        }
    };
    let items = |name: &'static str| -> Option<Vec<Resolved<'a>>> {
        let value = evaluator.member(container, name);
        if value.is_absent() { Some(Vec::new()) } else { evaluator.items(&value).ok() }
    };
    let words = |name: &'static str| -> Option<Option<Vec<String>>> {
        let words: Option<Vec<String>> = items(name)?.iter().map(|word| word.known().map(str::to_owned)).collect();
        words.map(|words| (!words.is_empty()).then_some(words))
    };
    let members = |name: &'static str, wanted: [&'static str; 2]| -> Option<Vec<(String, Option<String>)>> {
        let items = items(name)?;
        items
            .iter()
            .map(|item| match &item.value {
                Value::Object(object) => {
                    let [first, second] = wanted.map(|name| evaluator.member(object, name));
                    Some((first.known()?.to_owned(), second.known().map(str::to_owned)))
                }
                _ => None,
            })
            .collect()
    };
    if !items("VolumesFrom")?.is_empty() {
        return None;
    }
    let init = evaluator.member(container, "LinuxParameters");
    let init = match &init.value {
        Value::Object(object) => evaluator.member(object, "InitProcessEnabled").known() == Some("true"),
        _ => false,
    };
    let environment = members("Environment", ["Name", "Value"])?;
    // Where the program is looked for depends on one variable; the values of others do not matter.
    if environment.iter().any(|(name, value)| name == "PATH" && value.is_none()) {
        return None;
    }
    Some(Start {
        overrides: Overrides {
            entrypoint: words("EntryPoint")?,
            command: words("Command")?,
            user: text("User")?,
            working_directory: text("WorkingDirectory")?,
            environment: environment.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        },
        init,
        mounted: members("MountPoints", ["ContainerPath", "SourceVolume"])?.into_iter().map(|(path, _)| path).collect(),
    })
}

fn read_image<'a>(
    context: &Context<'a>,
    placed: &Placed<'a>,
    resolved: &Resolved<'a>,
    start: impl Fn() -> Option<Start>,
) -> Image<'a> {
    let image = |shown: String, platforms: Platforms, evidence: String, asset: Option<&'a Asset>| Image {
        shown,
        platforms,
        spot: resolved.spot.clone(),
        via: resolved.via.clone(),
        evidence,
        asset,
        contents: None,
        builder: None,
        build: None,
    };
    let Some(text) = resolved.text() else {
        let reason = resolved.reason().unwrap_or_else(|| "no image is given".to_owned());
        return image("?".to_owned(), Platforms::Unknown(reason), String::new(), None);
    };
    if let Some(asset) = context.evaluator.app().asset_of(placed.template, text) {
        let shown = format!("asset:{}", asset.declared.id);
        if let Source::Executable(words) = &asset.declared.source {
            let (platforms, evidence, contents) = tarball(context, asset, words, start());
            return Image { contents, ..image(shown, platforms, evidence, Some(asset)) };
        }
        return of_asset(context, asset, start(), shown, &image);
    }
    let shown = text.display();
    if let Some(locked) = context.lock.and_then(|lock| lock.images.get(&shown)) {
        let platforms = match locked.platforms() {
            Ok(platforms) if locked.is_index() => Platforms::Index(platforms),
            Ok(platforms) => match platforms.into_iter().next() {
                Some(platform) => Platforms::Single(platform),
                None => Platforms::Unknown(format!("the lock file has no platform of `{shown}`")),
            },
            Err(error) => Platforms::Unknown(error),
        };
        let evidence = format!("the lock file says that `{shown}` is for {}", list(&locked.platforms));
        return image(shown, platforms, evidence, None);
    }
    match context.builders.origin(context.evaluator, placed, text) {
        Some(Origin::Copy(asset)) => {
            let copied = of_asset(context, asset, start(), shown, &image);
            let named = short(&asset.declared.id);
            let platforms = match copied.platforms {
                // Only one platform is copied, and which one is for the copy to say.
                Platforms::Index(_) => Platforms::Unknown(format!("only a part of asset `{named}` is copied")),
                other => other,
            };
            return Image { platforms, ..copied };
        }
        Some(Origin::Built(builder)) => {
            let platforms = match builder.platforms.as_slice() {
                _ if !builder.certain => {
                    Platforms::Unknown(format!("{} is not all that may have made `{shown}`", builder.label))
                }
                [platform] => Platforms::Single(platform.clone()),
                several => Platforms::Index(several.to_vec()),
            };
            let evidence = if builder.certain { builder.evidence() } else { String::new() };
            return Image { builder: Some(builder), ..image(shown, platforms, evidence, None) };
        }
        None => {}
    }
    if let Some(platform) = text.known().and_then(reference::platform_by_name) {
        let evidence = format!("Docker publishes `{shown}` for `{platform}` only");
        return image(shown, Platforms::Single(platform), evidence, None);
    }
    let reason = match text.only_symbol() {
        Some(Symbol::Parameter(_, name, _)) => format!("parameter `{name}`, which names the image, has no value yet"),
        Some(symbol) => symbol.reason(),
        // An asset that no asset manifest of the app declares.
        None if shown.contains("-container-assets-") || shown.contains("/aws-cdk/assets:") => {
            format!(
                "`{shown}` is an image asset of the CDK; give the whole output directory (`cdk.out`), not its template alone"
            )
        }
        None if text.known().is_none() => match text.parts().iter().find_map(repository) {
            Some(repository) => format!("nothing in this app says what is pushed to repository `{repository}`"),
            None => format!("`{shown}` is known in full only at deployment"),
        },
        None => format!("the platforms of `{shown}` are not known; `ecs-arch lock` looks them up"),
    };
    image(shown, Platforms::Unknown(reason), String::new(), None)
}

/// The repository that a part of an image reference names, if it is a resource of the app.
fn repository(part: &Part) -> Option<&str> {
    match part {
        Part::Symbol(Symbol::Resource(id) | Symbol::Attribute(id, _)) => Some(&id.id),
        _ => None,
    }
}

/// The image of an asset that is built from a directory, by whoever builds it.
fn of_asset<'a>(
    context: &Context<'a>,
    asset: &'a Asset,
    start: Option<Start>,
    shown: String,
    image: &dyn Fn(String, Platforms, String, Option<&'a Asset>) -> Image<'a>,
) -> Image<'a> {
    let (mut platforms, mut evidence) = asset_platforms(asset);
    let builder = context.builders.publisher(context.evaluator, asset);
    if let Some(builder) = &builder
        && platforms == Platforms::BuildHost
        && let [platform] = builder.platforms.as_slice()
    {
        evidence.push_str(&format!(", and {}", builder.evidence()));
        platforms = Platforms::Single(platform.clone());
    }
    let build = context.builds.build(asset, &platforms, start, context.lock);
    if let Some(build) = &build {
        (platforms, evidence) = build.decided(platforms, evidence);
    }
    // A Dockerfile that decides what the image is leaves its builder no say.
    let builder = builder.filter(|_| !build.as_ref().is_some_and(Build::decides));
    Image { builder, build, ..image(shown, platforms, evidence, Some(asset)) }
}

fn asset_platforms(asset: &Asset) -> (Platforms, String) {
    let id = short(&asset.declared.id);
    match &asset.declared.source {
        Source::Directory { platform: None, .. } => {
            (Platforms::BuildHost, format!("asset `{id}` sets no build platform"))
        }
        Source::Directory { platform: Some(text), .. } => match BuildPlatform::parse_list(text) {
            Ok(platforms) => (of_build(platforms, text), format!("asset `{id}` is built with `--platform {text}`")),
            Err(error) => (
                Platforms::Misspelled(text.clone(), error.to_string()),
                format!("asset `{id}` is built with `--platform {text}`"),
            ),
        },
        Source::Executable(_) | Source::Unknown => {
            (Platforms::Unknown(format!("asset `{id}` declares no source")), String::new())
        }
    }
}

fn of_build(platforms: Vec<BuildPlatform>, text: &str) -> Platforms {
    if platforms == [BuildPlatform::Host] {
        return Platforms::BuildHost;
    }
    let mut named = Vec::new();
    for platform in platforms {
        match platform {
            BuildPlatform::Named(platform) => named.push(platform),
            BuildPlatform::Host => {
                return Platforms::Unknown(format!("one of the platforms in `{text}` is that of the build host"));
            }
        }
    }
    match <[Platform; 1]>::try_from(named) {
        Ok([platform]) => Platforms::Single(platform),
        Err(several) => Platforms::Index(several),
    }
}

/// The archive that an asset's command loads, judged by what it holds.
fn tarball(
    context: &Context<'_>,
    asset: &Asset,
    words: &[String],
    start: Option<Start>,
) -> (Platforms, String, Option<Contents>) {
    let unknown = |reason: String| (Platforms::Unknown(reason), String::new(), None);
    let named = words
        .iter()
        .flat_map(|word| word.split(|c: char| c.is_whitespace() || "\"'|;&".contains(c)))
        .find(|word| word.ends_with(".tar"));
    let Some(name) = named else {
        return unknown(format!("the image is made by a command: `{}`", words.join(" ")));
    };
    let Some(path) = join_inside(&asset.root, &asset.directory, name) else {
        return unknown(format!("the archive `{name}` lies outside of the assembly"));
    };
    match context.archives.contents(&path, name, start) {
        Err(reason) => unknown(reason),
        Ok((platforms, contents)) => {
            let evidence = match (&platforms, &contents) {
                (Platforms::Single(held), Some(contents)) if contents.differs() => {
                    format!("the image in `{name}` starts a program for `{held}`, whatever it declares")
                }
                (Platforms::Single(platform), _) => format!("the image in `{name}` declares `{platform}`"),
                _ => String::new(),
            };
            (platforms, evidence, contents)
        }
    }
}

/// The first characters of a hash, enough to tell it from others.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
