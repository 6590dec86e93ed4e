//! Build environments: what an environment type runs on, and what the images that AWS curates are made for.
//!
//! Sources: CodeBuild user guide, "Build environment reference", "Docker images provided by CodeBuild" and "Build environment
//! compute modes and types"; the build image classes of aws-cdk-lib's `aws-codebuild`.

use std::fmt;

use crate::platform::{Architecture, Os, Platform};

/// The machine of a build environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Machine {
    /// Its system.
    pub system: System,
    /// Its processor.
    pub architecture: Architecture,
}

/// The operating system of a build environment. Only the first two run containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// Linux.
    Linux,
    /// Windows Server.
    Windows,
    /// macOS, on reserved capacity.
    MacOs,
}

impl Machine {
    /// The machine behind an environment type such as `ARM_CONTAINER`; `None` for a type that is not known.
    pub fn of_type(environment_type: &str) -> Option<Machine> {
        let architecture = Architecture::of_codebuild_type(environment_type).ok()?;
        let system = match environment_type {
            _ if environment_type.starts_with("WINDOWS_") => System::Windows,
            "MAC_ARM" => System::MacOs,
            _ => System::Linux,
        };
        Some(Machine { system, architecture })
    }

    /// The machine that an image curated by AWS (`aws/codebuild/…`, or the same in the public gallery) is made for; `None` for
    /// every other name.
    pub fn of_curated_image(image: &str) -> Option<Machine> {
        let name = image.strip_prefix("aws/codebuild/").or_else(|| image.strip_prefix("public.ecr.aws/codebuild/"))?;
        let name = name.strip_prefix("ami/").unwrap_or(name);
        let name = name.split([':', '@']).next().unwrap_or(name);
        let (system, architecture) = match name {
            // Ubuntu.
            "standard" | "ubuntu-base" => (System::Linux, Architecture::X86_64),
            _ if name.starts_with("windows-base") => (System::Windows, Architecture::X86_64),
            _ if name.starts_with("macos-arm-") => (System::MacOs, Architecture::Arm64),
            _ if name.starts_with("amazonlinux") => {
                let mut parts = name.split('-').skip(1);
                let architecture = match parts.next() {
                    Some("x86_64") => Architecture::X86_64,
                    Some("aarch64" | "arm") => Architecture::Arm64,
                    _ => return None,
                };
                (System::Linux, architecture)
            }
            _ => return None,
        };
        Some(Machine { system, architecture })
    }

    /// The platform of the images that are built here without saying for what; `None` where there are no containers.
    pub fn platform(self) -> Option<Platform> {
        let os = match self.system {
            System::Linux => Os::Linux,
            System::Windows => Os::Windows,
            System::MacOs => return None,
        };
        Some(Platform::new(os, self.architecture))
    }

    /// Whether an image for a platform can be a build environment on this machine; x86 of 32 bits is left open.
    pub fn runs(self, image: &Platform) -> bool {
        match (image.architecture, self.architecture) {
            (image, machine) if image == machine => true,
            (Architecture::X86, Architecture::X86_64) | (Architecture::Arm, Architecture::Arm64) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let system = match self.system {
            System::Linux => "linux",
            System::Windows => "windows",
            System::MacOs => "macos",
        };
        write!(out, "{system}/{}", self.architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_image(image: &str) -> Option<String> {
        Machine::of_curated_image(image).map(|machine| machine.to_string())
    }

    #[test]
    fn curated_images_say_what_they_are_made_for() {
        for (image, machine) in [
            ("aws/codebuild/standard:7.0", "linux/amd64"),
            ("aws/codebuild/standard:7.0-24.10.29", "linux/amd64"),
            ("aws/codebuild/amazonlinux-x86_64-standard:5.0", "linux/amd64"),
            ("aws/codebuild/amazonlinux2-x86_64-standard:corretto11", "linux/amd64"),
            ("aws/codebuild/amazonlinux-aarch64-standard:3.0", "linux/arm64"),
            ("aws/codebuild/amazonlinux2-aarch64-standard:1.0", "linux/arm64"),
            ("aws/codebuild/amazonlinux-aarch64-lambda-standard:nodejs20", "linux/arm64"),
            ("aws/codebuild/amazonlinux-x86_64-lambda-standard:go1.24", "linux/amd64"),
            ("aws/codebuild/ami/amazonlinux-arm-base:latest", "linux/arm64"),
            ("aws/codebuild/ami/amazonlinux-x86_64-base:latest", "linux/amd64"),
            ("public.ecr.aws/codebuild/amazonlinux2-aarch64-standard:3.0", "linux/arm64"),
            ("aws/codebuild/windows-base:2022-1.0", "windows/amd64"),
            ("aws/codebuild/macos-arm-base:15", "macos/arm64"),
        ] {
            assert_eq!(of_image(image).as_deref(), Some(machine), "{image}");
        }
        for image in
            ["amazonlinux2-aarch64-standard", "aws/codebuild/next:1.0", "aws/codebuild/amazonlinux-riscv:1", ""]
        {
            assert_eq!(of_image(image), None, "{image}");
        }
    }

    #[test]
    fn environment_types_name_machines() {
        for (name, machine) in [
            ("LINUX_CONTAINER", "linux/amd64"),
            ("LINUX_GPU_CONTAINER", "linux/amd64"),
            ("LINUX_EC2", "linux/amd64"),
            ("ARM_CONTAINER", "linux/arm64"),
            ("ARM_LAMBDA_CONTAINER", "linux/arm64"),
            ("ARM_EC2", "linux/arm64"),
            ("WINDOWS_SERVER_2022_CONTAINER", "windows/amd64"),
            ("MAC_ARM", "macos/arm64"),
        ] {
            assert_eq!(Machine::of_type(name).map(|machine| machine.to_string()).as_deref(), Some(machine), "{name}");
        }
        assert_eq!(Machine::of_type("arm_container"), None);
    }
}
