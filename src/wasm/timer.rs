//! Timer by `setTimeout`.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}

/// Stops the timer when dropped, so that a process can end.
struct Timer {
    id: JsValue,
    resolve: Function,
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
        // Settles the promise: what waits for it is freed only then.
        let _ = self.resolve.call0(&JsValue::UNDEFINED);
    }
}

/// Ends after `duration`.
pub fn sleep(duration: Duration) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let mut timer = None;
        let promise = Promise::new(&mut |resolve, _| {
            // Over 31 bits it would not wait at all.
            let ms = (duration.as_secs_f64() * 1000.0).min(f64::from(i32::MAX));
            let id = set_timeout(&resolve, ms);
            timer = Some(Timer { id, resolve });
        });
        let _ = JsFuture::from(promise).await;
        drop(timer);
    })
}
