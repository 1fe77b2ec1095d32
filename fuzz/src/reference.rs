//! References, digests, platforms and hosts as text.

use ocipeek::format::oci::{Digest, Platform, PlatformMatcher, Reference, is_loopback};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Reference>() {
        Ok(reference) => {
            assert_eq!(reference.to_string().parse::<Reference>().ok().as_ref(), Some(&reference));
            assert_eq!(reference.familiar().parse::<Reference>().ok().as_ref(), Some(&reference));
            assert!(!reference.repository.is_empty() && reference.repository.len() <= 255);
            // Nothing that could leave the path or the host of a URL.
            let url_safe = |b: u8| b.is_ascii_alphanumeric() || b"._-/:[]".contains(&b);
            assert!(reference.api_host().bytes().chain(reference.repository.bytes()).all(url_safe));
            assert!(!reference.repository.split('/').any(|c| c.is_empty() || c == "." || c == ".."));
            assert_eq!(reference.is_loopback(), is_loopback(&reference.registry));
        }
        Err(error) => assert!(error.to_string().bytes().all(|b| b >= b' ' && b != 0x7f)),
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse::<Platform>().ok().as_ref(), Some(&platform));
        assert!(PlatformMatcher::only(&platform).matches(&platform));
    }
    let _ = is_loopback(text);
}
