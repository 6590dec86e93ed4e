//! Will this command start on that host? What the container runtime does before, and what `execve` says then.
//!
//! The runtime's part is that of runc: it resolves the user, enters the working directory and looks the program up. The
//! kernel's part is that of Linux: it opens the file, follows interpreters, and opens the loader. Nothing is executed. What
//! a program does once it runs is not known here.

pub mod command;
mod create;
pub mod errno;
mod kernel;
pub mod libraries;
mod mounts;
pub mod user;
pub mod walk;
pub mod wrapper;

use crate::executable::Executable;
use crate::executable::elf::{Elf, Machine};
use crate::image::view::{Unavailable, Unpacking, View};
use crate::platform::{Architecture, Platform};
use command::Command;
use errno::Errno;
use walk::Process;

/// A machine that containers run on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    /// Its platform.
    pub platform: Platform,
    /// Whether it executes the 32-bit programs of its family, if that is known: i386 on x86_64 needs IA32 emulation in the
    /// kernel, Arm on arm64 a processor with AArch32.
    pub runs_32bit: Option<bool>,
}

impl Host {
    /// A host of which only the platform is known. Distribution kernels for x86_64, those of Amazon Linux among them, have
    /// IA32 emulation; the processors for arm64 differ.
    pub fn of(platform: Platform) -> Host {
        let runs_32bit = (platform.architecture == Architecture::X86_64).then_some(true);
        Host { platform, runs_32bit }
    }
}

/// How far a command comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `execve` succeeds.
    Starts,
    /// The runtime refuses before it starts anything.
    Refused {
        /// The kernel's error behind it, if there is one.
        errno: Option<Errno>,
        /// The runtime's words.
        text: String,
        /// What it refused.
        refusal: Refusal,
    },
    /// `execve` fails.
    Fails {
        /// The kernel's error.
        errno: Errno,
        /// The one line in the container's log.
        text: String,
    },
    /// It cannot be known, with the reason.
    Unknown(String),
}

/// What a runtime refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no command.
    NoCommand,
    /// The user.
    User,
    /// The environment.
    Environment,
    /// The working directory.
    Directory,
    /// The program is not there.
    NotFound,
    /// The program may not be executed.
    NotExecutable,
}

/// One file that the kernel opens on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The path by which it was asked for.
    pub asked: Vec<u8>,
    /// The file's own path, after all links.
    pub path: Vec<u8>,
    /// What it is.
    pub executable: Executable,
    /// Its size in bytes.
    pub size: u64,
    /// The layer that it comes from, counted from the top.
    pub layer: usize,
    /// Whether it demands capabilities that containers do not have by default.
    pub privileged: bool,
}

impl Step {
    /// The ELF file, if it is one.
    pub fn elf(&self) -> Option<&Elf> {
        match &self.executable {
            Executable::Elf(elf) => Some(elf),
            _ => None,
        }
    }
}

/// Which file of a chain is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The program itself.
    Entrypoint,
    /// What interprets a script.
    Interpreter,
    /// The dynamic loader.
    Loader,
}

/// What the way failed on, for rules to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The last file of the chain is not one that this kernel executes.
    File,
    /// The interpreter that the last file of the chain names cannot be opened.
    Interpreter(Vec<u8>),
    /// The loader that the last file of the chain names cannot be opened.
    Loader(Vec<u8>),
    /// The loader is there, and is none for this program.
    LoaderContent(Box<Step>),
    /// Scripts interpret each other without end.
    Depth,
}

/// A prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// The command's words.
    pub argv: Vec<String>,
    /// The program's path as the runtime found it.
    pub program: Option<Vec<u8>>,
    /// The files that the kernel opens: the program, its interpreter, that one's interpreter.
    pub chain: Vec<Step>,
    /// The loader, if the last file of the chain has one and it was found.
    pub loader: Option<Step>,
    /// What stopped it.
    pub obstacle: Option<Obstacle>,
    /// How far it comes.
    pub outcome: Outcome,
    /// The host that was asked about.
    pub host: Host,
}

impl Prediction {
    /// The file that stopped it because it is a program of a machine that the host is not.
    pub fn foreign(&self) -> Option<(Role, &Step, Machine)> {
        let last = self.chain.last();
        let (role, step) = match (&self.outcome, &self.obstacle) {
            (Outcome::Fails { errno: Errno::Enoexec, .. }, Some(Obstacle::File)) if self.chain.len() == 1 => {
                (Role::Entrypoint, last?)
            }
            (Outcome::Fails { errno: Errno::Enoexec, .. }, Some(Obstacle::File)) => (Role::Interpreter, last?),
            (Outcome::Fails { .. }, Some(Obstacle::LoaderContent(step))) => (Role::Loader, step.as_ref()),
            _ => return None,
        };
        let elf = step.elf()?;
        let expected = match role {
            Role::Loader => last?.elf()?.machine,
            _ => Machine::Known(self.host.platform.architecture),
        };
        let is_program = role == Role::Loader || kernel::PROGRAM_TYPES.contains(&elf.kind);
        (is_program && elf.machine != expected).then_some((role, step, elf.machine))
    }

    /// The machine of the program that the kernel runs, or would have had to run.
    pub fn machine(&self) -> Option<Machine> {
        self.chain.last()?.elf().map(|elf| elf.machine)
    }
}

/// Follows a command on a host.
pub fn predict(view: &View<'_>, command: &Command, host: &Host) -> Prediction {
    let mut prediction = Prediction {
        argv: command.argv.clone(),
        program: None,
        chain: Vec::new(),
        loader: None,
        obstacle: None,
        outcome: Outcome::Starts,
        host: host.clone(),
    };
    prediction.outcome = match run(view, command, host, &mut prediction) {
        Ok(outcome) => outcome,
        Err(Unavailable(reason)) => Outcome::Unknown(reason),
    };
    if view.is_ambiguous() {
        let mut other =
            Prediction { program: None, chain: Vec::new(), loader: None, obstacle: None, ..prediction.clone() };
        view.set_unpacking(Unpacking::Apart);
        let outcome = run(view, command, host, &mut other);
        view.set_unpacking(Unpacking::Over);
        if outcome.as_ref() != Ok(&prediction.outcome) {
            let reason = "a layer writes below a directory where the layers below have a link, and runtimes differ in what they make of it";
            prediction.outcome = Outcome::Unknown(reason.to_owned());
            prediction.obstacle = None;
        }
    }
    prediction
}

fn run(view: &View<'_>, command: &Command, host: &Host, prediction: &mut Prediction) -> Result<Outcome, Unavailable> {
    let mut process = match create::process(view, command)? {
        Ok(process) => process,
        Err(refused) => return Ok(refused),
    };
    let outcome = start(&process, command, host, prediction);
    // These would have to be asked of every layer; what the layers that were read know must do.
    if let Some(root) = view.peek(&[]).filter(|root| process.user.uid != 0 && !process.may_search(root)) {
        process.root = root;
        (prediction.program, prediction.loader, prediction.obstacle) = (None, None, None);
        prediction.chain.clear();
        return start(&process, command, host, prediction);
    }
    if let Some(refused) = create::unreadable_passwd(view) {
        return Ok(refused);
    }
    outcome
}

fn start(
    process: &Process<'_, '_>,
    command: &Command,
    host: &Host,
    prediction: &mut Prediction,
) -> Result<Outcome, Unavailable> {
    let program = match create::look_up(process, command)? {
        Ok(program) => program,
        Err(refused) => return Ok(refused),
    };
    prediction.program = Some(program.clone());
    Ok(match kernel::execve(process, host, &program, prediction)? {
        Ok(()) => Outcome::Starts,
        Err(errno) => {
            let text = format!("exec {}: {}", String::from_utf8_lossy(&program), errno.text());
            Outcome::Fails { errno, text }
        }
    })
}

/// Follows a program that another one starts, as a process of the image.
fn follow(process: &Process<'_, '_>, argv: &[String], program: &[u8], host: &Host) -> Prediction {
    let mut prediction = Prediction {
        argv: argv.to_vec(),
        program: Some(program.to_vec()),
        chain: Vec::new(),
        loader: None,
        obstacle: None,
        outcome: Outcome::Starts,
        host: host.clone(),
    };
    prediction.outcome = match kernel::execve(process, host, program, &mut prediction) {
        Ok(Ok(())) => Outcome::Starts,
        Ok(Err(errno)) => {
            Outcome::Fails { errno, text: format!("{}: {}", String::from_utf8_lossy(program), errno.text()) }
        }
        Err(Unavailable(reason)) => Outcome::Unknown(reason),
    };
    prediction
}

/// A process as the runtime makes it, for questions about other programs of the image.
///
/// # Errors
/// [`Unavailable`] where the image does not hold what decides; `None` where the runtime would refuse.
pub fn process<'v, 's>(view: &'v View<'s>, command: &Command) -> Result<Option<Process<'v, 's>>, Unavailable> {
    Ok(create::process(view, command)?.ok())
}
