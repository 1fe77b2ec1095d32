//! Which layers are asked for: exactly those that the answer hangs on.

use super::fixture::Loading;
use crate::rootfs::Follow;

const LAYERS: &[&[&str]] = &[
    &[
        "./",
        "etc/",
        "etc/passwd",
        "etc/old",
        "lib -> usr/lib",
        "usr/lib/",
        "usr/lib/libc.so",
        "srv/",
        "srv/data",
    ],
    &["etc/", "etc/.wh.old", "opt/", "opt/tool"],
    &["srv/.wh..wh..opq", "srv/new", "usr/lib/libm.so"],
];

#[track_caller]
fn asks(path: &str, found: Result<usize, &str>, layers: &[usize]) {
    let mut fs = Loading::of(LAYERS);
    let got = fs.lookup(path, Follow::All).map(|n| n.at.map_or(9, |at| at.0)).map_err(|e| e.code().as_str());
    assert_eq!((got, fs.asked.as_slice()), (found, layers), "{path}");
}

#[test]
fn lookup_stops_where_it_is_decided() {
    asks("/srv/new", Ok(2), &[2]);
    asks("/usr/lib/libm.so", Ok(2), &[2]);
    // An opaque directory and a whiteout end the search.
    asks("/srv/data", Err("ENOENT"), &[2]);
    asks("/srv/new/x", Err("ENOTDIR"), &[2]);
    asks("/etc/old", Err("ENOENT"), &[2, 1]);
    asks("/opt/tool", Ok(1), &[2, 1]);
    asks("/opt/tool/x", Err("ENOTDIR"), &[2, 1]);
    // The top layer only implies it: the attributes are below, though the mark hides what is in it.
    asks("/srv", Ok(0), &[2, 1, 0]);
    asks("/etc", Ok(1), &[2, 1]);
    asks("/etc/passwd", Ok(0), &[2, 1, 0]);
    asks("/nope", Err("ENOENT"), &[2, 1, 0]);
    asks("/", Ok(0), &[2, 1, 0]);
    // The link is below, what it leads to on top.
    asks("/lib/libm.so", Ok(2), &[2, 1, 0]);
    asks("/.wh.x", Err("ENOENT"), &[]);
}

#[test]
fn read_dir_needs_what_is_not_hidden() {
    let mut fs = Loading::of(LAYERS);
    assert_eq!(fs.names("srv"), ["new"]);
    assert_eq!(fs.asked, [2]);
    let mut fs = Loading::of(&[&["d/a", "d/b"], &[".wh.d", "d/c"], &["d/x"]]);
    assert_eq!(fs.names("d"), ["c", "x"]);
    assert_eq!(fs.asked, [2, 1]);
    let mut fs = Loading::of(&[&["d/a", "d/b"], &["d"], &["d/x"]]);
    assert_eq!(fs.names("d"), ["x"]);
    assert_eq!(fs.asked, [2, 1]);
    let mut fs = Loading::of(LAYERS);
    assert_eq!(fs.names("etc"), ["passwd"]);
    assert_eq!(fs.asked, [2, 1, 0]);
}

#[test]
fn a_loaded_layer_is_not_asked_for_again() {
    let mut fs = Loading::of(LAYERS);
    fs.lookup("/etc/passwd", Follow::All).unwrap();
    fs.lookup("/nope", Follow::All).unwrap_err();
    fs.names("");
    assert_eq!(fs.asked, [2, 1, 0]);
}
