//! Ranges: right ones, wrong ones, broken ones.

use futures_executor::block_on;
use futures_util::StreamExt;
use ocipeek::error::Code;
use ocipeek::net::transport::Purpose;
use ocipeek::source::Source;

use crate::{noise, read, read_all, short};
use test_support::mock::{Mock, What};

const LEN: usize = 100_000;

#[test]
fn a_range_is_one_request() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    assert_eq!(block_on(read(&registry, &d, 1234..5678)).unwrap(), &data[1234..5678]);
    assert_eq!(block_on(read(&registry, &d, 9..9)).unwrap(), b"");
    assert_eq!(mock.seen()[0].header("accept-encoding"), Some("identity"));
    assert_eq!(mock.lines(), [format!("GET registry.test/v2/app/blobs/{} [1234-5677] 206", short(&d))]);
    let log = registry.stats().requests();
    assert_eq!(log.len(), 1);
    assert_eq!(
        (log[0].purpose, log[0].range.clone(), log[0].status, log[0].bytes),
        (Purpose::Range, Some(1234..5678), 206, 4444)
    );
    assert_eq!(log[0].target, format!("https://registry.test/v2/app/blobs/{}", d.digest));
    let e = block_on(read(&registry, &d, 5..100_001)).unwrap_err();
    assert_eq!(e.code(), Code::InvalidArgument);
    assert!(mock.lines().is_empty());
}

#[test]
fn whole_blobs_are_verified_and_bounded() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    assert_eq!(block_on(registry.blob(&d, "max_ztoc_size", 100_000)).unwrap(), data);
    let e = block_on(registry.blob(&d, "max_ztoc_size", 99_999)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_ztoc_size")));
    assert_eq!(mock.lines(), [format!("GET registry.test/v2/app/blobs/{} 200", short(&d))]);
    let mut inline = d.clone();
    inline.data = Some(data.clone());
    assert_eq!(block_on(registry.blob(&inline, "max_ztoc_size", 100_000)).unwrap(), data);
    assert_eq!(block_on(read(&registry, &inline, 7..99)).unwrap(), &data[7..99]);
    assert!(mock.lines().is_empty());
}

#[test]
fn a_flipped_bit_is_fetched_once_more() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    let line = format!("GET registry.test/v2/app/blobs/{} 200", short(&d));
    mock.fault("/blobs/", 1, What::Flip(777));
    assert_eq!(block_on(registry.blob(&d, "l", 1 << 20)).unwrap(), data);
    assert_eq!(mock.lines(), [line.clone(), line.clone()]);
    mock.fault("/blobs/", 9, What::Flip(777));
    let e = block_on(registry.blob(&d, "l", 1 << 20)).unwrap_err();
    assert_eq!(e.code(), Code::DigestMismatch);
    assert_eq!(e.digest(), Some(d.digest.to_string().as_str()));
    assert_eq!(mock.lines(), [line.clone(), line]);
}

#[test]
fn a_cut_range_is_resumed_where_it_broke() {
    for piece in [1, 999, 1 << 20] {
        let mock = Mock::new();
        mock.0.piece.set(piece);
        let data = noise(LEN);
        let d = mock.put_blob(data.clone());
        let registry = mock.registry();
        mock.fault("/blobs/", 1, What::Cut(30_000));
        mock.fault("/blobs/", 1, What::Short(1000));
        mock.fault("/blobs/", 1, What::Cut(0));
        mock.fault("/blobs/", 1, What::status(503));
        assert_eq!(block_on(read(&registry, &d, 10_000..60_000)).unwrap(), &data[10_000..60_000]);
        let get = format!("GET registry.test/v2/app/blobs/{}", short(&d));
        assert_eq!(
            mock.lines(),
            [
                format!("{get} [10000-59999] 206"),
                format!("{get} [40000-59999] 206"),
                format!("{get} [41000-59999] 206"),
                format!("{get} [41000-59999] 503"),
                format!("{get} [41000-59999] 206"),
            ]
        );
        // Progress starts the back-off anew; half of it is by chance (here: half of that).
        assert_eq!(mock.sleeps(), [225, 225, 450, 900]);
        assert_eq!(registry.stats().counters().retries, 4);
    }
}

#[test]
fn a_cut_whole_blob_is_resumed_by_a_range() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    let get = format!("GET registry.test/v2/app/blobs/{}", short(&d));
    mock.fault("/blobs/", 1, What::Cut(70_000));
    assert_eq!(block_on(read_all(&registry, &d)).unwrap(), data);
    assert_eq!(mock.lines(), [format!("{get} 200"), format!("{get} [70000-99999] 206")]);
    // Without Range support it is read again from the start, whatever max_range_overfetch is.
    let registry = mock.registry_with(|l| l.max_range_overfetch = 0);
    mock.fault("/blobs/", 1, What::Cut(70_000));
    mock.fault("/blobs/", 1, What::NoRange);
    assert_eq!(block_on(registry.blob(&d, "l", 1 << 20)).unwrap(), data);
    assert_eq!(mock.lines(), [format!("{get} 200"), format!("{get} [70000-99999] 200")]);
}

#[test]
fn it_gives_up_after_max_attempts() {
    let mock = Mock::new();
    let d = mock.put_blob(noise(LEN));
    let registry = mock.registry();
    mock.fault("/blobs/", 99, What::status(502));
    let e = block_on(read(&registry, &d, 0..10)).unwrap_err();
    assert_eq!((e.code(), e.status()), (Code::Network, Some(502)));
    assert_eq!(e.digest(), Some(d.digest.to_string().as_str()));
    assert_eq!(mock.lines().len(), 4);
    assert_eq!(mock.sleeps(), [225, 450, 900]);
    // One byte at a time is no way to go on for ever.
    let mock = Mock::new();
    let d = mock.put_blob(noise(LEN));
    mock.fault("/blobs/", 9999, What::Cut(1));
    let e = block_on(read(&mock.registry(), &d, 0..1000)).unwrap_err();
    assert_eq!((e.code(), e.offset()), (Code::Network, Some(16)));
    assert_eq!(mock.lines().len(), 16);
}

#[test]
fn too_many_requests_waits_as_long_as_it_says() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    let wait = |v: &str| What::Answer(429, vec![("retry-after", v.into())], String::new());
    mock.fault("/blobs/", 1, wait("7"));
    mock.fault("/blobs/", 1, wait("Sun, 01 Nov 2026 00:00:27 GMT"));
    assert_eq!(block_on(read(&registry, &d, 0..10)).unwrap(), &data[..10]);
    assert_eq!(mock.sleeps(), [7000, 20_000]);
    assert_eq!(mock.elapsed_ms(), 27_000);
    mock.lines();

    mock.fault("/blobs/", 1, wait("31"));
    let e = block_on(read(&registry, &d, 0..10)).unwrap_err();
    assert_eq!((e.code(), e.status(), e.retry_after()), (Code::RateLimited, Some(429), Some(31)));
    assert!(e.to_string().contains("max_retry_after = 30"), "{e}");
    assert_eq!((mock.lines().len(), mock.sleeps()), (1, vec![]));

    mock.fault("/blobs/", 99, wait("1"));
    let e = block_on(read(&registry, &d, 0..10)).unwrap_err();
    assert_eq!((e.code(), e.retry_after()), (Code::RateLimited, Some(1)));
    assert_eq!((mock.lines().len(), mock.sleeps()), (4, vec![1000, 1000, 1000]));
}

#[test]
fn ignored_ranges_are_read_through_only_so_far() {
    let data = noise(3 << 20);
    let mock = Mock::new();
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    mock.fault("/blobs/", 99, What::NoRange);
    assert_eq!(block_on(read(&registry, &d, 1000..5000)).unwrap(), &data[1000..5000]);
    let log = registry.stats().requests();
    // Stopped at once, not read to the end.
    assert_eq!((log[0].status, log[0].bytes), (200, 5000));
    assert_eq!(mock.0.dropped.get(), 1);
    let mib = 1 << 20;
    let edge = (mib - 7) as u64..mib as u64;
    assert_eq!(block_on(read(&registry, &d, edge)).unwrap(), &data[mib - 7..mib]);
    let e = block_on(read(&registry, &d, (mib - 7) as u64..(mib + 1) as u64)).unwrap_err();
    assert_eq!((e.code(), e.status()), (Code::RangeNotSupported, Some(200)));
    assert!(e.to_string().contains("max_range_overfetch = 1048576"), "{e}");
    assert_eq!(registry.stats().requests().last().map(|r| r.bytes), Some(0));
    // All of it is what a 200 has.
    assert_eq!(block_on(read(&registry, &d, 0..3 << 20)).unwrap(), data);
    assert!(mock.sleeps().is_empty());
}

#[test]
fn wrong_answers_to_a_range_are_refused_at_once() {
    let mock = Mock::new();
    let d = mock.put_blob(noise(LEN));
    let registry = mock.registry();
    let content_range = |v: &str| What::Header("content-range", v.into());
    for what in [
        content_range("bytes 0-99/100000"),
        content_range("bytes 100-198/100000"),
        content_range("bytes 101-199/100000"),
        content_range("bytes 100-199/100001"),
        content_range("bytes 100-199"),
        content_range("bytes */100000"),
        content_range("items 100-199/100000"),
        What::Without("content-range"),
        What::Header("content-type", "multipart/byteranges; boundary=x".into()),
        What::Header("content-length", "99".into()),
        What::Long(1),
        What::status(204),
        What::Answer(416, vec![("content-range", "bytes */7".into())], String::new()),
    ] {
        mock.fault("/blobs/", 1, what.clone());
        let got = block_on(read(&registry, &d, 100..200));
        let e = got.expect_err(&format!("{what:?}"));
        assert_eq!(e.code(), Code::RangeNotSupported, "{what:?}: {e}");
        assert_eq!(mock.lines().len(), 1, "{what:?}");
    }
    mock.fault("/blobs/", 1, content_range("bytes 100-199/*"));
    assert!(block_on(read(&registry, &d, 100..200)).is_ok());
    mock.fault("/blobs/", 1, What::Header("content-encoding", "identity".into()));
    assert!(block_on(read(&registry, &d, 100..200)).is_ok());
    assert!(mock.sleeps().is_empty());
}

#[test]
fn an_overlong_body_never_gives_out_its_end() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    for piece in [1, 100, 1 << 20] {
        mock.0.piece.set(piece);
        mock.fault("/blobs/", 1, What::Long(5));
        let (mut got, mut error) = (Vec::new(), None);
        block_on(async {
            match registry.blob_range(&d, 50..1050).await {
                Ok(mut body) => {
                    while let Some(chunk) = body.next().await {
                        match chunk {
                            Ok(bytes) => got.extend_from_slice(&bytes),
                            Err(e) => error = Some(e),
                        }
                    }
                }
                Err(e) => error = Some(e),
            }
        });
        assert_eq!(error.unwrap().code(), Code::RangeNotSupported);
        assert!(got.len() < 1000 && data[50..].starts_with(&got));
    }
    for what in [What::Long(1), What::Header("content-length", "5".into())] {
        mock.fault("/blobs/", 9, what);
        let e = block_on(registry.blob(&d, "l", 1 << 20)).unwrap_err();
        assert_eq!(e.code(), Code::DigestMismatch);
        mock.0.faults.borrow_mut().clear();
    }
}

#[test]
fn a_content_encoding_is_a_label_until_the_bytes_say_otherwise() {
    let data = noise(LEN);
    let label = |name: &str| What::Header("content-encoding", name.into());
    // Bytes as they come: the size, the range and the digest decide.
    for name in ["gzip", "x-gzip", "br"] {
        let mock = Mock::new();
        let d = mock.put_blob(data.clone());
        mock.fault("/blobs/", 9, label(name));
        let registry = mock.registry();
        assert_eq!(block_on(registry.blob(&d, "l", 1 << 20)).unwrap(), data);
        assert_eq!(block_on(read(&registry, &d, 100..200)).unwrap(), &data[100..200]);
        assert_eq!(block_on(read_all(&registry, &d)).unwrap(), data);
        assert_eq!(mock.lines().len(), 3, "{name}");
    }
    let mock = Mock::new();
    let d = mock.put_blob(data.clone());
    let other = || {
        let headers = vec![("content-encoding", "gzip".to_owned()), ("content-length", "77".to_owned())];
        What::Answer(200, headers, "x".repeat(77))
    };
    mock.fault("/blobs/", 9, other());
    assert_eq!(block_on(mock.registry().blob(&d, "l", 1 << 20)).unwrap_err().code(), Code::DigestMismatch);
}

#[test]
fn a_platform_that_undoes_encodings_is_asked_for_the_bytes_as_they_are() {
    let data = noise(LEN);
    let label = || What::Header("content-encoding", "x-gzip".into());
    let mock = Mock::new();
    mock.0.decodes.set(true);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    for range in [None, Some(100..200)] {
        mock.fault("/blobs/", 1, label());
        match range {
            None => assert_eq!(block_on(registry.blob(&d, "l", 1 << 20)).unwrap(), data),
            Some(range) => assert_eq!(block_on(read(&registry, &d, range)).unwrap(), &data[100..200]),
        }
        let asked: Vec<String> =
            mock.seen().iter().filter_map(|s| s.header("accept-encoding").map(str::to_owned)).collect();
        assert_eq!(asked, ["identity", "identity, *;q=0"]);
        mock.lines();
        assert!(mock.sleeps().is_empty());
    }
    // It cannot: of a range nothing is to be had, of a whole what it decoded is tried.
    mock.fault("/blobs/", 2, label());
    let e = block_on(read(&registry, &d, 100..200)).unwrap_err();
    assert_eq!(e.code(), Code::RangeNotSupported);
    assert!(e.message().contains("Content-Encoding \"x-gzip\", which this platform undoes"), "{e}");
    assert_eq!(mock.lines().len(), 2);
    mock.fault("/blobs/", 2, label());
    assert_eq!(block_on(registry.blob(&d, "l", 1 << 20)).unwrap(), data);
    assert_eq!(mock.lines().len(), 2);
    let headers = vec![("content-encoding", "gzip".to_owned())];
    mock.fault("/blobs/", 2, What::Answer(200, headers, "x".repeat(LEN + 9)));
    let e = block_on(registry.blob(&d, "l", 1 << 20)).unwrap_err();
    assert_eq!((e.code(), mock.lines().len()), (Code::Unsupported, 2), "{e}");
}

#[test]
fn a_break_after_the_last_byte_harms_nothing() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    mock.fault("/blobs/", 1, What::Cut(50));
    assert_eq!(block_on(read(&mock.registry(), &d, 0..50)).unwrap(), &data[..50]);
    assert_eq!(mock.lines().len(), 1);
}

#[test]
fn a_dropped_stream_stops_its_request() {
    let mock = Mock::new();
    let d = mock.put_blob(noise(LEN));
    let registry = mock.registry();
    block_on(async {
        let mut body = registry.blob_range(&d, 0..90_000).await.unwrap();
        body.next().await.unwrap().unwrap();
        drop(body);
    });
    assert_eq!(mock.0.dropped.get(), 1);
    assert_eq!(registry.stats().counters().bytes, 1000);
}

#[test]
fn errors_say_what_and_hide_the_rest() {
    let mock = Mock::new();
    let d = mock.put_blob(noise(10));
    let registry = mock.registry();
    let json = |m: &str| format!(r#"{{"errors":[{{"code":"DENIED","message":"{m}"}}]}}"#);
    mock.fault("/blobs/", 1, What::Answer(403, vec![], json("not\\n you \\u001b[31m")));
    let e = block_on(read(&registry, &d, 0..5)).unwrap_err();
    assert_eq!((e.code(), e.status()), (Code::Forbidden, Some(403)));
    assert!(e.message().ends_with("it says: DENIED: not you [31m"), "{e}");
    mock.fault("/blobs/", 1, What::Answer(404, vec![], json(&"x".repeat(500))));
    let e = block_on(read(&registry, &d, 0..5)).unwrap_err();
    assert!(e.code() == Code::NotFound && e.message().len() < 300, "{e}");
    mock.fault("/blobs/", 1, What::Answer(400, vec![], "x".repeat(1 << 20)));
    let e = block_on(read(&registry, &d, 0..5)).unwrap_err();
    assert_eq!((e.code(), e.status()), (Code::Network, Some(400)));
    assert!(registry.stats().counters().bytes < 20_000);
    mock.fault("/blobs/", 4, What::Network("fetch of https://u:pw@h/x?sig=s3cret failed".into()));
    let e = block_on(read(&registry, &d, 0..5)).unwrap_err();
    assert_eq!(e.code(), Code::Network);
    assert_eq!(e.message(), "fetch of https://h/x?… failed");
}
