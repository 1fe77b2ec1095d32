//! The demo image of tests/fixtures (see its README): layers, zTOCs, and what its tars are known to hold.

use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use serde_json::Value;

/// The image's manifest.
pub const MANIFEST: &str = "sha256:42a11d5b53c278c4ef8a9c3c5f7ec51db200191ebab32732a1cac5c94cc36a96";

fn fixtures() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures"))
}

/// A blob of the layout.
pub fn blob(digest: &str) -> Vec<u8> {
    let hex = digest.strip_prefix("sha256:").unwrap();
    std::fs::read(fixtures().join("demo/blobs/sha256").join(hex)).unwrap()
}

fn json(digest: &str) -> Value {
    serde_json::from_slice(&blob(digest)).unwrap()
}

/// Layer digests, the lowest first.
pub fn layer_digests() -> Vec<String> {
    let manifest = json(MANIFEST);
    manifest["layers"].as_array().unwrap().iter().map(|l| l["digest"].as_str().unwrap().into()).collect()
}

/// A layer's tar.
pub fn tar(layer: &str) -> Vec<u8> {
    let bytes = blob(layer);
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes;
    }
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(&*bytes).read_to_end(&mut out).unwrap();
    out
}

/// A zTOC of a layer.
pub struct DemoZtoc {
    pub layer: String,
    pub digest: String,
    pub bytes: Vec<u8>,
    pub xattrs_disabled: bool,
}

/// The zTOCs of all SOCI indexes in the layout.
pub fn ztocs() -> Vec<DemoZtoc> {
    let mut out = Vec::new();
    let mut indexes = 0;
    for file in std::fs::read_dir(fixtures().join("demo/blobs/sha256")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let Ok(manifest) = serde_json::from_slice::<Value>(&bytes) else { continue };
        if !manifest["config"]["mediaType"].as_str().unwrap_or_default().contains("soci.index") {
            continue;
        }
        indexes += 1;
        for l in manifest["layers"].as_array().unwrap() {
            let note = |name: &str| l["annotations"][format!("com.amazon.soci.{name}")].as_str();
            if l["mediaType"] != "application/octet-stream" {
                continue;
            }
            let digest = l["digest"].as_str().unwrap();
            out.push(DemoZtoc {
                layer: note("image-layer-digest").unwrap().into(),
                digest: digest.into(),
                bytes: blob(digest),
                xattrs_disabled: note("disable-xattrs") == Some("true"),
            });
        }
    }
    assert_eq!((indexes, out.len()), (5, 30));
    out
}

/// What a layer's tar holds, made by another reader: one object an entry.
pub fn expected(layer: &str) -> Vec<Expected> {
    let file = std::fs::read(fixtures().join("demo.layers.jsonl.zst")).unwrap();
    let mut text = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&*file).unwrap().read_to_end(&mut text).unwrap();
    let lines = text.split(|&b| b == b'\n').filter(|l| !l.is_empty());
    lines.map(|l| Expected(serde_json::from_slice(l).unwrap())).filter(|e| e.0["layer"] == layer).collect()
}

/// One line of what is expected.
pub struct Expected(pub Value);

impl Expected {
    /// A string's bytes.
    pub fn bytes(&self, key: &str) -> Vec<u8> {
        match self.0[format!("{key}_b64")].as_str() {
            Some(b64) => decode(b64),
            None => self.0[key].as_str().unwrap_or_default().into(),
        }
    }
    pub fn number(&self, key: &str) -> u64 {
        self.0[key].as_u64().unwrap_or_default()
    }
    pub fn mtime_ns(&self) -> i128 {
        i128::from(self.0["mtime_ns"].as_i64().unwrap())
    }
    /// Sorted by name.
    pub fn xattrs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let map = self.0["xattrs"].as_object().into_iter().flatten();
        let mut all: Vec<_> = map.map(|(k, v)| (k.clone().into(), decode(v.as_str().unwrap()))).collect();
        all.sort();
        all
    }
}

pub fn decode(b64: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(b64).unwrap()
}
