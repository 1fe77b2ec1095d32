//! A cache and a finder of credentials that JavaScript implements.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;

use super::js;
use crate::error::{Code, Error, Result};
use crate::net::registry::{CredentialSource, Credentials};
use crate::source::{Cache, cut};

/// An object with `get(key)`, `put(key, bytes)` and perhaps `getRange(key, start, end)`. What it throws is a miss.
pub struct JsCache(pub JsValue);

impl Cache for JsCache {
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            js::call_async(&self.0, "get", &[key.into()]).await.ok().as_ref().and_then(js::bytes)
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let _ = js::call_async(&self.0, "put", &[key.into(), Uint8Array::from(&value[..]).into()]).await;
        })
    }

    fn has_ranges(&self) -> bool {
        js::get_some(&self.0, "getRange").is_some_and(|f| f.is_function())
    }

    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> LocalBoxFuture<'a, Option<Bytes>> {
        // Within a double: offsets in one value of the cache.
        let args = [key.into(), (range.start as f64).into(), (range.end as f64).into()];
        Box::pin(async move {
            if !self.has_ranges() {
                return Some(cut(&self.get(key).await?, &range));
            }
            js::call_async(&self.0, "getRange", &args).await.ok().as_ref().and_then(js::bytes)
        })
    }
}

/// An object whose `get(registry, repository)` gives `{username?, password?, identityToken?, registryToken?}` or nothing.
pub struct JsCredentials(pub JsValue);

impl CredentialSource for JsCredentials {
    fn get<'a>(
        &'a self,
        registry: &'a str,
        repository: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<Credentials>>> {
        let args = [JsValue::from_str(registry), JsValue::from_str(repository)];
        Box::pin(async move {
            let found = js::call_async(&self.0, "get", &args).await.map_err(failed)?;
            let field =
                |name| js::get_some(&found, name).and_then(|v| v.as_string()).filter(|s| !s.is_empty());
            if !found.is_object() {
                return Ok(None);
            }
            Ok(Some(Credentials {
                username: field("username"),
                password: field("password"),
                identity_token: field("identityToken"),
                registry_token: field("registryToken"),
            }))
        })
    }
}

/// What the package's own finders say holds no secret; what others throw may quote one.
fn failed(thrown: JsValue) -> Error {
    let text = |name| js::get_some(&thrown, name).and_then(|v| v.as_string()).unwrap_or_default();
    let own = Some(text("what")).filter(|_| text("name") == "OcipeekError");
    let message = own.unwrap_or_else(|| "the function that finds credentials failed".into());
    Error::new(Code::Unauthorized, message).with_cause(Rc::new(thrown))
}
