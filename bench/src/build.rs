//! One pass over a layer: our builder of zTOCs, and C zlib walked as zran walks it.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Instant;

use libz_sys as z;
use ocipeek::format::gzip::GzipDecoder;
use ocipeek::format::ztoc::Compression;
use ocipeek::format::ztoc::create::{BuildOptions, ZtocBuilder};
use ocipeek::limits::Limits;
use sha2::{Digest as _, Sha256};
use test_support::zran::{Point, Zran};

/// What a round gives.
type Round = Result<serde_json::Value, Box<dyn std::error::Error>>;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

fn pieces(
    file: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (mut file, mut buf) = (File::open(file)?, vec![0; PIECE]);
    loop {
        let n = file.read(&mut buf)?;
        if n == 0 {
            return Ok(());
        }
        take(&buf[..n])?;
    }
}

/// Ours: a zTOC (checkpoints, their spans' digests, the table of contents) and the layer's digest; with `diff_id` the tar's
/// digest, too.
pub fn ours(file: &str, span_size: u64, diff_id: bool) -> Round {
    let start = Instant::now();
    let options = BuildOptions::default().span_size(span_size).diff_id(diff_id);
    let mut builder = ZtocBuilder::new(Compression::Gzip, options, &Limits::default())?;
    let mut checkpoints = 0;
    pieces(file, |piece| {
        builder.push(piece)?;
        checkpoints += builder.take_checkpoints().len();
        Ok(())
    })?;
    let built = builder.finish()?;
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    Ok(serde_json::json!({
        "ms": ms, "tar": built.tar_size, "spans": built.spans, "checkpoints": checkpoints, "diffId": built.diff_id.map(|d| d.to_string()),
    }))
}

/// C zlib: the checkpoints; with `digests` also the three kinds of digests.
pub fn zran(file: &str, span_size: u64, digests: bool) -> Round {
    let start = Instant::now();
    let mut zran = Zran::new(span_size);
    let (mut spans, mut checkpoints, mut tar) = (0, 0, 0);
    let (mut layer, mut diff, mut span) = (Sha256::new(), Sha256::new(), Sha256::new());
    pieces(file, |piece| {
        zran.push(piece, &mut |out| {
            tar += out.len();
            if digests {
                diff.update(out);
            }
        })
        .map_err(|code| format!("zlib says {code}"))?;
        if digests {
            layer.update(piece);
            span.update(piece);
        }
        for point in zran.points.drain(..) {
            spans += 1;
            checkpoints += size_of_val(&*point.window) + size_of::<Point>();
            if digests {
                // Of about the span's bytes: what it costs is all that counts here.
                span.finalize_reset();
            }
        }
        Ok(())
    })?;
    if !zran.is_done() {
        return Err("the layer ends too early".into());
    }
    layer.finalize();
    let diff_id = digests.then(|| diff.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>());
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    Ok(serde_json::json!({
        "ms": ms, "tar": tar, "spans": spans, "checkpoints": checkpoints,
        "diffId": diff_id.map(|hex| format!("sha256:{hex}")),
    }))
}

/// Writes a layer of about `size` bytes of tar, the same each time: files cut from the layers in `blobs` (text and
/// binaries), each fifth incompressible, deflated by C zlib at level 6.
pub fn make_layer(blobs: &str, to: &str, size: usize) -> Result<(), Box<dyn std::error::Error>> {
    let mut names: Vec<_> =
        std::fs::read_dir(blobs)?.map(|f| Ok(f?.path())).collect::<std::io::Result<_>>()?;
    names.sort();
    let mut content = Vec::new();
    for name in names {
        let bytes = std::fs::read(name)?;
        if bytes.starts_with(&[0x1F, 0x8B]) {
            let mut decoder = GzipDecoder::new(&Limits::default());
            decoder.push(&bytes, &mut |out| {
                content.extend_from_slice(out);
                Ok(())
            })?;
        }
    }
    let mut out = flate2::GzBuilder::new().write(File::create(to)?, flate2::Compression::new(6));
    let (mut written, mut at, mut i, mut noise) = (0, 0, 0_u64, 0x9E37_79B9_7F4A_7C15_u64);
    while written < size {
        // From 1 kB to 2 MB, most of them small.
        let len = 1000 << (i * 7 % 12);
        let mut file = Vec::with_capacity(len);
        while file.len() < len {
            if i % 5 == 4 {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                file.extend_from_slice(&noise.to_le_bytes());
            } else {
                let n = (len - file.len()).min(content.len() - at);
                file.extend_from_slice(&content[at..at + n]);
                at = (at + n) % content.len();
            }
        }
        file.truncate(len);
        out.write_all(&header(&format!("srv/data/{}/file-{i}", i / 100), len))?;
        file.resize(len.next_multiple_of(512), 0);
        out.write_all(&file)?;
        written += 512 + file.len();
        i += 1;
    }
    out.write_all(&[0; 1024])?;
    out.finish()?;
    Ok(())
}

/// A tar header of a regular file.
pub fn header(name: &str, size: usize) -> [u8; 512] {
    let mut h = [0; 512];
    h[..name.len()].copy_from_slice(name.as_bytes());
    h[100..107].copy_from_slice(b"0000644");
    h[108..115].copy_from_slice(b"0000000");
    h[116..123].copy_from_slice(b"0000000");
    h[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    h[136..147].copy_from_slice(b"14730000000");
    h[148..156].copy_from_slice(b"        ");
    h[156] = b'0';
    h[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = h.iter().map(|&b| u32::from(b)).sum();
    h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    h
}

/// zlib's version.
pub fn zlib_version() -> String {
    // SAFETY: a constant string that ends with a zero.
    unsafe { std::ffi::CStr::from_ptr(z::zlibVersion()) }.to_string_lossy().into_owned()
}
