//! SOCI indexes and converted images.

use std::collections::BTreeMap;

use js_sys::{Array, Object, Uint8Array};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use wasm_bindgen::prelude::*;

use super::super::error::{invalid, js_result};
use super::super::js;
use super::super::values::limits;
use super::manifests::JsPlatform;
use crate::error::{Code, Error, Result};
use crate::format::oci::media_type::OCI_MANIFEST;
use crate::format::oci::{Descriptor, Digest, ManifestDoc, parse_manifest};
use crate::format::soci::{
    Document, PlatformIndex, PrefetchSpans, V2_INDEX, convert, index_of_one, index_v1, index_v2, prefetch,
    ztoc_descriptor,
};

fn digest<'de, D: Deserializer<'de>>(d: D) -> Result<Digest, D::Error> {
    String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
}

/// A size that JavaScript has as a double.
fn size<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    let n = f64::deserialize(d)?;
    js::whole_number(&n.into()).ok_or_else(|| serde::de::Error::custom("not a size"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    media_type: String,
    #[serde(deserialize_with = "digest")]
    digest: Digest,
    #[serde(deserialize_with = "size")]
    size: u64,
}

impl From<Named> for Descriptor {
    fn from(n: Named) -> Self {
        Descriptor::new(n.media_type, n.digest, n.size)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    layer: Named,
    #[serde(deserialize_with = "digest")]
    digest: Digest,
    #[serde(deserialize_with = "size")]
    size: u64,
    /// As a double.
    span_size: Option<f64>,
    disable_xattrs: bool,
}

#[derive(Deserialize)]
struct Prefetch {
    #[serde(deserialize_with = "digest")]
    layer: Digest,
    spans: Vec<(u32, u32)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexInput {
    subject: Option<Named>,
    build_tool: String,
    layers: Vec<Layer>,
    prefetch: Vec<Prefetch>,
}

/// A SOCI index, of version 1 where it has a `subject`: `{index, prefetch}`, each document being
/// `{bytes, mediaType, digest}`.
#[wasm_bindgen(js_name = sociIndex)]
pub fn soci_index(input: JsValue) -> Result<Object, JsValue> {
    js_result(read::<IndexInput>(input).map(index))
}

fn index(input: IndexInput) -> Object {
    let mut blobs: Vec<Descriptor> = input
        .layers
        .into_iter()
        .map(|l| {
            let span_size = l.span_size.and_then(|n| js::whole_number(&n.into()));
            ztoc_descriptor(&l.layer.into(), l.digest, l.size, span_size, l.disable_xattrs)
        })
        .collect();
    let spans = |list: Vec<(u32, u32)>| -> Vec<PrefetchSpans> {
        let span = |(start, end): (u32, u32)| (u64::from(start), u64::from(end));
        list.into_iter().map(span).map(|(start, end)| PrefetchSpans { start, end, priority: 0 }).collect()
    };
    let artifacts: Vec<Document> =
        input.prefetch.into_iter().filter_map(|p| prefetch(&p.layer, &spans(p.spans))).collect();
    blobs.extend(artifacts.iter().map(|artifact| artifact.descriptor.clone()));
    let index = match input.subject {
        Some(subject) => index_v1(blobs, &subject.into(), &input.build_tool),
        None => index_v2(blobs, &input.build_tool),
    };
    let out = Object::new();
    js::set(&out, "index", document(&index));
    js::set(&out, "prefetch", documents(&artifacts));
    out
}

fn document(document: &Document) -> Object {
    let out = Object::new();
    js::set(&out, "bytes", Uint8Array::from(&document.bytes[..]));
    js::set(&out, "mediaType", document.descriptor.media_type.as_str());
    js::set(&out, "digest", document.descriptor.digest.to_string());
    out
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfPlatform {
    #[serde(deserialize_with = "digest")]
    image_manifest: Digest,
    #[serde(deserialize_with = "digest")]
    digest: Digest,
    #[serde(deserialize_with = "size")]
    size: u64,
    platform: JsPlatform,
}

impl From<OfPlatform> for PlatformIndex {
    fn from(of: OfPlatform) -> Self {
        let mut descriptor = Descriptor::new(OCI_MANIFEST, of.digest, of.size);
        descriptor.artifact_type = Some(V2_INDEX.to_owned());
        PlatformIndex { image_manifest: of.image_manifest, descriptor, platform: of.platform.into() }
    }
}

/// Adds SOCI indexes to an image: `{index, manifests}`, documents as in `sociIndex`.
///
/// `image` is its index, or its only manifest, and then `platform` that of its config; `manifests` are the index's, or
/// the same one, as `{bytes, mediaType}`; `soci` the SOCI indexes as `{imageManifest, digest, size, platform}`.
#[wasm_bindgen(js_name = convertImage)]
pub fn convert_image(
    image: JsValue,
    platform: JsValue,
    manifests: Vec<JsValue>,
    soci: JsValue,
    options: JsValue,
) -> Result<Object, JsValue> {
    js_result(converted(&image, platform, &manifests, soci, &options))
}

fn converted(
    image: &JsValue,
    platform: JsValue,
    manifests: &[JsValue],
    soci: JsValue,
    options: &JsValue,
) -> Result<Object> {
    let limits = limits(options)?;
    let parse = |value: &JsValue| -> Result<(Descriptor, ManifestDoc)> {
        let bytes = js::get_some(value, "bytes").as_ref().and_then(js::bytes);
        let bytes = bytes.ok_or_else(|| invalid("bytes", "a Uint8Array"))?;
        let media_type = js::get_some(value, "mediaType").and_then(|v| v.as_string()).unwrap_or_default();
        let doc = parse_manifest(&bytes, &media_type, &limits)?;
        Ok((Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64), doc))
    };
    let index = match parse(image)? {
        (_, ManifestDoc::Index(index)) => index,
        (descriptor, ManifestDoc::Image(_)) => {
            index_of_one(&descriptor, read::<JsPlatform>(platform)?.into())
        }
    };
    let mut known = BTreeMap::new();
    for manifest in manifests {
        if let (descriptor, ManifestDoc::Image(manifest)) = parse(manifest)? {
            known.insert(descriptor.digest, manifest);
        }
    }
    let soci: Vec<PlatformIndex> =
        read::<Vec<OfPlatform>>(soci)?.into_iter().map(PlatformIndex::from).collect();
    let converted = convert(&index, &known, &soci)?;
    let out = Object::new();
    js::set(&out, "index", document(&converted.index));
    js::set(&out, "manifests", documents(&converted.manifests));
    Ok(out)
}

fn documents(list: &[Document]) -> Array {
    list.iter().map(|d| JsValue::from(document(d))).collect()
}

fn read<T: DeserializeOwned>(value: JsValue) -> Result<T> {
    serde_wasm_bindgen::from_value(value)
        .map_err(|e| Error::new(Code::InvalidArgument, format!("the module was given {e}")))
}
