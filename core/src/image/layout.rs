//! Finds the images in what is here: an OCI layout in a directory or an archive, or what `docker save` writes, from a file or
//! as a stream.
//!
//! A file is indexed by its headers and then read where a question leads. A stream passes once: its documents are kept, and
//! each layer is read into its index as it goes by.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ::tar::EntryType;
use oci_spec::image::Descriptor;

use super::blob::{self, Blob, Expected};
use super::layer::{Layer, normalize};
use super::limits::Limits;
use super::manifest::{self, Config, Document, Saved};
use super::tar::Walk;
use crate::files::{Files, ReadSeek};
use crate::platform::Platform;

/// How deep indexes may lie in each other.
const MAX_DEPTH: usize = 8;
/// How many entries an archive may have before its images are looked for; images of `docker save` have a few per layer.
const MAX_ARCHIVE_ENTRIES: usize = 100_000;
/// Documents that are kept of a stream.
const MAX_KEPT: u64 = 64 << 20;
/// The annotation with an image's name in an OCI layout.
const REFERENCE_NAME: &str = "org.opencontainers.image.ref.name";

/// What cannot be read as an image, with the part of it that is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LayoutError(pub String);

fn error(text: impl Into<String>) -> LayoutError {
    LayoutError(text.into())
}

/// One image: what an index has for one platform, or a manifest that stands alone.
#[derive(Debug, Clone)]
pub struct Image {
    /// The platform that its index names, else that its configuration declares; or why there is none.
    pub declared: Result<Platform, String>,
    /// Its configuration.
    pub config: Config,
    /// Its layers, from the bottom up.
    pub layers: Vec<LayerName>,
}

/// Where a layer is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerName {
    /// Its path in the layout or archive.
    pub path: String,
    /// What the manifest says of it.
    pub expected: Expected,
    /// The digest of its uncompressed content, where nothing else says what it must be.
    diff_id: Option<String>,
}

impl LayerName {
    /// A name for messages: the digest, else the path.
    pub fn shown(&self) -> &str {
        self.expected.digest.as_deref().unwrap_or(&self.path)
    }
}

/// What was found.
pub struct Images<'f> {
    /// The images, in the order of index and manifest.
    pub images: Vec<Image>,
    /// Whether there is an index to choose from; a manifest that stands alone is taken whatever it declares.
    pub from_index: bool,
    /// What could not be read, as sentences.
    pub unreadable: Vec<String>,
    store: Store<'f>,
    limits: Limits,
    /// Layers that were read; images of one index may share some.
    layers: RefCell<HashMap<String, Result<Arc<Layer>, String>>>,
}

impl Images<'_> {
    /// Reads a layer into its index.
    ///
    /// # Errors
    /// A sentence that names the layer.
    pub fn layer(&self, name: &LayerName) -> Result<Arc<Layer>, String> {
        if let Some(known) = self.layers.borrow().get(&name.path) {
            return known.clone();
        }
        let layer = self.store.layer(name, &self.limits);
        let layer = layer.map_err(|message| format!("layer `{}`: {message}", name.shown()));
        self.layers.borrow_mut().insert(name.path.clone(), layer.clone());
        layer
    }
}

/// An OCI layout in a directory.
///
/// # Errors
/// [`LayoutError`] where the directory is no layout, or has no image of that name.
pub fn directory<'f>(
    files: &'f dyn Files,
    path: &Path,
    name: Option<&str>,
    limits: &Limits,
) -> Result<Images<'f>, LayoutError> {
    let store = Store::Directory { files, path: path.to_owned() };
    if !store.has("index.json") {
        return Err(error("it is no OCI layout: it has no `index.json`"));
    }
    from_layout(store, name, limits)
}

/// An archive: an OCI layout in a tar file, or what `docker save` writes.
///
/// # Errors
/// [`LayoutError`] where it is neither, or has no image of that name.
pub fn archive(
    mut file: Box<dyn ReadSeek>,
    kind: ArchiveKind,
    name: Option<&str>,
    limits: &Limits,
) -> Result<Images<'static>, LayoutError> {
    let mut start = [0; 4];
    let read = file.read(&mut start).map_err(|e| error(e.to_string()))?;
    file.rewind().map_err(|e| error(e.to_string()))?;
    if start.get(..read).is_some_and(|start| start.starts_with(b"\x1f\x8b") || start.starts_with(b"\x28\xb5\x2f\xfd")) {
        // A compressed archive cannot be read anywhere but from its start.
        return stream(file, kind, name, limits);
    }
    let mut entries = HashMap::new();
    let mut links = HashMap::new();
    let length = file
        .seek(SeekFrom::End(0))
        .and_then(|length| file.rewind().map(|()| length))
        .map_err(|e| error(e.to_string()))?;
    let mut walk = Walk::new(BufReader::new(file));
    let mut count = 0;
    while let Some(entry) = walk.next().map_err(|e| error(format!("it is not a readable tar archive: {e}")))? {
        count += 1;
        if count > MAX_ARCHIVE_ENTRIES {
            return Err(error("it has more entries than an archive of images has"));
        }
        let Some(path) = normalize(&entry.path).map(|names| text(&names)) else { continue };
        if matches!(entry.kind, EntryType::Symlink | EntryType::Link) {
            links.insert(path.clone(), link_target(&path, &entry.link, entry.kind));
        } else if entry.kind.is_file() {
            entries.insert(path, (entry.offset, entry.stored));
        }
        walk.pass(length).map_err(|e| error(format!("it is not a readable tar archive: {e}")))?;
    }
    let store = Store::Archive { file: Arc::new(Mutex::new(walk.into_source().into_inner())), entries, links };
    open(store, kind, name, limits)
}

/// An archive that passes by once, compressed or not.
///
/// # Errors
/// [`LayoutError`] where it is neither an OCI layout nor an archive of `docker save`.
pub fn stream(
    source: impl Read,
    kind: ArchiveKind,
    name: Option<&str>,
    limits: &Limits,
) -> Result<Images<'static>, LayoutError> {
    let generous = Limits { layer: u64::MAX, slack: u64::MAX, ..*limits };
    let source = Blob::open(Box::new(source), Expected::default(), &generous).map_err(|e| error(e.to_string()))?;
    let mut documents: HashMap<String, Vec<u8>> = HashMap::new();
    let mut layers: HashMap<String, Result<Arc<Layer>, String>> = HashMap::new();
    let mut links = HashMap::new();
    let mut kept = 0;
    let mut count = 0;
    let mut walk = Walk::new(source);
    while let Some(entry) = walk.next().map_err(|e| error(format!("it is not a readable tar archive: {e}")))? {
        count += 1;
        if count > MAX_ARCHIVE_ENTRIES {
            return Err(error("it has more entries than an archive of images has"));
        }
        let Some(path) = normalize(&entry.path).map(|names| text(&names)) else { continue };
        if matches!(entry.kind, EntryType::Symlink | EntryType::Link) {
            links.insert(path.clone(), link_target(&path, &entry.link, entry.kind));
            continue;
        }
        if !entry.kind.is_file() {
            continue;
        }
        let mut content = walk.content(&entry);
        let mut start = vec![0; 512];
        let read = fill(&mut content, &mut start).map_err(|e| error(e.to_string()))?;
        start.truncate(read);
        if start.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| b"{[".contains(byte))
            && entry.size <= limits.json
        {
            content.read_to_end(&mut start).map_err(|e| error(e.to_string()))?;
            kept += entry.size;
            if kept > MAX_KEPT {
                return Err(error("it has more documents than an archive of images has"));
            }
            documents.insert(path, start);
        } else if read > 0 {
            // The name of a blob is its digest; other layers are compared with the configuration's digests below.
            let expected = Expected { digest: digest_of_path(&path), size: None };
            let layer = Blob::open(Box::new(Cursor::new(start).chain(content)), expected, limits)
                .map_err(|e| e.to_string())
                .and_then(|blob| Layer::read(blob, limits).map_err(|e| e.to_string()));
            layers.insert(path, layer.map(Arc::new));
        }
    }
    open(Store::Stream { documents, layers, links }, kind, name, limits)
}

/// Which kind of archive is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    /// `docker-archive:`, with a `manifest.json`.
    Docker,
    /// `oci-archive:`, with an `index.json`.
    Oci,
    /// Whichever it is; that of `docker save` first, because it names exactly the images that the archive holds.
    Either,
}

fn open<'f>(
    store: Store<'f>,
    kind: ArchiveKind,
    name: Option<&str>,
    limits: &Limits,
) -> Result<Images<'f>, LayoutError> {
    match (store.has("manifest.json"), store.has("index.json")) {
        (true, _) if kind != ArchiveKind::Oci => from_saved(store, name, limits),
        (_, true) if kind != ArchiveKind::Docker => from_layout(store, name, limits),
        _ => Err(error(match kind {
            ArchiveKind::Docker => "it is no archive of `docker save`: it has no `manifest.json`",
            ArchiveKind::Oci => "it is no OCI layout: it has no `index.json`",
            ArchiveKind::Either => {
                "it is neither an archive of `docker save` nor an OCI layout: it has no `manifest.json` and no `index.json`"
            }
        })),
    }
}

fn from_saved<'f>(store: Store<'f>, name: Option<&str>, limits: &Limits) -> Result<Images<'f>, LayoutError> {
    let data = store
        .document("manifest.json", &Expected::default(), limits)
        .map_err(|e| error(format!("`manifest.json`: {e}")))?;
    let saved: Vec<Saved> =
        serde_json::from_slice(&data).map_err(|e| error(format!("`manifest.json` is not understood: {e}")))?;
    let mut images = Vec::new();
    let mut unreadable = Vec::new();
    let chosen: Vec<&Saved> = saved
        .iter()
        .filter(|image| name.is_none_or(|name| image.repo_tags.iter().any(|tag| names(tag, name))))
        .collect();
    if let (true, Some(name)) = (chosen.is_empty(), name) {
        let tags: Vec<&str> = saved.iter().flat_map(|image| &image.repo_tags).map(String::as_str).collect();
        return Err(error(format!("it has no image `{name}` ({})", there_are(&tags))));
    }
    for image in chosen.into_iter().take(limits.manifests) {
        let expected = Expected { digest: digest_of_path(&image.config), size: None };
        let config = store
            .document(&image.config, &expected, limits)
            .and_then(|data| Config::parse(&data).map_err(|e| e.to_string()));
        match config {
            Ok(config) => {
                let diff_id = |index: usize| config.rootfs.diff_ids.get(index).cloned();
                let layers = image.layers.iter().enumerate().map(|(index, path)| LayerName {
                    path: path.clone(),
                    expected: Expected { digest: digest_of_path(path), size: None },
                    diff_id: diff_id(index),
                });
                images.push(Image { declared: config.platform(), layers: layers.collect(), config });
            }
            Err(message) => unreadable.push(format!("configuration `{}`: {message}", image.config)),
        }
    }
    if images.is_empty() && unreadable.is_empty() {
        return Err(error("its `manifest.json` lists no image"));
    }
    Ok(Images { images, from_index: false, unreadable, store, limits: *limits, layers: RefCell::default() })
}

fn from_layout<'f>(store: Store<'f>, name: Option<&str>, limits: &Limits) -> Result<Images<'f>, LayoutError> {
    let data =
        store.document("index.json", &Expected::default(), limits).map_err(|e| error(format!("`index.json`: {e}")))?;
    let Document::Index(mut manifests) = Document::parse(&data).map_err(|e| error(format!("`index.json`: {e}")))?
    else {
        return Err(error("`index.json` is an image manifest, not an index"));
    };
    if let Some(wanted) = name {
        let named = |descriptor: &Descriptor| {
            descriptor.annotations().as_ref().and_then(|all| all.get(REFERENCE_NAME)).cloned()
        };
        let tags: Vec<String> = manifests.iter().filter_map(named).collect();
        manifests.retain(|descriptor| {
            named(descriptor).is_some_and(|tag| names(&tag, wanted)) || descriptor.digest().to_string() == wanted
        });
        if manifests.is_empty() {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            return Err(error(format!("it has no image `{wanted}` ({})", there_are(&tags))));
        }
    }
    let mut reader = LayoutReader { store: &store, limits, images: Vec::new(), unreadable: Vec::new(), seen: 0 };
    let alone = matches!(manifests.as_slice(), [_]);
    let nested = reader.read(&manifests, 0);
    let (images, unreadable) = (reader.images, reader.unreadable);
    if images.is_empty() && unreadable.is_empty() {
        return Err(error("its index lists no image"));
    }
    Ok(Images { images, from_index: nested || !alone, unreadable, store, limits: *limits, layers: RefCell::default() })
}

struct LayoutReader<'s> {
    store: &'s Store<'s>,
    limits: &'s Limits,
    images: Vec<Image>,
    unreadable: Vec<String>,
    /// Manifests that were looked at.
    seen: usize,
}

impl LayoutReader<'_> {
    /// Reads what descriptors point to; says whether an index was among it.
    fn read(&mut self, descriptors: &[Descriptor], depth: usize) -> bool {
        let mut nested = false;
        for descriptor in descriptors.iter().filter(|descriptor| !manifest::is_attestation(descriptor)) {
            if self.seen >= self.limits.manifests {
                self.complain(
                    descriptor,
                    &format!("only the first {} manifests were looked at", self.limits.manifests),
                );
                break;
            }
            self.seen += 1;
            match self.document(descriptor) {
                Ok(Document::Index(inner)) => {
                    nested = true;
                    if depth >= MAX_DEPTH {
                        self.complain(descriptor, &format!("indexes lie in each other more than {MAX_DEPTH} deep"));
                    } else {
                        self.read(&inner, depth + 1);
                    }
                }
                Ok(Document::Manifest(manifest)) => match self.image(descriptor, &manifest) {
                    Ok(Some(image)) => self.images.push(image),
                    Ok(None) => {}
                    Err(message) => self.complain(descriptor, &message),
                },
                // Tools save the one platform that they have, with the whole index.
                Err(Missing::Blob(_)) if depth > 0 && descriptors.len() > 1 => {}
                Err(Missing::Blob(message) | Missing::Sense(message)) => self.complain(descriptor, &message),
            }
        }
        nested
    }

    fn complain(&mut self, descriptor: &Descriptor, message: &str) {
        if self.unreadable.len() < 20 {
            self.unreadable.push(format!("manifest `{}`: {message}", descriptor.digest()));
        }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document, Missing> {
        let path = path_of_digest(descriptor.digest().as_ref()).map_err(Missing::Sense)?;
        if !self.store.has(&path) {
            return Err(Missing::Blob("it is not in the layout".to_owned()));
        }
        let data = self.store.document(&path, &expected(descriptor), self.limits).map_err(Missing::Sense)?;
        Document::parse(&data).map_err(|error| Missing::Sense(error.to_string()))
    }

    fn image(
        &self,
        descriptor: &Descriptor,
        manifest: &oci_spec::image::ImageManifest,
    ) -> Result<Option<Image>, String> {
        let media_type = manifest.config().media_type().to_string();
        let is_image =
            media_type.contains("image.config") || media_type.contains("container.image.v1") || media_type.is_empty();
        if !is_image || manifest.artifact_type().is_some() {
            return Ok(None);
        }
        let path = path_of_digest(manifest.config().digest().as_ref())?;
        let data = self
            .store
            .document(&path, &expected(manifest.config()), self.limits)
            .map_err(|e| format!("its configuration: {e}"))?;
        let config = Config::parse(&data).map_err(|e| format!("its configuration: {e}"))?;
        let declared = match manifest::descriptor_platform(descriptor) {
            Some(platform) => platform.map_err(|error| error.to_string()),
            None => config.platform(),
        };
        let layers = manifest.layers().iter().map(|layer| {
            let path = path_of_digest(layer.digest().as_ref())?;
            Ok(LayerName { path, expected: expected(layer), diff_id: None })
        });
        Ok(Some(Image { declared, layers: layers.collect::<Result<_, String>>()?, config }))
    }
}

/// Why a document is missing.
enum Missing {
    /// It is not there.
    Blob(String),
    /// It is there, and not understood.
    Sense(String),
}

fn expected(descriptor: &Descriptor) -> Expected {
    Expected { digest: Some(descriptor.digest().to_string()), size: Some(descriptor.size()) }
}

/// Where a layout keeps a blob.
fn path_of_digest(digest: &str) -> Result<String, String> {
    match digest.split_once(':') {
        Some((algorithm @ ("sha256" | "sha512"), hex)) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Ok(format!("blobs/{algorithm}/{hex}"))
        }
        _ => Err(format!("`{digest}` is not a digest of sha256 or sha512")),
    }
}

/// The digest in the name of a blob, or of a configuration as `docker save` names it.
fn digest_of_path(path: &str) -> Option<String> {
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = path.strip_prefix("blobs/sha256/").or_else(|| path.strip_suffix(".json"))?;
    hex(name).then(|| format!("sha256:{name}"))
}

/// `docker save` writes `shop/web:1`; people write that, or the tag alone.
fn names(tag: &str, wanted: &str) -> bool {
    tag == wanted
        || tag
            .rsplit_once(':')
            .is_some_and(|(repository, version)| version == wanted || repository == wanted && version == "latest")
}

fn there_are(tags: &[&str]) -> String {
    if tags.is_empty() {
        return "its images have no names; leave the name out".to_owned();
    }
    let shown: Vec<String> = tags.iter().take(10).map(|tag| format!("`{tag}`")).collect();
    format!("there are: {}", shown.join(", "))
}

fn text(names: &[&[u8]]) -> String {
    String::from_utf8_lossy(&names.join(&b'/')).into_owned()
}

/// Where a link in an archive leads. Old versions of `docker save` write a layer that two images share once, and link it.
fn link_target(path: &str, target: &[u8], kind: EntryType) -> String {
    let directory =
        if kind == EntryType::Symlink { path.rsplit_once('/').map_or("", |(directory, _)| directory) } else { "" };
    let joined = [directory.as_bytes(), b"/", target].concat();
    normalize(&joined).map(|names| text(&names)).unwrap_or_default()
}

fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Where documents and layers are read from.
enum Store<'f> {
    Directory {
        files: &'f dyn Files,
        path: PathBuf,
    },
    Archive {
        file: Arc<Mutex<Box<dyn ReadSeek>>>,
        /// Offset and size by path.
        entries: HashMap<String, (u64, u64)>,
        links: HashMap<String, String>,
    },
    Stream {
        documents: HashMap<String, Vec<u8>>,
        layers: HashMap<String, Result<Arc<Layer>, String>>,
        links: HashMap<String, String>,
    },
}

impl Store<'_> {
    fn has(&self, path: &str) -> bool {
        match self {
            Store::Directory { files, path: root } => files.is_file(&root.join(path)),
            Store::Archive { entries, links, .. } => entries.contains_key(followed(links, path)),
            Store::Stream { documents, layers, links } => {
                let path = followed(links, path);
                documents.contains_key(path) || layers.contains_key(path)
            }
        }
    }

    /// A small file.
    fn document(&self, path: &str, expected: &Expected, limits: &Limits) -> Result<Vec<u8>, String> {
        let too_large = || {
            format!("`{path}` is larger than the {} that a document of an image may have", super::bytes(limits.json))
        };
        if expected.size.is_some_and(|size| size > limits.json) {
            return Err(too_large());
        }
        let mut data = Vec::new();
        match self {
            Store::Stream { documents, links, .. } => {
                data.clone_from(
                    documents
                        .get(followed(links, path))
                        .ok_or_else(|| format!("`{path}` is missing, or no document"))?,
                );
            }
            _ => {
                let read = self.open(path)?.take(limits.json + 1).read_to_end(&mut data);
                read.map_err(|error| format!("`{path}` cannot be read: {error}"))?;
            }
        }
        if data.len() as u64 > limits.json {
            return Err(too_large());
        }
        blob::verify(&data, expected).map_err(|error| format!("`{path}`: {error}"))?;
        Ok(data)
    }

    fn layer(&self, name: &LayerName, limits: &Limits) -> Result<Arc<Layer>, String> {
        if let Store::Stream { layers, links, .. } = self {
            return layers.get(followed(links, &name.path)).cloned().unwrap_or_else(|| Err("it is missing".to_owned()));
        }
        let source = self.open(&name.path)?;
        let blob = Blob::open(source, name.expected.clone(), limits).map_err(|error| error.to_string())?;
        if blob.is_plain() && name.expected.digest.is_none() && name.diff_id.is_some() {
            // Nothing is compressed, so the digest of the content is that of the blob.
            drop(blob);
            let expected = Expected { digest: name.diff_id.clone(), size: None };
            let blob = Blob::open(self.open(&name.path)?, expected, limits).map_err(|error| error.to_string())?;
            return Layer::read(blob, limits).map(Arc::new).map_err(|error| error.to_string());
        }
        Layer::read(blob, limits).map(Arc::new).map_err(|error| error.to_string())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, String> {
        let missing = || format!("`{path}` is missing");
        match self {
            Store::Directory { files, path: root } => {
                let opened = files.open(&root.join(path));
                let opened = opened.map_err(|error| {
                    if error.kind() == io::ErrorKind::NotFound {
                        missing()
                    } else {
                        format!("`{path}` cannot be read: {error}")
                    }
                })?;
                Ok(Box::new(opened))
            }
            Store::Archive { file, entries, links } => {
                let (offset, size) = entries.get(followed(links, path)).copied().ok_or_else(missing)?;
                Ok(Box::new(Part { file: Arc::clone(file), position: offset, left: size }))
            }
            Store::Stream { .. } => Err(missing()),
        }
    }
}

fn followed<'s>(links: &'s HashMap<String, String>, path: &'s str) -> &'s str {
    let mut at = path;
    for _ in 0..MAX_DEPTH {
        match links.get(at) {
            Some(target) => at = target,
            None => break,
        }
    }
    at
}

/// A part of an archive's file.
struct Part {
    file: Arc<Mutex<Box<dyn ReadSeek>>>,
    position: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let mut file = self.file.lock().map_err(|_| io::Error::other("the archive cannot be read"))?;
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.position += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
