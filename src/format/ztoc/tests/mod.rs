//! Fixture zTOCs against the tars, and made ones with faults.

use super::*;
use crate::format::tar::compare_header;
use crate::format::tar::tests::assert_entry;
use crate::turns::tests::EachStep;

mod entries;
mod hostile;
mod made_spans;

use test_support::demo;
use test_support::ztoc_builder::{self as builder, File, Ztoc as Spec};

fn parse(bytes: Vec<u8>) -> Result<Ztoc> {
    Ztoc::parse(Bytes::from(bytes), &Limits::default())
}

/// The message of the `CORRUPT_ZTOC` that must come of it.
fn corrupt(spec: &Spec, files: &[File]) -> String {
    let e = parse(spec.build(files)).unwrap_err();
    assert_eq!(e.code(), Code::CorruptZtoc, "{e}");
    e.to_string()
}

#[test]
fn long_tables_are_read_in_turns() {
    for z in demo::ztocs() {
        let mut turns = EachStep::default();
        let limits = Limits::default();
        let ztoc = at_once(Ztoc::parse_in_turns(z.bytes.clone().into(), &limits, &mut turns)).unwrap();
        let (table, _) = ztoc.into_parts();
        // Each entry is met by two passes.
        assert_eq!(turns.0, 2 * (table.len() / 128), "{} entries", table.len());
        let (other, _) = parse(z.bytes).unwrap().into_parts();
        let shown = |table: &EntryTable| table.iter().map(|e| format!("{e:?}")).collect::<Vec<_>>();
        assert_eq!(shown(&table), shown(&other));
    }
}

#[test]
fn fixture_ztocs_tell_what_the_tars_hold() {
    for z in demo::ztocs() {
        let ztoc = parse(z.bytes).unwrap();
        let layer = demo::blob(&z.layer);
        ztoc.check_layer(layer.len() as u64).unwrap();
        assert_eq!(ztoc.check_layer(layer.len() as u64 + 1).unwrap_err().code(), Code::CorruptZtoc);
        assert_eq!((ztoc.version(), ztoc.build_tool()), (&b"0.9"[..], &b"AWS SOCI CLI v0.2"[..]));
        let uncompressed = ztoc.uncompressed_size();
        let tar = demo::tar(&z.layer);
        let (table, spans) = ztoc.into_parts();
        let want = demo::expected(&z.layer);
        assert_eq!(table.len(), want.len());
        for (e, want) in table.iter().zip(&want) {
            assert_entry(&e, want);
            let header = &tar[e.header_offset as usize..e.offset as usize];
            compare_header(header, &e, &Limits::default(), !z.xattrs_disabled).unwrap();
        }
        let mut at = 0;
        assert_eq!(spans.input(0).unwrap().start > 0, spans.compression() == Compression::Gzip);
        for i in 0..spans.len() {
            let input = spans.input(i).unwrap();
            let bytes = &layer[input.start as usize..input.end as usize];
            assert_eq!(spans.digest(i), Some(&crate::format::oci::Digest::of(bytes)));
            let output = spans.output(i).unwrap();
            assert_eq!(output.start, at);
            at = output.end;
            for probe in [output.start, (output.start + output.end) / 2, output.end - 1] {
                assert_eq!(spans.find(probe), Some(i));
            }
            // The window is the output before the span.
            let start = spans.start(i).unwrap();
            let before = &tar[..output.start as usize];
            let tail = &before[before.len().saturating_sub(start.window.len())..];
            assert!(start.window.ends_with(tail));
            assert!(i == 0 || spans.compression() == Compression::Uncompressed || !tail.is_empty());
        }
        let is_tar = spans.compression() == Compression::Uncompressed;
        assert_eq!(at, if is_tar { layer.len() as u64 } else { uncompressed });
        assert_eq!(spans.find(at), None);
        assert!(spans.output(spans.len()).is_none() && spans.input(usize::MAX).is_none());
        assert!(!spans.is_v1_first());
    }
}

/// Three spans, two files.
fn small() -> (Spec, Vec<File>) {
    let spec = Spec::gzip(9000, 20480, &[(18, 0, 0), (3000, 5000, 3), (6000, 10000, 0)]);
    (spec, vec![File::new("a", 512, 6000), File::new("b", 7168, 12000)])
}
