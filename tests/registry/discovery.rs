//! What is attached to an image is looked for where the caller agrees, and whatever the registry answers to that, the image
//! is read.

use std::path::Path;
use std::rc::Rc;

use futures_executor::block_on;
use ocipeek::error::Code;
use ocipeek::format::oci::Digest;
use ocipeek::image::{Image, IndexVoucher, OpenOptions};
use ocipeek::source::Target;

use test_support::mock::{HOST, Mock, STORAGE, What};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const FILE: &[u8] = b"/usr/share/demo/tz/Winnipeg";
const REFERRERS: &str = "/referrers/";
const FALLBACK: &str = "/manifests/sha256-";

fn demo() -> Mock {
    Mock::of_layout(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo"))
}

fn open(mock: &Mock, attached_index: bool) -> Image {
    let options = OpenOptions::default().attached_index(attached_index);
    let target = Target::Tag("latest".into());
    block_on(Image::open(Rc::new(mock.registry()), mock.transport(), &target, options)).unwrap()
}

fn read(image: &Image) -> (Digest, Option<IndexVoucher>) {
    let (stat, data) = block_on(image.read_file(FILE, None)).unwrap();
    (Digest::of(&data), stat.verified.index)
}

fn answer(body: &str) -> What {
    What::Answer(200, vec![("content-type", INDEX.to_string())], body.to_string())
}

#[test]
fn nobody_asks_without_agreement() {
    let mock = demo();
    let want = read(&open(&mock, false));
    assert_eq!(want.1, None);
    assert!(mock.lines().iter().all(|l| !l.contains(REFERRERS) && !l.contains(FALLBACK)));
}

#[test]
fn a_registry_that_does_not_know_the_api_is_asked_for_the_tag() {
    let want = read(&open(&demo(), false)).0;
    for what in [
        What::status(204),
        What::status(406),
        What::status(410),
        What::status(415),
        What::status(422),
        answer(""),
    ] {
        let mock = demo();
        mock.fault(REFERRERS, 99, what.clone());
        let image = open(&mock, true);
        assert_eq!(image.discovery().map(|d| (d.found.len(), d.failed.is_some())), Some((2, false)));
        assert_eq!(read(&image), (want, Some(IndexVoucher::Attached)), "{what:?}");
        // Nor does it know the tag.
        let mock = demo();
        mock.fault(REFERRERS, 99, what.clone());
        mock.fault(FALLBACK, 99, What::status(404));
        let image = open(&mock, true);
        assert_eq!(image.discovery().map(|d| (d.found.len(), d.failed.is_some())), Some((0, false)));
        assert_eq!(read(&image), (want, None), "{what:?}");
    }
}

#[test]
fn whatever_fails_is_noted_and_the_image_is_read() {
    let want = read(&open(&demo(), false)).0;
    let elsewhere = What::redirect(307, format!("https://{STORAGE}/busy"));
    for (what, code, status) in [
        (What::status(401), Code::Unauthorized, Some(401)),
        (What::status(403), Code::Forbidden, Some(403)),
        (What::status(429), Code::RateLimited, Some(429)),
        (What::status(500), Code::Network, Some(500)),
        (What::status(502), Code::Network, Some(502)),
        (What::status(503), Code::Network, Some(503)),
        (What::status(418), Code::Network, Some(418)),
        (elsewhere, Code::RateLimited, Some(429)),
        (What::Network("reset".into()), Code::Network, None),
        (What::Cut(10), Code::Network, None),
        (What::Hang, Code::Network, None),
        (answer(r#"{"schemaVersion":2}"#), Code::CorruptManifest, None),
        (answer(r#"{"schemaVersion":2,"manifests":7}"#), Code::CorruptManifest, None),
        (answer("<html>"), Code::CorruptManifest, None),
        (What::Header("link", "<https://evil.test/v2/x>; rel=next".into()), Code::Network, None),
        (What::Header("link", format!("<http://{HOST}/v2/x>; rel=next")), Code::Network, None),
    ] {
        let mock = demo();
        let empty =
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        let subject = *open(&mock, false).digest();
        let pages = std::collections::BTreeMap::from([(subject.to_string(), vec![empty.to_string()])]);
        *mock.0.referrers.borrow_mut() = Some(pages);
        mock.fault(REFERRERS, 99, what.clone());
        mock.fault("/busy", 99, What::status(429));
        mock.lines();
        let image = open(&mock, true);
        let failed = image.discovery().unwrap().failed.clone().unwrap_or_else(|| panic!("{what:?}"));
        assert_eq!((failed.code(), failed.status()), (code, status), "{what:?}: {failed}");
        assert!(image.soci().is_none());
        assert_eq!(read(&image), (want, None), "{what:?}");
        assert!(mock.lines().iter().all(|l| !l.contains("evil.test")));
        // Whoever asks for the list alone is told the same.
        let again = block_on(image.find_attached_indexes());
        assert_eq!(again.failed.map(|e| e.code()), Some(code), "{what:?}");
    }
}

#[test]
fn what_the_caller_names_must_be_there() {
    let mock = demo();
    let named = open(&mock, true).soci().unwrap().digest;
    for (what, code) in [
        (What::status(403), Code::Forbidden),
        (What::status(404), Code::NotFound),
        (What::status(429), Code::RateLimited),
        (What::status(500), Code::Network),
    ] {
        mock.fault(&format!("/manifests/{named}"), 99, what);
        let soci = ocipeek::image::SociChoice::Digest(named);
        let options = OpenOptions::default().soci(soci);
        let target = Target::Tag("latest".into());
        let opened = Image::open(Rc::new(mock.registry()), mock.transport(), &target, options);
        assert_eq!(block_on(opened).err().unwrap().code(), code);
        mock.0.faults.borrow_mut().clear();
    }
}
