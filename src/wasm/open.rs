//! Sources, as JavaScript names them.

use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::callbacks::{JsCache, JsCredentials};
use super::error::invalid;
use super::fetch::FetchTransport;
use super::files::JsFiles;
use super::handover::{self, Place};
use super::js;
use super::meter::Meter;
use super::options::{Options, target};
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
    pub place: Place,
    pub source: Rc<dyn Source>,
    /// What it names, if anything.
    pub target: Target,
    pub limits: Limits,
    pub options: Options,
    pub cache: Option<Rc<dyn Cache>>,
    pub transport: Rc<dyn Transport>,
}

/// Opens where an image lies, with the cache before it. `None` where the module of the other formats does.
pub(super) async fn open_source(
    source: &JsValue,
    options: JsValue,
    host: &JsValue,
) -> Result<Option<Opened>> {
    let options = Options::from_js(options)?;
    let limits = options.limits.clone();
    let cache = js::get_some(host, "cache").map(|c| Rc::new(JsCache(c)) as Rc<dyn Cache>);
    let (fetch, meter) = FetchTransport::of_host(host);
    let transport: Rc<dyn Transport> = Rc::new(fetch);
    let inner = open_inner(source, &options, cache.as_ref(), host, &transport, meter).await?;
    let Some((place, target)) = inner else { return Ok(None) };
    let inner: Rc<dyn Source> = match &place {
        Place::Registry(registry) => registry.clone(),
        Place::Layout(layout) => layout.clone(),
    };
    let source = match &cache {
        Some(cache) => Rc::new(CachedSource::new(inner, Rc::clone(cache))),
        None => inner,
    };
    Ok(Some(Opened { place, source, target, limits, options, cache, transport }))
}

async fn open_inner(
    source: &JsValue,
    options: &Options,
    cache: Option<&Rc<dyn Cache>>,
    host: &JsValue,
    transport: &Rc<dyn Transport>,
    meter: Rc<Meter>,
) -> Result<Option<(Place, Target)>> {
    let text = |name| js::get_some(source, name).and_then(|v| v.as_string());
    let (limits, stats) = (options.limits.clone(), Stats::default());
    let kind = text("kind").unwrap_or_default();
    if kind == "registry" {
        let reference: Reference = text("reference").unwrap_or_default().parse()?;
        let target = reference.target();
        let options = options.registry_options(limits);
        let registry = Registry::new(Rc::clone(transport), &reference, credentials(host), options, stats)?;
        handover::resume(&registry, host)?;
        return Ok(Some((Place::Registry(Rc::new(registry)), target)));
    }
    // As for indexes of layers.
    let trusted = cache.filter(|cache| options.index.is_some() || cache.has_ranges()).cloned();
    let layout = open_layout(source, trusted, limits, host, (transport, meter), stats).await?;
    let Some(layout) = layout else { return Ok(None) };
    let target = text("tag").map_or(Ok(Target::Only), target)?;
    Ok(Some((Place::Layout(Rc::new(layout)), target)))
}

/// A source of any kind but `registry`. A `cache` is one that only its owner writes to. `None` where the module of the other
/// formats opens it.
pub(super) async fn open_layout(
    source: &JsValue,
    cache: Option<Rc<dyn Cache>>,
    limits: Limits,
    host: &JsValue,
    (transport, meter): (&Rc<dyn Transport>, Rc<Meter>),
    stats: Stats,
) -> Result<Option<Layout>> {
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
            let opened = TarFiles::open_here(Rc::new(files), &caches, &limits, &stats).await?;
            let Some(files) = opened else { return Ok(None) };
            Rc::new(files)
        }
        _ => return Err(invalid("source.kind", "registry, url, folder, archive or saved")),
    };
    if let Some(index) = handover::index(host) {
        return Layout::of_index(files, index, &limits, &stats).map(Some);
    }
    let layout = match kind.as_str() {
        "saved" => Layout::open_saved(files, limits, stats).await,
        "url" => Layout::open(files, limits, stats).await.map_err(|e| match e.code() {
            Code::NotFound => e.with_remedy(Remedy::NameTag),
            _ => e,
        }),
        _ => Layout::open(files, limits, stats).await,
    };
    layout.map(Some)
}

pub(super) fn credentials(host: &JsValue) -> Option<Rc<dyn CredentialSource>> {
    js::get_some(host, "credentials").map(|c| Rc::new(JsCredentials(c)) as Rc<dyn CredentialSource>)
}
