//! OverlayBD: an image as a block device, each layer the blocks that it changes. Pure.
//!
//! A layer's blob is, from the outside in: a tar of one file ([`payload`]), that file compressed in blocks ([`ZFile`]), and
//! in it the layer's segments of the disk ([`Layer`]). The first two may be missing. [`Stack`] says which layer has a
//! sector, [`Device`] reads it, and [`ext4`](crate::format::ext4) reads what is on it.
//!
//! TurboOCI keeps the same for the file system's metadata alone, and says of the files' content where in the tar of the
//! image's original layers it is, which [`Checkpoints`] lead into.
//!
//! Nothing here has a cryptographic digest but the layer as a whole: blocks have a CRC-32C.
#![forbid(unsafe_code)]

mod checkpoints;
mod crc;
mod device;
mod fetched;
mod file;
mod lsmt;
mod turbo;
mod whole;
mod wrapper;
mod zfile;

pub use checkpoints::Checkpoints;
pub use device::Device;
pub use fetched::{Fetched, Shared, together};
pub use file::{File, HEAD_READ, TAIL_READ, Unit};
pub use lsmt::{Holder, Layer, Piece, Stack, Trailer};
pub use turbo::Metadata;
pub use whole::{Source, listing};
pub use wrapper::payload;
pub use zfile::{Algorithm, Header, ZFile};

use crate::error::{Code, Error};

fn corrupt(message: impl Into<String>) -> Error {
    Error::new(Code::CorruptLayer, message)
}

fn unsupported(message: impl Into<String>) -> Error {
    Error::new(Code::Unsupported, message)
}
