//! Whole gzip streams.

use super::{make, zlib};
use crate::error::{Code, Error, Result};
use crate::format::gzip::GzipDecoder;
use crate::limits::Limits;
use proptest::prelude::*;

/// What comes out until the end or an error, pushed in pieces of these lengths over and over.
fn decode(gz: &[u8], pieces: &[usize], limits: &Limits) -> (Vec<u8>, Result<()>) {
    let (mut decoder, mut out, mut at) = (GzipDecoder::new(limits), Vec::new(), 0);
    for piece in pieces.iter().cycle() {
        let end = (at + piece).min(gz.len());
        let pushed = decoder.push(&gz[at..end], &mut |made| {
            assert!(!made.is_empty() && made.len() <= 96 << 10);
            out.extend_from_slice(made);
            Ok(())
        });
        if let Err(e) = pushed {
            let again = decoder.push(b"x", &mut |_| Ok(())).expect_err("an error stays");
            assert_eq!(again.code(), e.code());
            assert_eq!(decoder.finish().expect_err("an error stays").code(), e.code());
            return (out, Err(e));
        }
        at = end;
        if at == gz.len() {
            break;
        }
    }
    let end = decoder.finish();
    (out, end)
}

fn whole(gz: &[u8]) -> Result<Vec<u8>> {
    let (out, end) = decode(gz, &[usize::MAX >> 1], &Limits::default());
    end.map(|()| out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn as_zlib_whatever_the_pieces(
        members in prop::collection::vec((make::data(5), 0u32..10), 1..4),
        pieces in prop::collection::vec(1usize..5000, 1..6),
    ) {
        let gz: Vec<u8> = members.iter().flat_map(|(data, level)| make::gzip(data, *level)).collect();
        let expected = zlib(&gz);
        prop_assert!(whole(&gz).unwrap() == expected);
        let (out, end) = decode(&gz, &pieces, &Limits::default());
        end.unwrap();
        prop_assert!(out == expected);
    }

    #[test]
    fn broken_streams_give_the_same_whatever_the_pieces(
        data in make::data(3), at: u16, mask in 1u8.., pieces in prop::collection::vec(1usize..300, 1..4),
    ) {
        let mut gz = make::gzip(&data, 6);
        let at = usize::from(at) * gz.len() / 65_536;
        gz[at] ^= mask;
        let (out, end) = decode(&gz, &[usize::MAX >> 1], &Limits::default());
        let (out2, end2) = decode(&gz, &pieces, &Limits::default());
        prop_assert!(out == out2);
        let code = |r: Result<()>| r.map_err(|e| e.message().to_owned());
        prop_assert_eq!(code(end), code(end2));
    }
}

#[test]
fn what_follows_the_last_member_is_ignored_unless_it_is_one() {
    let gz = make::gzip(b"hello", 6);
    for tail in [&b""[..], &[0], &[0; 5000], b"junk", &[0x1F], &[0x1F, 0x1F, 0x8B], &[0, 0x1F, 0x8B, 8]] {
        let (mut all, pieces) = (gz.clone(), [1]);
        all.extend(tail);
        assert_eq!(whole(&all).unwrap(), b"hello");
        assert_eq!(decode(&all, &pieces, &Limits::default()).0, b"hello");
        decode(&all, &pieces, &Limits::default()).1.unwrap();
    }
    for tail in [&[0x1F, 0x8B][..], &[0x1F, 0x8B, 9], &make::gzip(b"more", 6)[..20]] {
        let mut all = gz.clone();
        all.extend(tail);
        assert_eq!(whole(&all).unwrap_err().code(), Code::CorruptLayer);
        assert!(decode(&all, &[1], &Limits::default()).0.starts_with(b"hello"));
    }
}

#[test]
fn cut_or_damaged_streams_are_errors() {
    let gz = make::gzip(&make::noise(1, 1000), 6);
    for len in 0..gz.len() {
        assert_eq!(whole(&gz[..len]).unwrap_err().code(), Code::CorruptLayer, "{len}");
    }
    for back in 1..=8 {
        let mut bad = gz.clone();
        let at = bad.len() - back;
        bad[at] ^= 1;
        let e = whole(&bad).unwrap_err();
        assert_eq!(e.message().contains("CRC-32"), back > 4, "{back}: {e}");
    }
    assert_eq!(whole(b"not gzip at all").unwrap_err().code(), Code::CorruptLayer);
}

#[test]
fn a_member_cannot_reach_into_the_one_before() {
    // A match of three bytes, one back, as a member's first symbol. CRC and length are as if it gave "aaa".
    let reaching = make::member(b"aaa", &[0x03, 0x02, 0x00], None, None, false);
    let gz = [make::gzip(b"a", 6), reaching].concat();
    let (out, end) = decode(&gz, &[7], &Limits::default());
    assert_eq!((out.as_slice(), end.unwrap_err().code()), (&b"a"[..], Code::CorruptLayer));
}

#[test]
fn output_is_limited_while_it_is_made() {
    let gz = make::gzip(&vec![0; 64 << 20], 9);
    assert!(gz.len() < 70_000);
    let limits = |max| Limits { max_whole_layer_inflated: max, ..Limits::default() };
    let (out, end) = decode(&gz, &[usize::MAX >> 1], &limits(1 << 20));
    let e = end.unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_whole_layer_inflated")));
    assert!(out.len() <= 1 << 20 && out.len() > (1 << 20) - (96 << 10));
    let exact = make::gzip(&vec![1; 300_000], 6);
    assert_eq!(decode(&exact, &[1000], &limits(300_000)).1.map_err(|e| e.code()), Ok(()));
    let (_, end) = decode(&exact, &[1000], &limits(299_999));
    assert_eq!(end.unwrap_err().code(), Code::LimitExceeded);
}

#[test]
fn the_sinks_error_stops_it() {
    let mut decoder = GzipDecoder::new(&Limits::default());
    let stop = |_: &[u8]| Err(Error::new(Code::Aborted, "stopped"));
    let e = decoder.push(&make::gzip(b"data", 6), &mut { stop }).unwrap_err();
    assert_eq!(e.code(), Code::Aborted);
    assert_eq!(decoder.finish().unwrap_err().code(), Code::Aborted);
}
