//! What an AMI is made for, read from the path of the public SSM parameter that names it.
//!
//! Only paths under `/aws/service/` are read: what someone called a parameter of their own proves nothing, and neither does
//! a literal `ami-…`. Sources: ECS developer guide ("Retrieving Amazon ECS-optimized Linux AMI metadata"), Bottlerocket's
//! documentation, Systems Manager user guide ("Finding public parameters").

use crate::platform::{Architecture, Os, Platform};

/// The platform of the AMI behind a public SSM parameter path; `None` where the path does not say.
pub fn platform_of_parameter(path: &str) -> Option<Platform> {
    let service = path.strip_prefix("/aws/service/")?;
    if service.starts_with("ami-windows-latest/") {
        return Some(Platform::new(Os::Windows, Architecture::X86_64));
    }
    let parts: Vec<&str> = service.split('/').collect();
    if let Some(kind) = service.strip_prefix("ecs/optimized-ami/") {
        let os = if kind.starts_with("windows") { Os::Windows } else { Os::Linux };
        // x86_64 is the one without a name here, GPU and Inferentia images included.
        let named = parts.contains(&"arm64");
        return Some(Platform::new(os, if named { Architecture::Arm64 } else { Architecture::X86_64 }));
    }
    let words = parts.iter().flat_map(|part| part.split('-'));
    let mut named = words.filter_map(|word| match word {
        "arm64" | "aarch64" => Some(Architecture::Arm64),
        "x86_64" | "amd64" => Some(Architecture::X86_64),
        _ => None,
    });
    let first = named.next()?;
    named.all(|other| other == first).then(|| Platform::linux(first))
}

/// Whether the AMI behind a public SSM parameter path starts the ECS agent by itself.
pub fn runs_agent(path: &str) -> bool {
    path.strip_prefix("/aws/service/").is_some_and(|service| {
        service.starts_with("ecs/optimized-ami/")
            || service.starts_with("bottlerocket/aws-ecs-")
            || service.contains("ECS_Optimized")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_parameters_say_what_their_ami_is_for() {
        for (path, platform) in [
            ("/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id", "linux/arm64"),
            ("/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id", "linux/amd64"),
            ("/aws/service/ecs/optimized-ami/amazon-linux-2/kernel-5.10/arm64/recommended", "linux/arm64"),
            ("/aws/service/ecs/optimized-ami/amazon-linux-2/gpu/recommended/image_id", "linux/amd64"),
            ("/aws/service/bottlerocket/aws-ecs-1/arm64/latest/image_id", "linux/arm64"),
            ("/aws/service/bottlerocket/aws-ecs-2-nvidia/x86_64/latest/image_id", "linux/amd64"),
            (
                "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-ECS_Optimized/image_id",
                "windows/amd64",
            ),
            ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64", "linux/arm64"),
            ("/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-gp2", "linux/amd64"),
            ("/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id", "linux/arm64"),
        ] {
            assert_eq!(platform_of_parameter(path).map(|p| p.to_string()).as_deref(), Some(platform), "{path}");
        }
        assert!(runs_agent("/aws/service/bottlerocket/aws-ecs-2/arm64/latest/image_id"));
        assert!(!runs_agent("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"));
        for path in ["/golden/arm64/ami", "ami-0123456789", "/aws/service/something/else", ""] {
            assert_eq!(platform_of_parameter(path), None, "{path}");
        }
    }
}
