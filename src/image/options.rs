//! Options of opening an image.

use std::rc::Rc;

use crate::format::lazy::Reader;
use crate::format::oci::{Digest, Platform};
use crate::layer::Indexer;
use crate::limits::Limits;
use crate::source::Cache;

/// Which SOCI index is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
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

named! {
    /// Why it is this image of its index.
    #[non_exhaustive]
    pub enum PlatformBy {
        /// The caller named its platform.
        Asked = "asked",
        /// None was named: it is the default one's.
        Default = "default",
        /// None was named, and there is no image for the default platform, or it is not here, but this one alone.
        Only = "only",
    }
}

/// Options of opening an image.
///
/// ```
/// use ocipeek::image::OpenOptions;
///
/// let options = OpenOptions::default().platform("linux/arm64".parse()?).attached_index(true);
/// # Ok::<(), ocipeek::error::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Which image of an index. `None`: that of `default_platform`, else the only one that there is;
    /// [`Image::platform_by`](super::Image::platform_by) says which.
    pub platform: Option<Platform>,
    /// The platform where none is named. `None`: this machine's (Linux).
    pub default_platform: Option<Platform>,
    /// Which SOCI index.
    pub soci: SociChoice,
    /// Whether to look for what is merely attached to the image, and read by it: a SOCI index of version 1, or the image in
    /// the format that [`reader`](Self::reader) names. Whoever may write to the repository can attach what shows other
    /// names, links and contents than the layers have; results say so ([`IndexVoucher::Attached`](crate::layer::IndexVoucher::Attached)). Never where the image
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
    /// What one reader of the image has under way is waited for by no other: see
    /// [`ReaderOptions::isolated`](super::ReaderOptions::isolated).
    pub isolated: bool,
    /// Bounds on what the image may cost.
    pub limits: Limits,
}

setters! {
    OpenOptions {
        platform => Platform,
        default_platform => Platform,
        soci: SociChoice,
        attached_index: bool,
        verify: bool,
        cache => Rc<dyn Cache>,
        indexer => Rc<dyn Indexer>,
        tag => String,
        reader: Reader,
        index_above: u64,
        kept_indexes => bool,
        isolated: bool,
        limits: Limits,
    }
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
            isolated: false,
            limits: Limits::default(),
        }
    }
}
