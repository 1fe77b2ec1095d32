//! Layers laid over each other, and paths looked up in them.
//!
//! Input: lines. The first is a path to look up; `--` begins the next layer; every other line is an entry:
//! `dir/`, `link -> target`, `hard link => target`, else a regular file.

use std::collections::BTreeSet;
use std::rc::Rc;

use ocipeek::error::{Code, Result};
use ocipeek::format::tar::{EntryTable, Kind};
use ocipeek::limits::Limits;
use ocipeek::rootfs::{Follow, Node, PathIndex, Rootfs, Step};

use crate::entry_line::push;

const MAX_LAYERS: usize = 8;
/// Directories that are listed.
const MAX_LISTED: usize = 200;

/// One input.
pub fn run(data: &[u8]) {
    let mut limits = Limits::default();
    limits.max_link_steps = 10_000;
    limits.max_entries = 10_000;
    let mut lines = data.split(|&b| b == b'\n');
    let path = lines.next().unwrap_or_default();
    let mut tables = vec![EntryTable::new()];
    for line in lines {
        if line == b"--" && tables.len() < MAX_LAYERS {
            tables.push(EntryTable::new());
        } else if let Some(table) = tables.last_mut()
            && push(table, line, &limits).is_err()
        {
            return;
        }
    }
    let mut layers = Vec::new();
    for table in tables {
        match PathIndex::new(table, &limits) {
            Ok(index) => layers.push(Rc::new(index)),
            Err(e) => {
                assert_eq!(e.code(), Code::LimitExceeded);
                return;
            }
        }
    }
    for index in &layers {
        for i in 0..index.table().len() {
            if let Ok(target) = index.resolve_hardlink(i) {
                assert!(index.table().get(target).is_some_and(|e| e.kind != Kind::HardLink));
                assert!(index.nlink(i) >= 1);
            }
        }
    }
    for follow in [Follow::All, Follow::ExceptLast] {
        let mut image = Image::new(&layers, &limits);
        if let Ok(node) = image.ask(|fs| fs.lookup(path, follow)) {
            // A real path is found again, whatever is loaded and however links are treated.
            let real = node.path.clone();
            assert_eq!(image.ask(|fs| fs.lookup(&real, Follow::ExceptLast)).expect("a real path"), node);
            assert_eq!(
                Image::new(&layers, &limits)
                    .ask(|fs| fs.lookup(&real, Follow::ExceptLast))
                    .expect("a real path"),
                node
            );
        }
    }
    Image::new(&layers, &limits).walk();
    for (i, index) in layers.iter().enumerate() {
        let fs = Rootfs::of_layer(i, index.clone(), &limits);
        Image { fs, layers: &layers, next: 0 }.walk();
    }
}

struct Image<'a> {
    fs: Rootfs,
    layers: &'a [Rc<PathIndex>],
    /// Layers from here on are loaded.
    next: usize,
}

impl<'a> Image<'a> {
    fn new(layers: &'a [Rc<PathIndex>], limits: &Limits) -> Self {
        Image { fs: Rootfs::new(layers.len(), limits), layers, next: layers.len() }
    }

    fn ask<T>(&mut self, ask: impl Fn(&Rootfs) -> Result<Step<T>>) -> Result<T> {
        loop {
            match ask(&self.fs)? {
                Step::Done(answer) => return Ok(answer),
                Step::NeedLayer(layer) => {
                    assert_eq!(layer + 1, self.next, "layers are asked for from the top, each once");
                    self.next = layer;
                    self.fs.set_layer(layer, self.layers[layer].clone());
                }
                Step::NeedParts(parts) => panic!("parts {parts:?} of layers that are whole"),
            }
        }
    }

    fn walk(mut self) {
        let mut todo = vec![Vec::new()];
        let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
        for _ in 0..MAX_LISTED {
            let Some(dir) = todo.pop() else { break };
            let list = self.ask(|fs| fs.read_dir(&dir)).expect("a directory");
            assert!(list.is_sorted_by(|a, b| a.name < b.name));
            for child in list {
                assert!(!child.name.contains(&b'/') && !matches!(&child.name[..], b"" | b"." | b".."));
                self.check(&child.node);
                assert!(seen.insert(child.node.path.clone()));
                if child.node.kind == Kind::Directory {
                    todo.push(child.node.path);
                }
            }
        }
    }

    /// A listed node is what looking it up gives.
    fn check(&mut self, node: &Node) {
        match self.ask(|fs| fs.lookup(&node.path, Follow::ExceptLast)) {
            Ok(found) => assert_eq!(&found, node),
            Err(e) => assert_eq!((e.code(), node.kind), (Code::CorruptLayer, Kind::HardLink)),
        }
    }
}
