//! Manifests by tag and digest.

use bytes::Bytes;
use futures_executor::block_on;
use ocipeek::error::Code;
use ocipeek::format::oci::Digest;
use ocipeek::source::{Source, Target};

use test_support::mock::{Mock, What};

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
const LINE: &str = "GET registry.test/v2/app/manifests/v1 200";

fn mock() -> (Mock, Target, Digest) {
    let mock = Mock::new();
    let digest = mock.put_manifest("app", "v1", OCI_INDEX, INDEX);
    (mock, Target::Tag("v1".into()), digest)
}

#[test]
fn by_tag_and_by_digest() {
    let (mock, v1, digest) = mock();
    let registry = mock.registry();
    for target in [v1, Target::Digest(digest)] {
        let raw = block_on(registry.manifest(&target)).unwrap();
        assert_eq!((raw.bytes, raw.media_type.as_str(), raw.digest), (Bytes::from(INDEX), OCI_INDEX, digest));
    }
    let seen = mock.seen();
    assert_eq!(
        seen[0].headers,
        [(
            "accept",
            "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
             application/vnd.docker.distribution.manifest.list.v2+json, \
             application/vnd.docker.distribution.manifest.v2+json"
                .to_string()
        )]
    );
    assert_eq!(mock.lines()[1], format!("GET registry.test/v2/app/manifests/#{} 200", &digest.hex()[..8]));
}

#[test]
fn a_flipped_bit_is_fetched_once_more_and_then_refused() {
    let (mock, v1, digest) = mock();
    let registry = mock.registry();
    for target in [v1, Target::Digest(digest)] {
        mock.fault("/manifests/", 1, What::Flip(3));
        assert_eq!(block_on(registry.manifest(&target)).unwrap().digest, digest);
        assert_eq!(mock.lines().len(), 2);
        mock.fault("/manifests/", 2, What::Flip(3));
        let e = block_on(registry.manifest(&target)).unwrap_err();
        assert_eq!((e.code(), e.digest()), (Code::DigestMismatch, Some(digest.to_string().as_str())));
        assert_eq!(mock.lines().len(), 2);
    }
}

#[test]
fn a_tag_without_a_stated_digest_is_what_it_is() {
    let (mock, v1, digest) = mock();
    for value in [None, Some("sha512:00"), Some("nonsense")] {
        mock.fault(
            "/manifests/",
            1,
            match value {
                None => What::Without("docker-content-digest"),
                Some(v) => What::Header("docker-content-digest", v.into()),
            },
        );
        assert_eq!(block_on(mock.registry().manifest(&v1)).unwrap().digest, digest);
    }
    assert_eq!(mock.lines(), [LINE, LINE, LINE]);
}

#[test]
fn broken_bodies_are_fetched_again() {
    let (mock, v1, digest) = mock();
    mock.fault("/manifests/", 1, What::Cut(5));
    mock.fault("/manifests/", 1, What::status(500));
    mock.fault("/manifests/", 1, What::Network("reset".into()));
    let registry = mock.registry();
    assert_eq!(block_on(registry.manifest(&v1)).unwrap().digest, digest);
    assert_eq!(mock.sleeps(), [225, 450, 900]);
    assert_eq!(registry.stats().counters().retries, 3);
}

#[test]
fn sizes_are_bounded() {
    let (mock, v1, _) = mock();
    mock.put_manifest("app", "v1", OCI_INDEX, vec![b' '; (4 << 20) + 1]);
    let registry = mock.registry();
    let e = block_on(registry.manifest(&v1)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_manifest_size")));
    assert_eq!(registry.stats().counters().bytes, 0);
    mock.fault("/manifests/", 1, What::Without("content-length"));
    let registry = mock.registry();
    assert_eq!(block_on(registry.manifest(&v1)).unwrap_err().limit_name(), Some("max_manifest_size"));
    assert!(registry.stats().counters().bytes < (4 << 20) + 2000);
}

#[test]
fn statuses_are_codes() {
    let (mock, v1, _) = mock();
    for (status, code, tries) in [
        (403, Code::Forbidden, 1),
        (404, Code::NotFound, 1),
        (400, Code::Network, 1),
        (418, Code::Network, 1),
        (501, Code::Network, 1),
        (408, Code::Network, 4),
        (429, Code::RateLimited, 4),
        (500, Code::Network, 4),
        (204, Code::Network, 1),
        (206, Code::Network, 1),
    ] {
        mock.0.faults.borrow_mut().clear();
        mock.fault("/manifests/", 9, What::status(status));
        let e = block_on(mock.registry().manifest(&v1)).unwrap_err();
        assert_eq!((e.code(), e.status(), mock.lines().len()), (code, Some(status), tries), "{e}");
        assert_eq!(e.reference(), Some("registry.test/app:v1"));
    }
}

#[test]
fn what_is_no_tag_is_not_asked_for() {
    let (mock, ..) = mock();
    for tag in ["", "../v1", "a/b", "a?b", "-a", ".a", "a b", "a#b", &"a".repeat(129)] {
        let e = block_on(mock.registry().manifest(&Target::Tag(tag.into()))).unwrap_err();
        assert_eq!(e.code(), Code::InvalidReference, "{tag}");
    }
    assert_eq!(block_on(mock.registry().manifest(&Target::Only)).unwrap_err().code(), Code::InvalidArgument);
    assert!(mock.lines().is_empty());
}

#[test]
fn media_types_that_say_nothing() {
    let (mock, v1, _) = mock();
    for (stated, media_type) in [
        ("application/json; charset=utf-8", OCI_INDEX),
        ("text/plain", OCI_INDEX),
        ("Application/Vnd.OCI.image.index.v1+json; x=y", OCI_INDEX),
        ("application/x-other", "application/x-other"),
    ] {
        mock.fault("/manifests/", 1, What::Header("content-type", stated.into()));
        assert_eq!(block_on(mock.registry().manifest(&v1)).unwrap().media_type, media_type);
    }
}

#[test]
fn no_preflight_in_a_browser_while_nobody_signs_in() {
    let (mock, v1, _) = mock();
    mock.0.browser.set(true);
    let registry = mock.registry();
    block_on(registry.manifest(&v1)).unwrap();
    let seen = mock.seen();
    let accept = seen[0].header("accept").unwrap();
    assert!(accept.len() <= 128 && accept.contains(OCI_INDEX), "{accept}");
    assert_eq!(seen[0].headers.len(), 1);
    mock.lines();
    // A Docker image answers in its own type: asked again with all of them, and so from then on.
    mock.put_manifest("app", "v2", DOCKER_LIST, r#"{"schemaVersion":2,"manifests":[],"x":1}"#);
    let v2 = Target::Tag("v2".into());
    assert_eq!(block_on(registry.manifest(&v2)).unwrap().media_type, DOCKER_LIST);
    block_on(registry.manifest(&v2)).unwrap();
    let accepts: Vec<_> = mock.seen().iter().map(|s| s.header("accept").unwrap().len() > 128).collect();
    assert_eq!(accepts, [false, true, true]);
}
