//! Redirects: where credentials may go, what is remembered, what expires.

use futures_executor::block_on;
use ocipeek::error::Code;
use ocipeek::net::registry::{Credentials, RegistryOptions};
use ocipeek::source::Source;

use crate::{noise, read, short};
use test_support::mock::{Access, Mock, What};

fn redirecting() -> (Mock, ocipeek::format::oci::Descriptor, bytes::Bytes) {
    let mock = Mock::new();
    let data = noise(50_000);
    let d = mock.put_blob(data.clone());
    mock.0.redirects.set(true);
    (mock, d, data)
}

fn store(d: &ocipeek::format::oci::Descriptor, signature: u32) -> String {
    format!("GET storage.test/{}?X-Signature=s3cret-{signature}", d.digest.hex())
}

#[test]
fn the_target_gets_no_authorization_and_is_remembered() {
    for browser in [false, true] {
        let (mock, d, data) = redirecting();
        mock.0.browser.set(browser);
        mock.access(Access::Basic { user: "u", password: "p" });
        let registry = mock.registry_as(Credentials::basic("u", "p"));
        assert_eq!(block_on(read(&registry, &d, 10..20)).unwrap(), &data[10..20]);
        assert_eq!(block_on(read(&registry, &d, 30..40)).unwrap(), &data[30..40]);
        let blob = format!("GET registry.test/v2/app/blobs/{}", short(&d));
        assert_eq!(
            mock.lines(),
            [
                format!("{blob} [10-19] 401"),
                format!("{blob} [10-19] (Basic dTpw) 307"),
                format!("{} [10-19] 206", store(&d, 1)),
                format!("{} [30-39] 206", store(&d, 1)),
            ]
        );
        let text = format!("{:?}", registry.stats().requests());
        assert!(!text.contains("s3cret") && !text.contains("dTpw"), "{text}");
    }
}

#[test]
fn an_expired_target_is_resolved_once_more() {
    for status in [400, 401, 403, 404, 410] {
        let (mock, d, data) = redirecting();
        let registry = mock.registry();
        block_on(read(&registry, &d, 0..10)).unwrap();
        mock.lines();
        mock.expire_signatures();
        if status != 403 {
            mock.fault("storage.test", 1, What::status(status));
        }
        assert_eq!(block_on(read(&registry, &d, 10..20)).unwrap(), &data[10..20]);
        assert_eq!(
            mock.lines(),
            [
                format!("{} [10-19] {status}", store(&d, 1)),
                format!("GET registry.test/v2/app/blobs/{} [10-19] 307", short(&d)),
                format!("{} [10-19] 206", store(&d, 2)),
            ]
        );
        assert!(mock.sleeps().is_empty());
    }
    // At first sight too (a cached redirect); but only once.
    let (mock, d, data) = redirecting();
    mock.fault("storage.test", 1, What::status(403));
    assert_eq!(block_on(read(&mock.registry(), &d, 10..20)).unwrap(), &data[10..20]);
    assert_eq!(mock.lines().len(), 4);
    mock.fault("storage.test", 9, What::Answer(403, vec![], r#"{"message":"s3cret"}"#.into()));
    let e = block_on(read(&mock.registry(), &d, 10..20)).unwrap_err();
    assert_eq!(e.code(), Code::Forbidden);
    assert!(!e.to_string().contains("s3cret"), "{e}");
    assert_eq!(mock.lines().len(), 4);
}

#[test]
fn a_browsers_blind_failure_at_a_target_is_resolved_anew() {
    let (mock, d, data) = redirecting();
    mock.0.browser.set(true);
    let registry = mock.registry();
    block_on(read(&registry, &d, 0..10)).unwrap();
    mock.lines();
    // An expired target has no CORS headers, so that fetch only says that it failed.
    mock.fault("storage.test", 1, What::Network("Failed to fetch".into()));
    assert_eq!(block_on(read(&registry, &d, 10..20)).unwrap(), &data[10..20]);
    assert_eq!(
        mock.lines(),
        [
            format!("{} [10-19] 0", store(&d, 1)),
            format!("GET registry.test/v2/app/blobs/{} [10-19] 307", short(&d)),
            format!("{} [10-19] 206", store(&d, 1)),
        ]
    );
}

#[test]
fn a_cut_at_the_target_resumes_there() {
    let (mock, d, data) = redirecting();
    let registry = mock.registry();
    mock.fault("storage.test", 1, What::Cut(5000));
    assert_eq!(block_on(read(&registry, &d, 0..9000)).unwrap(), &data[..9000]);
    assert_eq!(
        mock.lines(),
        [
            format!("GET registry.test/v2/app/blobs/{} [0-8999] 307", short(&d)),
            format!("{} [0-8999] 206", store(&d, 1)),
            format!("{} [5000-8999] 206", store(&d, 1)),
        ]
    );
}

#[test]
fn range_only_after_a_redirect() {
    // The registry itself ignores Range, its storage does not.
    let (mock, d, data) = redirecting();
    mock.fault("registry.test", 9, What::NoRange);
    assert_eq!(block_on(read(&mock.registry(), &d, 40_000..40_010)).unwrap(), &data[40_000..40_010]);
}

#[test]
fn same_host_keeps_authorization_and_leaving_it_is_for_good() {
    let mock = Mock::new();
    let data = noise(1000);
    let d = mock.put_blob(data.clone());
    mock.access(Access::Basic { user: "u", password: "p" });
    let registry = mock.registry_as(Credentials::basic("u", "p"));
    block_on(read(&registry, &d, 0..1)).unwrap();
    mock.lines();
    let target = format!("/v2/mirror/blobs/{}", d.digest);
    for status in [301, 302, 303, 307, 308] {
        let d = mock.put_blob(noise(1000 + usize::from(status)));
        mock.fault("/app/blobs/", 1, What::redirect(status, format!("../../mirror/blobs/{}", d.digest)));
        block_on(read(&registry, &d, 0..1)).unwrap();
        assert_eq!(
            mock.lines(),
            [
                format!("GET registry.test/v2/app/blobs/{} [0-0] (Basic dTpw) {status}", short(&d)),
                format!("GET registry.test/v2/mirror/blobs/{} [0-0] (Basic dTpw) 206", short(&d)),
            ]
        );
    }
    // Another port is another origin.
    mock.fault("/app/blobs/", 1, What::redirect(307, format!("https://registry.test:8443{target}")));
    block_on(read(&registry, &d, 0..1)).unwrap();
    assert_eq!(mock.lines()[1], format!("GET registry.test:8443/v2/mirror/blobs/{} [0-0] 401", short(&d)));
    // Out and back: the credentials are not picked up again on the way.
    mock.fault("/app/blobs/", 1, What::redirect(307, "https://other.test/x"));
    mock.fault("other.test", 1, What::redirect(307, format!("https://registry.test{target}")));
    let _ = block_on(read(&registry, &d, 0..1));
    assert_eq!(
        mock.lines()[..3],
        [
            format!("GET registry.test/v2/app/blobs/{} [0-0] (Basic dTpw) 307", short(&d)),
            "GET other.test/x [0-0] 307".to_string(),
            format!("GET registry.test/v2/mirror/blobs/{} [0-0] 401", short(&d)),
        ]
    );
}

#[test]
fn downgrades_loops_and_nonsense_are_refused() {
    let mock = Mock::new();
    let d = mock.put_blob(noise(1000));
    let registry = mock.registry();
    for to in [
        "http://registry.test/x",
        "http://storage.test/x?sig=s3cret",
        "http://localhost/x",
        "ftp://storage.test/x",
        "https://u:s3cret@storage.test/",
        "https://storage.test\\@evil.test/",
    ] {
        mock.fault("/blobs/", 1, What::redirect(307, to));
        let e = block_on(read(&registry, &d, 0..1)).unwrap_err();
        assert_eq!(e.code(), Code::Network, "{to}");
        assert!(!e.to_string().contains("s3cret"), "{e}");
        assert_eq!((mock.lines().len(), mock.sleeps().len()), (1, 0), "{to}");
    }
    mock.fault("registry.test", 99, What::redirect(302, "/again"));
    let e = block_on(read(&registry, &d, 0..1)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_redirects")));
    assert_eq!(mock.lines().len(), 6);
}

#[test]
fn plain_http_is_for_loopback_or_when_asked() {
    let mock = Mock::new();
    let data = noise(100);
    let d = mock.put_blob(data.clone());
    let plain = RegistryOptions::default().plain_http(true);
    for (reference, options, url) in [
        ("registry.test:5000/app", RegistryOptions::default(), "GET registry.test:5000/v2/app/blobs/"),
        ("registry.test/app", plain.clone(), "GET http://registry.test/v2/app/blobs/"),
        ("localhost:5000/app", plain.clone(), "GET http://localhost:5000/v2/app/blobs/"),
        ("alpine", RegistryOptions::default(), "GET registry-1.docker.io/v2/library/alpine/blobs/"),
    ] {
        let registry = mock.open(reference, None, options);
        assert_eq!(block_on(read(&registry, &d, 0..9)).unwrap(), &data[..9]);
        assert_eq!(mock.lines(), [format!("{url}{} [0-8] 206", short(&d))]);
    }
    // From loopback to loopback, but not from loopback into the world, in the open.
    mock.fault("GET https://localhost:5000/v2/", 1, What::Network("no TLS".into()));
    let registry = mock.open("localhost:5000/app", None, RegistryOptions::default());
    mock.fault(
        "/app/blobs/",
        1,
        What::redirect(307, format!("http://127.0.0.1:9000/v2/x/blobs/{}", d.digest)),
    );
    assert!(block_on(read(&registry, &d, 0..9)).is_ok());
    let registry = mock.open("localhost:5000/app", None, RegistryOptions::default());
    mock.fault("/app/blobs/", 1, What::redirect(307, "http://storage.test/x"));
    assert_eq!(block_on(read(&registry, &d, 0..9)).unwrap_err().code(), Code::Network);
    mock.lines();
    // Asked for or not, credentials do not go over it.
    mock.access(Access::Basic { user: "u", password: "p" });
    let registry = mock.open("registry.test/app", Some(Credentials::basic("u", "p")), plain.clone());
    let e = block_on(read(&registry, &d, 0..9)).unwrap_err();
    assert_eq!(e.code(), Code::Unauthorized);
    assert!(e.message().contains("not https"), "{e}");
    assert!(mock.seen().iter().all(|s| s.header("authorization").is_none()));
    let registry = mock.open("localhost:5000/app", Some(Credentials::basic("u", "p")), plain);
    assert!(block_on(read(&registry, &d, 0..9)).is_ok());
}

#[test]
fn a_bad_mirror_is_left_after_a_mismatch() {
    let (mock, d, data) = redirecting();
    let registry = mock.registry();
    mock.fault("storage.test", 1, What::Flip(5));
    assert_eq!(block_on(registry.blob(&d, "l", 1 << 20)).unwrap(), data);
    let lines = mock.lines();
    assert_eq!(lines.len(), 4);
    assert!(lines[2].starts_with("GET registry.test"), "{lines:?}");
}

#[test]
fn a_browser_hides_content_range() {
    let (mock, d, data) = redirecting();
    mock.0.browser.set(true);
    let registry = mock.registry();
    assert_eq!(block_on(read(&registry, &d, 5..500)).unwrap(), &data[5..500]);
    // Length is all that can be checked there, and is.
    mock.fault("storage.test", 1, What::Long(1));
    assert_eq!(block_on(read(&registry, &d, 5..500)).unwrap_err().code(), Code::RangeNotSupported);
    mock.fault("storage.test", 1, What::Short(100));
    assert_eq!(block_on(read(&registry, &d, 5..500)).unwrap(), &data[5..500]);
    // Where it is shown it must be right.
    mock.0.redirects.set(false);
    let registry = mock.registry();
    mock.fault("registry.test", 1, What::Header("content-range", "bytes 0-494/50000".into()));
    assert_eq!(block_on(read(&registry, &d, 5..500)).unwrap_err().code(), Code::RangeNotSupported);
}
