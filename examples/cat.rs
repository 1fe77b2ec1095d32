//! Prints a file of an image, and on stderr what that cost:
//! `cargo run --features native-http --example cat -- IMAGE PATH`.

use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;

use ocipeek::error::Result;
use ocipeek::image::{Image, OpenOptions};
use ocipeek::net::native::HttpTransport;
use ocipeek::net::registry::docker_config::DockerConfig;
use ocipeek::net::registry::{CredentialSource, Credentials, Registry, RegistryOptions};
use ocipeek::net::stats::Stats;
use ocipeek::oci::Reference;

/// Those that Docker keeps in its file; credential helpers are left out here.
fn credentials(reference: &Reference) -> Option<Credentials> {
    let folder = std::env::var("DOCKER_CONFIG").or_else(|_| std::env::var("HOME").map(|h| h + "/.docker"));
    let text = std::fs::read_to_string(folder.ok()? + "/config.json").ok()?;
    DockerConfig::parse(&text).ok()?.stored(&reference.registry, &reference.repository).ok()?.cloned()
}

async fn cat(image: &str, path: &str) -> Result<()> {
    let transport = Rc::new(HttpTransport::new());
    let reference: Reference = image.parse()?;
    let credentials = credentials(&reference).map(|c| Rc::new(c) as Rc<dyn CredentialSource>);
    let registry = Registry::new(
        transport.clone(),
        &reference,
        credentials,
        RegistryOptions::default(),
        Stats::default(),
    )?;
    let image =
        Image::open(Rc::new(registry), transport, &reference.target(), OpenOptions::default()).await?;
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
    // Any executor of one thread does.
    match futures_executor::block_on(cat(image, path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
