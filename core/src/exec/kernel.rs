//! `execve` of Linux: `exec_binprm` in fs/exec.c, `load_script` in fs/binfmt_script.c, `load_elf_binary` in fs/binfmt_elf.c.

use super::errno::Errno;
use super::walk::Process;
use super::{Host, Obstacle, Prediction, Step};
use crate::executable::Executable;
use crate::executable::elf::{Elf, Headers, Interpreter, Machine};
use crate::executable::script::{Line, Script};
use crate::image::view::{FoundKind, Unavailable};
use crate::platform::Architecture;

/// The kernel rewrites a command so often for an interpreter before it gives up.
const MAX_DEPTH: usize = 5;
/// `ET_EXEC` and `ET_DYN`
pub(super) const PROGRAM_TYPES: [u16; 2] = [2, 3];
/// The sizes of `Elf64_Ehdr` and `Elf32_Ehdr`.
const HEADER_64: u64 = 64;
const HEADER_32: u64 = 52;
/// `ELFCLASS64`
const CLASS_64: u8 = 2;
/// One word of arguments or environment may not be longer (`MAX_ARG_STRLEN`).
const MAX_WORD: usize = 32 * 4096;

/// Whether a host takes a program.
enum Takes {
    Yes,
    No,
    Unknown(String),
}

/// Executes a file; what is opened on the way is written into the prediction.
pub(super) fn execve(
    process: &Process<'_, '_>,
    host: &Host,
    path: &[u8],
    prediction: &mut Prediction,
) -> Result<Result<(), Errno>, Unavailable> {
    let mut step = match open(process, path)? {
        Ok(step) => step,
        Err(errno) => return Ok(Err(errno)),
    };
    if prediction.argv.iter().any(|word| word.len() >= MAX_WORD) {
        return Ok(Err(Errno::E2big));
    }
    for depth in 0.. {
        prediction.chain.push(step.clone());
        if depth > MAX_DEPTH {
            prediction.obstacle = Some(Obstacle::Depth);
            return Ok(Err(Errno::Eloop));
        }
        let script = match &step.executable {
            Executable::Script(script) => script,
            Executable::Elf(elf) => return load(process, host, elf, prediction),
            Executable::Other(_) => {
                prediction.obstacle = Some(Obstacle::File);
                return Ok(Err(Errno::Enoexec));
            }
        };
        let Script { line: Line::Interpreter { path, .. }, .. } = script.as_ref() else {
            prediction.obstacle = Some(Obstacle::File);
            return Ok(Err(Errno::Enoexec));
        };
        let path = path.clone();
        step = match open(process, &path)? {
            Ok(step) => step,
            Err(errno) => {
                prediction.obstacle = Some(Obstacle::Interpreter(path));
                return Ok(Err(errno));
            }
        };
    }
    Ok(Ok(()))
}

fn open(process: &Process<'_, '_>, path: &[u8]) -> Result<Result<Step, Errno>, Unavailable> {
    if path.is_empty() {
        // Inside the kernel, the empty path is the working directory.
        return Ok(Err(Errno::Eacces));
    }
    let place = match process.open_executable(path)? {
        Ok(place) => place,
        Err(errno) => return Ok(Err(errno)),
    };
    let real = place.path();
    Ok(match place.found.kind {
        FoundKind::File(executable, size, _) => Ok(Step {
            asked: path.to_vec(),
            path: real,
            executable,
            size,
            layer: place.found.layer,
            privileged: place.found.privileged,
        }),
        _ => Err(Errno::Eacces),
    })
}

fn load(
    process: &Process<'_, '_>,
    host: &Host,
    elf: &Elf,
    prediction: &mut Prediction,
) -> Result<Result<(), Errno>, Unavailable> {
    let not_read = || Unavailable("the program's headers lie where they are not read".to_owned());
    match takes(host, elf) {
        _ if !PROGRAM_TYPES.contains(&elf.kind) => return Ok(refuse(prediction, Obstacle::File, Errno::Enoexec)),
        Takes::Yes => {}
        Takes::No => return Ok(refuse(prediction, Obstacle::File, Errno::Enoexec)),
        Takes::Unknown(reason) => return Err(Unavailable(reason)),
    }
    match elf.headers {
        Headers::Readable => {}
        Headers::Broken => return Ok(refuse(prediction, Obstacle::File, Errno::Enoexec)),
        Headers::NotRead => return Err(not_read()),
    }
    let path = match &elf.interpreter {
        Interpreter::None => return Ok(permitted(prediction)),
        Interpreter::Malformed => return Ok(refuse(prediction, Obstacle::File, Errno::Enoexec)),
        Interpreter::Cut => return Ok(refuse(prediction, Obstacle::File, Errno::Eio)),
        Interpreter::OutOfRange => return Ok(refuse(prediction, Obstacle::File, Errno::Einval)),
        Interpreter::NotRead => return Err(not_read()),
        Interpreter::Path(path) => path.clone(),
    };
    let loader = match open(process, &path)? {
        Ok(loader) => loader,
        Err(errno) => return Ok(refuse(prediction, Obstacle::Loader(path), errno)),
    };
    let header = if is_32bit(elf.machine) { HEADER_32 } else { HEADER_64 };
    let errno = if loader.size < header {
        Some(Errno::Eio)
    } else {
        match loader.elf() {
            None => Some(Errno::Elibbad),
            Some(other) => match takes_loader(host, elf, other) {
                Takes::No => Some(Errno::Elibbad),
                Takes::Unknown(reason) => return Err(Unavailable(reason)),
                Takes::Yes => match other.headers {
                    Headers::Readable => None,
                    Headers::Broken => Some(Errno::Elibbad),
                    Headers::NotRead => return Err(not_read()),
                },
            },
        }
    };
    match errno {
        Some(errno) => Ok(refuse(prediction, Obstacle::LoaderContent(Box::new(loader)), errno)),
        None => {
            prediction.loader = Some(loader);
            Ok(permitted(prediction))
        }
    }
}

/// The last check before the point of no return (`bprm_creds_from_file`).
fn permitted(prediction: &Prediction) -> Result<(), Errno> {
    if prediction.chain.last().is_some_and(|step| step.privileged) { Err(Errno::Eperm) } else { Ok(()) }
}

fn refuse(prediction: &mut Prediction, obstacle: Obstacle, errno: Errno) -> Result<(), Errno> {
    prediction.obstacle = Some(obstacle);
    Err(errno)
}

fn is_32bit(machine: Machine) -> bool {
    matches!(machine, Machine::Known(Architecture::X86 | Architecture::Arm))
}

/// `elf_check_arch` and `compat_elf_check_arch` of the host's architecture.
fn takes(host: &Host, elf: &Elf) -> Takes {
    use Architecture::{Arm, Arm64, Mips64le, Riscv64, S390x, X86, X86_64};
    let Machine::Known(machine) = elf.machine else { return Takes::No };
    let by_class = |yes: bool| if yes { Takes::Yes } else { Takes::No };
    match (host.platform.architecture, machine) {
        (Riscv64 | S390x | Mips64le, same) if same == host.platform.architecture => by_class(elf.class == CLASS_64),
        // There are no processors for i386 alone among the hosts of containers.
        (X86, X86 | X86_64) => Takes::Yes,
        (Arm, Arm) => by_class(elf.eabi),
        (Arm, Arm64) => Takes::Unknown("whether the host's kernel is a 64-bit one is not known".to_owned()),
        (same, other) if same == other => Takes::Yes,
        (X86_64, X86) => match host.runs_32bit {
            Some(true) => Takes::Yes,
            Some(false) => Takes::No,
            None => Takes::Unknown("whether the host runs 32-bit x86 programs is not known".to_owned()),
        },
        (Arm64, Arm) if !elf.eabi => Takes::No,
        (Arm64, Arm) => match host.runs_32bit {
            Some(true) => Takes::Yes,
            Some(false) => Takes::No,
            None => Takes::Unknown("whether the host's processor runs 32-bit Arm programs is not known".to_owned()),
        },
        _ => Takes::No,
    }
}

/// A loader must be of the very machine of its program.
fn takes_loader(host: &Host, program: &Elf, loader: &Elf) -> Takes {
    if program.machine == loader.machine { takes(host, loader) } else { Takes::No }
}
