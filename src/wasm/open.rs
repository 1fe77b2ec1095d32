//! Sources, as JavaScript names them.

use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};

use super::callbacks::{JsCache, JsCredentials};
use super::error::invalid;
use super::fetch::FetchTransport;
use super::files::JsFiles;
use super::js;
use super::meter::Meter;
use super::options::Options;
use crate::error::{Code, Error, Remedy, Result};
use crate::format::oci::Reference;
use crate::limits::Limits;
use crate::net::registry::{CredentialSource, Registry};
use crate::net::stats::Stats;
use crate::net::transport::Transport;
use crate::source::cache::CachedSource;
use crate::source::layout::{Files, Layout, TarFiles, UrlFiles};
use crate::source::{Cache, Source, Target};

/// A source, and what it was opened with.
pub(super) struct Opened {
    pub source: Rc<dyn Source>,
    /// What it names, if anything.
    pub target: Target,
    pub limits: Limits,
    pub options: Options,
    pub cache: Option<Rc<dyn Cache>>,
    pub transport: Rc<dyn Transport>,
}

/// Opens where an image lies, with the cache before it.
pub(super) async fn open_source(source: &JsValue, options: JsValue, host: &JsValue) -> Result<Opened> {
    let options = Options::from_js(options)?;
    let limits = options.limits.clone();
    let cache = js::get_some(host, "cache").map(|c| Rc::new(JsCache(c)) as Rc<dyn Cache>);
    let meter = Meter::new(function(host, "onTransfer"));
    let transport: Rc<dyn Transport> =
        Rc::new(FetchTransport::metered(function(host, "fetch"), is(host, "browser"), Rc::clone(&meter)));
    let (inner, target) = open_inner(source, &options, cache.as_ref(), host, &transport, meter).await?;
    let source = match &cache {
        Some(cache) => Rc::new(CachedSource::new(inner, Rc::clone(cache))),
        None => inner,
    };
    Ok(Opened { source, target, limits, options, cache, transport })
}

/// What names a manifest: a tag, or a digest `sha256:…`.
pub(super) fn target(name: String) -> Result<Target> {
    if name.starts_with("sha256:") { Ok(Target::Digest(name.parse()?)) } else { Ok(Target::Tag(name)) }
}

async fn open_inner(
    source: &JsValue,
    options: &Options,
    cache: Option<&Rc<dyn Cache>>,
    host: &JsValue,
    transport: &Rc<dyn Transport>,
    meter: Rc<Meter>,
) -> Result<(Rc<dyn Source>, Target)> {
    let text = |name| js::get_some(source, name).and_then(|v| v.as_string());
    let (limits, stats) = (options.limits.clone(), Stats::default());
    let kind = text("kind").unwrap_or_default();
    if kind == "registry" {
        let reference: Reference = text("reference").unwrap_or_default().parse()?;
        let target = reference.target();
        let options = options.registry_options(limits);
        let registry = Registry::new(Rc::clone(transport), &reference, credentials(host), options, stats)?;
        return Ok((Rc::new(registry), target));
    }
    // As for indexes of layers.
    let trusted = cache.filter(|cache| options.index.is_some() || cache.has_ranges()).cloned();
    let layout = open_layout(source, trusted, limits, transport, meter, stats).await?;
    let target = text("tag").map_or(Ok(Target::Only), target)?;
    Ok((Rc::new(layout), target))
}

/// A source of any kind but `registry`. A `cache` is one that only its owner writes to.
pub(super) async fn open_layout(
    source: &JsValue,
    cache: Option<Rc<dyn Cache>>,
    limits: Limits,
    transport: &Rc<dyn Transport>,
    meter: Rc<Meter>,
    stats: Stats,
) -> Result<Layout> {
    let text = |name| js::get_some(source, name).and_then(|v| v.as_string()).unwrap_or_default();
    let files = || {
        let files = js::get_some(source, "files").ok_or_else(|| invalid("files", "given"))?;
        Ok::<_, Error>(JsFiles::new(files, meter))
    };
    let kind = text("kind");
    let files: Rc<dyn Files> = match kind.as_str() {
        "url" => Rc::new(UrlFiles::new(Rc::clone(transport), &text("url"), limits.clone(), stats.clone())?),
        "folder" => Rc::new(files()?),
        "archive" | "saved" => {
            let files = files()?;
            let caches: Vec<_> = files.kept().into_iter().chain(cache).collect();
            Rc::new(TarFiles::open_cached(Rc::new(files), &caches, &limits, &stats).await?)
        }
        _ => return Err(invalid("source.kind", "registry, url, folder, archive or saved")),
    };
    match kind.as_str() {
        "saved" => Layout::open_saved(files, limits, stats).await,
        "url" => Layout::open(files, limits, stats).await.map_err(|e| match e.code() {
            Code::NotFound => e.with_remedy(Remedy::NameTag),
            _ => e,
        }),
        _ => Layout::open(files, limits, stats).await,
    }
}

pub(super) fn function(host: &JsValue, name: &str) -> Option<Function> {
    js::get_some(host, name).and_then(|f| f.dyn_into().ok())
}

pub(super) fn is(host: &JsValue, name: &str) -> bool {
    js::get_some(host, name).is_some_and(|flag| flag.is_truthy())
}

pub(super) fn credentials(host: &JsValue) -> Option<Rc<dyn CredentialSource>> {
    js::get_some(host, "credentials").map(|c| Rc::new(JsCredentials(c)) as Rc<dyn CredentialSource>)
}
