//! Open an image: resolve, manifest, index, root file system, read.

mod discovery;
mod formats;
#[cfg(feature = "extent")]
mod fs_tree;
mod open;
mod read;
mod stat;
mod view;
mod walk;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use crate::error::{Code, Error, Result};
use crate::fetch::single_flight::Once;
use crate::format::lazy::Reader;
use crate::format::oci::{Digest, ImageConfig, ImageManifest, Platform};
use crate::format::soci::{PrefetchArtifact, SociLayer, SociPrefetch, SociVersion};
use crate::format::tar::Kind;
use crate::layer::{Context, Layer};
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, at_once};
use crate::rootfs::{LayerIndex, Listed, LookUp, Node, Place, Rootfs, Step, clean};
use crate::sort::sort_keys;
use crate::source::Cache;

#[cfg(feature = "build")]
pub use crate::layer::OnePass;
pub use crate::layer::{
    BuiltIndex, ContentCheck, IndexVoucher, Indexer, LayerInfo, MetadataCheck, ReadBy, ZtocInfo,
};
pub use crate::rootfs::Follow;
pub use discovery::Discovery;
pub use read::FileStream;
pub use stat::{FileStat, ManifestCheck, Verification};
pub use view::{LayerEntries, LayerView};
pub use walk::Walk;

/// Which SOCI index is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SociChoice {
    /// The one that the image names (version 2), else, if the caller [agreed](OpenOptions::attached_index), the first that is
    /// attached to it (version 1), else none.
    #[default]
    Auto,
    /// None: layers are fetched whole.
    None,
    /// This one.
    Digest(Digest),
}

/// Why it is this image of its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlatformBy {
    /// The caller named its platform.
    Asked,
    /// None was named: it is the default one's.
    Default,
    /// None was named, and there is no image for the default platform, or it is not here, but this one alone.
    Only,
}

impl PlatformBy {
    /// A lower-case word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            PlatformBy::Asked => "asked",
            PlatformBy::Default => "default",
            PlatformBy::Only => "only",
        }
    }
}

/// How an image is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// Which image of an index. `None`: that of `default_platform`, else the only one that there is;
    /// [`Image::platform_by`] says which.
    pub platform: Option<Platform>,
    /// The platform where none is named. `None`: this machine's (Linux).
    pub default_platform: Option<Platform>,
    /// Which SOCI index.
    pub soci: SociChoice,
    /// Whether to look for what is merely attached to the image, and read by it: a SOCI index of version 1, or the image in
    /// the format that [`reader`](Self::reader) names. Whoever may write to the repository can attach what shows other
    /// names, links and contents than the layers have; results say so ([`IndexVoucher::Attached`]). Never where the image
    /// names an index of its own.
    pub attached_index: bool,
    /// False skips the checks of spans and of tar headers, and allows ranged reads of layers that nothing vouches for.
    /// Results say so. Manifests, zTOCs and layers that are fetched whole are verified all the same.
    pub verify: bool,
    /// Where compressed spans, and layers that are fetched whole, are kept, by digest. What comes out is verified again.
    /// One that [gives ranges](Cache::has_ranges) keeps what zTOCs say too, [packed](crate::pack). Manifests are not
    /// kept: see [`CachedSource`](crate::source::cache::CachedSource) for those.
    pub cache: Option<Rc<dyn Cache>>,
    /// Builds indexes of gzip and tar layers that have none, when something of them is wanted first; without it they are
    /// fetched whole.
    pub indexer: Option<Rc<dyn Indexer>>,
    /// A tag of the image, where it is opened by digest: some images have a part under a tag that is made of theirs (TOCs
    /// of eStargz). Whatever that is is checked against the image's own digests.
    pub tag: Option<String>,
    /// Which way of reading it is chosen.
    pub reader: Reader,
    /// Layers of up to so many bytes, compressed, are fetched whole all the same.
    pub index_above: u64,
    /// Layers without an index are read by one that was built of them before, where the cache keeps one. Nothing but the
    /// cache vouches for it: that must be one that only its owner writes to. `None`: where the cache
    /// [gives ranges](Cache::has_ranges), or with an indexer.
    pub kept_indexes: Option<bool>,
    /// Bounds on what the image may cost.
    pub limits: Limits,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            platform: None,
            default_platform: None,
            soci: SociChoice::Auto,
            attached_index: false,
            verify: true,
            cache: None,
            indexer: None,
            tag: None,
            reader: Reader::Auto,
            index_above: 0,
            kept_indexes: None,
            limits: Limits::default(),
        }
    }
}

/// How the SOCI index was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SociFound {
    /// The caller named it.
    Named,
    /// The image manifest's annotation names it (version 2).
    Annotation,
    /// It is attached to the image (version 1): whoever may write to the repository can do that.
    Referrers,
}

impl SociFound {
    /// Who vouches for an index that was found so.
    pub fn voucher(self) -> IndexVoucher {
        match self {
            SociFound::Named => IndexVoucher::Named,
            SociFound::Annotation => IndexVoucher::Image,
            SociFound::Referrers => IndexVoucher::Attached,
        }
    }

    /// A lower-case word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            SociFound::Named => "named",
            SociFound::Annotation => "annotation",
            SociFound::Referrers => "referrers",
        }
    }
}

/// The SOCI index in use.
#[derive(Debug, Clone)]
pub struct SociInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its version.
    pub version: SociVersion,
    /// How it was found.
    pub found: SociFound,
    /// Who vouches for it.
    pub voucher: IndexVoucher,
    /// The tool that made it.
    pub build_tool: Option<String>,
    /// The layers that it covers, in its order. Layers that the image does not have are left out.
    pub layers: Vec<SociLayer>,
    /// What it says is wanted first.
    pub prefetch: Vec<SociPrefetch>,
}

/// An open image. Clones are the same image.
#[derive(Clone)]
pub struct Image(Rc<Inner>);

struct Inner {
    context: Rc<Context>,
    digest: Digest,
    index_digest: Option<Digest>,
    platform: OnceCell<Platform>,
    platform_by: Option<PlatformBy>,
    platforms: Vec<Platform>,
    manifest: ImageManifest,
    manifest_check: ManifestCheck,
    soci: Option<SociInfo>,
    discovery: Option<Discovery>,
    /// It is not the image that was asked for, but one that is attached to that.
    attached: bool,
    /// One for each layer, or one for all of them.
    layers: Vec<Rc<dyn Layer>>,
    /// The format makes one tree of the layers.
    merged: bool,
    #[cfg(feature = "extent")]
    volume: Option<fs_tree::VolumeTree>,
    infos: Vec<LayerInfo>,
    rootfs: RefCell<Rootfs>,
    config: Once<Rc<ImageConfig>>,
}

/// Layers that are loaded, or prefetched, at the same time.
const PARALLEL: usize = 4;

/// Layers below one that is wanted that are loaded with it, where that is cheap.
#[cfg(feature = "extent")]
const AHEAD: usize = 7;

impl Image {
    /// How errors name its source, e.g. `ghcr.io/o/app`.
    pub fn name(&self) -> String {
        self.0.context.source.name()
    }

    /// Digest of the image manifest.
    pub fn digest(&self) -> &Digest {
        &self.0.digest
    }

    /// Digest of the index that the image was chosen from.
    pub fn index_digest(&self) -> Option<&Digest> {
        self.0.index_digest.as_ref()
    }

    /// What it runs on, where an index said so or the config is loaded.
    pub fn platform(&self) -> Option<&Platform> {
        self.0.platform.get()
    }

    /// Why it is this image of its index; `None` where it came out of none.
    pub fn platform_by(&self) -> Option<PlatformBy> {
        self.0.platform_by
    }

    /// The platforms that the index lists.
    pub fn platforms(&self) -> &[Platform] {
        &self.0.platforms
    }

    /// The image manifest.
    pub fn manifest(&self) -> &ImageManifest {
        &self.0.manifest
    }

    /// The SOCI index in use.
    pub fn soci(&self) -> Option<&SociInfo> {
        self.0.soci.as_ref()
    }

    /// The config. Fetched when it is first asked for.
    pub async fn config(&self) -> Result<Rc<ImageConfig>> {
        let inner = self.0.clone();
        let load = async move {
            let (limits, descriptor) = (&inner.context.limits, &inner.manifest.config);
            let bytes =
                inner.context.source.blob(descriptor, "max_manifest_size", limits.max_manifest_size).await?;
            ImageConfig::parse(&bytes, limits).map(Rc::new).map_err(|e| e.with_digest(&descriptor.digest))
        };
        let config = self.0.config.get(move || Box::pin(load)).await?;
        self.0.platform.get_or_init(|| config.platform());
        Ok(config)
    }

    /// Its layers, the lowest first, and how each is read: of one without an index, as far as that is known. See
    /// [`find_kept_indexes`](Image::find_kept_indexes).
    pub fn layers(&self) -> Vec<LayerInfo> {
        (0..self.0.infos.len()).filter_map(|i| self.layer_info(i)).collect()
    }

    fn layer_info(&self, index: usize) -> Option<LayerInfo> {
        let mut info = self.0.infos.get(index)?.clone();
        if self.0.merged {
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
        let one = |layer: &Rc<dyn Layer>| -> LocalBoxFuture<'static, Result<()>> {
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
        let descriptor = self.0.manifest.layers.get(layer).ok_or_else(|| no_layer(layer))?;
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

    /// One layer on its own, with its whiteouts as entries. `None` where there is no such layer, or the image's format makes
    /// one tree of its layers.
    pub fn layer(&self, index: usize) -> Option<LayerView> {
        (index < self.0.layers.len() && !self.0.merged).then(|| LayerView::new(self.clone(), index))
    }

    /// Attributes of a path, links followed or not at its end.
    pub async fn stat(&self, path: &[u8], follow: Follow) -> Result<FileStat> {
        let node = self.lookup(path, follow).await?;
        Ok(self.file_stat(&node, None))
    }

    /// The target of a symbolic link, as stored. `EINVAL` for anything else.
    pub async fn readlink(&self, path: &[u8]) -> Result<Vec<u8>> {
        let stat = self.stat(path, Follow::ExceptLast).await?;
        match (stat.kind, stat.link_name) {
            (Kind::Symlink, Some(target)) => Ok(target),
            _ => Err(Error::new(Code::Einval, "not a symbolic link").with_path(path)),
        }
    }

    /// Where a path leads, all links resolved, with a leading `/`.
    pub async fn realpath(&self, path: &[u8]) -> Result<Vec<u8>> {
        Ok(stat::absolute(&self.lookup(path, Follow::All).await?.path))
    }

    /// What is in a directory, links not followed, sorted by the bytes of the names.
    pub async fn read_dir(&self, path: &[u8]) -> Result<Vec<FileStat>> {
        let node = self.directory(path).await?;
        let children = self.children(&node, &mut Place::at(&node.path)).await?;
        Ok(children.iter().map(|child| self.file_stat(&child.entry.node, None)).collect())
    }

    /// Everything below a directory, parents before their children, links not followed; with `glob`, what it
    /// matches of it: see [`Walk`].
    pub fn walk(&self, path: &[u8], glob: Option<crate::rootfs::Glob>) -> Walk {
        Walk::new(walk::Tree::Image(self.clone()), path, glob)
    }

    /// Fetches what the index's prefetch artifacts name into the span cache, as far as it has room. Nothing where the
    /// index has none.
    pub async fn prefetch(&self) -> Result<()> {
        let Some(soci) = &self.0.soci else { return Ok(()) };
        let room = Rc::new(Cell::new(self.0.context.limits.span_cache_size));
        let one = |p| -> LocalBoxFuture<'_, _> { Box::pin(self.prefetch_layer(p, room.clone())) };
        at_once(soci.prefetch.iter().map(one).collect(), PARALLEL).await
    }

    async fn prefetch_layer(&self, prefetch: &SociPrefetch, room: Rc<Cell<u64>>) -> Result<()> {
        let Some(at) = self.0.infos.iter().position(|l| l.digest == prefetch.layer_digest) else {
            return Ok(());
        };
        let Some(layer) = self.0.layers.get(at) else { return Ok(()) };
        let (context, descriptor) = (&self.0.context, &prefetch.descriptor);
        let limit = context.limits.max_manifest_size;
        let bytes = context.source.blob(descriptor, "max_manifest_size", limit).await?;
        let spans = PrefetchArtifact::parse(&bytes, &context.limits)
            .map_err(|e| e.with_digest(&descriptor.digest))?
            .spans;
        // Spans of one priority in the order that they are listed in.
        let mut order: Vec<(u64, u32)> =
            (0..).zip(&spans).map(|(i, s)| (s.priority.cast_unsigned() ^ (1 << 63), i)).collect();
        sort_keys(&mut order);
        let clip = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let ordered = order.iter().filter_map(|&(_, i)| spans.get(i as usize));
        layer.prefetch(ordered.map(|s| (clip(s.start), clip(s.end))).collect(), room).await
    }

    async fn lookup(&self, path: &[u8], follow: Follow) -> Result<Node> {
        #[cfg(feature = "extent")]
        if let Some(volume) = &self.0.volume {
            return volume.lookup(path, follow).await;
        }
        let mut look_up = LookUp::new(path, follow);
        self.settle(&self.0.rootfs, |rootfs| rootfs.look_up(&mut look_up)).await
    }

    /// What is in the directory `node`, which is `place`.
    async fn children(&self, node: &Node, place: &mut Place) -> Result<Vec<Listed>> {
        self.list(&self.0.rootfs, node, place).await
    }

    /// The same in any tree of its layers.
    async fn list(&self, rootfs: &RefCell<Rootfs>, node: &Node, place: &mut Place) -> Result<Vec<Listed>> {
        if node.kind != Kind::Directory {
            return Err(Error::new(Code::Enotdir, "not a directory").with_path(&stat::absolute(&node.path)));
        }
        #[cfg(feature = "extent")]
        if let Some(volume) = &self.0.volume {
            return volume.children(node).await;
        }
        self.settle(rootfs, |rootfs| rootfs.list(place)).await
    }

    /// Looks up a directory that is to be listed.
    async fn directory(&self, path: &[u8]) -> Result<Node> {
        // Listing the root takes all layers, unless one hides what is below it, which is not known before: load
        // several at a time. Failures are left to whoever then needs that layer.
        if clean(path).is_empty() {
            let one = |i| -> LocalBoxFuture<'_, _> {
                Box::pin(async move {
                    drop(self.index(i).await);
                    Ok(())
                })
            };
            at_once((0..self.0.layers.len()).rev().map(one).collect(), PARALLEL).await?;
        }
        self.lookup(path, Follow::All).await
    }

    /// Asks until it is answered, loading the layers that the answer needs and no others.
    async fn settle<T>(
        &self,
        rootfs: &RefCell<Rootfs>,
        mut ask: impl FnMut(&Rootfs) -> Result<Step<T>>,
    ) -> Result<T> {
        loop {
            let step = ask(&rootfs.borrow())?;
            let layers = match step {
                Step::Done(answer) => return Ok(answer),
                Step::NeedLayer(layer) => vec![layer],
                Step::NeedParts(parts) => {
                    let layers = parts.iter().map(|part| part.0).collect();
                    self.parts(parts).await?;
                    layers
                }
            };
            for layer in layers {
                let index = self.index(layer).await?;
                rootfs.borrow_mut().set_layer(layer, index);
            }
        }
    }

    /// Loads a layer, or as much of it as tells which of its parts are needed.
    async fn index(&self, layer: usize) -> Result<LayerIndex> {
        if let Some(index) = self.0.rootfs.borrow().layer(layer) {
            return Ok(index.clone());
        }
        let load = async {
            let index = self.loader(layer)?.index().await?;
            self.0.rootfs.borrow_mut().set_layer(layer, index.clone());
            Ok(index)
        };
        #[cfg(feature = "extent")]
        let load = async { futures_util::future::join(load, self.load_below(layer)).await.0 };
        load.await
    }

    /// Loads layers below one that is loaded, to which a look-up is likely to come, at the same time, where that is cheap.
    /// Failures are left to whoever needs them.
    #[cfg(feature = "extent")]
    async fn load_below(&self, layer: usize) {
        let eager = |i: &usize| self.0.layers.get(*i).is_some_and(|l| l.is_eager());
        if !eager(&layer) {
            return;
        }
        let missing = |i: &usize| self.0.rootfs.borrow().layer(*i).is_none();
        let wanted = (layer.saturating_sub(AHEAD)..layer).rev().filter(eager).filter(missing);
        let one = |i| -> LocalBoxFuture<'_, Result<()>> {
            Box::pin(async move {
                let index = self.loader(i)?.index().await?;
                self.0.rootfs.borrow_mut().set_layer(i, index);
                Ok(())
            })
        };
        futures_util::future::join_all(wanted.map(one)).await;
    }

    /// Loads parts of layers, `(layer, part)` each.
    async fn parts(&self, parts: Vec<(usize, usize)>) -> Result<()> {
        let mut layers: Vec<(usize, Vec<usize>)> = Vec::new();
        for (layer, part) in parts {
            match layers.iter_mut().find(|l| l.0 == layer) {
                Some((_, parts)) => parts.push(part),
                None => layers.push((layer, vec![part])),
            }
        }
        let load = |(layer, parts)| -> LocalBoxFuture<'_, _> {
            Box::pin(async move {
                let index = self.loader(layer)?.parts(parts).await?;
                self.0.rootfs.borrow_mut().set_layer(layer, index);
                Ok(())
            })
        };
        at_once(layers.into_iter().map(load).collect(), PARALLEL).await
    }

    /// Loads all of a layer's entries.
    async fn all(&self, layer: usize) -> Result<LayerIndex> {
        let index = self.loader(layer)?.all().await?;
        self.0.rootfs.borrow_mut().set_layer(layer, index.clone());
        Ok(index)
    }

    fn loader(&self, layer: usize) -> Result<&Rc<dyn Layer>> {
        self.0.layers.get(layer).ok_or_else(|| no_layer(layer))
    }
}

fn no_layer(layer: usize) -> Error {
    Error::new(Code::InvalidArgument, format!("the image has no layer {layer}"))
}
