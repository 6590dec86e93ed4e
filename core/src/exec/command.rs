//! What is started: an image's configuration with what a task definition puts in its place.

use crate::image::manifest::Execution;

/// The runtime gives this where an image sets no `PATH` (moby, `oci.DefaultPathEnv`).
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a task definition says in the place of the image. Nothing, or an empty list, leaves the image's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Overrides {
    /// `entryPoint`
    pub entrypoint: Option<Vec<String>>,
    /// `command`
    pub command: Option<Vec<String>>,
    /// `user`
    pub user: Option<String>,
    /// `workingDirectory`
    pub working_directory: Option<String>,
    /// `environment`, as name and value
    pub environment: Vec<(String, String)>,
}

/// A command with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command {
    /// The words; empty where there is no command.
    pub argv: Vec<String>,
    /// The environment, as `NAME=value`.
    pub env: Vec<String>,
    /// The working directory.
    pub directory: String,
    /// `User`
    pub user: String,
}

impl Command {
    /// Merges as Docker's daemon does (moby, `merge` in daemon/commit.go and `mergeAndVerifyConfig`): an entrypoint of the
    /// task drops the image's command, and an entrypoint of one empty word is none.
    pub fn new(image: &Execution, overrides: &Overrides) -> Command {
        let given = |list: &Option<Vec<String>>| list.clone().filter(|list| !list.is_empty());
        let (entrypoint, command) = match (given(&overrides.entrypoint), given(&overrides.command)) {
            (Some(entrypoint), command) => (entrypoint, command.unwrap_or_default()),
            (None, Some(command)) => (image.entrypoint.clone(), command),
            (None, None) => (image.entrypoint.clone(), image.cmd.clone()),
        };
        let entrypoint = if entrypoint == [String::new()] { Vec::new() } else { entrypoint };
        let mut env = image.env.clone();
        if !env.iter().any(|variable| variable == "PATH" || variable.starts_with("PATH=")) {
            env.insert(0, format!("PATH={DEFAULT_PATH}"));
        }
        env.extend(overrides.environment.iter().map(|(name, value)| format!("{name}={value}")));
        let text = |given: &Option<String>, own: &str| {
            given.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| own.to_owned())
        };
        Command {
            argv: [entrypoint, command].concat(),
            env,
            directory: text(&overrides.working_directory, &image.working_dir),
            user: text(&overrides.user, &image.user),
        }
    }

    /// The value of an environment variable; of several, the last one counts. A name without `=` takes the variable away.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut rest = self.env.iter().rev().filter_map(|variable| variable.strip_prefix(name));
        rest.find(|rest| rest.is_empty() || rest.starts_with('='))?.strip_prefix('=')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_entrypoint_of_the_task_drops_the_images_command() {
        let image = Execution { entrypoint: words(&["/entry"]), cmd: words(&["serve"]), ..Execution::default() };
        let argv = |entrypoint: Option<&[&str]>, command: Option<&[&str]>| {
            let overrides =
                Overrides { entrypoint: entrypoint.map(words), command: command.map(words), ..Overrides::default() };
            Command::new(&image, &overrides).argv
        };
        assert_eq!(argv(None, None), ["/entry", "serve"]);
        assert_eq!(argv(Some(&["/other"]), None), ["/other"]);
        assert_eq!(argv(None, Some(&["x"])), ["/entry", "x"]);
        assert_eq!(argv(Some(&[]), None), ["/entry", "serve"]);
        assert_eq!(argv(Some(&[""]), Some(&["x"])), ["x"]);
    }

    #[test]
    fn an_image_without_path_gets_the_runtimes() {
        let command = Command::new(&Execution::default(), &Overrides::default());
        assert_eq!(command.variable("PATH"), Some(DEFAULT_PATH));
    }
}
