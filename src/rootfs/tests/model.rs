//! A naive model: unpack each layer into a map, entry after entry, then lay the maps over each other.

use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::fixture::{Loading, table};
use crate::format::tar::{EntryTable, Kind};
use crate::limits::Limits;
use crate::rootfs::{Follow, Node, PathIndex, Rootfs, clean};

type Path = Vec<String>;

/// What a map has at a path: the entry and the entry that it leads to (`Err` where a hard link is broken).
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    entry: Option<usize>,
    inode: Option<usize>,
    kind: Kind,
    /// Where walking on from here leads: a symbolic link, by whichever of its hard links.
    target: Option<String>,
}

type Tree = BTreeMap<Path, File>;

fn components(path: &str) -> Path {
    path.split('/').filter(|c| !c.is_empty()).map(str::to_owned).collect()
}

fn cleaned(name: &[u8]) -> Path {
    let name = String::from_utf8(name.to_vec()).unwrap();
    let mut out = Path::new();
    for c in components(&name) {
        match c.as_str() {
            "." => {}
            ".." => drop(out.pop()),
            _ => out.push(c),
        }
    }
    out
}

fn remove(tree: &mut Tree, path: &[String]) {
    tree.retain(|p, _| !p.starts_with(path));
}

fn implied() -> File {
    File { entry: None, inode: None, kind: Kind::Directory, target: None }
}

/// The directory that `path` leads to; missing ones are made.
fn open_dir(tree: &mut Tree, path: &[String], make: bool) -> Option<Path> {
    let mut at = Path::new();
    let mut todo: Vec<String> = path.iter().rev().cloned().collect();
    let mut hops = 0;
    while let Some(c) = todo.pop() {
        match c.as_str() {
            "." => continue,
            ".." => {
                at.pop();
                continue;
            }
            _ => {}
        }
        let mut next = at.clone();
        next.push(c);
        match tree.get(&next) {
            None if make => {
                tree.insert(next.clone(), implied());
                at = next;
            }
            None => return None,
            Some(f) if f.kind == Kind::Directory => at = next,
            Some(f) => {
                let target = f.target.as_ref()?;
                hops += 1;
                if hops > 40 || target.is_empty() {
                    return None;
                }
                if target.starts_with('/') {
                    at.clear();
                }
                todo.extend(components(target).into_iter().rev());
            }
        }
    }
    Some(at)
}

fn unpack(table: &EntryTable) -> Tree {
    let names: Vec<Path> = table.iter().map(|e| cleaned(e.name)).collect();
    let kinds: Vec<Kind> = table.iter().map(|e| e.kind).collect();
    let mut tree = Tree::from([(Path::new(), implied())]);
    // Where each hard link leads next; chains are followed at the end, when the later entries are known.
    let mut next: Vec<Option<usize>> = vec![None; names.len()];
    for (i, e) in table.iter().enumerate() {
        let path = &names[i];
        let mut file = File {
            entry: Some(i),
            inode: Some(i),
            kind: e.kind,
            target: (e.kind == Kind::Symlink).then(|| String::from_utf8(e.link_name.to_vec()).unwrap()),
        };
        let Some((name, dir)) = path.split_last() else {
            if e.kind == Kind::Directory {
                tree.insert(Path::new(), file);
            }
            continue;
        };
        if e.kind == Kind::HardLink {
            let link = cleaned(e.link_name);
            let there = link.split_last().and_then(|(name, dir)| {
                let mut at = open_dir(&mut tree, dir, false)?;
                at.push(name.clone());
                let there = tree.get(&at)?;
                file.target = there.target.clone();
                there.entry
            });
            let before = || (0..i).rev().find(|&j| names[j] == link);
            let after = || (i + 1..names.len()).rev().find(|&j| names[j] == link);
            next[i] = there.or_else(before).or_else(after);
        }
        let Some(mut at) = open_dir(&mut tree, dir, true) else { continue };
        at.push(name.clone());
        if tree.get(&at).is_some_and(|f| f.kind != Kind::Directory || e.kind != Kind::Directory) {
            remove(&mut tree, &at);
        }
        tree.insert(at, file);
    }
    // What only a link's way made, and nothing came to lie in. Deepest first.
    for path in tree.keys().rev().cloned().collect::<Vec<_>>() {
        let empty = |tree: &Tree| !tree.keys().any(|p| p.len() > path.len() && p.starts_with(&path));
        if !path.is_empty() && tree[&path].entry.is_none() && empty(&tree) {
            tree.remove(&path);
        }
    }
    // What hides a directory of which this layer has nothing but whiteouts says all that these say.
    let hides = |(path, file): (&Path, &File)| {
        let (name, dir) = path.split_last()?;
        let hidden = name.strip_prefix(".wh.").filter(|n| !n.starts_with(".wh."))?;
        let hidden = [dir, &[hidden.to_owned()]].concat();
        (file.entry.is_some() && !dir.iter().any(|c| c.starts_with(".wh."))).then_some(hidden)
    };
    for gone in tree.iter().filter_map(hides).collect::<Vec<_>>() {
        let mut below = tree.iter().filter(|(p, _)| p.starts_with(&gone));
        if below.all(|(p, f)| f.entry.is_none() || p.iter().any(|c| c.starts_with(".wh."))) {
            remove(&mut tree, &gone);
        }
    }
    for file in tree.values_mut() {
        let mut at = file.entry;
        for _ in 0..=names.len() {
            match at {
                Some(i) if kinds[i] == Kind::HardLink => at = next[i],
                _ => break,
            }
        }
        if file.kind == Kind::HardLink {
            file.inode = at.filter(|&i| kinds[i] != Kind::HardLink && kinds[i] != Kind::Directory);
        }
    }
    tree
}

fn merge(layers: &[Tree]) -> BTreeMap<Path, (usize, File)> {
    let mut out: BTreeMap<Path, (usize, File)> = BTreeMap::new();
    for (l, layer) in layers.iter().enumerate() {
        for (path, file) in layer {
            let Some((name, dir)) = path.split_last() else { continue };
            if dir.iter().any(|c| c.starts_with(".wh.")) || file.entry.is_none() {
                continue;
            }
            if name == ".wh..wh..opq" {
                out.retain(|p, _| p.len() <= dir.len() || !p.starts_with(dir));
            } else if let Some(hidden) = name.strip_prefix(".wh.").filter(|n| !n.starts_with(".wh.")) {
                let mut gone = dir.to_vec();
                gone.push(hidden.to_owned());
                out.retain(|p, _| !p.starts_with(&gone));
            }
        }
        for (path, file) in layer {
            if path.iter().any(|c| c.starts_with(".wh.")) {
                continue;
            }
            let both = file.kind == Kind::Directory
                && out.get(path).is_some_and(|(_, old)| old.kind == Kind::Directory);
            if !both {
                out.retain(|p, _| !p.starts_with(path));
            }
            if !both || file.entry.is_some() {
                out.insert(path.clone(), (l, file.clone()));
            }
        }
    }
    out
}

/// The real path, or the error's name.
fn resolve(
    tree: &BTreeMap<Path, (usize, File)>,
    layers: &[Rc<PathIndex>],
    path: &str,
    follow: bool,
) -> Result<Path, &'static str> {
    // A slash at the end is as good as `/.` there.
    let split = |s: &str| {
        let mut all = components(s);
        if s.ends_with('/') {
            all.push(".".into());
        }
        all
    };
    let mut todo: Vec<String> = split(path).into_iter().rev().collect();
    let mut at = Path::new();
    let mut hops = 0;
    while let Some(c) = todo.pop() {
        match c.as_str() {
            "." => continue,
            ".." => {
                at.pop();
                continue;
            }
            _ => {}
        }
        let mut next = at.clone();
        next.push(c);
        let (layer, file) = tree.get(&next).ok_or("ENOENT")?;
        let Some(inode) = file.inode else {
            if file.kind == Kind::HardLink {
                return Err("CORRUPT_LAYER");
            }
            at = next;
            continue;
        };
        let e = layers[*layer].table().get(inode).unwrap();
        match e.kind {
            Kind::Directory => at = next,
            Kind::Symlink if follow || !todo.is_empty() => {
                hops += 1;
                if hops > 40 {
                    return Err("ELOOP");
                }
                let target = String::from_utf8(e.link_name.to_vec()).unwrap();
                if target.is_empty() {
                    return Err("ENOENT");
                }
                if target.starts_with('/') {
                    at.clear();
                }
                todo.extend(split(&target).into_iter().rev());
            }
            _ if !todo.is_empty() => return Err("ENOTDIR"),
            _ => at = next,
        }
    }
    Ok(at)
}

/// The same answers out of packs, of parts so small that everything spans several.
fn check_packed(layers: &[Rc<PathIndex>], nodes: &[Node], paths: &[String]) {
    for len in [1, 2, 3, 7] {
        let mut packed = Loading::packed(layers.to_vec(), len);
        let mut got = packed.walk();
        got.push(packed.lookup("", Follow::All).unwrap());
        assert_eq!(got, nodes);
        for (i, layer) in layers.iter().enumerate() {
            let walk = |view: &mut Loading| {
                view.fs = Rootfs::of_layer(i, view.layer_index(i), &Limits::default());
                view.walk()
            };
            let mut packed = Loading::packed(layers.to_vec(), len);
            let shown = walk(&mut packed);
            assert_eq!(shown, walk(&mut Loading::new(layers.to_vec())));
            crate::pack::tests::same_entries(layer, &packed.layer_index(i), &shown);
        }
        for path in paths {
            for follow in [Follow::All, Follow::ExceptLast] {
                let mut packed = Loading::packed(layers.to_vec(), len);
                let (got, want) =
                    (packed.lookup(path, follow), Loading::new(layers.to_vec()).lookup(path, follow));
                let text = |r: crate::error::Result<Node>| r.map_err(|e| e.to_string());
                assert_eq!(text(got), text(want), "{path:?}");
                // A part for each place that links lead to, at most.
                if layers.iter().all(|l| (0..l.table().len()).all(|e| l.kind(e) != Kind::Symlink))
                    && !path.contains("..")
                {
                    assert!(packed.asked_parts.len() <= packed.asked.len(), "{:?}", packed.asked_parts);
                }
            }
        }
    }
}

fn check(lines: &[Vec<String>], paths: &[String]) {
    let layers: Vec<Rc<PathIndex>> =
        lines.iter().map(|l| Rc::new(PathIndex::new(table(l), &Limits::default()).unwrap())).collect();
    let trees: Vec<Tree> = layers.iter().map(|l| unpack(l.table())).collect();
    let merged = merge(&trees);
    let path_of = |p: &[u8]| components(std::str::from_utf8(p).unwrap());

    let mut fs = Loading::new(layers.clone());
    let mut nodes = fs.walk();
    nodes.push(fs.lookup("", Follow::All).unwrap());
    let got: BTreeMap<Path, _> = nodes.iter().map(|n| (path_of(&n.path), (n.at, n.link, n.kind))).collect();
    assert_eq!(got.len(), nodes.len());
    let want: BTreeMap<Path, _> = merged
        .iter()
        .map(|(p, (l, f))| {
            let shown = f.inode.or(f.entry);
            let kind = f.inode.map_or(f.kind, |i| layers[*l].table().get(i).unwrap().kind);
            let link = f.entry.filter(|_| f.kind == Kind::HardLink);
            (p.clone(), (shown.map(|e| (*l, e)), link, kind))
        })
        .collect();
    assert_eq!(got, want);

    check_packed(&layers, &nodes, paths);
    for (layer, tree) in layers.iter().zip(&trees) {
        let mut view = Loading::new(vec![layer.clone()]);
        view.fs = Rootfs::of_layer(0, layer.clone(), &Limits::default());
        let shown: BTreeMap<Path, _> = view.walk().into_iter().map(|n| (path_of(&n.path), n.at)).collect();
        let want: BTreeMap<Path, _> = tree
            .iter()
            .filter(|(p, _)| !p.is_empty())
            .map(|(p, f)| (p.clone(), f.inode.or(f.entry).map(|e| (0, e))))
            .collect();
        assert_eq!(shown, want);
        for file in tree.values() {
            let Some(inode) = file.inode.filter(|_| file.kind != Kind::Directory) else { continue };
            let seen = |p: &Path| !p.iter().any(|c| c.starts_with(".wh."));
            let names = tree.iter().filter(|(p, f)| f.inode == Some(inode) && seen(p)).count();
            if names > 0 {
                assert_eq!(layer.nlink(inode) as usize, names, "nlink of entry {inode}");
            }
        }
    }

    for path in paths {
        for follow in [Follow::All, Follow::ExceptLast] {
            // A new one each time, so that what was loaded before cannot help.
            let mut fs = Loading::new(layers.clone());
            let got = fs.lookup(path, follow);
            let want = resolve(&merged, &layers, path, follow == Follow::All);
            match (got, want) {
                (Ok(node), Ok(path)) => {
                    assert_eq!(path_of(&node.path), path);
                    assert_eq!(got_of(&nodes, &node.path), &node);
                }
                (Err(e), Err(code)) => assert_eq!(e.code().as_str(), code, "{path}"),
                (got, want) => panic!("{path}: {got:?}, not {want:?}"),
            }
            let down: Vec<usize> = (0..layers.len()).rev().take(fs.asked.len()).collect();
            assert_eq!(fs.asked, down, "asked from the top, each once");
        }
    }
}

fn got_of<'a>(nodes: &'a [crate::rootfs::Node], path: &[u8]) -> &'a crate::rootfs::Node {
    nodes.iter().find(|n| n.path == path).unwrap()
}

fn name() -> impl Strategy<Value = String> {
    let component = prop_oneof![
        8 => "[abc]",
        1 => Just(".wh.a".to_owned()),
        1 => Just(".wh.b".to_owned()),
        1 => Just(".wh..wh..opq".to_owned()),
    ];
    let odd = prop_oneof![
        30 => Just(""),
        1 => Just("./"),
        1 => Just("/"),
        1 => Just("../"),
    ];
    prop::collection::vec((odd, component), 1..4)
        .prop_map(|parts| parts.into_iter().map(|(odd, c)| format!("{odd}{c}")).collect::<Vec<_>>().join("/"))
}

fn path() -> impl Strategy<Value = String> {
    ("/?", prop::collection::vec(prop_oneof![6 => "[abc]", 1 => "\\.\\.", 1 => "\\."], 0..4), "/?")
        .prop_map(|(start, parts, end)| format!("{start}{}{end}", parts.join("/")))
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just("./".to_owned()),
        5 => name(),
        5 => name().prop_map(|n| format!("{n}/")),
        2 => (name(), path()).prop_map(|(n, t)| format!("{n} -> {t}")),
        2 => (name(), name()).prop_map(|(n, t)| format!("{n} => {t}")),
    ]
}

proptest! {
    #[test]
    fn equals_the_naive_model(
        lines in prop::collection::vec(prop::collection::vec(line(), 0..10), 1..5),
        paths in prop::collection::vec(path(), 1..6),
    ) {
        check(&lines, &paths);
    }

    #[test]
    fn clean_never_leaves_the_root(name in prop::collection::vec(prop_oneof![Just(b'.'), Just(b'/'), any::<u8>()], 0..40)) {
        let path = clean(&name);
        prop_assert!(path.is_empty() || path.split(|&b| b == b'/').all(|c| !matches!(c, b"" | b"." | b"..")));
    }
}
