//! Tables built by hand, and the demo image's lists.

use std::collections::BTreeMap;
use std::io::Read;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::format::tar::{Entry, EntryTable, Kind, Mtime, Xattrs};
use crate::limits::Limits;
use crate::pack::tests::Packed;
use crate::rootfs::{Follow, LayerIndex, LookUp, Node, PathIndex, Place, Rootfs, Step};

pub fn entry<'a>(kind: Kind, name: &'a [u8], link_name: &'a [u8]) -> Entry<'a> {
    Entry {
        name,
        kind,
        size: 0,
        mode: if kind == Kind::Directory { 0o755 } else { 0o644 },
        uid: 0,
        gid: 0,
        uname: b"",
        gname: b"",
        mtime: None,
        link_name,
        dev_major: 0,
        dev_minor: 0,
        header_offset: 0,
        offset: 0,
        xattrs: Xattrs::default(),
    }
}

/// Shorthand: `dir/`, `link -> target`, `hard => target`, else a regular file.
pub fn table<S: AsRef<str>>(lines: &[S]) -> EntryTable {
    let mut table = EntryTable::new();
    for line in lines {
        let line = line.as_ref();
        let e = if let Some((name, target)) = line.split_once(" -> ") {
            entry(Kind::Symlink, name.as_bytes(), target.as_bytes())
        } else if let Some((name, target)) = line.split_once(" => ") {
            entry(Kind::HardLink, name.as_bytes(), target.as_bytes())
        } else if line.ends_with('/') {
            entry(Kind::Directory, line.as_bytes(), b"")
        } else {
            entry(Kind::Regular, line.as_bytes(), b"")
        };
        table.push(&e, &Limits::default()).unwrap();
    }
    table
}

pub fn index<S: AsRef<str>>(lines: &[S]) -> PathIndex {
    PathIndex::new(table(lines), &Limits::default()).unwrap()
}

/// A root file system of these layers, lowest first, that loads what is asked for and notes it.
pub struct Loading {
    pub fs: Rootfs,
    layers: Vec<Rc<PathIndex>>,
    pub asked: Vec<usize>,
    /// The layers in parts, read out of packs.
    packs: Vec<Packed>,
    pub asked_parts: Vec<(usize, usize)>,
}

impl Loading {
    pub fn new(layers: Vec<Rc<PathIndex>>) -> Self {
        let fs = Rootfs::new(layers.len(), &Limits::default());
        Loading { fs, layers, asked: Vec::new(), packs: Vec::new(), asked_parts: Vec::new() }
    }

    /// The same out of packs, with so many entries a part.
    pub fn packed(layers: Vec<Rc<PathIndex>>, len: usize) -> Self {
        let packs = layers.iter().map(|layer| Packed::new(layer, len)).collect();
        Loading { packs, ..Loading::new(layers) }
    }

    /// What a layer is, as look-ups get it.
    pub fn layer_index(&self, layer: usize) -> LayerIndex {
        match self.packs.get(layer) {
            Some(pack) => pack.parts.clone().into(),
            None => self.layers[layer].clone().into(),
        }
    }

    pub fn of(layers: &[&[&str]]) -> Self {
        Loading::new(layers.iter().map(|l| Rc::new(index(l))).collect())
    }

    pub fn run<T>(
        &mut self,
        mut ask: impl FnMut(&Rootfs) -> crate::error::Result<Step<T>>,
    ) -> crate::error::Result<T> {
        loop {
            match ask(&self.fs)? {
                Step::Done(t) => return Ok(t),
                Step::NeedLayer(l) => {
                    assert!(self.fs.layer(l).is_none(), "layer {l} asked for twice");
                    self.asked.push(l);
                    self.fs.set_layer(l, self.layer_index(l));
                }
                Step::NeedParts(parts) => {
                    assert!(!parts.is_empty());
                    for (l, part) in parts {
                        assert!(!self.packs[l].parts.has(part), "part {part} of layer {l} asked for twice");
                        self.packs[l].load(part);
                        self.asked_parts.push((l, part));
                    }
                }
            }
        }
    }

    /// Goes on where it was, and begins anew with all that was loaded: both give the same.
    pub fn lookup(&mut self, path: &str, follow: Follow) -> crate::error::Result<Node> {
        let mut look_up = LookUp::new(path.as_bytes(), follow);
        let found = self.run(|fs| fs.look_up(&mut look_up));
        let again = self.run(|fs| fs.lookup(path.as_bytes(), follow));
        let text = |r: &crate::error::Result<Node>| format!("{r:?}");
        assert_eq!(text(&found), text(&again));
        found
    }

    pub fn names(&mut self, dir: &str) -> Vec<String> {
        let list = self.run(|fs| fs.read_dir(dir.as_bytes())).unwrap();
        list.iter().map(|e| String::from_utf8_lossy(&e.name).into_owned()).collect()
    }

    /// Every path, parents first: by `read_dir`, by going down from listing to listing, and so with levels that are made
    /// anew on the way. All give the same.
    pub fn walk(&mut self) -> Vec<Node> {
        let listed = self.read_all();
        for renew in [false, true] {
            let (mut place, mut out) = (Place::default(), Vec::new());
            let mut stack = vec![self.run(|fs| fs.list(&mut place)).unwrap().into_iter()];
            while let Some(top) = stack.last_mut() {
                let Some(child) = top.next() else {
                    stack.pop();
                    place.leave();
                    continue;
                };
                if child.entry.node.kind == Kind::Directory {
                    place.descend(&child.entry.name, child.ranks);
                    assert_eq!(place.path(), child.entry.node.path);
                    if renew {
                        place = Place::at(place.path());
                    }
                    stack.push(self.run(|fs| fs.list(&mut place)).unwrap().into_iter());
                }
                out.push(child.entry.node);
            }
            let by_path = |mut nodes: Vec<Node>| {
                nodes.sort_by(|a, b| a.path.cmp(&b.path));
                nodes
            };
            assert_eq!(by_path(out), by_path(listed.clone()));
        }
        listed
    }

    fn read_all(&mut self) -> Vec<Node> {
        let mut out = Vec::new();
        let mut todo = vec![Vec::new()];
        while let Some(dir) = todo.pop() {
            for child in self.run(|fs| fs.read_dir(&dir)).unwrap() {
                if child.node.kind == Kind::Directory {
                    todo.push(child.node.path.clone());
                }
                out.push(child.node);
            }
        }
        out
    }
}

fn jsonl(zst: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    ruzstd::decoding::StreamingDecoder::new(zst).unwrap().read_to_string(&mut text).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

pub fn bytes(line: &Value, key: &str) -> Vec<u8> {
    match line[format!("{key}_b64").as_str()].as_str() {
        Some(b64) => STANDARD.decode(b64).unwrap(),
        None => line[key].as_str().unwrap_or_default().into(),
    }
}

pub fn xattrs(line: &Value) -> BTreeMap<Vec<u8>, Vec<u8>> {
    line["xattrs"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone().into_bytes(), STANDARD.decode(v.as_str().unwrap()).unwrap()))
        .collect()
}

pub fn merged() -> Vec<Value> {
    jsonl(include_bytes!("../../../tests/fixtures/demo.merged.jsonl.zst"))
}

pub fn layer_lines() -> Vec<Value> {
    jsonl(include_bytes!("../../../tests/fixtures/demo.layers.jsonl.zst"))
}

pub fn kind(line: &Value) -> Kind {
    match line["type"].as_str().unwrap() {
        "reg" => Kind::Regular,
        "hardlink" => Kind::HardLink,
        "symlink" => Kind::Symlink,
        "dir" => Kind::Directory,
        "char" => Kind::CharDevice,
        "block" => Kind::BlockDevice,
        "fifo" => Kind::Fifo,
        other => panic!("{other}"),
    }
}

/// The demo image's layers, straight from the lists (that is, from the tars).
pub fn demo() -> Vec<Rc<PathIndex>> {
    let mut tables: Vec<EntryTable> = Vec::new();
    for line in layer_lines() {
        let number = |key: &str| line[key].as_u64().unwrap_or(0);
        let (name, link_name) = (bytes(&line, "name"), bytes(&line, "linkname"));
        let (uname, gname) = (bytes(&line, "uname"), bytes(&line, "gname"));
        let ns = line["mtime_ns"]
            .as_i64()
            .map(i128::from)
            .or(line["mtime_ns"].as_number().and_then(|n| n.as_i128()));
        let ns = ns.unwrap();
        let mut encoded = Vec::new();
        for (k, v) in xattrs(&line) {
            Xattrs::encode(&mut encoded, &k, &v);
        }
        let e = Entry {
            size: number("size"),
            mode: number("mode") as u32,
            uid: number("uid"),
            gid: number("gid"),
            uname: &uname,
            gname: &gname,
            mtime: Some(Mtime {
                secs: ns.div_euclid(1_000_000_000) as i64,
                nanos: ns.rem_euclid(1_000_000_000) as u32,
            }),
            dev_major: number("devmajor"),
            dev_minor: number("devminor"),
            header_offset: number("header_offset"),
            offset: number("offset"),
            xattrs: Xattrs(&encoded),
            ..entry(kind(&line), &name, &link_name)
        };
        let layer = number("layer_index") as usize;
        if tables.len() <= layer {
            tables.resize_with(layer + 1, EntryTable::new);
        }
        tables[layer].push(&e, &Limits::default()).unwrap();
    }
    tables.into_iter().map(|t| Rc::new(PathIndex::new(t, &Limits::default()).unwrap())).collect()
}
