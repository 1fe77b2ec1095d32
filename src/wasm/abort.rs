//! Promises that the caller can stop: the future is dropped, and with it its requests.

use futures_util::future::{Either, LocalBoxFuture, select};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use super::error::to_js;
use crate::error::{Code, Error, Result};

/// Runs `future` to its end, or until `stop` settles: then the promise is rejected with `ABORTED`.
///
/// The JavaScript side settles `stop` in any case once the promise is settled: only then is what waits for
/// it freed.
pub fn promise<F>(stop: Option<Promise>, future: F) -> Promise
where
    F: Future<Output = Result<JsValue>> + 'static,
{
    // Boxed, so that what drives it is compiled once and not for each operation.
    boxed(stop, Box::pin(future))
}

fn boxed(stop: Option<Promise>, future: LocalBoxFuture<'static, Result<JsValue>>) -> Promise {
    future_to_promise(async move {
        let result = match stop {
            None => future.await,
            Some(stop) => match select(future, JsFuture::from(stop)).await {
                Either::Left((result, _)) => result,
                Either::Right(_) => Err(Error::new(Code::Aborted, "stopped by the caller")),
            },
        };
        result.map_err(|e| to_js(&e))
    })
}
