//! A whole image out of a registry: the exact cost of one file, and every request broken in every way.

use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use ocipeek::error::Result;
use ocipeek::image::{Image, OpenOptions};
use ocipeek::source::Target;

use test_support::mock::{Mock, What};

fn mock() -> Mock {
    let mock = Mock::of_layout(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo"));
    mock.bearer("https://auth.test/token");
    mock.0.redirects.set(true);
    mock.0.piece.set(10_000);
    mock
}

fn cat(mock: &Mock, tag: &str, path: &str) -> Result<Bytes> {
    block_on(async {
        let source = Rc::new(mock.registry());
        let target = Target::Tag(tag.into());
        let image = Image::open(source, mock.transport(), &target, OpenOptions::default()).await?;
        Ok(image.read_file(path.as_bytes(), None).await?.1)
    })
}

const FILE: &str = "/app/node_modules/fflate/LICENSE";
const SHA256: &str = "sha256:0a1df3a083d0c010560aa342e87959c8c1070e6fd54545741f083f22d0c8b551";

#[test]
fn the_cost_of_one_file_by_tag() {
    let mock = mock();
    let bytes = cat(&mock, "latest-soci", FILE).unwrap();
    assert_eq!(ocipeek::format::oci::Digest::of(&bytes).to_string(), SHA256);
    let lines = mock.lines();
    let count = |what: &str| lines.iter().filter(|l| l.contains(what)).count();
    // One challenge, one token; index, manifest, SOCI manifest; zTOCs; one range.
    assert_eq!((count(" 401"), count("auth.test/token")), (1, 1));
    assert_eq!(count("/manifests/"), 1 + 3);
    let ranges: Vec<_> = lines.iter().filter(|l| l.contains(" 206")).collect();
    assert_eq!(ranges.len(), 1);
    assert!(lines.iter().all(|l| !l.starts_with("GET storage.test") || !l.contains("Bearer")));
}

#[test]
fn every_request_may_break_once() {
    let mock = mock();
    let want = cat(&mock, "latest-soci", FILE).unwrap();
    let requests = mock.lines().len();
    for (name, what) in [
        ("503", What::status(503)),
        ("reset", What::Network("reset".into())),
        ("cut", What::Cut(300)),
        ("short", What::Short(200)),
        ("flip", What::Flip(177)),
        ("403", What::status(403)),
        ("hang", What::Hang),
        ("stall", What::Stall(100)),
    ] {
        for at in 0..requests {
            mock.fault_after(at, what.clone());
            let got = cat(&mock, "latest-soci", FILE);
            mock.0.faults.borrow_mut().clear();
            let lines = mock.lines();
            let hit = &lines[at];
            match got {
                Ok(bytes) => assert_eq!(bytes, want, "{name} of {hit}"),
                // Not everything can be repaired: a token is what the service says, a refusal is a refusal.
                Err(e) => {
                    let token = hit.contains("/token") && ["flip", "403"].contains(&name);
                    let refused = name == "403" && hit.contains("registry.test");
                    assert!(token || refused, "{name} of {hit}: {e}");
                }
            }
        }
    }
}
