//! How much of an image is read before it is given up: an image comes from anywhere, and must not cost more than it is worth.

/// Limits for reading one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one JSON document: index, manifest or configuration. The distribution specification asks registries to take
    /// manifests of 4 MiB.
    pub json: u64,
    /// Manifests, over all indexes.
    pub manifests: usize,
    /// Entries of one layer.
    pub entries: usize,
    /// Bytes of one uncompressed layer.
    pub layer: u64,
    /// How many times larger than its compressed form a layer may be, beyond the first [`Limits::slack`] bytes. Deflate
    /// reaches 1,032; real layers stay below 20.
    pub ratio: u64,
    /// Uncompressed bytes that are always read, whatever the ratio.
    pub slack: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { json: 4 << 20, manifests: 4096, entries: 2_000_000, layer: 64 << 30, ratio: 100, slack: 1 << 30 }
    }
}
