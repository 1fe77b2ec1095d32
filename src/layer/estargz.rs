//! eStargz and zstd:chunked layers: their TOC is fetched, checked and read as it arrives.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::{self, StreamExt};
use sha2::Digest as _;

use super::chunks::Near;
use super::extent::{ExtentLayer, Loaded, loader};
use super::{Checks, ContentCheck, Context, Layer, MetadataCheck, ReadBy};
use crate::error::{Code, Error, Result};
use crate::fetch::body::read_range;
use crate::fetch::single_flight::SingleFlight;
use crate::format::estargz::{
    FOOTER, Footer, LAYER_DIGEST, Pieces, Position, TOC_DIGEST, TOC_NAME, TOC_TAG, TocParser, footer,
    position,
};
use crate::format::extent::{Listing, ZSTD_WINDOW};
use crate::format::gzip::GzipDecoder;
use crate::format::lazy::Format;
use crate::format::oci::{Descriptor, Digest, ImageManifest, ManifestDoc, parse_manifest};
use crate::format::tar::TarWalker;
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;
use crate::net::retry_damaged::twice;
use crate::net::transport::ByteStream;
use crate::source::Target;

/// Bytes at the end of a layer that are fetched to get its footer, in the hope that the TOC is among them: a 256th of the
/// layer, which is about what a TOC takes.
const TAIL: Range<u64> = 64 << 10..256 << 10;

/// The image that holds the TOCs of an image's layers, where these are not in the layers.
pub(crate) struct TocImage {
    target: Option<Target>,
    manifest: SingleFlight<Rc<ImageManifest>>,
}

impl TocImage {
    /// That of an image with a tag; without one nothing leads to it.
    pub(crate) fn of(tag: Option<&str>) -> Self {
        let target = tag.map(|tag| Target::Tag(format!("{tag}{TOC_TAG}")));
        TocImage { target, manifest: SingleFlight::default() }
    }

    /// The layer with the TOC of `layer`; `None` where there is none.
    async fn find(&self, context: &Rc<Context>, layer: &Digest) -> Result<Option<Descriptor>> {
        let Some(target) = self.target.clone() else { return Ok(None) };
        let (context, owner) = (context.clone(), context.owner);
        let load = async move {
            let raw = context.source.manifest(&target).await?;
            match parse_manifest(&raw.bytes, &raw.media_type, &context.limits)? {
                ManifestDoc::Image(manifest) => Ok(Rc::new(manifest)),
                ManifestDoc::Index(_) => {
                    Err(Error::new(Code::NotFound, "the image of the layers' TOCs is an index"))
                }
            }
        };
        let manifest = match self.manifest.get(owner, || Box::pin(load)).await {
            Ok(manifest) => manifest,
            Err(e) if e.code() == Code::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let layer = layer.to_string();
        Ok(manifest.layers.iter().find(|l| l.annotations.get(LAYER_DIGEST) == Some(&layer)).cloned())
    }
}

/// A layer in a format (and whether the caller named that), which is read as it is, by the first of `parts`, where it turns out
/// to be in none: other tools compress layers anew and leave the annotations of what these were. The second is where TOCs
/// are that are not in their layers.
pub(crate) fn open(
    context: Rc<Context>,
    layer: Descriptor,
    id: usize,
    (format, named): (Format, bool),
    (plain, tocs): (Rc<dyn Layer>, Rc<TocImage>),
) -> Rc<dyn Layer> {
    let content = if context.verify { ContentCheck::ChunkDigest } else { ContentCheck::None };
    let checks = Checks { metadata: MetadataCheck::TocDigest, content, header: false, index: None };
    let job = Job { context: context.clone(), layer, plain, named, tocs, checks };
    let load = loader(move |context| {
        let job = Job { context, ..job.clone() };
        async move { job.load(format).await.map_err(|e| e.with_digest(&job.layer.digest)) }
    });
    Rc::new(ExtentLayer::new(context, id, ReadBy::Format(format), checks, load))
}

#[derive(Clone)]
struct Job {
    context: Rc<Context>,
    layer: Descriptor,
    plain: Rc<dyn Layer>,
    named: bool,
    tocs: Rc<TocImage>,
    checks: Checks,
}

/// Expected digest of a TOC's bytes, and end of its data.
struct Promise {
    digest: Option<Digest>,
    /// Where the layer's pieces end.
    data_end: u64,
}

impl Job {
    /// What the layer's annotations lead to, unless that does not fit the layer. The layer's own digest vouches for it then, so
    /// that whoever answers with other bytes than the TOC's gains nothing but a longer read.
    async fn load(&self, format: Format) -> Result<Loaded> {
        match self.try_load(format).await {
            Err(e) if !self.named && does_not_fit(&e) => {
                Ok(Loaded::Other(self.plain.clone(), Some(e.message().to_owned())))
            }
            other => other,
        }
    }

    async fn try_load(&self, format: Format) -> Result<Loaded> {
        let layer = &self.layer;
        let plain = |why: Option<&str>| Ok(Loaded::Other(self.plain.clone(), why.map(str::to_owned)));
        if format == Format::ZstdChunked {
            let Some(position) = position(&layer.annotations, layer.size) else {
                let message = "the layer's zstd:chunked annotations do not say where its TOC is";
                return Err(Error::new(Code::CorruptManifest, message));
            };
            let listing = twice(self.context.source.stats(), async || self.frame(&position).await).await?;
            return Ok(Loaded::Listing(Box::new(listing), self.checks, None));
        }
        let digest = match layer.annotations.get(TOC_DIGEST) {
            Some(text) => Some(text.parse::<Digest>().map_err(|_| {
                Error::new(Code::CorruptManifest, "what the layer's annotations name as its TOC is no digest")
            })?),
            // Nothing vouches for what the footer leads to.
            None if self.context.verify => return plain(None),
            None => None,
        };
        let size = layer.size;
        let start = size.saturating_sub((size / 256).clamp(TAIL.start, TAIL.end));
        let tail = read_range(&*self.context.source, layer, start..size).await?;
        let found = footer(tail.get(tail.len().saturating_sub(FOOTER)..).unwrap_or_default(), size);
        let near;
        let (listing, checks) = match found {
            Some(Footer::Toc { offset, len }) => {
                // Files that came along need not be fetched again.
                let data = usize::try_from(offset.saturating_sub(start)).ok().and_then(|n| tail.get(..n));
                near = data.map(|data| Near(start, Bytes::copy_from_slice(data)));
                let promise = Promise { digest, data_end: offset };
                let ranges = Ranges { toc: offset..size.saturating_sub(len), start, tail };
                (
                    twice(self.context.source.stats(), async || self.member(&ranges, &promise).await).await?,
                    self.checks,
                )
            }
            Some(Footer::External(len)) => {
                let toc = match self.tocs.find(&self.context, &layer.digest).await {
                    Ok(Some(toc)) => toc,
                    Ok(None) => {
                        return plain(Some(
                            "the TOC that the layer's annotations name is not in it, nor elsewhere",
                        ));
                    }
                    // Nothing that the image needs to be read.
                    Err(e) if !self.named => {
                        return plain(Some(&format!("the layer's TOC cannot be had: {}", e.message())));
                    }
                    Err(e) => return Err(e),
                };
                near = Some(Near(start, tail));
                let promise = Promise { digest, data_end: size.saturating_sub(len) };
                let limit = self.context.limits.max_metadata_size;
                let bytes = self.context.source.blob(&toc, "max_metadata_size", limit).await?;
                (self.read(stream::iter([Ok(bytes)]).boxed_local(), &promise).await?, self.checks)
            }
            None => {
                let why = "the layer's annotations name a TOC, but it does not end as a layer with one does";
                return plain(digest.map(|_| why));
            }
        };
        let checks = match digest {
            Some(_) => checks,
            None => Checks {
                metadata: MetadataCheck::None,
                content: ContentCheck::None,
                header: false,
                index: None,
            },
        };
        Ok(Loaded::Listing(Box::new(listing), checks, near))
    }

    /// The TOC of a zstd:chunked layer: a frame whose compressed bytes have the digest.
    async fn frame(&self, at: &Position) -> Result<Listing> {
        let (context, limits) = (&self.context, &self.context.limits);
        Limits::check("max_metadata_size", at.length.max(at.unpacked), limits.max_metadata_size)?;
        // In front of it is the header of the skippable frame that it is in.
        let mut parser = TocParser::new(Pieces::Zstd, at.offset.saturating_sub(8), context.verify, limits);
        let bounded = Limits {
            max_whole_layer_inflated: at.unpacked,
            max_zstd_window: limits.max_zstd_window.max(ZSTD_WINDOW),
            ..limits.clone()
        };
        let mut zstd = ZstdDecoder::new(&bounded);
        let (mut hasher, mut parsed) = (sha2::Sha256::new(), Ok(()));
        let end = at.offset.saturating_add(at.length);
        let mut body = context.source.blob_range(&self.layer, at.offset..end).await?;
        while let Some(data) = body.try_next().await? {
            hasher.update(&data);
            parsed = parsed.and_then(|()| zstd.push(&data, &mut |out| parser.push(out)));
        }
        check(&Some(at.digest), hasher)?;
        parsed?;
        zstd.finish()?;
        parser.finish(self.layer.clone())
    }

    /// The TOC of an eStargz layer: partly here, perhaps.
    async fn member(&self, ranges: &Ranges, promise: &Promise) -> Result<Listing> {
        let toc = &ranges.toc;
        let here = usize::try_from(toc.start.saturating_sub(ranges.start)).unwrap_or(usize::MAX);
        let end = usize::try_from(toc.end.saturating_sub(ranges.start)).unwrap_or(usize::MAX);
        let rest = ranges.tail.get(here..end).map(Bytes::copy_from_slice).unwrap_or_default();
        let rest = stream::iter([Ok(rest)]);
        let body: ByteStream = if toc.start < ranges.start {
            let before = toc.start..ranges.start;
            self.context.source.blob_range(&self.layer, before).await?.chain(rest).boxed_local()
        } else {
            rest.boxed_local()
        };
        self.read(body, promise).await
    }

    /// Reads a gzip member that holds a tar whose first entry is the TOC; its bytes have the digest.
    async fn read(&self, mut body: ByteStream, promise: &Promise) -> Result<Listing> {
        let (context, limits) = (&self.context, &self.context.limits);
        let parser = TocParser::new(Pieces::Gzip, promise.data_end, context.verify, limits);
        let mut tar = TocTar {
            walker: TarWalker::new(limits),
            at: 0,
            parser,
            parsed: Ok(()),
            hasher: sha2::Sha256::new(),
        };
        let bounded = Limits {
            // The tar's blocks come on top.
            max_whole_layer_inflated: limits.max_metadata_size.saturating_add(1 << 20),
            ..limits.clone()
        };
        let mut gzip = GzipDecoder::new(&bounded);
        while let Some(data) = body.try_next().await? {
            gzip.push(&data, &mut |out| tar.push(out))?;
        }
        gzip.finish()?;
        tar.walker.finish(Some(tar.at))?;
        check(&promise.digest, tar.hasher)?;
        tar.parsed?;
        tar.parser.finish(self.layer.clone())
    }
}

/// Range of the TOC, and the end of the layer from `start` on.
struct Ranges {
    toc: Range<u64>,
    start: u64,
    tail: Bytes,
}

/// The tar that holds the TOC.
struct TocTar {
    walker: TarWalker,
    at: u64,
    parser: TocParser,
    parsed: Result<()>,
    hasher: sha2::Sha256,
}

impl TocTar {
    fn push(&mut self, data: &[u8]) -> Result<()> {
        let at = self.at;
        self.at = at.saturating_add(data.len() as u64);
        let TocTar { walker, parser, parsed, hasher, .. } = self;
        walker.feed(at, data, &mut |part| {
            if part.index > 0 || part.entry.name != TOC_NAME {
                let text = "there is another file where the layer's TOC must be";
                return Err(Error::new(Code::CorruptLayer, text));
            }
            hasher.update(part.bytes);
            if parsed.is_ok() {
                *parsed = parser.push(part.bytes);
            }
            Ok(())
        })
    }
}

/// Whether an error says that the metadata is not this layer's, and not that the way to it is broken or too long.
fn does_not_fit(e: &Error) -> bool {
    matches!(e.code(), Code::DigestMismatch | Code::CorruptLayer | Code::CorruptManifest)
}

fn check(wanted: &Option<Digest>, hasher: sha2::Sha256) -> Result<()> {
    let found = Digest::from_sha256(hasher.finalize().into());
    if wanted.is_none_or(|wanted| wanted == found) {
        return Ok(());
    }
    Err(Error::new(
        Code::DigestMismatch,
        "where the layer's TOC must be there is something that does not have its digest, fetched twice: the layer was \
         compressed anew since, or the registry's copy is damaged",
    ))
}
