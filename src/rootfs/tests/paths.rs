//! Look-up against Linux' answers, and hostile names.

use serde_json::Value;

use super::fixture::{Loading, entry, index};
use crate::error::Code;
use crate::format::tar::{EntryTable, Kind};
use crate::limits::Limits;
use crate::rootfs::{Follow, PathIndex, Rootfs, Step};
use crate::turns::at_once;
use crate::turns::tests::EachStep;

#[test]
fn resolves_as_linux_does() {
    let mut lines = include_str!("../../../tests/fixtures/paths/kernel.jsonl").lines();
    let tree: Vec<String> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let tree: Vec<&str> = tree.iter().map(String::as_str).collect();
    let (links, rest): (Vec<&str>, Vec<&str>) = tree.iter().copied().partition(|l| l.contains(" -> "));
    // Whole in one layer, and spread over two.
    for layers in [vec![&tree[..]], vec![&rest[..], &links[..]], vec![&links[..], &rest[..]]] {
        let mut fs = Loading::of(&layers);
        for line in lines.clone() {
            let line: Value = serde_json::from_str(line).unwrap();
            let path = line[0].as_str().unwrap();
            for (follow, want) in [(Follow::All, &line[1]), (Follow::ExceptLast, &line[2])] {
                let got = match fs.lookup(path, follow) {
                    Ok(node) => format!("/{}", String::from_utf8(node.path).unwrap()),
                    Err(e) => {
                        assert_eq!(e.path(), Some(path.as_bytes()));
                        e.code().as_str().to_owned()
                    }
                };
                assert_eq!(got, want.as_str().unwrap(), "{follow:?} {path}");
            }
        }
    }
    assert_eq!(lines.count(), 1400);
}

#[test]
fn the_hop_limit_can_be_set() {
    let limits = Limits { max_link_hops: 2, ..Limits::default() };
    let mut fs = Rootfs::new(1, &limits);
    fs.set_layer(0, index(&["a", "l1 -> a", "l2 -> l1", "l3 -> l2"]));
    assert!(matches!(fs.lookup(b"l2", Follow::All), Ok(Step::Done(_))));
    assert_eq!(fs.lookup(b"l3", Follow::All).unwrap_err().code(), Code::Eloop);
    let limits = Limits { max_path_len: 4, ..Limits::default() };
    let fs = Rootfs::new(0, &limits);
    assert_eq!(fs.lookup(b"12345", Follow::All).unwrap_err().limit_name(), Some("max_path_len"));
    assert_eq!(fs.lookup(b"1234", Follow::All).unwrap_err().code(), Code::Enoent);
    assert!(
        matches!(fs.lookup(b"", Follow::All), Ok(Step::Done(n)) if n.at.is_none() && n.kind == Kind::Directory)
    );
}

#[test]
fn the_cost_of_a_lookup_is_bounded() {
    let limits = Limits { max_lookup_steps: 1000, ..Limits::default() };
    let mut fs = Rootfs::new(10, &limits);
    for layer in 1..10 {
        fs.set_layer(layer, index(&["x"]));
    }
    let back = "a/../".repeat(50);
    fs.set_layer(0, index(&["a/b", "f", &format!("l -> {back}f"), &format!("ll -> {back}{back}f")]));
    assert!(matches!(fs.lookup(b"l", Follow::All), Ok(Step::Done(_))));
    assert_eq!(fs.lookup(b"ll", Follow::All).unwrap_err().limit_name(), Some("max_lookup_steps"));
}

#[test]
fn any_byte_but_a_slash_is_part_of_a_name() {
    let long = vec![b'n'; 4096];
    let names: [&[u8]; 9] =
        [b"nul\0in", b"new\nline", b"\xff", b"\xc3\x28", b"...", b"..x", b" ", b"\x1b[31m", &long];
    let mut table = EntryTable::new();
    for name in names {
        table.push(&entry(Kind::Regular, &[b"d/", name].concat(), b""), &Limits::default()).unwrap();
        table
            .push(
                &entry(Kind::Symlink, &[b"l/", name].concat(), &[b"../d/", name].concat()),
                &Limits::default(),
            )
            .unwrap();
    }
    let mut fs = Loading::new(vec![PathIndex::new(table, &Limits::default()).unwrap().into()]);
    let listed = fs.run(|fs| fs.read_dir(b"d")).unwrap();
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    assert_eq!(listed.iter().map(|e| e.name.as_slice()).collect::<Vec<_>>(), sorted);
    for name in names {
        let node = fs.run(|fs| fs.lookup(&[b"/l/", name].concat(), Follow::All)).unwrap();
        assert_eq!(node.path, [b"d/", name].concat());
    }
}

#[test]
fn names_cannot_climb_out() {
    let mut fs = Loading::of(&[&[
        "../../etc/passwd",
        "/../x",
        "a/../../../y",
        "..",
        "../",
        "up -> ../../..",
        "abs -> /../../x",
    ]]);
    assert_eq!(fs.names(""), ["abs", "etc", "up", "x", "y"]);
    assert_eq!(fs.lookup("up/up/../x", Follow::All).unwrap().path, b"x");
    assert_eq!(fs.lookup("abs", Follow::All).unwrap().path, b"x");
}

#[test]
fn depth_is_no_matter() {
    let deep = vec!["d"; 2000].join("/");
    let up = vec![".."; 2000].join("/");
    let link = format!("{deep}/back -> {up}/{deep}/file");
    let mut fs = Loading::of(&[&[&format!("{deep}/file"), &link], &[&format!("{deep}/top")]]);
    assert_eq!(
        fs.lookup(&format!("{deep}/back"), Follow::All).unwrap().path,
        format!("{deep}/file").as_bytes()
    );
    assert_eq!(fs.names(&deep), ["back", "file", "top"]);
    assert_eq!(fs.lookup(&format!("{deep}/{up}"), Follow::All).unwrap().path, b"");
    assert_eq!(fs.walk().len(), 2003);
}

#[test]
fn read_dir_follows_nothing() {
    let mut fs = Loading::of(&[&["d/x", "l -> d", "f"]]);
    let mut code = |dir: &str| fs.run(|fs| fs.read_dir(dir.as_bytes())).unwrap_err().code();
    assert_eq!(code("l"), Code::Enotdir);
    assert_eq!(code("f"), Code::Enotdir);
    assert_eq!(code("d/x/y"), Code::Enotdir);
    assert_eq!(code("nope"), Code::Enoent);
}

#[test]
fn listing_skips_what_is_below() {
    // Names that sort around the slash, each with something below.
    let lines = ["a/x/y", "a/x/z", "a!/q", "a.b/q", "a0/q", "a", "b/1", "b-/2"];
    let mut fs = Loading::of(&[&lines[..5], &lines[6..]]);
    assert_eq!(fs.names(""), ["a", "a!", "a.b", "a0", "b", "b-"]);
    assert_eq!(fs.names("a"), ["x"]);
    assert_eq!(fs.names("a/x"), ["y", "z"]);
}

#[test]
fn merges_as_overlayfs_does() {
    let text = include_str!("../../../tests/fixtures/paths/overlay.jsonl");
    assert_eq!(text.lines().count(), 400);
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let layers: Vec<Vec<String>> = serde_json::from_value(case["layers"].clone()).unwrap();
        let mut fs = Loading::new(layers.iter().map(|l| index(l).into()).collect());
        let mut tree = serde_json::Map::new();
        for node in fs.walk() {
            let what = match node.at.filter(|_| node.kind != Kind::Directory) {
                Some((layer, entry)) => format!("{layer}:{entry}"),
                None => "dir".to_owned(),
            };
            tree.insert(String::from_utf8(node.path).unwrap(), what.into());
        }
        assert_eq!(Value::Object(tree), case["tree"], "{}", case["layers"]);
    }
}

#[test]
fn many_entries_are_ordered_in_turns() {
    let limits = Limits::default();
    let names: Vec<String> = (0..4000).map(|i| format!("lib/{}/file-{i}", i * 7919 % 61)).collect();
    let table = || {
        let mut table = EntryTable::new();
        for name in &names {
            table.push(&entry(Kind::Regular, name.as_bytes(), b""), &limits).unwrap();
        }
        table
    };
    let mut turns = EachStep::default();
    let index = at_once(PathIndex::in_turns(table(), &limits, &mut turns)).unwrap();
    assert!(turns.0 >= names.len() / 256, "{} pauses", turns.0);
    assert_eq!(index.order(), PathIndex::new(table(), &limits).unwrap().order());
}
