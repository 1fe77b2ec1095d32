//! Native half of `npm run bench`: reads a job made by scripts/bench.mjs, prints the times of each round in
//! milliseconds, one a line.

mod build;
mod whole;

use std::io::{BufRead, Write};
use std::time::Instant;

use bytes::Bytes;

struct Span {
    window: Bytes,
    compressed: Bytes,
    out_len: usize,
    last: bool,
}

fn read_job(dir: &str) -> Result<Vec<Span>, Box<dyn std::error::Error>> {
    let data = Bytes::from(std::fs::read(format!("{dir}/spans.bin"))?);
    let job: serde_json::Value = serde_json::from_slice(&std::fs::read(format!("{dir}/spans.json"))?)?;
    let spans = job.as_array().ok_or("spans.json holds no list")?;
    let number = |span: &serde_json::Value, name: &str| -> Result<usize, String> {
        let n = span[name].as_u64().ok_or(format!("no {name}"))?;
        usize::try_from(n).map_err(|e| e.to_string())
    };
    let part = |span: &serde_json::Value, name: &str| -> Result<Bytes, String> {
        Ok(data.slice(number(&span[name], "start")?..number(&span[name], "end")?))
    };
    spans
        .iter()
        .map(|span| {
            Ok(Span {
                window: part(span, "window")?,
                compressed: part(span, "compressed")?,
                out_len: number(span, "outLen")?,
                last: span["last"] == true,
            })
        })
        .collect()
}

/// One round for each line of input, so that rounds of several contenders can take turns.
fn inflate_rounds(dir: &str) -> Result<(), Box<dyn std::error::Error>> {
    let spans = read_job(dir)?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let start = Instant::now();
        let mut made = 0;
        for s in &spans {
            made += ocipeek_bench::inflate(&s.window, s.compressed.clone(), s.out_len, s.last)?.len();
        }
        println!("{} {made}", start.elapsed().as_secs_f64() * 1000.0);
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// The process's largest size so far, in bytes (Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

fn open_ztoc(file: &str) -> Result<(), Box<dyn std::error::Error>> {
    let bytes = Bytes::from(std::fs::read(file)?);
    let (size, before) = (bytes.len(), peak_memory());
    let start = Instant::now();
    let opened = ocipeek_bench::open_ztoc(bytes)?;
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    let report = serde_json::json!({
        "bytes": size,
        "entries": opened.index.table().len(),
        "spans": opened.spans.len(),
        "ms": ms,
        "tableBytes": opened.index.table().heap_bytes(),
        "indexBytes": opened.index.heap_bytes(),
        "peakBefore": before,
        "peak": peak_memory(),
    });
    println!("{report}");
    Ok(())
}

/// The process's time on a CPU so far, in milliseconds (Linux: fields 14 and 15, in hundredths of a second).
fn cpu_ms() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some((next()? + next()?) * 10)
}

/// A pass over a layer for each line of input.
fn build_rounds(what: &str, file: &str, span_size: u64) -> Result<(), Box<dyn std::error::Error>> {
    for line in std::io::stdin().lock().lines() {
        line?;
        let mut round = match what {
            "zran" => build::zran(file, span_size, false)?,
            "zran+digests" => build::zran(file, span_size, true)?,
            "ours" => build::ours(file, span_size, false)?,
            _ => build::ours(file, span_size, true)?,
        };
        round["peak"] = peak_memory().into();
        round["cpuMs"] = cpu_ms().into();
        println!("{round}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["inflate", dir] => inflate_rounds(dir),
        ["whole", file] => whole::rounds(file),
        ["make-tar", from, to, size] => whole::make_tar(from, to, size.parse()?),
        ["ztoc", file] => open_ztoc(file),
        ["make-layer", blobs, to, size] => build::make_layer(blobs, to, size.parse()?),
        ["build", what, file, span_size] => build_rounds(what, file, span_size.parse()?),
        ["zlib-version"] => {
            println!("{}", build::zlib_version());
            Ok(())
        }
        _ => Err("usage: ocipeek-bench inflate FOLDER | whole FILE | make-tar FOLDER FILE BYTES | ztoc FILE | make-layer BLOBS FILE BYTES | build WHAT FILE SPAN_SIZE | zlib-version".into()),
    }
}
