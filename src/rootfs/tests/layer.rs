//! Meaning of one layer's tar order: type changes, hard links, links on the way.

use super::fixture::{Loading, index};
use crate::error::Code;
use crate::format::tar::Kind;
use crate::limits::Limits;
use crate::rootfs::{Follow, PathIndex};

/// Shown paths, each with the entry that it leads to.
#[track_caller]
fn shows(lines: &[&str], want: &[(&str, usize)]) {
    let index = index(lines);
    let mut fs = Loading::new(vec![index.into()]);
    let mut got: Vec<(String, usize)> =
        fs.walk().into_iter().filter_map(|n| Some((String::from_utf8(n.path).unwrap(), n.at?.1))).collect();
    got.sort_unstable();
    let want: Vec<(String, usize)> = want.iter().map(|(p, e)| ((*p).to_owned(), *e)).collect();
    assert_eq!(got, want);
}

#[test]
fn the_last_of_equal_names_wins() {
    shows(&["a", "./a", "b/", "/a/"], &[("a", 3), ("b", 2)]);
    shows(&["d/", "d/x", "d/", "d/x"], &[("d", 2), ("d/x", 3)]);
}

#[test]
fn tar_order_decides_type_changes() {
    shows(&["d/", "d/x", "d"], &[("d", 2)]);
    shows(&["d/x", "d -> e", "e/y"], &[("d", 1), ("e/y", 2)]);
    shows(&["d", "d/x"], &[("d", 0)]);
    shows(&["d/", "d/x", "d", "d/", "d/y"], &[("d", 3), ("d/y", 4)]);
    shows(&["d", "d/x", "d/", "d/y"], &[("d", 2), ("d/y", 3)]);
    // A root that is no directory is no root.
    shows(&[". -> x", "a"], &[("a", 1)]);
}

#[test]
fn entries_below_a_link_go_where_it_leads() {
    shows(
        &["lib -> usr/lib", "usr/", "usr/lib/", "lib/x", "lib/sub/y", "usr/lib/z"],
        &[("lib", 0), ("usr", 1), ("usr/lib", 2), ("usr/lib/sub/y", 4), ("usr/lib/x", 3), ("usr/lib/z", 5)],
    );
    // What the link leads to need not be there yet; an absolute one stays inside.
    shows(&["l -> /../t", "l/x", "t/y"], &[("l", 0), ("t/x", 1), ("t/y", 2)]);
    // A later one of the same place wins, by whichever name.
    shows(&["l -> t", "l/x", "t/x"], &[("l", 0), ("t/x", 2)]);
    shows(&["l -> t", "t/x", "l/x"], &[("l", 0), ("t/x", 2)]);
    // Before the link was there, the name was a directory; the link takes its place.
    shows(&["l/x", "l -> t", "l/y"], &[("l", 1), ("t/y", 2)]);
    // A hard link to a link is that link.
    shows(&["s -> t", "h => s", "h/x"], &[("h", 0), ("s", 0), ("t/x", 2)]);
    shows(&["a -> b", "b -> a", "a/x"], &[("a", 0), ("b", 1)]);
    shows(&["e -> ", "e/x"], &[("e", 0)]);
}

#[test]
fn placing_entries_is_bounded() {
    let limits = Limits { max_link_steps: 2, ..Limits::default() };
    let lines = ["l -> a/b/c", "l/1", "l/2"];
    let e = PathIndex::new(super::fixture::table(&lines), &limits).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_link_steps")));
    let limits = Limits { max_path_len: 7, ..Limits::default() };
    let lines = ["l -> a/b/c", "l/12"];
    let e = PathIndex::new(super::fixture::table(&lines), &limits).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_path_len"));
    let limits = Limits { max_entries: 4, ..Limits::default() };
    let lines = ["l -> a/b/c/d/e", "l/1"];
    let e = PathIndex::new(super::fixture::table(&lines), &limits).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_entries"));
}

#[track_caller]
fn leads(lines: &[&str], link: usize, want: Result<(usize, u32), &str>) {
    let index = index(lines);
    let got = index.resolve_hardlink(link).map(|t| (t, index.nlink(link)));
    match (got, want) {
        (Err(e), Err(part)) => {
            assert_eq!(e.code(), Code::CorruptLayer);
            assert!(e.message().contains(part), "{e}");
            assert_eq!(e.path(), Some(index.path(link)));
        }
        (got, want) => assert_eq!(got.map_err(|e| e.to_string()), want.map_err(str::to_owned)),
    }
}

#[test]
fn hard_links_lead_to_what_was_there() {
    leads(&["a", "b => a"], 1, Ok((0, 2)));
    leads(&["./d//a", "b => /d/a", "c => ./b"], 2, Ok((0, 3)));
    // The target's name appears again: the link keeps the first, which has no other name now.
    leads(&["a", "b => a", "a"], 1, Ok((0, 1)));
    leads(&["a", "a", "b => a", "a"], 2, Ok((1, 1)));
    leads(&["d/a", "b => d/a", "d"], 1, Ok((0, 1)));
    // A link in its target's place.
    leads(&["a", "a => a"], 1, Ok((0, 1)));
    leads(&["s -> x", "h => s"], 1, Ok((0, 2)));
    // Odd: the target comes later.
    leads(&["b => a", "a"], 0, Ok((1, 2)));
    leads(&["c => b", "b => a", "a", "a"], 0, Ok((3, 3)));
    // Over a link, as unpacking would go.
    leads(&["l -> d", "d/a", "b => l/a"], 2, Ok((1, 2)));
    // aufs kept the content of hard links apart.
    leads(
        &[".wh..wh.plnk/", ".wh..wh.plnk/7.8", "x => .wh..wh.plnk/7.8", "y => .wh..wh.plnk/7.8"],
        3,
        Ok((1, 2)),
    );
    assert_eq!(index(&["d/", "f"]).nlink(0), 1);
}

#[test]
fn broken_hard_links_say_why() {
    leads(&["b => a"], 0, Err("\"a\", which its layer does not hold"));
    leads(&["a/", "b => a"], 1, Err("which is a directory"));
    leads(&["b => ."], 0, Err("which its layer does not hold"));
    leads(&["a => b", "b => c", "c => a"], 0, Err("leads back to itself"));
    leads(&["a => a"], 0, Err("does not hold"));
    leads(&["b => a\n\x1b"], 0, Err("\"a\\n\\x1b\""));
}

#[test]
fn only_the_broken_file_fails() {
    let mut fs = Loading::of(&[&["low"], &["h => low", "ok"]]);
    assert_eq!(fs.names(""), ["h", "low", "ok"]);
    assert_eq!(fs.asked, [1, 0]);
    let e = fs.lookup("/h", Follow::ExceptLast).unwrap_err();
    assert_eq!((e.code(), e.path()), (Code::CorruptLayer, Some(&b"h"[..])));
    assert_eq!(fs.lookup("/h/x", Follow::All).unwrap_err().code(), Code::CorruptLayer);
    assert_eq!(fs.lookup("/ok", Follow::All).unwrap().at, Some((1, 1)));
    let listed = fs.walk().into_iter().find(|n| n.path == b"h").unwrap();
    assert_eq!((listed.kind, listed.at, listed.link), (Kind::HardLink, Some((1, 0)), Some(0)));
}

#[test]
fn a_long_chain_of_links_is_followed() {
    let mut lines: Vec<String> = (0..20_000).map(|i| format!("{i} => {}", i + 1)).collect();
    lines.push("20000".to_owned());
    let index = index(&lines);
    assert_eq!(index.resolve_hardlink(0).unwrap(), 20_000);
    assert_eq!(index.nlink(7), 20_001);
}

#[test]
fn whiteouts_hide_below_only() {
    let mut fs = Loading::of(&[
        &["a", "b/x", "b/y", "c", "d/x", "e/x"],
        // An entry of the same name stays; a mark after, before or without its directory; not aufs' own files.
        &[
            "a",
            ".wh.a",
            "b/.wh.x",
            ".wh.c -> odd",
            "d/z",
            "d/.wh..wh..opq",
            ".wh..wh.aufs",
            ".wh..wh.plnk/1",
            ".wh.e/",
            "e/y",
        ],
    ]);
    assert_eq!(fs.names(""), ["a", "b", "d", "e"]);
    assert_eq!(fs.names("b"), ["y"]);
    assert_eq!(fs.names("d"), ["z"]);
    assert_eq!(fs.names("e"), ["y"]);
    assert_eq!(fs.lookup("/a", Follow::All).unwrap().at, Some((1, 0)));
    assert_eq!(fs.lookup("/.wh..wh.plnk/1", Follow::All).unwrap_err().code(), Code::Enoent);
}

#[test]
fn a_folder_that_only_whiteouts_imply_does_not_survive_its_own() {
    let low: &[&str] = &["d/", "d/x", "d/e/y", "p/d/x", "q/x"];
    // In either order, also where the whiteouts lie deeper, and be they opaque marks.
    for layer in [
        &[".wh.d", "d/.wh.x"][..],
        &["d/.wh.x", ".wh.d"],
        &[".wh.d", "d/e/.wh.y", "d/.wh..wh..opq"],
        &[".wh.d", "d/.wh.e", "d/e/.wh.y"],
    ] {
        let mut fs = Loading::of(&[low, layer]);
        assert_eq!(fs.names(""), ["p", "q"], "{layer:?}");
        assert_eq!(fs.lookup("/d", Follow::All).unwrap_err().code(), Code::Enoent);
        assert_eq!(fs.lookup("/d/x", Follow::All).unwrap_err().code(), Code::Enoent);
        // The layer by itself shows what says something.
        let index = index(layer);
        let shown: Vec<_> =
            index.read_dir(0, b"").unwrap().into_iter().map(|e| String::from_utf8(e.name).unwrap()).collect();
        assert_eq!(shown, [".wh.d"]);
        assert_eq!(index.table().len(), layer.len());
    }
    // What has an entry, itself or below it, stays; so does what only a whiteout elsewhere would hide.
    assert_eq!(Loading::of(&[low, &[".wh.d", "d/", "d/.wh.x"]]).names(""), ["d", "p", "q"]);
    assert_eq!(Loading::of(&[low, &[".wh.d", "d/.wh.x", "d/e/z"]]).names("d"), ["e"]);
    assert_eq!(Loading::of(&[low, &["d/.wh.x", "q/.wh.x"]]).names("q"), [""; 0]);
    assert_eq!(Loading::of(&[low, &[".wh.p", "p/n", "p/d/.wh.x"]]).names("p"), ["d", "n"]);
    assert_eq!(Loading::of(&[low, &[".wh.d -> t", "d/.wh.x"]]).names(""), ["p", "q"]);
    // One layer may take it away and a higher one bring it back.
    assert_eq!(Loading::of(&[low, &[".wh.d", "d/.wh.x"], &["d/new"]]).names("d"), ["new"]);
}

#[test]
fn a_directory_over_a_file_and_back() {
    let mut fs = Loading::of(&[&["x/", "x/low", "y"], &["x", "y/", "y/mid"], &["x/top", "y/top"]]);
    assert_eq!(fs.names("x"), ["top"]);
    assert_eq!(fs.names("y"), ["mid", "top"]);
    // Implied on top of a file: none of the lower attributes.
    assert_eq!(fs.lookup("x", Follow::All).unwrap().at, None);
    assert_eq!(fs.lookup("y", Follow::All).unwrap().at, Some((1, 1)));
}
