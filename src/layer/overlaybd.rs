//! OverlayBD and TurboOCI images, whose layers are one file system.
//!
//! TurboOCI tells all metadata in small layers that are fetched whole. OverlayBD's own layers have no digest but the whole
//! layer's: they are fetched whole and read in memory, unless the caller gave up verification or they are at hand; then the disk
//! is read block by block, as [`DiskFileSystem`] does.

use std::rc::Rc;

use futures_util::future::try_join_all;

use super::disk::DiskFileSystem;
use super::extent::{ExtentLayer, Loaded, loader};
use super::{Checks, ContentCheck, Context, MetadataCheck, ReadBy, Tree};
use crate::error::{Code, Error, Remedy, Result};
use crate::format::lazy::Format;
use crate::format::oci::{Descriptor, Digest, ImageManifest};
use crate::format::overlaybd::{Metadata, Source, listing};
use crate::limits::Limits;
use crate::net::transport::Later;

const BLOB: &str = "containerd.io/snapshot/overlaybd/blob-digest";
const FILE_SYSTEM: &str = "containerd.io/snapshot/overlaybd/blob-fs-type";
const ACCELERATION: &str = "containerd.io/snapshot/overlaybd/acceleration-layer";
const TARGET: [&str; 2] = [
    "containerd.io/snapshot/overlaybd/turbo-oci/target-digest",
    "containerd.io/snapshot/overlaybd/fastoci/target-digest",
];
const TARGET_TYPE: [&str; 2] = [
    "containerd.io/snapshot/overlaybd/turbo-oci/target-media-type",
    "containerd.io/snapshot/overlaybd/fastoci/target-media-type",
];

/// One layer of the stack.
#[derive(Clone)]
struct Part {
    layer: Descriptor,
    /// Of TurboOCI: the layer that has the contents.
    target: Option<Descriptor>,
}

/// The tree of an image in `format`. Nothing is fetched before it is used. `id` is unique among what shares the image's
/// cache.
///
/// # Errors
/// `UNSUPPORTED` for file systems that are not read, by name, and for images that have other layers among these.
pub(crate) fn open(
    context: &Rc<Context>,
    manifest: &ImageManifest,
    format: Format,
    id: usize,
) -> Result<Tree> {
    let parts = manifest.layers.iter().filter(|l| l.annotations.get(ACCELERATION).is_none_or(|v| v != "yes"));
    let parts = parts.map(part).collect::<Result<Vec<_>>>()?;
    let all_native = parts.iter().all(|p| p.target.is_none());
    if all_native && (!context.verify || context.source.is_steady()) {
        let layers = parts.into_iter().map(|p| p.layer).collect();
        return Ok(Tree::FileSystem(Rc::new(DiskFileSystem::new(context.clone(), layers, id))));
    }
    let content = if context.verify { ContentCheck::LayerDigest } else { ContentCheck::None };
    // Whatever is in memory was fetched whole.
    let content = if all_native { ContentCheck::LayerDigest } else { content };
    let checks = Checks { metadata: MetadataCheck::LayerDigest, content, header: false, index: None };
    let parts = Rc::new(parts);
    let load = loader(move |context| {
        let parts = parts.clone();
        async move {
            let fetched = parts.iter().map(|p| fetch(&context, p));
            let sources = try_join_all(fetched).await?;
            Ok(Loaded::Listing(Box::new(listing(sources, &context.limits)?), checks, None))
        }
    });
    Ok(Tree::Merged(Rc::new(ExtentLayer::new(context.clone(), id, ReadBy::Format(format), checks, load))))
}

fn part(layer: &Descriptor) -> Result<Part> {
    let unsupported =
        |message: String| Err(Error::new(Code::Unsupported, message).with_digest(&layer.digest));
    let find = |keys: [&str; 2]| keys.iter().find_map(|key| layer.annotations.get(*key));
    if let Some(system) =
        layer.annotations.get(FILE_SYSTEM).filter(|s| !matches!(&***s, "ext4" | "erofs" | ""))
    {
        let system: String = system.chars().take(40).collect();
        return unsupported(format!(
            "the layer's file system is {system:?}; ext4 and TurboOCI's EROFS are read"
        ));
    }
    let Some(digest) = find(TARGET) else {
        return match layer.annotations.contains_key(BLOB) {
            true => Ok(Part { layer: layer.clone(), target: None }),
            false => unsupported("one of the image's layers is not OverlayBD, but others are".to_owned()),
        };
    };
    let digest: Digest = digest.parse().map_err(|_| {
        let message = "a TurboOCI layer names its original layer by something that is not a digest";
        Error::new(Code::CorruptManifest, message).with_digest(&layer.digest)
    })?;
    // Its size is told by the checkpoints in it.
    let media_type = find(TARGET_TYPE).cloned().unwrap_or_default();
    let plain = Descriptor { annotations: Default::default(), urls: Vec::new(), data: None, ..layer.clone() };
    let target = Descriptor { digest, size: 0, media_type, ..plain };
    Ok(Part { layer: layer.clone(), target: Some(target) })
}

/// Fetches a layer, verified.
fn fetch<'a>(context: &'a Rc<Context>, part: &'a Part) -> Later<'a, Source> {
    let (layer, limits) = (&part.layer, &context.limits);
    Box::pin(async move {
        let Some(target) = &part.target else {
            let limit = limits.max_whole_layer_size;
            Limits::check("max_whole_layer_size", layer.size, limit).map_err(|e| {
                e.with_message(format!(
                    "nothing but its digest vouches for the OverlayBD layer; fetching all of its {} bytes",
                    layer.size
                ))
                .with_remedy(Remedy::ReadUnverified)
                .with_digest(&layer.digest)
            })?;
            let data = context.source.blob(layer, "max_whole_layer_size", limit).await?;
            return Ok(Source { descriptor: layer.clone(), data, is_erofs: false, target: None });
        };
        let blob = context.source.blob(layer, "max_metadata_size", limits.max_metadata_size).await?;
        let concerns = |e: Error| e.with_digest(&layer.digest);
        let Metadata { system, is_erofs, checkpoints } = Metadata::unpack(&blob, limits).map_err(concerns)?;
        let mut target = target.clone();
        match &checkpoints {
            Some(checkpoints) => target.size = checkpoints.gzip_size(),
            None if context.verify => {
                let message = "TurboOCI does not tell the size of a layer that is not compressed, so it cannot be fetched \
                               whole to verify it";
                let e = Error::new(Code::Unsupported, message).with_remedy(Remedy::ReadUnverified);
                return Err(e.with_digest(&target.digest));
            }
            None => {}
        }
        Ok(Source { descriptor: layer.clone(), data: system, is_erofs, target: Some((target, checkpoints)) })
    })
}
