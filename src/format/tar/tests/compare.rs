//! Headers against entries: what is altered must be refused.

use super::*;
use crate::error::Code;

#[test]
fn fixture_headers_are_accepted_by_themselves() {
    let limits = Limits::default();
    for layer in demo::layer_digests() {
        let tar = demo::tar(&layer);
        for e in walk(&tar).iter() {
            let header = &tar[e.header_offset as usize..e.offset as usize];
            compare_header(header, &e, &limits, true).unwrap();
        }
    }
}

/// Every way to alter one field of an entry, with the field's name.
fn altered<'a>(e: Entry<'a>, xattrs: &'a [u8]) -> Vec<(&'static str, Entry<'a>)> {
    let later = e.mtime.map(|m| Mtime { secs: m.secs + 1, ..m });
    let finer = e.mtime.map(|m| Mtime { nanos: (m.nanos + 1) % 1_000_000_000, ..m });
    let kind = if e.kind == Kind::Regular { Kind::Fifo } else { Kind::Regular };
    let mut out = vec![
        ("name", Entry { name: b"other", ..e }),
        ("name", Entry { name: &e.name[..e.name.len() - 1], ..e }),
        ("type", Entry { kind, ..e }),
        ("size", Entry { size: e.size + 1, ..e }),
        ("mode", Entry { mode: e.mode ^ 0o4000, ..e }),
        ("uid", Entry { uid: e.uid ^ 1, ..e }),
        ("gid", Entry { gid: e.gid ^ (1 << 31), ..e }),
        ("uname", Entry { uname: b"nobody", ..e }),
        ("gname", Entry { gname: b"nogroup", ..e }),
        ("mtime", Entry { mtime: later, ..e }),
        ("mtime", Entry { mtime: finer, ..e }),
        ("mtime", Entry { mtime: None, ..e }),
        ("link name", Entry { link_name: b"/etc/shadow", ..e }),
        ("device", Entry { dev_major: e.dev_major + 1, ..e }),
        ("device", Entry { dev_minor: e.dev_minor ^ 1, ..e }),
        ("xattrs", Entry { xattrs: Xattrs(xattrs), ..e }),
    ];
    if !e.xattrs.is_empty() {
        out.push(("xattrs", Entry { xattrs: Xattrs::default(), ..e }));
    }
    out
}

#[test]
fn altered_entries_are_refused() {
    let limits = Limits::default();
    let mut xattr = Vec::new();
    Xattrs::encode(&mut xattr, b"security.capability", b"all");
    let (mut refused, mut far) = (0, 0);
    for layer in demo::layer_digests() {
        let tar = demo::tar(&layer);
        for e in walk(&tar).iter() {
            let header = &tar[e.header_offset as usize..e.offset as usize];
            for (field, other) in altered(e, &xattr) {
                let time_past_text = field == "mtime" && other.mtime.is_none();
                match compare_header(header, &other, &limits, true) {
                    Ok(()) if time_past_text => far += 1,
                    result => {
                        let error = result.unwrap_err();
                        assert_eq!((error.code(), error.path()), (Code::CorruptLayer, Some(other.name)));
                        assert!(error.message().contains(&format!("its {field} ")), "{error}");
                        refused += 1;
                    }
                }
            }
            // Attributes count only where they are asked for; the upper half of a number never does.
            compare_header(header, &Entry { xattrs: Xattrs(&xattr), ..e }, &limits, false).unwrap();
            compare_header(header, &Entry { uid: e.uid | (1 << 40), ..e }, &limits, true).unwrap();
        }
    }
    assert!(refused > 3193 * 15 && far == 0, "{refused} {far}");
}

#[test]
fn order_of_attributes_means_nothing() {
    let tar =
        [pax(b'x', &[("SCHILY.xattr.b", b"2"), ("SCHILY.xattr.a", b"1")]), member(|_| {}, b"")].concat();
    let table = walk(&tar);
    let e = table.get(0).unwrap();
    let mut turned = Vec::new();
    Xattrs::encode(&mut turned, b"b", b"2");
    Xattrs::encode(&mut turned, b"a", b"1");
    let limits = Limits::default();
    compare_header(&tar, &Entry { xattrs: Xattrs(&turned), ..e }, &limits, true).unwrap();
    Xattrs::encode(&mut turned, b"a", b"1");
    assert!(compare_header(&tar, &Entry { xattrs: Xattrs(&turned), ..e }, &limits, true).is_err());
}

#[test]
fn a_time_that_text_cannot_hold_may_be_missing() {
    for (mtime, may) in [
        ("253402300800", true),
        ("9223372036854775807", true),
        ("-62167219201", true),
        // The last day of 9999 where the builder's clock is ahead.
        ("253402300799", true),
        ("253402000000", false),
        ("0", false),
    ] {
        let tar = [pax(b'x', &[("mtime", mtime.as_bytes())]), member(|_| {}, b"")].concat();
        let table = walk(&tar);
        let e = Entry { mtime: None, ..table.get(0).unwrap() };
        assert_eq!(compare_header(&tar, &e, &Limits::default(), true).is_ok(), may, "{mtime}");
    }
}

#[test]
fn content_must_begin_where_the_header_ends() {
    let tar = [pax(b'x', &[("path", b"p")]), member(|_| {}, b"content")].concat();
    let table = walk(&tar);
    let e = table.get(0).unwrap();
    let limits = Limits::default();
    compare_header(&tar[..1536], &e, &limits, true).unwrap();
    for len in 0..1536 {
        let error = compare_header(&tar[..len], &e, &limits, true).unwrap_err();
        assert!(error.message().contains("begins inside its tar header"), "{len}: {error}");
    }
    let error = compare_header(&tar, &e, &limits, true).unwrap_err();
    assert!(error.message().contains("does not begin where"), "{error}");
    let error = compare_header(&[0; 1536], &e, &limits, true).unwrap_err();
    assert!(error.message().contains("behind the end"), "{error}");
    let error = compare_header(&[7; 1536], &e, &limits, true).unwrap_err();
    assert_eq!((error.path(), error.offset()), (Some(&b"p"[..]), Some(0)));
}
