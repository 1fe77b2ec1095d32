//! Prints a file of an image, and on stderr what that cost:
//! `cargo run --features native-http --example cat -- IMAGE PATH`.

use std::io::Write;
use std::process::ExitCode;

use ocipeek::error::Result;

async fn cat(image: &str, path: &str) -> Result<()> {
    let image = ocipeek::open(image).await?;
    let mut file = image.read_stream(path.as_bytes(), None).await?;
    let mut out = std::io::stdout().lock();
    while let Some(bytes) = file.next().await? {
        if out.write_all(&bytes).is_err() {
            break;
        }
    }
    let cost = image.stats().counters();
    let size: u64 = image.layers().iter().map(|layer| layer.size).sum();
    eprintln!("{} requests, {} bytes; the image's layers are {size} bytes", cost.requests, cost.bytes);
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [image, path] = args.as_slice() else {
        eprintln!("usage: cat IMAGE PATH");
        return ExitCode::from(2);
    };
    match futures_executor::block_on(cat(image, path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
