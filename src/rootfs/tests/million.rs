//! Time and memory of a million entries. Not run by default:
//! `cargo test --release --lib rootfs::tests::million -- --ignored --nocapture`.

use std::time::Duration;

use super::fixture::entry;
use crate::format::tar::{Entry, EntryTable, Kind};
use crate::limits::Limits;
use crate::rootfs::PathIndex;

/// Time on the processor so far, as others may be using the machine (Linux).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

const COUNT: usize = 1_000_000;

/// Paths as `node_modules` has them, 60 bytes on average: a thousand packages, in them directories of files.
fn names() -> Vec<String> {
    (0..COUNT)
        .map(|i| {
            let (package, dir, file) = (i / 1000, i / 50 % 20, i % 50);
            format!("./usr/lib/node_modules/package-{package:04}/dist/part-{dir:02}/module-{file:02}.js")
        })
        .collect()
}

fn measure(what: &str, names: &[String]) -> PathIndex {
    measure_after(what, names, &[])
}

fn measure_after(what: &str, names: &[String], first: &[Entry<'_>]) -> PathIndex {
    let limits = Limits::default();
    let mut table = EntryTable::new();
    for e in first {
        table.push(e, &limits).unwrap();
    }
    for name in names {
        table.push(&entry(Kind::Regular, name.as_bytes(), b""), &limits).unwrap();
    }
    let table_bytes = table.heap_bytes();
    let start = cpu();
    let index = PathIndex::new(table, &limits).unwrap();
    let time = cpu() - start;
    let own = index.heap_bytes() - table_bytes;
    println!("{what}: {time:?}, {:.1} bytes an entry beside the table", own as f64 / COUNT as f64);
    index
}

#[test]
#[ignore = "a measurement"]
fn a_million_entries() {
    let mut names = names();
    let index = measure("sorted as builders write", &names);
    let start = cpu();
    for name in names.iter().step_by(100) {
        index.lookup(0, name.as_bytes()).unwrap();
    }
    println!("look-up: {:?} each", (cpu() - start) / 10_000);
    let start = cpu();
    let list = index.read_dir(0, b"usr/lib/node_modules").unwrap();
    println!("read_dir of {} children over {COUNT} entries: {:?}", list.len(), (cpu() - start));
    let mut siblings = names.clone();
    for same in siblings.chunk_by_mut(|a, b| a.rsplit_once('/').unwrap().0 == b.rsplit_once('/').unwrap().0) {
        same.reverse();
    }
    measure("names of a directory in another order", &siblings);
    let mut state = 1u64;
    for i in (1..names.len()).rev() {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        names.swap(i, (state >> 33) as usize % (i + 1));
    }
    measure("shuffled", &names);
    for name in names.iter_mut() {
        *name = name.replacen("./", "lib//", 1);
    }
    measure("shuffled, every name unclean", &names);
    for name in names.iter_mut() {
        *name = name.replacen("lib//", "lib/", 1);
    }
    measure_after("shuffled, below a symbolic link", &names, &[entry(Kind::Symlink, b"lib", b"elsewhere")]);
}
