//! Which entry of a layout's `index.json` a name means.

use crate::error::{Code, Error, Result};
use crate::oci::{Descriptor, ImageIndex, ManifestDoc, Reference, media_type, parse_manifest};

/// The tag, or with some tools the full reference.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The full reference, as containerd and `docker save` write it.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// What a name leads to.
pub(super) enum Found<'a> {
    /// One entry.
    Entry(&'a Descriptor),
    /// All images of the index, which differ by platform only: the index itself is the image.
    Whole,
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
        many => {
            let text = format!("the layout holds {} images; name one of {}", many.len(), names(many));
            Err(Error::new(Code::InvalidArgument, text).with_reference(place))
        }
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
                let text = format!(
                    "{} images have the name {:?}; name one of {}",
                    many.len(),
                    shown(name),
                    names(many)
                );
                return Err(Error::new(Code::InvalidArgument, text).with_reference(place));
            }
        }
    }
    let text = format!("the layout has no {:?}; it has {}", shown(name), names(&candidates(index)));
    Err(Error::new(Code::NotFound, text).with_reference(place))
}

fn shown(name: &str) -> String {
    crate::http::shown(name)
}

/// Names to choose from: full where there are such, else digests.
fn names(of: &[&Descriptor]) -> String {
    const MOST: usize = 20;
    if of.is_empty() {
        return "no image".into();
    }
    let name = |d: &&Descriptor| {
        let name = full_names(d).next().or(ref_name(d)).map(shown);
        name.unwrap_or_else(|| d.digest.to_string())
    };
    let mut out: Vec<String> = of.iter().take(MOST).map(name).collect();
    if of.len() > MOST {
        out.push(format!("{} more", of.len() - MOST));
    }
    out.join(", ")
}

/// A name of each image, in the order of the file: the full one where it has one. One for images that differ by platform
/// only.
pub(super) fn all_names(index: &ImageIndex) -> Vec<String> {
    let images = candidates(index);
    let name = |d: &Descriptor| full_names(d).next().or(ref_name(d)).map(str::to_owned);
    if differ_by_platform_only(&images) {
        return images.first().and_then(|d| name(d)).into_iter().collect();
    }
    let mut out: Vec<String> = Vec::new();
    for d in &index.manifests {
        if images.iter().any(|i| i.digest == d.digest) {
            let name = name(d).unwrap_or_else(|| d.digest.to_string());
            if !out.contains(&name) {
                out.push(name);
            }
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
