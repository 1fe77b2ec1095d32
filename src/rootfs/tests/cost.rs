//! Cost of look-ups, walks and patterns, in steps: in proportion to what they go through, and bounded.

use std::fmt::Write;

use proptest::prelude::*;

use super::fixture::{Loading, index};
use crate::format::tar::Kind;
use crate::limits::Limits;
use crate::rootfs::{Follow, Glob, LookUp, Matching, Place, Rootfs};

/// Layers above one with `low`; the top one has a link that goes up and down `links` times before it comes there.
fn winding(layers: usize, links: usize) -> Loading {
    let link = format!("way -> {}low", "a/../".repeat(links));
    let mut all = vec![index(&["low"])];
    all.extend((1..layers).map(|i| index(&[format!("layer{i}")])));
    all.push(index(&["a/x", &link]));
    Loading::new(all.into_iter().map(Into::into).collect())
}

#[test]
fn a_look_up_goes_on_where_it_was() {
    const LAYERS: usize = 300;
    const LINKS: usize = 3_000;
    let mut fs = winding(LAYERS, LINKS);
    let mut look_up = LookUp::new(b"/way", Follow::All);
    let node = fs.run(|fs| fs.look_up(&mut look_up)).unwrap();
    assert_eq!((node.path.as_slice(), node.at), (&b"low"[..], Some((0, 0))));
    assert_eq!(fs.asked.len(), LAYERS + 1);
    let cost = look_up.cost();
    assert!(cost < 4 * (LAYERS + LINKS) as u64, "{cost} steps");
    // From the root again for each layer, it was all of the way as often as there are layers.
    let (mut again, mut fs) = (0, winding(LAYERS, LINKS));
    fs.run(|fs| {
        let mut look_up = LookUp::new(b"/way", Follow::All);
        let step = fs.look_up(&mut look_up);
        again += look_up.cost();
        step
    })
    .unwrap();
    assert!(again > 100 * cost, "{again} steps beside {cost}");
}

#[test]
fn the_steps_of_a_look_up_count_over_all_that_it_loads() {
    let cost = {
        let (mut fs, mut look_up) = (winding(50, 200), LookUp::new(b"way", Follow::All));
        fs.run(|fs| fs.look_up(&mut look_up)).unwrap();
        look_up.cost()
    };
    for (most, passes) in [(cost, true), (cost - 1, false)] {
        let limits = Limits { max_lookup_steps: most, ..Limits::default() };
        let mut fs = winding(50, 200);
        fs.fs = Rootfs::new(51, &limits);
        let mut look_up = LookUp::new(b"way", Follow::All);
        let found = fs.run(|fs| fs.look_up(&mut look_up));
        assert_eq!(found.is_ok(), passes);
        if let Err(e) = found {
            assert_eq!((e.limit_name(), e.path()), (Some("max_lookup_steps"), Some(&b"way"[..])));
        }
    }
}

#[test]
fn long_names_count_for_more() {
    let name = "n".repeat(6_400);
    let limits = Limits { max_lookup_steps: 100, ..Limits::default() };
    let mut fs = Rootfs::new(1, &limits);
    fs.set_layer(0, index(&[&name]));
    let e = fs.lookup(name.as_bytes(), Follow::All).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_lookup_steps"));
}

/// Steps of a walk, and entries that it met.
fn walk(fs: &mut Loading) -> (u64, usize) {
    let (mut place, mut steps, mut met) = (Place::default(), 0, 0);
    let mut stack = vec![fs.run(|fs| fs.list(&mut place)).unwrap().into_iter()];
    while let Some(top) = stack.last_mut() {
        let Some(child) = top.next() else {
            stack.pop();
            place.leave();
            continue;
        };
        met += 1;
        if child.entry.node.kind == Kind::Directory {
            place.descend(&child.entry.name, child.ranks);
            stack.push(fs.run(|fs| fs.list(&mut place)).unwrap().into_iter());
            steps += place.cost();
        }
    }
    (steps, met)
}

#[test]
fn a_walk_does_not_begin_at_the_root_for_each_folder() {
    const DEPTH: usize = 2_000;
    let deep = vec!["d"; DEPTH].join("/");
    for layers in [1, 3] {
        let all = (0..layers).map(|i| index(&[format!("{deep}/{i}")]).into());
        let (steps, met) = walk(&mut Loading::new(all.collect()));
        assert_eq!(met, DEPTH + layers);
        assert!(steps <= (layers * DEPTH) as u64, "{steps} steps");
    }
}

#[test]
fn a_folder_is_not_looked_for_in_layers_that_do_not_have_it() {
    const LAYERS: usize = 200;
    const FOLDERS: usize = 2_000;
    let mut lines = String::new();
    for i in 0..FOLDERS {
        writeln!(lines, "d/{i}/x").unwrap();
    }
    let mut all: Vec<_> = (1..LAYERS).map(|i| index(&[format!("d/layer{i}")]).into()).collect();
    all.push(index(&lines.lines().collect::<Vec<_>>()).into());
    let (steps, met) = walk(&mut Loading::new(all));
    assert_eq!(met, 1 + 2 * FOLDERS + LAYERS - 1);
    assert!(steps < 2 * (FOLDERS + LAYERS) as u64, "{steps} steps");
}

/// Matches a path name by name, as a walk does; `None` where it does not come so far.
fn stepwise(glob: &mut Matching, path: &str, is_dir: bool) -> Option<bool> {
    let mut spots = glob.start();
    let (dirs, name) = path.rsplit_once('/').unwrap_or(("", path));
    for dir in dirs.split('/').filter(|d| !d.is_empty()) {
        glob.matches(&spots, dir.as_bytes(), true).unwrap();
        spots = glob.below().unwrap()?;
    }
    Some(glob.matches(&spots, name.as_bytes(), is_dir).unwrap())
}

fn pattern() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[ab]", 3 => Just("*".to_owned()), 2 => Just("**".to_owned()), 2 => Just("/".to_owned()),
        1 => Just("?".to_owned()), 1 => Just("[!a]".to_owned()), 1 => Just("{a,b*}".to_owned()),
        1 => Just("{*,/b}".to_owned()),
    ];
    prop::collection::vec(part, 1..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn names_one_by_one_match_as_the_path_does(
        pattern in pattern(),
        names in prop::collection::vec("[ab]{1,5}", 1..5),
    ) {
        let Ok(glob) = Glob::new(&pattern) else { return Ok(()) };
        let path = names.join("/");
        let mut matching = Matching::new(glob.clone(), &Limits::default());
        let got = stepwise(&mut matching, &path, true);
        let parents = (1..names.len()).map(|n| names[..n].join("/"));
        let comes = parents.clone().all(|dir| glob.may_match_below(dir.as_bytes()));
        prop_assert_eq!(got, comes.then(|| glob.matches(path.as_bytes())));
        // What cannot match below is never more than what does not.
        if glob.matches(path.as_bytes()) {
            prop_assert!(comes);
        }
    }
}

#[test]
fn stars_cost_no_more_than_the_names() {
    for pattern in ["*a".repeat(500), "**a".repeat(300), format!("{}b", "*a*".repeat(300))] {
        let name = "a".repeat(4_000);
        let glob = Glob::new(&pattern).unwrap();
        let mut matching = Matching::new(glob.clone(), &Limits::default());
        let found = matching.matches(&matching.start(), name.as_bytes(), false).unwrap();
        assert_eq!(found, !pattern.ends_with('b'));
        assert!(matching.cost() < 20 * name.len() as u64, "{} steps", matching.cost());
    }
}

#[test]
fn what_a_pattern_costs_is_bounded() {
    // Each position of the name may be that of the first question mark.
    let glob = Glob::new(format!("*{}", "?".repeat(1_000))).unwrap();
    let limits = Limits { max_glob_steps: 10_000_000, ..Limits::default() };
    let mut matching = Matching::new(glob, &limits);
    let start = matching.start();
    let mut names = 0;
    let error = loop {
        match matching.matches(&start, "a".repeat(2_000).as_bytes(), false) {
            Ok(found) => assert!(found),
            Err(e) => break e,
        }
        names += 1;
    };
    assert_eq!(error.limit_name(), Some("max_glob_steps"));
    assert!((1..10).contains(&names), "{names} names");
    assert!(matching.cost() < 10_010_000);
}
