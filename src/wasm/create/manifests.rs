//! Manifests, indexes and SOCI indexes as far as their builder must look into them.

use std::collections::BTreeMap;

use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::super::error::js_result;
use super::super::values::{limits, to_js};
use crate::error::Result;
use crate::format::oci::media_type::{LayerCompression, layer_compression};
use crate::format::oci::{Descriptor, ImageConfig, ImageIndex, ManifestDoc, Platform, parse_manifest};
use crate::format::soci::SociIndex;
use crate::limits::Limits;

/// A platform, with the names of the specification.
#[derive(Serialize)]
pub struct JsPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
    #[serde(rename = "os.version")]
    os_version: Option<String>,
    #[serde(rename = "os.features")]
    os_features: Vec<String>,
    /// As text, for people.
    name: String,
}

impl From<&Platform> for JsPlatform {
    fn from(p: &Platform) -> Self {
        JsPlatform {
            os: p.os.clone(),
            architecture: p.architecture.clone(),
            variant: p.variant.clone(),
            os_version: p.os_version.clone(),
            os_features: p.os_features.clone(),
            name: p.to_string(),
        }
    }
}

/// A descriptor as JavaScript is given it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsDescriptor<'a> {
    media_type: &'a str,
    digest: String,
    size: f64,
    artifact_type: Option<&'a str>,
    annotations: &'a BTreeMap<String, String>,
    /// Normalised.
    platform: Option<JsPlatform>,
    /// As it is stated.
    stated_platform: Option<JsPlatform>,
    /// Whether an index's entry is an image.
    is_image: bool,
    /// Of a layer: `none`, `gzip`, `zstd`, `unknown`, or absent where it is no layer of files.
    packing: Option<LayerCompression>,
}

impl<'a> JsDescriptor<'a> {
    fn new(d: &'a Descriptor) -> Self {
        JsDescriptor {
            media_type: &d.media_type,
            digest: d.digest.to_string(),
            size: d.size as f64,
            artifact_type: d.artifact_type.as_deref(),
            annotations: &d.annotations,
            platform: d.platform.as_ref().map(|p| (&p.normalize()).into()),
            stated_platform: d.platform.as_ref().map(Into::into),
            is_image: false,
            packing: layer_compression(&d.media_type),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum JsManifest<'a> {
    #[serde(rename_all = "camelCase")]
    Index { manifests: Vec<JsDescriptor<'a>> },
    #[serde(rename_all = "camelCase")]
    Image {
        config: Box<JsDescriptor<'a>>,
        layers: Vec<JsDescriptor<'a>>,
        artifact_type: Option<&'a str>,
        subject: Option<Box<JsDescriptor<'a>>>,
        annotations: &'a BTreeMap<String, String>,
        /// Whether it is a container's image rather than an artifact.
        is_image: bool,
    },
}

/// Contents of a manifest or index: `{kind: "index", manifests}` or `{kind: "image", config, layers …}`.
#[wasm_bindgen(js_name = readManifest)]
pub fn read_manifest(bytes: &[u8], media_type: &str, options: JsValue) -> Result<JsValue, JsValue> {
    js_result(manifest(bytes, media_type, &options))
}

fn manifest(bytes: &[u8], media_type: &str, options: &JsValue) -> Result<JsValue> {
    match parse_manifest(bytes, media_type, &limits(options)?)? {
        ManifestDoc::Index(index) => to_js(&JsManifest::Index { manifests: listed(&index) }),
        ManifestDoc::Image(image) => to_js(&JsManifest::Image {
            config: Box::new(JsDescriptor::new(&image.config)),
            layers: image.layers.iter().map(JsDescriptor::new).collect(),
            artifact_type: image.artifact_type.as_deref(),
            subject: image.subject.as_ref().map(|d| Box::new(JsDescriptor::new(d))),
            annotations: &image.annotations,
            is_image: image.is_image(),
        }),
    }
}

fn listed(index: &ImageIndex) -> Vec<JsDescriptor<'_>> {
    let images: Vec<*const Descriptor> = index.images().map(std::ptr::from_ref).collect();
    let of = |d| JsDescriptor { is_image: images.contains(&std::ptr::from_ref(d)), ..JsDescriptor::new(d) };
    index.manifests.iter().map(of).collect()
}

/// The platform that an image's config states, normalised.
#[wasm_bindgen(js_name = platformOf)]
pub fn platform_of(config: &[u8], options: JsValue) -> Result<JsValue, JsValue> {
    let parse = || -> Result<JsValue> {
        let config = ImageConfig::parse(config, &limits(&options)?)?;
        to_js(&JsPlatform::from(&config.platform().normalize()))
    };
    js_result(parse())
}

/// `os/arch[/variant]` in its parts, normalised.
#[wasm_bindgen(js_name = parsePlatform)]
pub fn parse_platform(text: &str) -> Result<JsValue, JsValue> {
    js_result(text.parse().and_then(|p: Platform| to_js(&JsPlatform::from(&p.normalize()))))
}

/// `os/arch[/variant]` as the reference states what was asked for: `linux/arm64/v8` keeps its variant.
#[wasm_bindgen(js_name = askedPlatform)]
pub fn asked_platform(text: &str) -> Result<JsValue, JsValue> {
    let parse = || -> Result<JsValue> {
        let mut platform: Platform = text.parse()?;
        if platform.architecture == "arm64" && platform.variant.is_none() && text.split('/').count() == 3 {
            platform.variant = Some("v8".to_owned());
        }
        to_js(&JsPlatform::from(&platform))
    };
    js_result(parse())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsSociIndex<'a> {
    version: &'static str,
    build_tool: Option<&'a str>,
    subject: Option<String>,
    layers: Vec<JsSociLayer<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsSociLayer<'a> {
    layer_digest: String,
    ztoc: JsDescriptor<'a>,
    span_size: Option<f64>,
    disable_xattrs: bool,
}

/// Contents of a SOCI index.
#[wasm_bindgen(js_name = readSociIndex)]
pub fn read_soci_index(bytes: &[u8], options: JsValue) -> Result<JsValue, JsValue> {
    js_result(limits(&options).and_then(|limits| soci_index(bytes, &limits)))
}

fn soci_index(bytes: &[u8], limits: &Limits) -> Result<JsValue> {
    let index = SociIndex::parse(bytes, limits)?;
    to_js(&JsSociIndex {
        version: index.version.as_str(),
        build_tool: index.build_tool.as_deref(),
        subject: index.subject.as_ref().map(|subject| subject.digest.to_string()),
        layers: index
            .layers
            .iter()
            .map(|layer| JsSociLayer {
                layer_digest: layer.layer_digest.to_string(),
                ztoc: JsDescriptor::new(&layer.ztoc),
                span_size: layer.span_size.map(|n| n as f64),
                disable_xattrs: layer.disable_xattrs,
            })
            .collect(),
    })
}
