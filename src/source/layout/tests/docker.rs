//! Archives of `docker save` before version 25.

use std::io::Read;

use super::*;

/// An archive of two layers: `files` of the demo's first layers, uncompressed.
struct Saved {
    files: Rc<MemoryFiles>,
    config: Vec<u8>,
    layers: Vec<Vec<u8>>,
    diff_ids: Vec<Digest>,
}

/// The demo image as an old Docker writes it.
fn saved(tags: &str) -> Saved {
    let fixture = demo();
    let raw = block_on(Source::manifest(&fixture, &Target::Digest(IMAGE.parse().unwrap()))).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&raw.bytes).unwrap();
    let blob = |d: &serde_json::Value| {
        let hex = d["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        std::fs::read(format!("{}/tests/fixtures/demo/blobs/sha256/{hex}", env!("CARGO_MANIFEST_DIR")))
            .unwrap()
    };
    let config = blob(&manifest["config"]);
    let layers: Vec<Vec<u8>> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            let bytes = blob(layer);
            if !bytes.starts_with(&[0x1f, 0x8b]) {
                return bytes;
            }
            let mut out = Vec::new();
            flate2::read::MultiGzDecoder::new(&*bytes).read_to_end(&mut out).unwrap();
            out
        })
        .collect();
    let files = MemoryFiles::new(&[]);
    let put = |name: String, bytes: &[u8]| {
        files.0.borrow_mut().insert(name, Bytes::copy_from_slice(bytes));
    };
    let name = format!("{}.json", Digest::of(&config).hex());
    put(name.clone(), &config);
    for (i, layer) in layers.iter().enumerate() {
        put(format!("{i:064}/layer.tar"), layer);
    }
    let list: Vec<String> = (0..layers.len()).map(|i| format!(r#""{i:064}/layer.tar""#)).collect();
    let text = format!(r#"[{{"Config":"{name}","RepoTags":{tags},"Layers":[{}]}}]"#, list.join(","));
    put("manifest.json".into(), text.as_bytes());
    let diff_ids = layers.iter().map(|l| Digest::of(l)).collect();
    Saved { files, config, layers, diff_ids }
}

fn layout(saved: &Saved) -> Result<Layout> {
    block_on(Layout::open(saved.files.clone(), Limits::default(), Stats::default()))
}

fn image(layout: &Layout, target: &Target) -> crate::format::oci::ImageManifest {
    let raw = block_on(Source::manifest(layout, target)).unwrap();
    match crate::format::oci::parse_manifest(&raw.bytes, &raw.media_type, &Limits::default()).unwrap() {
        crate::format::oci::ManifestDoc::Image(image) => image,
        other => panic!("{other:?}"),
    }
}

#[test]
fn its_layers_are_named_by_their_diff_ids() {
    let saved = saved(r#"["demo:1","ghcr.io/o/demo:v1"]"#);
    let layout = layout(&saved).unwrap();
    assert_eq!(layout.names(), ["docker.io/library/demo:1", "ghcr.io/o/demo:v1"]);
    for target in [Target::Only, Target::Tag("demo:1".into()), Target::Tag("v1".into())] {
        let image = image(&layout, &target);
        assert_eq!(image.layers.iter().map(|l| l.digest).collect::<Vec<_>>(), saved.diff_ids);
        assert_eq!(image.config.digest, Digest::of(&saved.config));
        let read = block_on(Source::blob(&layout, &image.config, "max_manifest_size", 1 << 20)).unwrap();
        assert_eq!(read, saved.config);
        for (layer, want) in image.layers.iter().zip(&saved.layers) {
            assert_eq!(layer.size, want.len() as u64);
            let all = block_on(Source::blob(&layout, layer, "x", u64::MAX)).unwrap();
            assert!(all == *want);
            let part = block_on(async {
                layout
                    .blob_range(layer, 1000..1600)
                    .await
                    .unwrap()
                    .try_collect::<Vec<_>>()
                    .await
                    .unwrap()
                    .concat()
            });
            assert_eq!(part, want[1000..1600]);
        }
    }
    let e = block_on(Source::manifest(&layout, &Target::Tag("v2".into()))).unwrap_err();
    assert_eq!(
        (e.code(), e.message()),
        (Code::NotFound, "the layout has no \"v2\"; it has docker.io/library/demo:1")
    );
}

#[test]
fn an_image_without_a_name_is_named_by_its_digest() {
    let saved = saved("null");
    let layout = layout(&saved).unwrap();
    let raw = block_on(Source::manifest(&layout, &Target::Only)).unwrap();
    assert_eq!(layout.names(), [raw.digest.to_string()]);
    assert_eq!(image(&layout, &Target::Digest(raw.digest)).layers.len(), saved.layers.len());
}

#[test]
fn a_flipped_bit_in_a_layer_is_a_mismatch() {
    let saved = saved(r#"["demo:1"]"#);
    let name = format!("{:064}/layer.tar", 1);
    let mut bytes = saved.layers[1].clone();
    bytes[700] ^= 1;
    saved.files.0.borrow_mut().insert(name, bytes.into());
    let layout = layout(&saved).unwrap();
    let layer = &image(&layout, &Target::Only).layers[1];
    let e = block_on(Source::blob(&layout, layer, "x", u64::MAX)).unwrap_err();
    assert_eq!(e.code(), Code::DigestMismatch);
    assert_eq!(e.digest(), Some(saved.diff_ids[1].to_string().as_str()));
}

#[test]
fn compressed_layers_are_vouched_for_by_their_names() {
    let saved = saved(r#"["demo:1"]"#);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &saved.layers[0]).unwrap();
    let gzip = gzip.finish().unwrap();
    let replace = |name: &str| {
        let mut files = saved.files.0.borrow_mut();
        let text = String::from_utf8(files["manifest.json"].to_vec()).unwrap();
        let old = text.split(r#""Layers":[""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
        files.insert(name.to_owned(), gzip.clone().into());
        files.insert("manifest.json".into(), text.replace(&old, name).into());
    };
    replace(&format!("{}.tar.gz", Digest::of(&gzip).hex()));
    let layer = &image(&layout(&saved).unwrap(), &Target::Only).layers[0];
    assert_eq!(layer.digest, Digest::of(&gzip));
    assert_eq!(layer.media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
    assert!(!layout(&saved).unwrap().computes_digests());
    // A name that says nothing: the digest is computed, and the config tells what must be inside.
    replace("base/layer.tar.gz");
    let computed = layout(&saved).unwrap();
    assert_eq!(image(&computed, &Target::Only).layers[0].digest, Digest::of(&gzip));
    assert!(computed.computes_digests());
    let mut other = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut other, &saved.layers[1]).unwrap();
    saved.files.0.borrow_mut().insert("base/layer.tar.gz".into(), other.finish().unwrap().into());
    let e = layout(&saved).unwrap_err();
    assert_eq!((e.code(), e.digest()), (Code::DigestMismatch, Some(&*saved.diff_ids[0].to_string())));
    // What nobody reads here says so, and not that it is damaged.
    let xz = Bytes::from_static(b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46");
    saved.files.0.borrow_mut().insert("base/layer.tar.gz".into(), xz);
    let e = layout(&saved).unwrap_err();
    assert_eq!(e.code(), Code::Unsupported);
    assert!(e.message().starts_with("compressed by xz"), "{e}");
}

#[test]
fn a_config_may_have_any_name() {
    // Its name is the digest that it had once: `docker load` and skopeo do not look at it.
    let saved = saved(r#"["demo:1"]"#);
    let mut config: serde_json::Value = serde_json::from_slice(&saved.config).unwrap();
    config["author"] = "somebody else".into();
    let config = serde_json::to_vec(&config).unwrap();
    let name = format!("{}.json", Digest::of(&saved.config).hex());
    saved.files.0.borrow_mut().insert(name, config.clone().into());
    let layout = layout(&saved).unwrap();
    let image = image(&layout, &Target::Only);
    assert_eq!(image.config.digest, Digest::of(&config));
    let read = block_on(Source::blob(&layout, &image.config, "max_manifest_size", 1 << 20)).unwrap();
    assert_eq!(read, config);
    assert!(layout.computes_digests());
}

#[test]
fn manifest_json_counts_where_the_index_lists_nothing() {
    let saved = saved(r#"["demo:1"]"#);
    for (name, text) in [MARKER, ("index.json", r#"{"schemaVersion":2,"manifests":[]}"#)] {
        saved.files.0.borrow_mut().insert(name.into(), text.into());
    }
    let by_saved = layout(&saved).unwrap();
    assert_eq!(by_saved.names(), ["docker.io/library/demo:1"]);
    assert_eq!(image(&by_saved, &Target::Only).layers.len(), saved.layers.len());
    // With an index that has one, that counts; but not for whoever asks for what `docker save` wrote.
    let other = index_of(&[named(1, "other:2")]);
    saved.files.0.borrow_mut().insert("index.json".into(), other.into());
    assert_eq!(layout(&saved).unwrap().names(), ["other:2"]);
    let open = Layout::open_saved(saved.files.clone(), Limits::default(), Stats::default());
    assert_eq!(block_on(open).unwrap().names(), ["docker.io/library/demo:1"]);
    // Without manifest.json it is any layout.
    saved.files.0.borrow_mut().remove("manifest.json");
    let open = Layout::open_saved(saved.files.clone(), Limits::default(), Stats::default());
    assert_eq!(block_on(open).unwrap().names(), ["other:2"]);
}

#[test]
fn what_does_not_fit_together_says_so() {
    let with = |from: &str, to: &str| {
        let saved = saved(r#"["demo:1"]"#);
        let text = String::from_utf8(saved.files.0.borrow()["manifest.json"].to_vec()).unwrap();
        assert!(text.contains(from));
        saved.files.0.borrow_mut().insert("manifest.json".into(), text.replacen(from, to, 1).into());
        layout(&saved).map(|_| ()).unwrap_err()
    };
    let first = format!(r#""{:064}/layer.tar","#, 0);
    let e = with(&first, "");
    assert_eq!(e.code(), Code::CorruptManifest);
    assert!(e.message().starts_with("manifest.json lists 5 layers, and the config 6 of them"), "{e}");
    for name in ["../layer.tar", "a/../../b", "", "/"] {
        let e = with(&first, &format!(r#""{name}","#));
        assert_eq!(e.code(), Code::CorruptManifest, "{name:?}: {e}");
    }
    assert_eq!(with(&first, r#""none/layer.tar","#).code(), Code::NotFound);
    assert_eq!(with(r#""Config":"#, r#""config":"#).code(), Code::CorruptManifest);
    assert_eq!(with(".json", ".jsonx").code(), Code::NotFound);
    assert_eq!(with("[{", "{").code(), Code::CorruptManifest);
    // Bounds, by their names.
    let limits = Limits { max_layers: 5, ..Limits::default() };
    let text = self::saved("null").files.0.borrow()["manifest.json"].clone();
    assert_eq!(parse_saved(&text, &limits).unwrap_err().limit_name(), Some("max_layers"));
}

#[test]
fn links_in_a_tar_lead_to_equal_layers() {
    let dir = temp_dir("docker-links");
    let root = dir.join("root");
    for name in ["a", "b", "c"] {
        std::fs::create_dir_all(root.join(name)).unwrap();
    }
    std::fs::write(root.join("a/layer.tar"), "layer").unwrap();
    std::os::unix::fs::symlink("../a/layer.tar", root.join("b/layer.tar")).unwrap();
    std::fs::hard_link(root.join("a/layer.tar"), root.join("c/layer.tar")).unwrap();
    std::os::unix::fs::symlink("../../a/layer.tar", root.join("b/out.tar")).unwrap();
    std::os::unix::fs::symlink("/a/layer.tar", root.join("b/absolute.tar")).unwrap();
    std::os::unix::fs::symlink("layer.tar", root.join("b/twice.tar")).unwrap();
    let tar = dir.join("x.tar");
    archive::tar_of(&root, &tar, &["b", "a", "c"]);
    let access = Rc::new(FileAccess::open(&tar).unwrap());
    let files = block_on(TarFiles::open(access, &Limits::default(), &Stats::default())).unwrap();
    let size = |name: &str| block_on(files.size(name)).unwrap();
    for name in ["a/layer.tar", "b/layer.tar", "c/layer.tar", "b/twice.tar"] {
        assert_eq!(size(name), Some(5), "{name}");
    }
    for name in ["b/out.tar", "b/absolute.tar"] {
        assert_eq!(size(name), None, "{name}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}
