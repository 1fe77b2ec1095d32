//! An indexer that JavaScript implements.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use js_sys::Object;
use wasm_bindgen::JsValue;
use web_sys::AbortController;

use super::body::AbortOnDrop;
use super::error::{from_js, invalid};
use super::js;
use crate::error::Result;
use crate::format::oci::Descriptor;
use crate::image::{BuiltIndex, Indexer};
use crate::source::Source;

/// An object whose `build({digest, size}, signal)` gives `{ztoc, layerDigest}`. It knows the source itself.
pub struct JsIndexer(pub JsValue);

impl Indexer for JsIndexer {
    fn build(&self, _: Rc<dyn Source>, layer: Descriptor) -> LocalBoxFuture<'static, Result<BuiltIndex>> {
        let indexer = self.0.clone();
        Box::pin(async move {
            let named = Object::new();
            js::set(&named, "digest", layer.digest.to_string());
            js::set(&named, "size", layer.size as f64);
            let controller = AbortController::new().map_err(|e| from_js(&e))?;
            let args = [named.into(), controller.signal().into()];
            // Where nobody waits for it any more.
            let _stop = AbortOnDrop::new(controller);
            let built = js::call_async(&indexer, "build", &args).await.map_err(|e| from_js(&e))?;
            let ztoc = js::get_some(&built, "ztoc").as_ref().and_then(js::bytes);
            let digest = js::get_some(&built, "layerDigest").and_then(|d| d.as_string());
            let ztoc: Bytes = ztoc.ok_or_else(|| invalid("ztoc", "bytes"))?;
            Ok(BuiltIndex { ztoc, layer_digest: digest.unwrap_or_default().parse()? })
        })
    }
}
