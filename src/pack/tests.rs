//! Packs of the demo image and of made layers, whole and damaged.

use std::rc::Rc;

use bytes::Bytes;
use proptest::prelude::*;

use super::write::write_in_parts;
use super::*;
use crate::format::tar::{Entry, EntryTable, Kind, Mtime, Xattrs};
use crate::format::ztoc::{Spans, Ztoc};
use crate::limits::Limits;
use crate::rootfs::{Follow, LayerIndex, Node, Parts, PathIndex, Rootfs, Step};
use test_support::demo;
use test_support::ztoc_builder as builder;

fn digest() -> Digest {
    Digest::of(b"a zTOC")
}

/// Spans of a tar, of which nothing matters.
fn some_spans() -> Spans {
    let ztoc = Ztoc::parse(Bytes::from(builder::Ztoc::tar(4096, 1024).build(&[])), &Limits::default());
    ztoc.unwrap().into_parts().1
}

/// A layer's parts, read out of its pack.
pub(crate) struct Packed {
    bytes: Vec<u8>,
    head: Head,
    pub(crate) parts: Rc<Parts>,
}

impl Packed {
    pub(crate) fn new(index: &PathIndex, len: usize) -> Packed {
        Packed::of(write_in_parts(index, &some_spans(), &digest(), len).unwrap(), &digest())
    }

    fn of(bytes: Vec<u8>, ztoc: &Digest) -> Packed {
        let end = prefix(&bytes, ztoc).unwrap();
        let head = Head::read(&bytes[..end], ztoc, &Limits::default()).unwrap();
        let parts = Rc::new(head.parts().unwrap());
        Packed { bytes, head, parts }
    }

    fn get(&self, range: std::ops::Range<u64>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }

    pub(crate) fn load(&self, part: usize) {
        let data = self.get(self.head.part(part).unwrap());
        self.parts.add(part, self.head.read_part(part, data, &Limits::default()).unwrap()).unwrap();
    }

    fn page(&self, page: usize) -> Page {
        self.head.read_page(page, self.get(self.head.page(page).unwrap())).unwrap()
    }
}

fn fields(e: &Entry<'_>) -> String {
    let xattrs: Vec<_> = e.xattrs.collect();
    format!("{:?} {xattrs:?}", Entry { xattrs: Xattrs::default(), ..*e })
}

/// That what is told of entries of these nodes is the same.
pub(crate) fn same_entries(whole: &PathIndex, got: &LayerIndex, nodes: &[Node]) {
    assert_eq!(got.len(), whole.table().len());
    let entries = nodes.iter().flat_map(|n| n.at.map(|at| at.1).into_iter().chain(n.link));
    for e in entries {
        same_entry(whole, got, e);
    }
}

fn same_entry(whole: &PathIndex, got: &LayerIndex, e: usize) {
    assert_eq!(fields(&got.get(e).unwrap()), fields(&whole.table().get(e).unwrap()));
    assert_eq!((got.path(e), got.nlink(e)), (whole.path(e), whole.nlink(e)), "{e}");
    let text = |r: crate::error::Result<usize>| r.map_err(|e| e.to_string());
    assert_eq!(text(got.resolve_hardlink(e)), text(whole.resolve_hardlink(e)));
    assert_eq!(got.sparse(e), whole.table().sparse(e));
    assert_eq!(got.map_in_header(e), whole.table().map_in_header(e));
    assert_eq!(got.may_be_sparse(e), whole.table().may_be_sparse(e));
}

/// That all entries come back, the unshown ones too.
fn same_tar(whole: &PathIndex, packed: &Packed) {
    packed.parts.missing().into_iter().for_each(|part| packed.load(part));
    let got = LayerIndex::from(packed.parts.clone());
    (0..whole.table().len()).for_each(|e| same_entry(whole, &got, e));
    assert!(got.get(whole.table().len()).is_none());
}

fn same_spans(spans: &Spans, packed: &Packed) {
    let head = &packed.head;
    assert_eq!(head.spans(), spans.len());
    assert_eq!((head.compression(), head.is_v1_first()), (spans.compression(), spans.is_v1_first()));
    assert_eq!(head.layer_size(), spans.compressed());
    let pages: Vec<Page> = (0..head.pages()).map(|p| packed.page(p)).collect();
    for k in 0..spans.len() {
        let (page, i) = head.page_of(k);
        let page = &pages[page];
        let row = page.row(i).unwrap();
        let start = spans.start(k).unwrap();
        assert_eq!((page.input(i), page.output(i)), (spans.input(k), spans.output(k)));
        assert_eq!((Some(row.digest()), row.bits()), (spans.digest(k), start.bits));
        assert_eq!(page.next_bits(i).unwrap(), spans.start(k + 1).map_or(0, |s| s.bits));
        let window = row.window().map_or(&[][..], |range| packed.get(range));
        assert_eq!(row.read_window(window).unwrap(), start.window);
        let output = spans.output(k).unwrap();
        for at in [output.start, output.end.saturating_sub(1), output.end] {
            let found = head.find(at).and_then(|p| Some(head.first_span(p)? + pages[p].find(at)?));
            assert_eq!(found, spans.find(at), "{at}");
        }
    }
    assert!(head.page(head.pages()).is_none());
}

#[test]
fn the_demo_image_comes_back() {
    for z in demo::ztocs() {
        let ztoc = Digest::of(&z.bytes);
        let (table, spans) =
            Ztoc::parse(Bytes::from(z.bytes.clone()), &Limits::default()).unwrap().into_parts();
        let index = PathIndex::new(table, &Limits::default()).unwrap();
        let pack = write(&index, &spans, &ztoc).unwrap();
        println!(
            "{} entries, {} spans: {} -> {}",
            index.table().len(),
            spans.len(),
            z.bytes.len(),
            pack.len()
        );
        assert!(pack.len() < z.bytes.len() / 2);
        let packed = Packed::of(pack, &ztoc);
        same_spans(&spans, &packed);
        same_tar(&index, &packed);
        same_tar(&index, &Packed::new(&index, 5));
        assert!(prefix(&packed.bytes, &digest()).is_none());
    }
}

/// A zTOC of a gzip layer with so many spans.
fn many_spans(count: i64) -> Spans {
    let points: Vec<_> =
        (0..count).map(|i| (10 + i * 100, i * 1000, if i == 0 { 0 } else { (i % 8) as u8 })).collect();
    let ztoc = builder::Ztoc::gzip(10 + count * 100, count * 1000 - 7, &points).build(&[]);
    Ztoc::parse(Bytes::from(ztoc), &Limits::default()).unwrap().into_parts().1
}

#[test]
fn spans_come_back_from_several_pages() {
    let index = PathIndex::new(EntryTable::new(), &Limits::default()).unwrap();
    for count in [1, 2, 63, 64, 65, 128, 500] {
        let spans = many_spans(count);
        let packed = Packed::of(write(&index, &spans, &digest()).unwrap(), &digest());
        assert_eq!(packed.head.pages(), (count as usize).div_ceil(64));
        same_spans(&spans, &packed);
    }
    same_spans(&some_spans(), &Packed::new(&index, 1));
}

#[test]
fn windows_take_what_they_hold() {
    let index = PathIndex::new(EntryTable::new(), &Limits::default()).unwrap();
    let size = |spans: &Spans| write(&index, spans, &digest()).unwrap().len();
    // The builder's windows are filled with their number: 255 costs some bytes, 0 (of span 256) none.
    let (one, two) = (size(&many_spans(256)), size(&many_spans(257)));
    assert!(two - one < 80, "{}", two - one);
}

fn files(names: impl IntoIterator<Item = String>) -> PathIndex {
    let mut table = EntryTable::new();
    for (i, name) in names.into_iter().enumerate() {
        let kind = if name.ends_with('/') { Kind::Directory } else { Kind::Regular };
        let e = entry(kind, name.as_bytes(), i as u64);
        table.push(&e, &Limits::default()).unwrap();
    }
    PathIndex::new(table, &Limits::default()).unwrap()
}

fn entry(kind: Kind, name: &[u8], i: u64) -> Entry<'_> {
    Entry {
        name,
        kind,
        size: i % 7,
        mode: 0o644,
        uid: i % 3,
        gid: 0,
        uname: b"u",
        gname: b"g",
        mtime: Some(Mtime { secs: 1_600_000_000 + i as i64, nanos: 0 }),
        link_name: b"",
        dev_major: 0,
        dev_minor: 0,
        header_offset: i * 1024,
        offset: i * 1024 + 512,
        xattrs: Xattrs::default(),
    }
}

fn ask<T>(
    fs: &mut Rootfs,
    packed: &Packed,
    ask: impl Fn(&Rootfs) -> crate::error::Result<Step<T>>,
) -> (T, Vec<usize>) {
    let mut loaded = Vec::new();
    loop {
        match ask(fs).unwrap() {
            Step::Done(answer) => return (answer, loaded),
            Step::NeedLayer(layer) => fs.set_layer(layer, packed.parts.clone()),
            Step::NeedParts(parts) => {
                for (_, part) in parts {
                    packed.load(part);
                    loaded.push(part);
                }
            }
        }
    }
}

#[test]
fn a_look_up_takes_one_part_and_a_listing_skips_what_is_deep() {
    // a/, a/d0/ … a/d9/ with 100 files each; then files of a.
    let deep = (0..10).flat_map(|d| {
        std::iter::once(format!("a/d{d}/")).chain((0..100).map(move |i| format!("a/d{d}/f{i:02}")))
    });
    let index = files(std::iter::once("a/".into()).chain(deep).chain((0..30).map(|i| format!("a/z{i:02}"))));
    let new = || (Rootfs::new(1, &Limits::default()), Packed::new(&index, 20));
    let (mut fs, packed) = new();
    let (node, loaded) = ask(&mut fs, &packed, |fs| fs.lookup(b"a/d5/f50", Follow::All));
    assert_eq!((node.path, loaded.len()), (b"a/d5/f50".to_vec(), 1));
    // Its directory's attributes are in the same part.
    let (_, loaded) = ask(&mut fs, &packed, |fs| fs.lookup(b"/a/d5/", Follow::All));
    assert_eq!(loaded.len(), 1);
    let (_, loaded) = ask(&mut fs, &packed, |fs| fs.lookup(b"/", Follow::All));
    assert_eq!(loaded.len(), 1);

    let (mut fs, packed) = new();
    let (list, loaded) = ask(&mut fs, &packed, |fs| fs.read_dir(b"a"));
    assert_eq!(list.len(), 40);
    let all = packed.head.borders.len();
    // One for each of the ten directories, and those of the files: the rest lies inside of one directory each.
    assert!(loaded.len() <= 14 && all > 50, "{loaded:?} of {all}");
    let (list, loaded) = ask(&mut fs, &packed, |fs| fs.read_dir(b""));
    assert_eq!((list.len(), loaded.len()), (1, 0));
}

#[test]
fn what_repeats_too_much_is_not_packed() {
    let deep: Vec<String> = (0..2000).map(|d| "d/".repeat(d + 1)).collect();
    let last = deep.last().unwrap().clone();
    let index = files(deep.into_iter().chain((0..60_000).map(|i| format!("{last}{i:05}"))));
    assert!(write_in_parts(&index, &some_spans(), &digest(), 256).is_none());
}

#[test]
fn a_long_chain_of_directories_is_packed() {
    let deep: Vec<String> = (0..300).map(|d| "dir/".repeat(d + 1)).collect();
    let index = files(deep.into_iter().chain((0..1000).map(|i| format!("dir/{i:05}"))));
    same_tar(&index, &Packed::new(&index, 256));
}

#[test]
fn damage_is_a_miss() {
    let index = files((0..600).map(|i| format!("dir{}/f{i:03}", i / 100)));
    let spans = many_spans(100);
    let packed = Packed::of(write(&index, &spans, &digest()).unwrap(), &digest());
    let (head, limits) = (&packed.head, Limits::default());
    let end = prefix(&packed.bytes, &digest()).unwrap();
    for at in 0..packed.bytes.len() {
        let mut bytes = packed.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let get = |range: std::ops::Range<u64>| &bytes[range.start as usize..range.end as usize];
        let inside = |range: &std::ops::Range<u64>| range.contains(&(at as u64));
        if at < end {
            let read =
                prefix(&bytes, &digest()).and_then(|end| Head::read(bytes.get(..end)?, &digest(), &limits));
            assert!(read.is_none(), "{at}");
            continue;
        }
        let mut hit = 0;
        for range in (0..head.parts.len()).map(|p| (p, head.part(p).unwrap())).filter(|(_, r)| inside(r)) {
            assert!(head.read_part(range.0, get(range.1), &limits).is_none(), "{at}");
            hit += 1;
        }
        for range in (0..head.pages()).map(|p| (p, head.page(p).unwrap())).filter(|(_, r)| inside(r)) {
            assert!(head.read_page(range.0, get(range.1)).is_none(), "{at}");
            hit += 1;
        }
        for p in 0..head.pages() {
            let page = packed.page(p);
            let rows = (0..64).filter_map(|i| page.row(i));
            for row in rows.filter(|r| r.window().is_some_and(|w| inside(&w))) {
                assert!(row.read_window(get(row.window().unwrap())).is_none(), "{at}");
                hit += 1;
            }
        }
        assert_eq!(hit, 1, "{at}");
    }
    // Cut, or of another place.
    let first = head.part(0).unwrap();
    assert!(head.read_part(0, packed.get(first.start..first.end - 1), &limits).is_none());
    assert!(head.read_part(1, packed.get(first), &limits).is_none());
    assert!(head.part(head.parts.len()).is_none());
}

#[test]
fn limits_hold() {
    let index = files((0..600).map(|i| format!("dir{}/f{i:03}", i / 100)));
    let bytes = write(&index, &many_spans(100), &digest()).unwrap();
    let end = prefix(&bytes, &digest()).unwrap();
    let read = |change: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        Head::read(&bytes[..end], &digest(), &limits)
    };
    assert!(read(&|_| ()).is_some());
    assert!(read(&|l| l.max_entries = 599).is_none());
    assert!(read(&|l| l.max_spans = 99).is_none());
    assert!(read(&|l| l.max_path_len = 3).is_none());
    assert!(read(&|l| l.max_name_bytes = 3).is_none());
}

/// An entry of every shape.
fn any_entry() -> impl Strategy<Value = (u8, Vec<u8>, Vec<u8>, [u64; 6], bool, u8)> {
    let name = prop_oneof![
        "(\\./|/|)([ab]|\\.wh\\.[ab]|\\.wh\\.\\.wh\\.\\.opq|\\.\\.)(/([ab]|\\.wh\\.[ab]|x{1,3})){0,3}/?"
            .prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    let link = prop_oneof![Just(Vec::new()), "[ab](/[ab]){0,2}".prop_map(String::into_bytes)];
    (0..7u8, name, link, any::<[u64; 6]>(), any::<bool>(), any::<u8>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_table_comes_back(
        entries in proptest::collection::vec(any_entry(), 0..40),
        len in 1..10usize,
        paths in proptest::collection::vec("([ab]|\\.wh\\.[ab]|x)(/([ab]|x)){0,3}", 0..5),
    ) {
        const KINDS: [Kind; 7] = [Kind::Regular, Kind::HardLink, Kind::Symlink, Kind::Directory, Kind::CharDevice, Kind::BlockDevice, Kind::Fifo];
        let limits = Limits::default();
        let mut table = EntryTable::new();
        for (kind, name, link_name, n, flag, small) in &entries {
            let mut xattrs = Vec::new();
            if *flag {
                Xattrs::encode(&mut xattrs, b"user.a", &n[0].to_le_bytes());
            }
            let e = Entry {
                name,
                kind: KINDS[usize::from(*kind)],
                size: n[0] >> (small % 64),
                mode: u32::from(*small),
                uid: n[1] & 0xffff_ffff,
                gid: u64::from(small % 2),
                uname: if *flag { b"root" } else { b"" },
                gname: name,
                mtime: flag.then_some(Mtime { secs: n[2].cast_signed(), nanos: (n[3] % 1_000_000_000) as u32 }),
                link_name,
                dev_major: if small % 3 == 0 { n[4] } else { 0 },
                dev_minor: if small % 3 == 0 { n[5] } else { 0 },
                header_offset: n[1] >> 1,
                offset: (n[1] >> 1) + u64::from(*small) * 512,
                xattrs: Xattrs(&xattrs),
            };
            table.push(&e, &limits).unwrap();
            if *flag && small % 5 == 0 {
                table.set_sparse(Box::new([(n[4], n[5]), (0, 1)]), &limits).unwrap();
            } else if small % 5 == 1 {
                table.set_map_in_header();
            }
        }
        let index = Rc::new(PathIndex::new(table, &limits).unwrap());
        same_tar(&index, &Packed::new(&index, len));
        for path in &paths {
            let packed = Packed::new(&index, len);
            let parts = LayerIndex::from(packed.parts.clone());
            for merged in [false, true] {
                let mut whole = Rootfs::of_layer(0, index.clone(), &limits);
                let mut fs = Rootfs::of_layer(0, parts.clone(), &limits);
                if merged {
                    (whole, fs) = (Rootfs::new(1, &limits), Rootfs::new(1, &limits));
                    whole.set_layer(0, index.clone());
                    fs.set_layer(0, parts.clone());
                }
                let got = loop {
                    match fs.lookup(path.as_bytes(), Follow::All) {
                        Ok(Step::NeedParts(parts)) => parts.into_iter().for_each(|(_, part)| packed.load(part)),
                        other => break other,
                    }
                };
                let text = |r: crate::error::Result<Step<Node>>| r.map_err(|e| e.to_string());
                prop_assert_eq!(text(got), text(whole.lookup(path.as_bytes(), Follow::All)));
            }
        }
    }

    #[test]
    fn random_bytes_are_no_part(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(index) = super::part::read(&data, 1000, true, &Limits::default()) {
            for e in 0..index.table().len() {
                let _ = index.resolve_hardlink(e);
            }
        }
    }
}
