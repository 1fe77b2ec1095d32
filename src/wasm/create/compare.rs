//! zTOCs compared, and kept in a cache.

use bytes::Bytes;
use js_sys::Uint8Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::super::error::{invalid, js_result};
use super::super::js;
use super::super::values::{Raw, limits, to_js};
use crate::error::Result;
use crate::format::oci::Digest;
use crate::format::ztoc::cached::{self, Kept, Origin};
use crate::format::ztoc::compare::compare;

#[derive(Serialize)]
struct JsDifference<'a> {
    field: &'static str,
    entry: Option<Raw<'a>>,
    checkpoint: Option<f64>,
    stated: &'a str,
    actual: &'a str,
}

#[derive(Serialize)]
struct JsComparison<'a> {
    total: f64,
    differences: Vec<JsDifference<'a>>,
}

/// Differences of a zTOC from the one that was built of its layer: `{total, differences}`. `options` is
/// `{limits?, told}`; at most `told` differences are listed.
#[wasm_bindgen(js_name = compareZtocs)]
pub fn compare_ztocs(stated: Vec<u8>, built: Vec<u8>, options: JsValue) -> Result<JsValue, JsValue> {
    js_result(compared(stated.into(), built.into(), &options))
}

fn compared(stated: Bytes, built: Bytes, options: &JsValue) -> Result<JsValue> {
    let told = js::get_some(options, "told").as_ref().and_then(js::whole_number).unwrap_or(0);
    let told = usize::try_from(told).unwrap_or(usize::MAX);
    let found = compare(&stated, &built, &limits(options)?, told)?;
    let differences = found.differences.iter().map(|d| JsDifference {
        field: d.field,
        entry: d.entry.as_deref().map(Raw),
        checkpoint: d.checkpoint.map(|n| n as f64),
        stated: &d.stated,
        actual: &d.actual,
    });
    to_js(&JsComparison { total: found.total as f64, differences: differences.collect() })
}

const ORIGINS: [(Origin, &str); 3] =
    [(Origin::Built, "built"), (Origin::Checked, "checked"), (Origin::CheckedMeaning, "checked-meaning")];

fn size(value: f64) -> Result<u64> {
    js::whole_number(&value.into()).ok_or_else(|| invalid("size", "a whole number of bytes"))
}

/// Head of a cache's value, before the zTOC that it keeps under a layer's digest.
#[wasm_bindgen(js_name = keptHead)]
pub fn kept_head(
    layer: &str,
    layer_size: f64,
    ztoc: &str,
    ztoc_size: f64,
    origin: &str,
) -> Result<Uint8Array, JsValue> {
    let head = || -> Result<Vec<u8>> {
        let origin = ORIGINS.iter().find(|(_, name)| *name == origin).map(|(origin, _)| *origin);
        let origin = origin.ok_or_else(|| invalid("origin", "the name of one"))?;
        let kept = Kept { digest: ztoc.parse()?, size: size(ztoc_size)?, origin };
        Ok(cached::head((&layer.parse::<Digest>()?, size(layer_size)?), &kept))
    };
    js_result(head().map(|head| Uint8Array::from(&head[..])))
}

#[derive(Serialize)]
struct JsKept {
    digest: String,
    size: f64,
    origin: &'static str,
    /// Bytes before the zTOC.
    head: f64,
}

/// Record at the beginning of a cache's value, `{digest, size, origin, head}`, or `undefined`.
#[wasm_bindgen(js_name = readKeptHead)]
pub fn read_kept_head(value: &[u8], layer: &str, layer_size: f64) -> Result<JsValue, JsValue> {
    let read = || -> Result<JsValue> {
        let Some(kept) = cached::read_head(value, (&layer.parse()?, size(layer_size)?)) else {
            return Ok(JsValue::UNDEFINED);
        };
        let origin = ORIGINS.iter().find(|(origin, _)| *origin == kept.origin).map_or("", |(_, name)| name);
        let (digest, size, head) = (kept.digest.to_string(), kept.size as f64, cached::HEAD as f64);
        to_js(&JsKept { digest, size, origin, head })
    };
    js_result(read())
}

/// Under which key a cache keeps the zTOC of a layer.
#[wasm_bindgen(js_name = keptKey)]
pub fn kept_key(layer: &str) -> Result<String, JsValue> {
    js_result(layer.parse().map(|layer| cached::key(&layer)))
}
