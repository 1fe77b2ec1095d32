//! The options of `open`, as the package's TypeScript hands them over.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;
use wasm_bindgen::JsValue;

use super::error::{camel_case, invalid};
use crate::error::{Code, Error, Result};
use crate::image::{OpenOptions, SociChoice};
use crate::limits::Limits;
use crate::registry::RegistryOptions;
use crate::source::Cache;

/// Plain values; functions are handed over beside them.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// A digest, or `none`; found by discovery where absent.
    pub soci_index: Option<String>,
    /// Whether to verify; by default yes.
    pub verify: Option<bool>,
    /// Limits by their names in camel case.
    pub limits: BTreeMap<String, f64>,
    /// Allow plain `http` to a registry that is not loopback.
    pub plain_http: bool,
    /// Further hosts that may get the credentials as token service.
    pub token_hosts: Vec<String>,
}

impl Options {
    /// From a JavaScript object.
    pub fn from_js(value: JsValue) -> Result<Self> {
        if value.is_undefined() {
            return Ok(Options::default());
        }
        serde_wasm_bindgen::from_value(value)
            .map_err(|e| Error::new(Code::InvalidArgument, format!("options: {e}")))
    }

    /// The limits: the default ones, changed by name.
    pub fn limits(&self) -> Result<Limits> {
        let mut limits = Limits::default();
        for (name, &value) in &self.limits {
            // The largest whole number that a double holds exactly.
            if !(0.0..=9_007_199_254_740_991.0).contains(&value) || value.fract() != 0.0 {
                return Err(invalid(&format!("limits.{name}"), "a whole number that is not negative"));
            }
            set_limit(&mut limits, name, value as u64)?;
        }
        Ok(limits)
    }

    /// What a registry's client wants.
    pub fn registry_options(&self, limits: Limits) -> RegistryOptions {
        RegistryOptions { plain_http: self.plain_http, token_hosts: self.token_hosts.clone(), limits }
    }

    /// What `Image::open` wants.
    pub fn open_options(&self, limits: Limits, cache: Option<Rc<dyn Cache>>) -> Result<OpenOptions> {
        let platform = self.platform.as_deref().map(str::parse).transpose()?;
        let soci = match self.soci_index.as_deref() {
            None => SociChoice::Auto,
            Some("none") => SociChoice::None,
            Some(digest) => SociChoice::Digest(digest.parse()?),
        };
        Ok(OpenOptions { platform, soci, verify: self.verify.unwrap_or(true), cache, limits })
    }
}

macro_rules! fields {
    ($limits:ident, $name:ident, $value:ident; $($field:ident)*) => {
        match $name {
            $(n if n == camel_case(stringify!($field)) => {
                $limits.$field = $value.try_into().map_err(|_| invalid($name, "smaller"))?;
            })*
            _ => return Err(Error::new(Code::InvalidArgument, format!("there is no limit {:?}", $name))),
        }
    };
}

fn set_limit(limits: &mut Limits, name: &str, value: u64) -> Result<()> {
    fields!(limits, name, value;
        max_manifest_size max_json_values max_ztoc_size max_entries max_name_bytes max_path_len max_spans
        max_span_size max_whole_layer_size max_whole_layer_inflated max_tar_header_size max_file_size
        span_cache_size max_range_request max_link_hops max_lookup_steps max_layers max_index_entries max_attempts
        max_idle_ms max_retry_after max_redirects max_referrers_pages max_range_overfetch max_zstd_window
        max_link_steps);
    Ok(())
}
