//! The cases are those that containerd's own tests name, worked out by its rules.

use super::*;

fn platform(s: &str) -> Platform {
    s.parse().unwrap()
}

/// What of `offered` is taken for `wanted`, best first.
fn ranked<'a>(wanted: &str, offered: &[&'a str]) -> Vec<&'a str> {
    let matcher = PlatformMatcher::only(&platform(wanted));
    let mut found: Vec<_> = offered.iter().filter_map(|o| Some((matcher.rank(&platform(o))?, *o))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, o)| o).collect()
}

const ALL: &[&str] = &[
    "linux/386",
    "linux/amd64",
    "linux/amd64/v2",
    "linux/amd64/v3",
    "linux/arm/v5",
    "linux/arm/v6",
    "linux/arm/v7",
    "linux/arm/v8",
    "linux/arm64",
    "linux/arm64/v8.1",
    "linux/arm64/v8.5",
    "linux/arm64/v9",
    "linux/arm64/v9.2",
    "linux/s390x",
    "windows/amd64",
];

#[test]
fn falls_back_as_containerd_does() {
    assert_eq!(ranked("linux/amd64", ALL), ["linux/amd64", "linux/386"]);
    assert_eq!(
        ranked("linux/amd64/v3", ALL),
        ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"]
    );
    assert_eq!(ranked("linux/386", ALL), ["linux/386"]);
    assert_eq!(ranked("linux/arm", ALL), ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]);
    assert_eq!(ranked("linux/arm/v8", ALL), ["linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]);
    assert_eq!(ranked("linux/arm/v6", ALL), ["linux/arm/v6", "linux/arm/v5"]);
    assert_eq!(ranked("linux/arm/v5", ALL), ["linux/arm/v5"]);
    let arm = ["linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"];
    assert_eq!(ranked("linux/arm64", ALL), [&["linux/arm64"], &arm[..]].concat());
    assert_eq!(ranked("linux/arm64/v8.2", ALL), [&["linux/arm64/v8.1", "linux/arm64"], &arm[..]].concat());
    assert_eq!(
        ranked("linux/arm64/v9", ALL),
        [&["linux/arm64/v9", "linux/arm64/v8.5", "linux/arm64/v8.1", "linux/arm64"], &arm[..]].concat()
    );
    assert_eq!(
        ranked("linux/arm64/v9.7", ALL),
        [
            &["linux/arm64/v9.2", "linux/arm64/v9", "linux/arm64/v8.5", "linux/arm64/v8.1", "linux/arm64"],
            &arm[..]
        ]
        .concat()
    );
    assert_eq!(ranked("windows/amd64", ALL), ["windows/amd64"]);
    assert_eq!(ranked("linux/riscv64", ALL), [""; 0]);
}

#[test]
fn variants_that_nobody_knows_match_only_themselves() {
    let odd =
        ["linux/arm64/v99", "linux/arm64/v8", "linux/arm/v99", "linux/arm/v7", "linux/amd64/v999999999999"];
    assert_eq!(ranked("linux/arm64/v99", &odd), ["linux/arm64/v99"]);
    assert_eq!(ranked("linux/arm/v99", &odd), ["linux/arm/v99"]);
    assert_eq!(ranked("linux/amd64/v999999999999", &odd), ["linux/amd64/v999999999999"]);
}

#[test]
fn features_must_be_there_and_more_of_them_are_better() {
    let offered = ["linux/amd64", "linux(+a)/amd64", "linux(+a+b)/amd64", "linux(+c)/amd64"];
    assert_eq!(ranked("linux/amd64", &offered), ["linux/amd64"]);
    assert_eq!(
        ranked("linux(+b+a)/amd64", &offered),
        ["linux(+a+b)/amd64", "linux(+a)/amd64", "linux/amd64"]
    );
    assert_eq!(
        ranked("windows/amd64", &["windows(+win32k)/amd64", "windows(+x)/amd64"]),
        ["windows(+win32k)/amd64"]
    );
}

#[test]
fn windows_builds() {
    let offered = [
        "windows/amd64",
        "windows(10.0.17763.1)/amd64",
        "windows(10.0.20348.2)/amd64",
        "windows(10.0.25398)/amd64",
        "windows(10.0.26100)/amd64",
        "windows(6.3.20348)/amd64",
        "windows(junk)/amd64",
    ];
    let builds = |wanted: &str| {
        let number = |s: &&str| s.split(['.', ')']).nth(2).and_then(|b| b.parse::<u32>().ok()).unwrap_or(0);
        ranked(wanted, &offered).iter().map(number).collect::<Vec<_>>()
    };
    assert_eq!(builds("windows/amd64").len(), offered.len());
    assert_eq!(builds("windows(10.0.17763.999)/amd64"), [0, 17763]);
    assert_eq!(builds("windows(10.0.20348)/amd64"), [0, 20348]);
    assert_eq!(builds("windows(10.0.26100)/amd64"), [0, 20348, 25398, 26100]);
    assert_eq!(builds("windows(10.0.26200)/amd64"), [0, 26100]);
}

#[test]
fn the_first_of_equals_is_best() {
    let matcher = PlatformMatcher::only(&platform("linux/arm64"));
    let offered = ["linux/amd64", "linux/arm64/v8", "linux/aarch64"].map(platform);
    assert_eq!(matcher.best(&offered), Some(1));
    assert_eq!(matcher.best(&offered[..1]), None);
    assert!(matcher.matches(&offered[2]) && !matcher.matches(&Platform::new("", "")));
}
