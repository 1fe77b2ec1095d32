//! Fixture zTOCs against the tars, and made ones with faults.

use super::*;
use crate::tar::compare_header;

use crate::tar::tests::{assert_entry, demo};

fn parse(bytes: Vec<u8>) -> Result<Ztoc> {
    Ztoc::parse(Bytes::from(bytes), &Limits::default())
}

#[test]
fn fixture_ztocs_tell_what_the_tars_hold() {
    for z in demo::ztocs() {
        let ztoc = parse(z.bytes).unwrap();
        let layer = demo::blob(&z.layer);
        ztoc.check_layer(layer.len() as u64).unwrap();
        assert_eq!(ztoc.check_layer(layer.len() as u64 + 1).unwrap_err().code(), Code::CorruptZtoc);
        assert_eq!((ztoc.version(), ztoc.build_tool()), (&b"0.9"[..], &b"AWS SOCI CLI v0.2"[..]));
        let tar = demo::tar(&z.layer);
        let (table, spans) = ztoc.into_parts();
        let want = demo::expected(&z.layer);
        assert_eq!(table.len(), want.len());
        for (e, want) in table.iter().zip(&want) {
            assert_entry(&e, want);
            let header = &tar[e.header_offset as usize..e.offset as usize];
            compare_header(header, &e, &Limits::default(), true).unwrap();
        }
        let mut at = 0;
        for i in 0..spans.len() {
            let input = spans.input(i).unwrap();
            let bytes = &layer[input.start as usize..input.end as usize];
            assert_eq!(spans.digest(i), Some(&crate::oci::Digest::of(bytes)));
            let output = spans.output(i).unwrap();
            assert_eq!(output.start, at);
            at = output.end;
            for probe in [output.start, (output.start + output.end) / 2, output.end - 1] {
                assert_eq!(spans.find(probe), Some(i));
            }
        }
        assert_eq!(spans.find(at), None);
    }
}
