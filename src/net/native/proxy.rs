//! Which proxy a request goes through, by the environment: the rules of Go's `httpproxy`, which skopeo, docker and
//! containerd have. The package has the same (`proxy-rules.ts`); one table of cases is for both:
//! `tests/fixtures/proxies/cases.json`.

use std::net::IpAddr;

use crate::net::http::Url;

/// The proxies of an environment.
#[derive(Clone, Default)]
pub(super) struct Proxies {
    pub(super) https: Option<String>,
    pub(super) http: Option<String>,
    exempt: Vec<Exempt>,
}

/// An entry of `NO_PROXY`.
#[derive(Clone)]
enum Exempt {
    All,
    /// Addresses whose first so many bits are these.
    Range(IpAddr, u8),
    Address(IpAddr, Option<u16>),
    /// With a dot before it: only what is below.
    Name(String, Option<u16>),
}

impl Proxies {
    /// Those of `HTTPS_PROXY`, `HTTP_PROXY` (each also in lower case), else of `ALL_PROXY`, but for what `NO_PROXY` has.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let both = |name: &str| get(name).or_else(|| get(&name.to_ascii_lowercase()));
        let all = both("ALL_PROXY");
        // In a CGI program, whoever asks sets `HTTP_PROXY` by a header `Proxy`.
        let upper = get("HTTP_PROXY").filter(|_| variable("REQUEST_METHOD").is_none());
        let trimmed = |value: Option<String>| value.map(|value| value.trim().to_owned());
        let list = both("NO_PROXY").unwrap_or_default().to_ascii_lowercase();
        let entries = list.split([' ', '\t', '\r', '\n', ',']).filter(|entry| !entry.is_empty());
        Proxies {
            https: trimmed(both("HTTPS_PROXY").or_else(|| all.clone())),
            http: trimmed(upper.or_else(|| get("http_proxy")).or(all)),
            exempt: entries.filter_map(Exempt::parse).collect(),
        }
    }

    /// Whether a URL is reached directly although there is a proxy for its scheme: this machine always is.
    pub(super) fn is_exempt(&self, url: &Url) -> bool {
        let host = url.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let address = host.parse().ok().map(plain);
        url.is_loopback() || self.exempt.iter().any(|entry| entry.has(host, address, url.port()))
    }
}

impl Exempt {
    fn parse(entry: &str) -> Option<Exempt> {
        if entry == "*" {
            return Some(Exempt::All);
        }
        if let Some((base, length)) = entry.split_once('/') {
            let (base, length) = (plain(base.parse().ok()?), length.parse().ok()?);
            let bits = if base.is_ipv4() { 32 } else { 128 };
            return (length <= bits).then_some(Exempt::Range(base, length));
        }
        let (name, port) = match entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, port)) => (address, port.strip_prefix(':')),
            // A bare IPv6 address has more than one colon.
            None => match entry.split_once(':') {
                Some((name, port)) if !port.contains(':') => (name, Some(port)),
                _ => (entry, None),
            },
        };
        let port = port.map(str::parse).transpose().ok()?;
        if let Ok(address) = name.parse() {
            return Some(Exempt::Address(plain(address), port));
        }
        let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
        Some(Exempt::Name(name.to_owned(), port))
    }

    fn has(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Exempt::All => true,
            Exempt::Range(base, length) => address.is_some_and(|address| within(address, *base, *length)),
            Exempt::Address(its, only) => address == Some(*its) && only.is_none_or(|only| only == port),
            Exempt::Name(name, only) => {
                let below = host.strip_suffix(name.as_str());
                let named = below.is_some_and(|rest| match name.starts_with('.') {
                    true => !rest.is_empty(),
                    false => rest.is_empty() || rest.ends_with('.'),
                });
                address.is_none() && named && only.is_none_or(|only| only == port)
            }
        }
    }
}

/// One of version 4 within version 6 is one of version 4.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn within(address: IpAddr, base: IpAddr, length: u8) -> bool {
    let same = |a: u128, b: u128, bits: u32| {
        let rest = bits.saturating_sub(u32::from(length));
        a.checked_shr(rest) == b.checked_shr(rest)
    };
    match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_table() {
        let path = format!("{}/tests/fixtures/proxies/cases.json", env!("CARGO_MANIFEST_DIR"));
        let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut asked = 0;
        for case in cases {
            let proxies = Proxies::of(|name| case["env"][name].as_str().map(str::to_owned));
            for (text, want) in case["ask"].as_object().unwrap() {
                let url = Url::parse(text).unwrap();
                let proxy = if url.is_https() { &proxies.https } else { &proxies.http };
                let found = proxy.as_deref().filter(|_| !proxies.is_exempt(&url));
                assert_eq!(found, want.as_str(), "{} {text}", case["name"]);
                asked += 1;
            }
        }
        assert!(asked > 60, "{asked}");
        let all = Proxies::of(|name| (name == "ALL_PROXY").then(|| "socks5://p.test".to_owned()));
        assert_eq!(
            (all.https.as_deref(), all.http.as_deref()),
            (Some("socks5://p.test"), Some("socks5://p.test"))
        );
    }
}
