//! `RUN` lines: not what they do, only whether they can touch a file, and which processors they name.
//!
//! A line is split into simple commands as a shell would, quotes respected and nothing expanded. A command that is not known
//! may do anything.

use crate::platform::Architecture;

/// What a command may do to a file that was copied before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing.
    None,
    /// It may give it another mode.
    Mode,
    /// It is not a command that is known, but it does not name the file either.
    Unlikely,
    /// It may replace the file.
    Content,
}

/// Commands that install packages or set up the system, and leave files of the application alone.
const SYSTEM: &[&str] = &[
    "apt-get",
    "apt",
    "apk",
    "yum",
    "dnf",
    "microdnf",
    "tdnf",
    "zypper",
    "pacman",
    "dpkg",
    "rpm",
    "add-apt-repository",
    "apt-key",
    "gpg",
    "debconf-set-selections",
    "update-ca-certificates",
    "ldconfig",
    "locale-gen",
    "update-locale",
    "useradd",
    "adduser",
    "usermod",
    "groupadd",
    "addgroup",
    "groupmod",
    "deluser",
    "passwd",
    "chpasswd",
    "mkdir",
    "chown",
    "chgrp",
    "touch",
    "set",
    "export",
    "unset",
    "cd",
    "true",
    "false",
    ":",
    "test",
    "[",
    "[[",
    "ls",
    "which",
    "command",
    "type",
    "id",
    "date",
    "sleep",
    "uname",
    "echo",
    "printf",
    "cat",
    "head",
    "tail",
    "grep",
    "env",
    "getent",
    "stat",
    "du",
    "df",
    "setcap",
    "getcap",
    "a2enmod",
    "a2dismod",
    "a2ensite",
    "docker-php-ext-install",
    "docker-php-ext-configure",
    "docker-php-ext-enable",
    "pecl",
    "pip",
    "pip3",
    "pipx",
    "corepack",
    "gem",
    "update-alternatives",
    "alternatives",
    "amazon-linux-extras",
    "fc-cache",
    "sha256sum",
    "md5sum",
    "sha1sum",
    "sha512sum",
    "arch",
    "nproc",
    "read",
    "exit",
    "ln",
    "mktemp",
    "mkfifo",
    "chsh",
    "visudo",
    "dpkg-architecture",
    "dpkg-reconfigure",
    "rustup",
    "n",
    "nvm",
    "install_packages",
];
/// Commands that build or fetch an application: they make programs, but do not rewrite the scripts that came with its sources.
const BUILDERS: &[&str] = &[
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "pnpx",
    "bun",
    "bunx",
    "node",
    "go",
    "cargo",
    "mvn",
    "mvnw",
    "gradle",
    "gradlew",
    "dotnet",
    "make",
    "cmake",
    "ninja",
    "meson",
    "poetry",
    "pipenv",
    "uv",
    "pdm",
    "hatch",
    "bundle",
    "rake",
    "rails",
    "composer",
    "turbo",
    "nx",
    "lerna",
    "tsc",
    "vite",
    "next",
    "ng",
    "python",
    "python3",
    "ruby",
    "php",
    "java",
    "javac",
    "mix",
    "sbt",
    "swift",
    "deno",
    "conda",
    "mamba",
    "micromamba",
    "protoc",
    "buf",
    "prisma",
    "strip",
    "upx",
    "gcc",
    "g++",
    "cc",
    "clang",
    "xx-go",
    "xx-cargo",
    "xx-apk",
    "xx-apt",
    "xx-apt-get",
    "xx-verify",
    "git",
    "curl",
    "wget",
    "gunzip",
    "sass",
    "webpack",
    "esbuild",
    "pytest",
];
/// Commands that put files where they are told, or where they are.
const MOVERS: &[&str] =
    &["cp", "mv", "tar", "unzip", "bsdtar", "rsync", "install", "rm", "curl", "wget", "git", "cpio", "7z"];
/// Words before a command that are not one.
const PREFIXES: &[&str] = &[
    "then", "do", "else", "if", "elif", "while", "until", "!", "{", "(", "}", ")", "sudo", "exec", "time", "nice",
    "eval", "&&", "fi", "done", "esac", "nohup", "ionice",
];

/// The simple commands of a text, as words. Quotes are taken away.
pub fn commands(text: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut in_word = false;
    let mut quote: Option<char> = None;
    let mut chars = text.chars().peekable();
    let end_word = |word: &mut String, in_word: &mut bool, words: &mut Vec<String>| {
        if *in_word {
            words.push(std::mem::take(word));
            *in_word = false;
        }
    };
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => match chars.next() {
                // A line goes on.
                Some('\n') | None => {}
                Some('\r') => {
                    chars.next_if_eq(&'\n');
                }
                Some(escaped) => {
                    word.push(escaped);
                    in_word = true;
                }
            },
            ('"' | '\'', None) => {
                quote = Some(c);
                in_word = true;
            }
            (c, Some(open)) if c == open => quote = None,
            (';' | '&' | '|' | '\n', None) => {
                end_word(&mut word, &mut in_word, &mut words);
                if !words.is_empty() {
                    all.push(std::mem::take(&mut words));
                }
            }
            ('#', None) if !in_word => while chars.next_if(|c| *c != '\n').is_some() {},
            (c, None) if c.is_whitespace() => end_word(&mut word, &mut in_word, &mut words),
            (c, _) => {
                word.push(c);
                in_word = true;
            }
        }
    }
    end_word(&mut word, &mut in_word, &mut words);
    if !words.is_empty() {
        all.push(words);
    }
    all
}

/// The program that a simple command runs, and its arguments: assignments and words such as `then` left out.
pub fn program(words: &[String]) -> Option<(&str, &[String])> {
    let mut rest = words;
    while let Some((first, after)) = rest.split_first() {
        let assignment = first
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        let is_case = first.ends_with(')') && !first.contains('(');
        if assignment || is_case || PREFIXES.contains(&first.as_str()) || first.starts_with("--mount=") {
            rest = after;
        } else {
            return Some((first.rsplit('/').next().unwrap_or(first), after));
        }
    }
    None
}

/// What a `RUN` may do to a file: `path` from the root on. `is_text` is for scripts, which builds of an application leave alone.
pub fn effect(text: &str, directory: Option<&str>, path: &str, is_text: bool) -> Effect {
    let mut worst = Effect::None;
    let mut here = directory.map(str::to_owned);
    for words in commands(text) {
        let Some((name, arguments)) = program(&words) else { continue };
        if name == "cd" {
            here = arguments.first().map(|to| if to.starts_with('/') { to.clone() } else { "?".to_owned() });
        }
        worst = worst.max(effect_of(name, arguments, here.as_deref(), path, is_text));
        if worst == Effect::Content {
            break;
        }
    }
    worst
}

/// What a `RUN` may do to installed packages, such as those in `node_modules`: only what installs or removes packages counts, and what
/// is not known.
pub fn effect_on_packages(text: &str, _: Option<&str>, _: &str, _: bool) -> Effect {
    const INSTALLERS: &[&str] = &[
        "npm", "yarn", "pnpm", "bun", "npx", "pnpx", "bunx", "lerna", "turbo", "nx", "pip", "pip3", "pipenv", "poetry",
        "uv", "pdm", "conda", "cargo", "make", "bundle", "composer",
    ];
    const INSTALLS: &[&str] = &[
        "install",
        "ci",
        "i",
        "rebuild",
        "add",
        "update",
        "upgrade",
        "up",
        "bootstrap",
        "prune",
        "sync",
        "deploy",
        "build",
        "clean-install",
        "it",
        "install-test",
        "reinstall",
    ];
    let mut worst = Effect::None;
    for words in commands(text) {
        let Some((name, arguments)) = program(&words) else { continue };
        let mut plain = arguments.iter().filter(|word| !word.starts_with('-'));
        let first = plain.next().map(String::as_str);
        let touches = arguments.iter().any(|word| word.contains("node_modules") || word.contains("venv"));
        let effect = match name {
            "chown" | "chmod" | "ls" | "du" => Effect::None,
            _ if touches => Effect::Content,
            "npm" | "pnpm" | "bun"
                if matches!(first, Some("run" | "test" | "start" | "config" | "cache" | "set" | "exec")) =>
            {
                Effect::None
            }
            "yarn" if matches!(first, Some("run" | "build" | "test" | "lint" | "cache" | "config")) => Effect::None,
            "yarn" | "make" | "lerna" | "turbo" | "nx" => Effect::Content,
            _ if INSTALLERS.contains(&name) => {
                if arguments.iter().any(|word| INSTALLS.contains(&word.as_str())) {
                    Effect::Content
                } else {
                    Effect::None
                }
            }
            _ if SYSTEM.contains(&name) || BUILDERS.contains(&name) || MOVERS.contains(&name) => Effect::None,
            _ => Effect::Content,
        };
        worst = worst.max(effect);
    }
    worst
}

fn effect_of(name: &str, arguments: &[String], directory: Option<&str>, path: &str, is_text: bool) -> Effect {
    let named = arguments.iter().any(|word| may_name(word, directory, path));
    let redirected = arguments.windows(2).any(|pair| match pair {
        [arrow, to] => arrow.ends_with('>') && may_name(to, directory, path),
        _ => false,
    });
    match name {
        _ if redirected => Effect::Content,
        "chmod" => {
            let recursive = arguments.iter().any(|word| word.starts_with('-') && word.contains('R'));
            if named || recursive { Effect::Mode } else { Effect::None }
        }
        // What a command substitution or a wildcard in `find` does is not known.
        "find" | "xargs" => {
            let harmless = arguments.iter().all(|word| !word.starts_with("-exec") && word != "-delete");
            let only_modes = arguments.iter().any(|word| word == "chmod" || word == "chown");
            match (harmless && name == "find", only_modes) {
                (true, _) => Effect::None,
                (false, true) => Effect::Mode,
                _ => Effect::Content,
            }
        }
        "chown" | "chgrp" | "ls" | "cat" | "test" | "[" | "stat" | "setcap" | "which" | "ln" | "grep" | "head"
        | "echo" | "printf" | "mkdir" => Effect::None,
        _ if named => Effect::Content,
        _ if MOVERS.contains(&name) => {
            // Without a place of their own, they work where they are.
            let here =
                directory.is_none_or(|directory| directory == "?" || is_below(path, directory) && directory != "/");
            if here && !matches!(name, "rm" | "git") { Effect::Content } else { Effect::None }
        }
        _ if SYSTEM.contains(&name) => Effect::None,
        _ if BUILDERS.contains(&name) => match (is_text, is_output(path)) {
            (false, _) => Effect::Content,
            (true, true) => Effect::Unlikely,
            (true, false) => Effect::None,
        },
        _ => {
            if is_text {
                Effect::Unlikely
            } else {
                Effect::Content
            }
        }
    }
}

/// Whether a path lies where builds put what they make.
fn is_output(path: &str) -> bool {
    const OUTPUTS: [&str; 9] =
        ["dist", "build", "out", "output", "target", "public", "vendor", ".next", "node_modules"];
    path.split('/').any(|name| OUTPUTS.contains(&name))
}

/// Whether a word may stand for a file: its name, its path, a directory it is in, or a wildcard.
fn may_name(word: &str, directory: Option<&str>, path: &str) -> bool {
    let word = word.trim_start_matches(['>', '<']).trim_end_matches(')');
    let word = word.rsplit_once('=').map_or(word, |(_, value)| value);
    if word.is_empty() || word.starts_with('-') {
        return false;
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    if word.contains(file) {
        return true;
    }
    // A wildcard that may match: `*.sh`, `/scripts/*`, `*`.
    if let Some(star) = word.find('*') {
        let before = word.get(..star).unwrap_or_default();
        let (parent, _) = before.rsplit_once('/').unwrap_or(("", before));
        let pattern = word.get(parent.len()..).unwrap_or(word).trim_start_matches('/');
        let parent = if parent.starts_with('/') || before.starts_with('/') {
            parent.to_owned()
        } else {
            format!("{}/{parent}", directory.filter(|directory| *directory != "?").unwrap_or("/"))
        };
        let parent = parent.trim_end_matches("/.").trim_end_matches('/').replace("/./", "/").replace("//", "/");
        let Some(rest) = path.strip_prefix(&parent).and_then(|rest| rest.strip_prefix('/')) else {
            return directory == Some("?") || directory.is_none() && !word.starts_with('/');
        };
        let Some(glob) = super::ignore::Glob::parse(pattern) else { return true };
        return glob.matches(rest)
            || rest.match_indices('/').any(|(at, _)| rest.get(..at).is_some_and(|part| glob.matches(part)));
    }
    if word.contains('$') {
        return false;
    }
    let full = match (word.starts_with('/'), directory) {
        (true, _) => word.to_owned(),
        (false, Some(directory)) if directory.starts_with('/') => format!("{}/{word}", directory.trim_end_matches('/')),
        _ => return false,
    };
    let full = full.trim_end_matches("/.").trim_end_matches('/').replace("/./", "/");
    !full.is_empty() && is_below(path, &full)
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Names of processors in words of URLs, files and options, longest first.
const NAMES: &[(&str, Architecture)] = &[
    ("x86_64", Architecture::X86_64),
    ("x86-64", Architecture::X86_64),
    ("amd64", Architecture::X86_64),
    ("x64", Architecture::X86_64),
    ("aarch64", Architecture::Arm64),
    ("arm64v8", Architecture::Arm64),
    ("arm64", Architecture::Arm64),
    ("armv8", Architecture::Arm64),
];

/// The processors that a text names, each once: letters and digits next to a name make another word of it.
pub fn architectures(text: &str) -> Vec<Architecture> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (name, architecture) in NAMES {
        let is_word = lower.match_indices(name).any(|(at, _)| {
            let before = lower.get(..at).and_then(|text| text.chars().next_back());
            let after = lower.get(at + name.len()..).and_then(|text| text.chars().next());
            // `linux64` and `linuxamd64` are written too.
            let joined = before.is_some_and(|c| c.is_ascii_alphanumeric())
                && !lower.get(..at).is_some_and(|text| text.ends_with("linux") || text.ends_with("musl"));
            !joined && !after.is_some_and(|c| c.is_ascii_alphanumeric())
        });
        if is_word && !found.contains(architecture) {
            found.push(*architecture);
        }
    }
    found
}

/// Whether a text asks which processor it is for, so that what it names may be one of several.
pub fn asks(text: &str) -> bool {
    const QUESTIONS: &[&str] = &[
        "TARGETARCH",
        "TARGETPLATFORM",
        "TARGETVARIANT",
        "BUILDARCH",
        "BUILDPLATFORM",
        "uname",
        "print-architecture",
        "--print-arch",
        "$(arch)",
        "`arch`",
        "$ARCH",
        "${ARCH",
        "$arch",
        "${arch",
        "dpkg-architecture",
        "HOSTTYPE",
        "MACHTYPE",
        "--eval '%{_arch}'",
        "%_arch",
        "go env GOARCH",
        "rustc -vV",
        "xx-",
        "process.arch",
        "platform.machine",
        "$(nproc --arch",
        "$PLATFORM",
        "${PLATFORM",
        "GOARCH:-",
        "case ",
    ];
    QUESTIONS.iter().any(|question| text.contains(question))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        let shown: Vec<String> = commands("set -eux; apt-get update && \\\n  A=1 make \"a b\" # c\n x | y")
            .iter()
            .map(|c| c.join(","))
            .collect();
        assert_eq!(shown, ["set,-eux", "apt-get,update", "A=1,make,a b", "x", "y"]);
        assert_eq!(program(&commands("then FOO=1 sudo /usr/bin/make all")[0]).unwrap().0, "make");
    }

    #[test]
    fn only_what_cannot_touch_a_file_leaves_it_alone() {
        let of = |text: &str| effect(text, Some("/app"), "/app/run.sh", true);
        for text in [
            "apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*",
            "npm ci && npm run build",
            "chown -R app:app /app",
            "addgroup app && adduser -S app",
            "ln -s /app/run.sh /usr/bin/run",
            "chmod +x /other.sh",
        ] {
            assert_eq!(of(text), Effect::None, "{text}");
        }
        for text in ["chmod +x run.sh", "chmod -R 755 /app", "chmod 755 *.sh", "find . -name x -exec chmod +x {} +"] {
            assert_eq!(of(text), Effect::Mode, "{text}");
        }
        for text in [
            "sed -i 's/\\r$//' /app/run.sh",
            "dos2unix *.sh",
            "find /app -type f -exec dos2unix {} +",
            "cp -r /src/. /app",
            "mv run.sh.prod run.sh",
            "curl -o run.sh https://x",
            "tar xzf /tmp/x.tgz",
            "echo '#!/bin/sh' > run.sh",
            "cd /tmp && install x /app/run.sh",
        ] {
            assert_eq!(of(text), Effect::Content, "{text}");
        }
        assert_eq!(of("./setup"), Effect::Unlikely);
        assert_eq!(effect("npm run build", Some("/app"), "/app/server", false), Effect::Content);
        assert_eq!(effect("npm run build", Some("/app"), "/app/dist/run.sh", true), Effect::Unlikely);
        assert_eq!(effect("apk add curl", Some("/app"), "/app/server", false), Effect::None);
    }

    #[test]
    fn processors_are_told_by_whole_words() {
        assert_eq!(architectures("tool-linux-amd64.tar.gz"), [Architecture::X86_64]);
        assert_eq!(architectures("Linux_x86_64 linux-aarch64"), [Architecture::X86_64, Architecture::Arm64]);
        for text in ["charm64", "x640", "famd64x", "webpack"] {
            assert!(architectures(text).is_empty(), "{text}");
        }
        assert!(asks("curl x-$(dpkg --print-architecture)"));
        assert!(!asks("curl x-amd64"));
    }
}
