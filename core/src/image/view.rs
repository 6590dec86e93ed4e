//! The file system of an image: its layers laid over each other, without being unpacked.
//!
//! Layers are asked from the top down, and each is read only when a question reaches it. The answers are those of the
//! directory that unpacking the layers in their order would leave. Permissions and the limits of the kernel are not looked at here: [`crate::exec`] does that.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use super::layer::{Layer, NodeId, NodeKind, ROOT};
use crate::executable::Executable;

/// As many links as the kernel follows (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;
/// As many directories without an entry of their own as are compared with the layers below.
const MAX_IMPLIED: usize = 1000;
/// As many hard links to hard links as are followed from layer to layer.
const MAX_HARD_LINKS: usize = 40;

/// Why a question has no answer: a layer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// The names of a path from the root, without `.`, `..`, or links in it.
pub type Names = Vec<Vec<u8>>;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// Permission bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The layer that it comes from, counted from the top.
    pub layer: usize,
    /// Whether it is a file that demands capabilities that containers do not have by default.
    pub privileged: bool,
}

/// The kinds of what stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundKind {
    /// A directory.
    Directory,
    /// A regular file: what it is, its size in bytes, and its content if it is one of the few that are kept.
    File(Executable, u64, Option<Vec<u8>>),
    /// A symbolic link to this path.
    Symlink(Vec<u8>),
    /// A device, FIFO or socket.
    Special,
}

type Loader<'s> = Box<dyn Fn(usize) -> Result<Arc<Layer>, String> + 's>;
/// Says what stands at a path, given what will be asked below it.
type Answers<'s> = Box<dyn Fn(&[Vec<u8>], &[Vec<u8>]) -> Result<Option<Found>, Unavailable> + 's>;
/// A path as a layer writes it, and where unpacking puts it.
type Alias = (Names, Names);

/// Layers over each other.
pub struct View<'s> {
    load: Loader<'s>,
    /// What answers in the place of layers.
    answers: Option<Answers<'s>>,
    layers: Vec<OnceCell<Result<Arc<Layer>, Unavailable>>>,
    aliases: Vec<OnceCell<Vec<Alias>>>,
    /// How directories without an entry of their own are taken.
    unpacking: Cell<Unpacking>,
    /// Whether an answer depended on that.
    ambiguous: Cell<bool>,
    /// Whether layers that were not read yet are left alone.
    peeking: Cell<bool>,
}

/// What happens to an entry below a directory that its layer has no entry for, where the layers below have a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpacking {
    /// The link is followed: containerd unpacks a layer over the ones below it.
    Over,
    /// A directory replaces the link: Docker unpacks a layer by itself and lays it over the others then.
    Apart,
}

/// What one layer says of a path.
enum Says {
    /// It has an entry.
    Entry(NodeId),
    /// It has entries below it only.
    Implied(NodeId),
    /// Nothing.
    Nothing,
}

impl<'s> View<'s> {
    /// A view over this many layers; `load` gives a layer by its number from the top.
    pub fn new(count: usize, load: impl Fn(usize) -> Result<Arc<Layer>, String> + 's) -> View<'s> {
        View {
            load: Box::new(load),
            answers: None,
            layers: (0..count).map(|_| OnceCell::new()).collect(),
            aliases: (0..count).map(|_| OnceCell::new()).collect(),
            unpacking: Cell::new(Unpacking::Over),
            ambiguous: Cell::new(false),
            peeking: Cell::new(false),
        }
    }

    /// A view without layers, of a file system that is not built yet: `answers` says what stands at a path (first argument),
    /// all of whose directories are real ones, when the second argument will be asked below it.
    pub fn of(answers: impl Fn(&[Vec<u8>], &[Vec<u8>]) -> Result<Option<Found>, Unavailable> + 's) -> View<'s> {
        View { answers: Some(Box::new(answers)), ..View::new(0, |_| Err("there are no layers".to_owned())) }
    }

    /// Reads every layer.
    pub fn read_all(&self) {
        for index in 0..self.layers.len() {
            // What fails is reported with the layers that were read.
            let _ = self.layer(index);
        }
    }

    /// The layers that were read, by their number from the top.
    pub fn read(&self) -> impl Iterator<Item = (usize, &Result<Arc<Layer>, Unavailable>)> {
        self.layers.iter().enumerate().filter_map(|(index, cell)| Some((index, cell.get()?)))
    }

    /// Answers the following questions as runtimes do that unpack in this way.
    pub fn set_unpacking(&self, unpacking: Unpacking) {
        self.unpacking.set(unpacking);
    }

    /// Whether an answer so far depended on the way of unpacking.
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous.get()
    }

    /// What stands at a path, if the layers that were read already decide it.
    pub fn peek(&self, path: &[Vec<u8>]) -> Option<Found> {
        self.peeking.set(true);
        let found = self.entry(path, &[]);
        self.peeking.set(false);
        found.ok().flatten()
    }

    fn layer(&self, index: usize) -> Result<&Arc<Layer>, Unavailable> {
        let Some(cell) = self.layers.get(index) else { return Err(Unavailable("there is no such layer".to_owned())) };
        if self.peeking.get() && cell.get().is_none() {
            return Err(Unavailable("the layer was not read".to_owned()));
        }
        cell.get_or_init(|| (self.load)(index).map_err(Unavailable)).as_ref().map_err(Clone::clone)
    }

    /// What stands at a path, all of whose directories are real ones.
    ///
    /// `rest` is what will be asked next below it. It spares reading the layers below where a layer has the file itself but
    /// no entry for the directories on the way.
    ///
    /// # Errors
    /// [`Unavailable`] where a layer that decides cannot be read.
    pub fn entry(&self, path: &[Vec<u8>], rest: &[Vec<u8>]) -> Result<Option<Found>, Unavailable> {
        match &self.answers {
            Some(answers) => answers(path, rest),
            None => self.entry_from(0, path, rest, 0),
        }
    }

    fn entry_from(
        &self,
        from: usize,
        path: &[Vec<u8>],
        rest: &[Vec<u8>],
        links: usize,
    ) -> Result<Option<Found>, Unavailable> {
        let mut implied = None;
        for index in from..self.layers.len() {
            let layer = self.layer(index)?;
            let (says, mut hidden) = ask(layer, path);
            match says {
                Says::Entry(id) => {
                    let found = self.found(index, id, links)?;
                    return Ok(match (implied, &found) {
                        (Some(layer), Some(Found { kind, .. })) if *kind != FoundKind::Directory => {
                            let is_link = matches!(kind, FoundKind::Symlink(_));
                            self.ambiguous.set(self.ambiguous.get() || is_link);
                            if is_link && self.unpacking.get() == Unpacking::Over { found } else { Some(made(layer)) }
                        }
                        _ => found,
                    });
                }
                Says::Implied(id) => {
                    implied = implied.or(Some(index));
                    if !rest.is_empty() && matches!(ask_from(layer, id, rest).0, Says::Entry(_)) {
                        break;
                    }
                }
                Says::Nothing => {}
            }
            for (written, real) in self.aliases(index)? {
                let Some(below) = path.strip_prefix(real.as_slice()) else { continue };
                let (says, hides) = ask(layer, &[written.as_slice(), below].concat());
                hidden |= hides;
                match says {
                    Says::Entry(id) => return self.found(index, id, links),
                    Says::Implied(_) => implied = implied.or(Some(index)),
                    Says::Nothing => {}
                }
            }
            if hidden {
                break;
            }
        }
        Ok(implied.map(made))
    }

    fn found(&self, index: usize, id: NodeId, links: usize) -> Result<Option<Found>, Unavailable> {
        let layer = self.layer(index)?;
        let Some(node) = layer.node(id) else { return Ok(None) };
        let kind = match node.kind {
            NodeKind::Directory => FoundKind::Directory,
            NodeKind::Symlink(link) => FoundKind::Symlink(layer.link(link).to_vec()),
            NodeKind::Special => FoundKind::Special,
            NodeKind::File(file) => match layer.file(file) {
                Some((executable, size)) => {
                    FoundKind::File(executable.clone(), size, layer.content(file).map(<[u8]>::to_vec))
                }
                None => return Ok(None),
            },
            NodeKind::HardLink(link) => {
                if links >= MAX_HARD_LINKS {
                    return Ok(None);
                }
                let target = names(layer.link(link));
                let Some((name, directory)) = target.split_last() else { return Ok(None) };
                let Some(mut real) = self.real_directory(index + 1, directory)? else { return Ok(None) };
                real.push(name.clone());
                return self.entry_from(index + 1, &real, &[], links + 1);
            }
        };
        let (mode, uid, gid) = layer.owner(node);
        Ok(Some(Found { kind, mode, uid, gid, layer: index, privileged: node.privileged }))
    }

    /// Directories that a layer writes below without an entry for them, where the layers below have a link in their place:
    /// unpacking follows it.
    fn aliases(&self, index: usize) -> Result<&[Alias], Unavailable> {
        let Some(cell) = self.aliases.get(index) else { return Ok(&[]) };
        if self.unpacking.get() == Unpacking::Apart {
            return Ok(&[]);
        }
        if let Some(known) = cell.get() {
            return Ok(known);
        }
        let layer = self.layer(index)?;
        let mut aliases = Vec::new();
        for id in layer.implied().take(MAX_IMPLIED) {
            let written = names(&layer.path(id));
            if let Some(real) = self.real_directory(index + 1, &written)?
                && real != written
            {
                aliases.push((written, real));
            }
        }
        aliases.sort();
        self.ambiguous.set(self.ambiguous.get() || !aliases.is_empty());
        Ok(cell.get_or_init(|| aliases))
    }

    /// Where a directory really is in the layers from one on, after all links; `None` if it is not there.
    fn real_directory(&self, from: usize, path: &[Vec<u8>]) -> Result<Option<Names>, Unavailable> {
        let mut real: Names = Vec::new();
        let mut rest: Names = path.iter().rev().cloned().collect();
        let mut links = 0;
        while let Some(name) = rest.pop() {
            if name == b".." {
                real.pop();
                continue;
            }
            real.push(name);
            match self.entry_from(from, &real, &[], 0)?.map(|found| found.kind) {
                Some(FoundKind::Directory) => {}
                Some(FoundKind::Symlink(target)) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Ok(None);
                    }
                    real.pop();
                    if target.starts_with(b"/") {
                        real.clear();
                    }
                    rest.extend(names(&target).into_iter().rev());
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(real))
    }
}

/// A directory that unpacking makes on the way to an entry.
fn made(layer: usize) -> Found {
    Found { kind: FoundKind::Directory, mode: 0o755, uid: 0, gid: 0, layer, privileged: false }
}

/// The names of a path as it is written, `..` among them.
pub fn names(path: &[u8]) -> Names {
    path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec).collect()
}

/// What a layer says of a path, and whether it hides what the layers below have there.
fn ask(layer: &Layer, path: &[Vec<u8>]) -> (Says, bool) {
    ask_from(layer, ROOT, path)
}

fn ask_from(layer: &Layer, start: NodeId, path: &[Vec<u8>]) -> (Says, bool) {
    let mut hidden = false;
    let mut at = start;
    for (depth, name) in path.iter().enumerate() {
        hidden |= layer.node(at).is_some_and(|node| node.opaque);
        let Some(id) = layer.child(at, name) else { return (Says::Nothing, hidden) };
        let Some(node) = layer.node(id) else { return (Says::Nothing, hidden) };
        hidden |= node.whiteout;
        at = id;
        let last = depth + 1 == path.len();
        if !last && node.kind != NodeKind::Directory {
            return (Says::Nothing, true);
        }
    }
    let says = match layer.node(at) {
        Some(node) if node.explicit => Says::Entry(at),
        Some(node) if node.populated => Says::Implied(at),
        _ => Says::Nothing,
    };
    (says, hidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::limits::Limits;

    fn layer(entries: &[(&str, &str)]) -> Arc<Layer> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o755);
            if let Some(target) = content.strip_prefix("-> ") {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                builder.append_link(&mut header, path, target).unwrap();
            } else if let Some(target) = content.strip_prefix("== ") {
                header.set_entry_type(tar::EntryType::Link);
                header.set_size(0);
                builder.append_link(&mut header, path, target).unwrap();
            } else if path.ends_with('/') {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_size(0);
                builder.append_data(&mut header, path, &b""[..]).unwrap();
            } else {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content.as_bytes()).unwrap();
            }
        }
        let archive = builder.into_inner().unwrap();
        Arc::new(Layer::read_archive(archive.as_slice(), &Limits::default()).unwrap())
    }

    /// Layers from the bottom up, as they are written.
    fn look(layers: &[&[(&str, &str)]], path: &str) -> String {
        let layers: Vec<Arc<Layer>> = layers.iter().rev().map(|entries| layer(entries)).collect();
        let view = View::new(layers.len(), |index| Ok(layers[index].clone()));
        match view.entry(&names(path.as_bytes()), &[]).unwrap().map(|found| (found.kind, found.layer)) {
            None => "nothing".to_owned(),
            Some((FoundKind::Directory, _)) => "directory".to_owned(),
            Some((FoundKind::Symlink(target), _)) => format!("-> {}", String::from_utf8_lossy(&target)),
            Some((FoundKind::Special, _)) => "special".to_owned(),
            Some((FoundKind::File(..), layer)) => format!("file of {layer}"),
        }
    }

    #[test]
    fn upper_layers_replace_and_hide() {
        let bottom: &[(&str, &str)] = &[("a/", ""), ("a/x", "1"), ("a/y", "1"), ("b/", ""), ("b/z", "1"), ("c", "1")];
        let top: &[(&str, &str)] =
            &[("a/", ""), ("a/x", "2"), ("a/.wh.y", ""), ("b/", ""), ("b/.wh..wh..opq", ""), (".wh.c", "")];
        for (path, expected) in [
            ("a/x", "file of 0"),
            ("a/y", "nothing"),
            ("b/z", "nothing"),
            ("b", "directory"),
            ("c", "nothing"),
            ("a", "directory"),
        ] {
            assert_eq!(look(&[bottom, top], path), expected, "{path}");
        }
        assert_eq!(look(&[bottom, &[("a", "file")]], "a/x"), "nothing", "a file hides a directory");
        assert_eq!(look(&[bottom, &[(".wh.a", ""), ("a/", ""), ("a/n", "2")]], "a/x"), "nothing");
        assert_eq!(look(&[bottom, &[(".wh.a", ""), ("a/", ""), ("a/n", "2")]], "a/n"), "file of 0");
        assert_eq!(look(&[&[("a", "file")], &[("a/", ""), ("a/n", "2")]], "a/n"), "file of 0");
    }

    #[test]
    fn the_last_entry_of_a_path_counts() {
        assert_eq!(look(&[&[("a", "1"), ("a", "-> b")]], "a"), "-> b");
        assert_eq!(
            look(&[&[("a/", ""), ("a/x", "1"), ("a", "2"), ("a/", "")]], "a/x"),
            "nothing",
            "`a` was a file in between"
        );
    }

    #[test]
    fn hard_links_are_the_file_that_they_name() {
        assert_eq!(look(&[&[("a", "1"), ("b", "== a"), ("a", "-> x")]], "b"), "file of 0");
        assert_eq!(look(&[&[("a", "1")], &[("b", "== a")]], "b"), "file of 1");
        assert_eq!(look(&[&[("b", "== missing")]], "b"), "nothing");
    }

    #[test]
    fn an_entry_below_a_link_lands_where_the_link_leads() {
        let bottom: &[(&str, &str)] = &[("usr/", ""), ("usr/bin/", ""), ("usr/bin/sh", "1"), ("bin", "-> usr/bin")];
        let top: &[(&str, &str)] = &[("bin/app", "2")];
        assert_eq!(look(&[bottom, top], "usr/bin/app"), "file of 0");
        assert_eq!(look(&[bottom, top], "bin"), "-> usr/bin");
        assert_eq!(
            look(&[bottom, &[("bin/", ""), ("bin/app", "2")]], "bin"),
            "directory",
            "an entry replaces the link"
        );
        assert_eq!(look(&[&[("l", "-> d"), ("d/", ""), ("l/x", "1")]], "d/x"), "file of 0");
    }

    #[test]
    fn layers_below_are_not_read_for_what_is_above() {
        let top = layer(&[("opt/app/run", "2")]);
        let view = View::new(2, |index| if index == 0 { Ok(top.clone()) } else { Err("read".to_owned()) });
        let path = names(b"opt/app/run");
        for depth in 1..=path.len() {
            assert!(view.entry(&path[..depth], &path[depth..]).unwrap().is_some());
        }
        assert_eq!(view.entry(&names(b"bin/sh"), &[]), Err(Unavailable("read".to_owned())));
    }
}
