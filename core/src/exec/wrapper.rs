//! Programs that start another one: shells with a simple command, `env`, and the small init processes.
//!
//! The wrapper starts whatever it is told, so the kernel's answer for the container is good; the program behind it may still
//! not be one. Only what can be read without being a shell is followed: one command, no expansion, no quotes.

use super::command::Command;
use super::walk::Process;
use super::{Outcome, Prediction, follow};
use crate::executable::Executable;
use crate::executable::script::Line;
use crate::image::view::Unavailable;

/// A program behind another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// What starts it, as it would be typed.
    pub wrapper: String,
    /// Its name, as the wrapper is told it.
    pub name: String,
    /// What happens to it; `None` if it is nowhere on the `PATH`.
    pub prediction: Option<Prediction>,
}

/// Wrappers behind wrappers that are followed: `tini -- sh -c "exec /app"`.
const MAX_DEPTH: usize = 4;

/// Options of wrappers that take a word of their own.
const WITH_VALUE: [&str; 6] = ["-e", "-p", "-r", "--rewrite", "-u", "--unset"];

/// What the started program starts in its turn, if that can be told.
///
/// # Errors
/// [`Unavailable`] where the image does not hold what decides.
pub fn wrapped(
    process: &Process<'_, '_>,
    command: &Command,
    outer: &Prediction,
) -> Result<Option<Wrapped>, Unavailable> {
    let mut argv = as_the_kernel_passes_it(outer);
    let mut names: Vec<String> = Vec::new();
    for _ in 0..MAX_DEPTH {
        let Some((wrapper, inner)) = unwrap(&argv) else { break };
        names.push(wrapper);
        argv = inner;
    }
    let (false, Some(name)) = (names.is_empty(), argv.first()) else { return Ok(None) };
    let (wrapper, name) = (names.join(" "), name.clone());
    // `execvp` goes on along `PATH` while files are missing or not executable.
    let candidates: Vec<String> = if name.contains('/') {
        vec![name.clone()]
    } else {
        let path = command.variable("PATH").unwrap_or_default();
        let directories = path.split(':').filter(|directory| directory.starts_with('/'));
        directories.map(|directory| format!("{directory}/{name}")).collect()
    };
    for candidate in candidates {
        if process.open_executable(candidate.as_bytes())?.is_ok() {
            let prediction = follow(process, &argv, candidate.as_bytes(), &outer.host);
            return Ok(Some(Wrapped { wrapper, name, prediction: Some(prediction) }));
        }
    }
    Ok(Some(Wrapped { wrapper, name, prediction: None }))
}

/// The words with which the last file of the chain is started: each script's interpreter, its argument, and the script.
fn as_the_kernel_passes_it(outer: &Prediction) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut argv = outer.argv.clone();
    for (index, step) in outer.chain.iter().enumerate() {
        let Executable::Script(script) = &step.executable else { break };
        let Line::Interpreter { path, argument } = &script.line else { break };
        let script = if index == 0 { outer.program.as_deref().unwrap_or(&step.asked) } else { &step.asked };
        let mut words = vec![text(path)];
        words.extend(argument.as_deref().map(text));
        words.push(text(script));
        words.extend(argv.drain(..).skip(1));
        argv = words;
    }
    argv
}

/// Takes one wrapper away; `None` where there is none that is understood.
fn unwrap(argv: &[String]) -> Option<(String, Vec<String>)> {
    let (program, arguments) = argv.split_first()?;
    let name = program.rsplit('/').next()?;
    match name {
        "sh" | "bash" | "dash" | "ash" => match arguments {
            [option, script, ..] if option == "-c" => Some((format!("{program} -c"), simple_command(script)?)),
            _ => None,
        },
        "env" if matches!(arguments, [first, ..] if first.starts_with("-S")) => {
            let (first, rest) = arguments.split_first()?;
            let words = first.strip_prefix("-S")?.trim_start();
            let (line, rest) = if words.is_empty() { (rest.first()?.as_str(), rest.get(1..)?) } else { (words, rest) };
            let plain = !line.contains(['\\', '"', '\'', '$', '#']);
            let words = line.split_whitespace().map(str::to_owned);
            plain.then(|| (format!("{program} -S"), words.chain(rest.iter().cloned()).collect()))
        }
        "env" | "tini" | "tini-static" | "docker-init" | "dumb-init" | "catatonit" => {
            let mut rest = arguments;
            while let Some((first, after)) = rest.split_first() {
                let assignment = name == "env" && first.contains('=') && !first.starts_with('-');
                if first == "--" {
                    rest = after;
                    break;
                } else if WITH_VALUE.contains(&first.as_str()) {
                    rest = after.get(1..)?;
                } else if matches!(
                    first.as_str(),
                    "-g" | "-s" | "-v" | "-vv" | "-vvv" | "-c" | "--single-child" | "--verbose" | "-i"
                ) || assignment
                {
                    rest = after;
                } else if first.starts_with('-') {
                    return None;
                } else {
                    break;
                }
            }
            (!rest.is_empty()).then(|| (program.clone(), rest.to_vec()))
        }
        "su-exec" | "gosu" => Some((program.clone(), arguments.get(1..).filter(|rest| !rest.is_empty())?.to_vec())),
        _ => None,
    }
}

/// The words of a shell's command line, where they mean themselves.
fn simple_command(script: &str) -> Option<Vec<String>> {
    if script.contains(|c: char| "|&;<>()$`\\\"'*?[]#~=%!{}\n".contains(c)) {
        return None;
    }
    let words: Vec<String> = script.split_whitespace().map(str::to_owned).collect();
    let words = match words.split_first() {
        Some((first, rest)) if first == "exec" => rest.to_vec(),
        _ => words,
    };
    // Everything else may be a builtin or a function.
    words.first().is_some_and(|word| word.contains('/')).then_some(words)
}

impl Wrapped {
    /// Whether what is behind the wrapper is certain not to run: a shell or `execvp` reads a text without `#!` as a script.
    pub fn fails(&self) -> bool {
        let Some(prediction) = &self.prediction else { return false };
        matches!(prediction.outcome, Outcome::Fails { .. })
            && !prediction.chain.last().is_some_and(|step| match &step.executable {
                Executable::Other(format) => format.is_text(),
                _ => false,
            })
    }
}

impl Wrapped {
    /// What to say where the kernel refuses a text that the wrapper then reads as a script.
    pub fn read_as_script(&self) -> Option<String> {
        let fails = self.prediction.as_ref().is_some_and(|inner| matches!(inner.outcome, Outcome::Fails { .. }));
        (fails && !self.fails()).then(|| {
            format!("`{}` has no `#!`; `{}` falls back to reading it as a script of the shell", self.name, self.wrapper)
        })
    }

    /// Whether a script names its interpreter through `env`, which will not find it.
    pub fn is_missing_interpreter(&self, outer: &Prediction) -> bool {
        let through_env = self.wrapper.rsplit('/').next().is_some_and(|name| name == "env" || name == "env -S");
        self.prediction.is_none() && through_env && outer.chain.len() > 1 && !self.name.contains(['\r', '/'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner(argv: &[&str]) -> Option<Vec<String>> {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        unwrap(&argv).map(|(_, inner)| inner)
    }

    #[test]
    fn only_what_is_plain_is_unwrapped() {
        assert_eq!(inner(&["/bin/sh", "-c", "exec /app/run --now"]).unwrap(), ["/app/run", "--now"]);
        assert_eq!(inner(&["tini", "-g", "--", "/app"]).unwrap(), ["/app"]);
        assert_eq!(inner(&["/usr/bin/env", "A=1", "node", "x"]).unwrap(), ["node", "x"]);
        assert_eq!(inner(&["gosu", "app", "/run"]).unwrap(), ["/run"]);
        assert_eq!(inner(&["/usr/bin/env", "-S node --no-warnings", "/x"]).unwrap(), ["node", "--no-warnings", "/x"]);
        for argv in [&["sh", "-c", "/app | tee"][..], &["sh", "-c", "echo hi"], &["sh", "/app"], &["/app"], &["env"]] {
            assert_eq!(inner(argv), None, "{argv:?}");
        }
    }
}
