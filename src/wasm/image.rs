//! The class of an open image.

use std::rc::Rc;

use js_sys::{Array, Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

use super::error::{invalid, js_result};
use super::fetch::FetchTransport;
use super::indexer::JsIndexer;
use super::open::{open_layout, open_source};
use super::options::Options;
use super::source::{BlobCursor, discovery};
use super::tree::{Tree, WalkCursor};
use super::{abort, convert, handover, js, values};
use crate::error::Result;
use crate::format::oci::Reference;
use crate::image::{self, BuiltIndex, Image, Indexer, Opening, ReaderOptions, Sharing};
use crate::net::stats::Stats;
use crate::net::transport::Transport;

/// Opens an image. `source` is one of
///
/// - `{kind: "registry", reference}`: as Docker users write it,
/// - `{kind: "url", url, tag?}`: an OCI image layout below a URL,
/// - `{kind: "folder", files, tag?}` and `{kind: "archive", files, tag?}`: an OCI image layout or what `docker save`
///   wrote, and a tar of one, read through `files` (see `JsFiles`),
/// - `{kind: "saved", files, tag?}`: as `archive`, but what `docker save` wrote goes before.
///
/// `host` is `{fetch?, browser, isolated?, onTransfer?, onWork?, credentials?, cache?, known?, sharing?, joins?}`: images of one key
/// `sharing` share what is known of them, and with `joins` the opening too; `options` see `Options`. The promise gives a `WasmImage`, or what [`handover`] makes where it takes the module of the other formats; it is rejected with
/// `ABORTED` once `stop` settles.
#[wasm_bindgen(js_name = openImage)]
pub fn open_image(source: JsValue, options: JsValue, host: JsValue, stop: Option<Promise>) -> Promise {
    abort::promise(stop, async move { open(&source, options, &host).await })
}

async fn open(source: &JsValue, options: JsValue, host: &JsValue) -> Result<JsValue> {
    let Some(opened) = open_source(source, options, host).await? else { return handover::archive(source) };
    let mut options = opened.options.open_options(opened.limits, opened.cache, indexer(host))?;
    options.isolated = js::is(host, "isolated");
    let reference = js::get_some(source, "reference").and_then(|r| r.as_string());
    options.tag = reference.and_then(|r| r.parse::<Reference>().ok()).and_then(|r| r.tag);
    let (from, told) = (opened.source.clone(), handover::told(host)?);
    let (transport, target) = (opened.transport, opened.target);
    let opening = match js::get_some(host, "sharing").and_then(|key| key.as_string()) {
        Some(key) => {
            let sharing = Sharing { key, joins: js::is(host, "joins") };
            let opening = Opening { source: opened.source, transport, target, options, told };
            Image::open_shared(sharing, opening).await?
        }
        None => Image::open_here(opened.source, transport, &target, options, told).await?,
    };
    match opening {
        image::Opened::Image(image) => Ok(WasmImage { image }.into()),
        image::Opened::Elsewhere(why, told) => {
            handover::image(source, why, told, &opened.place, from.stats())
        }
    }
}

/// The names of the images that a layout or archive holds: an array of what `tag` takes. `source`, `options` and `host`
/// as in `openImage`.
#[wasm_bindgen(js_name = imageNames)]
pub fn image_names(source: JsValue, options: JsValue, host: JsValue, stop: Option<Promise>) -> Promise {
    abort::promise(stop, async move {
        let limits = Options::from_js(options)?.limits;
        let (fetch, meter) = FetchTransport::of_host(&host);
        let transport: Rc<dyn Transport> = Rc::new(fetch);
        let opened = open_layout(&source, None, limits, &host, (&transport, meter), Stats::default()).await?;
        let Some(layout) = opened else { return handover::archive(&source) };
        let names = Array::new();
        for name in layout.names() {
            names.push(&name.into());
        }
        Ok(names.into())
    })
}

/// An open image. Its memory is freed by `free()`, or when it is collected.
#[wasm_bindgen]
pub struct WasmImage {
    image: Image,
}

#[wasm_bindgen]
impl WasmImage {
    /// What errors call it.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.image.name()
    }

    /// The image manifest's digest.
    #[wasm_bindgen(getter)]
    pub fn digest(&self) -> String {
        self.image.digest().to_string()
    }

    /// The image index's digest, if the image came out of one.
    #[wasm_bindgen(getter, js_name = indexDigest)]
    pub fn index_digest(&self) -> Option<String> {
        self.image.index_digest().map(ToString::to_string)
    }

    /// `os/arch[/variant]`, where an index or the config told it.
    #[wasm_bindgen(getter)]
    pub fn platform(&self) -> Option<String> {
        self.image.platform().map(|p| p.to_string())
    }

    /// Why it is this image of its index: `asked`, `default` or `only`.
    #[wasm_bindgen(getter, js_name = platformBy)]
    pub fn platform_by(&self) -> Option<String> {
        self.image.platform_by().map(|by| by.as_str().into())
    }

    /// All platforms of the index.
    #[wasm_bindgen(getter)]
    pub fn platforms(&self) -> Vec<String> {
        self.image.platforms().iter().map(ToString::to_string).collect()
    }

    /// The layers; see `LayerInfo` of the package's types.
    pub fn layers(&self) -> Result<JsValue, JsValue> {
        js_result(convert::layers(&self.image.layers()))
    }

    /// The SOCI index in use, or `undefined`.
    pub fn soci(&self) -> Result<JsValue, JsValue> {
        js_result(self.image.soci().map_or(Ok(JsValue::UNDEFINED), convert::soci))
    }

    /// How the search for what is attached went that opening took, or `undefined`.
    pub fn discovery(&self) -> Result<JsValue, JsValue> {
        js_result(self.image.discovery().map_or(Ok(JsValue::UNDEFINED), discovery))
    }

    /// Looks for SOCI indexes that are attached: `{found, failed?}`.
    #[wasm_bindgen(js_name = findAttachedIndexes)]
    pub fn find_attached_indexes(&self, stop: Option<Promise>) -> Promise {
        let image = self.image.clone();
        abort::promise(stop, async move { discovery(&image.find_attached_indexes().await) })
    }

    /// The image's config.
    pub fn config(&self, stop: Option<Promise>) -> Promise {
        let image = self.image.clone();
        abort::promise(stop, async move { convert::config(&*image.config().await?) })
    }

    /// The manifest's annotations.
    pub fn annotations(&self) -> Result<JsValue, JsValue> {
        js_result(convert::to_js(&self.image.manifest().annotations))
    }

    /// The counters of requests and bytes.
    pub fn counters(&self) -> JsValue {
        convert::counters(self.image.stats())
    }

    /// The requests so far.
    pub fn requests(&self) -> Result<JsValue, JsValue> {
        js_result(convert::requests(self.image.stats()))
    }

    /// A further reader of the image. Of `options` it takes the `limits`, of `host` (as in `openImage`) what its requests go by
    /// and its indexer.
    pub fn reader(&self, options: JsValue, host: JsValue) -> Result<WasmImage, JsValue> {
        let reader = ReaderOptions {
            transport: Some(Rc::new(FetchTransport::of_host(&host).0)),
            limits: Some(js_result(values::limits(&options))?),
            indexer: indexer(&host),
            isolated: js::is(&host, "isolated"),
        };
        Ok(WasmImage { image: self.image.reader(reader) })
    }

    /// From now on at most so many bytes are inflated.
    #[wasm_bindgen(js_name = allowInflated)]
    pub fn allow_inflated(&self, bytes: f64) {
        self.image.stats().allow_inflated(bytes as u64);
    }

    /// Fetches what the image's prefetch artifacts name.
    pub fn prefetch(&self, stop: Option<Promise>) -> Promise {
        let image = self.image.clone();
        abort::promise(stop, async move { image.prefetch().await.map(|()| JsValue::UNDEFINED) })
    }

    /// Looks which layers without an index the cache keeps one of.
    #[wasm_bindgen(js_name = findKeptIndexes)]
    pub fn find_kept_indexes(&self, stop: Option<Promise>) -> Promise {
        let image = self.image.clone();
        abort::promise(stop, async move {
            image.find_kept_indexes().await;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// A `BlobCursor` over a layer from a byte on. Not verified.
    #[wasm_bindgen(js_name = layerStream)]
    pub fn layer_stream(&self, layer: usize, start: f64, stop: Option<Promise>) -> Promise {
        let image = self.image.clone();
        abort::promise(stop, async move {
            let start =
                js::whole_number(&start.into()).ok_or_else(|| invalid("start", "a byte of the layer"))?;
            Ok(BlobCursor::new(image.layer_stream(layer, start).await?).into())
        })
    }

    /// Reads a layer by an index that was built of it, and keeps that.
    #[wasm_bindgen(js_name = useIndex)]
    pub fn use_index(
        &self,
        layer: usize,
        ztoc: Uint8Array,
        layer_digest: String,
        stop: Option<Promise>,
    ) -> Promise {
        let image = self.image.clone();
        abort::promise(stop, async move {
            let built = BuiltIndex { ztoc: ztoc.to_vec().into(), layer_digest: layer_digest.parse()? };
            image.use_index(layer, built).await.map(|()| JsValue::UNDEFINED)
        })
    }

    /// The merged root file system.
    pub fn root(&self) -> Tree {
        Tree::new(self.image.tree())
    }

    /// Whether the image's format makes one tree of its layers.
    #[wasm_bindgen(getter, js_name = isMerged)]
    pub fn is_merged(&self) -> bool {
        self.image.is_merged()
    }

    /// Changes of layer `index` to the tree of those below it, or `undefined`.
    pub fn changes(&self, index: usize) -> Option<WalkCursor> {
        self.image.changes(index).map(WalkCursor::of_changes)
    }

    /// Layer `index` alone, or `undefined`.
    pub fn layer(&self, index: usize) -> Option<Tree> {
        self.image.layer(index).map(|layer| Tree::new(layer.tree().clone()))
    }
}

/// The parts of a reference, canonical: `{registry, repository, tag?, digest?, host}`; `host` is where its API is.
#[wasm_bindgen(js_name = parseReference)]
pub fn parse_reference(text: &str) -> std::result::Result<Object, JsValue> {
    let reference: Reference = js_result(text.parse())?;
    let out = Object::new();
    js::set(&out, "host", reference.api_host());
    js::set(&out, "registry", reference.registry);
    js::set(&out, "repository", reference.repository);
    js::set_some(&out, "tag", reference.tag);
    js::set_some(&out, "digest", reference.digest.map(|digest| digest.to_string()));
    Ok(out)
}

fn indexer(host: &JsValue) -> Option<Rc<dyn Indexer>> {
    js::get_some(host, "indexer").map(|indexer| Rc::new(JsIndexer(indexer)) as Rc<dyn Indexer>)
}
