//! Image references as Docker users write them: `[registry/]repository[:tag][@digest]`.
//!
//! The grammar and the rules for what is left out are those of the distribution project's `reference`
//! package: no registry means Docker Hub, no namespace there means `library/`, no tag means `latest`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::Digest;
use super::json::shown;
use crate::error::{Code, Error, Result};

/// Docker Hub's name in references.
const HUB: &str = "docker.io";
/// The host that serves Docker Hub's API.
const HUB_API: &str = "registry-1.docker.io";
const MAX_REPOSITORY: usize = 255;
const MAX_TAG: usize = 128;
/// Longest registry: a DNS name (253), brackets or colon, and a port.
const MAX_REGISTRY: usize = 260;

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Host and optional port, in lower case, e.g. `docker.io`, `[::1]:5000`. For requests see
    /// [`Reference::api_host`].
    pub registry: String,
    /// The repository, e.g. `library/alpine`.
    pub repository: String,
    /// The tag, if one is given.
    pub tag: Option<String>,
    /// The digest, if one is given. It decides where there is a tag too.
    pub digest: Option<Digest>,
}

impl Reference {
    /// As short as Docker shows it: `alpine:3` for `docker.io/library/alpine:3`. Parses to the same reference.
    pub fn familiar(&self) -> String {
        let short = match self.repository.strip_prefix("library/") {
            Some(rest) if !rest.contains('/') => rest,
            _ => &self.repository,
        };
        // `localhost/x` and `foo.bar/x` of Docker Hub would read as registries, 64 hex digits as an id.
        let name = if self.registry == HUB && split_registry(short).0.is_none() && !is_image_id(short) {
            short.to_owned()
        } else {
            format!("{}/{}", self.registry, self.repository)
        };
        self.with_suffix(name)
    }

    /// Host and optional port that requests go to: the registry, but for Docker Hub.
    pub fn api_host(&self) -> &str {
        if self.registry == HUB { HUB_API } else { &self.registry }
    }

    /// Whether the registry is this machine; only then is plain `http` used without being asked for.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.registry)
    }

    fn with_suffix(&self, mut name: String) -> String {
        if let Some(tag) = &self.tag {
            name.push(':');
            name.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            name.push('@');
            name.push_str(&digest.to_string());
        }
        name
    }
}

/// Whether a host, with or without a port, is this machine whatever the name service says: `localhost`,
/// `*.localhost` (RFC 6761), `127.0.0.0/8`, `[::1]`.
///
/// Only dotted quads count as IPv4 addresses; that some programs read `127.1` or `0x7f000001` as one
/// does not make it loopback here.
pub fn is_loopback(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let port_is_fine = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return port_is_fine && address.parse::<Ipv6Addr>().is_ok_and(|a| a.is_loopback());
    }
    let name = match host.split_once(':') {
        // A bare IPv6 address has more than one colon.
        Some((_, port)) if port.contains(':') => {
            return host.parse::<Ipv6Addr>().is_ok_and(|a| a.is_loopback());
        }
        Some((name, port)) if is_port(port) => name,
        Some(_) => return false,
        None => host,
    };
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    name == "localhost"
        || name.strip_suffix(".localhost").is_some_and(is_domain_name)
        || name.parse::<Ipv4Addr>().is_ok_and(|a| a.is_loopback())
}

impl FromStr for Reference {
    type Err = Error;

    /// # Errors
    /// `INVALID_REFERENCE`; `UNSUPPORTED` for a digest that is not SHA-256.
    fn from_str(s: &str) -> Result<Self> {
        if let Some((scheme, rest)) = s.split_once(':')
            && let Some(rest) = rest.strip_prefix("//")
        {
            // Not shown: a URL may hold a password.
            let scheme = if scheme.len() <= 16 && scheme.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            {
                scheme
            } else {
                "the scheme"
            };
            let what =
                if rest.is_empty() { "and write an image's name" } else { "and write only what follows" };
            return Err(invalid(format!("an image reference is not a URL; leave out {scheme}:// {what}")));
        }
        if s.is_empty() {
            return Err(invalid(
                "the image reference is empty; write it like alpine:3 or ghcr.io/owner/app:tag",
            ));
        }
        if let Some(hint) = local_hint(s) {
            return Err(invalid(hint));
        }
        if is_image_id(s) {
            return Err(invalid("this is an image's id, not a reference; write repository@sha256:<digest>"));
        }
        let (rest, digest) = match s.split_once('@') {
            Some((rest, digest)) => (rest, Some(parse_digest(digest)?)),
            None => (s, None),
        };
        let (registry, rest) = split_registry(rest);
        // Only the last colon can be a tag's: a path component has none.
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        let registry = registry.map_or_else(|| Ok(HUB.to_owned()), parse_registry)?;
        check_path(path)?;
        if let Some(tag) = tag {
            check_tag(tag)?;
        }
        let repository =
            if registry == HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        if repository.len() > MAX_REPOSITORY {
            let message = format!("the repository's name has more than {MAX_REPOSITORY} characters");
            return Err(invalid(message));
        }
        Ok(Reference { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for Reference {
    /// The canonical form, e.g. `docker.io/library/alpine:3`; parses to the same reference.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_suffix(format!("{}/{}", self.registry, self.repository)))
    }
}

/// What to write for what names something on disk or in a daemon, and can be no reference.
fn local_hint(s: &str) -> Option<String> {
    if s.starts_with(['/', '~', '\\']) || s.starts_with("./") || s.starts_with("../") || s == "." {
        return Some(format!(
            "{} is a path, not an image reference; write oci:FOLDER[:TAG] for an OCI image layout, or \
             oci-archive:FILE[:TAG] for a tar of one",
            shown(s)
        ));
    }
    // With a path behind it: `dir:1` alone may be a repository and its tag.
    let (kind, rest) = s.split_once(':')?;
    let known =
        matches!(kind, "docker-archive" | "dir" | "containers-storage" | "ostree" | "tarball" | "sif");
    (known && rest.contains('/'))
        .then(|| format!("{kind}: cannot be read here; copy it with skopeo to oci:FOLDER:TAG, and open that"))
}

/// What `docker run` would take for the id of an image.
fn is_image_id(s: &str) -> bool {
    s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidReference, message)
}

/// The first component is a registry if it is `localhost` or has a dot or a port.
///
/// Docker also takes one with capitals for a host. It is far more often a namespace by mistake (`User/app`),
/// which is then said.
fn split_registry(s: &str) -> (Option<&str>, &str) {
    match s.split_once('/') {
        Some((first, rest)) if first.eq_ignore_ascii_case("localhost") || first.contains(['.', ':']) => {
            (Some(first), rest)
        }
        _ => (None, s),
    }
}

/// Checks a registry; lower case, as DNS does not tell case apart and hosts are compared.
fn parse_registry(s: &str) -> Result<String> {
    let bad = |why: &str| Err(invalid(format!("{} is not a registry's host[:port]: {why}", shown(s))));
    if s.len() > MAX_REGISTRY {
        return bad("it is too long");
    }
    let (host_is_fine, port) = if let Some(rest) = s.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return bad("the ] is missing") };
        // No zone, no embedded IPv4: the grammar has hex digits and colons only.
        let plain = address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
        (plain && address.parse::<Ipv6Addr>().is_ok(), (!port.is_empty()).then(|| port.strip_prefix(':')))
    } else {
        match s.split_once(':') {
            Some((name, port)) => (is_domain_name(name), Some(Some(port))),
            None => (is_domain_name(s), None),
        }
    };
    if !host_is_fine {
        return bad("the host is neither a DNS name nor an address (IPv6 goes in [])");
    }
    if port.is_some_and(|p| !p.is_some_and(is_port)) {
        return bad("the port is not a number from 1 to 65535");
    }
    let host = s.to_ascii_lowercase();
    let hub = matches!(host.as_str(), "index.docker.io" | HUB_API | "registry.hub.docker.com");
    Ok(if hub { HUB.to_owned() } else { host })
}

/// A port in its one form, without zeros before it.
fn is_port(s: &str) -> bool {
    s.bytes().all(|b| b.is_ascii_digit()) && !s.starts_with('0') && s.parse::<u16>().is_ok()
}

fn is_domain_name(s: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    s.len() <= 253 && s.split('.').all(label)
}

/// `path-component ['/' path-component]*`, where a component is lower-case letters and digits with single
/// `.` or `_`, `__`, or any number of `-` between them.
fn check_path(path: &str) -> Result<()> {
    if path.is_empty() {
        return Err(invalid("the image reference has no repository"));
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        let lower = path.to_ascii_lowercase();
        return Err(invalid(format!("repository names are lower case; did you mean {}?", shown(&lower))));
    }
    if path.split('/').all(is_component) {
        return Ok(());
    }
    Err(invalid(format!(
        "{} is not a repository: its parts are lower-case letters and digits, with . _ __ or - between them",
        shown(path)
    )))
}

fn is_component(s: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let separator = |run: &[u8]| matches!(run, b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-');
    let bytes = s.as_bytes();
    bytes.first().copied().is_some_and(alphanumeric)
        && bytes.last().copied().is_some_and(alphanumeric)
        && bytes.split(|b| alphanumeric(*b)).all(separator)
}

fn check_tag(tag: &str) -> Result<()> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let fine = tag.len() <= MAX_TAG
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-');
    if fine {
        return Ok(());
    }
    Err(invalid(format!(
        "{} is not a tag: up to {MAX_TAG} letters, digits, _ . and -, not starting with . or -",
        shown(tag)
    )))
}

/// The message does not repeat what is before an `@` that may turn out to be a user's in a URL.
fn parse_digest(s: &str) -> Result<Digest> {
    s.parse().map_err(|e: Error| match e.code() {
        Code::Unsupported => e,
        _ => invalid("what follows the @ is not a digest; want sha256:<64 lower-case hex digits>"),
    })
}

#[cfg(test)]
mod tests;
