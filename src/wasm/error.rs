//! Errors as the plain objects from which the package's TypeScript makes its `OcipeekError`.

use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::JsValue;

use super::js;
use crate::error::{Code, Error, Remedy, Result};

/// `{code, what, reference?, digest?, path?, offset?, limit?, allowed?, status?, retryAfter?, remedies?, cause?}`: what
/// happened, what it concerns and what would help, which the package words.
pub fn to_js(error: &Error) -> JsValue {
    let out = Object::new();
    js::set(&out, "code", error.code().as_str());
    js::set(&out, "what", error.message());
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
    if let Some(allowed) = error.limit_allows() {
        js::set(&out, "allowed", allowed as f64);
    }
    if let Some(status) = error.status() {
        js::set(&out, "status", status);
    }
    if let Some(seconds) = error.retry_after() {
        js::set(&out, "retryAfter", seconds);
    }
    if !error.remedies().is_empty() {
        js::set(&out, "remedies", error.remedies().iter().map(remedy).collect::<Array>());
    }
    if let Some(cause) = error.cause().and_then(|cause| cause.downcast_ref::<JsValue>()) {
        js::set(&out, "cause", cause.clone());
    }
    out.into()
}

/// `{kind, to?, format?}`.
fn remedy(remedy: &Remedy) -> JsValue {
    let out = Object::new();
    js::set(&out, "kind", remedy.as_str());
    match remedy {
        Remedy::RaiseLimit(to) => js::set(&out, "to", *to as f64),
        Remedy::OtherBuild(format) => js::set(&out, "format", *format),
        _ => {}
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
    let error = Error::new(code, text("what").unwrap_or_default());
    let allowed = js::get_some(thrown, "allowed").as_ref().and_then(js::whole_number);
    let limit = text("limit").and_then(|limit| LIMITS.into_iter().find(|name| camel_case(name) == limit));
    let error = match (limit, allowed) {
        (Some(name), Some(allowed)) => {
            error.with_limit(name, allowed).with_remedy(Remedy::RaiseLimit(allowed))
        }
        (Some(name), None) => error.with_limit_name(name),
        _ => error,
    };
    error.with_cause(std::rc::Rc::new(thrown.clone()))
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
