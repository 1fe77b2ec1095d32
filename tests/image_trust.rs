//! Who vouches for the index by which an image is read: what is used without agreement, and what results say.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::rc::Rc;

use futures_executor::block_on;
use ocipeek::error::{Code, Remedy};
use ocipeek::format::oci::media_type::OCI_MANIFEST;
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::image::{Follow, Image, IndexVoucher, OpenOptions, ReadBy, SociChoice};
use test_support::memory::ztoc::{Spec, file, gzip, noise, tar};
use test_support::memory::{GZIP, MadeLayer, Memory, Ranged, TAR, agreed};

const V1: &str = "application/vnd.amazon.soci.index.v1+json";

fn open(memory: &Memory, tag: &str, options: OpenOptions) -> Image {
    block_on(memory.open(tag, options)).unwrap()
}

/// What all of the tree says of it: the root, every folder's entries by walking, every link and file by its path.
fn vouchers(image: &Image) -> Vec<Option<IndexVoucher>> {
    block_on(async {
        let mut found = vec![image.stat(b"/", Follow::All).await.unwrap().verified.index];
        let mut walk = image.walk(b"/", None);
        while let Some(stat) = walk.next().await.unwrap() {
            found.push(stat.verified.index);
            let again = image.stat(&stat.path, Follow::ExceptLast).await.unwrap();
            assert_eq!(again.verified, stat.verified);
        }
        found.dedup();
        found
    })
}

fn of_layer(image: &Image, layer: usize) -> Option<IndexVoucher> {
    let view = image.layer(layer).unwrap();
    let stat = block_on(view.stat(b"/", Follow::All)).unwrap();
    let entries = block_on(view.read_dir(b"/")).unwrap();
    assert!(entries.iter().all(|e| e.verified.index == stat.verified.index));
    stat.verified.index
}

#[test]
fn nothing_attached_is_asked_for_or_used_unless_the_caller_agrees() {
    let memory = Memory::demo();
    let image = open(&memory, "latest", OpenOptions::default());
    assert_eq!(memory.log(), ["manifest latest"]);
    assert!(image.soci().is_none() && image.discovery().is_none());
    assert!(image.layers().iter().all(|l| l.read == ReadBy::Whole && l.ztoc.is_none()));
    assert_eq!(vouchers(&image), [None]);
    assert!(memory.log().iter().all(|l| l.starts_with("stream ")));
    // Whoever asks is told, and reads as before.
    let found = block_on(image.find_attached_indexes());
    assert_eq!((found.found.len(), found.failed.is_none()), (2, true));
    assert_eq!(memory.log(), ["referrers 42a11d5b"]);
    assert!(image.soci().is_none());
}

#[test]
fn an_attached_index_has_a_say_in_all_of_the_tree() {
    for (memory, tag, indexes, covers) in
        [(Memory::demo(), "latest", 2, vec![true; 6]), (two_layers().0, "made", 1, vec![false, true])]
    {
        let image = open(&memory, tag, agreed());
        assert_eq!(image.soci().unwrap().voucher, IndexVoucher::Attached);
        assert_eq!(image.discovery().unwrap().found.len(), indexes);
        assert_eq!(vouchers(&image), [Some(IndexVoucher::Attached)]);
        for (layer, covered) in image.layers().iter().zip(covers) {
            let voucher = covered.then_some(IndexVoucher::Attached);
            assert_eq!(layer.read, if covered { ReadBy::Ztoc } else { ReadBy::Whole });
            assert_eq!(layer.ztoc.as_ref().map(|z| z.voucher), voucher);
            assert_eq!(of_layer(&image, layer.index), voucher, "layer {}", layer.index);
        }
    }
}

#[test]
fn the_image_and_the_caller_vouch_for_what_they_name() {
    let memory = Memory::demo();
    for (tag, soci, voucher) in [
        ("latest-soci", SociChoice::Auto, IndexVoucher::Image),
        ("latest-soci-head", SociChoice::Auto, IndexVoucher::Image),
        ("latest", SociChoice::Digest(first_attached(&memory)), IndexVoucher::Named),
    ] {
        // Agreeing to what is attached changes nothing of that, and is asked of nobody.
        for attached_index in [false, true] {
            let options = OpenOptions::default().soci(soci.clone()).attached_index(attached_index);
            memory.log();
            let image = open(&memory, tag, options);
            assert!(memory.log().iter().all(|l| !l.starts_with("referrers")));
            assert_eq!(image.soci().unwrap().voucher, voucher);
            assert_eq!(vouchers(&image), [Some(voucher)]);
            assert!(image.discovery().is_none());
        }
    }
}

fn first_attached(memory: &Memory) -> Digest {
    open(memory, "latest", agreed()).soci().unwrap().digest
}

#[test]
fn an_index_that_the_image_names_and_that_is_gone_lets_no_other_in() {
    let memory = Memory::demo();
    let named = open(&memory, "latest-soci", OpenOptions::default());
    let (image, index) = (*named.digest(), named.soci().unwrap().digest);
    let mut attached = memory.put(OCI_MANIFEST, memory.blob_bytes(&first_attached(&memory)).unwrap());
    attached.artifact_type = Some(V1.to_owned());
    memory.refer(image, vec![attached]);
    memory.remove(&index);
    for options in [OpenOptions::default(), agreed()] {
        memory.log();
        let e = block_on(memory.open("latest-soci", options)).err().unwrap();
        assert_eq!(e.code(), Code::NotFound);
        assert_eq!(e.digest(), Some(&*index.to_string()));
        assert_eq!(e.remedies(), [Remedy::WithoutIndex]);
        assert!(e.to_string().contains("; set OpenOptions::soci to SociChoice::None"), "{e}");
        assert!(memory.log().iter().all(|l| !l.starts_with("referrers")));
    }
    let options = OpenOptions::default().soci(SociChoice::None);
    assert_eq!(vouchers(&open(&memory, "latest-soci", options)), [None]);
}

/// An image of two gzip layers, the upper of which has a zTOC; and its index, attached.
fn two_layers() -> (Memory, Descriptor) {
    let (lower, _) = tar(&[file("lower", noise(40_000, 1))]);
    let (upper, told) = tar(&[file("dir/upper", noise(40_000, 2))]);
    let len = upper.len();
    let (upper, points) = gzip(&upper, 9_000, None);
    let ztoc = Some(Spec::gzip(told, len, &upper, points, false).build());
    let lower = MadeLayer { media_type: GZIP, data: gzip(&lower, 9_000, None).0, ztoc: None };
    let memory = Memory::made(vec![lower, MadeLayer { media_type: GZIP, data: upper, ztoc }]);
    let subject = open(&memory, "made", agreed()).discovery().unwrap().found[0].clone();
    (memory, subject)
}

#[test]
fn what_is_of_no_use_on_the_list_is_noted_and_passed_over() {
    let (memory, index) = two_layers();
    let image = *open(&memory, "made", OpenOptions::default()).digest();
    let of = |d: Descriptor| {
        let mut d = d;
        d.artifact_type = Some(V1.to_owned());
        d
    };
    let gone = of(Descriptor::new(OCI_MANIFEST, Digest::of(b"gone"), 4));
    let junk = of(memory.put(OCI_MANIFEST, "{}"));
    let other = of(memory.put(OCI_MANIFEST, memory.blob_bytes(&image).unwrap()));
    for bad in [gone, junk, other] {
        memory.refer(image, vec![bad.clone(), index.clone()]);
        let opened = open(&memory, "made", agreed());
        assert_eq!(opened.soci().unwrap().digest, index.digest);
        let failed = opened.discovery().unwrap().failed.clone().unwrap();
        assert_eq!(failed.digest(), Some(&*bad.digest.to_string()), "{failed}");
        // And if there is nothing else, the image is read without.
        memory.refer(image, vec![bad]);
        let opened = open(&memory, "made", agreed());
        assert!(opened.soci().is_none() && opened.discovery().unwrap().failed.is_some());
        assert_eq!(vouchers(&opened), [None]);
    }
    // However many there are, only some are looked at.
    let many = (0u32..100).map(|i| of(Descriptor::new(OCI_MANIFEST, Digest::of(&i.to_le_bytes()), 4)));
    memory.refer(image, many.collect());
    memory.log();
    let opened = open(&memory, "made", agreed());
    assert_eq!((opened.discovery().unwrap().found.len(), memory.log().len()), (100, 1 + 1 + 16));
}

#[cfg(feature = "build")]
mod built {
    use super::*;
    use ocipeek::format::ztoc::create::BuildOptions;
    use ocipeek::image::{BuiltIndex, Indexer, OnePass};
    use ocipeek::limits::Limits;

    fn indexer() -> Rc<dyn Indexer> {
        Rc::new(OnePass::new(BuildOptions::default(), Limits::default()))
    }

    fn options(cache: &Rc<Ranged>, attached_index: bool, build: bool) -> OpenOptions {
        let mut options = OpenOptions::default().cache(cache.clone()).attached_index(attached_index);
        options.indexer = build.then(indexer);
        options
    }

    #[test]
    fn we_vouch_for_what_we_built() {
        let (memory, _) = two_layers();
        let cache = Rc::new(Ranged::default());
        for build in [true, false] {
            let image = open(&memory, "made", options(&cache, false, build));
            assert_eq!(block_on(image.read_file(b"/lower", None)).unwrap().1, noise(40_000, 1));
            assert_eq!(vouchers(&image), [Some(IndexVoucher::Own)], "build: {build}");
            assert_eq!(image.layers()[0].ztoc.as_ref().unwrap().voucher, IndexVoucher::Own);
        }
        // It comes before what is attached, which says the same of the layer or not.
        let image = open(&memory, "made", options(&cache, true, false));
        assert_eq!(vouchers(&image), [Some(IndexVoucher::Own)]);
        memory.log();
        // None is built where an attached one is agreed to.
        let image = open(&memory, "made", options(&Rc::default(), true, true));
        assert_eq!(block_on(image.read_file(b"/dir/upper", None)).unwrap().1, noise(40_000, 2));
        assert_eq!(image.layers()[1].ztoc.as_ref().unwrap().voucher, IndexVoucher::Attached);
        assert!(memory.log().iter().all(|l| !l.starts_with("stream")));
    }

    #[test]
    fn an_attached_index_that_is_equal_to_one_that_was_built_here_counts_as_checked() {
        let (data, _) = tar(&[file("f", noise(40_000, 3))]);
        let built = |media_type| {
            let memory = Memory::made(vec![MadeLayer { media_type, data: data.clone(), ztoc: None }]);
            let layer = open(&memory, "made", OpenOptions::default()).manifest().layers[0].clone();
            block_on(indexer().build(Rc::new(memory), layer)).unwrap()
        };
        let BuiltIndex { ztoc, layer_digest } = built(TAR);
        let made = || MadeLayer { media_type: TAR, data: data.clone(), ztoc: Some(ztoc.to_vec()) };
        let memory = Memory::made(vec![made()]);
        let cache = Rc::new(Ranged::default());
        // Without the cache, and before anything was built, it is attached.
        let image = open(&memory, "made", options(&cache, true, false));
        assert_eq!(vouchers(&image), [Some(IndexVoucher::Attached)]);
        let index = BuiltIndex { ztoc: ztoc.clone(), layer_digest };
        block_on(image.use_index(0, index)).unwrap();
        let image = open(&memory, "made", options(&cache, true, false));
        assert_eq!(vouchers(&image), [Some(IndexVoucher::Checked)]);
        assert_eq!(image.layers()[0].ztoc.as_ref().unwrap().voucher, IndexVoucher::Checked);
        // Whoever does not agree to what is attached finds it by the layer alone.
        memory.log();
        let image = open(&memory, "made", options(&cache, false, false));
        assert_eq!(vouchers(&image), [Some(IndexVoucher::Own)]);
        assert!(memory.log().iter().all(|l| !l.starts_with("referrers") && !l.starts_with("stream")));
    }
}
