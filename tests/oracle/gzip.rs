//! Makes gzip streams of every kind that C zlib can write.
#![allow(unsafe_code)]

use std::ffi::c_int;

use libz_sys as z;
use proptest::prelude::*;

use test_support::zlib;

/// How zlib is to compress.
#[derive(Debug, Clone)]
pub struct How {
    /// 0 to 9; 0 gives stored blocks.
    pub level: c_int,
    /// `Z_FIXED` gives fixed blocks.
    pub strategy: c_int,
    /// 1 to 9; the less, the smaller are blocks.
    pub mem_level: c_int,
    /// Shares of the data, in 1/1000 and sorted, after which to flush so.
    pub flushes: Vec<(usize, c_int)>,
}

pub const PLAIN: How = How { level: 6, strategy: z::Z_DEFAULT_STRATEGY, mem_level: 8, flushes: Vec::new() };
pub const FLUSHES: [c_int; 4] = [z::Z_SYNC_FLUSH, z::Z_FULL_FLUSH, z::Z_PARTIAL_FLUSH, z::Z_BLOCK];
pub const STRATEGIES: [c_int; 5] =
    [z::Z_DEFAULT_STRATEGY, z::Z_FILTERED, z::Z_HUFFMAN_ONLY, z::Z_RLE, z::Z_FIXED];

/// The optional fields of a member's header.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    pub extra: Option<Vec<u8>>,
    pub name: Option<Vec<u8>>,
    pub comment: Option<Vec<u8>>,
    pub crc: bool,
}

/// One gzip member.
pub fn member(data: &[u8], how: &How, fields: &Fields) -> Vec<u8> {
    let text = |t: &Option<Vec<u8>>| t.iter().flat_map(|t| t.iter().copied().chain([0])).collect::<Vec<u8>>();
    let flags = u8::from(fields.crc) << 1
        | u8::from(fields.extra.is_some()) << 2
        | u8::from(fields.name.is_some()) << 3
        | u8::from(fields.comment.is_some()) << 4;
    let mut out = vec![0x1F, 0x8B, 8, flags, 1, 2, 3, 4, 0, 255];
    if let Some(extra) = &fields.extra {
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend(extra);
    }
    out.extend(text(&fields.name));
    out.extend(text(&fields.comment));
    if fields.crc {
        out.extend((crc(&out) as u16).to_le_bytes());
    }
    out.extend(deflate(data, how));
    out.extend(crc(data).to_le_bytes());
    out.extend((data.len() as u32).to_le_bytes());
    out
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// Raw deflate data.
fn deflate(data: &[u8], how: &How) -> Vec<u8> {
    let mut strm = zlib::stream(|strm, version, size| {
        let method = z::Z_DEFLATED;
        // SAFETY: a zeroed stream, as zlib asks for.
        unsafe { z::deflateInit2_(strm, how.level, method, -15, how.mem_level, how.strategy, version, size) }
    });
    let mut out = Vec::new();
    let mut put = |part: &[u8], flush: c_int| {
        strm.next_in = part.as_ptr().cast_mut();
        strm.avail_in = part.len() as u32;
        loop {
            let mut buf = [0u8; 1 << 14];
            strm.next_out = buf.as_mut_ptr();
            strm.avail_out = buf.len() as u32;
            // SAFETY: both buffers are as long as stated, and zlib does not write to its input.
            let ret = unsafe { z::deflate(&mut *strm, flush) };
            assert!([z::Z_OK, z::Z_STREAM_END, z::Z_BUF_ERROR].contains(&ret), "{ret}");
            out.extend_from_slice(&buf[..buf.len() - strm.avail_out as usize]);
            if strm.avail_out > 0 {
                break;
            }
        }
    };
    let mut from = 0;
    for &(share, flush) in &how.flushes {
        let to = (data.len() * share / 1000).max(from);
        put(&data[from..to], flush);
        from = to;
    }
    put(&data[from..], z::Z_FINISH);
    // SAFETY: an initialised stream, which nobody uses any more.
    unsafe { z::deflateEnd(&mut *strm) };
    out
}

pub fn any_how() -> impl Strategy<Value = How> {
    let flush = (0usize..=1000, prop::sample::select(&FLUSHES));
    let flushes = prop::collection::vec(flush, 0..12);
    let any = (0..=9, prop::sample::select(&STRATEGIES), 1..=9, flushes);
    any.prop_map(|(level, strategy, mem_level, mut flushes)| {
        flushes.sort_by_key(|f| f.0);
        How { level, strategy, mem_level, flushes }
    })
}

pub fn any_fields() -> impl Strategy<Value = Fields> {
    let bytes = |least: u8| prop::option::weighted(0.3, prop::collection::vec(least.., 0..400));
    let fields = (bytes(0), bytes(1), bytes(1), any::<bool>());
    fields.prop_map(|(extra, name, comment, crc)| Fields { extra, name, comment, crc })
}

/// Data cut into members at random shares, empty ones among them.
pub fn any_members() -> impl Strategy<Value = Vec<(usize, How, Fields)>> {
    let cut = prop_oneof![Just(0usize), Just(1000), 0..=1000usize];
    prop::collection::vec((cut, any_how(), any_fields()), 1..5)
}

/// The stream of [`any_members`]: a member begins at each share, the first at 0.
pub fn members(data: &[u8], members: &[(usize, How, Fields)]) -> Vec<u8> {
    let mut cuts: Vec<usize> = members.iter().skip(1).map(|m| data.len() * m.0 / 1000).collect();
    cuts.sort_unstable();
    cuts.push(data.len());
    let mut from = 0;
    let parts = cuts.iter().zip(members).map(|(&to, (_, how, fields))| {
        let part = member(&data[from..to], how, fields);
        from = to;
        part
    });
    parts.collect::<Vec<_>>().concat()
}
