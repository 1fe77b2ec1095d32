//! The indexes that the reference made of the demo image.

use super::*;
use crate::error::Code;
use crate::format::oci::{
    Descriptor, Digest, ImageIndex, ImageManifest, ManifestDoc, Platform, PlatformMatcher, parse_manifest,
};
use crate::limits::Limits;

#[cfg(feature = "build")]
mod written;

const IMAGE: &str = "sha256:42a11d5b53c278c4ef8a9c3c5f7ec51db200191ebab32732a1cac5c94cc36a96";
const LAYER_0: &str = "sha256:bd839ea8fef941f750ddac5939e2574cc67225943b26ae508b8fba6a8040e11c";

fn blob(digest: &str) -> Vec<u8> {
    let hex = digest.strip_prefix("sha256:").unwrap();
    let path = format!("{}/tests/fixtures/demo/blobs/sha256/{hex}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn image(digest: &str) -> ImageManifest {
    let doc = parse_manifest(&blob(digest), crate::format::oci::media_type::OCI_MANIFEST, &Limits::default());
    let ManifestDoc::Image(image) = doc.unwrap() else { panic!("an index") };
    image
}

fn index(digest: &str) -> ImageIndex {
    let doc = parse_manifest(&blob(digest), crate::format::oci::media_type::OCI_INDEX, &Limits::default());
    let ManifestDoc::Index(index) = doc.unwrap() else { panic!("an image") };
    index
}

fn soci(digest: &str) -> SociIndex {
    SociIndex::parse(&blob(digest), &Limits::default()).unwrap()
}

fn digest(s: &str) -> Digest {
    s.parse().unwrap()
}

/// The digest under a tag of the demo layout.
fn tagged(tag: &str) -> String {
    let path = format!("{}/tests/fixtures/demo/index.json", env!("CARGO_MANIFEST_DIR"));
    let doc = parse_manifest(&std::fs::read(path).unwrap(), "", &Limits::default()).unwrap();
    let ManifestDoc::Index(index) = doc else { panic!("an image") };
    let name = "org.opencontainers.image.ref.name";
    index
        .manifests
        .iter()
        .find(|d| d.annotations.get(name).is_some_and(|t| t == tag))
        .unwrap()
        .digest
        .to_string()
}

#[test]
fn v1_is_found_by_the_fallback_tag() {
    let tag = fallback_tag(&digest(IMAGE));
    let referrers = index(&tagged(&tag));
    let found: Vec<&Descriptor> = v1_indexes(&referrers.manifests).collect();
    assert_eq!(found.len(), 2);
    for descriptor in found {
        let soci = soci(&descriptor.digest.to_string());
        assert_eq!(soci.version, SociVersion::V1);
        assert_eq!(soci.layers.len(), 6);
        assert_eq!(soci.subject.as_ref().unwrap().digest, digest(IMAGE));
        assert_eq!(soci.build_tool.as_deref(), Some("AWS SOCI CLI v0.2"));
        soci.check_subject(&digest(IMAGE)).unwrap();
        assert_eq!(soci.check_subject(&digest(LAYER_0)).unwrap_err().code(), Code::CorruptManifest);
    }
    assert_eq!(v2_index_digest(&image(IMAGE)).unwrap(), None);
}

#[test]
fn v2_is_named_by_the_manifest_and_by_the_index() {
    for tag in ["latest-soci", "latest-soci-4m", "latest-soci-head"] {
        let index = index(&tagged(tag));
        // The SOCI entry has the platform too and must not be taken for the image.
        let selected =
            index.select(&PlatformMatcher::only(&"linux/amd64".parse::<Platform>().unwrap())).unwrap();
        assert_eq!(selected.digest, index.manifests[0].digest);
        assert_eq!(index.images().count(), 1);
        let named = v2_index_digest(&image(&selected.digest.to_string())).unwrap().unwrap();
        assert_eq!(v2_index_in(&index, &selected.digest).unwrap().digest, named);
        assert_eq!(v2_index_in(&index, &named), None);
        let soci = soci(&named.to_string());
        assert_eq!((soci.version, soci.layers.len(), &soci.subject), (SociVersion::V2, 6, &None));
    }
}

#[test]
fn layers_say_what_their_annotations_do() {
    let head = soci("sha256:7e41a3a3558edd9e3ddce00c450e6175eb3c82a313faa8715656a4379c1f8e18");
    let layer = head.ztoc_for(&digest(LAYER_0)).unwrap();
    assert_eq!(layer.ztoc.size, 2_634_376);
    assert_eq!(layer.span_size, Some(131_072));
    assert!(!layer.disable_xattrs);
    assert_eq!(layer.layer_media_type.as_deref(), Some("application/vnd.oci.image.layer.v1.tar+gzip"));
    assert_eq!(head.prefetch.len(), 2);
    let prefetch = head.prefetch_for(&digest(LAYER_0)).unwrap();
    let artifact =
        PrefetchArtifact::parse(&blob(&prefetch.descriptor.digest.to_string()), &Limits::default());
    assert_eq!(artifact.unwrap().spans, [PrefetchSpans { start: 27, end: 30, priority: 0 }]);

    let four = soci("sha256:b4e3ce1125fb7743dc5eecb8d4a909957d7fb830ce303706180d66b72ccdf654");
    let layer = four.ztoc_for(&digest(LAYER_0)).unwrap();
    assert_eq!((layer.span_size, layer.disable_xattrs), (None, true));
    assert_eq!(four.layers.iter().filter(|l| l.disable_xattrs).count(), 2);
    assert_eq!(four.ztoc_for(&digest(IMAGE)), None);
}

fn parse(doc: &serde_json::Value) -> Result<SociIndex, crate::error::Error> {
    SociIndex::parse(doc.to_string().as_bytes(), &Limits::default())
}

/// An index of version 2 with one zTOC, to break.
fn small() -> serde_json::Value {
    serde_json::json!({
        "schemaVersion": 2,
        "config": {"mediaType": V2_INDEX, "digest": Digest::of(b"{}").to_string(), "size": 2},
        "layers": [{"mediaType": ZTOC, "digest": IMAGE, "size": 9, "annotations": {LAYER_DIGEST: LAYER_0}}],
    })
}

#[test]
fn annotations_are_read_as_the_reference_does() {
    for (text, wanted) in [
        ("true", true),
        ("True", true),
        ("TRUE", true),
        ("t", true),
        ("1", true),
        ("false", false),
        ("0", false),
        ("tRuE", false),
        ("yes", false),
        ("", false),
    ] {
        let mut doc = small();
        doc["layers"][0]["annotations"][DISABLE_XATTRS] = text.into();
        assert_eq!(parse(&doc).unwrap().layers[0].disable_xattrs, wanted, "{text}");
    }
    for (text, wanted) in
        [("4194304", Some(4_194_304)), ("-1", None), ("x", None), ("18446744073709551615", None)]
    {
        let mut doc = small();
        doc["layers"][0]["annotations"][SPAN_SIZE] = text.into();
        assert_eq!(parse(&doc).unwrap().layers[0].span_size, wanted, "{text}");
    }
}

#[test]
fn several_of_a_layer() {
    let mut doc = small();
    let mut second = doc["layers"][0].clone();
    second["digest"] = LAYER_0.into();
    let prefetch = |size: u64| serde_json::json!({"mediaType": PREFETCH, "digest": IMAGE, "size": size, "annotations": {LAYER_DIGEST: LAYER_0}});
    let unknown = serde_json::json!({"mediaType": "x/y", "digest": IMAGE, "size": 1});
    doc["layers"].as_array_mut().unwrap().extend([second, prefetch(1), prefetch(2), unknown]);
    let index = parse(&doc).unwrap();
    assert_eq!((index.layers.len(), index.prefetch.len()), (2, 2));
    assert_eq!(index.ztoc_for(&digest(LAYER_0)).unwrap().ztoc.digest, digest(LAYER_0));
    assert_eq!(index.prefetch_for(&digest(LAYER_0)).unwrap().descriptor.size, 1);
}

#[test]
fn indexes_that_are_refused() {
    type Edit = fn(&mut serde_json::Value);
    let cases: &[(Edit, Code)] = &[
        (
            |d| d["config"]["mediaType"] = "application/vnd.amazon.soci.index.v3+json".into(),
            Code::Unsupported,
        ),
        (|d| d["config"]["mediaType"] = crate::format::oci::media_type::OCI_CONFIG.into(), Code::Unsupported),
        (|d| d["layers"][0]["annotations"] = serde_json::json!({}), Code::CorruptManifest),
        (|d| d["layers"][0]["annotations"][LAYER_DIGEST] = "sha256:0".into(), Code::CorruptManifest),
        (|d| d["manifests"] = serde_json::json!([]), Code::CorruptManifest),
        (|d| *d = serde_json::json!({"manifests": []}), Code::CorruptManifest),
        (|d| d["mediaType"] = crate::format::oci::media_type::OCI_INDEX.into(), Code::CorruptManifest),
    ];
    for (i, (edit, code)) in cases.iter().enumerate() {
        let mut doc = small();
        edit(&mut doc);
        assert_eq!(parse(&doc).unwrap_err().code(), *code, "case {i}");
    }
}

#[test]
fn what_an_image_names_must_be_a_digest() {
    let mut manifest = image(IMAGE);
    manifest.annotations.insert(INDEX_DIGEST.into(), "latest\u{1b}".into());
    let error = v2_index_digest(&manifest).unwrap_err();
    assert_eq!(error.code(), Code::CorruptManifest);
    assert!(!error.to_string().contains('\u{1b}'));
    manifest.annotations.insert(INDEX_DIGEST.into(), IMAGE.into());
    assert_eq!(v2_index_digest(&manifest).unwrap(), Some(digest(IMAGE)));
}

#[test]
fn prefetch_artifacts() {
    let parse = |text: &str| PrefetchArtifact::parse(text.as_bytes(), &Limits::default());
    let one = |text: &str| parse(&format!("{{\"version\":\"1.0\",\"prefetch_spans\":[{text}]}}"));
    let spans = one(r#"{"start_span":5,"end_span":9,"priority":-3},{"start_span":0,"end_span":0,"x":1}"#)
        .unwrap()
        .spans;
    let wanted =
        [PrefetchSpans { start: 5, end: 9, priority: -3 }, PrefetchSpans { start: 0, end: 0, priority: 0 }];
    assert_eq!(spans, wanted);
    assert_eq!(one("").unwrap().spans, []);
    for bad in [
        r#"{"start_span":2,"end_span":1}"#,
        r#"{"start_span":-1,"end_span":1}"#,
        r#"{"end_span":1}"#,
        r#"{"start_span":1}"#,
        r#"{"start_span":0,"end_span":9223372036854775808}"#,
        r#"{"start_span":0,"end_span":1.5}"#,
        r#"{"start_span":0,"end_span":1,"priority":"x"}"#,
        "5",
    ] {
        assert_eq!(one(bad).unwrap_err().code(), Code::CorruptManifest, "{bad}");
    }
    assert_eq!(parse(r#"{"version":"2.0","prefetch_spans":[]}"#).unwrap_err().code(), Code::Unsupported);
    assert_eq!(parse(r#"{"version":"1.0"}"#).unwrap_err().code(), Code::CorruptManifest);
    assert_eq!(parse(r#"{"prefetch_spans":[]}"#).unwrap_err().code(), Code::CorruptManifest);
    let limits = Limits { max_spans: 1, ..Limits::default() };
    let two =
        r#"{"version":"1.0","prefetch_spans":[{"start_span":0,"end_span":0},{"start_span":0,"end_span":0}]}"#;
    assert_eq!(PrefetchArtifact::parse(two.as_bytes(), &limits).unwrap_err().limit_name(), Some("max_spans"));
}
