//! The containers of a task definition and the images they name.

use super::{Container, Context, Image, Platforms};
use crate::assembly::Asset;
use crate::assembly::docker_assets::Source;
use crate::files::join_inside;
use crate::image::{archive, reference};
use crate::platform::Platform;
use crate::template::resolve::Placed;
use crate::template::value::{Resolved, Symbol, Value};

/// The containers, and the reason why they are not all known, if so.
pub(super) fn read<'a>(context: &Context<'a>, placed: &Placed<'a>) -> (Vec<Container<'a>>, Option<String>) {
    let evaluator = context.evaluator;
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
                    image: read_image(context, placed, &image),
                });
            }
            _ => unknown = Some(item.reason().unwrap_or_else(|| "a container definition is not an object".to_owned())),
        }
    }
    (containers, unknown)
}

fn read_image<'a>(context: &Context<'a>, placed: &Placed<'a>, resolved: &Resolved<'a>) -> Image<'a> {
    let image = |shown: String, platforms: Platforms, evidence: String, asset: Option<&'a Asset>| Image {
        shown,
        platforms,
        spot: resolved.spot.clone(),
        via: resolved.via.clone(),
        evidence,
        asset,
    };
    let Some(text) = resolved.text() else {
        let reason = resolved.reason().unwrap_or_else(|| "no image is given".to_owned());
        return image("?".to_owned(), Platforms::Unknown(reason), String::new(), None);
    };
    if let Some(asset) = context.evaluator.app().asset_of(placed.template, text) {
        let (platforms, evidence) = asset_platforms(context, asset);
        return image(format!("asset:{}", asset.declared.id), platforms, evidence, Some(asset));
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
    if let Some(platform) = text.known().and_then(reference::platform_by_name) {
        let evidence = format!("Docker publishes `{shown}` for `{platform}` only");
        return image(shown, Platforms::Single(platform), evidence, None);
    }
    let reason = match text.only_symbol() {
        Some(Symbol::Parameter(_, name, _)) => format!("parameter `{name}`, which names the image, has no value yet"),
        Some(symbol) => symbol.reason(),
        None => format!("the platforms of `{shown}` are not known; `ecs-arch lock` looks them up"),
    };
    image(shown, Platforms::Unknown(reason), String::new(), None)
}

fn asset_platforms(context: &Context<'_>, asset: &Asset) -> (Platforms, String) {
    let id = short(&asset.declared.id);
    match &asset.declared.source {
        Source::Directory { platform: None, .. } => {
            (Platforms::BuildHost, format!("asset `{id}` sets no build platform"))
        }
        Source::Directory { platform: Some(text), .. } => match Platform::parse_list(text) {
            Ok(platforms) => {
                let evidence = format!("asset `{id}` is built with `--platform {text}`");
                match <[Platform; 1]>::try_from(platforms) {
                    Ok([platform]) => (Platforms::Single(platform), evidence),
                    Err(several) => (Platforms::Index(several), evidence),
                }
            }
            Err(error) => (
                Platforms::Misspelled(text.clone(), error.to_string()),
                format!("asset `{id}` is built with `--platform {text}`"),
            ),
        },
        Source::Executable(words) => tarball_platforms(context, asset, words),
        Source::Unknown => (Platforms::Unknown(format!("asset `{id}` declares no source")), String::new()),
    }
}

/// The archive that an asset's command loads, judged by what its configuration declares.
fn tarball_platforms(context: &Context<'_>, asset: &Asset, words: &[String]) -> (Platforms, String) {
    let named = words
        .iter()
        .flat_map(|word| word.split(|c: char| c.is_whitespace() || "\"'|;&".contains(c)))
        .find(|word| word.ends_with(".tar"));
    let Some(name) = named else {
        let reason = format!("the image is made by a command: `{}`", words.join(" "));
        return (Platforms::Unknown(reason), String::new());
    };
    let Some(path) = join_inside(&asset.root, &asset.directory, name) else {
        return (Platforms::Unknown(format!("the archive `{name}` lies outside of the assembly")), String::new());
    };
    let declared = context.files.open(&path).map_err(archive::ArchiveError::from).and_then(archive::declared_platforms);
    let evidence = |platform: &Platform| format!("the image in `{name}` declares `{platform}`");
    match declared.as_deref() {
        Ok([first, rest @ ..]) if rest.iter().all(|other| other == first) => {
            (Platforms::Single(first.clone()), evidence(first))
        }
        Ok(_) => {
            (Platforms::Unknown(format!("the archive `{name}` holds images for several platforms")), String::new())
        }
        Err(error) => (Platforms::Unknown(format!("the archive `{name}` cannot be read: {error}")), String::new()),
    }
}

/// The first characters of a hash, enough to tell it from others.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
