//! Processor architectures and platforms, in every spelling that the field uses for them.
//!
//! The same processor is `X86_64` to ECS, `amd64` to OCI, Go and Debian, `x64` to npm and .NET, and `EM_X86_64` in an ELF
//! header. This module reads each spelling and prints it again; what two platforms mean for each other (may an image of
//! one run on the other?) is asked here too. It knows nothing of templates or images.

use std::fmt;

/// A processor architecture, independent of any spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Architecture {
    /// 64-bit x86: Intel and AMD.
    X86_64,
    /// 64-bit Arm: AWS Graviton, Apple silicon.
    Arm64,
    /// 32-bit Arm.
    Arm,
    /// 32-bit x86.
    X86,
    /// 64-bit little-endian POWER.
    Ppc64le,
    /// IBM Z.
    S390x,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit little-endian MIPS.
    Mips64le,
    /// 64-bit LoongArch.
    LoongArch64,
}

/// Whose spelling of an architecture is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `runtimePlatform.cpuArchitecture` of an ECS task definition: `X86_64`, `ARM64`.
    Ecs,
    /// The ECS container-instance attribute `ecs.cpu-architecture`: `x86_64`, `arm64`.
    EcsAttribute,
    /// `architecture` of an OCI image configuration; equal to Go's `GOARCH`.
    Oci,
    /// One component of `docker build --platform`, with the aliases that containerd normalizes.
    Docker,
    /// `GOARCH`.
    Go,
    /// EC2 instance types and AMIs: `x86_64`, `arm64`, `i386`.
    Ec2,
    /// `e_machine` of an ELF header, by its symbolic name: `EM_X86_64`.
    Elf,
    /// The first component of a Rust target triple: `x86_64`, `aarch64`.
    Rust,
    /// Debian's port names: `amd64`, `arm64`, `armhf`.
    Debian,
    /// The last component of a .NET runtime identifier: `linux-x64`.
    DotNet,
    /// `process.arch` of Node.js, and `cpu` in a package.json.
    Npm,
    /// `uname -m` on Linux.
    Uname,
}

impl Dialect {
    /// The dialect in words, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Ecs => "the ECS `cpuArchitecture`",
            Dialect::EcsAttribute => "the ECS attribute `ecs.cpu-architecture`",
            Dialect::Oci => "an OCI architecture",
            Dialect::Docker => "a Docker platform",
            Dialect::Go => "a GOARCH",
            Dialect::Ec2 => "an EC2 architecture",
            Dialect::Elf => "an ELF machine",
            Dialect::Rust => "a Rust target",
            Dialect::Debian => "a Debian architecture",
            Dialect::DotNet => "a .NET runtime identifier",
            Dialect::Npm => "a Node.js architecture",
            Dialect::Uname => "a machine name of `uname -m`",
        }
    }
}

use Architecture::{Arm, Arm64, LoongArch64, Mips64le, Ppc64le, Riscv64, S390x, X86, X86_64};
use Dialect::{Debian, Docker, DotNet, Ec2, Ecs, EcsAttribute, Elf, Go, Npm, Oci, Rust, Uname};

/// Every spelling: the first row of a pair (dialect, architecture) is the one that is printed, later rows are read only.
///
/// Sources: ECS API reference (`RuntimePlatform`); the OCI image specification and `go tool dist list`; containerd's
/// `platforms` package for the aliases of Docker; the ELF gABI; the Debian ports list; .NET's RID catalogue; `process.arch`.
const SPELLINGS: &[(Dialect, Architecture, &str)] = &[
    (Ecs, X86_64, "X86_64"),
    (Ecs, Arm64, "ARM64"),
    (EcsAttribute, X86_64, "x86_64"),
    (EcsAttribute, Arm64, "arm64"),
    (Oci, X86_64, "amd64"),
    (Oci, Arm64, "arm64"),
    (Oci, Arm, "arm"),
    (Oci, X86, "386"),
    (Oci, Ppc64le, "ppc64le"),
    (Oci, S390x, "s390x"),
    (Oci, Riscv64, "riscv64"),
    (Oci, Mips64le, "mips64le"),
    (Oci, LoongArch64, "loong64"),
    (Docker, X86_64, "amd64"),
    (Docker, X86_64, "x86_64"),
    (Docker, X86_64, "x86-64"),
    (Docker, Arm64, "arm64"),
    (Docker, Arm64, "aarch64"),
    (Docker, Arm, "arm"),
    (Docker, Arm, "armhf"),
    (Docker, Arm, "armel"),
    (Docker, X86, "386"),
    (Docker, X86, "i386"),
    (Docker, Ppc64le, "ppc64le"),
    (Docker, S390x, "s390x"),
    (Docker, Riscv64, "riscv64"),
    (Docker, Mips64le, "mips64le"),
    (Docker, LoongArch64, "loong64"),
    (Go, X86_64, "amd64"),
    (Go, Arm64, "arm64"),
    (Go, Arm, "arm"),
    (Go, X86, "386"),
    (Go, Ppc64le, "ppc64le"),
    (Go, S390x, "s390x"),
    (Go, Riscv64, "riscv64"),
    (Go, Mips64le, "mips64le"),
    (Go, LoongArch64, "loong64"),
    (Ec2, X86_64, "x86_64"),
    (Ec2, Arm64, "arm64"),
    (Ec2, X86, "i386"),
    (Elf, X86_64, "EM_X86_64"),
    (Elf, Arm64, "EM_AARCH64"),
    (Elf, Arm, "EM_ARM"),
    (Elf, X86, "EM_386"),
    (Elf, Ppc64le, "EM_PPC64"),
    (Elf, S390x, "EM_S390"),
    (Elf, Riscv64, "EM_RISCV"),
    (Elf, Mips64le, "EM_MIPS"),
    (Elf, LoongArch64, "EM_LOONGARCH"),
    (Rust, X86_64, "x86_64"),
    (Rust, Arm64, "aarch64"),
    (Rust, Arm, "armv7"),
    (Rust, Arm, "arm"),
    (Rust, X86, "i686"),
    (Rust, X86, "i586"),
    (Rust, Ppc64le, "powerpc64le"),
    (Rust, S390x, "s390x"),
    (Rust, Riscv64, "riscv64gc"),
    (Rust, Mips64le, "mips64el"),
    (Rust, LoongArch64, "loongarch64"),
    (Debian, X86_64, "amd64"),
    (Debian, Arm64, "arm64"),
    (Debian, Arm, "armhf"),
    (Debian, Arm, "armel"),
    (Debian, X86, "i386"),
    (Debian, Ppc64le, "ppc64el"),
    (Debian, S390x, "s390x"),
    (Debian, Riscv64, "riscv64"),
    (Debian, Mips64le, "mips64el"),
    (Debian, LoongArch64, "loong64"),
    (DotNet, X86_64, "x64"),
    (DotNet, Arm64, "arm64"),
    (DotNet, Arm, "arm"),
    (DotNet, X86, "x86"),
    (DotNet, Ppc64le, "ppc64le"),
    (DotNet, S390x, "s390x"),
    (DotNet, Riscv64, "riscv64"),
    (DotNet, LoongArch64, "loongarch64"),
    (Npm, X86_64, "x64"),
    (Npm, Arm64, "arm64"),
    (Npm, Arm, "arm"),
    (Npm, X86, "ia32"),
    (Npm, Ppc64le, "ppc64"),
    (Npm, S390x, "s390x"),
    (Npm, Riscv64, "riscv64"),
    (Npm, Mips64le, "mipsel"),
    (Npm, LoongArch64, "loong64"),
    (Uname, X86_64, "x86_64"),
    (Uname, Arm64, "aarch64"),
    (Uname, Arm64, "arm64"),
    (Uname, Arm, "armv7l"),
    (Uname, Arm, "armv6l"),
    (Uname, X86, "i686"),
    (Uname, X86, "i386"),
    (Uname, Ppc64le, "ppc64le"),
    (Uname, S390x, "s390x"),
    (Uname, Riscv64, "riscv64"),
    (Uname, Mips64le, "mips64"),
    (Uname, LoongArch64, "loongarch64"),
];

/// A spelling that its dialect does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{read}` is not {}{}", dialect.name(), expected(*dialect, read))]
pub struct UnknownSpelling {
    /// What was read.
    pub read: String,
    /// Whose spelling it should have been.
    pub dialect: Dialect,
}

/// The tail of an error message: what was probably meant, or what there is to choose from.
fn expected(dialect: Dialect, read: &str) -> String {
    match Architecture::guess(read).and_then(|architecture| architecture.spelled(dialect)) {
        Some(meant) if meant != read => format!(", which spells it `{meant}`"),
        _ => {
            let names: Vec<String> = Architecture::ALL
                .iter()
                .filter_map(|architecture| architecture.spelled(dialect))
                .map(|name| format!("`{name}`"))
                .collect();
            format!(" (known: {})", names.join(", "))
        }
    }
}

impl Architecture {
    /// Every architecture that this library has a name for.
    pub const ALL: [Architecture; 9] = [X86_64, Arm64, Arm, X86, Ppc64le, S390x, Riscv64, Mips64le, LoongArch64];

    /// Reads the spelling of one dialect.
    ///
    /// Spellings are compared exactly, except Docker's, which containerd compares without regard to case.
    ///
    /// # Errors
    /// [`UnknownSpelling`], with what was read and what was probably meant.
    pub fn parse(dialect: Dialect, text: &str) -> Result<Architecture, UnknownSpelling> {
        SPELLINGS
            .iter()
            .find(|(whose, _, name)| {
                *whose == dialect && (*name == text || dialect == Docker && name.eq_ignore_ascii_case(text))
            })
            .map(|(_, architecture, _)| *architecture)
            .ok_or_else(|| UnknownSpelling { read: text.to_owned(), dialect })
    }

    /// How a dialect spells this architecture; `None` where it has no name for it (ECS knows two architectures only).
    pub fn spelled(self, dialect: Dialect) -> Option<&'static str> {
        SPELLINGS
            .iter()
            .find(|(whose, architecture, _)| *whose == dialect && *architecture == self)
            .map(|(_, _, name)| *name)
    }

    /// What a person probably meant, whatever dialect and case they wrote it in. For help texts, never for a judgement.
    pub fn guess(text: &str) -> Option<Architecture> {
        let text = text.trim().to_ascii_lowercase().replace('-', "_");
        SPELLINGS
            .iter()
            .find(|(_, _, name)| name.to_ascii_lowercase().replace('-', "_") == text)
            .map(|(_, architecture, _)| *architecture)
            .or(match text.as_str() {
                "arm_64" | "armv8" | "arm64v8" | "arm64_v8" | "graviton" | "aarch_64" => Some(Arm64),
                "x86" | "x64_86" | "x8664" | "amd_64" | "intel" | "amd" | "x86_x64" | "x86_64bit" => Some(X86_64),
                _ => None,
            })
    }

    /// The architecture of a Rust target triple such as `aarch64-unknown-linux-musl`.
    ///
    /// # Errors
    /// [`UnknownSpelling`] when the first component is not known.
    pub fn of_rust_target(triple: &str) -> Result<Architecture, UnknownSpelling> {
        Self::parse(Rust, triple.split('-').next().unwrap_or(triple))
    }

    /// The architecture of a .NET runtime identifier such as `linux-musl-arm64`.
    ///
    /// # Errors
    /// [`UnknownSpelling`] when the last component is not known.
    pub fn of_dotnet_rid(rid: &str) -> Result<Architecture, UnknownSpelling> {
        Self::parse(DotNet, rid.rsplit('-').next().unwrap_or(rid))
    }

    /// The architecture behind a CodeBuild environment type such as `ARM_CONTAINER`.
    ///
    /// Source: CodeBuild API reference, `ProjectEnvironment.type`.
    ///
    /// # Errors
    /// [`UnknownEnvironmentType`], naming what was read.
    pub fn of_codebuild_type(environment_type: &str) -> Result<Architecture, UnknownEnvironmentType> {
        match environment_type {
            "ARM_CONTAINER" | "ARM_LAMBDA_CONTAINER" | "ARM_EC2" | "MAC_ARM" => Ok(Arm64),
            "LINUX_CONTAINER"
            | "LINUX_GPU_CONTAINER"
            | "LINUX_LAMBDA_CONTAINER"
            | "LINUX_EC2"
            | "WINDOWS_CONTAINER"
            | "WINDOWS_SERVER_2019_CONTAINER"
            | "WINDOWS_SERVER_2022_CONTAINER"
            | "WINDOWS_EC2" => Ok(X86_64),
            other => Err(UnknownEnvironmentType(other.to_owned())),
        }
    }

    /// The CodeBuild environment type for Linux builds on this architecture.
    pub fn codebuild_type(self) -> Option<&'static str> {
        match self {
            X86_64 => Some("LINUX_CONTAINER"),
            Arm64 => Some("ARM_CONTAINER"),
            _ => None,
        }
    }

    /// `e_machine` of an ELF header for this architecture (ELF gABI, machine list).
    pub fn elf_machine(self) -> u16 {
        match self {
            X86 => 3,
            Mips64le => 8,
            Ppc64le => 21,
            S390x => 22,
            Arm => 40,
            X86_64 => 62,
            Arm64 => 183,
            Riscv64 => 243,
            LoongArch64 => 258,
        }
    }

    /// The architecture of an `e_machine` number; `None` for machines that no container platform is named after.
    pub fn of_elf_machine(machine: u16) -> Option<Architecture> {
        Self::ALL.into_iter().find(|architecture| architecture.elf_machine() == machine)
    }
}

/// A CodeBuild environment type that is not in the API reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a CodeBuild environment type")]
pub struct UnknownEnvironmentType(pub String);

impl fmt::Display for Architecture {
    /// Prints the OCI name (`amd64`, `arm64`), which is also Go's.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.spelled(Oci).unwrap_or_default())
    }
}

/// An operating system that containers are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows Server.
    Windows,
}

impl Os {
    /// Reads the OCI name.
    ///
    /// # Errors
    /// [`UnknownOs`], naming what was read.
    pub fn parse(text: &str) -> Result<Os, UnknownOs> {
        match text.to_ascii_lowercase().as_str() {
            "linux" => Ok(Os::Linux),
            "windows" => Ok(Os::Windows),
            _ => Err(UnknownOs(text.to_owned())),
        }
    }

    /// The operating system behind an `OperatingSystemFamily` of ECS: `LINUX`, or one of `WINDOWS_SERVER_…`.
    ///
    /// # Errors
    /// [`UnknownOs`] for any other spelling.
    pub fn of_ecs_family(family: &str) -> Result<Os, UnknownOs> {
        match family {
            "LINUX" => Ok(Os::Linux),
            _ if family.starts_with("WINDOWS_SERVER_") => Ok(Os::Windows),
            _ => Err(UnknownOs(family.to_owned())),
        }
    }
}

impl fmt::Display for Os {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Os::Linux => "linux",
            Os::Windows => "windows",
        })
    }
}

/// An operating system that is neither Linux nor Windows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an operating system of containers (known: `linux`, `windows`)")]
pub struct UnknownOs(pub String);

/// What an image is built for, or what a host offers: operating system, architecture and, where it matters, a variant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// The operating system.
    pub os: Os,
    /// The processor architecture.
    pub architecture: Architecture,
    /// `v7` of `linux/arm/v7`, `v3` of `linux/amd64/v3`. `arm64/v8` is plain arm64, so it has none.
    pub variant: Option<String>,
}

/// A platform that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// The architecture is not known.
    #[error(transparent)]
    Architecture(#[from] UnknownSpelling),
    /// The operating system is not known.
    #[error(transparent)]
    Os(#[from] UnknownOs),
    /// Not of the form `os/architecture[/variant]`.
    #[error("`{0}` is not a platform (expected `os/architecture[/variant]`, such as `linux/arm64`)")]
    Shape(String),
}

impl Platform {
    /// A platform without a variant.
    pub fn new(os: Os, architecture: Architecture) -> Platform {
        Platform { os, architecture, variant: None }
    }

    /// Linux on an architecture.
    pub fn linux(architecture: Architecture) -> Platform {
        Platform::new(Os::Linux, architecture)
    }

    /// Reads what `docker build --platform` takes: `linux/arm64`, `linux/arm/v7`, `arm64` (Linux is meant), `linux/x86_64`,
    /// `windows(10.0.20348)/amd64`. What leaves the rest to the build host is read by [`BuildPlatform`].
    ///
    /// # Errors
    /// [`PlatformError`], naming the part that is not understood.
    pub fn parse(text: &str) -> Result<Platform, PlatformError> {
        let parts: Vec<&str> = text.trim().split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [architecture] => (Os::Linux, *architecture, None),
            [os, architecture] => (Os::parse(without_version(os))?, *architecture, None),
            [os, architecture, variant] => (Os::parse(without_version(os))?, *architecture, Some(*variant)),
            _ => return Err(PlatformError::Shape(text.to_owned())),
        };
        let parsed = Architecture::parse(Docker, architecture)?;
        let implied = match architecture.to_ascii_lowercase().as_str() {
            "armhf" => Some("v7"),
            "armel" => Some("v6"),
            _ => None,
        };
        let variant = variant.or(implied).map(str::to_ascii_lowercase);
        Ok(Platform { os, architecture: parsed, variant }.normalized())
    }

    /// A platform from the fields of an OCI configuration or descriptor.
    ///
    /// # Errors
    /// [`PlatformError`], naming the field that is not understood.
    pub fn from_oci(os: &str, architecture: &str, variant: Option<&str>) -> Result<Platform, PlatformError> {
        Ok(Platform {
            os: Os::parse(os)?,
            architecture: Architecture::parse(Docker, architecture)?,
            variant: variant.filter(|v| !v.is_empty()).map(str::to_ascii_lowercase),
        }
        .normalized())
    }

    /// `arm64/v8` is what plain arm64 means, and `amd64/v1` what plain amd64 means.
    fn normalized(mut self) -> Platform {
        let implied = match self.architecture {
            Arm64 => Some("v8"),
            X86_64 => Some("v1"),
            _ => None,
        };
        if self.variant.as_deref() == implied {
            self.variant = None;
        }
        if self.architecture == Arm64 && self.variant.as_deref() == Some("8") {
            self.variant = None;
        }
        self
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(out, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// An operating system without the version that containerd allows behind it: `windows(10.0.20348)`.
fn without_version(os: &str) -> &str {
    let is_version = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+'));
    match os.split_once('(') {
        Some((name, version)) if version.strip_suffix(')').is_some_and(is_version) => name,
        _ => os,
    }
}

/// One platform of a build, as containerd's `platforms.Parse` and buildx read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildPlatform {
    /// Whatever the machine is that builds: `local`, or an operating system without an architecture.
    Host,
    /// This one.
    Named(Platform),
}

impl BuildPlatform {
    /// Reads the `--platform` of a build, which may name several platforms separated by commas; an empty one is as none.
    ///
    /// # Errors
    /// [`PlatformError`] for the first one that is not understood.
    pub fn parse_list(text: &str) -> Result<Vec<BuildPlatform>, PlatformError> {
        if text.trim().is_empty() {
            return Ok(vec![BuildPlatform::Host]);
        }
        let parse = |part: &str| {
            let part = part.trim();
            if part.eq_ignore_ascii_case("local") || Os::parse(without_version(part)).is_ok() {
                return Ok(BuildPlatform::Host);
            }
            Platform::parse(part).map(BuildPlatform::Named)
        };
        text.split(',').map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read_back_as_the_architecture_it_names() {
        for (dialect, architecture, name) in SPELLINGS {
            assert_eq!(Architecture::parse(*dialect, name), Ok(*architecture), "{dialect:?} {name}");
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for dialect in [Ecs, EcsAttribute, Oci, Docker, Go, Ec2, Elf, Rust, Debian, DotNet, Npm, Uname] {
            for architecture in Architecture::ALL {
                if let Some(name) = architecture.spelled(dialect) {
                    assert_eq!(Architecture::parse(dialect, name), Ok(architecture));
                }
            }
        }
    }

    #[test]
    fn a_wrong_spelling_names_what_was_read_and_what_was_meant() {
        let error = Architecture::parse(Ecs, "arm64").unwrap_err();
        assert_eq!(error.to_string(), "`arm64` is not the ECS `cpuArchitecture`, which spells it `ARM64`");
        let error = Architecture::parse(Ecs, "sparc").unwrap_err();
        assert_eq!(error.to_string(), "`sparc` is not the ECS `cpuArchitecture` (known: `X86_64`, `ARM64`)");
    }

    #[test]
    fn what_leaves_the_rest_to_the_build_host_is_no_misspelling() {
        for text in ["", " ", "local", "LOCAL", "linux", "windows(10.0.20348)"] {
            assert_eq!(BuildPlatform::parse_list(text), Ok(vec![BuildPlatform::Host]), "{text}");
        }
        let windows = Platform::new(Os::Windows, X86_64);
        assert_eq!(Platform::parse("windows(10.0.20348.2340)/amd64"), Ok(windows));
        for text in ["darwin", "windows(10.0/amd64", "linux(a b)/amd64", "linux/amd64,,"] {
            assert!(BuildPlatform::parse_list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn platforms_are_normalized_as_containerd_does() {
        for (text, printed) in [
            ("linux/arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/x86_64", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/v7"),
            ("arm64", "linux/arm64"),
            ("LINUX/ARM64", "linux/arm64"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(Platform::parse(text).map(|p| p.to_string()), Ok(printed.to_owned()), "{text}");
        }
        for text in ["linux/", "linux/arm46", "plan9/amd64", "a/b/c/d", "linux/arm64,"] {
            assert!(BuildPlatform::parse_list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_elf_machine_numbers_go_both_ways() {
        for architecture in Architecture::ALL {
            assert_eq!(Architecture::of_elf_machine(architecture.elf_machine()), Some(architecture));
        }
        assert_eq!(Architecture::of_elf_machine(0), None);
    }

    #[test]
    fn compound_names_are_read_by_the_part_that_names_the_architecture() {
        assert_eq!(Architecture::of_rust_target("aarch64-unknown-linux-musl"), Ok(Arm64));
        assert_eq!(Architecture::of_dotnet_rid("linux-musl-x64"), Ok(X86_64));
        assert_eq!(Architecture::of_codebuild_type("ARM_CONTAINER"), Ok(Arm64));
        assert_eq!(
            Architecture::of_codebuild_type("ARM").unwrap_err().to_string(),
            "`ARM` is not a CodeBuild environment type"
        );
    }
}
