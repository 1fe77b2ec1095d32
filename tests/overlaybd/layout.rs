//! Images of tests/fixtures/formats: their blobs, and what is expected of them.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ocipeek::format::oci::{Descriptor, Digest, ManifestDoc, media_type, parse_manifest};
use ocipeek::format::overlaybd::{Metadata, Source};
use ocipeek::limits::Limits;
use serde_json::Value;

const PREFIX: &str = "containerd.io/snapshot/overlaybd/turbo-oci/";

/// One of the layouts.
pub struct Layout(PathBuf);

impl Layout {
    /// The layout in folder `name`.
    pub fn open(name: &str) -> Layout {
        Layout(fixtures().join(name))
    }

    /// A blob by its digest.
    pub fn blob(&self, digest: &Digest) -> Bytes {
        let hex = digest.to_string().split_off("sha256:".len());
        std::fs::read(self.0.join("blobs/sha256").join(hex)).unwrap().into()
    }

    /// The manifest of its only image.
    pub fn manifest(&self) -> Bytes {
        let index: Value =
            serde_json::from_slice(&std::fs::read(self.0.join("index.json")).unwrap()).unwrap();
        self.blob(&index["manifests"][0]["digest"].as_str().unwrap().parse().unwrap())
    }

    /// The layers of its only image.
    pub fn layers(&self) -> Vec<Descriptor> {
        match parse_manifest(&self.manifest(), media_type::OCI_MANIFEST, &Limits::default()).unwrap() {
            ManifestDoc::Image(image) => image.layers,
            ManifestDoc::Index(_) => panic!("an index"),
        }
    }

    /// Its layers in memory.
    pub fn sources(&self) -> Vec<Source> {
        self.layers().into_iter().map(|layer| self.source(layer)).collect()
    }

    fn source(&self, descriptor: Descriptor) -> Source {
        let blob = self.blob(&descriptor.digest);
        let annotation =
            |name: &str| descriptor.annotations.iter().find(|(key, _)| **key == *name).map(|a| a.1);
        let Some(target) = annotation(&format!("{PREFIX}target-digest")) else {
            return Source { descriptor, data: blob, is_erofs: false, target: None };
        };
        let target: Digest = target.parse().unwrap();
        let Metadata { system, is_erofs, checkpoints } = Metadata::unpack(&blob, &Limits::default()).unwrap();
        let target =
            Descriptor { digest: target, size: self.blob(&target).len() as u64, ..descriptor.clone() };
        Source { descriptor, data: system, is_erofs, target: Some((target, checkpoints)) }
    }
}

/// Paths of the merged tree and what is expected of each.
pub fn expected() -> Vec<Value> {
    let text = std::fs::read(fixtures().join("expected.json")).unwrap();
    let mut all: Value = serde_json::from_slice(&text).unwrap();
    match all["merged"].take() {
        Value::Array(merged) => merged,
        _ => panic!("expected.json has no merged tree"),
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats")
}
