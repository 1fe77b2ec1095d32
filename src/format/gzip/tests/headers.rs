//! Headers of gzip members.

use super::make;
use crate::error::Code;
use crate::format::gzip::{HeaderParser, header_len};

fn header(extra: Option<&[u8]>, name: Option<&[u8]>, fhcrc: bool) -> Vec<u8> {
    let whole = make::member(b"", &[3, 0], extra, name, fhcrc);
    whole[..whole.len() - 10].to_vec()
}

#[test]
fn every_field_at_every_cut() {
    let long = vec![b'a'; 70_000];
    let mut headers = vec![header(None, None, false)];
    for extra in [None, Some(&b""[..]), Some(b"x"), Some(&long[..65_535])] {
        for name in [None, Some(&b""[..]), Some(b"layer.tar"), Some(&long)] {
            headers.extend([header(extra, name, false), header(extra, name, true)]);
        }
    }
    for h in headers {
        let mut followed = h.clone();
        followed.extend(b"data");
        assert_eq!(header_len(&followed).unwrap(), Some(h.len()));
        let cuts = (0..h.len()).step_by(1 + h.len() / 300).chain([h.len() - 1]);
        for cut in cuts {
            assert_eq!(header_len(&h[..cut]).unwrap(), None, "{cut} of {}", h.len());
            let mut parser = HeaderParser::new();
            assert_eq!(parser.push(&followed[..cut]).unwrap(), cut);
            assert!(!parser.is_done());
            assert_eq!(parser.push(&followed[cut..]).unwrap(), h.len() - cut);
            assert!(parser.is_done());
            assert_eq!(parser.push(b"more").unwrap(), 0);
        }
    }
}

#[test]
fn a_comment_after_the_name() {
    let mut h = header(None, Some(b"n"), false);
    h[3] |= 1 << 4;
    h.extend(b"comment\0");
    assert_eq!(header_len(&h).unwrap(), Some(10 + 2 + 8));
    h[3] &= !(1 << 3);
    assert_eq!(header_len(&h).unwrap(), Some(10 + 2), "then it is the comment that ends at the first zero");
}

#[test]
fn what_is_no_header() {
    let good = header(None, Some(b"n"), true);
    for (at, bad) in [(0, 0x1E), (1, 0x8A), (2, 7), (3, 0x2A), (3, 0x4A), (3, 0x8A), (5, 9), (12, 0), (13, 0)]
    {
        let mut h = good.clone();
        assert_ne!(h[at], bad);
        h[at] = bad;
        assert_eq!(header_len(&h).unwrap_err().code(), Code::CorruptLayer, "byte {at}");
    }
    assert_eq!(header_len(b"PK").unwrap_err().code(), Code::CorruptLayer);
    assert_eq!(header_len(b"").unwrap(), None);
}
