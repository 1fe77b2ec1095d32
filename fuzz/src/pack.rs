//! Packs: sections of any bytes, and layers of any entries packed and read again.
//!
//! The first byte says what follows: `p` a part, inflated; `h` a head, without its prefix; `g` the length of a head
//! (one byte), that head, and a page; else it is how many entries a part has, and lines follow that are entries:
//! `dir/`, `link -> target`, `hard link => target`, else a regular file.

use std::rc::Rc;

use bytes::Bytes;
use ocipeek::error::Result;
use ocipeek::format::oci::Digest;
use ocipeek::format::tar::{EntryTable, Kind};
use ocipeek::format::ztoc::{Spans, Ztoc};
use ocipeek::limits::Limits;
use ocipeek::pack::{Head, prefix, unchecked};
use ocipeek::rootfs::{Follow, LayerIndex, Node, Parts, PathIndex, Rootfs, Step};

use crate::entry_line::push;

/// Directories that are listed.
const MAX_LISTED: usize = 100;

/// One input.
pub fn run(data: &[u8]) {
    let mut limits = Limits::default();
    limits.max_link_steps = 10_000;
    limits.max_entries = 10_000;
    let Some((first, rest)) = data.split_first() else { return };
    match first {
        b'p' => part(rest, &limits),
        b'h' => {
            if let Some(head) = unchecked::head(rest, &limits) {
                use_head(&head);
            }
        }
        b'g' => {
            let Some((len, rest)) = rest.split_first() else { return };
            let Some((head, data)) = rest.split_at_checked(usize::from(*len)) else { return };
            if let Some(head) = unchecked::head(head, &limits) {
                page(&head, data);
            }
        }
        len => layer(usize::from(*len).max(1), rest, &limits),
    }
}

fn part(data: &[u8], limits: &Limits) {
    let Some(index) = unchecked::part(data, 10_000, limits) else { return };
    for entry in 0..index.table().len() {
        if let Ok(target) = index.resolve_hardlink(entry) {
            assert!(target < index.table().len());
        }
    }
    let parts = Parts::new(vec![Box::default()], 0, 10_000).expect("one part");
    parts.add(0, index).expect("room for a part");
    let mut fs = Rootfs::of_layer(0, Rc::new(parts), limits);
    walk(&mut fs, |_| panic!("the part is there"));
}

fn use_head(head: &Head) {
    drop(head.parts());
    for span in [0, head.spans() / 2, head.spans() - 1, head.spans(), usize::MAX] {
        let (page, _) = head.page_of(span);
        assert!(head.page(page).is_some() || span >= head.spans());
    }
    for offset in [0, 1, head.layer_size(), u64::MAX] {
        assert!(head.find(offset).is_none_or(|page| page < head.pages()));
    }
    for part in [0, 1, usize::MAX] {
        assert!(head.part(part).is_none_or(|range| range.start <= range.end));
    }
}

fn page(head: &Head, data: &[u8]) {
    let Some(page) = unchecked::page(head, 0, data) else { return };
    for i in 0..head.spans() + 1 {
        let Some(row) = page.row(i) else { break };
        assert!(row.bits() < 8 && page.next_bits(i).expect("a next one") < 8);
        let (input, output) = (page.input(i).expect("a range"), page.output(i).expect("a range"));
        assert!(input.end <= head.layer_size() && output.start <= output.end);
        assert!(row.window().is_none_or(|w| w.start < w.end));
        drop(row.read_window(data));
    }
    for offset in [0, 1, u64::MAX] {
        page.find(offset);
    }
}

fn layer(len: usize, data: &[u8], limits: &Limits) {
    let mut table = EntryTable::new();
    for line in data.split(|&b| b == b'\n') {
        if push(&mut table, line, limits).is_err() {
            return;
        }
    }
    let Ok(index) = PathIndex::new(table, limits) else { return };
    let (index, ztoc) = (Rc::new(index), Digest::of(b""));
    let Some(pack) = unchecked::write_in_parts(&index, &spans(), &ztoc, len) else { return };
    let end = prefix(&pack, &ztoc).expect("a prefix");
    let head = Head::read(&pack[..end], &ztoc, limits).expect("a head");
    let parts = Rc::new(head.parts().expect("parts"));
    let load = |part: usize| {
        let range = head.part(part).expect("a part");
        let data = &pack[range.start as usize..range.end as usize];
        parts.add(part, head.read_part(part, data, limits).expect("a part")).expect("room for a part");
    };
    for merged in [false, true] {
        let tree = |layer: LayerIndex| {
            if !merged {
                return Rootfs::of_layer(0, layer, limits);
            }
            let mut fs = Rootfs::new(1, limits);
            fs.set_layer(0, layer);
            fs
        };
        let whole = walk(&mut tree(index.clone().into()), |_| panic!("it is whole"));
        assert_eq!(walk(&mut tree(parts.clone().into()), load), whole);
    }
    parts.missing().into_iter().for_each(load);
    let all = LayerIndex::from(parts.clone());
    for entry in 0..index.table().len() {
        let (got, want) = (all.get(entry).expect("an entry"), index.table().get(entry).expect("an entry"));
        assert_eq!((got.name, got.link_name, got.kind), (want.name, want.link_name, want.kind));
        assert_eq!((all.path(entry), all.nlink(entry)), (index.path(entry), index.nlink(entry)));
        assert_eq!(all.resolve_hardlink(entry).ok(), index.resolve_hardlink(entry).ok());
    }
}

/// Lists directories, and looks up what is in them.
fn walk(fs: &mut Rootfs, load: impl Fn(usize)) -> Vec<Node> {
    let mut todo = vec![Vec::new()];
    let mut out = Vec::new();
    for _ in 0..MAX_LISTED {
        let Some(dir) = todo.pop() else { break };
        // Of a hostile part, a directory that was listed need not be found.
        let Ok(list) = ask(fs, &load, |fs| fs.read_dir(&dir)) else { continue };
        for child in list {
            out.extend(ask(fs, &load, |fs| fs.lookup(&child.node.path, Follow::All)).ok());
            if child.node.kind == Kind::Directory {
                todo.push(child.node.path.clone());
            }
            out.push(child.node);
        }
    }
    out
}

fn ask<T>(fs: &mut Rootfs, load: &impl Fn(usize), ask: impl Fn(&Rootfs) -> Result<Step<T>>) -> Result<T> {
    loop {
        match ask(fs)? {
            Step::Done(answer) => return Ok(answer),
            Step::NeedParts(parts) => parts.into_iter().for_each(|(_, part)| load(part)),
            Step::NeedLayer(layer) => panic!("layer {layer} is there"),
        }
    }
}

/// Those of a plain tar, out of a zTOC without entries.
fn spans() -> Spans {
    const ZTOC: &[u8] = include_bytes!("../corpus/ztoc/tar");
    let ztoc = Ztoc::parse(Bytes::from_static(ZTOC), &Limits::default()).expect("a zTOC");
    ztoc.into_parts().1
}
