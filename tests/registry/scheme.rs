//! Registries on this machine: https first, and http where they speak no TLS. What is known is known for the thread, so each
//! test has hosts of its own.

use futures_executor::block_on;
use ocipeek::error::Code;
use ocipeek::net::registry::{Credentials, RegistryOptions};
use ocipeek::source::{Source, Target};

use test_support::mock::{Access, Mock, What};

fn mock() -> (Mock, Target) {
    let mock = Mock::new();
    let media_type = "application/vnd.oci.image.index.v1+json";
    mock.put_manifest("app", "v1", media_type, r#"{"schemaVersion":2,"manifests":[]}"#);
    (mock, Target::Tag("v1".into()))
}

fn no_tls(mock: &Mock) {
    mock.fault("GET https://", 99, What::Network("wrong version number".into()));
}

#[test]
fn a_host_of_this_machine_is_asked_once_https_first() {
    for host in ["localhost:1001", "127.0.0.1:1001", "[::1]:1001", "a.b.localhost:1001"] {
        let (mock, v1) = mock();
        no_tls(&mock);
        let registry = mock.open(&format!("{host}/app"), None, RegistryOptions::default());
        block_on(registry.manifest(&v1)).unwrap();
        block_on(registry.manifest(&v1)).unwrap();
        let manifest = format!("GET http://{host}/v2/app/manifests/v1 200");
        assert_eq!(mock.lines(), [format!("GET {host}/v2/ 0"), manifest.clone(), manifest.clone()]);
        // It is one request of its kind in the record, and in no other registry's.
        let log = registry.stats().requests();
        assert_eq!((log[0].purpose.as_str(), log[0].status, log.len()), ("ping", 0, 3));
        let again = mock.open(&format!("{host}/app"), None, RegistryOptions::default());
        block_on(again.manifest(&v1)).unwrap();
        assert_eq!(mock.lines(), [manifest]);
        assert_eq!(again.stats().requests().len(), 1);
    }
}

#[test]
fn tls_on_this_machine() {
    let (mock, v1) = mock();
    mock.access(Access::Basic { user: "u", password: "p" });
    let options = RegistryOptions::default();
    let registry = mock.open("localhost:1002/app", Some(Credentials::basic("u", "p")), options.clone());
    block_on(registry.manifest(&v1)).unwrap();
    let manifest = "GET localhost:1002/v2/app/manifests/v1";
    let (refused, taken) = (format!("{manifest} 401"), format!("{manifest} (Basic dTpw) 200"));
    // Any answer tells, and the question has no credentials.
    assert_eq!(mock.lines(), ["GET localhost:1002/v2/ 401".to_string(), refused.clone(), taken.clone()]);
    let again = mock.open("localhost:1002/app", Some(Credentials::basic("u", "p")), options);
    block_on(again.manifest(&v1)).unwrap();
    assert_eq!(mock.lines(), [refused, taken]);
}

#[test]
fn a_certificate_that_is_not_trusted_is_not_no_tls() {
    let (mock, v1) = mock();
    mock.fault("GET https://", 99, What::Untrusted);
    let registry = mock.open("localhost:1003/app", None, RegistryOptions::default());
    for _ in 0..2 {
        let e = block_on(registry.manifest(&v1)).unwrap_err();
        assert!(e.code() == Code::Network && e.message().contains("certificate"), "{e}");
    }
    let seen = mock.lines();
    assert!(seen.iter().all(|line| !line.contains("http://")), "{seen:?}");
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn other_hosts_are_never_asked_without_tls() {
    for host in ["registry.test", "10.0.0.1", "127.0.0.1.evil.test", "localhost.evil.test"] {
        let (mock, v1) = mock();
        no_tls(&mock);
        let registry = mock.open(&format!("{host}/app"), None, RegistryOptions::default());
        assert_eq!(block_on(registry.manifest(&v1)).unwrap_err().code(), Code::Network, "{host}");
        let seen = mock.lines();
        assert!(seen.iter().all(|line| line.starts_with(&format!("GET {host}/v2/app/"))), "{seen:?}");
    }
}

#[test]
fn what_the_caller_says_is_not_asked() {
    for (options, url) in [
        (RegistryOptions::default().plain_http(true), "GET http://localhost:1004/"),
        (RegistryOptions::default().https_only(true), "GET localhost:1004/"),
        (RegistryOptions::default().https_only(true).plain_http(true), "GET localhost:1004/"),
    ] {
        let (mock, v1) = mock();
        block_on(mock.open("localhost:1004/app", None, options).manifest(&v1)).unwrap();
        assert_eq!(mock.lines(), [format!("{url}v2/app/manifests/v1 200")]);
    }
}

#[test]
fn one_that_hangs_is_not_waited_for_long_and_one_that_is_down_is_asked_again() {
    let (hanging, v1) = mock();
    hanging.fault("GET https://", 1, What::Hang);
    block_on(hanging.open("localhost:1005/app", None, RegistryOptions::default()).manifest(&v1)).unwrap();
    assert_eq!(hanging.elapsed_ms(), 3_000);
    assert_eq!(
        hanging.lines(),
        ["GET localhost:1005/v2/ 0", "GET http://localhost:1005/v2/app/manifests/v1 200"]
    );

    let (down, v1) = mock();
    down.fault("localhost:1006", 99, What::Network("connection refused".into()));
    let registry = down.open("localhost:1006/app", None, RegistryOptions::default());
    block_on(registry.manifest(&v1)).unwrap_err();
    down.lines();
    down.0.faults.borrow_mut().clear();
    // It has come up, with TLS.
    block_on(registry.manifest(&v1)).unwrap();
    assert_eq!(down.lines(), ["GET localhost:1006/v2/ 404", "GET localhost:1006/v2/app/manifests/v1 200"]);
}
