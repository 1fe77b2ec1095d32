//! Foreign data where a tar is expected: data that is compressed in a way that is not read here.

use crate::error::{Code, Error};

/// `UNSUPPORTED` for the start of what is no tar, where it is compressed in a way that neither layers nor archives are.
pub(crate) fn refused(start: &[u8]) -> Option<Error> {
    let name = match start {
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => "bzip2",
        [0xfd, b'7', b'z', b'X', ..] => "xz",
        [0x5d, 0, 0, ..] => "lzma",
        [0x04, 0x22, 0x4d, 0x18, ..] => "lz4",
        [b'L', b'Z', b'I', b'P', ..] => "lzip",
        [b'P', b'K', 3, 4, ..] => "zip",
        _ => return None,
    };
    let text = format!(
        "compressed by {name}, which is not read: only gzip, zstd and plain tars are; unpack it, or compress it anew"
    );
    Some(Error::new(Code::Unsupported, text))
}
