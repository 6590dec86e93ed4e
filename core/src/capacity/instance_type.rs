//! The architecture of an EC2 instance type, read from its name.
//!
//! A name is `family` letters, `generation` digits, `attribute` letters, and a size: `m7gd.large`. A `g` among the attribute
//! letters is Graviton. Source: EC2 user guide, "Instance type naming conventions"; the rule agrees with every type that
//! EC2 tables. (The CDK's own `InstanceType.architecture` throws for 24 families.)

use crate::platform::Architecture;

/// A name in its parts.
struct Name<'n> {
    family: &'n str,
    generation: &'n str,
    attributes: &'n str,
    /// What follows a `-`: `gb200` of `p6e-gb200`.
    extension: &'n str,
}

fn parts(family: &str) -> Option<Name<'_>> {
    let (base, extension) = family.split_once('-').unwrap_or((family, ""));
    let digits = base.find(|c: char| c.is_ascii_digit()).unwrap_or(base.len());
    let (letters, rest) = base.split_at(digits);
    let after = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (generation, attributes) = rest.split_at(after);
    let plausible = !letters.is_empty()
        && letters.chars().all(|c| c.is_ascii_lowercase())
        && attributes.chars().all(|c| c.is_ascii_lowercase())
        && (!generation.is_empty() || !extension.is_empty());
    plausible.then_some(Name { family: letters, generation, attributes, extension })
}

fn of_family(family: &str) -> Option<Architecture> {
    let name = parts(family)?;
    if name.family == "mac" {
        // Mac hosts have architectures of their own and cannot be ECS capacity.
        return None;
    }
    let is_arm = family == "a1" || name.attributes.contains('g') || name.extension.starts_with("gb");
    Some(if is_arm { Architecture::Arm64 } else { Architecture::X86_64 })
}

/// The architecture of an instance type such as `t4g.small`.
///
/// `None` for what is not an instance type's name, and for Mac instances, which are never ECS capacity.
pub fn architecture(instance_type: &str) -> Option<Architecture> {
    let (family, size) = instance_type.split_once('.')?;
    if size.is_empty() || !size.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return None;
    }
    of_family(family)
}

/// What a pattern such as `m7g.*` or `m6*` may select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Types of one architecture only.
    Only(Architecture),
    /// Types of both.
    Both,
    /// Not an instance type or pattern.
    Unknown,
}

/// The architectures of the instance types that a pattern selects; `*` stands for any characters.
///
/// Source: EC2 API reference, `InstanceRequirements.AllowedInstanceTypes`.
pub fn selection(pattern: &str) -> Selection {
    let Some((fixed, _)) = pattern.split_once('*') else {
        return architecture(pattern).map_or(Selection::Unknown, Selection::Only);
    };
    if let Some((family, _)) = fixed.split_once('.') {
        return of_family(family).map_or(Selection::Unknown, Selection::Only);
    }
    match parts(fixed) {
        Some(name) if name.attributes.contains('g') => Selection::Only(Architecture::Arm64),
        Some(_) | None => Selection::Both,
    }
}

/// Whether an Arm instance type can run 32-bit Arm programs: Graviton up to the third generation can, later ones cannot.
///
/// `None` where the generation does not decide. Source: AWS Graviton technical guide (Neoverse V2 has no AArch32 at EL0).
pub fn runs_arm32(instance_type: &str) -> Option<bool> {
    let (family, _) = instance_type.split_once('.')?;
    let name = parts(family)?;
    let generation: u32 = name.generation.parse().ok()?;
    match (name.family, generation) {
        ("a", 1) | ("t", 4) | ("m" | "c" | "r", 6 | 7) | ("x", 2) | ("im" | "is", 4) | ("g", 5) | ("hpc", 7) => {
            Some(true)
        }
        ("m" | "c" | "r" | "x" | "i" | "hpc", 8..) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Architecture::{Arm64, X86_64};

    #[test]
    fn graviton_is_told_from_what_only_looks_like_it() {
        for name in
            "a1.large t4g.small m6g.metal m7gd.large c6gn.xlarge g5g.xlarge im4gn.large is4gen.medium x2gd.large hpc7g.4xlarge c8gn.48xlarge r8gb.xlarge p6e-gb200.36xlarge i8ge.large"
                .split(' ')
        {
            assert_eq!(architecture(name), Some(Arm64), "{name}");
        }
        for name in
            "g2.2xlarge g3.4xlarge g4dn.xlarge g4ad.xlarge g5.xlarge g6.xlarge gr6.4xlarge g7.xlarge cg1.4xlarge m7i-flex.large u-6tb1.metal u7i-12tb.224xlarge u7in-16tb.224xlarge inf2.xlarge trn1n.32xlarge dl1.24xlarge vt1.3xlarge p6-b200.48xlarge c5.metal t2.micro x2iedn.xlarge"
                .split(' ')
        {
            assert_eq!(architecture(name), Some(X86_64), "{name}");
        }
        for name in ["", "m7g", "large", "mac2.metal", "mac1.metal", "m7g.", "${Type}", "7g.large", "M7G.large"] {
            assert_eq!(architecture(name), None, "{name}");
        }
    }

    #[test]
    fn a_pattern_selects_one_architecture_only_if_every_match_has_it() {
        for (pattern, selects) in [
            ("m7g.*", Selection::Only(Arm64)),
            ("m6i.*", Selection::Only(X86_64)),
            ("m6g*", Selection::Only(Arm64)),
            ("m6*", Selection::Both),
            ("*", Selection::Both),
            ("im4*", Selection::Both),
            ("c7gn.large", Selection::Only(Arm64)),
            ("m7i.2x*", Selection::Only(X86_64)),
        ] {
            assert_eq!(selection(pattern), selects, "{pattern}");
        }
    }
}
