//! Names of a directory that a layer touches.

use super::fixture::Loading;
use crate::rootfs::{Listed, Place, touched};

fn list(layers: &[&[&str]]) -> Vec<Listed> {
    let mut place = Place::default();
    Loading::of(layers).run(|fs| fs.list(&mut place)).unwrap()
}

#[test]
fn what_a_layer_does_not_touch_is_left_out() {
    let layers: [&[&str]; 2] =
        [&["a/x", "b/", "c", "d/y", "e", "g"], &["b/new", "c/", "d", ".wh.e", "f", ".wh.g", "g"]];
    let pairs = touched(1, list(&layers), list(&layers[..1]));
    let said = |side: &Option<Listed>| {
        side.as_ref().map_or(String::new(), |it| {
            let name = String::from_utf8(it.entry.name.clone()).unwrap();
            format!("{name}{}", it.entry.node.at.map_or("", |at| ["0", "1"][at.0]))
        })
    };
    let said: Vec<_> = pairs.iter().map(|(new, old)| format!("{} {}", said(new), said(old))).collect();
    // Below, `d` is there by what is in it; above, `b` is listed by the lower layer.
    assert_eq!(said, ["b0 b0", "c1 ", " c0", "d1 ", " d", " e0", "f1 ", "g1 g0"]);
}

#[test]
fn the_lowest_layer_adds_all() {
    let layers: [&[&str]; 1] = [&["a/x", "b"]];
    let pairs = touched(0, list(&layers), list(&[]));
    assert!(pairs.len() == 2 && pairs.iter().all(|(new, old)| new.is_some() && old.is_none()));
}
