//! Open images: resolve, manifest, index, root file system, read.

mod attributes;
mod changes;
mod discovery;
mod formats;
#[cfg(feature = "extent")]
mod fs_tree;
mod load;
mod open;
mod open_image;
mod options;
mod platform;
mod prefetch;
mod read;
mod reader;
#[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
mod sharing;
mod soci;
mod soci_index;
mod stat;
mod told;
mod tree;
mod view;
mod walk;

pub use crate::format::tar::{Kind, Mtime};
#[cfg(feature = "build")]
pub use crate::layer::OnePass;
pub use crate::layer::{
    BuiltIndex, ContentCheck, IndexVoucher, Indexer, LayerInfo, MetadataCheck, ReadBy, ZtocInfo,
};
pub use crate::rootfs::{Follow, Glob};
pub use changes::{Change, ChangeKind, Changes};
pub use discovery::Discovery;
pub use open_image::Image;
pub use options::{OpenOptions, PlatformBy, SociChoice};
pub use read::FileStream;
pub use reader::ReaderOptions;
#[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
pub(crate) use sharing::{Opening, Sharing};
pub use soci::{SociFound, SociInfo};
pub use stat::{FileStat, ManifestCheck, Verification};
#[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
pub(crate) use told::{Opened, Told};
#[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
pub(crate) use tree::FileTree;
pub use view::{LayerEntries, LayerView};
pub use walk::Walk;
