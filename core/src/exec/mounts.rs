//! What container runtimes mount over an image, and what is known of it.
//!
//! Source: the default mounts, devices and links of the OCI runtime specification (config-linux.md, "Default Devices" and "Default
//! Filesystems"). `/proc` and `/sys` belong to the host's kernel: names that no kernel has there are missing, others are not known.

use crate::image::view::{Found, FoundKind, Unavailable};

/// Files of `/dev` that every container has.
const DEVICES: [&[u8]; 7] = [b"null", b"zero", b"full", b"random", b"urandom", b"tty", b"console"];
/// Directories of `/dev`.
const DIRECTORIES: [&[u8]; 3] = [b"pts", b"shm", b"mqueue"];
/// Links of `/dev`.
const LINKS: [(&[u8], &[u8]); 6] = [
    (b"ptmx", b"pts/ptmx"),
    (b"fd", b"/proc/self/fd"),
    (b"stdin", b"/proc/self/fd/0"),
    (b"stdout", b"/proc/self/fd/1"),
    (b"stderr", b"/proc/self/fd/2"),
    (b"core", b"/proc/kcore"),
];
/// What a kernel may have in `/sys` (sysfs(5)).
const SYS: [&[u8]; 11] =
    [b"block", b"bus", b"class", b"dev", b"devices", b"firmware", b"fs", b"hypervisor", b"kernel", b"module", b"power"];
/// What a kernel may have in `/proc` beside numbers and names of more than [`SHORT`] letters (proc(5)).
const PROC: [&[u8]; 14] = [
    b"acpi", b"asound", b"bus", b"driver", b"fb", b"fs", b"irq", b"keys", b"kmsg", b"net", b"self", b"stat", b"sys",
    b"tty",
];
const SHORT: usize = 4;

/// What stands at a path below a mount; `None` where nothing is mounted, `Some(Ok(None))` where nothing is there.
pub fn entry(path: &[Vec<u8>]) -> Option<Result<Option<Found>, Unavailable>> {
    let (mount, below) = path.split_first()?;
    if !matches!(mount.as_slice(), b"dev" | b"proc" | b"sys") {
        return None;
    }
    let Some((name, rest)) = below.split_first() else { return Some(Ok(Some(found(FoundKind::Directory, 0o755)))) };
    let known: Option<Found> = match mount.as_slice() {
        b"dev" if rest.is_empty() => device(name),
        b"dev" => None,
        b"sys" if !SYS.contains(&name.as_slice()) => None,
        b"proc" if name.len() <= SHORT && !PROC.contains(&name.as_slice()) && !name.iter().all(u8::is_ascii_digit) => {
            None
        }
        _ => {
            let path = String::from_utf8_lossy(&super::walk::joined(path)).into_owned();
            return Some(Err(Unavailable(format!("`{path}` is what the host's kernel has there"))));
        }
    };
    Some(Ok(known))
}

fn device(name: &[u8]) -> Option<Found> {
    if let Some((_, target)) = LINKS.iter().find(|(link, _)| *link == name) {
        return Some(found(FoundKind::Symlink(target.to_vec()), 0o777));
    }
    if DIRECTORIES.contains(&name) {
        return Some(found(FoundKind::Directory, 0o755));
    }
    DEVICES.contains(&name).then(|| found(FoundKind::Special, 0o666))
}

fn found(kind: FoundKind, mode: u16) -> Found {
    Found { kind, mode, uid: 0, gid: 0, layer: 0, privileged: false }
}
