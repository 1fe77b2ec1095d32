use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::format::oci::media_type::{DOCKER_LIST, OCI_INDEX};

const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn parse_as(doc: &Value, media_type: &str) -> Result<ManifestDoc> {
    parse_manifest(doc.to_string().as_bytes(), media_type, &Limits::default())
}

fn index_of(entries: &[Value]) -> ImageIndex {
    let doc = json!({"schemaVersion": 2, "manifests": entries});
    let ManifestDoc::Index(index) = parse_as(&doc, "").unwrap() else { panic!("an image") };
    index
}

/// An entry with the digest of `name`, and more fields.
fn entry(name: &str, more: Value) -> Value {
    let mut entry =
        json!({"mediaType": OCI_MANIFEST, "digest": Digest::of(name.as_bytes()).to_string(), "size": 1});
    for (key, value) in more.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

fn on(name: &str, platform: &str) -> Value {
    let p: Platform = platform.parse().unwrap();
    entry(name, json!({"platform": {"os": p.os, "architecture": p.architecture, "variant": p.variant}}))
}

fn selected(index: &ImageIndex, platform: &str) -> Result<Digest> {
    index.select(&PlatformMatcher::only(&platform.parse().unwrap())).map(|d| d.digest)
}

fn image() -> Value {
    json!({"schemaVersion": 2, "config": {"mediaType": OCI_CONFIG, "digest": ZERO, "size": 2}, "layers": []})
}

fn index() -> Value {
    json!({"schemaVersion": 2, "manifests": []})
}

#[test]
fn the_kind_is_what_all_agree_on() {
    let with_type = |mut doc: Value, media_type: &str| {
        doc["mediaType"] = media_type.into();
        doc
    };
    for vague in ["", "application/json", "text/plain; charset=utf-8", "application/octet-stream"] {
        assert!(matches!(parse_as(&image(), vague), Ok(ManifestDoc::Image(_))), "{vague}");
        assert!(matches!(parse_as(&index(), vague), Ok(ManifestDoc::Index(_))), "{vague}");
    }
    for media_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
        let padded = format!(" {}; charset=utf-8", media_type.to_uppercase());
        assert!(matches!(parse_as(&image(), &padded), Ok(ManifestDoc::Image(_))));
        assert!(matches!(parse_as(&with_type(image(), media_type), ""), Ok(ManifestDoc::Image(_))));
        assert_eq!(parse_as(&index(), media_type).unwrap_err().code(), Code::CorruptManifest);
        assert_eq!(
            parse_as(&with_type(index(), media_type), OCI_INDEX).unwrap_err().code(),
            Code::CorruptManifest
        );
    }
    for media_type in [OCI_INDEX, DOCKER_LIST] {
        assert!(matches!(parse_as(&with_type(index(), media_type), media_type), Ok(ManifestDoc::Index(_))));
        assert_eq!(parse_as(&image(), media_type).unwrap_err().code(), Code::CorruptManifest);
        assert_eq!(
            parse_as(&with_type(image(), media_type), OCI_MANIFEST).unwrap_err().code(),
            Code::CorruptManifest
        );
    }
    // A registry may serve an OCI document as Docker's and the other way round.
    assert!(parse_as(&with_type(image(), OCI_MANIFEST), DOCKER_MANIFEST).is_ok());
    assert_eq!(parse_as(&with_type(image(), "x/y"), "").unwrap_err().code(), Code::Unsupported);
}

#[test]
fn a_document_of_both_kinds_is_refused() {
    for (key, value) in [("manifests", json!([])), ("manifests", Value::Null)] {
        let mut doc = image();
        doc[key] = value;
        let error = parse_as(&doc, OCI_MANIFEST).unwrap_err();
        assert_eq!(error.code(), Code::CorruptManifest);
        assert!(error.message().contains("both"), "{error}");
    }
    for key in ["layers", "config"] {
        let mut doc = index();
        doc[key] = image()[key].clone();
        assert_eq!(parse_as(&doc, OCI_INDEX).unwrap_err().code(), Code::CorruptManifest);
    }
    for key in ["Layers", "MANIFESTS", "mediatype"] {
        let mut doc = image();
        doc[key] = json!([]);
        assert_eq!(parse_as(&doc, OCI_MANIFEST).unwrap_err().code(), Code::CorruptManifest, "{key}");
    }
    assert_eq!(parse_as(&json!({"schemaVersion": 2}), "").unwrap_err().code(), Code::CorruptManifest);
}

#[test]
fn old_kinds_are_named() {
    let schema1 = json!({"schemaVersion": 1, "name": "x", "fsLayers": [], "history": []});
    for media_type in ["", OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v1+prettyjws"] {
        let error = parse_as(&schema1, media_type).unwrap_err();
        assert_eq!(error.code(), Code::Unsupported);
        assert!(error.message().contains("schema 1"), "{error}");
    }
    let mut both = image();
    both["fsLayers"] = json!([]);
    assert_eq!(parse_as(&both, "").unwrap_err().code(), Code::Unsupported);
    let artifact = json!({"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "blobs": []});
    assert_eq!(parse_as(&artifact, "").unwrap_err().code(), Code::Unsupported);
    for version in [json!(0), json!(3), json!("2"), json!(-2), json!(2.5)] {
        let mut doc = image();
        doc["schemaVersion"] = version;
        assert_eq!(parse_as(&doc, "").unwrap_err().code(), Code::CorruptManifest);
    }
}

#[test]
fn a_web_page_is_named() {
    for (bytes, media_type) in [("<!doctype html><p>log in", ""), ("log in", "text/html; charset=utf-8")] {
        let error = parse_manifest(bytes.as_bytes(), media_type, &Limits::default()).unwrap_err();
        assert_eq!(error.code(), Code::CorruptManifest);
        assert!(error.message().contains("web page"), "{error}");
    }
}

#[test]
fn descriptors_are_checked() {
    let with = |key: &str, value: Value| {
        let mut doc = image();
        doc["config"][key] = value;
        parse_as(&doc, OCI_MANIFEST)
    };
    let too_big = json!(u64::MAX);
    for (key, value) in [
        ("size", json!(-1)),
        ("size", too_big),
        ("size", json!(1.5)),
        ("size", json!("1")),
        ("size", Value::Null),
        ("digest", json!("sha256:x")),
        ("digest", json!(ZERO.to_uppercase())),
        ("digest", json!("../../etc/passwd")),
        ("digest", json!(1)),
        ("mediaType", Value::Null),
        ("mediaType", json!({})),
        ("annotations", json!({"a": 1})),
        ("annotations", json!([])),
        ("urls", json!("x")),
        ("urls", json!([1])),
        ("platform", json!("linux")),
        ("platform", json!({"os": []})),
        ("platform", json!({"OS": "linux"})),
        ("data", json!("?")),
        ("data", json!(1)),
        ("artifactType", json!(1)),
        ("Digest", json!(ZERO)),
    ] {
        let shown = value.to_string();
        let error = with(key, value).expect_err(&shown);
        assert_eq!(error.code(), Code::CorruptManifest, "{key} {shown}");
        assert!(error.message().starts_with("the image manifest: config"), "{error}");
    }
    assert_eq!(with("digest", json!("sha512:00")).unwrap_err().code(), Code::Unsupported);
    with("annotations", Value::Null).unwrap();
}

#[test]
fn null_is_absent_everywhere() {
    let null = Value::Null;
    let list = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [image()["config"]]});
    for (doc, media_type) in [(image(), OCI_MANIFEST), (list, OCI_INDEX)] {
        let plain = parse_as(&doc, media_type).unwrap();
        let with = |pointer: &str, key: &str, value: &Value| {
            let mut doc = doc.clone();
            doc.pointer_mut(pointer).unwrap()[key] = value.clone();
            parse_as(&doc, media_type).unwrap_or_else(|e| panic!("{pointer}/{key} {value}: {e}"))
        };
        for key in ["schemaVersion", "mediaType", "artifactType", "subject", "annotations"] {
            assert_eq!(with("", key, &null), plain, "{key}");
        }
        assert_eq!(with("", "annotations", &json!({"a": null})), plain);
        let descriptor = if media_type == OCI_INDEX { "/manifests/0" } else { "/config" };
        for key in ["artifactType", "annotations", "urls", "platform", "data"] {
            assert_eq!(with(descriptor, key, &null), plain, "{key}");
        }
        assert_eq!(with(descriptor, "annotations", &json!({"a": null})), plain);
        assert_eq!(with(descriptor, "urls", &json!([null])), plain);
        let on = |more: Value| {
            let mut platform = json!({"os": "linux", "architecture": "arm"});
            platform.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
            with(descriptor, "platform", &platform)
        };
        let bare = on(json!({}));
        for more in [
            json!({"variant": null}),
            json!({"os.version": null}),
            json!({"os.features": null}),
            json!({"os.features": [null]}),
        ] {
            assert_eq!(on(more.clone()), bare, "{more}");
        }
        // What counts is kept of a list that has a null in it.
        let mixed = with(descriptor, "annotations", &json!({"a": null, "b": "c"}));
        assert_eq!(mixed, with(descriptor, "annotations", &json!({"b": "c"})));
        assert_ne!(mixed, plain);
    }
}

#[test]
fn embedded_data_is_verified() {
    let with = |data: &str, size: u64| {
        let mut doc = image();
        doc["config"] = json!({"mediaType": OCI_CONFIG, "digest": Digest::of(b"{}").to_string(), "size": size, "data": data});
        parse_as(&doc, OCI_MANIFEST)
    };
    let Ok(ManifestDoc::Image(image)) = with("e30=", 2) else { panic!("refused") };
    assert_eq!(image.config.data.as_deref(), Some(b"{}".as_slice()));
    for (data, size) in [("e30=", 3), ("e30g", 2), ("", 2), ("W10=", 2)] {
        let error = with(data, size).unwrap_err();
        assert_eq!(error.code(), Code::DigestMismatch, "{data}");
        assert_eq!(error.digest(), Some(Digest::of(b"{}").to_string().as_str()));
    }
}

#[test]
fn limits_are_named() {
    let limits = Limits { max_layers: 2, max_index_entries: 2, ..Limits::default() };
    let three = vec![entry("x", json!({})); 3];
    let mut doc = image();
    doc["layers"] = json!(three[..2]);
    parse_manifest(doc.to_string().as_bytes(), "", &limits).unwrap();
    doc["layers"] = json!(three);
    assert_eq!(
        parse_manifest(doc.to_string().as_bytes(), "", &limits).unwrap_err().limit_name(),
        Some("max_layers")
    );
    let doc = json!({"manifests": three});
    let error = parse_manifest(doc.to_string().as_bytes(), "", &limits).unwrap_err();
    assert_eq!(error.limit_name(), Some("max_index_entries"));
}

#[test]
fn lists_may_be_null_but_not_missing() {
    let mut doc = image();
    doc["layers"] = Value::Null;
    let Ok(ManifestDoc::Image(image)) = parse_as(&doc, "") else { panic!("refused") };
    assert_eq!(image.layers, []);
    doc.as_object_mut().unwrap().remove("layers");
    assert!(parse_as(&doc, "").unwrap_err().message().contains("no `layers`"));
    doc["layers"] = json!([]);
    doc["config"] = Value::Null;
    assert!(parse_as(&doc, "").unwrap_err().message().contains("no `config`"));
}

#[test]
fn what_is_no_image_is_not_selected() {
    let amd64 = json!({"os": "linux", "architecture": "amd64"});
    let soci = entry("soci", json!({"artifactType": crate::format::soci::V2_INDEX, "platform": amd64}));
    // As skopeo 1.9 copies it.
    let soci_bare = entry(
        "bare",
        json!({"annotations": {crate::format::soci::IMAGE_MANIFEST_DIGEST: ZERO}, "platform": amd64}),
    );
    let attestation = entry(
        "attestation",
        json!({"platform": {"os": "unknown", "architecture": "unknown"}, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}),
    );
    let hidden = entry(
        "hidden",
        json!({"platform": amd64, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}),
    );
    let blob = entry("blob", json!({"mediaType": "application/octet-stream", "platform": amd64}));
    let real = entry("real", json!({"artifactType": OCI_CONFIG, "platform": amd64}));
    let others = [soci, soci_bare, attestation, hidden, blob];
    let index = index_of(&[&others[..], &[real]].concat());
    assert_eq!(selected(&index, "linux/amd64").unwrap(), Digest::of(b"real"));
    assert_eq!(index.platforms(), [Platform::new("linux", "amd64")]);
    let error = selected(&index_of(&others), "linux/amd64").unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::NotFound, "there is no image for linux/amd64 here; the index lists no image")
    );
}

#[test]
fn the_best_platform_is_selected() {
    let index = index_of(&[
        on("v6", "linux/arm/v6"),
        on("amd64", "linux/amd64"),
        on("v7", "linux/arm/v7"),
        on("again", "linux/arm/v7"),
    ]);
    assert_eq!(selected(&index, "linux/arm").unwrap(), Digest::of(b"v7"));
    assert_eq!(selected(&index, "linux/arm64").unwrap(), Digest::of(b"v7"));
    assert_eq!(selected(&index, "linux/arm/v6").unwrap(), Digest::of(b"v6"));
    let error = selected(&index, "linux/s390x").unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(
        error.message(),
        "there is no image for linux/s390x here; available: linux/arm/v6, linux/amd64, linux/arm/v7"
    );
}

#[test]
fn what_states_no_platform_comes_last() {
    let nested = entry("nested", json!({"mediaType": OCI_INDEX}));
    let bare = entry("bare", json!({}));
    let amd64 = on("amd64", "linux/amd64");
    let index = index_of(&[nested.clone(), bare, amd64.clone()]);
    assert_eq!(selected(&index, "linux/amd64").unwrap(), Digest::of(b"amd64"));
    assert_eq!(selected(&index, "linux/arm64").unwrap(), Digest::of(b"bare"));
    assert_eq!(selected(&index_of(&[nested, amd64]), "linux/arm64").unwrap(), Digest::of(b"nested"));
}

#[test]
fn hostile_platforms_are_escaped_and_few() {
    let hostile = entry("x", json!({"platform": {"os": "\u{1b}]0;x\u{7}", "architecture": "y\n"}}));
    let message = selected(&index_of(&[hostile]), "linux/amd64").unwrap_err().to_string();
    assert!(message.bytes().all(|b| (b' '..0x7f).contains(&b)), "{message:?}");
    let many: Vec<Value> = (0..5000).map(|i| on("x", &format!("linux/arch{i}"))).collect();
    let index = index_of(&many);
    assert!(selected(&index, "linux/amd64").unwrap_err().message().len() < 1000);
    assert_eq!(index.platforms().len(), 256);
}

#[test]
fn layers_say_how_they_are_compressed() {
    use crate::format::oci::{LayerCompression as C, layer_compression};
    for (media_type, wanted) in [
        ("application/vnd.oci.image.layer.v1.tar", Some(C::None)),
        ("application/vnd.oci.image.layer.v1.tar+gzip", Some(C::Gzip)),
        ("Application/vnd.oci.image.layer.v1.tar+GZIP; x=y", Some(C::Gzip)),
        ("application/vnd.oci.image.layer.v1.tar+zstd", Some(C::Zstd)),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", None),
        ("application/vnd.oci.image.layer.v1.tar+encrypted", None),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Some(C::Gzip)),
        ("application/vnd.docker.image.rootfs.diff.tar", Some(C::Unknown)),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", Some(C::Gzip)),
        ("application/vnd.docker.image.rootfs.diff.tar.zstd", Some(C::Zstd)),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Some(C::Gzip)),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip+encrypted", None),
        ("application/vnd.erofs.layer.v1", None),
        ("application/octet-stream", None),
        ("", None),
    ] {
        assert_eq!(layer_compression(media_type), wanted, "{media_type}");
    }
}

proptest! {
    /// No document can be read as an image under one Content-Type and as an index under another.
    #[test]
    fn one_document_has_one_kind(
        keys in prop::collection::btree_set(prop_oneof![
            Just("config"), Just("layers"), Just("manifests"), Just("mediaType"), Just("subject"), Just("Layers"),
        ], 0..6),
        media_type in prop_oneof![Just(OCI_INDEX), Just(OCI_MANIFEST), Just("x/y")],
    ) {
        let mut doc = json!({});
        for key in keys {
            doc[key] = match key {
                "config" | "subject" => entry("x", json!({})),
                "mediaType" => media_type.into(),
                _ => json!([entry("x", json!({}))]),
            };
        }
        let read = |stated| parse_as(&doc, stated).ok();
        let image = [read(""), read(OCI_MANIFEST)].iter().flatten().any(|d| matches!(d, ManifestDoc::Image(_)));
        let index = [read(""), read(OCI_INDEX)].iter().flatten().any(|d| matches!(d, ManifestDoc::Index(_)));
        prop_assert!(!(image && index), "{doc}");
    }
}
