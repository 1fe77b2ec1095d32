//! A zTOC that exists already, to be looked into.

use bytes::Bytes;
use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::super::error::js_result;
use super::super::values::{limits, to_js};
use super::{builder, entries};
use crate::error::Result;
use crate::format::tar::EntryTable;
use crate::format::ztoc::{Compression, Spans, Ztoc};

/// A parsed zTOC.
#[wasm_bindgen]
pub struct ZtocView {
    version: String,
    build_tool: String,
    layer_size: u64,
    archive_size: u64,
    table: EntryTable,
    spans: Spans,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts<'a> {
    version: &'a str,
    build_tool: &'a str,
    compression: &'static str,
    layer_size: f64,
    archive_size: f64,
    span_size: f64,
    spans: f64,
    entries: f64,
    needs_xattrs: bool,
}

#[derive(Serialize)]
struct JsSpan {
    input: (f64, f64),
    output: (f64, f64),
    digest: String,
}

#[wasm_bindgen]
impl ZtocView {
    /// Parses a zTOC; `options` is `{limits?}`.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: Vec<u8>, options: JsValue) -> Result<ZtocView, JsValue> {
        js_result(Self::parse(bytes.into(), &options))
    }

    fn parse(bytes: Bytes, options: &JsValue) -> Result<ZtocView> {
        let ztoc = Ztoc::parse(bytes, &limits(options)?)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (version, build_tool) = (text(ztoc.version()), text(ztoc.build_tool()));
        let (layer_size, archive_size) = (ztoc.compressed_size(), ztoc.uncompressed_size());
        let (table, spans) = ztoc.into_parts();
        Ok(ZtocView { version, build_tool, layer_size, archive_size, table, spans })
    }

    /// What it says of itself.
    pub fn facts(&self) -> Result<JsValue, JsValue> {
        let marks = |name: &[u8]| name.ends_with(b".wh..wh..opq");
        js_result(to_js(&Facts {
            version: &self.version,
            build_tool: &self.build_tool,
            compression: match self.spans.compression() {
                Compression::Gzip => "gzip",
                Compression::Uncompressed => "none",
            },
            layer_size: self.layer_size as f64,
            archive_size: self.archive_size as f64,
            span_size: self.spans.span_size() as f64,
            spans: self.spans.len() as f64,
            entries: self.table.len() as f64,
            needs_xattrs: self.table.iter().any(|e| !e.xattrs.is_empty() || marks(e.name)),
        }))
    }

    /// Up to `count` entries from `start` on.
    pub fn entries(&self, start: usize, count: usize) -> Result<Array, JsValue> {
        js_result(entries::entries(&self.table, start, count))
    }

    /// Up to `count` spans from `start` on.
    pub fn spans(&self, start: usize, count: usize) -> Result<Array, JsValue> {
        let pair = |range: std::ops::Range<u64>| (range.start as f64, range.end as f64);
        let out = Array::new();
        for i in start..start.saturating_add(count).min(self.spans.len()) {
            let (Some(input), Some(output)) = (self.spans.input(i), self.spans.output(i)) else { break };
            let digest = self.spans.digest(i).map(ToString::to_string).unwrap_or_default();
            let span = JsSpan { input: pair(input), output: pair(output), digest };
            out.push(&js_result(to_js(&span))?);
        }
        Ok(out)
    }

    /// The first and the last span that hold a file's content, or `undefined`.
    #[wasm_bindgen(js_name = spansOf)]
    pub fn spans_of(&self, path: &[u8]) -> Option<Vec<usize>> {
        let last = self.spans.len().saturating_sub(1);
        builder::spans_of(&self.table, path, |offset| self.spans.find(offset).unwrap_or(last))
    }
}
