//! An open image: what it is and what its layers are.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use super::discovery::Discovery;
#[cfg(feature = "extent")]
use super::fs_tree::FsTree;
use super::options::PlatformBy;
use super::soci::SociInfo;
use super::stat::ManifestCheck;
use crate::error::{Code, Error, Result};
use crate::fetch::single_flight::SingleFlight;
use crate::format::oci::{Descriptor, Digest, ImageConfig, ImageManifest, Platform};
use crate::layer::{BuiltIndex, Context, Layer, LayerInfo};
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, at_once};
use crate::rootfs::Rootfs;
use crate::source::Source;

/// An open image. Clones are the same image.
///
/// It and its futures stay on one thread: they are not `Send`. Programs with tasks on several threads, such as those of
/// `tokio::spawn`, open a `native::SharedImage` (feature `native-http`).
#[derive(Clone)]
pub struct Image(pub(super) Rc<Inner>);

pub(super) struct Inner {
    pub(super) context: Rc<Context>,
    /// One for each layer, or one for all of them.
    pub(super) layers: Vec<Rc<dyn Layer>>,
    #[cfg(feature = "extent")]
    pub(super) volume: Option<FsTree>,
    pub(super) known: Rc<Known>,
}

/// What all readers of an image know.
pub(super) struct Known {
    pub(super) digest: Digest,
    pub(super) index_digest: Option<Digest>,
    pub(super) platform: OnceCell<Platform>,
    pub(super) platform_by: Option<PlatformBy>,
    pub(super) platforms: Vec<Platform>,
    pub(super) manifest: ImageManifest,
    pub(super) manifest_check: ManifestCheck,
    pub(super) soci: Option<SociInfo>,
    pub(super) discovery: Option<Discovery>,
    /// It is not the image that was asked for, but one that is attached to that.
    pub(super) attached: bool,
    /// The format makes one tree of the layers.
    pub(super) merged: bool,
    pub(super) infos: Vec<LayerInfo>,
    pub(super) rootfs: RefCell<Rootfs>,
    pub(super) config: SingleFlight<Rc<ImageConfig>>,
}

/// Layers that are loaded, or prefetched, at the same time.
pub(super) const PARALLEL: usize = 4;

impl Image {
    /// The name of its source in errors, e.g. `ghcr.io/o/app`.
    pub fn name(&self) -> String {
        self.0.context.source.name()
    }

    /// Digest of the image manifest.
    pub fn digest(&self) -> &Digest {
        &self.0.known.digest
    }

    /// Digest of the index that the image was chosen from.
    pub fn index_digest(&self) -> Option<&Digest> {
        self.0.known.index_digest.as_ref()
    }

    /// Its platform, if an index stated it or the config is loaded.
    pub fn platform(&self) -> Option<&Platform> {
        self.0.known.platform.get()
    }

    /// Why it is this image of its index; `None` where it came out of none.
    pub fn platform_by(&self) -> Option<PlatformBy> {
        self.0.known.platform_by
    }

    /// The platforms that the index lists.
    pub fn platforms(&self) -> &[Platform] {
        &self.0.known.platforms
    }

    /// The image manifest.
    pub fn manifest(&self) -> &ImageManifest {
        &self.0.known.manifest
    }

    /// The SOCI index in use.
    pub fn soci(&self) -> Option<&SociInfo> {
        self.0.known.soci.as_ref()
    }

    /// The config. Fetched when it is first asked for.
    pub async fn config(&self) -> Result<Rc<ImageConfig>> {
        let inner = self.0.clone();
        let load = async move {
            let Context { source, limits, .. } = &*inner.context;
            fetch_config(&**source, &inner.known.manifest.config, limits).await
        };
        let config = self.0.known.config.get(self.0.context.owner, move || Box::pin(load)).await?;
        self.0.known.platform.get_or_init(|| config.platform());
        Ok(config)
    }

    /// Its layers, the lowest first, and how each is read: of one without an index, as far as that is known. See
    /// [`find_kept_indexes`](Image::find_kept_indexes).
    pub fn layers(&self) -> Vec<LayerInfo> {
        (0..self.0.known.infos.len()).filter_map(|i| self.layer_info(i)).collect()
    }

    pub(super) fn layer_info(&self, index: usize) -> Option<LayerInfo> {
        let mut info = self.0.known.infos.get(index)?.clone();
        if self.0.known.merged {
            return Some(info);
        }
        let layer = self.0.layers.get(index)?;
        info.read = layer.read_by();
        info.set_aside = layer.set_aside();
        info.ztoc = layer.own_ztoc().or(info.ztoc);
        if let Some(ztoc) = &mut info.ztoc {
            ztoc.span_size = ztoc.span_size.or_else(|| layer.span_size());
        }
        Some(info)
    }

    /// Looks which layers without an index the cache keeps one of, so that [`layers`](Image::layers) says how they are
    /// read. Reading finds them too. What is damaged, or another layer's, is as if it were not there.
    pub async fn find_kept_indexes(&self) {
        let one = |layer: &Rc<dyn Layer>| -> Later<'static, ()> {
            let layer = layer.clone();
            Box::pin(async move {
                layer.find_kept().await;
                Ok(())
            })
        };
        drop(at_once(self.0.layers.iter().map(one).collect(), PARALLEL).await);
    }

    /// A layer's compressed bytes from `start` on. **Not verified**: whoever reads all of them can.
    pub async fn layer_stream(&self, layer: usize, start: u64) -> Result<ByteStream> {
        let source = &self.0.context.source;
        let descriptor = self.0.known.manifest.layers.get(layer).ok_or_else(|| no_layer(layer))?;
        match start {
            0 => source.blob_stream(descriptor).await,
            _ if start < descriptor.size => source.blob_range(descriptor, start..descriptor.size).await,
            _ => Ok(Box::pin(futures_util::stream::empty())),
        }
    }

    /// Reads a layer by an index that was built of it, unless it has one, or has been read whole already; and keeps that
    /// index in the cache in any case.
    ///
    /// # Errors
    /// `DIGEST_MISMATCH` where it was built of other bytes than the layer's, `CORRUPT_ZTOC` where it is none; nothing is
    /// kept then.
    pub async fn use_index(&self, layer: usize, built: BuiltIndex) -> Result<()> {
        self.loader(layer)?.use_index(built).await
    }

    /// Requests, bytes and cache hits so far.
    pub fn stats(&self) -> &Stats {
        self.0.context.source.stats()
    }

    /// Bytes of spans kept in memory for later reads; never more than `span_cache_size`.
    pub fn cached_bytes(&self) -> u64 {
        self.0.context.spans.bytes()
    }

    /// How a layer is read.
    pub(super) fn loader(&self, layer: usize) -> Result<&Rc<dyn Layer>> {
        self.0.layers.get(layer).ok_or_else(|| no_layer(layer))
    }
}

/// Fetches an image's config.
pub(super) async fn fetch_config(
    source: &dyn Source,
    descriptor: &Descriptor,
    limits: &Limits,
) -> Result<Rc<ImageConfig>> {
    let bytes = source.blob(descriptor, "max_manifest_size", limits.max_manifest_size).await?;
    ImageConfig::parse(&bytes, limits).map(Rc::new).map_err(|e| e.with_digest(&descriptor.digest))
}

fn no_layer(layer: usize) -> Error {
    Error::new(Code::InvalidArgument, format!("the image has no layer {layer}"))
}
