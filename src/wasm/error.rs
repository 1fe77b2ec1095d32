//! Errors as the plain objects from which the package's TypeScript makes its `OcipeekError`.

use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::JsValue;

use super::js;
use crate::error::{Code, Error, Remedy, Result};
#[cfg(feature = "js-reader")]
use crate::limits::Limits;

/// `{code, what, reference?, digest?, path?, offset?, limit?, allowed?, status?, retryAfter?, remedies?, cause?}`: what
/// happened, what it concerns and what would help, which the package words.
pub fn to_js(error: &Error) -> JsValue {
    let out = Object::new();
    js::set(&out, "code", error.code().as_str());
    js::set(&out, "what", error.message());
    js::set_some(&out, "reference", error.reference());
    js::set_some(&out, "digest", error.digest());
    js::set_some(&out, "path", error.path().map(Uint8Array::from));
    js::set_some(&out, "offset", error.offset().map(|n| n as f64));
    js::set_some(&out, "limit", error.limit_name().map(camel_case));
    js::set_some(&out, "allowed", error.limit_allows().map(|n| n as f64));
    js::set_some(&out, "status", error.status());
    js::set_some(&out, "retryAfter", error.retry_after());
    if !error.remedies().is_empty() {
        js::set(&out, "remedies", error.remedies().iter().map(remedy).collect::<Array>());
    }
    js::set_some(&out, "cause", error.cause().and_then(|cause| cause.downcast_ref::<JsValue>()).cloned());
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
#[cfg(feature = "js-reader")]
pub fn from_js(thrown: &JsValue) -> Error {
    let text = |name| js::get_some(thrown, name).and_then(|v| v.as_string());
    let code = text("code").and_then(|code| Code::ALL.iter().copied().find(|c| c.as_str() == code));
    let Some(code) = code else {
        return js::exception(Code::InvalidArgument, "the indexer failed", thrown.clone());
    };
    let error = Error::new(code, text("what").unwrap_or_default());
    let allowed = js::get_some(thrown, "allowed").as_ref().and_then(js::whole_number);
    let limit =
        text("limit").and_then(|limit| Limits::NAMES.iter().copied().find(|name| camel_case(name) == limit));
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
