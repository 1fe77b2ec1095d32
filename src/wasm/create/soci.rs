//! SOCI indexes and converted images.

use std::collections::BTreeMap;

use js_sys::{Array, JSON, Object, Uint8Array};
use wasm_bindgen::prelude::*;

use super::super::error::{invalid, js_result};
use super::super::js;
use super::super::values::limits;
use crate::error::{Code, Error, Result};
use crate::format::oci::descriptor::digest;
use crate::format::oci::json::{Json, Node};
use crate::format::oci::media_type::OCI_MANIFEST;
use crate::format::oci::{Descriptor, Digest, ManifestDoc, Platform, parse_manifest};
use crate::format::soci::{
    Document, PlatformIndex, PrefetchSpans, V2_INDEX, convert, index_of_one, index_v1, index_v2, prefetch,
    ztoc_descriptor,
};
use crate::limits::Limits;

/// The input of a function, as JSON: it then takes the reader that the module has anyway, with its messages, and no
/// second one for JavaScript's values.
fn input<T>(value: &JsValue, read: impl FnOnce(&Node<'_>) -> Result<T>) -> Result<T> {
    let text = JSON::stringify(value).ok().and_then(|text| text.as_string()).unwrap_or_default();
    // It is our own TypeScript that wrote this, not a registry.
    let limits = Limits { max_manifest_size: u64::MAX, max_json_values: u64::MAX, ..Limits::default() };
    Json::parse(text.as_bytes(), "module's input", &limits)
        .and_then(|json| read(&json.root("module's input")))
        .map_err(|e| Error::new(Code::InvalidArgument, e.message()))
}

/// A descriptor of type, digest and size.
fn named(node: &Node<'_>) -> Result<Descriptor> {
    let media_type = node.need("mediaType")?.str()?;
    Ok(Descriptor::new(media_type, digest(&node.need("digest")?)?, node.need("size")?.whole()?))
}

/// The zTOC of a layer, as an index lists it.
fn layer(node: &Node<'_>) -> Result<Descriptor> {
    let span_size = node.get("spanSize")?.and_then(|size| size.whole().ok());
    let (digest, size) = (digest(&node.need("digest")?)?, node.need("size")?.whole()?);
    let without_xattrs = node.need("disableXattrs")?.bool()?;
    Ok(ztoc_descriptor(&named(&node.need("layer")?)?, digest, size, span_size, without_xattrs))
}

/// The artifact that names a layer's spans to prefetch.
fn artifact(node: &Node<'_>) -> Result<Option<Document>> {
    let mut spans = Vec::new();
    for pair in node.need("spans")?.items()? {
        let [start, end] = pair.items()?.map(|n| n.whole()).collect::<Result<Vec<u64>>>()?[..] else {
            return Err(pair.wrong("must be a pair"));
        };
        spans.push(PrefetchSpans { start, end, priority: 0 });
    }
    Ok(prefetch(&digest(&node.need("layer")?)?, &spans))
}

/// A SOCI index, of version 1 where it has a `subject`: `{index, prefetch}`, each document being
/// `{bytes, mediaType, digest}`.
#[wasm_bindgen(js_name = sociIndex)]
pub fn soci_index(value: &JsValue) -> Result<Object, JsValue> {
    js_result(input(value, index))
}

fn index(node: &Node<'_>) -> Result<Object> {
    let mut blobs = node.need("layers")?.items()?.map(|it| layer(&it)).collect::<Result<Vec<_>>>()?;
    let mut artifacts = Vec::new();
    for it in node.need("prefetch")?.items()? {
        artifacts.extend(artifact(&it)?);
    }
    blobs.extend(artifacts.iter().map(|artifact| artifact.descriptor.clone()));
    let build_tool = node.need("buildTool")?.str()?;
    let index = match node.get("subject")? {
        Some(subject) => index_v1(blobs, &named(&subject)?, build_tool),
        None => index_v2(blobs, build_tool),
    };
    let out = Object::new();
    js::set(&out, "index", document(&index));
    js::set(&out, "prefetch", documents(&artifacts));
    Ok(out)
}

fn document(document: &Document) -> Object {
    let out = Object::new();
    js::set(&out, "bytes", Uint8Array::from(&document.bytes[..]));
    js::set(&out, "mediaType", document.descriptor.media_type.as_str());
    js::set(&out, "digest", document.descriptor.digest.to_string());
    out
}

/// The SOCI index of one of an image's platforms.
fn of_platform(node: &Node<'_>) -> Result<PlatformIndex> {
    let mut descriptor =
        Descriptor::new(OCI_MANIFEST, digest(&node.need("digest")?)?, node.need("size")?.whole()?);
    descriptor.artifact_type = Some(V2_INDEX.to_owned());
    let image_manifest = digest(&node.need("imageManifest")?)?;
    let platform = Platform::from_json(&node.need("platform")?)?;
    Ok(PlatformIndex { image_manifest, descriptor, platform })
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
    js_result(converted(&image, &platform, &manifests, &soci, &options))
}

fn converted(
    image: &JsValue,
    platform: &JsValue,
    manifests: &[JsValue],
    soci: &JsValue,
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
            index_of_one(&descriptor, input(platform, Platform::from_json)?)
        }
    };
    let mut known = BTreeMap::new();
    for manifest in manifests {
        if let (descriptor, ManifestDoc::Image(manifest)) = parse(manifest)? {
            known.insert(descriptor.digest, manifest);
        }
    }
    let soci = input(soci, |node| node.items()?.map(|it| of_platform(&it)).collect::<Result<Vec<_>>>())?;
    let converted = convert(&index, &known, &soci)?;
    let out = Object::new();
    js::set(&out, "index", document(&converted.index));
    js::set(&out, "manifests", documents(&converted.manifests));
    Ok(out)
}

fn documents(list: &[Document]) -> Array {
    list.iter().map(|d| JsValue::from(document(d))).collect()
}
