//! Errors as the plain objects from which the package's TypeScript makes its `OcipeekError`.

use js_sys::{Object, Uint8Array};
use wasm_bindgen::JsValue;

use super::js;
use crate::error::{Code, Error, Result};

/// `{code, message, reference?, digest?, path?, offset?, limit?, status?, retryAfter?, cause?}`.
pub fn to_js(error: &Error) -> JsValue {
    let out = Object::new();
    js::set(&out, "code", error.code().as_str());
    js::set(&out, "message", message(error));
    if let Some(reference) = error.reference() {
        js::set(&out, "reference", reference);
    }
    if let Some(digest) = error.digest() {
        js::set(&out, "digest", digest);
    }
    if let Some(path) = error.path() {
        js::set(&out, "path", Uint8Array::from(path));
    }
    if let Some(offset) = error.offset() {
        js::set(&out, "offset", offset as f64);
    }
    if let Some(limit) = error.limit_name() {
        js::set(&out, "limit", camel_case(limit));
    }
    if let Some(format) = error.format() {
        js::set(&out, "format", format);
    }
    if let Some(status) = error.status() {
        js::set(&out, "status", status);
    }
    if let Some(seconds) = error.retry_after() {
        js::set(&out, "retryAfter", seconds);
    }
    if let Some(cause) = error.cause().and_then(|cause| cause.downcast_ref::<JsValue>()) {
        js::set(&out, "cause", cause.clone());
    }
    out.into()
}

/// The error that JavaScript of the package threw as an `OcipeekError`; of anything else, that it failed.
#[cfg(feature = "reader")]
pub fn from_js(thrown: &JsValue) -> Error {
    const LIMITS: [&str; 8] = [
        "max_build_inflated",
        "max_entries",
        "max_idle_ms",
        "max_name_bytes",
        "max_path_len",
        "max_spans",
        "max_tar_header_size",
        "max_ztoc_size",
    ];
    let text = |name| js::get_some(thrown, name).and_then(|v| v.as_string());
    let code = text("code").and_then(|code| Code::ALL.into_iter().find(|c| c.as_str() == code));
    let Some(code) = code else {
        return js::exception(Code::InvalidArgument, "the indexer failed", thrown.clone());
    };
    let message = text("message").unwrap_or_default();
    let message = message.strip_prefix(code.as_str()).and_then(|m| m.strip_prefix(": ")).unwrap_or(&message);
    let error = Error::new(code, message).with_cause(std::rc::Rc::new(thrown.clone()));
    let limit = text("limit").and_then(|limit| LIMITS.into_iter().find(|name| camel_case(name) == limit));
    limit.into_iter().fold(error, Error::with_limit)
}

/// The message, with the limit's name as JavaScript spells it.
fn message(error: &Error) -> String {
    let text = error.to_string();
    match error.limit_name() {
        Some(name) => text.replace(&format!("{name} = "), &format!("{} = ", camel_case(name))),
        None => text,
    }
}

/// `max_span_size` as JavaScript spells it: `maxSpanSize`.
pub fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (i, word) in name.split('_').enumerate() {
        let (first, rest) = word.split_at(word.len().min(1));
        if i == 0 {
            out.push_str(first);
        } else {
            out.push_str(&first.to_ascii_uppercase());
        }
        out.push_str(rest);
    }
    out
}

/// `INVALID_ARGUMENT` for an argument named `name`.
pub fn invalid(name: &str, want: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("{name} must be {want}"))
}

/// A result with the error as its JavaScript object.
pub fn js_result<T>(result: Result<T>) -> Result<T, JsValue> {
    result.map_err(|e| to_js(&e))
}
