//! A meter of what is transferred.

use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsValue;

/// Tells the JavaScript side of requests and bytes as they come, for `onProgress`.
pub struct Meter(Option<Function>);

impl Meter {
    /// Calls `callback(requests, bytes)` if there is one.
    pub fn new(callback: Option<Function>) -> Rc<Self> {
        Rc::new(Meter(callback))
    }
    /// One more request.
    pub fn request(&self) {
        self.tell(1, 0);
    }
    /// So many more bytes.
    pub fn bytes(&self, n: usize) {
        self.tell(0, n);
    }
    fn tell(&self, requests: u32, bytes: usize) {
        if let Some(f) = &self.0 {
            // The callback is the package's own and catches what the user's throws.
            let _ = f.call2(&JsValue::UNDEFINED, &requests.into(), &(bytes as f64).into());
        }
    }
}
