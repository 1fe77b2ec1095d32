//! The options of `open`, as the package's TypeScript hands them over.

use std::rc::Rc;

use js_sys::{Array, Object};
use wasm_bindgen::{JsCast, JsValue};

use super::error::invalid;
use super::js;
use crate::error::{Code, Error, Result};
use crate::image::{OpenOptions, SociChoice};
use crate::limits::Limits;
use crate::registry::RegistryOptions;
use crate::source::Cache;

/// Plain values; functions are handed over beside them.
#[derive(Default)]
pub struct Options {
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// A digest, or `none`; found by discovery where absent.
    pub soci_index: Option<String>,
    /// Whether to verify; by default yes.
    pub verify: Option<bool>,
    /// Limits by their names in camel case.
    pub limits: Vec<(String, u64)>,
    /// Allow plain `http` to a registry that is not loopback.
    pub plain_http: bool,
    /// Further hosts that may get the credentials as token service.
    pub token_hosts: Vec<String>,
    /// Ask for the right to push.
    pub push: bool,
    /// Repositories that blobs are mounted from.
    pub mount_from: Vec<String>,
}

impl Options {
    /// From a JavaScript object.
    pub fn from_js(value: JsValue) -> Result<Self> {
        let mut out = Options {
            platform: option(&value, "platform", "a string", JsValue::as_string)?,
            soci_index: option(&value, "sociIndex", "a string", JsValue::as_string)?,
            verify: option(&value, "verify", "a boolean", JsValue::as_bool)?,
            plain_http: option(&value, "plainHttp", "a boolean", JsValue::as_bool)?.unwrap_or(false),
            push: option(&value, "push", "a boolean", JsValue::as_bool)?.unwrap_or(false),
            token_hosts: strings(&value, "tokenHosts")?,
            mount_from: strings(&value, "mountFrom")?,
            ..Options::default()
        };
        let object = |v: &JsValue| v.is_object().then(|| Object::entries(v.unchecked_ref()));
        for entry in option(&value, "limits", "an object", object)?.unwrap_or_default().iter() {
            let entry: &Array = entry.unchecked_ref();
            let name = entry.get(0).as_string().unwrap_or_default();
            let number = js::whole_number(&entry.get(1))
                .ok_or_else(|| invalid(&format!("limits.{name}"), "a whole number that is not negative"))?;
            out.limits.push((name, number));
        }
        Ok(out)
    }

    /// The limits: the default ones, changed by name.
    pub fn limits(&self) -> Result<Limits> {
        let mut limits = Limits::default();
        for (name, value) in &self.limits {
            set_limit(&mut limits, name, *value)?;
        }
        Ok(limits)
    }

    /// What a registry's client wants.
    pub fn registry_options(&self, limits: Limits) -> RegistryOptions {
        RegistryOptions {
            plain_http: self.plain_http,
            token_hosts: self.token_hosts.clone(),
            push: self.push,
            mount_from: self.mount_from.clone(),
            limits,
        }
    }

    /// What `Image::open` wants.
    pub fn open_options(&self, limits: Limits, cache: Option<Rc<dyn Cache>>) -> Result<OpenOptions> {
        let platform = self.platform.as_deref().map(str::parse).transpose()?;
        let soci = match self.soci_index.as_deref() {
            None => SociChoice::Auto,
            Some("none") => SociChoice::None,
            Some(digest) => SociChoice::Digest(digest.parse()?),
        };
        Ok(OpenOptions { platform, soci, verify: self.verify.unwrap_or(true), cache, indexer: None, limits })
    }
}

/// A property, read by `read`; `None` where it is `undefined` or `null`.
fn option<T>(
    options: &JsValue,
    name: &str,
    want: &str,
    read: impl Fn(&JsValue) -> Option<T>,
) -> Result<Option<T>> {
    let Some(value) = js::get_some(options, name) else { return Ok(None) };
    read(&value).map(Some).ok_or_else(|| invalid(name, want))
}

fn strings(options: &JsValue, name: &str) -> Result<Vec<String>> {
    let list = option(options, name, "an array", |v| v.dyn_ref::<Array>().cloned())?.unwrap_or_default();
    list.iter().map(|item| item.as_string().ok_or_else(|| invalid(name, "strings"))).collect()
}

macro_rules! fields {
    ($limits:ident, $name:ident, $value:ident; $($field:ident)*) => {
        match snake_case($name).as_str() {
            $(stringify!($field) => $value.try_into().map(|value| $limits.$field = value).is_ok(),)*
            _ => return Err(Error::new(Code::InvalidArgument, format!("there is no limit {:?}", $name))),
        }
    };
}

/// `maxSpanSize` as Rust spells it: `max_span_size`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        match c {
            // No name has one.
            '_' => out.push('?'),
            c if c.is_ascii_uppercase() => out.extend(['_', c.to_ascii_lowercase()]),
            c => out.push(c),
        }
    }
    out
}

fn set_limit(limits: &mut Limits, name: &str, value: u64) -> Result<()> {
    let fits = fields!(limits, name, value;
        max_manifest_size max_json_values max_ztoc_size max_entries max_name_bytes max_path_len max_spans
        max_span_size max_whole_layer_size max_whole_layer_inflated max_build_layer_size max_build_inflated max_tar_header_size max_file_size
        span_cache_size max_range_request max_link_hops max_lookup_steps max_layers max_index_entries max_attempts
        max_idle_ms max_retry_after max_redirects max_referrers_pages max_range_overfetch max_zstd_window
        max_link_steps);
    if fits { Ok(()) } else { Err(invalid(name, "smaller")) }
}
