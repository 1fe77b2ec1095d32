//! One 512-byte header block: v7, ustar, star and old GNU, told apart as Go's `archive/tar` does
//! (POSIX.1-1988 `tar`, POSIX.1-2001 `pax`, the GNU tar manual's "Basic Tar Format").

use super::number::{numeric, octal, string};
use crate::error::{Code, Error, Result};

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;

/// A header block's fields as they stand, before extended headers change them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub name: &'a [u8],
    /// Goes in front of the name with a `/` between, where not empty.
    pub prefix: &'a [u8],
    pub link_name: &'a [u8],
    pub uname: &'a [u8],
    pub gname: &'a [u8],
    pub typeflag: u8,
    pub size: i64,
    pub mode: i64,
    pub uid: i64,
    pub gid: i64,
    pub mtime: i64,
    pub dev_major: i64,
    pub dev_minor: i64,
    pub is_gnu: bool,
}

impl<'a> Block<'a> {
    /// Reads a block that is not all zero. A wrong checksum or number is `CORRUPT_LAYER`.
    pub fn parse(b: &'a [u8; BLOCK]) -> Result<Self> {
        if !checksum_fits(b) {
            return Err(Error::new(Code::CorruptLayer, "not a tar header: its checksum does not fit"));
        }
        let ustar = &b[257..263] == b"ustar\0";
        let star = ustar && &b[508..512] == b"tar\0";
        let is_gnu = &b[257..265] == b"ustar  \0";
        let mut out = Block {
            name: string(&b[0..100]),
            prefix: b"",
            link_name: string(&b[157..257]),
            uname: b"",
            gname: b"",
            typeflag: b[156],
            size: number(&b[124..136], "size")?,
            mode: number(&b[100..108], "mode")?,
            uid: number(&b[108..116], "uid")?,
            gid: number(&b[116..124], "gid")?,
            mtime: number(&b[136..148], "mtime")?,
            dev_major: 0,
            dev_minor: 0,
            is_gnu,
        };
        if ustar || is_gnu {
            out.uname = string(&b[265..297]);
            out.gname = string(&b[297..329]);
            out.dev_major = number(&b[329..337], "device major")?;
            out.dev_minor = number(&b[337..345], "device minor")?;
        }
        if star {
            out.prefix = string(&b[345..476]);
        } else if ustar || is_gnu && gnu_prefix(b) {
            out.prefix = string(&b[345..500]);
        }
        Ok(out)
    }
}

/// Go before 1.8 wrote ustar prefixes under GNU magic, where access and change time belong. Its reader
/// takes the field for a prefix if it holds no valid times and is ASCII.
fn gnu_prefix(b: &[u8; BLOCK]) -> bool {
    let time = |field: &[u8]| field[0] == 0 || numeric(field).is_some();
    !(time(&b[345..357]) && time(&b[357..369])) && string(&b[345..500]).is_ascii()
}

fn number(field: &[u8], what: &str) -> Result<i64> {
    numeric(field).ok_or_else(|| {
        Error::new(
            Code::CorruptLayer,
            format!("a tar header's {what} is not a number: \"{}\"", field.escape_ascii()),
        )
    })
}

/// The sum over the block with spaces for the checksum; some old tars add signed bytes.
fn checksum_fits(b: &[u8; BLOCK]) -> bool {
    let Some(stated) = octal(&b[148..156]) else { return false };
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (i, &byte) in b.iter().enumerate() {
        let byte = if (148..156).contains(&i) { b' ' } else { byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    stated == unsigned || stated == signed
}
