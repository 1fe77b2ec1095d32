//! Inflating a whole stream at once: our engine, libdeflate and C zlib, each to the same buffer.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use flate2::{Compression, Decompress, FlushDecompress, Status};
use ocipeek_inflate::{Inflate, Stop};

use crate::build::header;

/// Output of one stream. Short ones, so that a machine that changes its speed does so between rounds.
const STREAM: usize = 4 << 20;
/// Files larger than this are left out of the tar: one would be most of it.
const LARGEST: u64 = 4 << 20;
/// Of the files, each so many-th is taken.
const STRIDE: usize = 23;

/// One of the contenders.
type Contender = fn(&[u8], &mut [u8]) -> bool;

const CONTENDERS: [(&str, Contender); 3] = [("ocipeek", ocipeek), ("libdeflate", libdeflate), ("zlib", zlib)];

fn ocipeek(data: &[u8], out: &mut [u8]) -> bool {
    let progress = Inflate::new(0, 0).run(data, out, 0, out.len(), false);
    progress.stop == Stop::StreamEnd && progress.produced == out.len()
}

fn libdeflate(data: &[u8], out: &mut [u8]) -> bool {
    libdeflater::Decompressor::new().deflate_decompress(data, out) == Ok(out.len())
}

fn zlib(data: &[u8], out: &mut [u8]) -> bool {
    let mut z = Decompress::new(false);
    let status = z.decompress(data, out, FlushDecompress::Finish);
    matches!(status, Ok(Status::StreamEnd)) && z.total_out() == out.len() as u64
}

/// Cuts a tar in streams, deflated by C zlib at level 6 as gzip does.
fn streams(file: &str) -> Result<Vec<(Vec<u8>, usize)>, Box<dyn Error>> {
    let tar = std::fs::read(file)?;
    let deflate = |part: &[u8]| -> std::io::Result<(Vec<u8>, usize)> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(part)?;
        Ok((encoder.finish()?, part.len()))
    };
    Ok(tar.chunks(STREAM).map(deflate).collect::<std::io::Result<_>>()?)
}

/// A round for each line of input: each stream by each contender in turn. Prints milliseconds by contender and stream.
pub fn rounds(file: &str) -> Result<(), Box<dyn Error>> {
    let streams = streams(file)?;
    let mut out = vec![0; STREAM];
    for (round, line) in std::io::stdin().lock().lines().enumerate() {
        line?;
        let mut times = CONTENDERS.map(|_| Vec::new());
        for (data, len) in &streams {
            let out = &mut out[..*len];
            for i in 0..CONTENDERS.len() {
                let which = (round + i) % CONTENDERS.len();
                let (name, inflate) = CONTENDERS[which];
                let start = Instant::now();
                let ok = inflate(data, out);
                times[which].push(start.elapsed().as_secs_f64() * 1000.0);
                if !ok {
                    return Err(format!("{name} fails").into());
                }
            }
        }
        let made = streams.iter().map(|s| s.1).sum::<usize>();
        let [ocipeek, libdeflate, zlib] = times;
        let ms = serde_json::json!({ "ocipeek": ocipeek, "libdeflate": libdeflate, "zlib": zlib });
        println!("{}", serde_json::json!({ "made": made, "ms": ms }));
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn files(folder: &Path, found: &mut Vec<(PathBuf, u64)>) -> std::io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files(&entry.path(), found)?;
        } else if kind.is_file() {
            found.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(())
}

/// Writes a tar of at most about `size` bytes: a sample of the files below `from`.
pub fn make_tar(from: &str, to: &str, size: usize) -> Result<(), Box<dyn Error>> {
    let mut found = Vec::new();
    files(Path::new(from), &mut found)?;
    let (mut out, mut written) = (File::create(to)?, 0);
    for (path, _) in found.iter().filter(|(_, len)| (1..LARGEST).contains(len)).step_by(STRIDE) {
        let Ok(mut content) = std::fs::read(path) else { continue };
        out.write_all(&header(&format!("usr/file-{written}"), content.len()))?;
        content.resize(content.len().next_multiple_of(512), 0);
        out.write_all(&content)?;
        written += 512 + content.len();
        if written >= size {
            break;
        }
    }
    Ok(out.write_all(&[0; 1024])?)
}
