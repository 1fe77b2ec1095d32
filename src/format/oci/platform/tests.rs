use proptest::prelude::*;

use super::*;

fn parse(s: &str) -> Platform {
    s.parse().unwrap_or_else(|e| panic!("{s}: {e}"))
}

#[test]
fn as_written() {
    for (text, wanted) in [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/x86-64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/9", "linux/arm64/v9"),
        ("linux/arm64/v8.2", "linux/arm64/v8.2"),
        ("linux/arm", "linux/arm"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("macos/arm64", "darwin/arm64"),
        ("aarch64", "linux/arm64"),
        ("s390x", "linux/s390x"),
        ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
        ("windows(10.0.17763+win32k)/amd64", "windows(10.0.17763+win32k)/amd64"),
        ("linux(+b+a+b)/amd64", "linux(+a+b)/amd64"),
        ("linux(1%2B2+x%2Fy)/amd64", "linux(1%2B2+x%2Fy)/amd64"),
        ("made-up_os/made.up/v1.2", "made-up_os/made.up/v1.2"),
    ] {
        assert_eq!(parse(text).to_string(), wanted, "{text}");
        assert_eq!(parse(wanted), parse(text));
    }
    assert_eq!(parse("linux"), Platform::host());
    assert_eq!(parse("windows").architecture, Platform::host().architecture);
    assert_eq!(Platform::default().os, "linux");
}

#[test]
fn refused() {
    let long = "a".repeat(300);
    for bad in [
        "",
        "/",
        "linux/",
        "/amd64",
        "linux//v1",
        "linux/amd64/v1/x",
        "nope",
        "linux/*",
        "*",
        "lin ux/amd64",
        "linux/am\nd64",
        "windows(/amd64",
        "windows)/amd64",
        "windows(1)(2)/amd64",
        "windows(1%)/amd64",
        "windows(1%zz)/amd64",
        "windows(%ff)/amd64",
        "a.b/amd64",
        "linux(1)x/amd64",
        "amd64(1)",
        "é/amd64",
        &long,
    ] {
        assert_eq!(bad.parse::<Platform>().unwrap_err().code(), Code::InvalidArgument, "{bad}");
    }
}

#[test]
fn what_an_index_says_is_escaped_in_errors() {
    assert_eq!(Platform::new("linux", "amd64").shown(), "linux/amd64");
    assert_eq!(Platform::new("l\x1b[2J", "amd64").shown(), "\"l\\u{1b}[2J/amd64\"");
    assert!(Platform::new("x".repeat(10_000), "amd64").shown().len() < 100);
    assert_eq!(Platform::new("", "amd64").to_string(), "unknown/amd64");
}

proptest! {
    #[test]
    fn normalising_twice_changes_nothing(os in ".{0,8}", architecture in "(arm|arm64|amd64|.{0,4})", variant in "v?[0-9.]{0,4}", features in prop::collection::vec(".{0,3}", 0..4)) {
        let platform = Platform { variant: Some(variant), os_features: features, ..Platform::new(os, architecture) };
        let once = platform.normalize();
        prop_assert_eq!(once.normalize(), once);
    }

    #[test]
    fn text_round_trips(s in "(linux|windows|x)(\\([0-9.%A-F]{0,6}(\\+[a-z%0-9]{1,4}){0,2}\\))?(/[a-z0-9._-]{1,6}){0,2}", any in any::<String>()) {
        for s in [s, any] {
            if let Ok(platform) = s.parse::<Platform>() {
                prop_assert_eq!(parse(&platform.to_string()), platform);
            }
        }
    }
}
