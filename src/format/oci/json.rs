//! JSON from outside as a tree that is then read with checks.
//!
//! One tree rather than one derived type per document: duplicate keys are refused everywhere (readers
//! differ on which of two wins, and images can be built to show each reader another face), errors say
//! where in the document they are, memory is bounded, and the .wasm holds one instance of the parser.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::sort::heap_sort;

/// Any JSON value.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A whole number, written without fraction and exponent.
    Whole(u64),
    /// A negative one.
    Negative(i64),
    /// Any other number.
    Number,
    String(String),
    Array(Vec<Json>),
    /// Sorted by key; keys are unique.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses a document of at most `max_manifest_size` bytes and `max_json_values` values. `what` names it
    /// in errors, e.g. `image manifest`.
    pub(crate) fn parse(bytes: &[u8], what: &str, limits: &Limits) -> Result<Json> {
        Limits::check("max_manifest_size", bytes.len() as u64, limits.max_manifest_size)?;
        let left = Cell::new(Some(limits.max_json_values));
        read(bytes, Tree { left: &left, only: None }).map_err(|e| {
            if left.get().is_none() {
                return Error::limit(
                    "max_json_values",
                    limits.max_json_values.saturating_add(1),
                    limits.max_json_values,
                );
            }
            Error::new(Code::CorruptManifest, format!("the {what} is not valid JSON: {e}"))
        })
    }

    /// The fields `only` of the object that `bytes` hold, with empty arrays and objects in them: all of it is
    /// looked over, but not built, as a hostile document may take many times its size. `None` where it is no JSON.
    pub(crate) fn outline(bytes: &[u8], only: &[&str]) -> Option<Json> {
        read(bytes, Tree { left: &Cell::new(Some(u64::MAX)), only: Some(only) }).ok()
    }

    /// A cursor at the root; `what` names the document in errors.
    pub(crate) fn root<'a>(&'a self, what: &'a str) -> Node<'a> {
        Node { json: self, parent: None, step: Step::Root(what) }
    }
}

fn read(bytes: &[u8], tree: Tree<'_>) -> serde_json::Result<Json> {
    let mut de = serde_json::Deserializer::from_slice(bytes);
    let json = tree.deserialize(&mut de)?;
    de.end()?;
    Ok(json)
}

/// Builds a tree; `left` counts down the values that it may still have, `None` once it had too many.
#[derive(Clone, Copy)]
struct Tree<'a> {
    left: &'a Cell<Option<u64>>,
    /// In an outline, the fields to keep of this object; arrays in it stay empty.
    only: Option<&'a [&'a str]>,
}

impl Tree<'_> {
    /// What builds the values in this one.
    fn inner(self) -> Self {
        Tree { only: self.only.map(|_| &[][..]), ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.left.set(self.left.get().and_then(|n| n.checked_sub(1)));
        if self.left.get().is_none() {
            return Err(D::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Json, E> {
        Ok(Json::Bool(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Json, E> {
        Ok(Json::Whole(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Json, E> {
        Ok(u64::try_from(v).map_or(Json::Negative(v), Json::Whole))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }
    fn visit_str<E>(self, v: &str) -> Result<Json, E> {
        Ok(Json::String(v.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.inner())? {
            if self.only.is_none() {
                items.push(item);
            }
        }
        items.shrink_to_fit();
        Ok(Json::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        // A key is read as a value is, which spares serde's reader of strings and all its messages.
        let any = Tree { left: &Cell::new(Some(u64::MAX)), only: None };
        while let Some(key) = map.next_key_seed(any)? {
            let Json::String(key) = key else { continue };
            let value = map.next_value_seed(self.inner())?;
            if self.only.is_none_or(|only| only.contains(&key.as_str())) {
                fields.push((key, value));
            }
        }
        fields.shrink_to_fit();
        heap_sort(&mut fields, |a, b| a.0 < b.0);
        if let Some(twice) = fields.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(A::Error::custom(format_args!("the key {} occurs twice", shown(&twice[0].0))));
        }
        Ok(Json::Object(fields))
    }
}

/// A value and the way to it from the root, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    json: &'a Json,
    parent: Option<&'a Node<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root(&'a str),
    Key(&'static str),
    Index(usize),
}

impl<'a> Node<'a> {
    /// A `CORRUPT_MANIFEST` that says where this value is and what is wrong with it.
    pub(crate) fn wrong(&self, what: &str) -> Error {
        self.error(Code::CorruptManifest, what)
    }

    /// An error of any code that says where this value is.
    pub(crate) fn error(&self, code: Code, what: &str) -> Error {
        Error::new(code, format!("{self} {what}"))
    }

    /// The field `key` of an object; `None` where it is missing or null.
    pub(crate) fn get<'n>(&'n self, key: &'static str) -> Result<Option<Node<'n>>> {
        let fields = self.fields()?;
        let Ok(i) = fields.binary_search_by(|f| f.0.as_str().cmp(key)) else { return Ok(None) };
        Ok(match &fields[i].1 {
            Json::Null => None,
            json => Some(Node { json, parent: Some(self), step: Step::Key(key) }),
        })
    }

    /// The field `key` of an object, which must be there.
    pub(crate) fn need<'n>(&'n self, key: &'static str) -> Result<Node<'n>> {
        self.get(key)?.ok_or_else(|| self.wrong(&format!("has no `{key}`")))
    }

    /// Whether an object has the field, even as null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.fields().is_ok_and(|fields| fields.binary_search_by(|f| f.0.as_str().cmp(key)).is_ok())
    }

    /// The fields of an object, sorted by key.
    pub(crate) fn fields(&self) -> Result<&'a [(String, Json)]> {
        match self.json {
            Json::Object(fields) => Ok(fields),
            _ => Err(self.wrong("must be an object")),
        }
    }

    /// Refuses keys that differ from one of `known` only in case: Go's JSON reader, which most container
    /// tools use, takes them for the same, so such a document means two things.
    pub(crate) fn refuse_lookalikes(&self, known: &[&str]) -> Result<()> {
        for (key, _) in self.fields()? {
            if let Some(k) = known.iter().find(|k| **k != key.as_str() && folds_to(key, k)) {
                return Err(self.wrong(&format!("has a key {} that some readers take for `{k}`", shown(key))));
            }
        }
        Ok(())
    }

    /// The items of an array.
    pub(crate) fn items<'n>(&'n self) -> Result<impl ExactSizeIterator<Item = Node<'n>>> {
        let Json::Array(items) = self.json else { return Err(self.wrong("must be an array")) };
        let node = move |(i, json)| Node { json, parent: Some(self), step: Step::Index(i) };
        Ok(items.iter().enumerate().map(node))
    }

    /// A string.
    pub(crate) fn str(&self) -> Result<&'a str> {
        match self.json {
            Json::String(s) => Ok(s),
            _ => Err(self.wrong("must be a string")),
        }
    }

    /// A whole number that fits Go's int64, from 0.
    pub(crate) fn whole(&self) -> Result<u64> {
        match self.json {
            Json::Whole(n) if i64::try_from(*n).is_ok() => Ok(*n),
            _ => Err(self.wrong("must be a whole number from 0 to 2^63 - 1")),
        }
    }

    /// A whole number of either sign.
    pub(crate) fn integer(&self) -> Result<i64> {
        match self.json {
            Json::Negative(n) => Ok(*n),
            _ => self.whole().map(u64::cast_signed),
        }
    }

    /// True or false.
    pub(crate) fn bool(&self) -> Result<bool> {
        match self.json {
            Json::Bool(b) => Ok(*b),
            _ => Err(self.wrong("must be true or false")),
        }
    }

    /// An array of strings. A null among them is left out, as a null for the whole array is.
    pub(crate) fn strings(&self) -> Result<Vec<String>> {
        let given = self.items()?.filter(|item| !item.is_null());
        given.map(|item| item.str().map(str::to_owned)).collect()
    }

    /// The field `key` as a string; `None` where it is missing, null or empty.
    pub(crate) fn get_str(&self, key: &'static str) -> Result<Option<&'a str>> {
        let Ok(i) = self.fields()?.binary_search_by(|f| f.0.as_str().cmp(key)) else { return Ok(None) };
        match &self.fields()?[i].1 {
            Json::Null => Ok(None),
            Json::String(s) => Ok((!s.is_empty()).then_some(s)),
            _ => Err(self.wrong(&format!("has a `{key}` that is not a string"))),
        }
    }

    /// Whether this is null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.json, Json::Null)
    }

    /// Whether this is a string.
    pub(crate) fn is_str(&self) -> bool {
        matches!(self.json, Json::String(_))
    }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, f)?;
        }
        match self.step {
            Step::Root(what) => write!(f, "the {what}"),
            Step::Key(key) if matches!(self.parent, Some(Node { step: Step::Root(_), .. })) => {
                write!(f, ": {key}")
            }
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(i) => write!(f, "[{i}]"),
        }
    }
}

/// Whether Go's `encoding/json` matches `key` with the field `name`: equal under simple Unicode case
/// folding, by which also U+017F and U+212A fold to ASCII letters.
fn folds_to(key: &str, name: &str) -> bool {
    key.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .eq(name.chars().map(|c| c.to_ascii_lowercase()))
}

/// Text from outside for an error: quoted, control characters escaped, at most 80 characters.
pub(crate) fn shown(s: &str) -> String {
    let mut out: String = s.chars().take(80).collect();
    if out.len() < s.len() {
        out.push('…');
    }
    format!("{out:?}")
}

#[cfg(test)]
mod tests;
