//! The demo image: the merge must equal the list that was made from the unpacked image.

use std::collections::BTreeMap;

use super::fixture::{self, Loading, bytes, kind};
use crate::format::tar::Kind;
use crate::rootfs::{Follow, Node};

#[test]
fn cleaned_paths_are_those_of_the_list() {
    let layers = fixture::demo();
    let mut next = vec![0usize; layers.len()];
    for line in fixture::layer_lines() {
        let layer = line["layer_index"].as_u64().unwrap() as usize;
        assert_eq!(layers[layer].path(next[layer]), bytes(&line, "path"));
        next[layer] += 1;
    }
}

#[test]
fn merged_tree_equals_the_list() {
    let mut demo = Loading::new(fixture::demo());
    let mut nodes: BTreeMap<Vec<u8>, Node> = demo.walk().into_iter().map(|n| (n.path.clone(), n)).collect();
    nodes.insert(Vec::new(), demo.lookup("", Follow::All).unwrap());
    let list = fixture::merged();
    assert_eq!(list.len(), 2959);
    assert_eq!(nodes.len(), list.len());
    for line in list {
        let path = bytes(&line, "path");
        let node = &nodes[&path];
        assert_eq!(&demo.run(|fs| fs.lookup(&path, Follow::ExceptLast)).unwrap(), node);
        assert_eq!(node.path, path);
        assert_eq!(node.kind, kind(&line), "{line}");
        if line["implicit"] == true {
            assert_eq!((node.at, node.link), (None, None), "{line}");
            assert_eq!((&line["mode"], &line["uid"], &line["gid"]), (&0o755.into(), &0.into(), &0.into()));
            continue;
        }
        let (layer, e) = node.at.unwrap();
        let index = demo.fs.layer(layer).unwrap();
        let entry = index.get(e).unwrap();
        let mtime = entry.mtime.unwrap();
        let number = |key: &str| line[key].as_u64().unwrap_or(0);
        assert_eq!(layer as u64, number("layer_index"), "{line}");
        assert_eq!(u64::from(entry.mode), number("mode"), "{line}");
        assert_eq!((entry.uid, entry.gid), (number("uid"), number("gid")), "{line}");
        assert_eq!(entry.size, number("size"), "{line}");
        let ns = i128::from(mtime.secs) * 1_000_000_000 + i128::from(mtime.nanos);
        assert_eq!(ns.to_string(), line["mtime_ns"].to_string(), "{line}");
        assert_eq!(
            (entry.header_offset, entry.offset),
            (number("header_offset"), number("offset")),
            "{line}"
        );
        assert_eq!((entry.dev_major, entry.dev_minor), (number("devmajor"), number("devminor")), "{line}");
        let xattrs: BTreeMap<_, _> = entry.xattrs.map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
        assert_eq!(xattrs, fixture::xattrs(&line), "{line}");
        assert_eq!(u64::from(index.nlink(e)), line["nlink"].as_u64().unwrap_or(1), "{line}");
        if node.kind == Kind::Symlink {
            assert_eq!(entry.link_name, bytes(&line, "linkname"), "{line}");
        }
        if line["inode_of"].is_string() {
            assert_eq!(index.path(e), bytes(&line, "inode_of"), "{line}");
            assert_eq!(node.link.is_some(), index.path(e) != path, "{line}");
        } else {
            assert_eq!(node.link, None, "{line}");
        }
    }
    assert_eq!(demo.asked, [5, 4, 3, 2, 1, 0]);
}

#[test]
fn links_of_the_demo_resolve_inside_the_root() {
    let mut demo = Loading::new(fixture::demo());
    let mut real = |path: &str| match demo.lookup(path, Follow::All) {
        Ok(node) => String::from_utf8(node.path).unwrap(),
        Err(e) => e.code().as_str().to_owned(),
    };
    assert_eq!(real("/etc/os-release"), "usr/lib/os-release");
    assert_eq!(real("/opt/odd/absolute"), "usr/lib/os-release");
    assert_eq!(real("/opt/odd/escape-root"), "usr/lib/os-release");
    assert_eq!(real("/opt/odd/root-link/opt/odd/dotdot/../opt/odd/dot/one-byte"), "opt/odd/one-byte");
    assert_eq!(real("/opt/odd/self"), "ELOOP");
    assert_eq!(real("/opt/odd/loop-a/x"), "ELOOP");
    assert_eq!(real("/opt/odd/dangling"), "ENOENT");
    assert_eq!(real("/opt/odd/one-byte/"), "ENOTDIR");
    assert_eq!(real("/opt/odd/hardlink-to-symlink"), "ENOENT");
    assert_eq!(real("/opt/turns-into-file/.wh.a"), "ENOTDIR");
    assert_eq!(real("/etc/.wh.hostname"), "ENOENT");
    assert_eq!(real("/etc/ssl/certs/.wh..wh..opq"), "ENOENT");
}

#[test]
fn a_layer_shows_its_whiteouts() {
    let layers = fixture::demo();
    let names = |layer: usize, dir: &str| -> Vec<String> {
        let list = layers[layer].read_dir(layer, dir.as_bytes()).unwrap();
        list.into_iter().map(|e| String::from_utf8(e.name).unwrap()).collect()
    };
    assert_eq!(names(4, "etc/ssl/certs"), [".wh..wh..opq", "new.pem"]);
    assert_eq!(
        names(2, "/opt/odd/"),
        [".wh.dangling", ".wh.hard-1", "hard-2", "hd", "one-byte", "xattr-dir"]
    );
    let node = layers[2].lookup(2, b"./opt/.wh.old").unwrap();
    assert_eq!((node.at.unwrap().0, node.kind), (2, Kind::Regular));
    assert_eq!(layers[2].lookup(2, b"opt/turns-into-file/.wh.a").unwrap_err().code().as_str(), "ENOTDIR");
    assert_eq!(layers[2].read_dir(2, b"nope").unwrap_err().code().as_str(), "ENOENT");
}
