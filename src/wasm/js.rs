//! Access to JavaScript values that somebody else made (an injected `fetch`, a cache, a folder). Each step can
//! fail as an `Err`: an exception that passed through wasm would leave the caller's promise pending for ever.
#![cfg_attr(
    not(feature = "js-reader"),
    allow(dead_code, reason = "the module without a reader has no callbacks")
)]

use std::rc::Rc;

use bytes::Bytes;
use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::budget::Reservation;
use crate::error::{Code, Error, Result};

/// A property, or the exception that its getter threw.
pub fn get(object: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(object, &JsValue::from_str(name))
}

/// A property that is neither `undefined` nor `null`.
pub fn get_some(object: &JsValue, name: &str) -> Option<JsValue> {
    get(object, name).ok().filter(|v| !v.is_undefined() && !v.is_null())
}

/// Whether an object has a property that is true.
pub fn is(object: &JsValue, name: &str) -> bool {
    get_some(object, name).is_some_and(|flag| flag.is_truthy())
}

/// Sets a property of an object that we made ourselves.
pub fn set(object: &JsValue, name: &str, value: impl Into<JsValue>) {
    put(object, name, &value.into());
}

/// Compiled once, whatever is set.
#[inline(never)]
fn put(object: &JsValue, name: &str, value: &JsValue) {
    // Fails only on frozen objects and proxies.
    let _ = Reflect::set(object, &JsValue::from_str(name), value);
}

/// Sets one that there may be.
pub fn set_some(object: &JsValue, name: &str, value: Option<impl Into<JsValue>>) {
    if let Some(value) = value {
        set(object, name, value);
    }
}

/// Calls a method.
pub fn call(object: &JsValue, name: &str, args: &[JsValue]) -> Result<JsValue, JsValue> {
    let method = get(object, name)?;
    let method: &Function = method
        .dyn_ref()
        .ok_or_else(|| JsValue::from(js_sys::TypeError::new(&format!("{name} is not a function"))))?;
    method.apply(object, &args.iter().collect::<Array>())
}

/// Calls a method and awaits what it returns, a promise or not.
pub async fn call_async(object: &JsValue, name: &str, args: &[JsValue]) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::resolve(&call(object, name, args)?)).await
}

/// The bytes of a `Uint8Array` of any realm, copied; `None` for anything else, and for more than there is memory for.
pub fn bytes(value: &JsValue) -> Option<Bytes> {
    let array = byte_array(value)?;
    let room = Reservation::take(array.length().into()).ok()?;
    Some(room.hold(array.to_vec().into()))
}

/// A `Uint8Array` of any realm; `None` for anything else.
pub fn byte_array(value: &JsValue) -> Option<Uint8Array> {
    let unit = value.is_object().then(|| get(value, "BYTES_PER_ELEMENT").ok()?.as_f64())?;
    // `instanceof` fails on arrays of another realm, which test runners and iframes hand out.
    (unit == Some(1.0)).then(|| value.clone().unchecked_into())
}

/// A whole number that a double holds exactly.
pub fn whole_number(value: &JsValue) -> Option<u64> {
    const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
    value.as_f64().filter(|n| (0.0..=MAX_SAFE).contains(n) && n.fract() == 0.0).map(|n| n as u64)
}

/// Message of an exception, with its causes: Node's `fetch` says `fetch failed` and hides why in `cause`.
pub fn describe(exception: &JsValue) -> String {
    const DEPTH: usize = 4;
    let mut text = String::new();
    let mut next = Some(exception.clone());
    for _ in 0..DEPTH {
        let Some(value) = next.take() else { break };
        let message = get_some(&value, "message").and_then(|m| m.as_string()).filter(|m| !m.is_empty());
        let part = message.or_else(|| get_some(&value, "code")?.as_string()).or_else(|| value.as_string());
        if let Some(part) = part.filter(|p| !text.contains(p.as_str())) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.extend(part.chars().take(300));
        }
        next = value.is_object().then(|| get_some(&value, "cause")).flatten();
    }
    if text.is_empty() { "unknown exception".into() } else { text }
}

/// The error for an exception of a callback: `code`, what failed, and the exception as its cause.
pub fn exception(code: Code, what: &str, exception: JsValue) -> Error {
    Error::new(code, format!("{what}: {}", describe(&exception))).with_cause(Rc::new(exception))
}
