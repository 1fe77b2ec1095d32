//! The demo image's layers, of which the reference made zTOCs.

use super::*;

/// The span size that a zTOC of the reference states.
fn span_size(ztoc: &[u8]) -> u64 {
    crate::format::ztoc::Ztoc::parse(ztoc.to_vec().into(), &Limits::default())
        .unwrap()
        .into_parts()
        .1
        .span_size()
}

#[test]
fn every_ztoc_equals_the_references() {
    let mut seen = std::collections::BTreeSet::new();
    for want in demo::ztocs() {
        if !seen.insert(want.digest.clone()) {
            continue;
        }
        let layer = demo::blob(&want.layer);
        let tar = demo::tar(&want.layer);
        for piece in [usize::MAX, 4093] {
            let built = build(&layer, compression(&layer), span_size(&want.bytes), piece).unwrap();
            let (bytes, digest) = built.to_bytes().unwrap();
            assert!(bytes == want.bytes, "{} of {}", want.digest, want.layer);
            assert_eq!(digest.to_string(), want.digest);
            assert_eq!(built.layer_digest.to_string(), want.layer);
            assert_eq!(built.diff_id, Some(Digest::of(&tar)));
            assert_eq!((built.layer_size, built.tar_size), (layer.len() as u64, tar.len() as u64));
            assert_eq!(built.size(), bytes.len() as u64);
            assert!(built.loads_in_reference);
            assert!(!want.xattrs_disabled || !built.needs_xattrs);
        }
    }
    // Six layers at 128 KiB and at 4 MiB.
    assert_eq!(seen.len(), 12);
}
