//! JSON documents of OCI and SOCI.

use ocipeek::format::oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use ocipeek::format::oci::{
    Descriptor, Digest, ImageConfig, ImageIndex, ManifestDoc, Platform, PlatformMatcher, layer_compression,
    parse_manifest,
};
use ocipeek::format::soci::{PrefetchArtifact, SociIndex, v2_index_digest, v2_index_in};
use ocipeek::limits::Limits;
use ocipeek::source::layout::parse_saved;

pub fn run(data: &[u8]) {
    let limits = Limits::default();
    let read = |stated| parse_manifest(data, stated, &limits).ok();
    let (plain, as_index, as_image) = (read(""), read(OCI_INDEX), read(OCI_MANIFEST));
    // One document is of one kind, whatever it is served as.
    assert!(
        !matches!(as_index, Some(ManifestDoc::Image(_))) && !matches!(as_image, Some(ManifestDoc::Index(_)))
    );
    match &plain {
        Some(ManifestDoc::Index(index)) => {
            assert!(as_image.is_none() && as_index == plain);
            check_index(index);
        }
        Some(ManifestDoc::Image(image)) => {
            assert!(as_index.is_none() && as_image == plain);
            image.layers.iter().chain([&image.config]).chain(&image.subject).for_each(check_descriptor);
            let _ = v2_index_digest(image);
        }
        None => assert!(as_index.is_none() && as_image.is_none()),
    }
    if let Ok(index) = SociIndex::parse(data, &limits) {
        assert!(matches!(&plain, Some(ManifestDoc::Image(image)) if !image.is_image()));
        for layer in &index.layers {
            let found = index.ztoc_for(&layer.layer_digest);
            assert!(found.is_some_and(|f| f.layer_digest == layer.layer_digest));
        }
        for prefetch in &index.prefetch {
            assert!(index.prefetch_for(&prefetch.layer_digest).is_some());
        }
    }
    if let Ok(artifact) = PrefetchArtifact::parse(data, &limits) {
        assert!(artifact.spans.iter().all(|s| s.start <= s.end));
    }
    if let Ok(images) = parse_saved(data, &limits) {
        for image in &images {
            let files = image.layers.iter().chain([&image.config]);
            assert!(files.clone().all(|f| f.split('/').all(|part| !matches!(part, "" | "." | ".."))));
            // They are written into JSON as they are.
            assert!(image.names.iter().all(|n| !n.to_string().contains(['"', '\\'])));
        }
    }
    if let Ok(config) = ImageConfig::parse(data, &limits) {
        check_platform(&config.platform());
    }
}

fn check_descriptor(descriptor: &Descriptor) {
    let _ = layer_compression(&descriptor.media_type);
    assert!(i64::try_from(descriptor.size).is_ok());
    if let Some(data) = &descriptor.data {
        assert!(Digest::of(data) == descriptor.digest && data.len() as u64 == descriptor.size);
    }
    if let Some(platform) = &descriptor.platform {
        check_platform(platform);
    }
}

fn check_platform(platform: &Platform) {
    let normal = platform.normalize();
    assert_eq!(normal.normalize(), normal);
    assert!(PlatformMatcher::only(platform).matches(platform));
}

fn check_index(index: &ImageIndex) {
    index.manifests.iter().for_each(check_descriptor);
    let amd64 = PlatformMatcher::only(&Platform::new("linux", "amd64"));
    match index.select(&amd64) {
        Ok(best) => {
            assert!(best.platform.as_ref().is_none_or(|p| amd64.matches(p)));
            let _ = v2_index_in(index, &best.digest);
        }
        Err(error) => assert!(error.to_string().bytes().all(|b| b >= b' ' && b != 0x7f)),
    }
}
