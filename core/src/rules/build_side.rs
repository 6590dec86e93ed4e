//! What the rules about Dockerfiles share: for which platform a build is judged, and how a place in it is shown.

use super::{Draft, Note, Place, Severity, remedy};
use crate::capacity::group::Host;
use crate::capacity::instance_type;
use crate::exec;
use crate::platform::{Architecture, Os, Platform};
use crate::workload::builds::Held;
use crate::workload::{Build, Container, Launch, Task};

/// A build with the one platform that its image has to start on.
pub(super) struct Site<'t, 'a> {
    pub(super) task: &'t Task<'a>,
    pub(super) container: &'t Container<'a>,
    pub(super) build: &'t Build<'a>,
    /// Where the image has to start.
    pub(super) platform: Platform,
    /// The host that the task is certain to reach, if there is one.
    pub(super) host: Option<(&'t Launch<'a>, &'t Host<'a>)>,
}

/// The builds of a task whose platform is known. A task that reaches hosts of two architectures has none.
pub(super) fn sites<'t, 'a>(task: &'t Task<'a>) -> Vec<Site<'t, 'a>> {
    let builds = task.containers.iter().filter_map(|container| Some((container, container.image.build.as_ref()?)));
    builds.filter_map(|(container, build)| site(task, container, build)).collect()
}

fn site<'t, 'a>(task: &'t Task<'a>, container: &'t Container<'a>, build: &'t Build<'a>) -> Option<Site<'t, 'a>> {
    let mut architecture: Option<Architecture> = None;
    let mut reached = None;
    for (launch, host) in task.hosts() {
        let own = host.architecture?;
        if host.emulates || host.os == Some(Os::Windows) || architecture.is_some_and(|other| other != own) {
            return None;
        }
        architecture = Some(own);
        if host.certain && host.os == Some(Os::Linux) {
            reached = reached.or(Some((launch, host)));
        }
    }
    let target = build.target.as_ref();
    if task.routes().any(|(_, route)| route.unknown.is_some()) || architecture.is_none() {
        // Wherever it lands, it is meant for what it is built for.
        let platform = target.filter(|platform| architecture.is_none_or(|own| own == platform.architecture))?.clone();
        return (platform.os == Os::Linux).then_some(Site { task, container, build, platform, host: None });
    }
    let platform = Platform::linux(architecture?);
    let decided = matches!(&build.held, Held::Platform(held, _) if held.architecture == platform.architecture);
    // An image that is built for another platform as a whole is another rule's finding.
    let meant = target.is_none_or(|target| target.architecture == platform.architecture) || decided;
    meant.then_some(Site { task, container, build, platform, host: reached })
}

impl<'t, 'a> Site<'t, 'a> {
    /// An error where the task is certain to reach a host of that platform, else a warning.
    pub(super) fn severity(&self, proven: bool) -> Severity {
        if proven && self.host.is_some() { Severity::Error } else { Severity::Warning }
    }

    /// The host, as the prediction of a start takes it.
    pub(super) fn exec_host(&self) -> exec::Host {
        let mut host = exec::Host::of(self.platform.clone());
        if let Some((_, place)) = self.host {
            host.runs_32bit = match self.platform.architecture {
                Architecture::X86_64 => (!place.fargate).then_some(true),
                _ => place.instance_type.as_deref().and_then(instance_type::runs_arm32),
            };
        }
        host
    }

    /// A finding that points into the Dockerfile, or at a file of the context.
    pub(super) fn draft(
        &self,
        rule: &'static str,
        severity: Severity,
        message: String,
        at: (String, usize),
    ) -> Draft<'a> {
        let mut notes = Vec::new();
        if let Some((launch, host)) = self.host {
            notes.push(remedy::launch_note(&launch.label, &host.label, &launch.spot));
        }
        notes.extend(remedy::essential_note(self.container.essential));
        draft(self.task, self.container, rule, severity, message, at, notes)
    }

    /// A fact that stands in the Dockerfile.
    pub(super) fn in_dockerfile(&self, message: String, line: usize) -> Note<'a> {
        in_dockerfile(self.build, message, line)
    }
}

/// A finding about the build of a container.
pub(super) fn draft<'a>(
    task: &Task<'a>,
    container: &Container<'a>,
    rule: &'static str,
    severity: Severity,
    message: String,
    (file, line): (String, usize),
    notes: Vec<Note<'a>>,
) -> Draft<'a> {
    Draft {
        rule,
        severity,
        message: format!("container `{}`: {message}", container.name),
        resource: task.placed.id(),
        spot: container.image.spot.clone(),
        at: Some((file, u32::try_from(line).unwrap_or(u32::MAX))),
        container: Some(container.name.clone()),
        notes,
        help: Vec::new(),
    }
}

/// A fact that stands in a Dockerfile.
pub(super) fn in_dockerfile<'a>(build: &Build<'_>, message: String, line: usize) -> Note<'a> {
    let line = u32::try_from(line).unwrap_or(u32::MAX);
    Note { message, place: Place::File(build.file().to_owned(), String::new(), line) }
}

/// The platform of an asset in CDK code.
pub(super) fn asset_platform(platform: &Platform) -> String {
    let name = remedy::ecs_name(platform.architecture);
    format!("`ArchImage.fromAsset(directory, {{ architecture: TargetArchitecture.{name} }})`")
}

impl<'a> Draft<'a> {
    /// With a fact.
    pub(super) fn noted(mut self, note: Note<'a>) -> Draft<'a> {
        self.notes.push(note);
        self
    }

    /// With a way out.
    pub(super) fn helped(mut self, help: impl Into<String>) -> Draft<'a> {
        self.help.push(help.into());
        self
    }
}
