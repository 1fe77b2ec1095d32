//! Names in a layout's `index.json`.

use crate::error::{Code, Error, Result};
use crate::format::oci::{
    Descriptor, Digest, ImageIndex, ManifestDoc, Reference, media_type, parse_manifest,
};
use crate::sort::heap_sort;

/// The tag, or with some tools the full reference.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The full reference, as containerd and `docker save` write it.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Result of looking up a name.
pub(super) enum Found<'a> {
    /// One entry.
    Entry(&'a Descriptor),
    /// All images of the index, which differ by platform only: the index itself is the image.
    Whole,
    /// Several, none of which is meant rather than another; and what is to be said of that.
    Many(Vec<&'a Descriptor>, String),
}

fn ref_name(d: &Descriptor) -> Option<&str> {
    d.annotations.get(REF_NAME).map(String::as_str)
}

fn full_names(d: &Descriptor) -> impl Iterator<Item = &str> {
    let full = d.annotations.get(CONTAINERD_NAME).map(String::as_str);
    full.into_iter().chain(ref_name(d).filter(|n| n.contains(['/', ':'])))
}

/// `latest` of `docker.io/library/alpine:latest`.
fn tag_of(full: &str) -> Option<&str> {
    let last = full.rsplit('/').next()?;
    last.split('@').next()?.split_once(':').map(|(_, tag)| tag)
}

/// A full reference with what is left out filled in.
fn reference(text: &str) -> Option<Reference> {
    let mut r: Reference = text.parse().ok()?;
    r.tag.get_or_insert_with(|| "latest".into());
    Some(r)
}

/// The tag under which the referrers of a manifest are listed.
pub(super) fn is_fallback_tag(name: &str) -> bool {
    name.strip_prefix("sha256-")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_index(d: &Descriptor) -> bool {
    matches!(d.media_type.as_str(), media_type::OCI_INDEX | media_type::DOCKER_LIST)
}

/// Images and nested indexes of images, each digest once.
fn candidates(index: &ImageIndex) -> Vec<&Descriptor> {
    let nested = |d: &&Descriptor| {
        is_index(d) && d.artifact_type.is_none() && !ref_name(d).is_some_and(is_fallback_tag)
    };
    let mut out: Vec<&Descriptor> = Vec::new();
    // In the order of the file, for the messages.
    let images: Vec<*const Descriptor> = index.images().map(std::ptr::from_ref).collect();
    for d in &index.manifests {
        let wanted = nested(&d) || images.contains(&std::ptr::from_ref(d));
        if wanted && !out.iter().any(|o| o.digest == d.digest) {
            out.push(d);
        }
    }
    out
}

fn differ_by_platform_only(of: &[&Descriptor]) -> bool {
    of.len() > 1 && of.iter().all(|d| d.platform.is_some() && !is_index(d) && ref_name(d) == ref_name(of[0]))
}

/// The only image.
pub(super) fn only<'a>(index: &'a ImageIndex, place: &str) -> Result<Found<'a>> {
    let images = candidates(index);
    match images.as_slice() {
        [one] => Ok(Found::Entry(one)),
        [] => Err(Error::new(Code::NotFound, "the layout holds no image").with_reference(place)),
        many if differ_by_platform_only(many) => Ok(Found::Whole),
        many => Ok(Found::Many(images.clone(), format!("the layout holds {} images", many.len()))),
    }
}

/// The image of a name: an exact `ref.name`, else a full reference, else a full reference's tag.
pub(super) fn by_name<'a>(index: &'a ImageIndex, name: &str, place: &str) -> Result<Found<'a>> {
    let parsed = reference(name);
    let exact = |d: &Descriptor| ref_name(d) == Some(name);
    let full =
        |d: &Descriptor| full_names(d).any(|f| f == name || (parsed.is_some() && reference(f) == parsed));
    let tag = |d: &Descriptor| full_names(d).any(|f| tag_of(f) == Some(name));
    let rules: [&dyn Fn(&Descriptor) -> bool; 3] = [&exact, &full, &tag];
    for rule in rules {
        let mut hits: Vec<&Descriptor> = Vec::new();
        for d in &index.manifests {
            if rule(d) && !hits.iter().any(|h| h.digest == d.digest) {
                hits.push(d);
            }
        }
        match hits.as_slice() {
            [] => {}
            [one] => return Ok(Found::Entry(one)),
            many if differ_by_platform_only(many) && candidates(index).len() == many.len() => {
                return Ok(Found::Whole);
            }
            many => {
                let text = format!("{} images have the name {:?}", many.len(), shown(name));
                return Ok(Found::Many(hits, text));
            }
        }
    }
    let text = format!("the layout has no {:?}; it has {}", shown(name), names(&candidates(index)));
    Err(Error::new(Code::NotFound, text).with_reference(place))
}

fn shown(name: &str) -> String {
    crate::net::http::shown(name)
}

/// Names to choose from that are told at once.
pub(super) const MOST_NAMES: usize = 20;

/// Names to choose from: full where there are such, else digests.
fn names(of: &[&Descriptor]) -> String {
    let mut out: Vec<String> = distinct(of).into_iter().take(MOST_NAMES).map(|name| shown(&name)).collect();
    if of.is_empty() {
        return "no image".into();
    }
    if of.len() > MOST_NAMES {
        out.push(format!("{} more", of.len() - MOST_NAMES));
    }
    out.join(", ")
}

/// What each of several is called so that it means no other: its name, the full one where it has one; its digest where
/// another has the same name, or it has none.
pub(super) fn distinct(of: &[&Descriptor]) -> Vec<String> {
    let name = |d: &Descriptor| full_names(d).next().or(ref_name(d)).map(str::to_owned);
    let mut sorted: Vec<(String, Digest)> = of.iter().filter_map(|d| Some((name(d)?, d.digest))).collect();
    heap_sort(&mut sorted, |a, b| (&a.0, a.1.as_bytes()) < (&b.0, b.1.as_bytes()));
    let shared = |name: &str| {
        let same = sorted.partition_point(|(n, _)| n.as_str() < name);
        let mut same = sorted.iter().skip(same).take_while(|(n, _)| n == name).map(|(_, digest)| digest);
        let first = same.next();
        same.any(|digest| Some(digest) != first)
    };
    of.iter().map(|d| name(d).filter(|n| !shared(n)).unwrap_or_else(|| d.digest.to_string())).collect()
}

/// A name of each image, in the order of the file. One for images that differ by platform only.
pub(super) fn all_names(index: &ImageIndex) -> Vec<String> {
    let images = candidates(index);
    if differ_by_platform_only(&images) {
        let name = |d: &&Descriptor| full_names(d).next().or(ref_name(d)).map(str::to_owned);
        return images.first().and_then(name).into_iter().collect();
    }
    // Each name of an image that has several.
    let known: Vec<&Descriptor> =
        index.manifests.iter().filter(|d| images.iter().any(|i| i.digest == d.digest)).collect();
    let mut out: Vec<String> = Vec::new();
    for name in distinct(&known) {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

/// Parses `index.json` and checks that it is an index.
pub(super) fn parse(bytes: &[u8], limits: &crate::limits::Limits) -> Result<ImageIndex> {
    match parse_manifest(bytes, media_type::OCI_INDEX, limits)? {
        ManifestDoc::Index(index) => Ok(index),
        ManifestDoc::Image(_) => Err(Error::new(Code::CorruptManifest, "index.json is no index")),
    }
}
