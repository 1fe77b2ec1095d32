//! A small strict splitter of `http` and `https` URLs (RFC 3986). What it refuses could be read differently
//! by the platform's own parser, and a check of the host would then be worth nothing.

use std::fmt;
use std::net::Ipv6Addr;

use crate::error::{Code, Error, Result};
use crate::format::oci;

/// An absolute `http` or `https` URL, without user and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    https: bool,
    /// Lower case; IPv6 in brackets.
    host: String,
    /// `None` for the scheme's own.
    port: Option<u16>,
    /// Starts with `/`.
    path: String,
    query: Option<String>,
}

impl Url {
    /// Parses an absolute URL. User names, other schemes, and hosts that are neither a name of letters, digits,
    /// `-`, `_` and `.` nor an IPv6 address are `INVALID_ARGUMENT`.
    pub fn parse(text: &str) -> Result<Url> {
        let text = text.trim_matches(' ');
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| bad("it is not an absolute http(s) URL"))?;
        let https = if scheme.eq_ignore_ascii_case("https") {
            true
        } else if scheme.eq_ignore_ascii_case("http") {
            false
        } else {
            return Err(bad("its scheme is neither https nor http"));
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (host, port) = split_authority(authority, https)?;
        let (path, query) = split_query(&clean(tail)?);
        let path = remove_dots(if path.is_empty() { "/" } else { path.as_str() });
        Ok(Url { https, host, port, path, query })
    }

    /// Resolves a reference from this URL's answer (`Location`, `Link`), as RFC 3986 section 5.2 says.
    pub fn join(&self, reference: &str) -> Result<Url> {
        let reference = reference.trim_matches(' ');
        let reference = reference.split('#').next().unwrap_or_default();
        if has_scheme(reference) {
            return Url::parse(reference);
        }
        if reference.starts_with("//") {
            return Url::parse(&format!("{}:{reference}", self.scheme()));
        }
        let (path, query) = split_query(&clean(reference)?);
        let mut url = self.clone();
        if path.is_empty() {
            if query.is_some() {
                url.query = query;
            }
            return Ok(url);
        }
        url.path = if path.starts_with('/') {
            remove_dots(&path)
        } else {
            let folder = self.path.rfind('/').map_or("/", |i| self.path.get(..=i).unwrap_or("/"));
            remove_dots(&format!("{folder}{path}"))
        };
        url.query = query;
        Ok(url)
    }

    /// The same with another path (which must start with `/`) and query. For parts made by this library.
    pub(crate) fn with_path(&self, path: String, query: Option<String>) -> Url {
        Url { path, query, ..self.clone() }
    }

    /// The same with `pairs` appended to the query, percent-encoded.
    pub(crate) fn with_pairs(&self, pairs: &[(&str, &str)]) -> Url {
        let mut query = self.query.clone().unwrap_or_default();
        for (name, value) in pairs {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            encode_into(&mut query, value);
        }
        Url { query: Some(query), ..self.clone() }
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }
    /// The host in lower case, without port; IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }
    /// The port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }
    /// The path, which starts with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }
    /// The query, without `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }
    /// Same scheme, host and port.
    pub fn same_origin(&self, other: &Url) -> bool {
        self.https == other.https && self.host == other.host && self.port == other.port
    }
    /// See [`oci::is_loopback`](crate::format::oci::is_loopback).
    pub fn is_loopback(&self) -> bool {
        oci::is_loopback(&self.host)
    }
    /// Whether what is sent there cannot be read on the way: https, or this machine.
    pub fn is_private(&self) -> bool {
        self.https || self.is_loopback()
    }
    /// Scheme, host and path: what messages and records may show. The query can hold a signature.
    pub fn shown(&self) -> String {
        let mut out = self.origin();
        out.push_str(&self.path);
        out
    }
    /// `https://host[:port]`.
    pub fn origin(&self) -> String {
        match self.port {
            Some(port) => format!("{}://{}:{port}", self.scheme(), self.host),
            None => format!("{}://{}", self.scheme(), self.host),
        }
    }
}

impl fmt::Display for Url {
    /// The whole URL, for requests only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

fn bad(why: &str) -> Error {
    // The text itself is not shown: it may hold a password or a signature.
    Error::new(Code::InvalidArgument, format!("cannot use a URL: {why}"))
}

/// Appends `value` percent-encoded, so that it is one query value or form value.
pub(crate) fn encode_into(out: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &b in value.as_bytes() {
        // The unreserved characters, and those of scopes and media types that queries may hold as they are.
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b',') {
            out.push(char::from(b));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(b >> 4)]));
            out.push(char::from(HEX[usize::from(b & 15)]));
        }
    }
}

fn has_scheme(reference: &str) -> bool {
    let end = reference.find([':', '/', '?']).unwrap_or(0);
    reference.as_bytes().get(end) == Some(&b':')
        && reference.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && reference.bytes().take(end).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn split_query(tail: &str) -> (String, Option<String>) {
    match tail.split_once('?') {
        Some((path, query)) => (path.to_string(), Some(query.to_string())),
        None => (tail.to_string(), None),
    }
}

/// Percent-encodes what a URL cannot hold as it is and platforms would rewrite each in its way.
fn clean(tail: &str) -> Result<String> {
    let mut out = String::with_capacity(tail.len());
    for &b in tail.as_bytes() {
        match b {
            0..=0x1f | 0x7f => return Err(bad("it holds a control character")),
            b' ' | b'"' | b'<' | b'>' | b'\\' | 0x80.. => {
                out.push_str(&format!("%{b:02X}"));
            }
            _ => out.push(char::from(b)),
        }
    }
    Ok(out)
}

fn split_authority(authority: &str, https: bool) -> Result<(String, Option<u16>)> {
    if authority.contains('@') {
        return Err(bad("it holds a user name"));
    }
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or_else(|| bad("its IPv6 address has no ]"))?;
        let address: Ipv6Addr = address.parse().map_err(|_| bad("its IPv6 address is not one"))?;
        let port = match after.strip_prefix(':') {
            Some(port) => port,
            None if after.is_empty() => "",
            None => return Err(bad("its port is not a number")),
        };
        (format!("[{address}]"), port)
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(known) {
            return Err(bad("its host is not a name or address"));
        }
        (host.to_ascii_lowercase(), port)
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    let number: u16 = match port.parse() {
        Ok(n) if digits && n != 0 => n,
        _ => return Err(bad("its port is not a number from 1 to 65535")),
    };
    let default = if https { 443 } else { 80 };
    Ok((host, (number != default).then_some(number)))
}

/// RFC 3986 section 5.2.4, over a path that starts with `/`.
fn remove_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut folder = false;
    for part in path.split('/').skip(1) {
        folder = false;
        match part {
            "." => folder = true,
            ".." => {
                parts.pop();
                folder = true;
            }
            _ => parts.push(part),
        }
    }
    let mut out = String::with_capacity(path.len() + 1);
    for part in &parts {
        out.push('/');
        out.push_str(part);
    }
    if folder || out.is_empty() {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(s: &str) -> Url {
        Url::parse(s).unwrap()
    }

    #[test]
    fn parses_and_shows() {
        for (text, whole) in [
            ("https://ghcr.io", "https://ghcr.io/"),
            ("HTTPS://GHCR.io:443/v2/", "https://ghcr.io/v2/"),
            ("http://localhost:5000/v2/a?b=c#d", "http://localhost:5000/v2/a?b=c"),
            ("http://[0:0::1]:80/x", "http://[::1]/x"),
            ("https://h/a/../b/./c//d/..", "https://h/b/c//"),
            ("https://h?x=1", "https://h/?x=1"),
            ("https://h:/p", "https://h/p"),
            ("https://h/\u{e9} \"<>", "https://h/%C3%A9%20%22%3C%3E"),
        ] {
            assert_eq!(url(text).to_string(), whole, "{text}");
            assert_eq!(url(whole).to_string(), whole);
        }
        let u = url("https://h/p?X-Amz-Signature=s3cret");
        assert_eq!(format!("{u:?} {}", u.shown()), "https://h/p https://h/p");
    }

    #[test]
    fn refuses() {
        for text in [
            "",
            "ghcr.io",
            "ftp://h/",
            "https:///x",
            "https://user:pw@h/",
            "https://h\\@evil/",
            "https://h%2e/",
            "https://h:0/",
            "https://h:70000/",
            "https://h:+80/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[fe80::1%25eth0]/",
            "https://h/\n",
            "https://h\u{e9}/",
        ] {
            let e = Url::parse(text).unwrap_err();
            assert_eq!(e.code(), Code::InvalidArgument, "{text}");
            assert!(!e.to_string().contains("pw"), "{e}");
        }
    }

    #[test]
    fn joins() {
        let base = url("https://h:8443/v2/a/b?q=1");
        for (reference, whole) in [
            ("https://s3.example/x?sig=1", "https://s3.example/x?sig=1"),
            ("//o.example/x", "https://o.example/x"),
            ("/x/../y?z", "https://h:8443/y?z"),
            ("c", "https://h:8443/v2/a/c"),
            ("../c?d", "https://h:8443/v2/c?d"),
            ("../../../../c", "https://h:8443/c"),
            ("?n=2", "https://h:8443/v2/a/b?n=2"),
            ("#f", "https://h:8443/v2/a/b?q=1"),
            ("", "https://h:8443/v2/a/b?q=1"),
            ("/\\evil.example/x", "https://h:8443/%5Cevil.example/x"),
            ("x:y/z", ""),
            ("sha256-1/a:b", "https://h:8443/v2/a/sha256-1/a:b"),
        ] {
            match base.join(reference) {
                Ok(u) => assert_eq!(u.to_string(), whole, "{reference}"),
                Err(e) => assert!(whole.is_empty(), "{reference}: {e}"),
            }
        }
    }

    #[test]
    fn pairs_are_encoded() {
        let u = url("https://auth.example/token?x=1")
            .with_pairs(&[("scope", "repository:a/b:pull"), ("account", "a b&c+")]);
        assert_eq!(u.query(), Some("x=1&scope=repository:a/b:pull&account=a%20b%26c%2B"));
    }
}
