//! Platform matcher: which of an image's platforms to take, by the rules of containerd's `platforms.Only`.

use super::Platform;
use crate::error::{Code, Error};

/// Picks the best of several platforms for one that is wanted.
#[derive(Debug, Clone)]
pub struct PlatformMatcher {
    wanted: Platform,
    /// Normalised, best first.
    order: Vec<Platform>,
}

/// How well a platform fits; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    order: usize,
    /// Among equals the one that uses more features of the operating system is better.
    unused_features: usize,
}

impl PlatformMatcher {
    /// Matches what can run on `platform`: itself first, then lesser variants (`arm/v7` → v6, v5;
    /// `amd64/v3` → v2, v1; `arm64/v8.2` → v8.1, v8; `arm64/v9.x` → lower v9 and v8), then the 32-bit
    /// sibling (`arm64` → `arm/v8` and down, `amd64` → `386`).
    pub fn only(platform: &Platform) -> Self {
        let wanted = platform.normalize();
        let order = order(&wanted);
        PlatformMatcher { wanted, order }
    }

    /// The platform that was asked for, normalised.
    pub fn platform(&self) -> &Platform {
        &self.wanted
    }

    /// The rank of a platform that fits, or `None` for one that does not.
    pub fn rank(&self, platform: &Platform) -> Option<Rank> {
        let p = platform.normalize();
        let order = self.order.iter().position(|w| fits(w, &p))?;
        let unused_features = self.wanted.os_features.len().saturating_sub(p.os_features.len());
        Some(Rank { order, unused_features })
    }

    /// Whether a platform fits at all.
    pub fn matches(&self, platform: &Platform) -> bool {
        self.rank(platform).is_some()
    }

    /// The position of the best platform, the first of equals.
    pub fn best<'a>(&self, platforms: impl IntoIterator<Item = &'a Platform>) -> Option<usize> {
        let ranked = platforms.into_iter().enumerate().filter_map(|(i, p)| Some((self.rank(p)?, i)));
        ranked.min().map(|(_, i)| i)
    }

    /// `NOT_FOUND`: none of the platforms that there are fits.
    pub(crate) fn no_match(&self, available: &[Platform]) -> Error {
        let mut message = format!("there is no image for {} here; ", self.wanted.shown());
        if available.is_empty() {
            message.push_str("the index lists no image");
        } else {
            message.push_str("available: ");
            let names: Vec<String> = available.iter().take(40).map(Platform::shown).collect();
            message.push_str(&names.join(", "));
            if available.len() > names.len() {
                message.push_str(", …");
            }
        }
        Error::new(Code::NotFound, message)
    }
}

/// `p` runs on exactly `wanted`. Both normalised.
fn fits(wanted: &Platform, p: &Platform) -> bool {
    let windows = wanted.os == "windows";
    // Windows' `win32k` is on the host by default and says nothing.
    let needed = |f: &&String| !(windows && f.as_str() == "win32k");
    wanted.os == p.os
        && wanted.architecture == p.architecture
        && wanted.variant == p.variant
        && p.os_features.iter().filter(needed).all(|f| wanted.os_features.contains(f))
        && (!windows || windows_fits(wanted.os_version.as_deref(), p.os_version.as_deref()))
}

/// Highest minor version of arm64's v8 that v9.0 implies (Arm's architecture manual: v9.x has all of
/// v8.(x+5)), and the last of v8.
const ARM_V9_TO_V8: u32 = 5;
const ARM_V8_LAST: u32 = 9;
const ARM_V9_LAST: u32 = 7;

fn order(wanted: &Platform) -> Vec<Platform> {
    let sibling = |architecture: &str, variant: Option<String>| {
        Platform { architecture: architecture.to_owned(), variant, ..wanted.clone() }.normalize()
    };
    let number = |v: &str| v.strip_prefix('v').and_then(|v| v.parse::<u32>().ok());
    let variant = wanted.variant.as_deref();
    let mut out = vec![wanted.clone()];
    match wanted.architecture.as_str() {
        "amd64" => {
            // Bounded: the levels are v1 to v4 so far.
            let level = variant.and_then(number).filter(|n| *n <= 64).unwrap_or(1);
            out.extend((1..level).rev().map(|v| sibling("amd64", Some(format!("v{v}")))));
            out.push(sibling("386", None));
        }
        "arm" => out.extend(arm_below(variant.and_then(number)).map(|v| sibling("arm", Some(v)))),
        "arm64" => {
            let version = variant.unwrap_or("v8").strip_prefix('v').unwrap_or_default();
            let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
            let below: Vec<(u32, u32)> = match (major.parse(), minor.parse()) {
                (Ok(8), Ok(n)) if n <= ARM_V8_LAST => (0..n).rev().map(|n| (8, n)).collect(),
                (Ok(9), Ok(n)) if n <= ARM_V9_LAST => {
                    let v8 = 0..=ARM_V8_LAST.min(n + ARM_V9_TO_V8);
                    (0..n).rev().map(|n| (9, n)).chain(v8.rev().map(|n| (8, n))).collect()
                }
                _ => return out,
            };
            out.extend(below.into_iter().map(|(major, minor)| {
                let variant = if minor == 0 { format!("v{major}") } else { format!("v{major}.{minor}") };
                sibling("arm64", Some(variant))
            }));
            out.push(sibling("arm", Some("v8".to_owned())));
            out.extend(arm_below(Some(8)).map(|v| sibling("arm", Some(v))));
        }
        _ => {}
    }
    out
}

/// The 32-bit arm variants below a version, down to v5.
fn arm_below(version: Option<u32>) -> impl Iterator<Item = String> {
    let version = version.filter(|n| *n <= 64).unwrap_or(0);
    (5..version).rev().map(|v| format!("v{v}"))
}

/// Whether a Windows container of version `image` runs on a host of version `host`: the same build, and
/// from Server 2022 on also those back to the long-term release before. Unknown versions fit.
fn windows_fits(host: Option<&str>, image: Option<&str>) -> bool {
    const LTSC_2022: u16 = 20348;
    const LTSC_2025: u16 = 26100;
    let parse = |v: &str| {
        let mut parts = v.split('.');
        let version: (u8, u8) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((version, parts.next()?.parse::<u16>().ok()?))
    };
    let (Some((host_version, host_build)), Some(image)) = (host.and_then(parse), image) else { return true };
    let (image_version, image_build) = parse(image).unwrap_or_default();
    if host_version != image_version {
        return false;
    }
    if host_build < LTSC_2022 {
        return host_build == image_build;
    }
    let oldest = if host_build > LTSC_2025 { LTSC_2025 } else { LTSC_2022 };
    (oldest..=host_build).contains(&image_build)
}

#[cfg(test)]
mod tests;
