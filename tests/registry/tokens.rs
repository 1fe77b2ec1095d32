//! Tokens: shared, renewed, refused, refreshed.

use std::time::Duration;

use futures_executor::block_on;
use futures_util::future::join_all;
use ocipeek::error::Code;
use ocipeek::net::registry::Credentials;
use ocipeek::source::Source;

use crate::auth::{ASK, REALM, bearer, mock};
use crate::{noise, read};
use test_support::mock::{Access, What};

#[test]
fn one_fetch_serves_all_who_wait() {
    let (mock, v1) = mock();
    mock.bearer(REALM);
    let registry = mock.registry();
    let all = block_on(join_all((0..8).map(|_| registry.manifest(&v1))));
    assert!(all.iter().all(Result::is_ok));
    let count = |what: &str| mock.seen().iter().filter(|s| s.line().ends_with(what)).count();
    assert_eq!((count(&format!("{ASK} 200")), count("v1 401"), count("(Bearer token-1) 200")), (1, 8, 8));
    // A failure is shared too.
    let (mock, v1) = self::mock();
    mock.access(bearer(REALM, Some(("u", "p")), None));
    let registry = mock.registry_as(Credentials::basic("u", "wrong"));
    let all = block_on(join_all((0..8).map(|_| registry.manifest(&v1))));
    assert!(all.iter().all(|r| r.as_ref().is_err_and(|e| e.code() == Code::Unauthorized)));
    assert_eq!(mock.seen().iter().filter(|s| s.url.contains("/token")).count(), 1);
}

#[test]
fn a_dropped_request_leaves_the_token_to_the_others() {
    let (mock, v1) = mock();
    mock.bearer(REALM);
    let registry = mock.registry();
    block_on(async {
        let mut first = registry.manifest(&v1);
        let mut second = registry.manifest(&v1);
        // Both are refused, the first goes for a token and is dropped on the way.
        for _ in 0..3 {
            assert!(futures_util::poll!(&mut first).is_pending());
            let _ = futures_util::poll!(&mut second);
        }
        drop(first);
        second.await.unwrap();
    });
}

#[test]
fn tokens_are_renewed_before_their_end() {
    let (mock, v1) = mock();
    mock.access(Access::Bearer { realm: REALM.into(), user: None, refresh: None, life: Some(300) });
    let registry = mock.registry();
    let get = |after: u64| {
        mock.advance(Duration::from_secs(after));
        block_on(registry.manifest(&v1)).unwrap();
        mock.lines()
    };
    assert_eq!(get(0).len(), 3);
    assert_eq!(get(269), ["GET registry.test/v2/app/manifests/v1 (Bearer token-1) 200"]);
    assert_eq!(
        get(2),
        [
            format!("GET registry.test/token{ASK} 200"),
            "GET registry.test/v2/app/manifests/v1 (Bearer token-2) 200".into(),
        ]
    );
    // A service that fails then does not matter while the token still lasts.
    mock.fault("/token", 4, What::status(404));
    assert_eq!(
        get(280),
        [
            format!("GET registry.test/token{ASK} 404"),
            "GET registry.test/v2/app/manifests/v1 (Bearer token-2) 200".into(),
        ]
    );
    // Nothing said: 60 seconds.
    let (mock, v1) = self::mock();
    mock.bearer(REALM);
    let registry = mock.registry();
    block_on(registry.manifest(&v1)).unwrap();
    mock.advance(Duration::from_secs(53));
    block_on(registry.manifest(&v1)).unwrap();
    assert_eq!(mock.0.issued.get(), 1);
    mock.advance(Duration::from_secs(2));
    block_on(registry.manifest(&v1)).unwrap();
    assert_eq!(mock.0.issued.get(), 2);
}

#[test]
fn issued_at_counts_unless_the_clocks_differ() {
    // (issued_at, seconds until it is renewed)
    for (issued, lasts) in [
        ("2026-10-31T23:58:20Z", 170), // 100 s ago: 200 are left, 30 of them as margin
        ("2026-10-31T20:00:00Z", 270), // long over: our clock is another
        ("2026-11-01T09:00:00Z", 270), // in the future
        ("yesterday", 270),
    ] {
        let (mock, v1) = mock();
        mock.bearer(REALM);
        let answer = format!(r#"{{"access_token":"token-x","expires_in":300,"issued_at":"{issued}"}}"#);
        mock.fault("/token", 1, What::Answer(200, vec![], answer));
        mock.0.tokens.borrow_mut().insert("token-x".into(), u64::MAX);
        let registry = mock.registry();
        block_on(registry.manifest(&v1)).unwrap();
        mock.advance(Duration::from_secs(lasts - 1));
        block_on(registry.manifest(&v1)).unwrap();
        assert_eq!(mock.0.issued.get(), 0, "{issued}");
        mock.advance(Duration::from_secs(2));
        block_on(registry.manifest(&v1)).unwrap();
        assert_eq!(mock.0.issued.get(), 1, "{issued}");
    }
}

#[test]
fn a_token_refused_midway_is_fetched_once_more() {
    let (mock, v1) = mock();
    mock.bearer(REALM);
    let data = noise(10_000);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    block_on(registry.manifest(&v1)).unwrap();
    mock.lines();
    mock.revoke_tokens();
    assert_eq!(block_on(read(&registry, &d, 5..50)).unwrap(), &data[5..50]);
    let lines = mock.lines();
    assert!(lines[0].ends_with("[5-49] (Bearer token-1) 401"), "{lines:?}");
    assert_eq!(lines[1], format!("GET registry.test/token{ASK} 200"));
    assert!(lines[2].ends_with("[5-49] (Bearer token-2) 206"));
    // In the middle of a body, between two pieces of one range.
    mock.revoke_tokens();
    mock.0.tokens.borrow_mut().insert("token-2".into(), u64::MAX);
    mock.fault("/blobs/", 1, What::Cut(2000));
    let got = block_on(async {
        use futures_util::StreamExt;
        let mut body = registry.blob_range(&d, 0..9000).await.unwrap();
        let mut got = body.next().await.unwrap().unwrap().to_vec();
        mock.revoke_tokens();
        while let Some(chunk) = body.next().await {
            got.extend_from_slice(&chunk.unwrap());
        }
        got
    });
    assert_eq!(got, &data[..9000]);
    let ends: Vec<_> =
        mock.lines().iter().map(|l| l.split_once('[').map_or("token", |(_, r)| r).to_string()).collect();
    assert_eq!(
        ends,
        [
            "0-8999] (Bearer token-2) 206",
            "2000-8999] (Bearer token-2) 401",
            "token",
            "2000-8999] (Bearer token-3) 206"
        ]
    );
    // Refused for ever: no more than one new token per request.
    mock.fault(
        "/blobs/",
        99,
        What::Answer(401, vec![("www-authenticate", format!("Bearer realm=\"{REALM}\""))], String::new()),
    );
    let e = block_on(read(&registry, &d, 5..50)).unwrap_err();
    assert_eq!(e.code(), Code::Unauthorized);
    assert_eq!(mock.lines().len(), 3);
}

#[test]
fn identity_tokens_use_the_refresh_grant() {
    let (mock, v1) = mock();
    let credentials = Credentials { identity_token: Some("refresh+1".into()), ..Default::default() };
    mock.access(bearer(REALM, Some(("u", "p")), Some("refresh%2B1")));
    block_on(mock.registry_as(credentials.clone()).manifest(&v1)).unwrap();
    let seen = mock.seen();
    assert_eq!((seen[1].method, seen[1].url.as_str()), ("POST", REALM));
    assert_eq!(
        seen[1].body,
        "grant_type=refresh_token&service=mock&client_id=ocipeek&scope=repository:app:pull&refresh_token=refresh%2B1"
    );
    assert_eq!(seen[1].header("authorization"), None);
    assert_eq!(seen[2].header("authorization"), Some("Bearer token-1"));
    // A foreign realm does not see it.
    let (mock, v1) = self::mock();
    mock.access(bearer("https://evil.test/token", None, Some("refresh%2B1")));
    block_on(mock.registry_as(credentials.clone()).manifest(&v1)).unwrap();
    assert!(
        mock.seen().iter().all(|s| s.method == "GET" && s.header("authorization") == Some("Bearer token-1")
            || s.header("authorization").is_none())
    );
    assert!(mock.seen().iter().all(|s| !s.url.contains("refresh")));
    // Services without that grant: GET with Basic, as Docker's clients do.
    let (mock, v1) = self::mock();
    mock.access(bearer(REALM, Some(("u", "p")), None));
    let both = Credentials { identity_token: Some("refresh".into()), ..Credentials::basic("u", "p") };
    block_on(mock.registry_as(both).manifest(&v1)).unwrap();
    assert_eq!(
        mock.lines()[1..3],
        [
            "POST registry.test/token 405".to_string(),
            format!("GET registry.test/token{ASK}&account=u (Basic dTpw) 200"),
        ]
    );
}

#[test]
fn a_service_may_replace_only_the_refresh_token_that_it_was_given() {
    let credentials = || Credentials { identity_token: Some("old".into()), ..Default::default() };
    let answer = r#"{"access_token":"short-lived","refresh_token":"new"}"#;
    for (first_realm, used_later) in [(REALM, "new"), ("https://evil.test/token", "old")] {
        let (mock, v1) = mock();
        let registry = mock.registry_as(credentials());
        mock.access(bearer(first_realm, None, Some("old")));
        mock.fault("/token", 1, What::Answer(200, vec![], answer.into()));
        mock.0.tokens.borrow_mut().insert("short-lived".into(), u64::MAX);
        block_on(registry.manifest(&v1)).unwrap();
        mock.revoke_tokens();
        mock.lines();
        mock.access(bearer(REALM, None, Some(used_later)));
        block_on(registry.manifest(&v1)).unwrap();
        let bodies: Vec<_> = mock.seen().iter().map(|s| s.body.clone()).filter(|b| !b.is_empty()).collect();
        assert_eq!(bodies.len(), 1);
        assert!(bodies[0].ends_with(&format!("&refresh_token={used_later}")), "{bodies:?}");
    }
}

#[test]
fn a_given_token_is_used_as_it_is() {
    let (mock, v1) = mock();
    mock.bearer(REALM);
    mock.0.tokens.borrow_mut().insert("given".into(), u64::MAX);
    let credentials = |t: &str| Credentials { registry_token: Some(t.into()), ..Default::default() };
    block_on(mock.registry_as(credentials("given")).manifest(&v1)).unwrap();
    assert_eq!(mock.lines()[1], "GET registry.test/v2/app/manifests/v1 (Bearer given) 200");
    for bad in ["s3cret", "s3cret\r\nx: y"] {
        let e = block_on(mock.registry_as(credentials(bad)).manifest(&v1)).unwrap_err();
        assert_eq!(e.code(), Code::Unauthorized);
        assert!(!e.to_string().contains("s3cret"), "{e}");
    }
    assert_eq!(mock.0.issued.get(), 0);
}

#[test]
fn token_services_that_misbehave() {
    for body in
        ["", "s3cret", "{}", r#"{"token":""}"#, r#"{"token":"a b\r\nx: s3cret"}"#, r#"{"token":7}"#, "[]"]
    {
        let (mock, v1) = mock();
        mock.bearer(REALM);
        mock.fault("/token", 9, What::Answer(200, vec![], body.into()));
        let e = block_on(mock.registry().manifest(&v1)).unwrap_err();
        assert_eq!(e.code(), Code::Unauthorized, "{body}");
        assert!(!e.to_string().contains("s3cret"), "{e}");
    }
    let (mock, v1) = mock();
    mock.bearer(REALM);
    mock.fault("/token", 1, What::status(503));
    mock.fault("/token", 1, What::Answer(429, vec![("retry-after", "3".into())], String::new()));
    mock.fault("/token", 1, What::Network("down".into()));
    block_on(mock.registry().manifest(&v1)).unwrap();
    assert_eq!(mock.sleeps(), [225, 3000, 900]);
    // Down for good: tried four times, not four times for each try of the request behind it.
    let (mock, v1) = self::mock();
    mock.bearer(REALM);
    mock.fault("/token", 99, What::status(503));
    let registry = mock.registry();
    let e = block_on(registry.manifest(&v1)).unwrap_err();
    assert_eq!((e.code(), e.status(), mock.lines().len()), (Code::Network, Some(503), 5));
    let d = mock.put_blob(noise(10));
    block_on(read(&registry, &d, 0..5)).unwrap_err();
    assert_eq!(mock.lines().len(), 5);
    // What it says is shown, but not where it echoes a secret.
    for (said, shown) in [("wrong password", true), ("u:hunter2 is wrong", false)] {
        let (mock, v1) = self::mock();
        mock.bearer(REALM);
        let body = format!(r#"{{"details":"{said}"}}"#);
        mock.fault("/token", 1, What::Answer(401, vec![], body));
        let e = block_on(mock.registry_as(Credentials::basic("u", "hunter2")).manifest(&v1)).unwrap_err();
        assert_eq!(e.message().contains(said), shown, "{e}");
        assert!(!e.to_string().contains("hunter2"));
    }
}
