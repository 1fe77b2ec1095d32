//! Values as JavaScript has them, for both modules.

use js_sys::{Array, Object};
use serde::{Serialize, Serializer};
use serde_wasm_bindgen::Serializer as JsSerializer;
use wasm_bindgen::{JsCast, JsValue};

use super::error::invalid;
use super::js;
use crate::error::{Code, Error, Result};
use crate::format::tar::Kind;
use crate::limits::Limits;

/// As a JavaScript value: `None` is absent, maps are objects, 64-bit integers are `BigInt`.
pub fn to_js(value: &impl Serialize) -> Result<JsValue> {
    let serializer =
        JsSerializer::new().serialize_maps_as_objects(true).serialize_large_number_types_as_bigints(true);
    value
        .serialize(&serializer)
        .map_err(|e| Error::new(Code::Unsupported, format!("cannot be given to JavaScript: {e}")))
}

/// Bytes, which become a `Uint8Array`.
pub struct Raw<'a>(pub &'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(self.0)
    }
}

/// The name of a type, as the package's `EntryType` has it.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Regular | Kind::HardLink => "file",
        Kind::Symlink => "symlink",
        Kind::Directory => "directory",
        Kind::CharDevice => "char-device",
        Kind::BlockDevice => "block-device",
        Kind::Fifo => "fifo",
    }
}

/// The limits: the default ones, changed by those that the property `limits` names in camel case.
pub fn limits(options: &JsValue) -> Result<Limits> {
    let mut limits = Limits::default();
    let Some(named) = js::get_some(options, "limits") else { return Ok(limits) };
    if !named.is_object() {
        return Err(invalid("limits", "an object"));
    }
    for entry in Object::entries(named.unchecked_ref()).iter() {
        let entry: &Array = entry.unchecked_ref();
        let name = entry.get(0).as_string().unwrap_or_default();
        let number = js::whole_number(&entry.get(1))
            .ok_or_else(|| invalid(&format!("limits.{name}"), "a whole number that is not negative"))?;
        set_limit(&mut limits, &name, number)?;
    }
    Ok(limits)
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
        max_span_size max_whole_layer_size max_whole_layer_inflated
        max_build_layer_size max_build_inflated max_tar_header_size max_file_size
        span_cache_size max_range_request max_link_hops max_lookup_steps max_depth max_glob_steps max_layers
        max_index_entries max_attempts
        max_idle_ms max_cache_ms max_retry_after max_redirects max_referrers_pages max_range_overfetch max_zstd_window
        max_link_steps max_metadata_size max_directory_size max_disk_size max_zfile_blocks max_lsmt_segments
        max_streamed_layer_size max_streamed_layer_inflated);
    if fits { Ok(()) } else { Err(invalid(name, "smaller")) }
}
