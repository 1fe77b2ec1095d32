//! Challenges, and where credentials may go.

use std::rc::Rc;

use futures_executor::block_on;
use futures_util::future::join_all;
use ocipeek::error::Code;
use ocipeek::net::registry::{CredentialSource, Credentials, RegistryOptions};
use ocipeek::source::{Source, Target};

use test_support::mock::{Access, Mock, What};

pub(crate) const REALM: &str = "https://registry.test/token";
pub(crate) const ASK: &str = "?service=mock&scope=repository:app:pull";

pub(crate) fn mock() -> (Mock, Target) {
    let mock = Mock::new();
    mock.put_manifest(
        "app",
        "v1",
        "application/vnd.oci.image.index.v1+json",
        r#"{"schemaVersion":2,"manifests":[]}"#,
    );
    (mock, Target::Tag("v1".into()))
}

pub(crate) fn bearer(
    realm: &str,
    user: Option<(&'static str, &'static str)>,
    refresh: Option<&'static str>,
) -> Access {
    Access::Bearer { realm: realm.into(), user, refresh, life: None }
}

#[test]
fn anonymous_token() {
    let (mock, v1) = mock();
    mock.bearer("https://auth.elsewhere.test/token");
    let registry = mock.registry();
    block_on(registry.manifest(&v1)).unwrap();
    block_on(registry.manifest(&v1)).unwrap();
    assert_eq!(
        mock.lines(),
        [
            "GET registry.test/v2/app/manifests/v1 401".to_string(),
            format!("GET auth.elsewhere.test/token{ASK} 200"),
            "GET registry.test/v2/app/manifests/v1 (Bearer token-1) 200".into(),
            "GET registry.test/v2/app/manifests/v1 (Bearer token-1) 200".into(),
        ]
    );
    let log = registry.stats().requests();
    assert_eq!(log[1].target, "https://auth.elsewhere.test/token");
    assert_eq!(log[1].purpose.as_str(), "token");
}

#[test]
fn basic() {
    let (mock, v1) = mock();
    mock.access(Access::Basic { user: "u", password: "p" });
    let registry = mock.registry_as(Credentials::basic("u", "p"));
    block_on(registry.manifest(&v1)).unwrap();
    assert_eq!(
        mock.lines(),
        [
            "GET registry.test/v2/app/manifests/v1 401",
            "GET registry.test/v2/app/manifests/v1 (Basic dTpw) 200",
        ]
    );
    for (credentials, tries) in [(Credentials::basic("u", "wrong-s3cret"), 2), (Credentials::default(), 1)] {
        let registry = mock.registry_as(credentials);
        let e = block_on(registry.manifest(&v1)).unwrap_err();
        assert_eq!((e.code(), e.status()), (Code::Unauthorized, Some(401)));
        assert_eq!(e.reference(), Some("registry.test/app:v1"));
        assert!(!e.to_string().contains("s3cret"), "{e}");
        assert_eq!(mock.lines().len(), tries);
    }
}

#[test]
fn several_challenges_take_bearer() {
    let (mock, v1) = mock();
    mock.bearer(REALM);
    let both = format!("Negotiate, Basic realm=\"a, b\", Bearer realm=\"{REALM}\", service=\"mo\\ck\"");
    mock.fault("/manifests/", 1, What::Answer(401, vec![("www-authenticate", both)], String::new()));
    block_on(mock.registry_as(Credentials::basic("u", "p")).manifest(&v1)).unwrap();
    assert_eq!(mock.lines()[1], format!("GET registry.test/token{ASK}&account=u (Basic dTpw) 200"));
    mock.fault(
        "/manifests/",
        1,
        What::Answer(401, vec![("www-authenticate", "Digest realm=x".into())], String::new()),
    );
    let e = block_on(mock.registry().manifest(&v1)).unwrap_err();
    assert!(e.code() == Code::Unauthorized && e.message().contains("neither"), "{e}");
}

#[test]
fn credentials_go_to_the_realms_of_the_rule() {
    let allowed = [
        ("registry.test/app", "https://registry.test/token"),
        ("registry.test/app", "https://registry.test:8443/token"),
        ("eu.registry.test/app", "https://registry.test/token"),
        ("docker.io/library/app", "https://auth.docker.io/token"),
        ("localhost:5000/app", "http://localhost:5001/token"),
        ("registry.test/app", "https://listed.test/token"),
        ("registry.test/app", "https://listed.test:444/token"),
        ("registry.test/app", "https://ported.test:444/token"),
    ];
    let foreign = [
        ("registry.test/app", "https://evil.test/token"),
        ("registry.test/app", "https://eu.registry.test/token"),
        ("registry.test/app", "https://test/token"),
        ("eu.registry.test/app", "https://egistry.test/token"),
        ("registry.test/app", "https://auth.docker.io/token"),
        ("docker.io/library/app", "https://auth.docker.io:444/token"),
        ("docker.io/library/app", "https://auth.docker.io.evil.test/token"),
        ("registry.test/app", "https://ported.test/token"),
        ("registry.test/app", "https://localhost/token"),
        ("10.0.0.1/app", "https://0.0.1/token"),
    ];
    for (list, sent) in [(&allowed[..], true), (&foreign[..], false)] {
        for (reference, realm) in list {
            let (mock, v1) = mock();
            mock.put_manifest(
                "library/app",
                "v1",
                "application/vnd.oci.image.index.v1+json",
                r#"{"manifests":[]}"#,
            );
            mock.access(bearer(realm, Some(("u", "p")), None));
            let options =
                RegistryOptions::default().token_hosts(vec!["Listed.test".into(), "ported.test:444".into()]);
            let registry = mock.open(reference, Some(Credentials::basic("u", "p")), options);
            let got = block_on(registry.manifest(&v1));
            let asked: Vec<_> = mock.seen().into_iter().filter(|s| s.url.contains("/token?")).collect();
            assert_eq!(asked.len(), 1, "{reference} {realm}");
            assert_eq!(asked[0].header("authorization"), sent.then_some("Basic dTpw"), "{reference} {realm}");
            assert_eq!(asked[0].url.contains("account="), sent);
            match got {
                Ok(_) => assert!(sent),
                Err(e) => {
                    assert!(!sent, "{reference} {realm}: {e}");
                    assert_eq!(e.code(), Code::Unauthorized);
                }
            }
        }
    }
}

#[test]
fn a_foreign_realm_still_gives_anonymous_tokens_and_says_why_they_do_not_do() {
    let (mock, v1) = mock();
    mock.bearer("https://evil.test/token");
    let registry = mock.registry_as(Credentials::basic("u", "p"));
    block_on(registry.manifest(&v1)).unwrap();
    assert!(mock.seen().iter().all(|s| !s.headers.iter().any(|(_, v)| v.contains("Basic"))));
    // The token is good for nothing: the message says what to do.
    mock.revoke_tokens();
    mock.fault(
        "/manifests/",
        2,
        What::Answer(
            401,
            vec![("www-authenticate", "Bearer realm=\"https://evil.test/token\"".into())],
            String::new(),
        ),
    );
    let e = block_on(mock.registry_as(Credentials::basic("u", "p")).manifest(&v1)).unwrap_err();
    assert_eq!(e.code(), Code::Unauthorized);
    assert!(e.message().contains("https://evil.test") && e.to_string().contains("token_hosts"), "{e}");
}

#[test]
fn whoever_refuses_the_message_says_what_was_withheld_and_what_allows_it() {
    let withheld = |e: &ocipeek::error::Error| {
        let text = "were not sent to its token service https://evil.test, which is another host";
        let shown = e.to_string();
        let remedy = "; list that host in RegistryOptions::token_hosts";
        shown.contains(&format!("{text}{remedy}")) && !shown.contains("check the")
    };
    // The token service gives nothing without credentials.
    let (mock, v1) = mock();
    mock.access(bearer("https://evil.test/token", Some(("u", "p")), None));
    let registry = || mock.registry_as(Credentials::basic("u", "p"));
    let e = block_on(registry().manifest(&v1)).unwrap_err();
    assert_eq!((e.code(), e.status()), (Code::Unauthorized, Some(401)));
    assert!(withheld(&e) && e.message().contains("gives no token (HTTP 401)"), "{e}");
    // The registry refuses what the token service gives to everybody, in three ways.
    for status in [401, 403, 404] {
        mock.bearer("https://evil.test/token");
        let challenge = "Bearer realm=\"https://evil.test/token\"".to_string();
        mock.fault(
            "/manifests/",
            1,
            What::Answer(401, vec![("www-authenticate", challenge.clone())], String::new()),
        );
        mock.fault(
            "/manifests/",
            1,
            What::Answer(status, vec![("www-authenticate", challenge)], String::new()),
        );
        let e = block_on(registry().manifest(&v1)).unwrap_err();
        assert!(e.status() == Some(status) && withheld(&e), "{e}");
    }
    // Without credentials there is nothing to withhold.
    mock.access(bearer("https://evil.test/token", Some(("u", "p")), None));
    let e = block_on(mock.registry().manifest(&v1)).unwrap_err();
    assert!(e.message().contains("there are none for it") && !e.message().contains("token_hosts"), "{e}");
    // What was sent is refused.
    mock.access(bearer(REALM, Some(("u", "other")), None));
    let e = block_on(registry().manifest(&v1)).unwrap_err();
    assert!(e.message().contains("those that were sent are refused"), "{e}");
}

#[test]
fn credentials_that_cannot_be_had_stop_nothing_that_needs_none() {
    use futures_util::future::LocalBoxFuture;
    use ocipeek::error::{Error, Result};
    struct Broken;
    impl CredentialSource for Broken {
        fn get<'a>(&'a self, _: &'a str, _: &'a str) -> LocalBoxFuture<'a, Result<Option<Credentials>>> {
            Box::pin(async { Err(Error::new(Code::InvalidArgument, "the helper is not there")) })
        }
    }
    let (mock, v1) = mock();
    let registry = || {
        let reference = "registry.test/app".parse().unwrap();
        let options = RegistryOptions::default();
        ocipeek::net::registry::Registry::new(
            mock.transport(),
            &reference,
            Some(Rc::new(Broken)),
            options,
            Default::default(),
        )
        .unwrap()
    };
    mock.bearer(REALM);
    block_on(registry().manifest(&v1)).unwrap();
    for access in [bearer(REALM, Some(("u", "p")), None), Access::Basic { user: "u", password: "p" }] {
        mock.access(access);
        let e = block_on(registry().manifest(&v1)).unwrap_err();
        assert_eq!((e.code(), e.status()), (Code::Unauthorized, Some(401)));
        assert!(e.message().contains("none could be had: the helper is not there"), "{e}");
    }
}

#[test]
fn realms_that_are_not_https_are_refused() {
    for (reference, realm) in [
        ("registry.test/app", "http://registry.test/token"),
        ("registry.test/app", "http://localhost/token"),
        ("localhost:5000/app", "http://registry.test/token"),
        ("registry.test/app", "file:///etc/passwd"),
        ("registry.test/app", "https://u:s3cret@registry.test/token"),
        ("registry.test/app", ""),
    ] {
        let (mock, v1) = mock();
        mock.bearer(realm);
        let e = block_on(mock.open(reference, None, RegistryOptions::default()).manifest(&v1)).unwrap_err();
        assert_eq!(e.code(), Code::Unauthorized, "{realm}");
        assert!(!e.to_string().contains("s3cret"), "{e}");
        // Besides the question whether this machine's speaks TLS.
        let asked = mock.lines().iter().filter(|line| line.contains("/manifests/")).count();
        assert_eq!(asked, 1, "{realm}");
    }
}

#[test]
fn a_token_redirect_takes_no_credentials_along() {
    let (mock, v1) = mock();
    mock.access(bearer(REALM, Some(("u", "p")), None));
    mock.fault("/token", 1, What::redirect(307, "https://evil.test/token?scope=repository:x"));
    let e = block_on(mock.registry_as(Credentials::basic("u", "p")).manifest(&v1)).unwrap_err();
    assert_eq!(e.code(), Code::Unauthorized);
    assert_eq!(
        mock.lines()[1..],
        [
            format!("GET registry.test/token{ASK}&account=u (Basic dTpw) 307"),
            "GET evil.test/token?scope=repository:x 401".into(),
        ]
    );
}

#[test]
fn secrets_are_in_no_record() {
    let (mock, v1) = mock();
    mock.access(bearer(REALM, Some(("u", "hunter2")), None));
    let registry = mock.registry_as(Credentials::basic("u", "hunter2"));
    block_on(registry.manifest(&v1)).unwrap();
    let text = format!("{:?} {registry:?}", registry.stats());
    for secret in ["hunter2", "token-1", "dTpodW50ZXIy", "scope"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // The registry echoes the token in its error.
    mock.fault(
        "/manifests/",
        1,
        What::Answer(403, vec![], r#"{"errors":[{"message":"token-1 may not"}]}"#.into()),
    );
    let e = block_on(registry.manifest(&v1)).unwrap_err();
    assert!(e.code() == Code::Forbidden && !e.to_string().contains("token-1"), "{e}");
}

#[test]
fn hidden_challenges_in_browsers() {
    let (mock, v1) = mock();
    mock.access(Access::Basic { user: "u", password: "p" });
    mock.0.browser.set(true);
    mock.0.exposed.borrow_mut().clear();
    // Credentials for the registry are tried as Basic.
    block_on(mock.registry_as(Credentials::basic("u", "p")).manifest(&v1)).unwrap();
    for registry in [mock.registry(), mock.registry_as(Credentials::basic("u", "wrong"))] {
        let e = block_on(registry.manifest(&v1)).unwrap_err();
        assert_eq!(e.code(), Code::Unauthorized);
        assert!(e.message().contains("CORS"), "{e}");
    }
    // A Bearer challenge that is shown works as elsewhere.
    mock.0.exposed.borrow_mut().push("www-authenticate");
    mock.bearer(REALM);
    block_on(mock.registry().manifest(&v1)).unwrap();
}

#[test]
fn credentials_are_asked_for_only_when_needed() {
    use futures_util::future::LocalBoxFuture;
    use ocipeek::net::registry::{CredentialSource, Registry};
    use std::cell::RefCell;
    use std::rc::Rc;
    struct Source(RefCell<Vec<String>>);
    impl CredentialSource for Source {
        fn get<'a>(
            &'a self,
            registry: &'a str,
            repository: &'a str,
        ) -> LocalBoxFuture<'a, ocipeek::error::Result<Option<Credentials>>> {
            self.0.borrow_mut().push(format!("{registry} {repository}"));
            Box::pin(async { Ok(Some(Credentials::basic("u", "p"))) })
        }
    }
    let (mock, v1) = mock();
    let source = Rc::new(Source(RefCell::default()));
    let reference = "registry.test/app".parse().unwrap();
    let registry = Registry::new(
        mock.transport(),
        &reference,
        Some(source.clone()),
        RegistryOptions::default(),
        Default::default(),
    )
    .unwrap();
    block_on(registry.manifest(&v1)).unwrap();
    assert!(source.0.borrow().is_empty());
    mock.access(bearer(REALM, Some(("u", "p")), None));
    block_on(join_all((0..3).map(|_| registry.manifest(&v1))));
    mock.revoke_tokens();
    block_on(registry.manifest(&v1)).unwrap();
    assert_eq!(*source.0.borrow(), ["registry.test app"]);
}
