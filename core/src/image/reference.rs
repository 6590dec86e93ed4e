//! What the name of an image proves about its platform.

use crate::platform::{Architecture, Os, Platform};

/// Docker's official images exist once per architecture under these names, each a single manifest.
///
/// Source: docker-library, "Architectures other than amd64?" in the README of `official-images`.
const PER_ARCHITECTURE: &[(&str, Architecture, Option<&str>)] = &[
    ("amd64", Architecture::X86_64, None),
    ("arm64v8", Architecture::Arm64, None),
    ("arm32v5", Architecture::Arm, Some("v5")),
    ("arm32v6", Architecture::Arm, Some("v6")),
    ("arm32v7", Architecture::Arm, Some("v7")),
    ("i386", Architecture::X86, None),
    ("ppc64le", Architecture::Ppc64le, None),
    ("s390x", Architecture::S390x, None),
    ("riscv64", Architecture::Riscv64, None),
    ("mips64le", Architecture::Mips64le, None),
];

/// The platform of an image from one of Docker's per-architecture namespaces; `None` for every other name.
///
/// A name such as `my-app:arm64` proves nothing, however plausible it looks.
pub fn platform_by_name(reference: &str) -> Option<Platform> {
    let name = reference.strip_prefix("docker.io/").unwrap_or(reference);
    let name = name.strip_prefix("index.docker.io/").unwrap_or(name);
    let (namespace, image) = name.split_once('/')?;
    if image.contains('/') {
        return None;
    }
    let (_, architecture, variant) = PER_ARCHITECTURE.iter().find(|(known, ..)| *known == namespace)?;
    Some(Platform { os: Os::Linux, architecture: *architecture, variant: variant.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_official_per_architecture_names_prove_a_platform() {
        let shown = |name| platform_by_name(name).map(|platform| platform.to_string());
        assert_eq!(shown("arm64v8/nginx:1.27").as_deref(), Some("linux/arm64"));
        assert_eq!(shown("docker.io/amd64/redis").as_deref(), Some("linux/amd64"));
        assert_eq!(shown("arm32v7/busybox").as_deref(), Some("linux/arm/v7"));
        for name in ["nginx", "me/app:arm64", "123.dkr.ecr.eu-west-1.amazonaws.com/amd64/app", "ghcr.io/arm64v8/x"] {
            assert_eq!(shown(name), None, "{name}");
        }
    }
}
