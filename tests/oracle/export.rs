//! Layers for other builds of the builder: `OCIPEEK_ORACLE_CASES=FOLDER` writes them, and the zTOCs that they must give.

use std::path::PathBuf;

use ocipeek::format::oci::Digest;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::compare;
use crate::gzip::{any_members, members};
use crate::tars::{any_files, tar};

const CASES: usize = 120;

#[test]
fn layers_for_wasm() {
    let folder = std::env::var_os("OCIPEEK_ORACLE_CASES").map(PathBuf::from);
    let mut runner = TestRunner::deterministic();
    let span_sizes = prop_oneof![1..500u64, 1..100_000u64];
    let case = (any_files(9, 60_000), 2usize..22, any_members(), span_sizes, 1..70_000usize);
    let cases = (0..CASES).map(|i| {
        let (files, zeros, how, span_size, piece) = case.new_tree(&mut runner).unwrap().current();
        let tar = tar(&files, zeros);
        let gzip = i % 8 != 0;
        let (layer, built) = if gzip {
            let layer = members(&tar.bytes, &how);
            let built = compare::gzip_layer(&layer, span_size, piece).0;
            (layer, built)
        } else {
            let built = compare::tar_layer(&tar.bytes, span_size, piece).0;
            (tar.bytes, built)
        };
        let (ztoc, digest) = built.to_bytes().unwrap();
        if let Some(folder) = &folder {
            std::fs::write(folder.join(format!("{i}.layer")), &layer).unwrap();
        }
        serde_json::json!({
            "layer": format!("{i}.layer"),
            "compression": if gzip { "gzip" } else { "none" },
            "spanSize": span_size,
            "piece": piece,
            "ztoc": digest.to_string(),
            "ztocSize": ztoc.len(),
            "layerDigest": Digest::of(&layer).to_string(),
            "layerSize": layer.len(),
            "diffId": built.diff_id.as_ref().map(ToString::to_string),
            "tarSize": built.tar_size,
            "archiveSize": built.archive_size,
            "spans": built.spans,
            "entries": files.len(),
            "needsXattrs": built.needs_xattrs,
        })
    });
    let cases = serde_json::Value::from_iter(cases);
    if let Some(folder) = folder {
        std::fs::write(folder.join("cases.json"), cases.to_string()).unwrap();
    }
}
