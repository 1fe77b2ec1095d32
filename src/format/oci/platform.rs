//! Platforms: `os/architecture[/variant]` (OCI image spec, image-index.md), written and normalised as
//! containerd's `platforms` package does.

use std::fmt;
use std::str::FromStr;

use super::json::{Node, shown};
use crate::error::{Code, Error, Result};

/// What an image runs on. Values are Go's names (`GOOS`, `GOARCH`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    /// Operating system, e.g. `linux`.
    pub os: String,
    /// CPU architecture, e.g. `amd64`.
    pub architecture: String,
    /// Variant of the CPU, e.g. `v7`.
    pub variant: Option<String>,
    /// Version of the operating system (Windows).
    pub os_version: Option<String>,
    /// Features that the operating system must have.
    pub os_features: Vec<String>,
}

const FIELDS: &[&str] = &["os", "architecture", "variant", "os.version", "os.features"];

/// Longest platform that is parsed from text.
const MAX_LEN: usize = 255;
/// Most features of a platform in a document; real ones have one.
const MAX_FEATURES: usize = 64;

impl Platform {
    /// A platform with no more than the two parts that each has.
    pub fn new(os: impl Into<String>, architecture: impl Into<String>) -> Self {
        Platform {
            os: os.into(),
            architecture: architecture.into(),
            variant: None,
            os_version: None,
            os_features: Vec::new(),
        }
    }

    /// Linux on this machine's architecture, where that is known; else `linux/amd64`.
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            "arm" => "arm",
            "x86" => "386",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "s390x" => "s390x",
            "riscv64" => "riscv64",
            "loongarch64" => "loong64",
            "mips64" if cfg!(target_endian = "little") => "mips64le",
            _ => "amd64",
        };
        Platform::new("linux", architecture)
    }

    pub(crate) fn from_json(node: &Node<'_>) -> Result<Self> {
        node.refuse_lookalikes(FIELDS)?;
        let text = |key| Ok::<_, Error>(node.get_str(key)?.map(str::to_owned));
        let os_features = node.get("os.features")?.map(|f| f.strings()).transpose()?.unwrap_or_default();
        if os_features.len() > MAX_FEATURES {
            return Err(node.wrong(&format!("has more than {MAX_FEATURES} os.features")));
        }
        Ok(Platform {
            os: text("os")?.unwrap_or_default(),
            architecture: text("architecture")?.unwrap_or_default(),
            variant: text("variant")?,
            os_version: text("os.version")?,
            os_features,
        })
    }

    /// The canonical form: `x86_64` is `amd64`, `aarch64` is `arm64`, `arm` without a variant is `arm/v7`,
    /// variants that are the default (`arm64/v8`, `amd64/v1`) are left out; no `os` is `linux`.
    pub fn normalize(&self) -> Platform {
        let os = match self.os.to_ascii_lowercase().as_str() {
            "" => "linux".to_owned(),
            "macos" => "darwin".to_owned(),
            os => os.to_owned(),
        };
        let architecture = self.architecture.to_ascii_lowercase();
        let variant = self.variant.as_deref().unwrap_or_default().to_ascii_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", v) => ("amd64", if v == "v1" { "" } else { v }),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
            ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
            ("aarch64", v) => ("arm64", v),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("arm", "" | "7") => ("arm", "v7"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "6") => ("arm", "v6"),
            ("arm", "8") => ("arm", "v8"),
            (a, v) => (a, v),
        };
        let mut os_features: Vec<String> = Vec::new();
        for feature in &self.os_features {
            if let Err(at) = os_features.binary_search(feature) {
                os_features.insert(at, feature.clone());
            }
        }
        Platform {
            os,
            architecture: architecture.to_owned(),
            variant: (!variant.is_empty()).then(|| variant.to_owned()),
            os_version: self.os_version.clone().filter(|v| !v.is_empty()),
            os_features,
        }
    }

    /// For errors: as [`Display`](fmt::Display), escaped where it holds anything odd.
    pub(crate) fn shown(&self) -> String {
        let text = self.to_string();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-()+%".contains(&b);
        if text.len() <= MAX_LEN && text.bytes().all(plain) { text } else { shown(&text) }
    }
}

impl Default for Platform {
    /// [`Platform::host`].
    fn default() -> Self {
        Platform::host()
    }
}

impl FromStr for Platform {
    type Err = Error;

    /// `os/arch[/variant]`, or only an operating system or only an architecture, the rest being
    /// [`Platform::host`]'s. The operating system may be followed by its version and features:
    /// `windows(10.0.17763+win32k)/amd64`. The result is normalised, except that `arm` gets no variant.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`.
    fn from_str(s: &str) -> Result<Self> {
        let bad = || {
            let message =
                format!("{} is not a platform; write it like linux/amd64 or linux/arm/v7", shown(s));
            Error::new(Code::InvalidArgument, message)
        };
        let word = |w: &str, more: &[u8]| {
            !w.is_empty()
                && w.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-' || more.contains(&b))
        };
        if s.len() > MAX_LEN {
            return Err(bad());
        }
        let mut parts = s.split('/');
        let first = parts.next().unwrap_or_default();
        let (os, options) = match first.split_once('(') {
            Some((os, rest)) => (os, rest.strip_suffix(')').ok_or_else(bad)?),
            None => (first, ""),
        };
        let rest: Vec<&str> = parts.collect();
        // A lone architecture may have dots in it; an operating system may not.
        if !word(os, if rest.is_empty() && options.is_empty() { b"." } else { b"" })
            || !rest.iter().all(|w| word(w, b"."))
        {
            return Err(bad());
        }
        let mut platform = Platform::new(os, "");
        let mut options = options.split('+');
        platform.os_version =
            options.next().filter(|v| !v.is_empty()).map(unescape).transpose().map_err(|()| bad())?;
        platform.os_features = options.map(unescape).collect::<Result<_, ()>>().map_err(|()| bad())?;
        platform.os_features.retain(|f| !f.is_empty());
        match rest.as_slice() {
            [] => {
                let host = Platform::host();
                if KNOWN_OS.contains(&platform.normalize().os.as_str()) {
                    platform.architecture = host.architecture;
                } else if first == os {
                    platform = Platform::new(host.os, os);
                    if !KNOWN_ARCH.contains(&platform.normalize().architecture.as_str()) {
                        return Err(bad());
                    }
                } else {
                    return Err(bad());
                }
            }
            [architecture] => platform.architecture = (*architecture).to_owned(),
            [architecture, variant] => {
                platform.architecture = (*architecture).to_owned();
                platform.variant = Some((*variant).to_owned());
            }
            _ => return Err(bad()),
        }
        let bare_arm = platform.architecture.eq_ignore_ascii_case("arm") && platform.variant.is_none();
        let mut platform = platform.normalize();
        if bare_arm {
            platform.variant = None;
        }
        Ok(platform)
    }
}

const KNOWN_OS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "ios",
    "js",
    "linux",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
];
const KNOWN_ARCH: &[&str] = &[
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64", "ppc64le",
    "riscv64", "s390x", "wasm",
];

impl fmt::Display for Platform {
    /// `os[(version[+feature…])]/arch[/variant]`, as the parser reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.os.is_empty() { "unknown" } else { &self.os })?;
        if self.os_version.is_some() || !self.os_features.is_empty() {
            write!(f, "({}", escape(self.os_version.as_deref().unwrap_or_default()))?;
            for feature in &self.os_features {
                write!(f, "+{}", escape(feature))?;
            }
            f.write_str(")")?;
        }
        for part in [Some(&self.architecture), self.variant.as_ref()].into_iter().flatten() {
            if !part.is_empty() {
                write!(f, "/{part}")?;
            }
        }
        Ok(())
    }
}

/// Percent-escapes what is no plain word in the text form.
fn escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for b in s.bytes() {
        if is_plain(b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_.-".contains(&b)
}

fn unescape(s: &str) -> Result<String, ()> {
    let mut out = Vec::with_capacity(s.len());
    let mut bytes = s.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or(());
                let (high, low) = (digit()?, digit()?);
                out.push(u8::try_from(high << 4 | low).map_err(|_| ())?);
            }
            b if is_plain(b) => out.push(b),
            _ => return Err(()),
        }
    }
    String::from_utf8(out).map_err(|_| ())
}

#[cfg(test)]
mod tests;
