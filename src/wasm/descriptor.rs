//! Descriptors as JavaScript has them.

use std::collections::BTreeMap;

use js_sys::{Array, Object};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};

use super::error::invalid;
use super::js;
use super::values::to_js;
use crate::error::Result;
use crate::format::oci::Descriptor;

/// Each as `{mediaType, digest, size, artifactType?, annotations?}`.
pub(super) fn descriptors(list: &[Descriptor]) -> Result<JsValue> {
    let out = Array::new();
    for descriptor in list {
        out.push(&to_js(&JsDescriptor::from(descriptor))?);
    }
    Ok(out.into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsDescriptor<'a> {
    media_type: &'a str,
    digest: String,
    size: f64,
    artifact_type: Option<&'a str>,
    annotations: Option<&'a BTreeMap<String, String>>,
}

impl<'a> From<&'a Descriptor> for JsDescriptor<'a> {
    fn from(d: &'a Descriptor) -> Self {
        JsDescriptor {
            media_type: &d.media_type,
            digest: d.digest.to_string(),
            size: d.size as f64,
            artifact_type: d.artifact_type.as_deref(),
            annotations: (!d.annotations.is_empty()).then_some(&d.annotations),
        }
    }
}

/// What [`descriptors`] made.
pub(super) fn read_descriptors(list: &JsValue) -> Result<Vec<Descriptor>> {
    let text = |value: JsValue| value.as_string().unwrap_or_default();
    let read = |value: JsValue| {
        let mut descriptor = read_descriptor(&value)?;
        descriptor.artifact_type = js::get_some(&value, "artifactType").map(text);
        let annotations = js::get_some(&value, "annotations");
        let annotations = annotations.map(|it| Object::entries(it.unchecked_ref())).unwrap_or_default();
        for pair in annotations.iter() {
            let pair = Array::from(&pair);
            descriptor.annotations.insert(text(pair.get(0)), text(pair.get(1)));
        }
        Ok(descriptor)
    };
    Array::from(list).iter().map(read).collect()
}

/// The digest, size and type that a descriptor has.
pub(super) fn read_descriptor(value: &JsValue) -> Result<Descriptor> {
    let text = |name| js::get_some(value, name).and_then(|v| v.as_string()).unwrap_or_default();
    let size = js::get_some(value, "size").as_ref().and_then(js::whole_number);
    let size = size.ok_or_else(|| invalid("size", "a whole number that is not negative"))?;
    Ok(Descriptor::new(text("mediaType"), text("digest").parse()?, size))
}
