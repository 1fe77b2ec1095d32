//! References, hosts, `Link` and `Retry-After`, by the table that is also for what reads them in TypeScript.

use ocipeek::format::oci::{Reference, is_loopback};
use ocipeek::net::http::{Url, next_link, retry_after};
use serde_json::Value;

pub fn table(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/names.json", env!("CARGO_MANIFEST_DIR"));
    let mut all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    all[name].take()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

#[test]
fn references() {
    for case in list(&table("references")) {
        let text = case["text"].as_str().unwrap();
        let found: Reference = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        let digest = found.digest.map(|digest| digest.to_string());
        let parts = [
            ("registry", Some(found.registry.as_str())),
            ("repository", Some(found.repository.as_str())),
            ("tag", found.tag.as_deref()),
            ("digest", digest.as_deref()),
            ("familiar", Some(&*found.familiar())),
        ];
        for (name, part) in parts {
            assert_eq!(part, case[name].as_str(), "{name} of {text}");
        }
        for again in [found.familiar(), found.to_string()] {
            assert_eq!(again.parse::<Reference>().unwrap(), found, "{again}");
        }
    }
}

#[test]
fn no_references() {
    for text in list(&table("refused")) {
        let text = text.as_str().unwrap();
        assert!(text.parse::<Reference>().is_err(), "{text:?}");
    }
}

#[test]
fn loopback() {
    let table = table("loopback");
    for (name, expected) in [("yes", true), ("no", false)] {
        for host in list(&table[name]) {
            let host = host.as_str().unwrap();
            assert_eq!(is_loopback(host), expected, "{host:?}");
            if let Ok(url) = Url::parse(&format!("http://{host}/"))
                && expected
            {
                assert!(url.is_loopback(), "{url}");
            }
        }
    }
}

#[test]
fn links() {
    for case in list(&table("links")) {
        let field = case[0].as_str().unwrap();
        assert_eq!(next_link(field), case[1].as_str(), "{field}");
    }
}

#[test]
fn waits() {
    let table = table("retryAfter");
    let now = table["now"].as_u64().unwrap();
    for case in list(&table["cases"]) {
        let field = case[0].as_str().unwrap();
        assert_eq!(retry_after(field, now).map(u64::from), case[1].as_u64(), "{field:?}");
    }
}
