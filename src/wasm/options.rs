//! The options of `open`, as the package's TypeScript hands them over.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::error::invalid;
use super::{js, values};
use crate::error::Result;
use crate::format::lazy::Reader;
use crate::image::{Indexer, OpenOptions, SociChoice};
use crate::limits::Limits;
use crate::net::registry::RegistryOptions;
use crate::source::{Cache, Target};

/// Plain values; functions are handed over beside them.
pub struct Options {
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// The platform where none is named.
    pub default_platform: Option<String>,
    /// A digest, or `none`; found by discovery where absent.
    pub soci_index: Option<String>,
    /// Whether what is merely attached is used.
    pub attached_index: bool,
    /// The name of a reader; chosen by what the image is where absent.
    pub reader: Option<String>,
    /// `build`: indexes of layers without one are built; `kept`: those that the cache keeps are used, whatever it is.
    pub index: Option<String>,
    /// Layers of up to so many bytes get no index.
    pub index_above: u64,
    /// Whether to verify; by default yes.
    pub verify: Option<bool>,
    /// The default ones, changed by their names in camel case.
    pub limits: Limits,
    /// Plain `http`, also to a registry that is not loopback.
    pub plain_http: bool,
    /// `https`, also to loopback.
    pub https_only: bool,
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
        Ok(Options {
            platform: option(&value, "platform", "a string", JsValue::as_string)?,
            default_platform: option(&value, "defaultPlatform", "a string", JsValue::as_string)?,
            soci_index: option(&value, "sociIndex", "a string", JsValue::as_string)?,
            attached_index: option(&value, "attachedIndex", "a boolean", JsValue::as_bool)?.unwrap_or(false),
            reader: option(&value, "reader", "a string", JsValue::as_string)?,
            index: option(&value, "index", "a string", JsValue::as_string)?,
            index_above: option(&value, "indexAbove", "a whole number", js::whole_number)?.unwrap_or(0),
            verify: option(&value, "verify", "a boolean", JsValue::as_bool)?,
            plain_http: option(&value, "plainHttp", "a boolean", JsValue::as_bool)?.unwrap_or(false),
            https_only: option(&value, "httpsOnly", "a boolean", JsValue::as_bool)?.unwrap_or(false),
            push: option(&value, "push", "a boolean", JsValue::as_bool)?.unwrap_or(false),
            token_hosts: strings(&value, "tokenHosts")?,
            mount_from: strings(&value, "mountFrom")?,
            limits: values::limits(&value)?,
        })
    }

    /// Options of a registry's client.
    pub fn registry_options(&self, limits: Limits) -> RegistryOptions {
        RegistryOptions {
            plain_http: self.plain_http,
            https_only: self.https_only,
            token_hosts: self.token_hosts.clone(),
            push: self.push,
            mount_from: self.mount_from.clone(),
            limits,
        }
    }

    /// Options of `Image::open`.
    pub fn open_options(
        &self,
        limits: Limits,
        cache: Option<Rc<dyn Cache>>,
        indexer: Option<Rc<dyn Indexer>>,
    ) -> Result<OpenOptions> {
        let platform = self.platform.as_deref().map(str::parse).transpose()?;
        let default_platform = self.default_platform.as_deref().map(str::parse).transpose()?;
        let reader = match self.reader.as_deref() {
            None => Reader::Auto,
            Some(name) => Reader::parse(name).ok_or_else(|| invalid("reader", "the name of a reader"))?,
        };
        let soci = match self.soci_index.as_deref() {
            None => SociChoice::Auto,
            Some("none") => SociChoice::None,
            Some(digest) => SociChoice::Digest(digest.parse()?),
        };
        Ok(OpenOptions {
            platform,
            default_platform,
            soci,
            attached_index: self.attached_index,
            verify: self.verify.unwrap_or(true),
            cache,
            tag: None,
            reader,
            indexer: indexer.filter(|_| self.index.as_deref() == Some("build")),
            index_above: self.index_above,
            kept_indexes: self.index.is_some().then_some(true),
            isolated: false,
            limits,
        })
    }
}

/// What names a manifest: a tag, or a digest `sha256:…`.
pub fn target(name: String) -> Result<Target> {
    if name.starts_with("sha256:") { Ok(Target::Digest(name.parse()?)) } else { Ok(Target::Tag(name)) }
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
