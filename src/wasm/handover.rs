//! A handover: what the base module gives in place of what it would open, where it takes the module of the other formats.
//!
//! It is `{why, known?}`: the error of builds without that module, and plain data from which that goes on, as the
//! property `known` of its host: `{told, grant?, isHttps?, dockerTypes?, index?, counters, requests}`.

use std::rc::Rc;

use bytes::Bytes;
use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::JsValue;

use super::descriptor::{descriptors, read_descriptors};
use super::options::target;
use super::{convert, error, js};
use crate::error::{Error, Result};
use crate::format::oci::Digest;
use crate::image::Told;
use crate::net::registry::Registry;
use crate::net::stats::Stats;
use crate::source::layout::{Layout, compressed};
use crate::source::{RawManifest, Target};

/// Where an image lies.
pub(super) enum Place {
    Registry(Rc<Registry>),
    Layout(Rc<Layout>),
}

/// Whether this is the module of the other formats: nobody goes on after it.
const IS_LAST: bool = cfg!(feature = "formats");

/// Of a compressed archive nothing is known but that.
pub(super) fn archive(source: &JsValue) -> Result<JsValue> {
    let name = js::get_some(source, "files").and_then(|files| js::get_some(&files, "name")?.as_string());
    elsewhere(compressed().with_reference(name.unwrap_or_default()), None)
}

/// Of an image that `place` holds, which is opened anew where it is an archive: what opening it cost is of use to nobody
/// then.
pub(super) fn image(
    source: &JsValue,
    why: Error,
    told: Told,
    place: &Place,
    stats: &Stats,
) -> Result<JsValue> {
    let known = Object::new();
    match place {
        _ if IS_LAST => return Err(why),
        Place::Registry(registry) => {
            let (is_https, docker_types) = registry.habits();
            js::set(&known, "grant", registry.grant().map(convert::grant));
            js::set(&known, "isHttps", is_https);
            js::set(&known, "dockerTypes", docker_types);
        }
        Place::Layout(layout) => match layout.raw_index() {
            Some(index) if js::get_some(source, "kind").is_some_and(|it| it == "url" || it == "folder") => {
                js::set(&known, "index", Uint8Array::from(&index[..]));
            }
            _ => return elsewhere(why, None),
        },
    }
    let list = Array::new();
    for (of, raw) in told.manifests {
        let name = match of {
            Target::Tag(tag) => tag,
            Target::Digest(digest) => digest.to_string(),
            Target::Only => String::new(),
        };
        let bytes = Uint8Array::from(&raw.bytes[..]);
        list.push(&Array::of3(&name.into(), &raw.media_type.into(), &bytes));
    }
    for (subject, of_type, found) in told.referrers {
        list.push(&Array::of3(&subject.to_string().into(), &of_type.into(), &descriptors(&found)?));
    }
    js::set(&known, "told", list);
    js::set(&known, "counters", convert::counters(stats));
    js::set(&known, "requests", convert::requests(stats)?);
    elsewhere(why, Some(known))
}

fn elsewhere(why: Error, known: Option<Object>) -> Result<JsValue> {
    if IS_LAST {
        return Err(why);
    }
    let out = Object::new();
    js::set(&out, "why", error::to_js(&why));
    js::set(&out, "known", known);
    Ok(out.into())
}

fn known(host: &JsValue, name: &str) -> Option<JsValue> {
    if IS_LAST { js::get_some(&js::get_some(host, "known")?, name) } else { None }
}

/// What opening was told in the base module.
pub(super) fn told(host: &JsValue) -> Result<Told> {
    let mut told = Told::default();
    if !IS_LAST {
        return Ok(told);
    }
    let list = known(host, "told").map(|list| Array::from(&list)).unwrap_or_default();
    let text = |value: JsValue| value.as_string().unwrap_or_default();
    for item in list.iter() {
        let item = Array::from(&item);
        let (name, of_type, what) = (text(item.get(0)), text(item.get(1)), item.get(2));
        if Array::is_array(&what) {
            told.referrers.push((name.parse()?, of_type, read_descriptors(&what)?));
            continue;
        }
        let of = if name.is_empty() { Target::Only } else { target(name)? };
        // What there is no memory for is asked for again.
        let Some(bytes) = js::bytes(&what) else { continue };
        let digest = Digest::of(&bytes);
        told.manifests.push((of, RawManifest { bytes, media_type: of_type, digest }));
    }
    Ok(told)
}

/// The `index.json` that the base module read.
pub(super) fn index(host: &JsValue) -> Option<Bytes> {
    js::bytes(&known(host, "index")?)
}

/// Lets a registry's client go on from where that of the base module was.
pub(super) fn resume(registry: &Registry, host: &JsValue) -> Result<()> {
    let flag = |name| known(host, name).map(|flag| flag.is_truthy());
    registry.take_habits(flag("isHttps"), flag("dockerTypes").unwrap_or(false));
    known(host, "grant").map_or(Ok(()), |grant| registry.resume(convert::read_grant(&grant)))
}
