//! Images that were made to do harm: each ends in a clear error or a judgement, within bounds, and never in a panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use ecs_arch_core::files::Memory;
use ecs_arch_core::image::layout::{self, ArchiveKind, Images};
use ecs_arch_core::image::limits::Limits;
use ecs_arch_core::inspect::report::Inspection;
use ecs_arch_core::inspect::{Question, inspect, text};
use ecs_arch_core::report::text::Format;
use sha2::{Digest, Sha256};

fn digest(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An OCI layout in memory.
#[derive(Default)]
struct Layout {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Layout {
    fn blob(&mut self, data: &[u8]) -> (String, usize) {
        let hex = digest(data);
        self.files.insert(Path::new("/image/blobs/sha256").join(&hex), data.to_vec());
        (format!("sha256:{hex}"), data.len())
    }

    fn descriptor(&mut self, media_type: &str, data: &[u8]) -> String {
        let (digest, size) = self.blob(data);
        format!(r#"{{"mediaType":"application/vnd.oci.image.{media_type}","digest":"{digest}","size":{size}}}"#)
    }

    /// A manifest with these layers, given as descriptors.
    fn manifest(&mut self, entrypoint: &str, layers: &[String]) -> String {
        let config = format!(
            r#"{{"os":"linux","architecture":"amd64","config":{{"Entrypoint":{entrypoint}}},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#
        );
        let config = self.descriptor("config.v1+json", config.as_bytes());
        let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{}]}}"#, layers.join(","));
        self.descriptor("manifest.v1+json", manifest.as_bytes())
    }

    fn index(&mut self, manifests: &[String]) {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, manifests.join(","));
        self.files.insert("/image/index.json".into(), index.into_bytes());
    }

    fn inspect(&self, limits: &Limits) -> Result<Inspection, String> {
        let memory = Memory(self.files.clone());
        let images =
            layout::directory(&memory, Path::new("/image"), None, limits).map_err(|error| error.to_string())?;
        Ok(shown(&images))
    }

    /// One layer of this tar archive, with `/app` as the entrypoint.
    fn of_layer(layer: &[u8]) -> Layout {
        let mut layout = Layout::default();
        let layer = layout.descriptor("layer.v1.tar", layer);
        let manifest = layout.manifest(r#"["/app"]"#, &[layer]);
        layout.index(&[manifest]);
        layout
    }
}

fn shown(images: &Images<'_>) -> Inspection {
    let inspection = inspect(images, "test", &Question { all_layers: true, ..Question::default() });
    let text = text::text(&inspection, Format::default());
    let raw = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(raw, None, "control characters reach the terminal: {text:?}");
    inspection
}

fn header(kind: tar::EntryType, path: &[u8], size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.as_gnu_mut().unwrap().name.iter_mut().zip(path).for_each(|(to, from)| *to = *from);
    header.set_cksum();
    header
}

fn tar(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (path, content) in entries {
        data.extend_from_slice(header(tar::EntryType::Regular, path, content.len() as u64).as_bytes());
        data.extend_from_slice(content);
        data.resize(data.len().next_multiple_of(512), 0);
    }
    data.resize(data.len() + 1024, 0);
    data
}

fn links(entries: &[(&[u8], &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (path, target) in entries {
        let mut header = header(tar::EntryType::Symlink, path, 0);
        header.set_link_name(target).unwrap();
        header.set_cksum();
        data.extend_from_slice(header.as_bytes());
    }
    data.resize(data.len() + 1024, 0);
    data
}

fn outcome(inspection: &Inspection) -> String {
    match inspection.platforms.first().map(|platform| (&platform.outcome, &platform.why)) {
        Some((Some(outcome), _)) => format!("{} {}", outcome.stage, outcome.errno.unwrap_or("-")),
        Some((None, Some(why))) => format!("unknown: {why}"),
        other => format!("{other:?}"),
    }
}

fn of_layer(layer: &[u8]) -> Inspection {
    Layout::of_layer(layer).inspect(&Limits::default()).unwrap()
}

#[test]
fn a_decompression_bomb_is_given_up_and_named() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(header(tar::EntryType::Regular, b"zeros", 64 << 20).as_bytes()).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(64 << 20), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    let limits = Limits { slack: 1 << 20, ratio: 10, ..Limits::default() };
    let inspection = Layout::of_layer(&bomb).inspect(&limits).unwrap();
    assert!(inspection.unreadable[0].starts_with("layer `sha256:"), "{:?}", inspection.unreadable);
    assert!(inspection.unreadable[0].contains("--max-layer-size"));
    assert!(outcome(&inspection).starts_with("unknown"));
}

#[test]
fn a_tar_bomb_is_given_up_and_named() {
    let entries: Vec<(Vec<u8>, &[u8])> =
        (0..1000).map(|number| (format!("f{number}").into_bytes(), &b""[..])).collect();
    let entries: Vec<(&[u8], &[u8])> = entries.iter().map(|(path, content)| (path.as_slice(), *content)).collect();
    let limits = Limits { entries: 100, ..Limits::default() };
    let inspection = Layout::of_layer(&tar(&entries)).inspect(&limits).unwrap();
    assert!(inspection.unreadable[0].contains("more than 100 entries"), "{:?}", inspection.unreadable);
}

#[test]
fn a_sparse_file_of_8_gib_costs_nothing() {
    let mut sparse = header(tar::EntryType::GNUSparse, b"app", 0);
    sparse.as_gnu_mut().unwrap().set_real_size(8 << 30);
    sparse.set_cksum();
    let mut data = sparse.as_bytes().to_vec();
    data.resize(data.len() + 1024, 0);
    assert_eq!(outcome(&of_layer(&data)), "exec ENOEXEC");
}

#[test]
fn link_loops_end() {
    assert_eq!(outcome(&of_layer(&links(&[(b"app", "app")]))), "create ELOOP");
    assert_eq!(outcome(&of_layer(&links(&[(b"app", "a/b"), (b"a", "c"), (b"c", "a")]))), "create ELOOP");
    assert_eq!(outcome(&of_layer(&links(&[(b"app", "../../../../etc/../../nothing")]))), "create ENOENT");
    // An entry below a loop cannot be unpacked.
    let below = [&links(&[(b"a", "b"), (b"b", "a")])[..1024], &tar(&[(b"a/x", b"1")])].concat();
    assert_eq!(of_layer(&below).unreadable.len(), 1);
}

#[test]
fn names_that_lead_out_or_steer_the_terminal_are_harmless() {
    let inspection = of_layer(&tar(&[(b"../../etc/passwd", b"x"), (b"\x1b[31mred\x07", b"x"), (b"app", b"echo")]));
    assert_eq!(outcome(&inspection), "exec ENOEXEC");
    assert!(inspection.unreadable[0].contains("leads out of the image"), "{:?}", inspection.unreadable);
    let mut layout = Layout::default();
    let layer = layout.descriptor("layer.v1.tar", &tar(&[(b"\x1b[31mred", b"echo")]));
    let manifest = layout.manifest(r#"["/\u001b[31mred","\u0000\u009b"]"#, &[layer]);
    layout.index(&[manifest]);
    assert_eq!(outcome(&layout.inspect(&Limits::default()).unwrap()), "exec ENOEXEC");
}

#[test]
fn a_wrong_digest_or_size_is_an_error_that_names_the_layer() {
    let mut layout = Layout::of_layer(&tar(&[(b"app", b"echo")]));
    let path = layout.files.iter().find(|(_, data)| data.starts_with(b"app")).unwrap().0.clone();
    layout.files.get_mut(&path).unwrap()[600] ^= 1;
    let inspection = layout.inspect(&Limits::default()).unwrap();
    assert!(inspection.unreadable[0].contains("its digest is `sha256:"), "{:?}", inspection.unreadable);
    assert!(outcome(&inspection).starts_with("unknown: layer `sha256:"));
    layout.files.get_mut(&path).unwrap().push(0);
    assert!(layout.inspect(&Limits::default()).unwrap().unreadable[0].contains("the manifest says"));
    layout.files.remove(&path);
    assert!(layout.inspect(&Limits::default()).unwrap().unreadable[0].contains("is missing"));
}

#[test]
fn a_broken_layer_does_not_hide_what_is_above_it() {
    let mut layout = Layout::default();
    let program = layout.descriptor("layer.v1.tar", &tar(&[(b"app", b"#!/app\n")]));
    let broken = layout.descriptor("layer.v1.tar", b"this is no archive at all");
    let manifest = layout.manifest(r#"["/app"]"#, &[broken, program]);
    layout.index(&[manifest]);
    let inspection = layout.inspect(&Limits::default()).unwrap();
    assert_eq!(outcome(&inspection), "exec ELOOP");
    assert_eq!(inspection.unreadable.len(), 1);
}

#[test]
fn truncated_layers_are_named_wherever_they_end() {
    let whole = tar(&[(b"app", &[b'#'; 3000]), (b"other", b"x")]);
    for length in [100, 512, 700, 3500, 3600, 4000] {
        assert_eq!(of_layer(&whole[..length]).unreadable.len(), 1, "{length}");
    }
    for end_without_mark in [3550, 3584] {
        assert_eq!(of_layer(&whole[..end_without_mark]).unreadable, Vec::<String>::new());
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&whole).unwrap();
    let gzip = encoder.finish().unwrap();
    for length in [3, 10, gzip.len() / 2, gzip.len() - 1] {
        assert_eq!(of_layer(&gzip[..length]).unreadable.len(), 1, "{length}");
    }
}

#[test]
fn sizes_that_lie_are_errors() {
    let mut data = header(tar::EntryType::Regular, b"app", u64::MAX >> 2).as_bytes().to_vec();
    data.extend_from_slice(b"short");
    assert_eq!(of_layer(&data).unreadable.len(), 1);
    let mut pax = header(tar::EntryType::XHeader, b"pax", 1 << 40).as_bytes().to_vec();
    pax.resize(4096, b'x');
    assert!(of_layer(&pax).unreadable[0].contains("longer than any that Linux could use"));
}

#[test]
fn indexes_that_contain_each_other_end() {
    let mut layout = Layout::default();
    let mut inner = layout.manifest(r#"["/app"]"#, &[]);
    for _ in 0..40 {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{inner},{inner}]}}"#);
        inner = layout.descriptor("index.v1+json", index.as_bytes());
    }
    layout.index(&[inner]);
    let inspection = layout.inspect(&Limits::default()).unwrap();
    assert!(inspection.unreadable.iter().any(|message| message.contains("deep")), "{:?}", inspection.unreadable);
}

#[test]
fn an_index_of_ten_thousand_manifests_is_cut() {
    let mut layout = Layout::default();
    let manifest = layout.manifest(r#"["/app"]"#, &[]);
    layout.index(&vec![manifest; 10_000]);
    let inspection = layout.inspect(&Limits { manifests: 50, ..Limits::default() }).unwrap();
    assert_eq!(inspection.platforms.len(), 50);
    assert!(inspection.unreadable[0].contains("only the first 50 manifests"), "{:?}", inspection.unreadable);
}

#[test]
fn documents_that_are_no_documents_are_named() {
    for (data, part) in [
        (&b"{"[..], "`index.json`"),
        (b"\xff\xfe", "`index.json`"),
        (b"[]", "`index.json`"),
        (br#"{"schemaVersion":2,"manifests":[]}"#, "lists no image"),
    ] {
        let mut layout = Layout::default();
        layout.files.insert("/image/index.json".into(), data.to_vec());
        let error = layout.inspect(&Limits::default()).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    let limits = Limits { json: 10, ..Limits::default() };
    let error = Layout::of_layer(&tar(&[])).inspect(&limits).unwrap_err();
    assert!(error.contains("larger than"), "{error}");
}

#[test]
fn archives_that_are_no_archives_are_named() {
    let open = |data: &[u8]| {
        let seekable =
            layout::archive(Box::new(Cursor::new(data.to_vec())), ArchiveKind::Either, None, &Limits::default());
        let stream = layout::stream(data, ArchiveKind::Either, None, &Limits::default());
        (seekable.err().unwrap().to_string(), stream.err().unwrap().to_string())
    };
    for (data, part) in [
        (&b""[..], "neither"),
        (b"not an archive, but longer than one header would be if it were one", "not a readable tar"),
        (&tar(&[(b"file", b"x")]), "neither"),
        (&tar(&[(b"manifest.json", b"{}")]), "`manifest.json` is not understood"),
        (&tar(&[(b"manifest.json", b"[]")]), "lists no image"),
        (&tar(&[(b"manifest.json", br#"[{"Config":"../../etc/passwd","Layers":["/etc/shadow"]}]"#)]), ""),
    ] {
        if part.is_empty() {
            let images =
                layout::archive(Box::new(Cursor::new(data.to_vec())), ArchiveKind::Either, None, &Limits::default())
                    .unwrap();
            assert!(shown(&images).unreadable[0].contains("is missing"));
            continue;
        }
        let (seekable, stream) = open(data);
        assert!(seekable.contains(part), "{seekable}");
        assert!(stream.contains(part), "{stream}");
    }
}

#[test]
fn any_bytes_in_the_place_of_a_program_are_judged() {
    // Each byte of a real header in turn is set to every value that could matter.
    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    program.resize(32, 0);
    program.extend_from_slice(&64u64.to_le_bytes());
    program.resize(54, 0);
    program.extend_from_slice(&[56, 0, 2, 0]);
    program.resize(64, 0);
    for (kind, offset, size) in [(3u32, 176u64, 8u64), (2, 184, 32)] {
        program.extend_from_slice(&kind.to_le_bytes());
        program.extend_from_slice(&[5, 0, 0, 0]);
        for word in [offset, 0, 0, size, size, 8] {
            program.extend_from_slice(&word.to_le_bytes());
        }
    }
    program.extend_from_slice(b"/ld.so.\0");
    program.resize(216, 5);
    for at in 0..program.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = program.clone();
            changed[at] = value;
            let inspection = of_layer(&tar(&[(b"app", &changed)]));
            assert_eq!(inspection.platforms.len(), 1);
        }
    }
}
