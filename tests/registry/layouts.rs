//! A layout below a URL: the same checks of ranges, retries and resuming.

use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use ocipeek::error::{Code, Result};
use ocipeek::format::oci::Descriptor;
use ocipeek::limits::Limits;
use ocipeek::net::stats::Stats;
use ocipeek::source::layout::{Layout, UrlFiles};
use ocipeek::source::{Source, Target};

use crate::read;
use test_support::mock::{Mock, What};

const BASE: &str = "https://static.test/images/demo/?sv=1&sig=s3cret";

fn mock() -> Mock {
    let mock = Mock::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo");
    let put = |name: String| {
        let bytes = std::fs::read(root.join(&name)).unwrap();
        mock.0.files.borrow_mut().insert(format!("/images/demo/{name}"), bytes.into());
    };
    put("oci-layout".into());
    put("index.json".into());
    for file in std::fs::read_dir(root.join("blobs/sha256")).unwrap() {
        put(format!("blobs/sha256/{}", file.unwrap().file_name().to_str().unwrap()));
    }
    mock
}

fn open(mock: &Mock, base: &str) -> Result<Layout> {
    let stats = Stats::default();
    let files = UrlFiles::new(mock.transport(), base, Limits::default(), stats.clone())?;
    block_on(Layout::open(Rc::new(files), Limits::default(), stats))
}

/// The largest layer's descriptor, and its bytes.
fn layer(mock: &Mock) -> (Descriptor, Bytes) {
    let files = mock.0.files.borrow();
    let (path, bytes) = files.iter().max_by_key(|(_, b)| b.len()).unwrap();
    let digest = format!("sha256:{}", path.rsplit('/').next().unwrap()).parse().unwrap();
    (Descriptor::new("x/y", digest, bytes.len() as u64), bytes.clone())
}

#[test]
fn reads_files_below_a_url() {
    let mock = mock();
    let layout = open(&mock, BASE).unwrap();
    let raw = block_on(layout.manifest(&Target::Tag("latest".into()))).unwrap();
    let (d, bytes) = layer(&mock);
    assert_eq!(block_on(read(&layout, &d, 1000..3000)).unwrap(), &bytes[1000..3000]);
    let blob = |hex: &str| format!("GET static.test/images/demo/blobs/sha256/{hex}?sv=1&sig=s3cret");
    assert_eq!(mock.seen()[3].header("accept-encoding"), Some("identity"));
    assert_eq!(
        mock.lines(),
        [
            "GET static.test/images/demo/oci-layout?sv=1&sig=s3cret 200".to_string(),
            "GET static.test/images/demo/index.json?sv=1&sig=s3cret 200".into(),
            format!("{} 200", blob(&raw.digest.hex())),
            format!("{} [1000-2999] 206", blob(&d.digest.hex())),
        ]
    );
    let log = layout.stats().requests();
    assert_eq!(
        log.iter().map(|r| r.purpose.as_str()).collect::<Vec<_>>(),
        ["manifest", "manifest", "blob", "range"]
    );
    assert_eq!((log.len(), log[3].bytes), (4, 2000));
    let text = format!("{log:?} {layout:?} {}", layout.name());
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(layout.name(), "https://static.test/images/demo/");
}

#[test]
fn faults_are_survived_as_with_a_registry() {
    let mock = mock();
    let layout = open(&mock, BASE).unwrap();
    let (d, bytes) = layer(&mock);
    mock.lines();
    mock.fault("/blobs/", 1, What::Cut(5000));
    mock.fault("/blobs/", 1, What::status(503));
    assert_eq!(block_on(read(&layout, &d, 10_000..20_000)).unwrap(), &bytes[10_000..20_000]);
    let ends: Vec<_> = mock.lines().iter().map(|l| l.split_once('[').unwrap().1.to_string()).collect();
    assert_eq!(ends, ["10000-19999] 206", "15000-19999] 503", "15000-19999] 206"]);
    // A server without Range, a file that is shorter than its descriptor, one that is not there.
    mock.fault("/blobs/", 1, What::NoRange);
    let e = block_on(read(&layout, &d, (2 << 20)..(2 << 20) + 5)).unwrap_err();
    assert_eq!((e.code(), e.digest()), (Code::RangeNotSupported, Some(d.digest.to_string().as_str())));
    let longer = Descriptor::new("x/y", d.digest, d.size + 9);
    let e = block_on(read(&layout, &longer, d.size - 5..d.size + 5)).unwrap_err();
    assert_eq!(e.code(), Code::RangeNotSupported, "{e}");
    let e = block_on(layout.blob(&longer, "l", u64::MAX)).unwrap_err();
    assert_eq!(e.code(), Code::DigestMismatch);
    let none = Descriptor::new("x/y", ocipeek::format::oci::Digest::of(b"none"), 5);
    let e = block_on(read(&layout, &none, 0..5)).unwrap_err();
    assert_eq!((e.code(), e.status()), (Code::NotFound, Some(404)));
    assert!(!e.to_string().contains("s3cret"), "{e}");
    // A flipped bit in a whole blob: read twice.
    mock.lines();
    mock.fault("/blobs/", 1, What::Flip(99));
    assert_eq!(block_on(layout.blob(&d, "l", u64::MAX)).unwrap(), bytes);
    assert_eq!(mock.lines().len(), 2);
    // Resumed although the size was only promised.
    mock.fault("/blobs/", 1, What::Cut(70_000));
    assert_eq!(block_on(layout.blob(&d, "l", u64::MAX)).unwrap(), bytes);
    assert!(mock.lines()[1].contains(&format!("[70000-{}] 206", d.size - 1)));
}

#[test]
fn redirects_and_compressed_json() {
    let mock = mock();
    mock.fault("/oci-layout", 1, What::redirect(302, "https://cdn.test/images/demo/oci-layout"));
    // As a browser shows it: decoded, but with the length of what was on the wire.
    let gzip = |mut served: Vec<(&'static str, String)>, body: &Bytes| {
        served.push(("content-encoding", "gzip".into()));
        served.push(("content-length", "77".into()));
        What::Answer(200, served, String::from_utf8(body.to_vec()).unwrap())
    };
    let index = mock.0.files.borrow().get("/images/demo/index.json").cloned().unwrap();
    mock.fault("/index.json", 1, gzip(vec![], &index));
    let layout = open(&mock, BASE).unwrap();
    assert_eq!(layout.index().manifests.len(), 10);
    mock.fault("/index.json", 1, What::redirect(302, "http://cdn.test/index.json"));
    assert_eq!(open(&mock, BASE).unwrap_err().code(), Code::Network);
}

#[test]
fn what_is_no_layout_says_so() {
    let mock = Mock::new();
    let e = open(&mock, "https://static.test/none").unwrap_err();
    assert_eq!((e.code(), e.reference()), (Code::NotFound, Some("https://static.test/none")));
    assert_eq!(
        mock.lines(),
        [
            "GET static.test/none/oci-layout 404",
            "GET static.test/none/index.json 404",
            "HEAD static.test/none/manifest.json 404",
        ]
    );
    mock.0.files.borrow_mut().insert("/old/manifest.json".into(), Bytes::from_static(b"[]"));
    // What `docker save` wrote, with no image in it.
    assert!(open(&mock, "https://static.test/old").unwrap().index().manifests.is_empty());
    for wrong in ["{}", "[1]", "[{}]", "no JSON"] {
        mock.0.files.borrow_mut().insert("/old/manifest.json".into(), Bytes::from_static(wrong.as_bytes()));
        let e = open(&mock, "https://static.test/old").unwrap_err();
        assert_eq!(e.code(), Code::CorruptManifest, "{wrong}");
    }
    mock.lines();
    for base in
        ["http://static.test/x", "static.test/x", "ftp://static.test/", "https://u:s3cret@static.test/"]
    {
        let e = open(&mock, base).unwrap_err();
        assert_eq!(e.code(), Code::InvalidArgument, "{base}");
        assert!(!e.to_string().contains("s3cret"));
    }
    assert!(mock.lines().is_empty());
    assert_eq!(open(&mock, "http://localhost:1/x").unwrap_err().code(), Code::NotFound);
}
