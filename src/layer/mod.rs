//! One file per way to read a layer, behind one trait.
//!
//! | layer | read | vouched for by |
//! |---|---|---|
//! | with a zTOC | `ztoc`: spans by Range requests | the zTOC's digest, for which somebody vouches ([`IndexVoucher`]); each span's digest; the file's tar header |
//! | without | `whole`: fetched once, listed, file contents kept | the layer's digest |
//! | uncompressed, without, at hand (a `Blob`) | `tar`: hashed and listed once, files by ranges | the layer's digest |
//! | without, once an index of it was built here | `unindexed`, then as with a zTOC | the layer's digest when it was built, and the cache that kept it |
//! | zstd, too large for that | `stream`: listed in one pass, then streamed up to the file for each read | the layer's digest; by that pass, each segment's |
//! | uncompressed, without, unverified on request | `tar`: headers and files by Range requests | nothing |
#![forbid(unsafe_code)]

mod cached_index;
#[cfg(feature = "extent")]
mod chunks;
mod content;
#[cfg(feature = "overlaybd")]
mod disk;
#[cfg(feature = "estargz")]
pub(crate) mod estargz;
#[cfg(feature = "extent")]
mod extent;
#[cfg(feature = "extent")]
mod file_system;
mod metadata;
#[cfg(feature = "nydus")]
pub(crate) mod nydus;
#[cfg(feature = "build")]
mod one_pass;
#[cfg(feature = "overlaybd")]
pub(crate) mod overlaybd;
mod spans;
#[cfg(feature = "zstd-stream")]
pub(crate) mod stream;
mod table;
mod tar;
mod unindexed;
mod voucher;
mod whole;
mod ztoc;

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

pub(crate) use crate::fetch::context::Context;
use crate::format::lazy::{Format, FormatFound};
use crate::format::oci::Digest;
use crate::net::transport::{ByteStream, Later};
use crate::rootfs::LayerIndex;
pub use crate::source::indexer::{BuiltIndex, Indexer};

#[cfg(feature = "extent")]
pub(crate) use file_system::{Attributes, FileSystem, Tree};
#[cfg(feature = "build")]
pub use one_pass::OnePass;
pub use tar::TarLayer;
pub(crate) use unindexed::UnindexedLayer;
pub use voucher::IndexVoucher;
pub use whole::WholeLayer;
pub use ztoc::ZtocLayer;

/// How a layer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadBy {
    /// Lazily, by its zTOC.
    Ztoc,
    /// Lazily, by walking an uncompressed tar; verified only where that can be read at once, as a file.
    Tar,
    /// Fetched whole, once, when something of it is wanted.
    Whole,
    /// Lazily, by what the image's format tells.
    Format(Format),
}

impl ReadBy {
    /// A lower-case word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ReadBy::Ztoc => "ztoc",
            ReadBy::Tar => "tar",
            ReadBy::Whole => "whole",
            ReadBy::Format(format) => format.as_str(),
        }
    }
}

/// A layer's zTOC, as its SOCI index lists it, or as it was built here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZtocInfo {
    /// The zTOC's digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Span size in bytes, where the index says it (newer builders) or the zTOC is loaded.
    pub span_size: Option<u64>,
    /// Who vouches for it.
    pub voucher: IndexVoucher,
}

/// Description of a layer, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerInfo {
    /// Position in the image, 0 the lowest.
    pub index: usize,
    /// The layer's digest (of its compressed bytes).
    pub digest: Digest,
    /// Media type, as the manifest says.
    pub media_type: String,
    /// Compressed size in bytes.
    pub size: u64,
    /// How it is read.
    pub read: ReadBy,
    /// Its zTOC.
    pub ztoc: Option<ZtocInfo>,
    /// The format that it is in beside being a layer, and how that was found. Chosen where `read` says so.
    pub format: Option<(Format, FormatFound)>,
    /// Why that was set aside, once it was: it does not fit the layer, which is then read by its own digest.
    pub set_aside: Option<Rc<str>>,
}

named! {
    /// Voucher of a layer's names, sizes and attributes.
    #[non_exhaustive]
    pub enum MetadataCheck {
        /// The digest of its zTOC, which the SOCI index states.
        ZtocDigest = "ztoc-digest",
        /// The layer's own digest, which the image manifest states.
        LayerDigest = "layer-digest",
        /// An index that was built here, of bytes that had the layer's digest, and perhaps kept in the cache since.
        OwnIndex = "own-index",
        /// The digest of its table of contents, which the image manifest states.
        TocDigest = "toc-digest",
        /// Checksums, which find damage and no forgery.
        Crc = "crc",
        /// Nothing.
        None = "none",
    }
}

named! {
    /// Voucher of the content of a layer's files.
    #[non_exhaustive]
    pub enum ContentCheck {
        /// The digest of each span, which the zTOC states.
        SpanDigest = "span-digest",
        /// The layer's own digest, which the image manifest states.
        LayerDigest = "layer-digest",
        /// The digest of each chunk, which the format's metadata states.
        ChunkDigest = "chunk-digest",
        /// Checksums, which find damage and no forgery.
        Crc = "crc",
        /// Nothing.
        None = "none",
    }
}

/// How what a layer gives is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checks {
    /// Names, sizes and attributes.
    pub metadata: MetadataCheck,
    /// Content.
    pub content: ContentCheck,
    /// Whether a file's own tar header is compared with the zTOC before its first byte is given out.
    pub header: bool,
    /// Who vouches for the index by which it is read, if it is read by one.
    pub index: Option<IndexVoucher>,
}

/// `(offset, length)` of a sparse file's data runs.
pub type Runs = Rc<[(u64, u64)]>;

/// One layer, however it is read.
pub trait Layer {
    /// The same layer for another reader: what is known of it is shared, what goes on is not.
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn Layer>;

    /// Its entries by path, or as much of that as tells which parts of them are needed. Loaded by the first who asks,
    /// for all who ask meanwhile.
    fn index(&self) -> Later<'_, LayerIndex>;

    /// The same after these parts were added, or the whole in its place where they could not be.
    fn parts(&self, _parts: Vec<usize>) -> Later<'_, LayerIndex> {
        self.index()
    }

    /// The same with all entries.
    fn all(&self) -> Later<'_, LayerIndex> {
        self.index()
    }

    /// Bytes `range` of entry `entry`'s content, cut to its size; with `packed`, of what is stored of a sparse file: its
    /// runs' bytes, one after another. Empty for what has no content of its own (resolve hard links first). Nothing is
    /// fetched before the stream is polled; dropping it cancels its requests.
    fn read(&self, entry: usize, range: Range<u64>, packed: bool) -> ByteStream;

    /// Data runs of a sparse file, `(offset, length)` in order. `None` for one without holes, and where
    /// the layer's format has no such.
    fn runs(&self, _entry: usize) -> Later<'_, Option<Runs>> {
        Box::pin(async { Ok(None) })
    }

    /// Whether its entries are loaded ahead of a look-up that may come to them: where these are cheap and more rounds are
    /// not.
    #[cfg(feature = "extent")]
    fn is_eager(&self) -> bool {
        false
    }

    /// How it is read.
    fn read_by(&self) -> ReadBy;

    /// How what it gives is verified.
    fn checks(&self) -> Checks;

    /// Bytes of output that its spans have, where it has any and its zTOC is loaded.
    fn span_size(&self) -> Option<u64> {
        None
    }

    /// Its zTOC, where that is no SOCI index's but was built here.
    fn own_ztoc(&self) -> Option<ZtocInfo> {
        None
    }

    /// Why what its annotations say of a format was set aside, if it was: it does not fit the layer.
    fn set_aside(&self) -> Option<Rc<str>> {
        None
    }

    /// Looks whether the cache keeps an index of it, where it has none of its own, and reads it by that from now on.
    fn find_kept(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Reads it by this index from now on, where it has none of its own, and keeps that in the cache.
    fn use_index(&self, _built: BuiltIndex) -> Later<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Fetches spans into the cache, where the layer has any: inclusive numbers, clipped to those that there are. At
    /// most `room` bytes, which it counts down.
    fn prefetch(&self, _spans: Vec<(usize, usize)>, _room: Rc<Cell<u64>>) -> Later<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
