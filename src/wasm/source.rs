//! Source of images, as the builder of indexes reads it: manifests and blobs by their digests.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::TryStreamExt as _;
use js_sys::{Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

use super::descriptor::{descriptors, read_descriptor};
use super::error::{self, invalid, js_result};
use super::options::target;
use super::{abort, convert, handover, js, open};
use crate::error::Result;
use crate::format::oci::Digest;
use crate::image::Discovery;
use crate::limits::Limits;
use crate::net::transport::ByteStream;
use crate::source::{Source, Target};

/// Opens a source; arguments as for `openImage`. The promise gives a `WasmSource`.
#[wasm_bindgen(js_name = openSource)]
pub fn open_source(source: JsValue, options: JsValue, host: JsValue, stop: Option<Promise>) -> Promise {
    abort::promise(stop, async move {
        let opened = open::open_source(&source, options, &host).await?;
        let Some(opened) = opened else { return handover::archive(&source) };
        Ok(WasmSource { source: opened.source, target: opened.target, limits: opened.limits }.into())
    })
}

/// An open source. Its memory is freed by `free()`, or when it is collected.
#[wasm_bindgen]
pub struct WasmSource {
    source: Rc<dyn Source>,
    target: Target,
    limits: Limits,
}

#[wasm_bindgen]
impl WasmSource {
    /// What errors call it.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.source.name()
    }

    /// `{bytes, mediaType, digest}` of a tag or digest, or of what it was opened with.
    pub fn manifest(&self, reference: Option<String>, stop: Option<Promise>) -> Promise {
        let (source, own) = (Rc::clone(&self.source), self.target.clone());
        abort::promise(stop, async move {
            let target = reference.map_or(Ok(own), target)?;
            let manifest = source.manifest(&target).await?;
            let out = Object::new();
            js::set(&out, "bytes", Uint8Array::from(&manifest.bytes[..]));
            js::set(&out, "mediaType", manifest.media_type);
            js::set(&out, "digest", manifest.digest.to_string());
            Ok(out.into())
        })
    }

    /// All of a blob, verified. `descriptor` is `{digest, size, mediaType?}`.
    pub fn blob(&self, descriptor: JsValue, stop: Option<Promise>) -> Promise {
        let (source, max) = (Rc::clone(&self.source), self.limits.max_ztoc_size);
        abort::promise(stop, async move {
            let descriptor = read_descriptor(&descriptor)?;
            let bytes = source.blob_unkept(&descriptor, "max_ztoc_size", max).await?;
            Ok(Uint8Array::from(&bytes[..]).into())
        })
    }

    /// A `BlobCursor` over a blob from a byte on. Not verified.
    #[wasm_bindgen(js_name = blobStream)]
    pub fn blob_stream(&self, descriptor: JsValue, start: f64, stop: Option<Promise>) -> Promise {
        let source = Rc::clone(&self.source);
        abort::promise(stop, async move {
            let descriptor = read_descriptor(&descriptor)?;
            let start = js::whole_number(&start.into()).filter(|start| *start <= descriptor.size);
            let start = start.ok_or_else(|| invalid("start", "a byte of the blob"))?;
            let stream = match start {
                0 => source.blob_stream(&descriptor).await?,
                _ => source.blob_range(&descriptor, start..descriptor.size).await?,
            };
            Ok(BlobCursor::new(stream).into())
        })
    }

    /// Descriptors of the manifests of a type that refer to a digest.
    pub fn referrers(&self, subject: String, artifact_type: String, stop: Option<Promise>) -> Promise {
        let source = Rc::clone(&self.source);
        abort::promise(stop, async move {
            let subject: Digest = subject.parse()?;
            descriptors(&source.referrers(&subject, &artifact_type).await?)
        })
    }

    /// The counters of requests and bytes.
    pub fn counters(&self) -> JsValue {
        convert::counters(self.source.stats())
    }

    /// The requests so far.
    pub fn requests(&self) -> Result<JsValue, JsValue> {
        js_result(convert::requests(self.source.stats()))
    }
}

/// A blob's bytes, piece by piece. `free()` stops it.
#[wasm_bindgen]
pub struct BlobCursor {
    stream: Rc<RefCell<Option<ByteStream>>>,
}

impl BlobCursor {
    pub(super) fn new(stream: ByteStream) -> Self {
        BlobCursor { stream: Rc::new(RefCell::new(Some(stream))) }
    }
}

#[wasm_bindgen]
impl BlobCursor {
    /// The next bytes, or `undefined` at the end, after an error and after an abort.
    pub fn next(&self, stop: Option<Promise>) -> Promise {
        let cell = Rc::clone(&self.stream);
        abort::promise(stop, async move {
            let Some(mut stream) = cell.take() else { return Ok(JsValue::UNDEFINED) };
            match stream.try_next().await? {
                Some(bytes) => {
                    cell.replace(Some(stream));
                    Ok(Uint8Array::from(&bytes[..]).into())
                }
                None => Ok(JsValue::UNDEFINED),
            }
        })
    }
}

/// `{found, failed?}`: descriptors, and an error.
pub(super) fn discovery(discovery: &Discovery) -> Result<JsValue> {
    let out = Object::new();
    js::set(&out, "found", descriptors(&discovery.found)?);
    js::set_some(&out, "failed", discovery.failed.as_ref().map(error::to_js));
    Ok(out.into())
}
