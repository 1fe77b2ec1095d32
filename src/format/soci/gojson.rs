//! JSON as Go's `encoding/json` marshals the OCI image spec's types: their field order, maps sorted by key, `<`, `>` and
//! `&` escaped, no white space and no newline at the end.

use std::collections::BTreeMap;

use crate::format::oci::{Descriptor, Platform, base64};

/// An object or array in the making.
pub(super) struct Json {
    out: String,
    first: bool,
}

impl Json {
    pub fn new() -> Self {
        Json { out: String::new(), first: true }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    fn comma(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(',');
        }
    }

    fn group(&mut self, open: char, close: char, fill: impl FnOnce(&mut Json)) {
        self.out.push(open);
        self.first = true;
        fill(self);
        self.out.push(close);
        self.first = false;
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.quoted(key);
        self.out.push(':');
    }

    /// The object itself, or one in an array.
    pub fn object(&mut self, fill: impl FnOnce(&mut Json)) {
        self.comma();
        self.group('{', '}', fill);
    }

    /// A field that is an object.
    pub fn object_field(&mut self, key: &str, fill: impl FnOnce(&mut Json)) {
        self.key(key);
        self.group('{', '}', fill);
    }

    /// A field that is an array.
    pub fn array_field(&mut self, key: &str, fill: impl FnOnce(&mut Json)) {
        self.key(key);
        self.group('[', ']', fill);
    }

    /// A field that is a number.
    pub fn number(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        self.out.push_str(&value.to_string());
    }

    /// A field that is a string.
    pub fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        self.quoted(value);
    }

    /// A field that is a string, left out where empty.
    pub fn string_unless_empty(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            self.string(key, value);
        }
    }

    /// A field that is an array of strings, left out where empty.
    fn strings_unless_empty(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            self.array_field(key, |json| {
                for value in values {
                    json.comma();
                    json.quoted(value);
                }
            });
        }
    }

    /// `annotations`, left out where there are none.
    pub fn annotations(&mut self, annotations: &BTreeMap<String, String>) {
        if !annotations.is_empty() {
            self.object_field("annotations", |json| {
                for (key, value) in annotations {
                    json.string(key, value);
                }
            });
        }
    }

    /// The fields of a descriptor.
    pub fn descriptor(&mut self, d: &Descriptor) {
        self.string("mediaType", &d.media_type);
        self.string("digest", &d.digest.to_string());
        self.number("size", d.size);
        self.strings_unless_empty("urls", &d.urls);
        self.annotations(&d.annotations);
        if let Some(data) = d.data.as_ref().filter(|data| !data.is_empty()) {
            self.string("data", &base64::encode(data));
        }
        if let Some(platform) = &d.platform {
            self.object_field("platform", |json| json.platform(platform));
        }
        self.string_unless_empty("artifactType", d.artifact_type.as_deref());
    }

    fn platform(&mut self, p: &Platform) {
        self.string("architecture", &p.architecture);
        self.string("os", &p.os);
        self.string_unless_empty("os.version", p.os_version.as_deref());
        self.strings_unless_empty("os.features", &p.os_features);
        self.string_unless_empty("variant", p.variant.as_deref());
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    self.out.push_str(&format!("\\u{:04x}", u32::from(c)));
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        // Oracle: json.Marshal of Go 1.22 and later.
        let mut json = Json::new();
        json.object(|j| {
            j.string("a<b>&c", "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}\u{2028}\u{2029}é𝄞");
            j.array_field("empty", |_| {});
            j.number("n", -5);
        });
        let want = "{\"a\\u003cb\\u003e\\u0026c\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}\\u2028\\u2029é𝄞\",\
                    \"empty\":[],\"n\":-5}";
        assert_eq!(String::from_utf8(json.into_bytes()).unwrap(), want);
    }

    #[test]
    fn a_descriptor_has_all_its_fields_in_order() {
        let mut d = Descriptor::new("m", crate::format::oci::Digest::of(b""), 2);
        d.urls = vec!["https://a/?b&c".into(), "u".into()];
        d.annotations = [("b".to_owned(), "2".to_owned()), ("a".to_owned(), String::new())].into();
        d.data = Some(bytes::Bytes::from_static(b"{}"));
        d.artifact_type = Some("t".into());
        let mut platform = Platform::new("linux", "arm");
        (platform.variant, platform.os_version) = (Some("v7".into()), Some("1".into()));
        platform.os_features = vec!["f".into()];
        d.platform = Some(platform);
        let mut json = Json::new();
        json.object(|j| j.descriptor(&d));
        let digest = d.digest.to_string();
        let want = format!(
            "{{\"mediaType\":\"m\",\"digest\":\"{digest}\",\"size\":2,\"urls\":[\"https://a/?b\\u0026c\",\"u\"],\
             \"annotations\":{{\"a\":\"\",\"b\":\"2\"}},\"data\":\"e30=\",\"platform\":{{\"architecture\":\"arm\",\
             \"os\":\"linux\",\"os.version\":\"1\",\"os.features\":[\"f\"],\"variant\":\"v7\"}},\
             \"artifactType\":\"t\"}}"
        );
        assert_eq!(String::from_utf8(json.into_bytes()).unwrap(), want);
    }
}
