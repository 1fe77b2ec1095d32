//! Values of the library as the JavaScript objects that `ocipeek.d.ts` describes.

use js_sys::Object;
use serde::Serialize;
use wasm_bindgen::JsValue;

use super::js;
pub use super::values::to_js;
use super::values::{Raw, kind_name};
use crate::error::Result;
use crate::format::oci::ImageConfig;
use crate::image::{FileStat, LayerInfo, SociInfo, Verification};
use crate::net::registry::Grant;
use crate::net::stats::{RequestRecord, Stats};
use crate::rootfs::Whiteout;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsStat<'a> {
    path: Raw<'a>,
    r#type: &'static str,
    size: f64,
    mode: u32,
    uid: f64,
    gid: f64,
    uname: Raw<'a>,
    gname: Raw<'a>,
    mtime_secs: Option<i64>,
    mtime_nanos: u32,
    nlink: u32,
    dev_major: f64,
    dev_minor: f64,
    linkname: Option<Raw<'a>>,
    hardlink_of: Option<Raw<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xattrs: Option<Raw<'a>>,
    layer: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    whiteout: Option<Whiteout>,
    verified: &'a Verification,
}

/// Extended attributes in one piece: a JavaScript object for each takes far more memory than its bytes. Lengths of name and
/// value as little-endian 32-bit numbers, then these.
fn packed(xattrs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let size = xattrs.iter().map(|(name, value)| 8 + name.len() + value.len()).sum();
    let mut out = Vec::with_capacity(size);
    for (name, value) in xattrs {
        for part in [name, value] {
            out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
        out.extend_from_slice(name);
        out.extend_from_slice(value);
    }
    out
}

/// Attributes of one path.
pub fn stat(s: &FileStat) -> Result<JsValue> {
    let xattrs = packed(&s.xattrs);
    to_js(&JsStat {
        path: Raw(&s.path),
        r#type: kind_name(s.kind),
        size: s.size as f64,
        mode: s.mode,
        uid: s.uid as f64,
        gid: s.gid as f64,
        uname: Raw(&s.uname),
        gname: Raw(&s.gname),
        mtime_secs: s.mtime.map(|m| m.secs),
        mtime_nanos: s.mtime.map_or(0, |m| m.nanos),
        nlink: s.nlink,
        dev_major: s.dev_major as f64,
        dev_minor: s.dev_minor as f64,
        linkname: s.link_name.as_deref().map(Raw),
        hardlink_of: s.hardlink_of.as_deref().map(Raw),
        xattrs: (!xattrs.is_empty()).then_some(Raw(&xattrs)),
        layer: s.layer.and_then(|l| i32::try_from(l).ok()).unwrap_or(-1),
        whiteout: s.whiteout,
        verified: &s.verified,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsLayer {
    index: u32,
    digest: String,
    media_type: String,
    size: f64,
    read: &'static str,
    ztoc: Option<JsZtoc>,
    #[cfg(feature = "extent")]
    format: Option<JsFormat>,
    #[cfg(feature = "extent")]
    set_aside: Option<String>,
}

#[cfg(feature = "extent")]
#[derive(Serialize)]
struct JsFormat {
    name: &'static str,
    found: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsZtoc {
    digest: String,
    size: f64,
    span_size: Option<f64>,
    verified: &'static str,
}

/// The image's layers.
pub fn layers(layers: &[LayerInfo]) -> Result<JsValue> {
    let layers: Vec<_> = layers
        .iter()
        .map(|l| JsLayer {
            index: l.index as u32,
            digest: l.digest.to_string(),
            media_type: l.media_type.clone(),
            size: l.size as f64,
            read: l.read.as_str(),
            ztoc: l.ztoc.as_ref().map(|z| JsZtoc {
                digest: z.digest.to_string(),
                size: z.size as f64,
                span_size: z.span_size.map(|n| n as f64),
                verified: z.voucher.as_str(),
            }),
            #[cfg(feature = "extent")]
            set_aside: l.set_aside.as_deref().map(str::to_owned),
            #[cfg(feature = "extent")]
            format: l.format.map(|(name, found)| JsFormat { name: name.as_str(), found: found.as_str() }),
        })
        .collect();
    to_js(&layers)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsSoci<'a> {
    digest: String,
    version: &'static str,
    found: &'static str,
    verified: &'static str,
    build_tool: Option<&'a str>,
    layers: Vec<String>,
}

/// The SOCI index in use.
pub fn soci(soci: &SociInfo) -> Result<JsValue> {
    to_js(&JsSoci {
        digest: soci.digest.to_string(),
        version: soci.version.as_str(),
        found: soci.found.as_str(),
        verified: soci.voucher.as_str(),
        build_tool: soci.build_tool.as_deref(),
        layers: soci.layers.iter().map(|l| l.layer_digest.to_string()).collect(),
    })
}

/// The config, with the names of the specification.
pub fn config(config: &ImageConfig) -> Result<JsValue> {
    to_js(config)
}

/// The counters.
pub fn counters(stats: &Stats) -> JsValue {
    let c = stats.counters();
    let named = [
        ("bytes", c.bytes),
        ("cacheHits", c.cache_hits),
        ("cacheMisses", c.cache_misses),
        ("inflated", c.inflated),
        ("requests", c.requests),
        ("retries", c.retries),
    ];
    let out = Object::new();
    for (name, count) in named {
        js::set(&out, name, count as f64);
    }
    out.into()
}

#[derive(Serialize)]
struct JsRequest<'a> {
    purpose: &'static str,
    method: &'static str,
    target: &'a str,
    range: Option<(f64, f64)>,
    status: u16,
    bytes: f64,
}

/// The list of requests.
pub fn requests(stats: &Stats) -> Result<JsValue> {
    let requests = stats.requests();
    let log: Vec<_> = requests
        .iter()
        .map(|r: &RequestRecord| JsRequest {
            purpose: r.purpose.as_str(),
            method: r.method,
            target: &r.target,
            range: r.range.as_ref().map(|r| (r.start as f64, r.end as f64)),
            status: r.status,
            bytes: r.bytes as f64,
        })
        .collect();
    to_js(&log)
}

/// What signs requests in.
pub fn grant(grant: Grant) -> Object {
    let out = Object::new();
    js::set(&out, "challenge", grant.challenge);
    js::set(&out, "authorization", grant.authorization);
    js::set(&out, "renewAt", grant.renew_at_ms.map(|at| at as f64));
    js::set(&out, "withheld", grant.withheld);
    js::set(&out, "isElsewhere", grant.is_elsewhere);
    out
}

/// What [`grant`](fn@grant) made.
pub fn read_grant(grant: &JsValue) -> Grant {
    let text = |name| js::get_some(grant, name).and_then(|v| v.as_string());
    Grant {
        challenge: text("challenge").unwrap_or_default(),
        authorization: text("authorization").unwrap_or_default(),
        renew_at_ms: js::get_some(grant, "renewAt").and_then(|v| v.as_f64()).map(|at| at as u64),
        withheld: text("withheld"),
        is_elsewhere: js::get_some(grant, "isElsewhere").is_some_and(|v| v.is_truthy()),
    }
}
