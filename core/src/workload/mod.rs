//! The join: one task with its containers, their images, and every place it may land on, in one scenario.
//!
//! This is all that a rule sees. Whether an image can start on a host is answered here too ([`Image::fits`]); whether that
//! is a finding, and how severe, is the rules' business and that of [`crate::check`].

pub mod builds;
mod containers;
pub mod contents;
mod emulation;
mod launches;
mod placement;
mod state_machine;

pub use builds::{Build, Builds};
pub(crate) use containers::short;
pub use contents::{Archives, Contents};
pub use emulation::Emulators;
pub use launches::Launchers;

use crate::assembly::Asset;
use crate::capacity::Capacity;
use crate::capacity::group::{Host, Unlaunchable};
use crate::capacity::instance_type;
use crate::codebuild::{Builder, Builders};
use crate::lock::Lock;
use crate::platform::{Architecture, Dialect, Os, Platform};
use crate::template::resolve::{Evaluator, Placed};
use crate::template::value::{Resolved, Spot, Via};

/// What is asked once for the whole app.
pub struct Context<'a> {
    /// Evaluates expressions.
    pub evaluator: &'a Evaluator<'a>,
    /// The clusters and groups.
    pub capacity: &'a Capacity<'a>,
    /// What starts tasks.
    pub launchers: &'a Launchers<'a>,
    /// The clusters on which foreign images may run.
    pub emulators: &'a Emulators,
    /// Facts from outside.
    pub lock: Option<&'a Lock>,
    /// The archives of images.
    pub archives: &'a Archives<'a>,
    /// What makes images while the app is deployed.
    pub builders: &'a Builders<'a>,
    /// The Dockerfiles of images.
    pub builds: &'a Builds<'a>,
}

/// What a property says, if it says something that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared<T> {
    /// Nothing.
    Absent,
    /// A known value.
    Known(T),
    /// Something that no service would accept; what was read, and the complaint.
    Misspelled(String, String),
    /// Something that is only known at deployment, with the reason.
    Unknown(String),
}

impl<T: Copy> Declared<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<T> {
        match self {
            Declared::Known(value) => Some(*value),
            _ => None,
        }
    }
}

/// Whether a resource is a service of Express Mode, which makes a task definition from the container that it is given.
pub fn is_express(placed: &Placed<'_>) -> bool {
    &*placed.resource.kind == "AWS::ECS::ExpressGatewayService"
}

/// Whether a resource declares containers: a task definition, or a service of Express Mode with a container of its own.
pub fn declares_containers(placed: &Placed<'_>) -> bool {
    let properties = || placed.resource.node.get("Properties");
    &*placed.resource.kind == "AWS::ECS::TaskDefinition"
        || is_express(placed) && properties().is_some_and(|properties| properties.get("PrimaryContainer").is_some())
}

/// A task definition, in one scenario.
pub struct Task<'a> {
    /// The task definition's resource.
    pub placed: Placed<'a>,
    /// `RuntimePlatform.CpuArchitecture`.
    pub cpu: Declared<Architecture>,
    /// The property, for its place and origin.
    pub cpu_property: Resolved<'a>,
    /// `RuntimePlatform.OperatingSystemFamily`.
    pub os: Declared<Os>,
    /// The property, for its place and origin.
    pub os_property: Resolved<'a>,
    /// What starts the task, and where.
    pub launches: Vec<Launch<'a>>,
    /// Its containers.
    pub containers: Vec<Container<'a>>,
    /// Why the containers are not known, if they are not.
    pub unknown_containers: Option<String>,
}

/// One thing that starts a task: a service, a schedule, a state machine.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    /// In words: "service `Web`".
    pub label: String,
    /// Where it is declared.
    pub spot: Spot<'a>,
    /// `PlatformVersion`, if it is known.
    pub platform_version: Option<String>,
    /// Where the property stands.
    pub platform_version_spot: Option<Spot<'a>>,
    /// The ways that ECS may choose among before it looks for a host: one per reachable capacity provider.
    pub routes: Vec<Route<'a>>,
}

impl<'a> Launch<'a> {
    /// A host that fits an image, where another host of the same launch has another architecture and does not.
    pub fn other_architecture(&self, image: &Image<'_>, fails: &Host<'_>) -> Option<&Host<'a>> {
        let mut hosts = self.routes.iter().flat_map(|route| &route.hosts);
        hosts.find(|host| host.architecture != fails.architecture && image.fits(host) == Fit::Runs)
    }
}

/// One way for a task to be placed.
#[derive(Debug, Clone, Default)]
pub struct Route<'a> {
    /// In words: "Fargate", "cluster `Prod`", "capacity provider `Spot`".
    pub label: String,
    /// The hosts on which the task may land.
    pub hosts: Vec<Host<'a>>,
    /// Hosts that are there, but on which ECS does not place the task: their architecture or system is not the one it asks for.
    pub unfit: Vec<Host<'a>>,
    /// Hosts that a placement constraint keeps the task from.
    pub excluded: Vec<Host<'a>>,
    /// What cannot be launched.
    pub unlaunchable: Vec<Unlaunchable<'a>>,
    /// Why the hosts are not known, or not all of them.
    pub unknown: Option<String>,
}

impl Route<'_> {
    /// Whether it is certain that no host of this route ever takes the task.
    pub fn leads_nowhere(&self) -> bool {
        self.hosts.is_empty() && self.unknown.is_none()
    }

    /// Whether there are instances, but certainly none that takes the task.
    pub fn refuses(&self) -> bool {
        let mut others = self.unfit.iter().chain(&self.excluded).peekable();
        self.leads_nowhere()
            && self.unlaunchable.is_empty()
            && others.peek().is_some()
            && others.all(|host| host.certain)
    }

    /// Whether this is Fargate.
    pub fn is_fargate(&self) -> bool {
        self.hosts.iter().any(|host| host.fargate)
    }
}

/// A container of a task.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    /// Its name; where that is not known, its number.
    pub name: String,
    /// Whether the task stops with it.
    pub essential: bool,
    /// Its image.
    pub image: Image<'a>,
}

/// The image of a container.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    /// `asset:…`, or the reference.
    pub shown: String,
    /// What it is built for.
    pub platforms: Platforms,
    /// Where the reference stands.
    pub spot: Spot<'a>,
    /// How the reference was found.
    pub via: Vec<Via<'a>>,
    /// What says what it is built for, as a sentence.
    pub evidence: String,
    /// The asset behind the reference.
    pub asset: Option<&'a Asset>,
    /// What its archive holds, if it has one that can be read.
    pub contents: Option<Contents>,
    /// The project that makes it, if the app says so.
    pub builder: Option<Builder<'a>>,
    /// What its Dockerfile will make, if it has one.
    pub build: Option<Build<'a>>,
}

/// What an image is built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platforms {
    /// A single manifest: it is pulled whatever the host is.
    Single(Platform),
    /// An index: the host picks its own platform, and the pull fails where there is none.
    Index(Vec<Platform>),
    /// An asset without a platform: whatever the machine is that builds it.
    BuildHost,
    /// A build platform that no builder knows; what was read, and the complaint.
    Misspelled(String, String),
    /// Not known, with the reason.
    Unknown(String),
}

/// Whether an image can start on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It can.
    Runs,
    /// Its processor or system is another one.
    Fails(Misfit),
    /// That is not known, with the reason.
    Unknown(String),
}

/// What is wrong between an image and a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// Another processor: `exec format error`.
    Architecture,
    /// Another operating system.
    Os,
    /// An index without the host's platform: the pull fails.
    Missing,
}

impl Image<'_> {
    /// Whether this image can start on a host.
    pub fn fits(&self, host: &Host<'_>) -> Fit {
        let Some(architecture) = host.architecture else { return Fit::Unknown(host.reason.clone()) };
        match &self.platforms {
            Platforms::Single(platform) => fits(platform, architecture, host),
            Platforms::Index(platforms) => {
                let mut open = None;
                for platform in platforms {
                    match fits(platform, architecture, host) {
                        Fit::Runs => return Fit::Runs,
                        Fit::Unknown(reason) => open = Some(reason),
                        Fit::Fails(_) => {}
                    }
                }
                open.map_or(Fit::Fails(Misfit::Missing), Fit::Unknown)
            }
            Platforms::BuildHost => {
                Fit::Unknown("the image takes the architecture of the machine that builds it".to_owned())
            }
            Platforms::Misspelled(..) => Fit::Unknown("its build platform is misspelled".to_owned()),
            Platforms::Unknown(reason) => Fit::Unknown(reason.clone()),
        }
    }
}

/// Whether a single manifest for a platform can start on a host.
pub fn fits_platform(platform: &Platform, host: &Host<'_>) -> Fit {
    match host.architecture {
        Some(architecture) => fits(platform, architecture, host),
        None => Fit::Unknown(host.reason.clone()),
    }
}

fn fits(platform: &Platform, architecture: Architecture, host: &Host<'_>) -> Fit {
    if host.emulates && platform.architecture != architecture {
        return Fit::Unknown(format!("{} may run foreign programs by emulation (`binfmt`)", host.label));
    }
    match (platform.architecture, architecture) {
        (image, host_is) if image == host_is => {}
        (Architecture::X86, Architecture::X86_64) if !host.fargate => {}
        (Architecture::X86, Architecture::X86_64) => {
            return Fit::Unknown("whether Fargate runs 32-bit x86 programs is not documented".to_owned());
        }
        (Architecture::Arm, Architecture::Arm64) => {
            match host.instance_type.as_deref().and_then(instance_type::runs_arm32) {
                Some(true) => {}
                Some(false) => return Fit::Fails(Misfit::Architecture),
                None => {
                    return Fit::Unknown(
                        "whether the host's processor runs 32-bit Arm programs is not known".to_owned(),
                    );
                }
            }
        }
        _ => return Fit::Fails(Misfit::Architecture),
    }
    if let Some(level) = platform.variant.as_deref().filter(|_| platform.architecture == Architecture::X86_64)
        && level != "v2"
    {
        return Fit::Unknown(format!("whether the host's processor is of level x86-64-{level} is not known"));
    }
    match host.os {
        Some(os) if os == platform.os => Fit::Runs,
        Some(_) => Fit::Fails(Misfit::Os),
        None => Fit::Unknown(format!("the operating system of {} is not known", host.label)),
    }
}

impl<'a> Task<'a> {
    /// Reads a task definition and finds the places it may land on, in the current scenario.
    pub fn read(context: &Context<'a>, placed: Placed<'a>) -> Task<'a> {
        let evaluator = context.evaluator;
        let cpu_property = evaluator.property(&placed, &["RuntimePlatform", "CpuArchitecture"]);
        let os_property = evaluator.property(&placed, &["RuntimePlatform", "OperatingSystemFamily"]);
        let cpu = declared(&cpu_property, |text| Architecture::parse(Dialect::Ecs, text).map_err(|e| e.to_string()));
        let os = declared(&os_property, |text| {
            Os::of_ecs_family(text).map_err(|_| {
                format!("`{text}` is not an ECS `operatingSystemFamily` (such as `LINUX`, `WINDOWS_SERVER_2022_CORE`)")
            })
        });
        let (containers, unknown_containers) = containers::read(context, &placed);
        let mut task =
            Task { placed, cpu, cpu_property, os, os_property, launches: Vec::new(), containers, unknown_containers };
        task.launches = placement::launches(context, &task);
        task
    }

    /// Whether the CDK made the task definition, so that help is given in its words.
    pub fn is_cdk(&self) -> bool {
        self.placed.construct_path().is_some()
    }

    /// Whether the task asks for an architecture or system that is not known, so that it need not land where it might.
    pub fn asks_for_something_unknown(&self) -> bool {
        matches!(self.cpu, Declared::Unknown(_) | Declared::Misspelled(..)) || matches!(self.os, Declared::Unknown(_))
    }

    /// Every route of every launch.
    pub fn routes(&self) -> impl Iterator<Item = (&Launch<'a>, &Route<'a>)> {
        self.launches.iter().flat_map(|launch| launch.routes.iter().map(move |route| (launch, route)))
    }

    /// Every host that the task may land on, with its launch.
    pub fn hosts(&self) -> impl Iterator<Item = (&Launch<'a>, &Host<'a>)> {
        self.routes().flat_map(|(launch, route)| route.hosts.iter().map(move |host| (launch, host)))
    }

    /// The platforms that the task may land on; `None` where not all of them are known.
    pub fn runs_on(&self) -> Option<Vec<Platform>> {
        let mut platforms = Vec::new();
        for (_, route) in self.routes() {
            if route.unknown.is_some() {
                return None;
            }
            for host in &route.hosts {
                platforms.push(Platform::new(host.os?, host.architecture?));
            }
        }
        platforms.sort();
        platforms.dedup();
        (!platforms.is_empty()).then_some(platforms)
    }
}

fn declared<T>(property: &Resolved<'_>, parse: impl Fn(&str) -> Result<T, String>) -> Declared<T> {
    match property.known() {
        Some(text) => match parse(text) {
            Ok(value) => Declared::Known(value),
            Err(complaint) => Declared::Misspelled(text.to_owned(), complaint),
        },
        None => match property.reason() {
            Some(reason) => Declared::Unknown(reason),
            None => Declared::Absent,
        },
    }
}
