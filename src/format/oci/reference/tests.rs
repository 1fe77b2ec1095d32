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

/// As written; registry, repository, tag; the familiar form.
#[test]
fn as_docker_users_write_them() {
    let cases: &[(&str, &str, &str, Option<&str>, &str)] = &[
        ("alpine", "docker.io", "library/alpine", None, "alpine"),
        ("alpine:3.20", "docker.io", "library/alpine", Some("3.20"), "alpine:3.20"),
        ("user/app:1", "docker.io", "user/app", Some("1"), "user/app:1"),
        ("docker.io/alpine", "docker.io", "library/alpine", None, "alpine"),
        ("docker.io/library/alpine", "docker.io", "library/alpine", None, "alpine"),
        ("index.docker.io/alpine:3", "docker.io", "library/alpine", Some("3"), "alpine:3"),
        ("Docker.IO/alpine", "docker.io", "library/alpine", None, "alpine"),
        ("library/alpine", "docker.io", "library/alpine", None, "alpine"),
        ("library/a/b", "docker.io", "library/a/b", None, "library/a/b"),
        ("docker.io/foo.bar/x", "docker.io", "foo.bar/x", None, "docker.io/foo.bar/x"),
        ("docker.io/localhost/x", "docker.io", "localhost/x", None, "docker.io/localhost/x"),
        ("docker.io/library/foo.bar", "docker.io", "library/foo.bar", None, "foo.bar"),
        ("ghcr.io/o/a", "ghcr.io", "o/a", None, "ghcr.io/o/a"),
        ("GHCR.io/o/a", "ghcr.io", "o/a", None, "ghcr.io/o/a"),
        ("LocalHost/a", "localhost", "a", None, "localhost/a"),
        ("localhost/a", "localhost", "a", None, "localhost/a"),
        ("localhost:5000/a", "localhost:5000", "a", None, "localhost:5000/a"),
        ("localhost:5000/a:1", "localhost:5000", "a", Some("1"), "localhost:5000/a:1"),
        // Docker reads these as names on Docker Hub, too.
        ("localhost", "docker.io", "library/localhost", None, "localhost"),
        ("localhost:5000", "docker.io", "library/localhost", Some("5000"), "localhost:5000"),
        ("example.com", "docker.io", "library/example.com", None, "example.com"),
        ("[::1]:5000/a:1", "[::1]:5000", "a", Some("1"), "[::1]:5000/a:1"),
        ("[2001:DB8::1]/a", "[2001:db8::1]", "a", None, "[2001:db8::1]/a"),
        ("127.0.0.1:65535/a/b/c", "127.0.0.1:65535", "a/b/c", None, "127.0.0.1:65535/a/b/c"),
        ("xn--bcher-kva.example/a", "xn--bcher-kva.example", "a", None, "xn--bcher-kva.example/a"),
        ("a.b/c__d/e-f---g.h_i:_T.-", "a.b", "c__d/e-f---g.h_i", Some("_T.-"), "a.b/c__d/e-f---g.h_i:_T.-"),
    ];
    for (text, registry, repository, tag, familiar) in cases {
        for digest in [None, Some(DIGEST)] {
            let suffix = digest.map(|d| format!("@{d}")).unwrap_or_default();
            let reference = parse(&format!("{text}{suffix}"));
            assert_eq!(reference.registry, *registry, "{text}");
            assert_eq!(reference.repository, *repository, "{text}");
            assert_eq!(reference.tag.as_deref(), *tag, "{text}");
            assert_eq!(reference.digest.map(|d| d.to_string()).as_deref(), digest, "{text}");
            assert_eq!(reference.familiar(), format!("{familiar}{suffix}"));
            assert_eq!(parse(&reference.familiar()), reference);
            assert_eq!(parse(&reference.to_string()), reference);
        }
    }
}

#[test]
fn a_name_like_an_id_is_written_whole() {
    let reference = parse(&format!("docker.io/{}", &DIGEST[7..]));
    assert_eq!(reference.familiar(), format!("docker.io/library/{}", &DIGEST[7..]));
    assert_eq!(parse(&reference.familiar()), reference);
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
fn refused_forms() {
    for bad in [
        "a:b:c",
        "a@",
        "a@b",
        "@",
        "a b",
        "a/",
        "/a",
        "a//b",
        "a/b/",
        "a..b",
        "a._b",
        "a___b",
        "-a",
        "a-",
        "_a",
        ".a",
        "a/.b",
        "é",
        "a\n",
        "a:é",
        "a:-1",
        "a:.1",
        "a:b/c",
        "a:1@",
        ":",
        "/",
        "..",
        "a/../b",
        "a?b",
        "a#b",
        "a%2fb",
        "-host.io/a",
        "host-.io/a",
        "host..io/a",
        ".io/a",
        "host.io./a",
        "under_score.io/a",
        "host:/a",
        "host:x/a",
        "host:65536/a",
        "host:-1/a",
        "host:+80/a",
        "host:80:80/a",
        "::1/a",
        "[::1]5000/a",
        "[::1]:/a",
        "[::1%25lo]/a",
        "[::ffff:127.0.0.1]/a",
        "[1.2.3.4]/a",
        "[]/a",
        "[:::]/a",
        "user:pw@host.io/a",
        "host.io\\a",
    ] {
        refused(bad);
    }
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
    for yes in [
        "localhost",
        "LOCALHOST:1",
        "localhost.",
        "a.localhost",
        "a.b.localhost:80",
        "127.0.0.1",
        "127.255.0.9:5000",
        "[::1]",
        "[::1]:5000",
        "[0:0::1]:5000",
        "::1",
    ] {
        assert!(is_loopback(yes), "{yes}");
    }
    for no in [
        "",
        "localhost.evil.com",
        "evillocalhost",
        ".localhost",
        "a@b.localhost",
        "127.0.0.1.evil.com",
        "127.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "2130706433",
        "128.0.0.1",
        "0.0.0.0",
        "::",
        "[::]",
        "[::2]",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[::1]:x",
        "[::ffff:7f00:1]",
        "localhost:",
        "localhost:x",
        "localhost:80:80",
        "localhost/x",
        "localhost#",
        "127.0.0.1\n",
    ] {
        assert!(!is_loopback(no), "{no}");
    }
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
