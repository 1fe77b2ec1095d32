//! The referrers API and its fallback.

use std::collections::BTreeMap;

use futures_executor::block_on;
use ocipeek::error::Code;
use ocipeek::format::oci::Digest;
use ocipeek::source::Source;

use test_support::mock::{Mock, What};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SOCI: &str = "application/vnd.amazon.soci.index.v1+json";

fn entry(n: u8, artifact_type: &str) -> String {
    format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":9,"artifactType":"{artifact_type}"}}"#,
        Digest::of(&[n])
    )
}

fn mock(pages: &[&[String]]) -> (Mock, Digest) {
    let mock = Mock::new();
    let subject = Digest::of(b"subject");
    let pages = pages.iter().map(|p| p.join(",")).collect();
    *mock.0.referrers.borrow_mut() = Some(BTreeMap::from([(subject.to_string(), pages)]));
    (mock, subject)
}

fn digests(found: &[ocipeek::format::oci::Descriptor]) -> Vec<Digest> {
    found.iter().map(|d| d.digest).collect()
}

#[test]
fn all_pages_filtered_here() {
    let (mock, subject) =
        mock(&[&[entry(1, SOCI), entry(2, "x/y")], &[], &[entry(3, "x/y"), entry(4, SOCI)]]);
    let registry = mock.registry();
    let found = block_on(registry.referrers(&subject, SOCI)).unwrap();
    assert_eq!(digests(&found), [Digest::of(&[1]), Digest::of(&[4])]);
    let url = format!("GET registry.test/v2/app/referrers/#{}", &subject.hex()[..8]);
    assert_eq!(mock.seen()[0].header("accept"), Some(INDEX));
    assert_eq!(
        mock.lines(),
        [
            format!("{url}?artifactType=application/vnd.amazon.soci.index.v1%2Bjson 200"),
            format!("{url}?page=1 200"),
            format!("{url}?page=2 200"),
        ]
    );
    let log = registry.stats().requests();
    assert_eq!((log[0].purpose.as_str(), log[0].target.contains('?')), ("referrers", false));
}

#[test]
fn none_is_an_empty_list() {
    let (mock, subject) = mock(&[]);
    assert_eq!(block_on(mock.registry().referrers(&subject, SOCI)).unwrap(), []);
    assert_eq!(mock.lines().len(), 1);
    *mock.0.referrers.borrow_mut() = None;
    assert_eq!(block_on(mock.registry().referrers(&subject, SOCI)).unwrap(), []);
    let tag = format!("GET registry.test/v2/app/manifests/sha256-{} 404", subject.hex());
    assert_eq!(mock.lines()[1..], [tag]);
}

#[test]
fn the_fallback_tag() {
    let (mock, subject) = mock(&[]);
    let list = format!(r#"{{"schemaVersion":2,"manifests":[{},{}]}}"#, entry(1, "x/y"), entry(2, SOCI));
    mock.put_manifest("app", &format!("sha256-{}", subject.hex()), INDEX, list);
    let html = ("content-type", "text/html".to_string());
    let table = crate::names::table("noReferrersApi");
    let statuses = table.as_array().unwrap().iter().map(|status| status.as_u64().unwrap() as u16);
    let others = [
        What::Answer(200, vec![html], "<html>".into()),
        What::Answer(200, vec![("content-type", INDEX.to_string())], String::new()),
        What::Answer(200, Vec::new(), String::new()),
    ];
    for what in statuses.map(What::status).chain(others) {
        mock.fault("/referrers/", 1, what);
        let found = block_on(mock.registry().referrers(&subject, SOCI)).unwrap();
        assert_eq!(digests(&found), [Digest::of(&[2])]);
        assert_eq!(mock.lines().len(), 2);
    }
}

#[test]
fn pages_are_followed_on_the_registry_only_and_not_for_ever() {
    let (mock, subject) = mock(&[&[entry(1, SOCI)]]);
    for next in [
        "<https://evil.test/v2/x>; rel=next",
        "<http://registry.test/x>; rel=next",
        "<https://registry.test:444/>; rel=next",
        "<//evil.test/>; rel=next",
        "<ftp://x/>; rel=next",
    ] {
        mock.fault("/referrers/", 1, What::Header("link", next.into()));
        let e = block_on(mock.registry().referrers(&subject, SOCI)).unwrap_err();
        assert_eq!(e.code(), Code::Network, "{next}");
        assert_eq!(mock.lines().len(), 1);
    }
    mock.fault("/referrers/", 999, What::Header("link", "<?again>; rel=\"next\"".into()));
    let registry = mock.registry_with(|l| l.max_referrers_pages = 7);
    let e = block_on(registry.referrers(&subject, SOCI)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_referrers_pages")));
    assert_eq!(mock.lines().len(), 7);
    let registry = mock.registry_with(|l| l.max_index_entries = 3);
    let e = block_on(registry.referrers(&subject, SOCI)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_index_entries")));
}

#[test]
fn failures_are_not_an_empty_list() {
    let (mock, subject) = mock(&[&[entry(1, SOCI)], &[entry(2, SOCI)]]);
    mock.fault("page=1", 1, What::status(404));
    assert_eq!(block_on(mock.registry().referrers(&subject, SOCI)).unwrap_err().code(), Code::NotFound);
    mock.fault("/referrers/", 1, What::status(403));
    assert_eq!(block_on(mock.registry().referrers(&subject, SOCI)).unwrap_err().code(), Code::Forbidden);
    mock.fault("/referrers/", 1, What::Flip(1));
    assert_eq!(
        block_on(mock.registry().referrers(&subject, SOCI)).unwrap_err().code(),
        Code::CorruptManifest
    );
    mock.lines();
    mock.fault("/referrers/", 1, What::Cut(10));
    mock.fault("/referrers/", 1, What::status(503));
    assert_eq!(block_on(mock.registry().referrers(&subject, SOCI)).unwrap().len(), 2);
    assert_eq!(mock.lines().len(), 4);
}

#[test]
fn a_browser_hides_the_404_of_old_registries() {
    let (mock, subject) = mock(&[&[entry(1, SOCI)], &[entry(3, SOCI)]]);
    let list = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entry(2, SOCI));
    mock.put_manifest("app", &format!("sha256-{}", subject.hex()), INDEX, list);
    mock.0.browser.set(true);
    mock.fault("/referrers/", 1, What::Network("Failed to fetch".into()));
    let found = block_on(mock.registry().referrers(&subject, SOCI)).unwrap();
    assert_eq!(digests(&found), [Digest::of(&[2])]);
    assert_eq!(mock.lines().len(), 2);
    // Once it has answered, a failure is a failure.
    mock.fault("page=1", 1, What::Network("Failed to fetch".into()));
    let found = block_on(mock.registry().referrers(&subject, SOCI)).unwrap();
    assert_eq!(digests(&found), [Digest::of(&[1]), Digest::of(&[3])]);
    assert_eq!(mock.lines().len(), 3);
}
