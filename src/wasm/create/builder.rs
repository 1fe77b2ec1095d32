//! The builder of zTOCs: a layer goes in by pieces, and its zTOC comes out by pieces.

use js_sys::{Array, Uint8Array};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wasm_bindgen::prelude::*;

use super::super::error::{invalid, js_result};
use super::super::js;
use super::super::values::{limits, to_js};
use super::entries;
use super::hash::{Hash, RuntimeHasher};
use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::format::tar::EntryTable;
use crate::format::ztoc::Compression;
use crate::format::ztoc::create::{BuildOptions, BuiltZtoc, Piece, ZtocBuilder};

/// Bytes of one checkpoint: `i64 in`, `i64 out`, `u8 bits`, window.
const RECORD: usize = 17 + (32 << 10);

/// `gzip` or `none`.
fn compression(name: &str) -> Result<Compression> {
    match name {
        "gzip" => Ok(Compression::Gzip),
        "none" => Ok(Compression::Uncompressed),
        _ => Err(invalid("compression", "gzip or none")),
    }
}

/// Builds one zTOC.
#[wasm_bindgen(js_name = ZtocBuilder)]
pub struct WasmBuilder {
    inner: Option<ZtocBuilder>,
    borders: Borders,
}

/// Starts of spans in the tar.
enum Borders {
    Gzip(Vec<u64>),
    Tar { span_size: u64 },
}

impl Borders {
    /// Notes the checkpoints in these bytes.
    fn note(&mut self, records: &[u8]) {
        let Borders::Gzip(outputs) = self else { return };
        let output = |record: &[u8]| record.get(8..16)?.try_into().ok().map(u64::from_le_bytes);
        outputs.extend(records.chunks_exact(RECORD).filter_map(output));
    }

    /// The span that holds an offset, as the reference finds it; the last one for what is behind.
    fn find(&self, offset: u64, spans: usize) -> usize {
        let at = match self {
            Borders::Gzip(outputs) => outputs.partition_point(|&output| output <= offset).saturating_sub(1),
            Borders::Tar { span_size } => usize::try_from(offset / (*span_size).max(1)).unwrap_or(usize::MAX),
        };
        at.min(spans.saturating_sub(1))
    }
}

#[wasm_bindgen(js_class = ZtocBuilder)]
impl WasmBuilder {
    /// `options` is `{spanSize, buildTool, diffId, limits?, sha256?}`; the last one is an empty `Hash` of `node:crypto`.
    #[wasm_bindgen(constructor)]
    pub fn new(packing: &str, options: JsValue) -> Result<WasmBuilder, JsValue> {
        js_result(Self::build(packing, &options))
    }

    fn build(packing: &str, options: &JsValue) -> Result<WasmBuilder> {
        let span_size = js::get_some(options, "spanSize").as_ref().and_then(js::whole_number);
        let span_size = span_size.ok_or_else(|| invalid("spanSize", "a whole number of bytes"))?;
        let build_tool = js::get_some(options, "buildTool").and_then(|v| v.as_string());
        let build = BuildOptions {
            span_size,
            build_tool: build_tool.ok_or_else(|| invalid("buildTool", "a string"))?,
            diff_id: js::get_some(options, "diffId").is_some_and(|v| v.is_truthy()),
        };
        let compression = compression(packing)?;
        let borders = match compression {
            Compression::Gzip => Borders::Gzip(Vec::new()),
            Compression::Uncompressed => Borders::Tar { span_size },
        };
        let mut inner = ZtocBuilder::new(compression, build, &limits(options)?)?;
        if let Some(empty) = js::get_some(options, "sha256") {
            inner.hash_by(Box::new(RuntimeHasher::new(empty.unchecked_ref::<Hash>())));
        }
        Ok(WasmBuilder { inner: Some(inner), borders })
    }

    fn inner(&self) -> Result<&ZtocBuilder, JsValue> {
        js_result(self.inner.as_ref().ok_or_else(finished))
    }

    /// Takes the next bytes of the layer.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        js_result(self.inner.as_mut().ok_or_else(finished).and_then(|inner| inner.push(bytes)))
    }

    /// After an error: takes the next bytes for nothing but the layer's digest.
    pub fn drain(&mut self, bytes: &[u8]) {
        if let Some(inner) = &mut self.inner {
            inner.drain(bytes);
        }
    }

    /// `sha256:…` of all bytes so far.
    pub fn digest(&self) -> Result<String, JsValue> {
        Ok(self.inner()?.layer_digest().to_string())
    }

    /// Offset in the layer of the next byte it wants.
    #[wasm_bindgen(getter)]
    pub fn wants(&self) -> Result<f64, JsValue> {
        Ok(self.inner()?.wants() as f64)
    }

    /// Bytes of the tar so far.
    #[wasm_bindgen(getter)]
    pub fn unpacked(&self) -> Result<f64, JsValue> {
        Ok(self.inner()?.unpacked() as f64)
    }

    /// Spans so far.
    #[wasm_bindgen(getter)]
    pub fn spans(&self) -> Result<usize, JsValue> {
        Ok(self.inner()?.spans())
    }

    /// The number of entries so far.
    #[wasm_bindgen(getter)]
    pub fn entries(&self) -> Result<usize, JsValue> {
        Ok(self.inner()?.entries().len())
    }

    /// Up to `count` entries from `start` on.
    #[wasm_bindgen(js_name = entriesFrom)]
    pub fn entries_from(&self, start: usize, count: usize) -> Result<Array, JsValue> {
        js_result(entries::entries(self.inner()?.entries(), start, count))
    }

    /// The checkpoints that are complete, which the builder forgets; mostly none.
    #[wasm_bindgen(js_name = takeCheckpoints)]
    pub fn take_checkpoints(&mut self) -> Vec<u8> {
        let taken = self.inner.as_mut().map(ZtocBuilder::take_checkpoints).unwrap_or_default();
        self.borders.note(&taken);
        taken
    }

    /// Bytes that `takeCheckpoints` would give.
    #[wasm_bindgen(getter, js_name = checkpointBytes)]
    pub fn checkpoint_bytes(&self) -> Result<usize, JsValue> {
        Ok(self.inner()?.checkpoint_bytes())
    }

    /// As `takeCheckpoints`, into an array of just so many bytes: garbage of this size is slow to be collected.
    #[wasm_bindgen(js_name = takeCheckpointsInto)]
    pub fn take_checkpoints_into(&mut self, into: &Uint8Array) -> Result<(), JsValue> {
        if into.length() as usize != self.inner()?.checkpoint_bytes() {
            return js_result(Err(invalid("into", "an array of checkpointBytes bytes")));
        }
        into.copy_from(&self.take_checkpoints());
        Ok(())
    }

    /// The end of the layer.
    pub fn finish(&mut self) -> Result<WasmZtoc, JsValue> {
        let built = js_result(self.inner.take().ok_or_else(finished).and_then(ZtocBuilder::finish))?;
        let mut borders = std::mem::replace(&mut self.borders, Borders::Gzip(Vec::new()));
        if let [_, _, Piece::Bytes(checkpoints), _] = built.pieces() {
            borders.note(checkpoints);
        }
        Ok(WasmZtoc { built, borders })
    }
}

fn finished() -> Error {
    Error::new(Code::InvalidArgument, "the zTOC is finished")
}

/// A zTOC that was built.
#[wasm_bindgen(js_name = WasmZtoc)]
pub struct WasmZtoc {
    built: BuiltZtoc,
    borders: Borders,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    layer_digest: String,
    layer_size: f64,
    diff_id: Option<String>,
    tar_size: f64,
    archive_size: f64,
    spans: f64,
    entries: f64,
    needs_xattrs: bool,
    loads_in_reference: bool,
    size: f64,
    taken: f64,
}

#[wasm_bindgen(js_class = WasmZtoc)]
impl WasmZtoc {
    /// What came to light; `taken`: bytes of checkpoints that `takeCheckpoints` gave.
    pub fn facts(&self) -> Result<JsValue, JsValue> {
        let b = &self.built;
        let taken = match b.pieces() {
            [_, Piece::Taken(taken), ..] => taken,
            _ => 0,
        };
        js_result(to_js(&Facts {
            layer_digest: b.layer_digest.to_string(),
            layer_size: b.layer_size as f64,
            diff_id: b.diff_id.map(|d| d.to_string()),
            tar_size: b.tar_size as f64,
            archive_size: b.archive_size as f64,
            spans: b.spans as f64,
            entries: b.entries.len() as f64,
            needs_xattrs: b.needs_xattrs,
            loads_in_reference: b.loads_in_reference,
            size: b.size() as f64,
            taken: taken as f64,
        }))
    }

    /// The zTOC's bytes in order, but those that were taken: they belong behind the first of the three. Once only.
    #[wasm_bindgen(js_name = takePieces)]
    pub fn take_pieces(&mut self) -> Array {
        self.built.take_bytes().iter().map(|bytes| JsValue::from(Uint8Array::from(&bytes[..]))).collect()
    }

    /// The first and the last span that hold a file's content, or `undefined`.
    #[wasm_bindgen(js_name = spansOf)]
    pub fn spans_of(&self, path: &[u8]) -> Option<Vec<usize>> {
        spans_of(&self.built.entries, path, |offset| self.borders.find(offset, self.built.spans))
    }
}

/// As the reference counts: a file that ends on a border counts one span more.
pub fn spans_of(table: &EntryTable, path: &[u8], find: impl Fn(u64) -> usize) -> Option<Vec<usize>> {
    let (start, end) = entries::content(table, path)?;
    let first = find(start);
    Some(vec![first, find(end).max(first)])
}

/// SHA-256 of what comes by pieces, which the platform's own cannot do.
#[wasm_bindgen]
pub struct Hasher(Sha256);

#[wasm_bindgen]
impl Hasher {
    /// Of nothing yet.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "made by JavaScript only")]
    pub fn new() -> Hasher {
        Hasher(Sha256::new())
    }

    /// More bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// `sha256:…` of all so far; it then starts anew.
    pub fn digest(&mut self) -> String {
        Digest::from_sha256(self.0.finalize_reset().into()).to_string()
    }
}
