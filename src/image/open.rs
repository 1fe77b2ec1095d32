//! Opening: from a reference to an open image, by index, platform, manifest and SOCI index.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use futures_util::future::join;

use super::discovery::Discovery;
use super::formats::{self, Chosen};
#[cfg(feature = "extent")]
use super::fs_tree::FsTree;
use super::open_image::{Image, Inner, Known};
use super::options::{OpenOptions, PlatformBy, SociChoice};
use super::soci::SociInfo;
use super::stat::ManifestCheck;
use super::told::{Asked, Opened, Told};
use crate::error::{Code, Error, Result};
use crate::fetch::owner::Owner;
use crate::fetch::single_flight::SingleFlight;
use crate::fetch::span_cache::SpanCache;
use crate::format::lazy::{FormatFound, Reader, beside};
#[cfg(feature = "extent")]
use crate::format::lazy::{of_image, referrers};
use crate::format::oci::{
    Descriptor, Digest, ImageIndex, ImageManifest, LayerCompression, ManifestDoc, Platform,
    layer_compression, media_type, parse_manifest,
};
use crate::format::soci::{V1_INDEX, v2_index_in};
#[cfg(feature = "extent")]
use crate::layer::Tree;
use crate::layer::{
    Context, IndexVoucher, Layer, LayerInfo, ReadBy, TarLayer, UnindexedLayer, WholeLayer, ZtocInfo,
    ZtocLayer,
};
use crate::limits::Limits;
use crate::net::transport::Transport;
use crate::rootfs::Rootfs;
#[cfg(not(all(target_arch = "wasm32", feature = "js-reader")))]
use crate::source::Cache;
#[cfg(not(all(target_arch = "wasm32", feature = "js-reader")))]
use crate::source::cache::TimelyCache;
use crate::source::{RawManifest, Source, Target};

/// Indexes inside of indexes that are followed.
const MAX_NESTED: usize = 4;
/// Referrers of a type that are looked at for one that is of use.
pub(super) const MAX_ATTACHED: usize = 16;

impl Image {
    /// Opens the image that `target` names: fetches its index and manifest, and finds its SOCI index, and no more.
    ///
    /// # Errors
    /// Those of the source; `NOT_FOUND` where there is no image for the platform, listing those that there are;
    /// `UNSUPPORTED` for what is no image; `CORRUPT_MANIFEST`, also for a SOCI index that is for another image.
    pub async fn open(
        source: Rc<dyn Source>,
        transport: Rc<dyn Transport>,
        target: &Target,
        options: OpenOptions,
    ) -> Result<Image> {
        match Image::open_here(source, transport, target, options, Told::default()).await? {
            Opened::Image(image) => Ok(image),
            Opened::Elsewhere(why, _) => Err(why),
        }
    }

    /// As [`open`](Image::open), of which so much is told already. That it takes another build of the library is no error.
    pub(crate) async fn open_here(
        source: Rc<dyn Source>,
        transport: Rc<dyn Transport>,
        target: &Target,
        options: OpenOptions,
        told: Told,
    ) -> Result<Opened> {
        let name = source.name();
        match open(source, transport, target, options, told).await {
            Ok(Opened::Elsewhere(why, told)) => Ok(Opened::Elsewhere(why.with_reference(name), told)),
            opened => opened.map_err(|e| e.with_reference(name)),
        }
    }
}

async fn open(
    source: Rc<dyn Source>,
    transport: Rc<dyn Transport>,
    target: &Target,
    options: OpenOptions,
    told: Told,
) -> Result<Opened> {
    if let Reader::Format(format) = options.reader
        && let Some(why) = formats::unread(format)
    {
        return Ok(Opened::Elsewhere(why, told));
    }
    let asked = Asked { source: &*source, told: RefCell::new(told) };
    let opening = Opening { source: asked, options: &options, discovery: RefCell::default() };
    let found = opening.choose(target).await?;
    #[cfg(feature = "extent")]
    let found = opening.attached(found).await?;
    let Found { digest, manifest, index_digest, platform, platform_by, platforms, ahead, hidden } = found;
    Limits::check("max_layers", manifest.layers.len() as u64, options.limits.max_layers)?;
    let tag = match target {
        Target::Tag(tag) => Some(tag.as_str()),
        Target::Digest(_) | Target::Only => options.tag.as_deref(),
    };
    if let Some(why) = formats::elsewhere(&manifest, options.reader, &options.limits, options.verify) {
        return Ok(Opened::Elsewhere(why.with_digest(&digest), opening.source.told.into_inner()));
    }
    let chosen =
        formats::choose(&manifest, options.reader, hidden, tag).map_err(|e| e.with_digest(&digest))?;
    if chosen.merged.is_none() {
        check_image(&manifest).map_err(|e| e.with_digest(&digest))?;
    }
    let soci = async {
        match chosen.needs_index(&manifest) {
            true => opening.soci(&digest, &manifest, ahead).await,
            false => Ok(None),
        }
    };
    let (soci, config) = join(soci, opening.config_of_asked(&manifest, index_digest.is_some())).await;
    let (soci, config) = (soci?, config.map_err(|e| e.with_digest(&digest))?);
    let platform = platform.or_else(|| config.as_ref().map(|config| config.platform()));
    let discovery = opening.discovery.take();

    let attached = hidden == Some(FormatFound::Referrers);
    let manifest_check = match target {
        Target::Digest(_) if !attached => ManifestCheck::Digest,
        _ if source.computes_digests() => ManifestCheck::Computed,
        _ => ManifestCheck::Tag,
    };
    // In the package this is done where the cache is called.
    #[cfg(not(all(target_arch = "wasm32", feature = "js-reader")))]
    let options = OpenOptions {
        cache: options.cache.map(|cache| -> Rc<dyn Cache> {
            Rc::new(TimelyCache::new(cache, transport.clone(), options.limits.max_cache_ms))
        }),
        ..options
    };
    let cache = options.cache.as_ref();
    let trusted = || options.indexer.is_some() || cache.is_some_and(|cache| cache.has_ranges());
    let kept_indexes = options.kept_indexes.unwrap_or_else(trusted);
    let context = Rc::new(Context {
        owner: Owner::new(options.isolated),
        source,
        transport,
        cache: options.cache,
        indexer: options.indexer,
        index_above: options.index_above,
        kept_indexes,
        spans: SpanCache::new(options.limits.span_cache_size),
        limits: options.limits,
        verify: options.verify,
    });
    let (layers, infos) = layers(&context, &manifest, soci.as_ref(), &chosen);
    #[cfg(feature = "extent")]
    let (layers, volume) = match chosen.merged {
        None => (layers, None),
        Some(format) => match formats::tree(&context, &manifest, format)? {
            Tree::Merged(layer) => (vec![layer], None),
            Tree::FileSystem(volume) => (Vec::new(), Some(FsTree::new(volume, &context.limits))),
        },
    };
    let rootfs = RefCell::new(Rootfs::new(layers.len(), &context.limits));
    let known = OnceCell::new();
    if let Some(platform) = platform {
        known.get_or_init(|| platform);
    }
    let known = Known {
        digest,
        index_digest,
        platform: known,
        platform_by,
        platforms,
        manifest,
        manifest_check,
        soci,
        discovery,
        attached,
        merged: chosen.merged.is_some(),
        infos,
        rootfs,
        config: config.map_or_else(SingleFlight::default, SingleFlight::of),
    };
    Ok(Opened::Image(Image(Rc::new(Inner {
        context,
        layers,
        #[cfg(feature = "extent")]
        volume,
        known: Rc::new(known),
    }))))
}

/// The layers, each with its way to be read. Equal layers are one.
fn layers(
    context: &Rc<Context>,
    manifest: &ImageManifest,
    soci: Option<&SociInfo>,
    chosen: &Chosen,
) -> (Vec<Rc<dyn Layer>>, Vec<LayerInfo>) {
    let (mut layers, mut infos) = (Vec::<Rc<dyn Layer>>::new(), Vec::<LayerInfo>::new());
    for (index, descriptor) in manifest.layers.iter().enumerate() {
        let ztoc = soci.and_then(|s| s.layers.iter().rev().find(|l| l.layer_digest == descriptor.digest));
        let known = infos.iter().zip(&layers).find(|(info, _)| info.digest == descriptor.digest);
        let layer = known.map(|(_, layer)| layer.clone()).unwrap_or_else(|| -> Rc<dyn Layer> {
            let (shared, layer) = (context.clone(), descriptor.clone());
            let plain: Rc<dyn Layer> = match (ztoc, layer_compression(&descriptor.media_type)) {
                (Some(z), _) => {
                    let (ztoc, no_xattrs) = (z.ztoc.clone(), z.disable_xattrs);
                    let voucher = soci.map_or(IndexVoucher::Attached, |s| s.voucher);
                    let of =
                        |context| ZtocLayer::new(context, layer.clone(), ztoc, no_xattrs, voucher, index);
                    match voucher {
                        IndexVoucher::Attached => {
                            let plain = Rc::new(of(shared.clone()));
                            let attached = Some(z.ztoc.digest);
                            Rc::new(UnindexedLayer::new(shared, layer.clone(), index, plain, attached))
                        }
                        _ => Rc::new(of(shared)),
                    }
                }
                (None, compression) => {
                    let by_range = !context.verify || context.source.is_steady();
                    let plain: Rc<dyn Layer> = match compression {
                        Some(LayerCompression::None) if by_range => {
                            Rc::new(TarLayer::new(shared.clone(), layer.clone()))
                        }
                        _ => Rc::new(WholeLayer::new(shared.clone(), layer.clone())),
                    };
                    match compression {
                        Some(LayerCompression::None | LayerCompression::Gzip) => {
                            Rc::new(UnindexedLayer::new(shared, layer, index, plain, None))
                        }
                        // No zTOC can be built of it.
                        _ => plain,
                    }
                }
            };
            chosen.read(context, descriptor, manifest.layers.len().saturating_add(index), plain)
        });
        let read = layer.read_by();
        layers.push(layer);
        infos.push(LayerInfo {
            index,
            digest: descriptor.digest,
            media_type: descriptor.media_type.clone(),
            size: descriptor.size,
            read: chosen.merged.map_or(read, ReadBy::Format),
            ztoc: ztoc.filter(|_| read == ReadBy::Ztoc).map(|z| ZtocInfo {
                digest: z.ztoc.digest,
                size: z.ztoc.size,
                span_size: z.span_size,
                voucher: soci.map_or(IndexVoucher::Attached, |s| s.voucher),
            }),
            format: chosen.format_of(descriptor),
            set_aside: None,
        });
    }
    (layers, infos)
}

/// Refuses what is an artifact and no image.
fn check_image(manifest: &ImageManifest) -> Result<()> {
    let config = media_type::essence(&manifest.config.media_type);
    let image = |t: &str| t == media_type::OCI_CONFIG || t == media_type::DOCKER_CONFIG;
    let tar = |d: &Descriptor| layer_compression(&d.media_type).is_some();
    // Some tools give images configs of their own types: what can be read as an image is one.
    let readable = !manifest.layers.is_empty() && manifest.layers.iter().all(tar);
    if image(&config) || readable {
        return Ok(());
    }
    let what = manifest.artifact_type.as_deref().unwrap_or(&config);
    let what: String = what.chars().take(120).collect();
    Err(Error::new(
        Code::Unsupported,
        format!("this is an artifact of the type {what:?}, not a container image"),
    ))
}

/// What was asked for at the same time as the image manifest.
#[derive(Default)]
pub(super) struct Ahead {
    /// The version 2 index that the image index lists.
    pub(super) listed: Option<(Digest, Result<RawManifest>)>,
    /// The version 1 indexes that are attached.
    pub(super) referrers: Option<Result<Vec<Descriptor>>>,
    /// The index that the caller named.
    pub(super) named: Option<Result<RawManifest>>,
}

struct Found {
    digest: Digest,
    manifest: ImageManifest,
    index_digest: Option<Digest>,
    platform: Option<Platform>,
    platform_by: Option<PlatformBy>,
    platforms: Vec<Platform>,
    ahead: Ahead,
    /// Where it was found, unless it is the image that was asked for.
    hidden: Option<FormatFound>,
}

/// An opening on its way.
pub(super) struct Opening<'a> {
    pub(super) source: Asked<'a>,
    pub(super) options: &'a OpenOptions,
    /// How the search for what is attached went, once there was one.
    pub(super) discovery: RefCell<Option<Discovery>>,
}

impl Opening<'_> {
    /// Follows indexes to the image manifest of the platform.
    async fn choose(&self, target: &Target) -> Result<Found> {
        let limits = &self.options.limits;
        let mut raw = self.source.manifest(target).await?;
        let (mut index_digest, mut platform, mut platforms) = (None, None, Vec::new());
        let (mut ahead, mut hidden, mut platform_by) = (Ahead::default(), None, None);
        for _ in 0..=MAX_NESTED {
            let digest = raw.digest;
            let index = match parse_manifest(&raw.bytes, &raw.media_type, limits)
                .map_err(|e| e.with_digest(&digest))?
            {
                ManifestDoc::Index(index) => index,
                ManifestDoc::Image(manifest) => {
                    return Ok(Found {
                        digest,
                        manifest,
                        index_digest,
                        platform,
                        platform_by,
                        platforms,
                        ahead,
                        hidden,
                    });
                }
            };
            let (entry, by) = self.select(&index).map_err(|e| e.with_digest(&digest))?;
            platform_by = Some(by);
            platform = entry.platform.clone().or(platform);
            platforms.extend(index.platforms());
            index_digest.get_or_insert(digest);
            let beside = self.beside(&index, entry);
            hidden = beside.map(|_| FormatFound::Index);
            let entry = beside.unwrap_or(entry);
            let (next, meanwhile) = join(self.fetch(entry), self.ahead(&index, entry, hidden)).await;
            (raw, ahead) = match next {
                Err(e) if e.code() == Code::NotFound && self.source.source.is_local() => {
                    let (there, its) = self.instead(&index, entry).await?;
                    (hidden, platform_by) = (None, Some(PlatformBy::Only));
                    platform = its.or(platform);
                    (there, Ahead::default())
                }
                next => (next?, meanwhile),
            };
        }
        Err(Error::new(Code::Unsupported, "indexes are nested too deeply"))
    }

    /// The entry of an index that is `entry` in a format that is read rather: where the index does not list a SOCI index
    /// of it, and the caller has not named one.
    fn beside<'a>(&self, index: &'a ImageIndex, entry: &Descriptor) -> Option<&'a Descriptor> {
        let reader = self.options.reader;
        let soci = match self.options.soci {
            SociChoice::Digest(_) => true,
            SociChoice::None => false,
            SociChoice::Auto => v2_index_in(index, &entry.digest).is_some(),
        };
        beside(index, entry, reader).filter(|_| reader != Reader::Auto || !soci)
    }

    /// The image in the format that the caller named, where it is not in it but such a one is attached, and the caller agreed
    /// to that.
    #[cfg(feature = "extent")]
    async fn attached(&self, found: Found) -> Result<Found> {
        let types = referrers(&found.manifest, self.options.reader);
        if types.is_empty() || !self.options.attached_index {
            return Ok(found);
        }
        let mut discovery = Discovery::default();
        for artifact_type in types {
            let listed = match self.source.referrers(&found.digest, artifact_type).await {
                Ok(listed) => listed,
                Err(e) => {
                    discovery.note(e);
                    continue;
                }
            };
            for attached in listed.iter().take(MAX_ATTACHED) {
                match self.in_format(attached).await {
                    Ok(Some(manifest)) => {
                        discovery.found.push(attached.clone());
                        *self.discovery.borrow_mut() = Some(discovery);
                        let (digest, hidden) = (attached.digest, Some(FormatFound::Referrers));
                        return Ok(Found { digest, manifest, hidden, ..found });
                    }
                    // Something else that has no type of its own.
                    Ok(None) => {}
                    Err(e) => discovery.note(e.with_digest(&attached.digest)),
                }
            }
        }
        // The caller asked for that format: what kept it from being found is more to the point than that it was not.
        discovery.failed.map_or(Ok(found), Err)
    }

    /// The manifest that a descriptor names, if it is an image in the format that the caller named.
    #[cfg(feature = "extent")]
    async fn in_format(&self, attached: &Descriptor) -> Result<Option<ImageManifest>> {
        let raw = self.fetch(attached).await?;
        Ok(match parse_manifest(&raw.bytes, &raw.media_type, &self.options.limits)? {
            ManifestDoc::Image(manifest)
                if of_image(&manifest).map(Reader::Format) == Some(self.options.reader) =>
            {
                Some(manifest)
            }
            _ => None,
        })
    }

    /// A manifest that a descriptor names, of its size.
    pub(super) async fn fetch(&self, descriptor: &Descriptor) -> Result<RawManifest> {
        if let Some(data) = &descriptor.data {
            let (media_type, digest) = (descriptor.media_type.clone(), descriptor.digest);
            return Ok(RawManifest { bytes: data.clone(), media_type, digest });
        }
        let raw = self.source.manifest(&Target::Digest(descriptor.digest)).await?;
        if raw.bytes.len() as u64 != descriptor.size {
            return Err(Error::new(
                Code::DigestMismatch,
                format!(
                    "the manifest has {} bytes, its descriptor says {}",
                    raw.bytes.len(),
                    descriptor.size
                ),
            )
            .with_digest(&descriptor.digest));
        }
        Ok(raw)
    }

    /// What is known to be wanted besides an index's entry, fetched at the same time as that: nothing, where the entry is
    /// the image in another format.
    async fn ahead(&self, index: &ImageIndex, entry: &Descriptor, hidden: Option<FormatFound>) -> Ahead {
        let mut ahead = Ahead::default();
        if hidden.is_some() || !index.images().any(|d| d.digest == entry.digest) {
            return ahead;
        }
        match &self.options.soci {
            SociChoice::None => {}
            SociChoice::Digest(digest) => {
                ahead.named = Some(self.source.manifest(&Target::Digest(*digest)).await);
            }
            SociChoice::Auto => match v2_index_in(index, &entry.digest) {
                Some(listed) => ahead.listed = Some((listed.digest, self.fetch(listed).await)),
                None if self.options.attached_index => {
                    ahead.referrers = Some(self.source.referrers(&entry.digest, V1_INDEX).await);
                }
                None => {}
            },
        }
        ahead
    }
}
