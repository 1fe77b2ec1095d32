//! What is written equals what the reference wrote, from the parts alone.

use std::collections::BTreeMap;

use super::*;

/// The zTOCs that the reference made of the image's layers, in their order.
fn blobs(like: &SociIndex, with_span_size: bool) -> Vec<Descriptor> {
    let layers = image(IMAGE).layers;
    let mut out: Vec<Descriptor> = layers
        .iter()
        .filter_map(|layer| {
            let found = like.ztoc_for(&layer.digest)?;
            let span_size = with_span_size.then_some(131_072);
            Some(ztoc_descriptor(layer, found.ztoc.digest, found.ztoc.size, span_size, found.disable_xattrs))
        })
        .collect();
    for layer in &layers {
        if let Some(found) = like.prefetch_for(&layer.digest) {
            let bytes = blob(&found.descriptor.digest.to_string());
            let spans = PrefetchArtifact::parse(&bytes, &Limits::default()).unwrap().spans;
            let document = prefetch(&layer.digest, &spans).unwrap();
            assert_eq!(document.bytes, bytes);
            out.push(document.descriptor);
        }
    }
    out
}

#[test]
fn version_1_indexes_equal_the_references() {
    let subject = Descriptor::new(crate::format::oci::media_type::OCI_MANIFEST, digest(IMAGE), 1121);
    let referrers = index(&tagged(&fallback_tag(&digest(IMAGE))));
    for want in &referrers.manifests {
        let like = soci(&want.digest.to_string());
        let written = index_v1(blobs(&like, false), &subject, "AWS SOCI CLI v0.2");
        assert_eq!(written.bytes, blob(&want.digest.to_string()));
        let mut described = written.descriptor;
        described.annotations = want.annotations.clone();
        assert_eq!(&described, want);
    }
}

#[test]
fn converted_images_equal_the_references() {
    for (tag, with_span_size) in
        [("latest-soci", false), ("latest-soci-4m", false), ("latest-soci-head", true)]
    {
        let want = index(&tagged(tag));
        let [image_entry, soci_entry] = want.manifests.as_slice() else { panic!("{tag}") };
        let like = soci(&soci_entry.digest.to_string());
        let written = index_v2(blobs(&like, with_span_size), "AWS SOCI CLI v0.2");
        assert_eq!(written.bytes, blob(&soci_entry.digest.to_string()), "{tag}");

        let platform = Platform::new("linux", "amd64");
        let of = Descriptor::new(crate::format::oci::media_type::OCI_MANIFEST, digest(IMAGE), 1121);
        let before = index_of_one(&of, platform.clone());
        let manifests = BTreeMap::from([(digest(IMAGE), image(IMAGE))]);
        let soci = PlatformIndex { image_manifest: digest(IMAGE), descriptor: written.descriptor, platform };
        let converted = convert(&before, &manifests, &[soci]).unwrap();
        assert_eq!(converted.index.bytes, blob(&tagged(tag)));
        assert_eq!(converted.index.descriptor.digest.to_string(), tagged(tag));
        let [manifest] = converted.manifests.as_slice() else { panic!("{tag}") };
        assert_eq!(manifest.bytes, blob(&image_entry.digest.to_string()));
    }
}

fn entry(media_type: &str, bytes: &str, os: &str) -> Descriptor {
    let mut out = Descriptor::new(media_type, Digest::of(bytes.as_bytes()), bytes.len() as u64);
    out.platform = Some(Platform::new(os, "arm64"));
    out
}

#[test]
fn other_platforms_and_earlier_indexes_are_kept() {
    use crate::format::oci::media_type::{DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST};
    let config = Descriptor::new(DOCKER_CONFIG, Digest::of(b"c"), 1);
    let layer = Descriptor::new("application/vnd.docker.image.rootfs.diff.tar.gzip", Digest::of(b"l"), 1);
    let manifest = ImageManifest {
        config,
        layers: vec![layer.clone()],
        artifact_type: None,
        subject: None,
        annotations: BTreeMap::new(),
    };
    let earlier = |os: &str| Descriptor {
        artifact_type: Some(V2_INDEX.to_owned()),
        ..entry(OCI_MANIFEST, "earlier", os)
    };
    let mut noted = entry(DOCKER_MANIFEST, "b", "linux");
    noted.annotations.insert("lost".to_owned(), "as in the reference".to_owned());
    let before = ImageIndex {
        manifests: vec![
            entry(DOCKER_MANIFEST, "a", "windows"),
            noted,
            earlier("linux"),
            earlier("windows"),
            entry(DOCKER_MANIFEST, "absent", "freebsd"),
        ],
        artifact_type: None,
        subject: None,
        annotations: BTreeMap::from([("kept".to_owned(), "yes".to_owned())]),
    };
    let manifests =
        BTreeMap::from([(Digest::of(b"a"), manifest.clone()), (Digest::of(b"b"), manifest.clone())]);
    let soci = index_v2(vec![ztoc_descriptor(&layer, Digest::of(b"z"), 1, None, false)], "t").descriptor;
    let of = |image: &[u8], platform| PlatformIndex {
        image_manifest: Digest::of(image),
        descriptor: soci.clone(),
        platform,
    };
    let linux = Platform::new("linux", "aarch64");
    let converted = convert(&before, &manifests, &[of(b"b", linux.clone())]).unwrap();

    let doc = parse_manifest(&converted.index.bytes, "", &Limits::default()).unwrap();
    let ManifestDoc::Index(after) = doc else { panic!("an image") };
    assert_eq!(after.annotations, before.annotations);
    assert_eq!((after.manifests.len(), converted.manifests.len()), (5, 2));
    let [windows, image, index, kept, absent] = after.manifests.as_slice() else { panic!() };
    for (entry, document) in [(windows, &converted.manifests[0]), (image, &converted.manifests[1])] {
        assert_eq!((entry.digest, entry.media_type.as_str()), (document.descriptor.digest, OCI_MANIFEST));
        let doc = parse_manifest(&document.bytes, OCI_MANIFEST, &Limits::default()).unwrap();
        let ManifestDoc::Image(written) = doc else { panic!("an index") };
        assert_eq!(written.config.media_type, OCI_CONFIG);
        assert_eq!(written.layers, manifest.layers);
        assert_eq!(written.annotations, entry.annotations);
    }
    assert!(windows.annotations.is_empty());
    let names_index = BTreeMap::from([(INDEX_DIGEST.to_owned(), soci.digest.to_string())]);
    assert_eq!(image.annotations, names_index);
    assert_eq!((index.digest, index.platform.as_ref()), (soci.digest, Some(&linux)));
    assert_eq!(index.annotations[IMAGE_MANIFEST_DIGEST], image.digest.to_string());
    assert_eq!((kept, absent), (&before.manifests[3], &before.manifests[4]));

    let e = convert(&before, &manifests, &[]).unwrap_err();
    assert_eq!(e.code(), Code::InvalidArgument);
    for missing in [&b"absent"[..], b"not there"] {
        let e = convert(&before, &manifests, &[of(missing, linux.clone())]).unwrap_err();
        assert_eq!(e.code(), Code::NotFound);
    }
}

#[test]
fn prefetch_ranges_are_joined() {
    let range = |start, end| PrefetchSpans { start, end, priority: 7 };
    let layer = Digest::of(b"");
    assert_eq!(prefetch(&layer, &[]), None);
    let document =
        prefetch(&layer, &[range(9, 9), range(3, 4), range(0, 1), range(4, 7), range(8, 8)]).unwrap();
    let want = "{\"version\":\"1.0\",\"prefetch_spans\":[{\"start_span\":0,\"end_span\":1},\
                {\"start_span\":3,\"end_span\":9}]}";
    assert_eq!(String::from_utf8(document.bytes).unwrap(), want);
    assert_eq!(document.descriptor.media_type, PREFETCH);
    assert_eq!(
        document.descriptor.annotations,
        BTreeMap::from([(LAYER_DIGEST.to_owned(), layer.to_string())])
    );
    let first = PrefetchArtifact { spans: vec![range(1, 2)] }.to_json();
    assert_eq!(PrefetchArtifact::parse(&first, &Limits::default()).unwrap().spans, [range(1, 2)]);
}
