//! What an image really holds, and what happens when it is started: the judgement behind `ecs-arch inspect`.
//!
//! Each platform of an image is judged on a host of its own kind, or the one that a runtime would choose on a given host.
//! Labels decide what is chosen; contents decide what starts.

pub mod report;
pub mod text;

use std::collections::BTreeMap;

use crate::exec::command::{Command, Overrides};
use crate::exec::libraries::{self, Foreign};
use crate::exec::wrapper::{self, Wrapped};
use crate::exec::{self, Host, Outcome, Prediction};
use crate::executable::Executable;
use crate::executable::elf::Machine;
use crate::image::layer::shown;
use crate::image::layout::{Image, Images};
use crate::image::view::{FoundKind, View, names};
use crate::platform::{Architecture, Os, Platform};
use crate::rules::{self, Check, ImageDraft, RULES};
use report::{Inspection, PlatformReport};

/// What is asked about an image.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// The host; without it each platform of the image is judged on a host of its own kind.
    pub host: Option<Platform>,
    /// What a task definition puts in the place of the image's own settings.
    pub overrides: Overrides,
    /// Read every layer, also those that the question does not need.
    pub all_layers: bool,
    /// Read no layer at all: labels only.
    pub metadata_only: bool,
}

/// One image on one host, for the rules.
pub struct Judged<'j> {
    /// The platform that it declares, if it declares one that is known.
    pub declared: Option<&'j Platform>,
    /// The host.
    pub host: &'j Host,
    /// What happens.
    pub prediction: &'j Prediction,
    /// The program behind a wrapper, if there is one that can be told.
    pub wrapped: Option<&'j Wrapped>,
    /// Whether the layers that were read hold a program of the platform that the image declares.
    pub holds_declared: bool,
    /// Shared libraries that the loader will not take.
    pub foreign_libraries: &'j [Foreign],
    /// Native modules of other machines, by machine.
    pub foreign_modules: &'j [(Machine, Vec<String>)],
}

/// Looks at every image, or at the one that a runtime on the host would take.
pub fn inspect(images: &Images<'_>, reference: &str, question: &Question) -> Inspection {
    let mut inspection = Inspection::new(reference);
    inspection.unreadable.extend(images.unreadable.iter().cloned());
    let chosen: Vec<&Image> = match &question.host {
        Some(host) if images.from_index => match choose(&images.images, host) {
            Some(image) => vec![image],
            None => {
                let available: Vec<String> = images.images.iter().map(declared).collect();
                inspection.add(rules::image_platform_missing::of_index(host, &available), None, &|_| None);
                Vec::new()
            }
        },
        _ => images.images.iter().collect(),
    };
    for image in chosen {
        judge(images, image, question, &mut inspection);
    }
    inspection.finish();
    inspection
}

fn declared(image: &Image) -> String {
    image.declared.as_ref().map_or_else(|_| "?".to_owned(), ToString::to_string)
}

/// The image of an index that a runtime takes on a host, best first (containerd, `platforms.Only`).
fn choose<'i>(images: &'i [Image], host: &Platform) -> Option<&'i Image> {
    acceptable(host).into_iter().find_map(|wanted| images.iter().find(|image| image.declared.as_ref() == Ok(&wanted)))
}

/// The platforms that a host takes, best first.
fn acceptable(host: &Platform) -> Vec<Platform> {
    let variants = |architecture: Architecture, from: u8, down_to: u8| {
        (down_to..=from).rev().map(move |number| Platform {
            os: host.os,
            architecture,
            variant: Some(format!("v{number}")),
        })
    };
    let number =
        |default: u8| host.variant.as_deref().and_then(|v| v.strip_prefix('v')?.parse().ok()).unwrap_or(default);
    let plain = |architecture| Platform { os: host.os, architecture, variant: None };
    match host.architecture {
        Architecture::X86_64 => variants(Architecture::X86_64, number(1), 2)
            .chain([plain(Architecture::X86_64), plain(Architecture::X86)])
            .collect(),
        Architecture::Arm64 => std::iter::once(host.clone())
            .chain([plain(Architecture::Arm64)])
            .chain(variants(Architecture::Arm, 8, 5))
            .collect(),
        Architecture::Arm => variants(Architecture::Arm, number(7), 5).chain([plain(Architecture::Arm)]).collect(),
        _ => vec![host.clone()],
    }
}

/// What is said of one image on one host, for a check of the task that starts it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How far it comes.
    pub outcome: Outcome,
    /// The architecture of the program that the kernel runs, or would have had to run.
    pub machine: Option<Architecture>,
    /// Whether it fails because a program is of another machine.
    pub is_foreign: bool,
    /// Whether it fails on a text that a shell would read as a script.
    pub ends_in_text: bool,
    /// The files that take part.
    pub paths: Vec<String>,
    /// What is wrong.
    pub drafts: Vec<ImageDraft>,
}

/// Looks at one image on one host.
pub fn judge_image(images: &Images<'_>, image: &Image, command: &Command, host: &Host) -> Answer {
    let view = View::new(image.layers.len(), |from_top| match image.layers.iter().rev().nth(from_top) {
        Some(name) => images.layer(name),
        None => Err("there is no such layer".to_owned()),
    });
    let prediction = exec::predict(&view, command, host);
    let behind = Behind::look(&view, command, &prediction);
    let modules = foreign_modules(&view, host.platform.architecture);
    let declared = image.declared.as_ref().ok();
    let drafts = findings(&Judged {
        declared,
        host,
        prediction: &prediction,
        wrapped: behind.wrapped.as_ref(),
        holds_declared: declared.is_some_and(|platform| holds(&view, platform.architecture)),
        foreign_libraries: &behind.libraries,
        foreign_modules: &modules,
    });
    let ends_in_text = prediction.chain.last().is_some_and(|step| match &step.executable {
        Executable::Other(format) => format.is_text(),
        _ => false,
    });
    let all = prediction.chain.iter().chain(&prediction.loader);
    let paths = all.flat_map(|step| [shown(&step.asked), shown(&step.path)]);
    Answer {
        machine: match prediction.machine() {
            Some(Machine::Known(architecture)) => Some(architecture),
            _ => None,
        },
        is_foreign: prediction.foreign().is_some(),
        ends_in_text: ends_in_text && matches!(prediction.outcome, Outcome::Fails { .. }),
        paths: paths.collect(),
        drafts,
        outcome: prediction.outcome,
    }
}

fn judge(images: &Images<'_>, image: &Image, question: &Question, inspection: &mut Inspection) {
    let declared = image.declared.as_ref().ok();
    let command = Command::new(&image.config.config, &question.overrides);
    let mut report = PlatformReport::new(declared, &command.argv);
    let host = question.host.as_ref().or(declared).cloned().map(Host::of);
    let reason = match (&host, &image.declared) {
        _ if question.metadata_only => Some("the layers were not read".to_owned()),
        (None, Err(reason)) => Some(reason.clone()),
        (Some(host), _) if host.platform.os == Os::Windows => Some("programs for Windows are not looked at".to_owned()),
        (_, Ok(platform)) if platform.os == Os::Windows => Some("programs for Windows are not looked at".to_owned()),
        _ => None,
    };
    let (None, Some(host)) = (&reason, host) else {
        report.why = reason;
        inspection.platforms.push(report);
        return;
    };
    let layer_name = |from_top: usize| image.layers.iter().rev().nth(from_top);
    let view = View::new(image.layers.len(), |from_top| match layer_name(from_top) {
        Some(name) => images.layer(name),
        None => Err("there is no such layer".to_owned()),
    });
    if question.all_layers {
        view.read_all();
    }
    let prediction = exec::predict(&view, &command, &host);
    let behind = Behind::look(&view, &command, &prediction);
    let modules = foreign_modules(&view, host.platform.architecture);
    let judged = Judged {
        declared,
        host: &host,
        prediction: &prediction,
        wrapped: behind.wrapped.as_ref(),
        holds_declared: declared.is_some_and(|platform| holds(&view, platform.architecture)),
        foreign_libraries: &behind.libraries,
        foreign_modules: &modules,
    };
    report.show(&prediction);
    report.why = report.why.take().or_else(|| behind.wrapped.as_ref().and_then(Wrapped::read_as_script));
    inspection.platforms.push(report);
    let layer = |from_top: usize| layer_name(from_top).map(|name| name.shown().to_owned());
    for draft in findings(&judged) {
        inspection.add(draft, Some(&host.platform), &layer);
    }
    for (from_top, layer) in view.read() {
        let name = layer_name(from_top).map(|name| name.shown().to_owned()).unwrap_or_default();
        match layer {
            Ok(layer) => {
                inspection.unreadable.extend(layer.remarks.iter().map(|remark| format!("layer `{name}`: {remark}")))
            }
            Err(error) => inspection.unreadable.push(error.0.clone()),
        }
    }
}

/// What the rules find in one image on one host.
pub fn findings(judged: &Judged<'_>) -> Vec<ImageDraft> {
    let mut drafts: Vec<ImageDraft> = rules::image_platform_mismatch::of_image(judged).into_iter().collect();
    for rule in RULES {
        if let Check::Image(check) = rule.check {
            drafts.extend(check(judged));
        }
    }
    drafts
}

/// What is known beyond the first program.
#[derive(Default)]
struct Behind {
    wrapped: Option<Wrapped>,
    libraries: Vec<Foreign>,
}

impl Behind {
    /// What cannot be known here is left out: it is about what happens after the start.
    fn look(view: &View<'_>, command: &Command, prediction: &Prediction) -> Behind {
        if prediction.outcome != Outcome::Starts {
            return Behind::default();
        }
        let Ok(Some(process)) = exec::process(view, command) else { return Behind::default() };
        let wrapped = wrapper::wrapped(&process, command, prediction).ok().flatten();
        let running = wrapped
            .as_ref()
            .and_then(|wrapped| wrapped.prediction.as_ref())
            .filter(|inner| inner.outcome == Outcome::Starts);
        let libraries =
            libraries::foreign(&process, running.unwrap_or(prediction), command.variable("LD_LIBRARY_PATH"));
        Behind { wrapped, libraries: libraries.unwrap_or_default() }
    }
}

/// Whether the layers that were read hold a program or library of an architecture.
fn holds(view: &View<'_>, architecture: Architecture) -> bool {
    let machine = Machine::Known(architecture);
    view.read()
        .filter_map(|(_, layer)| layer.as_ref().ok())
        .any(|layer| layer.files().any(|(_, file)| matches!(file, Executable::Elf(elf) if elf.machine == machine)))
}

/// Where package managers put native code that belongs to one installation.
const PACKAGES: [&str; 4] = ["/node_modules/", "/site-packages/", "/dist-packages/", "/gems/"];
/// Parts of names by which packages tell their builds for several platforms apart.
const PLATFORM_PARTS: [&str; 22] = [
    "x64", "x86_64", "x86-64", "amd64", "arm64", "aarch64", "armv6", "armv7", "armv8", "armhf", "arm", "ia32", "i386",
    "i686", "x86", "386", "ppc64", "s390x", "riscv64", "loong64", "mips", "win32",
];

/// Native modules for other machines than the host's, in the layers that were read. Packages that carry builds for several
/// platforms side by side say so in their paths, and are left alone.
fn foreign_modules(view: &View<'_>, host: Architecture) -> Vec<(Machine, Vec<String>)> {
    let mut by_machine: BTreeMap<String, (Machine, Vec<String>)> = BTreeMap::new();
    for (index, layer) in view.read() {
        let Ok(layer) = layer else { continue };
        for (id, file) in layer.files() {
            let Executable::Elf(elf) = file else { continue };
            if elf.machine == Machine::Known(host)
                || matches!((host, elf.machine), (Architecture::X86_64, Machine::Known(Architecture::X86)))
            {
                continue;
            }
            let path = layer.path(id);
            let text = format!("/{}", shown(&path));
            if !is_native_module(&text) || names_a_platform(&text) {
                continue;
            }
            // A layer above may have replaced it.
            let visible = view.entry(&names(&path), &[]).ok().flatten();
            if visible.is_some_and(|found| found.layer == index && matches!(found.kind, FoundKind::File(..))) {
                by_machine.entry(elf.machine.name()).or_insert((elf.machine, Vec::new())).1.push(text);
            }
        }
    }
    by_machine
        .into_values()
        .map(|(machine, mut paths)| {
            paths.sort();
            (machine, paths)
        })
        .collect()
}

fn is_native_module(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let library = name.ends_with(".node") || name.ends_with(".so") || name.contains(".so.");
    library && PACKAGES.iter().any(|part| path.contains(part))
}

pub(crate) fn names_a_platform(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    PLATFORM_PARTS.iter().any(|part| {
        path.match_indices(part).any(|(at, _)| {
            let before = path.get(..at).and_then(|text| text.chars().last());
            let after = path.get(at + part.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(|c| c.is_ascii_alphanumeric()) && !after.is_some_and(|c| c.is_ascii_alphanumeric())
        })
    })
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_for_several_platforms_are_told_by_their_paths() {
        assert!(names_a_platform("/app/node_modules/sharp/prebuilds/linux-arm64/node.napi.node"));
        assert!(names_a_platform("/app/node_modules/@img/sharp-linuxmusl-arm64/lib/sharp.node"));
        assert!(!names_a_platform("/app/node_modules/bcrypt/lib/binding/napi-v3/bcrypt_lib.node"));
        assert!(!names_a_platform("/usr/lib/python3/site-packages/farm/charm.so"));
    }

    #[test]
    fn a_host_takes_what_containerd_takes() {
        let takes = |host: &str| -> Vec<String> {
            acceptable(&Platform::parse(host).unwrap()).iter().map(ToString::to_string).collect()
        };
        assert_eq!(takes("linux/amd64"), ["linux/amd64", "linux/386"]);
        assert_eq!(takes("linux/amd64/v3"), ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"]);
        assert_eq!(takes("linux/arm/v7"), ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "linux/arm"]);
        assert!(takes("linux/arm64").contains(&"linux/arm/v7".to_owned()));
    }
}
