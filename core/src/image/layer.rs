//! One layer, read once into an index: every entry by its path, with what [`crate::executable`] says of regular files.
//!
//! The index is a tree of names, so that its size depends on the number of entries, not on the size of the files or the
//! length of their paths. The contents of files are not kept, but for the two small ones that name users and groups.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use ::tar::EntryType;
use hashbrown::HashTable;

use super::blob::{Blob, BlobError};
use super::limits::Limits;
use super::tar::{Entry, TarError, Walk};
use crate::executable::{self, Executable};

/// `.wh.NAME` hides NAME of the layers below (OCI image specification, "Layer Filesystem Changeset").
const WHITEOUT: &[u8] = b".wh.";
/// `.wh..wh..opq` hides everything that the layers below have in this directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other names that start like this belong to the bookkeeping of aufs.
const WHITEOUT_META: &[u8] = b".wh..wh.";
/// The longest name of a file that Linux takes.
const MAX_NAME: usize = 255;
/// Files that are kept whole wherever they lie, because `/etc/passwd` and `/etc/group` may be links to them; and how large
/// they may be, one and all.
const KEPT: [&[u8]; 2] = [b"passwd", b"group"];
const MAX_KEPT: u64 = 1 << 20;
const MAX_KEPT_FILES: usize = 64;
/// Links that are followed within one layer to place an entry.
const MAX_LINKS: usize = 40;

/// What is wrong with a layer.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The blob.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The archive in it.
    #[error("it is not a readable tar archive: {0}")]
    Tar(#[from] TarError),
    /// More entries than [`Limits::entries`].
    #[error("it has more than {0} entries; `--max-entries` allows more")]
    Entries(usize),
}

/// The number of a node.
pub type NodeId = u32;
/// The directory that everything is in.
pub const ROOT: NodeId = 0;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A directory.
    Directory,
    /// A regular file; what it is stands in [`Layer::file`].
    File(u32),
    /// A symbolic link; its target stands in [`Layer::link`].
    Symlink(u32),
    /// A hard link to a file of a layer below; its target stands in [`Layer::link`].
    HardLink(u32),
    /// A device, FIFO or socket.
    Special,
}

/// One path of a layer.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// The directory.
    parent: NodeId,
    name: (u32, u8),
    /// What it is.
    pub kind: NodeKind,
    /// Whether the layer has an entry for it, or it is only on the way to one.
    pub explicit: bool,
    /// Whether an entry of the layer lies somewhere below it.
    pub populated: bool,
    /// Whether the layer hides what the layers below have at this path.
    pub whiteout: bool,
    /// Whether the layer hides what the layers below have in this directory.
    pub opaque: bool,
    /// Permission bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Whether the file demands capabilities that containers do not have by default.
    pub privileged: bool,
}

/// A layer's index.
pub struct Layer {
    nodes: Vec<Node>,
    names: Vec<u8>,
    table: HashTable<NodeId>,
    hasher: RandomState,
    links: Vec<Box<[u8]>>,
    files: Vec<(Executable, u64)>,
    kept: Vec<(u32, Vec<u8>)>,
    /// Mode, owner and group of files that have several paths.
    shared: HashMap<u32, (u16, u32, u32)>,
    /// What was left out, as sentences.
    pub remarks: Vec<String>,
}

impl Layer {
    /// Reads a blob to its end, and checks its digest.
    ///
    /// # Errors
    /// [`LayerError`] where it cannot be read as a layer.
    pub fn read(mut blob: Blob<'_>, limits: &Limits) -> Result<Layer, LayerError> {
        let layer = Layer::read_archive(&mut blob, limits)?;
        blob.finish()?;
        Ok(layer)
    }

    /// Reads an uncompressed archive up to its end mark.
    ///
    /// # Errors
    /// [`LayerError`] where it cannot be read as a layer.
    pub fn read_archive(archive: impl Read, limits: &Limits) -> Result<Layer, LayerError> {
        let mut layer = Layer::empty();
        let mut walk = Walk::new(archive);
        let mut count = 0;
        while let Some(entry) = walk.next()? {
            count += 1;
            if count > limits.entries {
                return Err(LayerError::Entries(limits.entries));
            }
            layer.add(&mut walk, &entry)?;
        }
        Ok(layer)
    }

    fn empty() -> Layer {
        let root = Node {
            parent: ROOT,
            name: (0, 0),
            kind: NodeKind::Directory,
            explicit: false,
            populated: false,
            whiteout: false,
            opaque: false,
            mode: 0o755,
            uid: 0,
            gid: 0,
            privileged: false,
        };
        Layer {
            nodes: vec![root],
            names: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::new(),
            links: Vec::new(),
            files: Vec::new(),
            kept: Vec::new(),
            shared: HashMap::new(),
            remarks: Vec::new(),
        }
    }

    fn add<R: Read>(&mut self, walk: &mut Walk<R>, entry: &Entry) -> Result<(), LayerError> {
        if !is_file_system_entry(entry.kind) {
            return Ok(());
        }
        let Some(path) = normalize(&entry.path) else {
            self.remark(format!(
                "the entry `{}` leads out of the image or has a name that Linux does not take; it is left out",
                shown(&entry.path)
            ));
            return Ok(());
        };
        let Some((name, directory)) = path.split_last() else {
            // The root itself. Its mode is that of the directory that the runtime lays over the image, which anybody may enter.
            if let (Some(root), EntryType::Directory) = (self.nodes.first_mut(), entry.kind) {
                root.explicit = true;
            }
            return Ok(());
        };
        let Some(parent) = self.directory(directory) else {
            self.remark(format!(
                "the entry `{}` lies below a file of the same layer; it is left out",
                shown(&entry.path)
            ));
            return Ok(());
        };
        if *name == OPAQUE {
            if let Some(node) = self.node_mut(parent) {
                node.opaque = true;
            }
            return Ok(());
        }
        if name.starts_with(WHITEOUT_META) {
            return Ok(());
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            let id = self.child_or_new(parent, hidden, NodeKind::Directory);
            if let Some(node) = self.node_mut(id) {
                node.whiteout = true;
            }
            return Ok(());
        }
        let kind = match entry.kind {
            EntryType::Directory => NodeKind::Directory,
            EntryType::Symlink => NodeKind::Symlink(self.keep_link(&entry.link)),
            EntryType::Link => return self.add_hard_link(parent, name, entry),
            EntryType::Char | EntryType::Block | EntryType::Fifo => NodeKind::Special,
            _ => {
                let kept = KEPT.contains(name) && entry.size <= MAX_KEPT && self.kept.len() < MAX_KEPT_FILES;
                let file = index(self.files.len());
                let executable = if kept {
                    let mut content = Vec::new();
                    walk.content(entry).read_to_end(&mut content).map_err(TarError::Io)?;
                    let executable = executable::read(&mut content.as_slice(), entry.size);
                    self.kept.push((file, content));
                    executable
                } else {
                    executable::read(&mut walk.content(entry), entry.size)
                };
                let executable = executable.map_err(TarError::Io)?;
                let kind = NodeKind::File(file);
                self.files.push((executable, entry.size));
                kind
            }
        };
        self.place(parent, name, kind, entry);
        Ok(())
    }

    /// A hard link shares the file that it names, as that file is at this moment; unpacking gives the file the owner and the
    /// mode of the link's own entry.
    fn add_hard_link(&mut self, parent: NodeId, name: &[u8], entry: &Entry) -> Result<(), LayerError> {
        let target = normalize(&entry.link);
        let known = target.as_deref().and_then(|path| {
            let (name, directory) = path.split_last()?;
            let parent = self.directory_if_known(directory)?;
            self.node(self.child(parent, name)?).filter(|node| node.explicit).copied()
        });
        match known {
            Some(node) => {
                let id = self.place(parent, name, node.kind, entry);
                if let Some(placed) = self.node_mut(id) {
                    placed.privileged |= node.privileged;
                }
                if let NodeKind::File(file) = node.kind {
                    self.shared.insert(file, owner(entry));
                }
            }
            None => {
                let link = self.keep_link(&entry.link);
                self.place(parent, name, NodeKind::HardLink(link), entry);
            }
        }
        Ok(())
    }

    fn remark(&mut self, text: String) {
        if self.remarks.len() < 20 {
            self.remarks.push(text);
        }
    }

    fn keep_link(&mut self, target: &[u8]) -> u32 {
        self.links.push(target.into());
        index(self.links.len() - 1)
    }

    /// Puts an entry at a path, in the place of what an earlier entry put there.
    fn place(&mut self, parent: NodeId, name: &[u8], kind: NodeKind, entry: &Entry) -> NodeId {
        let mut id = self.child_or_new(parent, name, kind);
        let (was, whiteout) = self.node(id).map_or((kind, false), |node| (node.kind, node.whiteout));
        if was == NodeKind::Directory && kind != NodeKind::Directory {
            // What was in the directory is gone with it, so the path gets a new node, whose children are its own.
            id = self.replace(id);
        }
        let (mode, uid, gid) = owner(entry);
        if let Some(node) = self.node_mut(id) {
            let privileged = entry.capability.as_deref().is_some_and(demands_more);
            *node = Node { kind, explicit: true, whiteout, mode, uid, gid, privileged, ..*node };
        }
        let mut above = parent;
        while let Some(node) = self.node_mut(above).filter(|node| !node.populated) {
            node.populated = true;
            above = node.parent;
        }
        id
    }

    fn replace(&mut self, old: NodeId) -> NodeId {
        let Some(node) = self.node(old).copied() else { return old };
        let new = index(self.nodes.len());
        self.nodes.push(Node { opaque: false, populated: false, ..node });
        let hash = self.hash(node.parent, self.name(old));
        if let Some(slot) = self.table.find_mut(hash, |id| *id == old) {
            *slot = new;
        }
        new
    }

    /// The node of a directory, made where it is not there; links of this layer are followed, as unpacking does.
    fn directory(&mut self, path: &[&[u8]]) -> Option<NodeId> {
        let mut at = ROOT;
        let mut rest: Vec<Vec<u8>> = path.iter().rev().map(|name| name.to_vec()).collect();
        let mut links = 0;
        while let Some(name) = rest.pop() {
            let id = self.child_or_new(at, &name, NodeKind::Directory);
            match self.node(id)?.kind {
                NodeKind::Directory => at = id,
                NodeKind::Symlink(link) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    at = self.follow(at, link, &mut rest)?;
                }
                _ => return None,
            }
        }
        Some(at)
    }

    fn directory_if_known(&self, path: &[&[u8]]) -> Option<NodeId> {
        let mut at = ROOT;
        let mut rest: Vec<Vec<u8>> = path.iter().rev().map(|name| name.to_vec()).collect();
        let mut links = 0;
        while let Some(name) = rest.pop() {
            let id = self.child(at, &name)?;
            match self.node(id)?.kind {
                NodeKind::Directory => at = id,
                NodeKind::Symlink(link) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    at = self.follow(at, link, &mut rest)?;
                }
                _ => return None,
            }
        }
        Some(at)
    }

    /// Where a link starts; its names are put before the rest of the path.
    fn follow(&self, directory: NodeId, link: u32, rest: &mut Vec<Vec<u8>>) -> Option<NodeId> {
        let target = self.link(link);
        let mut at = if target.starts_with(b"/") { ROOT } else { directory };
        let mut names: Vec<&[u8]> = Vec::new();
        for name in target.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
            if name != b".." {
                names.push(name);
            } else if names.pop().is_none() {
                at = self.node(at)?.parent;
            }
        }
        rest.extend(names.into_iter().rev().map(<[u8]>::to_vec));
        Some(at)
    }

    fn child_or_new(&mut self, parent: NodeId, name: &[u8], kind: NodeKind) -> NodeId {
        if let Some(id) = self.child(parent, name) {
            return id;
        }
        let id = index(self.nodes.len());
        let start = index(self.names.len());
        self.names.extend_from_slice(name);
        let name = (start, u8::try_from(name.len()).unwrap_or(u8::MAX));
        let (explicit, populated, whiteout, opaque) = (false, false, false, false);
        self.nodes.push(Node {
            parent,
            name,
            kind,
            explicit,
            populated,
            whiteout,
            opaque,
            mode: 0o755,
            uid: 0,
            gid: 0,
            privileged: false,
        });
        let hash = self.hash(parent, self.name(id));
        let (nodes, names, hasher) = (&self.nodes, &self.names, &self.hasher);
        self.table.insert_unique(hash, id, |&other| {
            let (parent, name) = parent_and_name(nodes, names, other);
            hasher.hash_one((parent, name))
        });
        id
    }

    fn hash(&self, parent: NodeId, name: &[u8]) -> u64 {
        self.hasher.hash_one((parent, name))
    }

    /// The child of a directory.
    pub fn child(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let same = |&id: &NodeId| parent_and_name(&self.nodes, &self.names, id) == (parent, name);
        self.table.find(self.hash(parent, name), same).copied()
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id as usize)
    }

    fn name(&self, id: NodeId) -> &[u8] {
        parent_and_name(&self.nodes, &self.names, id).1
    }

    /// Mode, owner and group of a node.
    pub fn owner(&self, node: &Node) -> (u16, u32, u32) {
        let shared = match node.kind {
            NodeKind::File(file) => self.shared.get(&file).copied(),
            _ => None,
        };
        shared.unwrap_or((node.mode, node.uid, node.gid))
    }

    /// The path of a node, without a slash at its start.
    pub fn path(&self, id: NodeId) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = id;
        while at != ROOT {
            names.push(self.name(at));
            at = self.node(at).map_or(ROOT, |node| node.parent);
        }
        names.reverse();
        names.join(&b'/')
    }

    /// The target of a link.
    pub fn link(&self, link: u32) -> &[u8] {
        self.links.get(link as usize).map(AsRef::as_ref).unwrap_or_default()
    }

    /// What a regular file is, and its size in bytes.
    pub fn file(&self, file: u32) -> Option<(&Executable, u64)> {
        self.files.get(file as usize).map(|(executable, size)| (executable, *size))
    }

    /// The content of a file, if it is one of the few that are kept.
    pub fn content(&self, file: u32) -> Option<&[u8]> {
        self.kept.iter().find(|(kept, _)| *kept == file).map(|(_, content)| content.as_slice())
    }

    /// Every regular file that the layer leaves behind, with its path.
    pub fn files(&self) -> impl Iterator<Item = (NodeId, &Executable)> {
        self.table.iter().filter_map(|&id| match self.node(id)?.kind {
            NodeKind::File(file) => Some((id, self.file(file)?.0)),
            _ => None,
        })
    }

    /// Directories that have no entry of their own although their parents have, or are the root.
    pub fn implied(&self) -> impl Iterator<Item = NodeId> {
        let implied =
            |node: &Node| node.kind == NodeKind::Directory && !node.explicit && !node.whiteout && node.populated;
        self.table.iter().copied().filter(move |&id| {
            let Some(node) = self.node(id) else { return false };
            implied(node) && (node.parent == ROOT || self.node(node.parent).is_some_and(|parent| parent.explicit))
        })
    }
}

fn parent_and_name<'n>(nodes: &[Node], names: &'n [u8], id: NodeId) -> (NodeId, &'n [u8]) {
    match nodes.get(id as usize) {
        Some(Node { parent, name: (start, length), .. }) => {
            let start = *start as usize;
            (*parent, names.get(start..start + usize::from(*length)).unwrap_or_default())
        }
        None => (ROOT, &[]),
    }
}

/// There are at most [`Limits::entries`] of anything.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn owner(entry: &Entry) -> (u16, u32, u32) {
    let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
    (u16::try_from(entry.mode & 0o7777).unwrap_or(0), id(entry.uid), id(entry.gid))
}

/// The capabilities that container runtimes give by default, as bits (moby, `caps.DefaultCapabilities`).
const DEFAULT_CAPABILITIES: u64 = {
    let mut bits = 0;
    let numbers = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31];
    let mut index = 0;
    while index < numbers.len() {
        #[allow(clippy::indexing_slicing, reason = "evaluated when this is compiled")]
        let number = numbers[index];
        bits |= 1 << number;
        index += 1;
    }
    bits
};

/// Whether `execve` refuses a file for its capabilities: they are to be effective, and not all of them can be
/// (`bprm_caps_from_vfs_caps` in the kernel's security/commoncap.c; struct `vfs_cap_data`).
fn demands_more(attribute: &[u8]) -> bool {
    let word = |at: usize| {
        attribute.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map_or(0, u32::from_le_bytes)
    };
    let effective = word(0) & 1 != 0;
    let permitted = u64::from(word(4)) | u64::from(word(12)) << 32;
    effective && permitted & !DEFAULT_CAPABILITIES != 0
}

fn is_file_system_entry(kind: EntryType) -> bool {
    matches!(
        kind,
        EntryType::Regular
            | EntryType::Continuous
            | EntryType::GNUSparse
            | EntryType::Directory
            | EntryType::Symlink
            | EntryType::Link
            | EntryType::Char
            | EntryType::Block
            | EntryType::Fifo
    )
}

/// The names of a path; `None` where it leads out of the root or has a name that Linux does not take.
pub(super) fn normalize(path: &[u8]) -> Option<Vec<&[u8]>> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                names.pop()?;
            }
            _ if name.len() > MAX_NAME || name.contains(&0) => return None,
            _ => names.push(name),
        }
    }
    Some(names)
}

/// A path for people.
pub(crate) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
