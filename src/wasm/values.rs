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
        match limits.set(&snake_case(&name), number) {
            Some(true) => {}
            Some(false) => return Err(invalid(&name, "smaller")),
            None => return Err(Error::new(Code::InvalidArgument, format!("there is no limit {name:?}"))),
        }
    }
    Ok(limits)
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
