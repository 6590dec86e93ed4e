//! What the commands of a build make: the images that they build, for which platform, and under which names they push them.
//!
//! Only what the commands themselves prove is said. A platform that comes from a variable without a known value, a file (`bake`,
//! `compose`), a remote builder or another script leaves the image undecided, with the reason.

use super::shell::{Command, Reader, Variables, Word};
use crate::template::value::is_mark;

/// What an image is built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// The machine that builds it: nothing says otherwise.
    Native,
    /// The platforms of this `--platform`.
    For(String),
    /// That is not known, with the reason.
    Undecided(String),
}

/// An image that is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Its name, with what is not known as the shell has it.
    pub name: String,
    /// What it is built for.
    pub made: Made,
}

/// A call of `cdk-assets publish`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// The asset manifest, as it is named.
    pub manifest: String,
    /// The asset; `None` for all of them.
    pub asset: Option<String>,
    /// What an asset without a platform is built for.
    pub made: Made,
}

/// What a build does with images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// The images that it pushes.
    pub pushes: Vec<Push>,
    /// The CDK assets that it publishes.
    pub publishes: Vec<Publish>,
    /// Whether it registers an emulator, or may.
    pub emulates: bool,
    /// The names of containers that it writes into a list of images for ECS.
    pub listed: Vec<String>,
}

/// The programs that build images as `docker build` does.
const BUILDERS: &[&str] = &["docker", "finch", "podman", "nerdctl", "buildah"];
/// The programs that put images together, copy them, or build them in ways of their own.
const OTHER_TOOLS: &[&str] = &[
    "docker-compose",
    "buildctl",
    "pack",
    "earthly",
    "ko",
    "crane",
    "skopeo",
    "regctl",
    "oras",
    "jib",
    "depot",
    "bazel",
    "nixpacks",
    "img",
    "manifest-tool",
    "copa",
];
/// What is said to a machine elsewhere.
const REMOTE: &[&str] = &[
    "DOCKER_HOST",
    "docker context",
    "ssh://",
    "tcp://",
    "--driver remote",
    "--driver kubernetes",
    "--driver=remote",
    "--driver=kubernetes",
    "--driver cloud",
    "--driver=cloud",
    "DOCKER_CONTEXT",
    "BUILDX_BUILDER",
];
/// Variables that send builds elsewhere, or to another engine.
const REMOTE_VARIABLES: &[&str] =
    &["DOCKER_HOST", "DOCKER_CONTEXT", "BUILDX_BUILDER", "BUILDKIT_HOST", "CONTAINER_HOST"];
/// How many images of one build are told apart.
const MAX_IMAGES: usize = 1000;
/// What registers an emulator, and builders that have one in them: BuildKit in a container of its own, which Docker itself is
/// not. Source: BuildKit, "Building multi-platform images".
const EMULATORS: &[&str] = &["binfmt", "qemu", "buildx create", "buildkitd", "moby/buildkit", "nerdctl", "finch"];

/// Reads the commands of a build, in their order; `variables` are those that the build starts with.
pub fn of_commands(scripts: &[String], variables: Variables) -> Work {
    let text = scripts.join("\n");
    let written = REMOTE.iter().find(|word| text.contains(**word));
    let set = || REMOTE_VARIABLES.iter().find(|name| variables.get(name).is_some());
    let mut doubt = written.or_else(set).map(|word| format!("`{word}` may build elsewhere"));
    // A Dockerfile that the commands write themselves.
    if doubt.is_none() && text.lines().any(|line| line.contains("FROM ") && names_architecture(line)) {
        doubt = Some("a Dockerfile in the commands names an architecture".to_owned());
    }
    let mut work =
        Work { emulates: EMULATORS.iter().any(|word| text.contains(word)), listed: listed(&text), ..Work::default() };
    let mut build = Build { images: Vec::new(), doubt, work: &mut work };
    let mut reader = Reader::new(variables);
    for script in scripts {
        for command in reader.commands(script) {
            build.command(&command, &reader.variables);
        }
    }
    let doubt = build.doubt.take();
    if let Some(doubt) = doubt {
        let made = work.pushes.iter_mut().map(|push| &mut push.made);
        for made in made.chain(work.publishes.iter_mut().map(|publish| &mut publish.made)) {
            *made = Made::Undecided(doubt.clone());
        }
    }
    work
}

/// What one command that builds an image makes.
pub fn of_build(command: &str) -> Made {
    let mut work = Work::default();
    let mut build = Build { images: Vec::new(), doubt: None, work: &mut work };
    for command in Reader::default().commands(command) {
        build.command(&command, &Variables::default());
    }
    let mut images = build.images.into_iter();
    match (build.doubt, images.next(), images.next()) {
        (None, Some(image), None) => image.made,
        _ => Made::Undecided("the command builds no image, or several".to_owned()),
    }
}

/// The build so far.
struct Build<'w> {
    /// The images that were made, by the names that they have on the machine.
    images: Vec<Push>,
    /// Why nothing of it is certain.
    doubt: Option<String>,
    work: &'w mut Work,
}

impl Build<'_> {
    fn command(&mut self, command: &Command, variables: &Variables) {
        let mut words = command.words.as_slice();
        while let Some((first, rest)) = words.split_first()
            && matches!(program(first), "npx" | "sudo" | "time" | "retry" | "-y" | "--yes" | "--" | "-E")
        {
            words = rest;
        }
        let Some((first, arguments)) = words.split_first() else { return };
        match program(first) {
            "eval" | "source" | "." => {
                self.doubt.get_or_insert_with(|| format!("`{}` runs commands that are not here", first.text));
            }
            name if name == "cdk-assets" || name.starts_with("cdk-assets@") => {
                let engine =
                    command.environment.iter().find(|(name, _)| name == "CDK_DOCKER").map(|(_, value)| &**value);
                let made = match engine.map(Some).or_else(|| variables.get("CDK_DOCKER")) {
                    None | Some(Some("docker" | "finch")) => native(command, variables),
                    Some(_) => Made::Undecided("`CDK_DOCKER` puts another program in the place of `docker`".to_owned()),
                };
                self.publish(arguments, made);
            }
            "executor" => self.kaniko(arguments),
            name if BUILDERS.contains(&name) => self.docker(name, arguments, native(command, variables)),
            name if OTHER_TOOLS.contains(&name) => {
                self.doubt.get_or_insert_with(|| format!("`{name}` makes images in its own way"));
            }
            _ => {}
        }
    }

    fn docker(&mut self, program: &str, arguments: &[Word], native: Made) {
        let mut arguments = arguments;
        while let Some((option, rest)) = arguments.split_first()
            && option.text.starts_with('-')
        {
            if ["-H", "--host", "-c", "--context", "--config"].iter().any(|remote| option.text.starts_with(remote)) {
                self.doubt.get_or_insert_with(|| format!("`{program} {}` may build elsewhere", option.text));
            }
            arguments = rest;
        }
        let words: Vec<&str> = arguments.iter().take(2).map(|word| word.text.as_str()).collect();
        let rest = |count: usize| arguments.get(count..).unwrap_or_default();
        match words.as_slice() {
            ["buildx" | "image" | "builder", "build" | "b"] => self.build(rest(2), native),
            ["build" | "bud", ..] => self.build(rest(1), native),
            ["tag", ..] => self.tag(rest(1)),
            ["image", "tag"] => self.tag(rest(2)),
            ["push", ..] => self.push(rest(1)),
            ["image", "push"] => self.push(rest(2)),
            ["manifest", ..] | ["buildx", "imagetools" | "bake"] | ["compose" | "commit" | "load" | "import", ..] => {
                let named = words.join(" ");
                let reason = format!("`{program} {named}` makes images in its own way");
                if matches!(words.first(), Some(&"manifest" | &"buildx")) {
                    // A list of manifests goes to the repository as an image does.
                    for name in rest(2).iter().filter(|word| !word.text.starts_with('-')) {
                        self.pushed(with_tag(name.text.clone()), Made::Undecided(reason.clone()));
                    }
                }
                self.doubt.get_or_insert(reason);
            }
            _ => {}
        }
    }

    fn build(&mut self, arguments: &[Word], native: Made) {
        let mut names = Vec::new();
        let mut made = native;
        let mut doubt: Option<String> = None;
        let mut pushed = false;
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let text = &word.text;
            let (option, given) = match text.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
                _ => (text.as_str(), None),
            };
            match option {
                "--platform" => {
                    let value = given.or_else(|| rest.next().map(|word| word.text.clone())).unwrap_or_default();
                    made = match value.as_str() {
                        "" | "local" => made,
                        value if is_certain(value) => Made::For(value.to_owned()),
                        value => Made::Undecided(format!("the value of `--platform {value}` is not known")),
                    };
                }
                "-t" | "--tag" => names.extend(given.or_else(|| rest.next().map(|word| word.text.clone()))),
                "--push" => pushed = given.as_deref() != Some("false"),
                "--manifest" | "--arch" | "--os" | "--variant" | "--all-platforms" | "--builder" => {
                    doubt = Some(format!("`{text}` decides"));
                }
                "-o" | "--output" => {
                    let value = given.or_else(|| rest.next().map(|word| word.text.clone())).unwrap_or_default();
                    pushed |= value.contains("push=true") || value.contains("type=registry");
                    for part in value.split(',').filter_map(|part| part.strip_prefix("name=")) {
                        names.push(part.to_owned());
                    }
                }
                _ => {
                    if let Some(name) = text.strip_prefix("-t").filter(|name| !name.is_empty()) {
                        names.push(name.to_owned());
                    } else if word.may_be_several || text.starts_with(is_mark) {
                        doubt = Some(format!("`{text}` may hold options"));
                    } else if names_architecture(text) {
                        doubt = Some(format!("`{text}` may choose a platform"));
                    }
                }
            }
        }
        if let Some(doubt) = doubt.filter(|_| made == Made::Native) {
            made = Made::Undecided(doubt);
        }
        for name in names {
            self.made(name, made.clone(), pushed);
        }
    }

    /// kaniko builds and pushes in one, on the machine that it runs on.
    fn kaniko(&mut self, arguments: &[Word]) {
        let value = |name: &str| -> Vec<String> {
            let mut found = Vec::new();
            let mut rest = arguments.iter();
            while let Some(word) = rest.next() {
                match word.text.split_once('=') {
                    Some((option, value)) if option == name => found.push(value.to_owned()),
                    _ if word.text == name => found.extend(rest.next().map(|word| word.text.clone())),
                    _ => {}
                }
            }
            found
        };
        let platform = value("--custom-platform").into_iter().chain(value("--customPlatform")).next();
        let unsure = arguments.iter().any(|word| word.may_be_several || names_architecture(&word.text));
        let made = match platform {
            Some(platform) if is_certain(&platform) => Made::For(platform),
            Some(platform) => Made::Undecided(format!("the value of `--custom-platform {platform}` is not known")),
            None if unsure => Made::Undecided("an option of kaniko may choose a platform".to_owned()),
            None => Made::Native,
        };
        for name in value("--destination").into_iter().chain(value("-d")) {
            self.made(name, made.clone(), true);
        }
    }

    fn made(&mut self, name: String, made: Made, pushed: bool) {
        if self.images.len() >= MAX_IMAGES || self.work.pushes.len() >= MAX_IMAGES {
            self.doubt.get_or_insert_with(|| format!("it makes more than {MAX_IMAGES} images"));
            return;
        }
        let name = with_tag(name);
        let made = match self.images.iter_mut().find(|image| image.name == name) {
            Some(image) if image.made == made => made,
            Some(image) => {
                image.made = Made::Undecided("it is built in more than one way".to_owned());
                image.made.clone()
            }
            None => {
                self.images.push(Push { name: name.clone(), made: made.clone() });
                made
            }
        };
        if pushed {
            self.pushed(name, made);
        }
    }

    fn tag(&mut self, arguments: &[Word]) {
        let [from, to] = arguments else { return };
        let from = with_tag(from.text.clone());
        let made = match self.images.iter().find(|image| image.name == from) {
            Some(image) => image.made.clone(),
            None => Made::Undecided(format!("where the image `{from}` comes from is not known")),
        };
        self.made(to.text.clone(), made, false);
    }

    fn push(&mut self, arguments: &[Word]) {
        let all = arguments.iter().any(|word| matches!(word.text.as_str(), "-a" | "--all-tags"));
        let Some(name) = arguments.iter().find(|word| !word.text.starts_with('-')) else { return };
        if all {
            let repository = format!("{}:", name.text);
            let images: Vec<Push> =
                self.images.iter().filter(|image| image.name.starts_with(&repository)).cloned().collect();
            for image in images {
                self.pushed(image.name, image.made);
            }
            return;
        }
        let name = with_tag(name.text.clone());
        let made = match self.images.iter().find(|image| image.name == name) {
            Some(image) => image.made.clone(),
            None => Made::Undecided(format!("where the image `{name}` comes from is not known")),
        };
        self.pushed(name, made);
    }

    fn pushed(&mut self, name: String, made: Made) {
        if self.work.pushes.len() >= MAX_IMAGES {
            self.doubt.get_or_insert_with(|| format!("it pushes more than {MAX_IMAGES} images"));
            return;
        }
        match self.work.pushes.iter_mut().find(|push| push.name == name) {
            Some(push) if push.made == made => {}
            Some(push) => push.made = Made::Undecided("it is pushed more than once".to_owned()),
            None => self.work.pushes.push(Push { name, made }),
        }
    }

    fn publish(&mut self, arguments: &[Word], made: Made) {
        let mut manifest = None;
        let mut assets = Vec::new();
        let mut publishes = false;
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            match word.text.as_str() {
                "-p" | "--path" => manifest = rest.next().map(|word| word.text.clone()),
                "publish" => publishes = true,
                "-v" | "--verbose" | "--no-verbose" => {}
                text => match text.split_once('=') {
                    Some(("--path", path)) => manifest = Some(path.to_owned()),
                    _ if text.starts_with('-') => {}
                    _ => assets.push(text.split(':').next().unwrap_or(text).to_owned()),
                },
            }
        }
        let Some(manifest) = manifest.filter(|_| publishes) else { return };
        let manifest = manifest.trim_start_matches("./").to_owned();
        if assets.is_empty() {
            self.work.publishes.push(Publish { manifest: manifest.clone(), asset: None, made: made.clone() });
        }
        for asset in assets {
            self.work.publishes.push(Publish { manifest: manifest.clone(), asset: Some(asset), made: made.clone() });
        }
    }
}

/// What a build without `--platform` is for.
fn native(command: &Command, variables: &Variables) -> Made {
    const DEFAULT: &str = "DOCKER_DEFAULT_PLATFORM";
    let own = command.environment.iter().rev().find(|(name, _)| name == DEFAULT).map(|(_, value)| value.as_str());
    match own.map(Some).or_else(|| variables.get(DEFAULT)) {
        None | Some(Some("")) => Made::Native,
        Some(Some(value)) if is_certain(value) => Made::For(value.to_owned()),
        Some(_) => Made::Undecided(format!("the value of `{DEFAULT}` is not known")),
    }
}

/// Whether nothing in a text stands for a value that the shell or the deployment brings.
fn is_certain(text: &str) -> bool {
    super::shell::is_known(text) && !text.contains(is_mark)
}

/// The name of a program without its directory.
fn program(word: &Word) -> &str {
    word.text.rsplit('/').next().unwrap_or(&word.text)
}

/// An image without a tag has the tag `latest`.
fn with_tag(name: String) -> String {
    let last = name.rsplit('/').next().unwrap_or(&name);
    // A colon may belong to an expansion: `${TAG:-latest}`.
    if last.contains(':') || last.contains('@') { name } else { format!("{name}:latest") }
}

/// Whether a word names an architecture, in any spelling.
pub fn names_architecture(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["arm64", "aarch64", "amd64", "x86_64", "x86-64", "graviton", "armv", "arm32"]
        .iter()
        .any(|name| text.contains(name))
        || text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|part| matches!(part, "arm" | "x64" | "x86" | "targetarch" | "targetplatform"))
}

/// The names in what is written for ECS: `[{"name": "web", "imageUri": …}]`.
fn listed(text: &str) -> Vec<String> {
    if !text.contains("imageUri") {
        return Vec::new();
    }
    let plain: String = text.chars().filter(|c| !matches!(c, '\\' | '"' | '\'')).collect();
    let mut names = Vec::new();
    for (at, found) in plain.match_indices("name") {
        let after = plain.get(at + found.len()..).unwrap_or_default().trim_start();
        let Some(value) = after.strip_prefix(':') else { continue };
        // ECS allows 255 characters.
        let value: String = value.trim_start().chars().take(256).collect();
        if let Some(end) = value.find([',', '}', ']'])
            && let Some(name) = value.get(..end).map(str::trim).filter(|name| !name.is_empty())
            && !names.iter().any(|known| known == name)
            && names.len() < MAX_IMAGES
        {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushes(script: &str) -> Vec<String> {
        let work = of_commands(&[script.to_owned()], Variables::default());
        work.pushes
            .iter()
            .map(|push| {
                let made = match &push.made {
                    Made::Native => "native".to_owned(),
                    Made::For(platforms) => platforms.clone(),
                    Made::Undecided(_) => "?".to_owned(),
                };
                format!("{} {made}", push.name)
            })
            .collect()
    }

    #[test]
    fn an_image_without_a_platform_is_native() {
        for script in [
            "docker build -t r/web:1 .\ndocker push r/web:1",
            "docker build -tr/web:1 .; docker image push r/web:1",
            "docker image build --tag=r/web:1 --file docker/Dockerfile . && docker push r/web:1",
            "docker buildx build -t r/web:1 --push .",
            "docker buildx build --output type=registry,name=r/web:1 .",
            "IMAGE=r/web\ndocker build -t $IMAGE:1 . && docker push $IMAGE:1",
            "docker build -t web .\ndocker tag web:latest r/web:1\ndocker push r/web:1",
            "docker build -t r/web:1 . && docker push --all-tags r/web",
            "finch build -t r/web:1 . && finch push r/web:1",
            "podman build -t r/web:1 . && podman push r/web:1",
            "/kaniko/executor --context . --destination r/web:1",
            "docker build -t r/web:1 --build-arg VERSION=$V \"$CODEBUILD_SRC_DIR\" && docker push r/web:1",
        ] {
            assert_eq!(pushes(script), ["r/web:1 native"], "{script}");
        }
        assert_eq!(pushes("docker build -t r/web:$TAG .; docker push r/web:${TAG}"), ["r/web:${TAG} native"]);
    }

    #[test]
    fn a_platform_is_read_in_every_form() {
        for script in [
            "docker build --platform linux/arm64 -t w:1 . && docker push w:1",
            "docker build --platform=linux/arm64 -t w:1 . && docker push w:1",
            "P=linux/arm64; docker buildx build --platform $P -t w:1 --push .",
            "export DOCKER_DEFAULT_PLATFORM=linux/arm64\ndocker build -t w:1 . && docker push w:1",
            "DOCKER_DEFAULT_PLATFORM=linux/arm64 docker build -t w:1 . && docker push w:1",
            "executor --custom-platform=linux/arm64 --destination=w:1",
        ] {
            assert_eq!(pushes(script), ["w:1 linux/arm64"], "{script}");
        }
        assert_eq!(
            pushes("docker buildx build --platform linux/amd64,linux/arm64 -t w:1 --push ."),
            ["w:1 linux/amd64,linux/arm64"]
        );
    }

    #[test]
    fn what_may_choose_a_platform_leaves_the_image_undecided() {
        for script in [
            "docker build --platform $P -t w:1 . && docker push w:1",
            "docker build $OPTIONS -t w:1 . && docker push w:1",
            "docker build -f Dockerfile.arm64 -t w:1 . && docker push w:1",
            "docker build --build-arg ARCH=arm64 -t w:1 . && docker push w:1",
            "docker pull w:1; docker push w:1",
            "if $A; then docker build -t w:1 .; else docker build --platform linux/arm64 -t w:1 .; fi; docker push w:1",
            "export DOCKER_HOST=tcp://builder\ndocker build -t w:1 . && docker push w:1",
            "docker --context remote build -t w:1 . && docker push w:1",
            "printf 'FROM --platform=linux/arm64 x' > Dockerfile; docker build -t w:1 . && docker push w:1",
            "source env.sh; docker build -t w:1 . && docker push w:1",
            "docker buildx bake; docker push w:1",
            "export DOCKER_DEFAULT_PLATFORM=$P; docker build -t w:1 . && docker push w:1",
        ] {
            assert_eq!(pushes(script), ["w:1 ?"], "{script}");
        }
        let list = "docker build -t w:1 . && docker push w:1; docker manifest create w:2 w:1";
        assert_eq!(pushes(list), ["w:1 ?", "w:2 ?"]);
    }

    #[test]
    fn published_assets_and_emulators_are_seen() {
        let work = of_commands(
            &[
                "npm install -g cdk-assets@latest".to_owned(),
                "cdk-assets --path \"a/S.assets.json\" --verbose publish \"abc:1-eu\"".to_owned(),
            ],
            Variables::default(),
        );
        assert_eq!(
            work.publishes,
            [Publish { manifest: "a/S.assets.json".to_owned(), asset: Some("abc".to_owned()), made: Made::Native }]
        );
        assert!(!work.emulates);
        let emulates = |script: &str| of_commands(&[script.to_owned()], Variables::default()).emulates;
        assert!(emulates("docker run --privileged --rm tonistiigi/binfmt --install arm64"));
        assert!(emulates("docker run --rm --privileged multiarch/qemu-user-static --reset -p yes"));
        assert!(emulates("docker buildx create --use --name multi"));
    }

    #[test]
    fn the_containers_in_a_list_of_images_are_named() {
        let listed = |script: &str| of_commands(&[script.to_owned()], Variables::default()).listed;
        assert_eq!(listed(r#"printf '[{"name":"web","imageUri":"%s"}]' $REPO:$TAG > imagedefinitions.json"#), ["web"]);
        assert_eq!(listed(r#"echo "[{\"name\": \"web\", \"imageUri\": \"$U\"}]" > imagedefinitions.json"#), ["web"]);
        assert!(listed("echo name: x").is_empty());
    }
}
