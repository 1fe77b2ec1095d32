//! Requests of the caller's own: signed in, redirected and tried again as the reader's are; their content goes where it may.

use std::time::Duration;

use futures_executor::block_on;
use ocipeek::error::{Code, Error};
use ocipeek::net::registry::{Credentials, Grant, Registry, RegistryOptions, SignedAnswer, SignedRequest};
use ocipeek::net::transport::Method;

use crate::auth::{ASK, REALM, bearer, mock};
use test_support::mock::{Access, Mock, What};

fn send(mock: &Mock, registry: &Registry, method: Method, target: &str) -> Result<SignedAnswer, Error> {
    block_on(registry.send(mock.transport(), SignedRequest { method, target, retries: true }))
}

fn get(mock: &Mock, registry: &Registry, target: &str) -> SignedAnswer {
    send(mock, registry, Method::Get, target).unwrap()
}

const V1: &str = "GET registry.test/v2/app/manifests/v1";

#[test]
fn a_grant_serves_a_later_client_until_it_ends() {
    let (mock, _) = mock();
    mock.access(Access::Bearer { realm: REALM.into(), user: None, refresh: None, life: Some(300) });
    let first = mock.registry();
    assert!(first.grant().is_none());
    assert_eq!(get(&mock, &first, "manifests/v1").status, 200);
    let token = format!("GET registry.test/token{ASK} 200");
    assert_eq!(mock.lines(), [format!("{V1} 401"), token.clone(), format!("{V1} (Bearer token-1) 200")]);
    let grant = first.grant().unwrap();
    assert!(grant.renew_at_ms.is_some() && !format!("{grant:?}").contains("token-1"));

    let later = mock.registry();
    later.resume(grant.clone()).unwrap();
    get(&mock, &later, "/v2/app/manifests/v1");
    mock.advance(Duration::from_secs(271));
    get(&mock, &later, "https://registry.test/v2/app/manifests/v1");
    // Near its end it is renewed, without another 401; what the registry no longer takes is replaced.
    let again = format!("{V1} (Bearer token-2) 200");
    assert_eq!(mock.lines(), [format!("{V1} (Bearer token-1) 200"), token.clone(), again]);
    mock.revoke_tokens();
    get(&mock, &later, "manifests/v1");
    let (old, new) = (format!("{V1} (Bearer token-2) 401"), format!("{V1} (Bearer token-3) 200"));
    assert_eq!(mock.lines(), [old, token, new]);
    // Not where its token service must not be asked.
    let challenge = "Bearer realm=\"http://elsewhere.test/token\"".to_owned();
    assert_eq!(mock.registry().resume(Grant { challenge, ..grant }).unwrap_err().code(), Code::Unauthorized);
}

#[test]
fn only_what_is_asked_for_is_signed_in_for() {
    let (mock, _) = mock();
    mock.bearer(REALM);
    let options = RegistryOptions::default().push(true).mount_from(vec!["base".into()]);
    let registry = mock.open("registry.test/app", None, options);
    get(&mock, &registry, "manifests/v1");
    registry.pull_from("base");
    get(&mock, &registry, "manifests/v1");
    registry.pull_from("other");
    get(&mock, &registry, "manifests/v1");
    let asked = |more: &str| {
        let scopes = "&scope=repository:app:pull,push&scope=repository:base:pull";
        format!("GET registry.test/token?service=mock{scopes}{more} 200")
    };
    let sent = |n: u32| format!("{V1} (Bearer token-{n}) 200");
    let first = [format!("{V1} 401"), asked(""), sent(1), sent(1)];
    assert_eq!(mock.lines(), [&first[..], &[asked("&scope=repository:other:pull"), sent(2)]].concat());
}

#[test]
fn what_cannot_be_signed_in_is_refused() {
    for (access, credentials) in [
        (Access::Basic { user: "u", password: "p" }, None),
        (Access::Basic { user: "u", password: "p" }, Some(Credentials::basic("u", "hunter2"))),
        (bearer(REALM, Some(("u", "p")), None), Some(Credentials::basic("u", "hunter2"))),
    ] {
        let (mock, _) = mock();
        mock.access(access);
        let registry = mock.open("registry.test/app", credentials, RegistryOptions::default());
        let e = send(&mock, &registry, Method::Put, "manifests/v1").unwrap_err();
        assert_eq!((e.code(), e.reference()), (Code::Unauthorized, Some("registry.test/app")), "{e}");
        assert!(!e.to_string().contains("hunter2"), "{e}");
    }
    for challenge in ["Negotiate", ""] {
        let (mock, _) = mock();
        mock.fault("v1", 9, What::Answer(401, vec![("www-authenticate", challenge.into())], String::new()));
        let registry = mock.registry_as(Credentials::basic("u", "p"));
        let e = send(&mock, &registry, Method::Get, "manifests/v1").unwrap_err();
        assert_eq!(e.code(), Code::Unauthorized, "{challenge}");
        assert_eq!(mock.lines(), [format!("{V1} 401")]);
    }
}

#[test]
fn any_other_status_is_an_answer_after_the_tries_that_it_is_worth() {
    let (mock, _) = mock();
    let registry = mock.registry();
    for (status, tries) in [(404, 1), (405, 1), (429, 4), (425, 4), (503, 4), (501, 1)] {
        mock.fault("v1", 4, What::Answer(status, vec![("retry-after", "2".into())], String::new()));
        let answer = get(&mock, &registry, "manifests/v1");
        assert_eq!((answer.status, answer.retry_after), (status, Some(2)));
        assert_eq!(mock.lines().len(), tries, "{status}");
        assert_eq!(mock.sleeps(), vec![2000; tries - 1]);
        mock.0.faults.borrow_mut().clear();
        mock.0.sleeps.borrow_mut().clear();
    }
    // Not where it is to be sent once, nor where the wait is too long.
    mock.fault("v1", 1, What::status(503));
    let once = SignedRequest { method: Method::Get, target: "manifests/v1", retries: false };
    assert_eq!(block_on(registry.send(mock.transport(), once)).unwrap().status, 503);
    mock.fault("v1", 1, What::Answer(429, vec![("retry-after", "3600".into())], String::new()));
    assert_eq!(get(&mock, &registry, "manifests/v1").retry_after, Some(3600));
    mock.fault("v1", 1, What::Network("reset".into()));
    assert_eq!(block_on(registry.send(mock.transport(), once)).unwrap_err().code(), Code::Network);
    assert_eq!(mock.lines().len(), 3);
}

#[test]
fn failures_say_what_the_registry_says_and_no_secret() {
    let (mock, _) = mock();
    let registry = mock.registry();
    let failure = |status: u16, body: &str| {
        mock.fault("v1", 1, What::status(status));
        let once = SignedRequest { method: Method::Put, target: "manifests/v1", retries: false };
        let answer = block_on(registry.send(mock.transport(), once)).unwrap();
        registry.failure(&answer, body.as_bytes(), "the manifest v1")
    };
    let said = |code: &str| format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#);
    let e = failure(403, &said("DENIED"));
    assert_eq!((e.code(), e.status()), (Code::Forbidden, Some(403)));
    assert!(
        e.message().starts_with("the manifest v1: ") && e.message().ends_with("it says: DENIED: no"),
        "{e}"
    );
    for (status, body, code) in [
        (400, said("DIGEST_INVALID"), Code::DigestMismatch),
        (400, said("NAME_INVALID"), Code::Network),
        (404, String::new(), Code::NotFound),
        (405, String::new(), Code::Unsupported),
        (413, String::new(), Code::LimitExceeded),
        (429, String::new(), Code::RateLimited),
        (501, String::new(), Code::Unsupported),
        (503, "<html>".into(), Code::Network),
    ] {
        assert_eq!(failure(status, &body).code(), code, "{status}");
    }
}

#[test]
fn another_host_gets_no_credentials_and_its_401_is_its_own() {
    let (mock, _) = mock();
    mock.access(Access::Basic { user: "u", password: "p" });
    mock.fault(
        "storage.test",
        9,
        What::Answer(401, vec![("www-authenticate", "Basic".into())], String::new()),
    );
    let registry = mock.registry_as(Credentials::basic("u", "p"));
    get(&mock, &registry, "manifests/v1");
    mock.lines();
    let answer = get(&mock, &registry, "https://storage.test/upload?signature=1");
    assert!(!answer.is_home);
    assert_eq!(mock.lines(), ["GET storage.test/upload?signature=1 401"]);
    let e = registry.failure(&answer, br#"{"errors":[{"code":"EVIL"}]}"#, "the upload");
    assert_eq!((e.code(), e.status()), (Code::Unauthorized, Some(401)));
    assert!(e.message().contains("storage.test answers 401, and is not the registry"), "{e}");
    assert!(!e.message().contains("EVIL") && !e.message().contains("signature"), "{e}");
}

#[test]
fn content_follows_redirects_that_keep_it_to_where_it_may_go() {
    let (mock, _) = mock();
    let registry = mock.registry();
    let put = |status: u16, to: &str| {
        mock.lines();
        mock.fault("app/uploads", 1, What::redirect(status, to));
        send(&mock, &registry, Method::Put, "uploads")
    };
    for status in [307, 308] {
        mock.fault("storage.test", 1, What::status(201));
        assert_eq!(put(status, "https://storage.test/x").unwrap().status, 201);
        assert_eq!(mock.lines().len(), 2);
    }
    for (status, to) in [
        (301, "https://storage.test/x"),
        (302, "https://storage.test/x"),
        (303, "https://storage.test/x"),
        (307, "http://storage.test/x"),
        (307, "https://localhost/x"),
        (307, "https://127.0.0.1:2375/build"),
    ] {
        let e = put(status, to).unwrap_err();
        assert_eq!((e.code(), e.status()), (Code::Network, Some(status)), "{e}");
        assert_eq!(mock.lines().len(), 1, "{to}");
    }
}

#[test]
fn where_an_answer_leads() {
    let (mock, _) = mock();
    let registry = mock.registry();
    let answer = |name: &'static str, value: &str| {
        mock.fault("v1", 1, What::Answer(202, vec![(name, value.into())], String::new()));
        send(&mock, &registry, Method::Get, "manifests/v1")
    };
    let home = "https://registry.test/v2/app";
    for (location, to) in [
        ("/v2/app/blobs/uploads/1?_state=a%2Bb%3D", Some(format!("{home}/blobs/uploads/1?_state=a%2Bb%3D"))),
        ("2", Some(format!("{home}/manifests/2"))),
        ("https://storage.test/x", Some("https://storage.test/x".into())),
        ("http://registry.test/x", None),
        ("http://storage.test/x", None),
        ("https://[::1]/x", None),
        ("http://localhost/x", None),
        ("ftp://storage.test/x", None),
        ("http://[", None),
    ] {
        assert_eq!(answer("location", location).unwrap().location, to, "{location}");
    }
    let next = answer("link", "<?n=1&last=b>; rel=\"next\"").unwrap().next;
    assert_eq!(next, Some(format!("{home}/manifests/v1?n=1&last=b")));
    assert_eq!(answer("link", "</x>; rel=prev").unwrap().next, None);
    for link in ["https://evil.test/v2/x", "//evil.test/x", "http://registry.test/x"] {
        let e = answer("link", &format!("<{link}>; rel=next")).unwrap_err();
        assert!(e.message().contains("continues a list at another host"), "{e}");
    }
}
