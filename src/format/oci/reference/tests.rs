use proptest::prelude::*;

use super::*;
use crate::source::Target;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn parse(s: &str) -> Reference {
    s.parse().unwrap_or_else(|e| panic!("{s}: {e}"))
}

fn refused(s: &str) -> String {
    let error = s.parse::<Reference>().expect_err(s);
    assert_eq!(error.code(), Code::InvalidReference, "{s}");
    error.message().to_owned()
}

#[test]
fn what_to_fetch() {
    assert_eq!(parse("a").target(), Target::Tag("latest".into()));
    assert_eq!(parse("a:1").target(), Target::Tag("1".into()));
    let digest: Digest = DIGEST.parse().unwrap();
    assert_eq!(parse(&format!("a@{DIGEST}")).target(), Target::Digest(digest));
    assert_eq!(parse(&format!("a:1@{DIGEST}")).target(), Target::Digest(digest));
    assert_eq!(parse("a").api_host(), "registry-1.docker.io");
    assert_eq!(parse("ghcr.io/a").api_host(), "ghcr.io");
    assert_eq!(parse("a:1").to_string(), "docker.io/library/a:1");
}

#[test]
fn refused_with_a_hint() {
    assert!(refused("").contains("empty"));
    assert!(refused("Alpine").contains("did you mean \"alpine\""));
    assert!(refused("User/app").contains("did you mean \"user/app\""));
    assert!(refused("ghcr.io/Owner/App").contains("did you mean \"owner/app\""));
    assert!(refused("docker://alpine").contains("leave out docker://"));
    assert!(refused(&DIGEST[7..]).contains("image's id"));
    assert!(refused("ghcr.io/").contains("no repository"));
    assert!(refused(":1").contains("no repository"));
    assert!(refused("a:").contains("not a tag"));
    assert!(refused("host:0/a").contains("port"));
    assert!(refused("[::1/a").contains("]"));
    for path in ["/srv/layout", "./layout", "../layout:latest", "~/layout", "."] {
        assert!(refused(path).contains("oci:FOLDER"), "{path}");
    }
    assert!(refused("docker-archive:/tmp/x.tar").contains("skopeo"));
    assert!("dir:1".parse::<Reference>().is_ok());
}

#[test]
fn other_digests_are_not_supported() {
    let error = format!("a@sha512:{0}{0}", &DIGEST[7..]).parse::<Reference>().unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
}

#[test]
fn lengths() {
    assert_eq!(parse(&format!("h.io/{}", "a".repeat(255))).repository.len(), 255);
    assert!(refused(&format!("h.io/{}", "a".repeat(256))).contains("255"));
    // `library/` counts.
    assert!(refused(&"a".repeat(248)).contains("255"));
    assert_eq!(parse(&format!("a:{}", "t".repeat(128))).tag.unwrap().len(), 128);
    assert!(refused(&format!("a:{}", "t".repeat(129))).contains("128"));
    refused(&format!("{}.io/a", "a".repeat(300)));
    assert!(refused(&"A".repeat(100_000)).len() < 300);
}

#[test]
fn errors_hold_no_password() {
    for secret in ["https://user:hunter2@host.io/a", "user:hunter2@host.io/a", "hunter2://x", "user@hunter2"]
    {
        let error = secret.parse::<Reference>().unwrap_err();
        assert!(
            !error.to_string().contains("hunter2://user") && !error.to_string().contains("user:hunter2"),
            "{error}"
        );
        assert!(!error.to_string().contains("@hunter2"), "{error}");
    }
}

#[test]
fn loopback() {
    assert!(parse("localhost:5000/a").is_loopback() && !parse("localhost").is_loopback());
}

proptest! {
    #[test]
    fn what_is_written_parses_back(
        registry in prop_oneof![
            Just(String::new()), Just("docker.io/".into()), Just("localhost/".into()),
            "[a-z][a-z0-9]{0,5}\\.[a-z]{2,3}(:[1-9][0-9]{0,3})?/",
        ],
        path in "[a-z0-9]{1,8}([._]|__|-{1,3})[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}",
        tag in "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,20})?",
        digest in prop_oneof![Just(String::new()), Just(format!("@{DIGEST}"))],
    ) {
        let reference = parse(&format!("{registry}{path}{tag}{digest}"));
        prop_assert_eq!(&parse(&reference.to_string()), &reference);
        prop_assert_eq!(&parse(&reference.familiar()), &reference);
    }

    #[test]
    fn nothing_panics(s in any::<String>(), near in "[a-zA-Z0-9.:/@\\[\\]_-]{0,40}") {
        for s in [s, near] {
            if let Ok(reference) = s.parse::<Reference>() {
                prop_assert_eq!(&parse(&reference.to_string()), &reference);
                prop_assert_eq!(&parse(&reference.familiar()), &reference);
            }
            is_loopback(&s);
        }
    }
}
