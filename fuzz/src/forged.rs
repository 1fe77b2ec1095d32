//! Indexes of a small image that lie: *what is reported as vouched for by the image, or by us, equals what the whole layers
//! say*, whatever is attached and whatever a cache was used for before; and all that an attached index tells is reported as that.
//!
//! Input: steps of eight bytes, each a change of one of the image's three zTOCs: which zTOC, what, of which entry or span, and a
//! number.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use ocipeek::error::Result;
use ocipeek::format::oci::media_type::OCI_MANIFEST;
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::format::ztoc::Compression;
use ocipeek::format::ztoc::create::{BuildOptions, ZtocBuilder};
use ocipeek::image::{BuiltIndex, FileStat, Image, IndexVoucher, OpenOptions};
use ocipeek::limits::Limits;
use serde_json::{Value, json};
use test_support::memory::{GZIP, Memory, Ranged, TAR};

use crate::forge::{self, Forge};

const V1: &str = "application/vnd.amazon.soci.index.v1+json";
const V2: &str = "application/vnd.amazon.soci.index.v2+json";
const SPAN: u64 = 2000;
/// Changes of one input.
const MAX_STEPS: usize = 16;
/// Kinds of change.
const CHANGES: u8 = 21;

/// What a path is, and what it holds, or why that cannot be read.
type Tree = BTreeMap<Vec<u8>, (FileStat, Option<Bytes>)>;

/// The image, without anything forged.
struct Honest {
    layers: Vec<(&'static str, Bytes, Bytes)>,
    truth: Tree,
}

thread_local! {
    static HONEST: Honest = honest();
}

/// One input.
pub fn run(data: &[u8]) {
    HONEST.with(|honest| check(honest, data));
}

fn check(honest: &Honest, data: &[u8]) {
    let mut forged: Vec<Forge> = honest.layers.iter().map(|(_, _, ztoc)| Forge::new(ztoc)).collect();
    let (steps, _) = data.as_chunks::<8>();
    // Other bytes anywhere come last: after them nobody can tell where the fields are.
    let (raw, fields): (Vec<&[u8; 8]>, Vec<&[u8; 8]>) =
        steps.iter().take(MAX_STEPS).partition(|step| step[1] % CHANGES == CHANGES - 1);
    for step in fields {
        let at = usize::from(step[0]) % forged.len();
        change(&mut forged[at], step);
    }
    for step in raw {
        let at = usize::from(step[0]) % forged.len();
        flip(&mut forged[at].bytes, step);
    }
    let ztocs: Vec<Bytes> = forged.into_iter().map(|f| f.bytes.into()).collect();
    let memory = image(honest, &ztocs);
    let cache = Rc::new(Ranged::default());
    let with = |attached_index| {
        let mut options = OpenOptions::default().attached_index(attached_index);
        options.cache = Some(cache.clone());
        options.kept_indexes = Some(true);
        options
    };
    // Whatever it says, it says it as what it is; and it ends.
    if let Ok(image) = block_on(memory.open("v1", with(true))) {
        let told = image.soci().is_some();
        let _ = walk(&image, told.then_some(IndexVoucher::Attached));
        for i in 0..honest.layers.len() {
            let view = image.layer(i).expect("a layer");
            let _ = block_on(async {
                let mut walk = view.walk(b"/", None);
                while let Some(stat) = walk.next().await? {
                    assert_eq!(stat.verified.index, told.then_some(IndexVoucher::Attached));
                    drop(view.read_file(&stat.path, None).await);
                }
                Ok::<_, ocipeek::error::Error>(())
            });
        }
    }
    // By the layers themselves, and by the index that the image names, with the cache that has served it.
    let image = block_on(memory.open("v1", with(false))).expect("nothing of it is asked for");
    assert_eq!(walk(&image, None).expect("the layers are whole"), honest.truth);
    let image = block_on(memory.open("v2", with(true))).expect("an honest index");
    assert_eq!(walk(&image, Some(IndexVoucher::Image)).expect("an honest index"), honest.truth);
    // By what is made of the layers here.
    let image =
        block_on(memory.open("v1", with(true))).expect("what is attached cannot keep anybody from it");
    let mut equal = true;
    for (i, ((_, layer, ztoc), forged)) in honest.layers.iter().zip(&ztocs).enumerate() {
        let built = BuiltIndex { ztoc: ztoc.clone(), layer_digest: Digest::of(layer) };
        block_on(image.use_index(i, built)).expect("it is the layer's");
        equal &= ztoc == forged;
    }
    let image = block_on(memory.open("v1", with(true))).expect("as before");
    let voucher = if equal { IndexVoucher::Checked } else { IndexVoucher::Own };
    assert_eq!(walk(&image, Some(voucher)).expect("our own index"), honest.truth);
}

/// All of the tree, and that all of it is reported as `voucher` has it.
fn walk(image: &Image, voucher: Option<IndexVoucher>) -> Result<Tree> {
    block_on(async {
        let (mut tree, mut walk) = (Tree::new(), image.walk(b"/", None));
        while let Some(mut stat) = walk.next().await? {
            assert_eq!(stat.verified.index, voucher, "{}", stat.path.escape_ascii());
            let read = image.read_file(&stat.path, None).await;
            if let Ok((again, data)) = &read {
                assert_eq!((again.verified.index, data.len() as u64), (voucher, again.size));
            }
            // Which index it was is no part of what it says.
            stat.verified = ocipeek::image::Verification {
                manifest: ocipeek::image::ManifestCheck::Tag,
                metadata: ocipeek::image::MetadataCheck::LayerDigest,
                content: ocipeek::image::ContentCheck::LayerDigest,
                header: false,
                index: None,
            };
            tree.insert(stat.path.clone(), (stat, read.ok().map(|(_, data)| data)));
        }
        Ok(tree)
    })
}

/// Another byte anywhere.
fn flip(bytes: &mut [u8], &[_, _, _, with, n0, n1, n2, n3]: &[u8; 8]) {
    let at = i32::from_le_bytes([n0, n1, n2, n3]).unsigned_abs() as usize % bytes.len();
    bytes[at] ^= with;
}

/// One change, where there is what it changes.
fn change(forge: &mut Forge, &[_, what, a, b, n0, n1, n2, n3]: &[u8; 8]) {
    const NAMES: [&[u8]; 12] = [
        b"etc/passwd",
        b"etc/.wh.group",
        b"etc/.wh..wh..opq",
        b".wh.etc",
        b"..",
        b"/",
        b"etc",
        b"link",
        b"usr/new",
        b"etc/group",
        b"usr/../etc/x",
        b"a\0b",
    ];
    const KINDS: [&[u8]; 8] = [b"reg", b"dir", b"symlink", b"hardlink", b"fifo", b"char", b"block", b"door"];
    const TIMES: [&[u8]; 4] = [b"2001-01-01T00:00:00Z", b"", b"1-1-1", b"9999-12-31T23:59:59.999999999Z"];
    let number = i32::from_le_bytes([n0, n1, n2, n3]);
    let (entry, other) = (usize::from(a) % forge.count().max(1), usize::from(b) % forge.count().max(1));
    let span = usize::from(a) % forge.spans();
    if forge.count() == 0 && what < 13 {
        return;
    }
    match what % CHANGES {
        0 => {
            forge.set_text(entry, forge::NAME, NAMES[usize::from(b) % NAMES.len()]);
        }
        1 => {
            forge.set_text(entry, forge::KIND, KINDS[usize::from(b) % KINDS.len()]);
        }
        2 => {
            forge.set_text(entry, forge::LINK, NAMES[usize::from(b) % NAMES.len()]);
        }
        3 => {
            forge.set_text(entry, forge::MTIME, TIMES[usize::from(b) % TIMES.len()]);
        }
        4 => {
            forge.set_text(entry, forge::UNAME, &[n0; 3]);
        }
        5 => {
            forge.set_number(entry, forge::OFFSET, number.into());
        }
        6 => {
            forge.set_number(entry, forge::SIZE, number.into());
        }
        7 => {
            forge.set_number(entry, forge::MODE, number.into());
        }
        8 => {
            forge.set_number(entry, if b & 1 == 0 { forge::UID } else { forge::GID }, number.into());
        }
        9 => {
            let (first, second) =
                (forge.text(entry, forge::NAME).to_vec(), forge.text(other, forge::NAME).to_vec());
            forge.set_text(entry, forge::NAME, &second);
            forge.set_text(other, forge::NAME, &first);
        }
        10 => forge.swap(entry, other),
        11 => forge.remove(entry),
        12 => {
            let (first, second) = (forge.number(entry, forge::OFFSET), forge.number(other, forge::OFFSET));
            forge.set_number(entry, forge::OFFSET, second);
            forge.set_number(other, forge::OFFSET, first);
        }
        13 => forge.digest(span)[usize::from(b) % 71] ^= n0,
        14 => forge.set_size(b & 1 == 1, number.into()),
        // A window, a checkpoint, or what stands in front of them.
        15 | 16 => {
            let at = (u32::from_le_bytes([n0, n1, n2, n3]) >> 8) as usize;
            if let Some((_, window)) = forge.checkpoint(span) {
                let len = window.len();
                window[at % len] ^= n0;
            }
        }
        17 => {
            if let Some((_, window)) = forge.checkpoint(span) {
                window.fill(n0);
            }
        }
        18 => {
            if let Some((record, _)) = forge.checkpoint(span) {
                record[usize::from(b) % forge::RECORD] = n0;
            }
        }
        19 => {
            let all = forge.checkpoints();
            let at = usize::from(b) % all.len().min(12);
            all[at] = n0;
        }
        _ => {}
    }
}

/// A tar of files (`name`, content), links (`name -> target`, `name => target`) and folders (`name/`).
fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in entries {
        let (name, kind, link) = match (name.split_once(" -> "), name.split_once(" => ")) {
            (Some((name, link)), _) => (name, b'2', link),
            (_, Some((name, link))) => (name, b'1', link),
            _ if name.ends_with('/') => (*name, b'5', ""),
            _ => (*name, b'0', ""),
        };
        let mut h = [0u8; 512];
        h[..name.len()].copy_from_slice(name.as_bytes());
        h[100..108].copy_from_slice(b"0000644\0");
        h[108..116].copy_from_slice(b"0000000\0");
        h[116..124].copy_from_slice(b"0000000\0");
        h[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        h[136..148].copy_from_slice(b"14000000000\0");
        h[148..156].copy_from_slice(b"        ");
        h[156] = kind;
        h[157..157 + link.len()].copy_from_slice(link.as_bytes());
        h[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = h.iter().map(|&b| u32::from(b)).sum();
        h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&h);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut deflate = flate2::Compress::new(flate2::Compression::new(9), false);
    // Blocks to start at, which reach back into each other.
    for piece in data.chunks(1500) {
        out.reserve(4096);
        deflate.compress_vec(piece, &mut out, flate2::FlushCompress::Sync).expect("room");
    }
    out.reserve(4096);
    deflate.compress_vec(&[], &mut out, flate2::FlushCompress::Finish).expect("room");
    let mut crc = flate2::Crc::new();
    crc.update(data);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
    out
}

fn built(layer: &[u8], compression: Compression) -> Bytes {
    let options = BuildOptions::default().span_size(SPAN);
    let mut builder = ZtocBuilder::new(compression, options, &Limits::default()).expect("a span size");
    builder.push(layer).expect("a layer");
    builder.finish().expect("a layer").to_bytes().expect("nothing was taken").0.into()
}

fn honest() -> Honest {
    let line = b"root:x:0:0:root:/root:/bin/sh\n";
    let (long, more) = (line.repeat(200), line.repeat(90));
    let lower = tar(&[
        ("etc/", b""),
        ("etc/passwd", &long),
        ("etc/group", b"wheel:x:0:\n"),
        ("etc/shadow", &more),
        ("usr/", b""),
        ("usr/link -> ../etc/passwd", b""),
        ("usr/hard => etc/group", b""),
        ("usr/old/", b""),
        ("usr/old/file", b"old"),
        ("opt/", b""),
        ("opt/a", b"a"),
        ("opt/b", &long[..700]),
    ]);
    let upper = tar(&[
        ("etc/", b""),
        ("etc/.wh.shadow", b""),
        ("etc/group", b"staff:x:1:\n"),
        ("usr/old/.wh..wh..opq", b""),
        ("usr/old/new", &more),
        ("usr/again", b"first"),
        ("usr/again", b"second"),
        ("opt/link -> /usr/again", b""),
    ]);
    let top = tar(&[("srv/", b""), ("srv/page", &long[..3000]), ("srv/.wh.none", b""), ("opt/.wh.a", b"")]);
    let layers: Vec<(&'static str, Bytes, Bytes)> = vec![
        (GZIP, gzip(&lower).into(), Bytes::new()),
        (GZIP, gzip(&upper).into(), Bytes::new()),
        (TAR, top.into(), Bytes::new()),
    ];
    let of = |kind| if kind == TAR { Compression::Uncompressed } else { Compression::Gzip };
    let layers: Vec<_> =
        layers.into_iter().map(|(t, data, _)| (t, data.clone(), built(&data, of(t)))).collect();
    let mut honest = Honest { layers, truth: Tree::new() };
    let ztocs: Vec<Bytes> = honest.layers.iter().map(|l| l.2.clone()).collect();
    let opened = block_on(image(&honest, &ztocs).open("v1", OpenOptions::default())).expect("an image");
    honest.truth = walk(&opened, None).expect("an image");
    assert!(honest.truth.len() > 12);
    honest
}

/// The image twice: `v1`, to which an index of `ztocs` is attached, and `v2`, which names an honest one, and to which the other is
/// attached too.
fn image(honest: &Honest, ztocs: &[Bytes]) -> Memory {
    let memory = Memory::default();
    let desc =
        |d: &Descriptor| json!({"mediaType": d.media_type, "digest": d.digest.to_string(), "size": d.size});
    let config =
        memory.put("application/vnd.oci.image.config.v1+json", r#"{"architecture":"amd64","os":"linux"}"#);
    let layers: Vec<Descriptor> =
        honest.layers.iter().map(|(t, data, _)| memory.put(t, data.clone())).collect();
    let layers_json: Vec<Value> = layers.iter().map(desc).collect();
    let index = |version: &str, ztocs: Vec<Bytes>, subject: Option<&Descriptor>| {
        let listed = ztocs.into_iter().zip(&layers).map(|(ztoc, layer)| {
            let mut listed = desc(&memory.put("application/octet-stream", ztoc));
            listed["annotations"] = json!({
                "com.amazon.soci.image-layer-digest": layer.digest.to_string(),
                "com.amazon.soci.image-layer-mediaType": layer.media_type,
            });
            listed
        });
        let listed: Vec<Value> = listed.collect();
        let config = desc(&memory.put(version, "{}"));
        let mut doc = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": version, "config": config,
                             "layers": listed});
        if let Some(subject) = subject {
            doc["subject"] = desc(subject);
        }
        let mut index = memory.put(OCI_MANIFEST, doc.to_string());
        index.artifact_type = Some(version.to_owned());
        index
    };
    let own = index(V2, honest.layers.iter().map(|l| l.2.clone()).collect(), None);
    for (tag, annotations) in
        [("v1", json!({})), ("v2", json!({"com.amazon.soci.index-digest": own.digest.to_string()}))]
    {
        let doc = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": desc(&config), "layers": layers_json,
                         "annotations": annotations});
        let manifest = memory.put(OCI_MANIFEST, doc.to_string());
        memory.tag(tag, manifest.digest, OCI_MANIFEST);
        memory.refer(manifest.digest, vec![index(V1, ztocs.to_vec(), Some(&manifest))]);
    }
    memory
}
