//! Nydus images: the bootstrap's layer is fetched whole, and files by ranges of the blobs that it names.

use std::cell::RefCell;
use std::rc::Rc;

use super::extent::{ExtentLayer, Loaded, loader};
use super::{Checks, ContentCheck, Context, MetadataCheck, ReadBy, Tree};
use crate::error::{Code, Error, Result};
use crate::fetch::body::read_range;
use crate::format::extent::{Codec, Listing, decode};
use crate::format::lazy::Format;
use crate::format::nydus::{Blob, BlobMeta, Bundle, Compressor, HEADER_SIZE, Rafs};
use crate::format::oci::{Descriptor, Digest, ImageManifest};
use crate::limits::Limits;
use crate::net::transport::{Later, at_once};

const BOOTSTRAP: &str = "containerd.io/snapshot/nydus-bootstrap";

/// Blobs' contexts that are fetched at the same time.
const PARALLEL: usize = 4;

/// The tree of a Nydus image. Nothing is fetched before it is used. `id` is unique among what shares the image's cache.
pub(crate) fn open(context: &Rc<Context>, manifest: &ImageManifest, id: usize) -> Result<Tree> {
    // By all known tools it is the last one.
    let layer = manifest.layers.iter().rev().find(|l| l.annotations.contains_key(BOOTSTRAP));
    let layer = layer.ok_or_else(|| Error::new(Code::Unsupported, "the image has no Nydus bootstrap"))?;
    let content = if context.verify { ContentCheck::ChunkDigest } else { ContentCheck::None };
    let checks = Checks { metadata: MetadataCheck::LayerDigest, content, header: false, index: None };
    let (bootstrap, layers) = (layer.clone(), Rc::from(&*manifest.layers));
    let job = Job { context: context.clone(), bootstrap, layers, checks };
    let load = loader(move |context| {
        let job = Job { context, ..job.clone() };
        async move { job.load().await.map_err(|e| e.with_digest(&job.bootstrap.digest)) }
    });
    let by = ReadBy::Format(Format::Nydus);
    Ok(Tree::Merged(Rc::new(ExtentLayer::new(context.clone(), id, by, checks, load))))
}

#[derive(Clone)]
struct Job {
    context: Rc<Context>,
    bootstrap: Descriptor,
    layers: Rc<[Descriptor]>,
    checks: Checks,
}

impl Job {
    async fn load(&self) -> Result<Loaded> {
        let limits = &self.context.limits;
        let limit = limits.max_metadata_size;
        let layer = self.context.source.blob(&self.bootstrap, "max_metadata_size", limit).await?;
        let bundle = Bundle::of_layer(layer, limits)?;
        let Rafs { entries, mut chunks } = Rafs::parse(bundle.boot.clone(), limits)?;
        let mut blobs = Vec::new();
        for (i, blob) in chunks.blobs().to_vec().iter().enumerate() {
            let listed = self.listed(&blob.id).cloned();
            // An OCI layer under a zran image is not listed, but its size is known.
            if listed.is_none() && !blob.is_zran() {
                chunks.set_missing(i);
            }
            blobs.push(listed.unwrap_or_else(|| Descriptor::new("", blob.id, blob.data_size)));
            // Contexts mostly come with the bootstrap.
            if let Some(meta) = bundle.meta(&blob.meta.blob).filter(|_| blob.needs_meta()) {
                chunks.set_meta(i, BlobMeta::parse(meta, blob)?)?;
            }
        }
        let missing =
            |(_, blob): &(usize, &Blob)| blob.needs_meta() && bundle.meta(&blob.meta.blob).is_none();
        let fetched = RefCell::new(Vec::new());
        let one = |(i, blob): (usize, Blob)| -> Later<'_, ()> {
            let fetched = &fetched;
            Box::pin(async move {
                let meta = self.meta(&blob).await.map_err(|e| e.with_digest(&blob.meta.blob))?;
                fetched.borrow_mut().push((i, meta));
                Ok(())
            })
        };
        let wanted = (0..).zip(chunks.blobs()).filter(missing).map(|(i, blob)| one((i, blob.clone())));
        at_once(wanted.collect(), PARALLEL).await?;
        for (i, meta) in fetched.take() {
            chunks.set_meta(i, meta)?;
        }
        let listing = Listing { table: entries, extents: Box::new(chunks), blobs };
        Ok(Loaded::Listing(Box::new(listing), self.checks, None))
    }

    fn listed(&self, digest: &Digest) -> Option<&Descriptor> {
        self.layers.iter().find(|l| l.digest == *digest)
    }

    /// A blob's contexts, out of the blob that they are in. Nothing vouches for them but that what they lead to has the
    /// digests that the bootstrap states.
    async fn meta(&self, blob: &Blob) -> Result<BlobMeta> {
        let (place, limits) = (&blob.meta, &self.context.limits);
        let Some(layer) = self.listed(&place.blob) else {
            let message = "the image's manifest does not list the blob that holds another one's contexts";
            return Err(Error::new(Code::Unsupported, message));
        };
        let largest = place.size.max(place.unpacked);
        Limits::check("max_metadata_size", largest, limits.max_metadata_size)?;
        let end = place.size.checked_add(HEADER_SIZE as u64).and_then(|len| place.offset.checked_add(len));
        let end = end.filter(|end| *end <= layer.size);
        let end = end.ok_or_else(|| Error::new(Code::CorruptLayer, "a blob's contexts are out of it"))?;
        let mut table = read_range(&*self.context.source, layer, place.offset..end).await?;
        let header = table.split_off(table.len().saturating_sub(HEADER_SIZE));
        let codec = match place.compressor {
            Compressor::None => Codec::Raw,
            Compressor::Lz4 => Codec::Lz4Block,
            Compressor::Gzip => Codec::GzipMembers,
            Compressor::Zstd => Codec::Zstd,
        };
        BlobMeta::from_parts(decode(&codec, table, place.unpacked, limits)?, header, blob)
    }
}
