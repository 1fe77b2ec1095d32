//! What an image, its index or its registry can do wrong, and what a reader gets then: an error with the right code, and
//! never a byte that was not verified.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use ocipeek::error::{Code, Error};
use ocipeek::image::{Follow, Image, OpenOptions, SociChoice};
use ocipeek::limits::Limits;
use test_support::memory;
use test_support::memory::ztoc::{File, Spec, Told, file, gzip, noise, tar};
use test_support::memory::{GZIP, MadeLayer, Memory, TAR, ZSTD};

const SPAN: usize = 100_000;

fn files() -> Vec<File> {
    vec![file("first", noise(250_000, 1)), file("second", "second"), file("third", noise(150_000, 2))]
}

/// One gzip layer whose zTOC `lie` changes.
fn image_of(files: &[File], lie: impl FnOnce(&mut Spec)) -> Memory {
    let (tar, told) = tar(files);
    let (layer, points) = gzip(&tar, SPAN, Some("layer.tar"));
    let mut spec = Spec::gzip(told, tar.len(), &layer, points, false);
    lie(&mut spec);
    Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: Some(spec.build()) }])
}

fn open(memory: &Memory) -> Image {
    block_on(memory.open("made", memory::agreed())).unwrap()
}

fn limits(change: impl FnOnce(&mut Limits)) -> OpenOptions {
    let mut options = memory::agreed();
    change(&mut options.limits);
    options
}

/// Everything that a stream gives out before it fails.
fn read_until_failure(image: &Image, path: &str, range: Option<std::ops::Range<u64>>) -> (Vec<u8>, Error) {
    block_on(async {
        let mut stream = image.read_stream(path.as_bytes(), range).await.unwrap();
        let mut out = Vec::new();
        loop {
            match stream.next().await {
                Ok(Some(chunk)) => out.extend_from_slice(&chunk),
                Ok(None) => panic!("{path} was read without a failure"),
                Err(e) => return (out, e),
            }
        }
    })
}

fn flip(data: Bytes, at: usize) -> Bytes {
    let mut data = data.to_vec();
    data[at] ^= 0x10;
    data.into()
}

#[test]
fn an_honest_image_is_read() {
    let image = open(&image_of(&files(), |_| {}));
    for f in files() {
        assert_eq!(block_on(image.read_file(f.name.as_bytes(), None)).unwrap().1, f.data);
    }
}

#[test]
fn a_flipped_bit_once_is_fetched_again() {
    let memory = image_of(&files(), |_| {});
    let image = open(&memory);
    let done = Cell::new(false);
    memory.fault(move |_, range, data| {
        let hit = range.start == 0 && range.end > 200_000 && !done.replace(true);
        Ok(if hit { flip(data, 150_000) } else { data })
    });
    memory.log();
    assert_eq!(block_on(image.read_file(b"first", None)).unwrap().1, files()[0].data);
    let log: Vec<_> = memory.log().into_iter().filter(|l| l.starts_with("range")).collect();
    // The run, and the one damaged span alone.
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!(image.stats().counters().retries, 1);
}

#[test]
fn a_flipped_bit_for_good_gives_out_nothing_of_its_span() {
    let memory = image_of(&files(), |_| {});
    let image = open(&memory);
    block_on(image.read_dir(b"/")).unwrap();
    memory.fault(|_, range, data| {
        let at = 150_000;
        let hit = range.contains(&at) && range.end - range.start > 50_000;
        Ok(if hit { flip(data, (at - range.start) as usize) } else { data })
    });
    let (out, e) = read_until_failure(&image, "first", None);
    assert_eq!(e.code(), Code::DigestMismatch, "{e}");
    assert_eq!(e.path(), Some(&b"/first"[..]));
    // What was verified before it, and no more.
    assert_eq!(out, files()[0].data[..SPAN - 512]);
    // Another span is no worse for it.
    assert_eq!(block_on(image.read_file(b"third", None)).unwrap().1, files()[2].data);
    // And it stays so, whatever is cached now.
    let (out, e) = read_until_failure(&image, "first", Some(120_000..120_001));
    assert_eq!((out.len(), e.code()), (0, Code::DigestMismatch));
}

#[test]
fn a_ztoc_that_lies_about_a_file_gives_out_nothing_of_it() {
    type Lie = fn(&mut Told);
    let lies: Vec<(&str, Lie)> = vec![
        ("name", |t| t.name = "fourth".to_owned()),
        ("size", |t| t.size -= 1),
        ("mode", |t| t.mode = 0o4755),
        ("mode", |t| t.mode = 0o600),
        ("content", |t| {
            t.offset += 512;
            t.size -= 512;
        }),
    ];
    for (field, lie) in lies {
        let memory = image_of(&files(), |spec| lie(&mut spec.told[2]));
        let image = open(&memory);
        let name = if field == "name" { "fourth" } else { "third" };
        for range in [None, Some(0..1), Some(149_000..149_001)] {
            let (out, e) = read_until_failure(&image, name, range);
            assert_eq!((out.len(), e.code()), (0, Code::CorruptLayer), "{field}: {e}");
            assert!(e.message().contains(field), "{field}: {e}");
        }
        assert_eq!(block_on(image.read_file(b"second", None)).unwrap().1, "second");
        // By name only.
        let options = memory::agreed().verify(false);
        let image = block_on(memory.open("made", options)).unwrap();
        let read = block_on(image.read_file(name.as_bytes(), None));
        if field == "content" {
            // Nothing tells whether the file is sparse.
            assert_eq!(read.unwrap_err().code(), Code::CorruptLayer);
            continue;
        }
        let (stat, _) = read.unwrap();
        assert!(!stat.verified.header);
        assert_eq!(stat.verified.content.as_str(), "none");
    }
}

#[test]
fn a_ztoc_that_swaps_two_files_is_found_out() {
    let memory = image_of(&[file("good", "good!"), file("evil", "evil!")], |spec| {
        spec.told[0].name = "evil".to_owned();
        spec.told[1].name = "good".to_owned();
    });
    let (out, e) = read_until_failure(&open(&memory), "good", None);
    assert_eq!((out.len(), e.code()), (0, Code::CorruptLayer));
}

#[test]
fn a_ztoc_of_another_layer() {
    // Of another size.
    let memory = image_of(&files(), |spec| spec.compressed += 1);
    let e = block_on(open(&memory).read_file(b"second", None)).unwrap_err();
    assert_eq!(e.code(), Code::CorruptZtoc, "{e}");
    assert!(e.digest().is_some());
    // Of the same size.
    let memory = image_of(&files(), |spec| spec.digests.rotate_left(1));
    let (out, e) = read_until_failure(&open(&memory), "second", None);
    assert_eq!((out.len(), e.code()), (0, Code::DigestMismatch), "{e}");
}

#[test]
fn a_first_span_that_does_not_begin_behind_the_header() {
    let memory = image_of(&files(), |spec| spec.points[0].input += 1);
    let (out, e) = read_until_failure(&open(&memory), "first", None);
    assert_eq!((out.len(), e.code()), (0, Code::CorruptZtoc), "{e}");
}

#[test]
fn a_span_that_inflates_past_its_end() {
    let bomb =
        vec![file("a", vec![0; 99_488]), file("zeros", vec![0; 1_000_000]), file("b", noise(200_000, 3))];
    // Span 0 inflates to 100,000 bytes; the zTOC says 99,000, and the same of what follows.
    let memory = image_of(&bomb, |spec| {
        for p in &mut spec.points[1..] {
            p.output -= 1_000;
        }
    });
    let e = block_on(open(&memory).read_file(b"a", None)).unwrap_err();
    assert_eq!(e.code(), Code::CorruptLayer, "{e}");
}

#[test]
fn a_ztoc_that_is_not_there() {
    let memory = image_of(&files(), |_| {});
    let image = open(&memory);
    let ztoc = image.layers()[0].ztoc.clone().unwrap().digest;
    memory.remove(&ztoc);
    let e = block_on(image.stat(b"/first", Follow::All)).unwrap_err();
    assert_eq!(e.code(), Code::NotFound);
    assert_eq!(e.digest(), Some(&*ztoc.to_string()));
    assert!(e.message().contains("zTOC"), "{e}");
    let options = memory::agreed().soci(SociChoice::None);
    let image = block_on(memory.open("made", options)).unwrap();
    assert_eq!(block_on(image.read_file(b"second", None)).unwrap().1, "second");
}

#[test]
fn an_answer_that_ends_early() {
    let memory = image_of(&files(), |_| {});
    let image = open(&memory);
    block_on(image.read_dir(b"/")).unwrap();
    let fault = Rc::new(Cell::new(true));
    let on = fault.clone();
    memory.fault(move |_, _, data| Ok(if on.get() { data.slice(..data.len() - 1) } else { data }));
    let (out, e) = read_until_failure(&image, "second", None);
    assert_eq!((out.len(), e.code()), (0, Code::Network), "{e}");
    fault.set(false);
    assert_eq!(block_on(image.read_file(b"second", None)).unwrap().1, "second");
}

#[test]
fn an_error_reaches_all_who_wait() {
    let memory = image_of(&files(), |_| {});
    let image = open(&memory);
    block_on(image.read_dir(b"/")).unwrap();
    memory.fault(|_, _, _| Err(Error::new(Code::RateLimited, "slow down")));
    let reads = (0..5).map(|_| image.read_file(b"first", None));
    for result in block_on(futures_util::future::join_all(reads)) {
        assert_eq!(result.unwrap_err().code(), Code::RateLimited);
    }
}

fn whole(media_type: &'static str, data: Vec<u8>) -> Memory {
    Memory::made(vec![MadeLayer { media_type, data, ztoc: None }])
}

#[test]
fn a_whole_layer_that_is_damaged() {
    let (tar, _) = tar(&files());
    let (layer, _) = gzip(&tar, SPAN, None);
    for (media_type, data) in [(GZIP, layer), (TAR, tar)] {
        // Anywhere: in the header, the data, the checksum, and cut off.
        for at in [0, 300, data.len() / 2, data.len() - 3] {
            for times in [1, usize::MAX] {
                let memory = whole(media_type, data.clone());
                let image = open(&memory);
                let left = Cell::new(times);
                memory.fault(move |_, _, data| {
                    if left.get() == 0 {
                        return Ok(data);
                    }
                    left.set(left.get() - 1);
                    Ok(flip(data, at))
                });
                let listed = block_on(image.read_dir(b"/"));
                if times == 1 {
                    assert_eq!(listed.unwrap().len(), 3, "{at}");
                    assert_eq!(block_on(image.read_file(b"third", None)).unwrap().1, files()[2].data);
                } else {
                    assert_eq!(listed.unwrap_err().code(), Code::DigestMismatch, "{at}");
                }
            }
        }
    }
}

#[test]
fn a_whole_layer_that_is_broken_as_it_was_pushed() {
    let (tar, _) = tar(&files());
    let (layer, _) = gzip(&tar, SPAN, None);
    for (media_type, data) in [
        (GZIP, layer[..layer.len() - 100].to_vec()),
        (GZIP, flip(layer.clone().into(), layer.len() / 2).to_vec()),
        (TAR, tar[..300_000].to_vec()),
        (TAR, vec![7; 5_000]),
        (ZSTD, vec![0x28, 0xB5, 0x2F, 0xFD, 0x20, 5, 0xFF]),
        (GZIP, vec![0x1F]),
    ] {
        let e = block_on(open(&whole(media_type, data)).read_dir(b"/")).unwrap_err();
        assert_eq!(e.code(), Code::CorruptLayer, "{e}");
        assert!(e.digest().is_some());
    }
    // An empty layer is an empty tar.
    assert_eq!(block_on(open(&whole(TAR, Vec::new())).read_dir(b"/")).unwrap().len(), 0);
}

#[test]
fn a_whole_layer_that_is_too_large() {
    let (tar, _) = tar(&[file("zeros", vec![0; 5_000_000])]);
    let (layer, _) = gzip(&tar, SPAN, None);
    let memory = whole(GZIP, layer.clone());
    let image =
        block_on(memory.open("made", limits(|l| l.max_whole_layer_size = layer.len() as u64 - 1))).unwrap();
    memory.log();
    let e = block_on(image.read_dir(b"/")).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_whole_layer_size")));
    assert!(e.to_string().contains("SOCI"), "{e}");
    assert_eq!(memory.log(), Vec::<String>::new());

    let image = block_on(memory.open("made", limits(|l| l.max_whole_layer_inflated = 1_000_000))).unwrap();
    let e = block_on(image.read_dir(b"/")).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_whole_layer_inflated")));
    assert!(e.to_string().contains("SOCI"), "{e}");
}

#[test]
fn a_file_that_is_too_large_for_one_buffer() {
    let memory = image_of(&files(), |_| {});
    let image = block_on(memory.open("made", limits(|l| l.max_file_size = 100_000))).unwrap();
    block_on(image.read_dir(b"/")).unwrap();
    memory.log();
    let e = block_on(image.read_file(b"first", None)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_file_size")));
    assert_eq!(memory.log(), Vec::<String>::new());
    let part = block_on(image.read_file(b"first", Some(50_000..150_000))).unwrap().1;
    assert_eq!(part, files()[0].data[50_000..150_000]);
}

#[test]
fn a_version_1_zinfo_with_a_long_header() {
    let (tar, told) = tar(&files());
    for name in [None, Some("a-name-in-the-gzip-header.tar")] {
        let (layer, points) = gzip(&tar, SPAN, name);
        let ztoc = Spec::gzip(told.clone(), tar.len(), &layer, points, true).build();
        let memory = Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: Some(ztoc) }]);
        let cache = Rc::new(memory::Kept::default());
        for _ in 0..2 {
            let options = memory::agreed().cache(cache.clone());
            let image = block_on(memory.open("made", options)).unwrap();
            for f in files() {
                assert_eq!(block_on(image.read_file(f.name.as_bytes(), None)).unwrap().1, f.data);
            }
        }
    }
}

#[test]
fn what_has_no_content_is_not_read() {
    let image = block_on(Memory::demo().open("latest", memory::agreed())).unwrap();
    let code = |path: &str| block_on(image.read_file(path.as_bytes(), None)).unwrap_err().code();
    assert_eq!(code("/etc"), Code::Eisdir);
    assert_eq!(code("/"), Code::Eisdir);
    assert_eq!(code("/nowhere"), Code::Enoent);
    assert_eq!(code("/etc/os-release/x"), Code::Enotdir);
    let mut seen = Vec::new();
    block_on(async {
        let mut walk = image.walk(b"/opt/odd", None);
        while let Some(stat) = walk.next().await.unwrap() {
            use ocipeek::format::tar::Kind::*;
            if matches!(stat.kind, Fifo | CharDevice | BlockDevice) {
                seen.push(image.read_file(&stat.path, None).await.unwrap_err().code());
            }
            if stat.kind == Symlink && stat.link_name.as_deref() == Some(b"loop-a") {
                seen.push(image.read_file(&stat.path, None).await.unwrap_err().code());
            }
        }
    });
    assert_eq!(seen.iter().filter(|c| **c == Code::Einval).count(), 3, "{seen:?}");
    let backwards = std::ops::Range { start: 2, end: 1 };
    let e = block_on(image.read_file(b"/etc/os-release", Some(backwards)));
    assert_eq!(e.unwrap_err().code(), Code::InvalidArgument);
}
