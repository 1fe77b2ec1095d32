//! Compressed archives, made by the tools that people use.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::source::Cache;

/// A cache that counts.
#[derive(Default)]
struct Kept(RefCell<BTreeMap<String, Bytes>>);

impl Cache for Kept {
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move { self.0.borrow().get(key).cloned() })
    }
    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move { drop(self.0.borrow_mut().insert(key.into(), value)) })
    }
}

/// Bytes that compress, but not to nothing.
fn noise(len: usize, mut seed: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(len);
    while out.len() < len {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let word = seed >> 33;
        out.extend(std::iter::repeat_n((word & 0x3f) as u8, 1 + (word >> 8) as usize % 4));
    }
    out.truncate(len);
    out
}

/// A tar of two large files with small ones around, and the contents of all.
fn archive(dir: &Path, len: usize) -> (PathBuf, Vec<(String, Vec<u8>)>) {
    let root = dir.join("root");
    std::fs::create_dir_all(root.join("blobs")).unwrap();
    let files: Vec<(String, Vec<u8>)> =
        [("blobs/a", len), ("blobs/b", 9), ("blobs/c", len / 2), ("index.json", 77)]
            .iter()
            .enumerate()
            .map(|(i, (name, len))| ((*name).to_owned(), noise(*len, i as u64)))
            .collect();
    for (name, bytes) in &files {
        std::fs::write(root.join(name), bytes).unwrap();
    }
    let tar = dir.join("x.tar");
    archive::tar_of(&root, &tar, &["blobs/a", "blobs/b", "blobs/c", "index.json"]);
    (tar, files)
}

/// What a shell makes of the tar `$1`.
fn packed(tar: &Path, command: &str) -> PathBuf {
    let out = tar.with_extension("packed");
    let status =
        Command::new("sh").args(["-c", &format!("{command} > \"$2\""), "sh"]).arg(tar).arg(&out).status();
    assert!(status.unwrap().success(), "{command}");
    out
}

fn open_with(file: &Path, caches: &[Rc<dyn Cache>], stats: &Stats) -> Result<TarFiles> {
    let access = Rc::new(FileAccess::open(file)?);
    block_on(TarFiles::open_cached(access, caches, &Limits::default(), stats))
}

fn read(files: &TarFiles, name: &str, range: Option<Range<u64>>) -> Result<Vec<u8>> {
    block_on(async { Ok(files.read(name, range).await?.try_collect::<Vec<_>>().await?.concat()) })
}

/// Every compressor that people pipe an archive through; two parts one behind the other are one stream for each.
const COMMANDS: [&str; 6] = [
    "gzip -6 < \"$1\"",
    "gzip -1 < \"$1\"",
    "(head -c 3000001 \"$1\" | gzip; tail -c +3000002 \"$1\" | gzip)",
    "zstd -q -3 < \"$1\"",
    "(head -c 3000001 \"$1\" | zstd -q; tail -c +3000002 \"$1\" | zstd -q)",
    "zstd -q --long=27 -T2 < \"$1\"",
];

#[test]
fn compressed_archives_give_the_same_files_in_one_pass() {
    let dir = temp_dir("packed");
    let (tar, wanted) = archive(&dir, 6 << 20);
    for command in COMMANDS {
        let file = packed(&tar, command);
        let size = std::fs::metadata(&file).unwrap().len();
        let stats = Stats::default();
        let cache = Rc::new(Kept::default());
        let caches: [Rc<dyn Cache>; 1] = [cache.clone()];
        let files = open_with(&file, &caches, &stats).unwrap();
        let opened = stats.counters();
        // The first look that sees that it is no tar, both ends, which tell it from others, and the pass.
        assert!(opened.bytes <= size + (16 << 10) + (128 << 10), "{command}: {opened:?} for {size} bytes");
        // Small files cost nothing more.
        for (name, bytes) in wanted.iter().filter(|(_, bytes)| bytes.len() < 1000) {
            assert!(read(&files, name, None).unwrap() == *bytes, "{command} {name}");
        }
        assert_eq!(stats.counters().bytes, opened.bytes, "{command}");
        // Backwards, forwards, in parts, two at once.
        for (name, bytes) in wanted.iter().rev() {
            assert!(read(&files, name, None).unwrap() == *bytes, "{command} {name}");
        }
        let (name, bytes) = &wanted[0];
        let len = bytes.len() as u64;
        for range in [len - 10..len, 0..10, 3 << 20..(3 << 20) + 70_000, 5..5, (3 << 20) + 70_000..4 << 20] {
            let part = &bytes[range.start as usize..range.end as usize];
            assert!(read(&files, name, Some(range.clone())).unwrap() == *part, "{command} {range:?}");
        }
        let both = block_on(async {
            let one = files.read("blobs/a", None).await.unwrap().try_collect::<Vec<_>>();
            let other = files.read("blobs/c", None).await.unwrap().try_collect::<Vec<_>>();
            futures_util::future::join(one, other).await
        });
        assert!(
            both.0.unwrap().concat() == wanted[0].1 && both.1.unwrap().concat() == wanted[2].1,
            "{command}"
        );
        let e = read(&files, name, Some(len - 1..len + 1)).unwrap_err();
        assert_eq!(e.code(), Code::DigestMismatch);

        // What is kept makes the pass needless, and has a bound.
        let kept = cache.0.borrow().values().next().unwrap().clone();
        assert!(kept.len() < 1 << 20, "{command}: {} bytes kept", kept.len());
        let again = Stats::default();
        let files = open_with(&file, &caches, &again).unwrap();
        assert!(again.counters().bytes <= (16 << 10) + (128 << 10), "{command}: {:?}", again.counters());
        assert!(read(&files, name, Some(len - 10..len)).unwrap() == bytes[bytes.len() - 10..], "{command}");
        // Damaged, or of another file: a miss.
        let key = cache.0.borrow().keys().next().unwrap().clone();
        for at in [20, kept.len() - 1] {
            let mut damaged = kept.to_vec();
            damaged[at] ^= 1;
            cache.0.borrow_mut().insert(key.clone(), damaged.into());
            let anew = Stats::default();
            open_with(&file, &caches, &anew).unwrap();
            assert!(anew.counters().bytes >= size, "{command}: taken although damaged at {at}");
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_read_costs_what_lies_between_two_points() {
    let dir = temp_dir("packed-cost");
    let (tar, wanted) = archive(&dir, 24 << 20);
    let file = packed(&tar, "gzip -1 < \"$1\"");
    let size = std::fs::metadata(&file).unwrap().len();
    let stats = Stats::default();
    let files = open_with(&file, &[], &stats).unwrap();
    let before = stats.counters();
    let (name, bytes) = &wanted[0];
    let range = 20 << 20..(20 << 20) + 1000;
    assert!(read(&files, name, Some(range)).unwrap() == bytes[20 << 20..(20 << 20) + 1000]);
    let cost = stats.counters().bytes - before.bytes;
    assert!(cost < size / 8, "{cost} of {size} bytes read for one part");
    assert!(stats.counters().inflated - before.inflated < 6 << 20);
    // Going on where that stopped costs what comes next.
    let before = stats.counters();
    read(&files, name, Some((20 << 20) + 1000..(20 << 20) + 2000)).unwrap();
    assert!(stats.counters().bytes - before.bytes <= 128 << 10);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_image_out_of_a_compressed_archive() {
    let dir = temp_dir("packed-demo");
    let tar = dir.join("demo.tar");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo");
    archive::tar_of(&fixture, &tar, &["."]);
    for command in ["gzip < \"$1\"", "zstd -q < \"$1\""] {
        let file = packed(&tar, command);
        let stats = Stats::default();
        let files = open_with(&file, &[], &stats).unwrap();
        let layout = block_on(Layout::open(Rc::new(files), Limits::default(), stats.clone())).unwrap();
        let (theirs, target) = (demo(), Target::Tag("latest-soci".into()));
        let raw = block_on(Source::manifest(&layout, &target)).unwrap();
        assert_eq!(raw.bytes, block_on(Source::manifest(&theirs, &target)).unwrap().bytes);
        for d in &theirs.index().manifests {
            let target = Target::Digest(d.digest);
            let ours = block_on(Source::manifest(&layout, &target)).unwrap();
            assert_eq!(ours.bytes, block_on(Source::manifest(&theirs, &target)).unwrap().bytes);
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn damage_and_bombs_are_told() {
    let dir = temp_dir("packed-damage");
    let (tar, _) = archive(&dir, 2 << 20);
    for command in ["gzip < \"$1\"", "zstd -q --check < \"$1\""] {
        let file = packed(&tar, command);
        let whole = std::fs::read(&file).unwrap();
        for (what, bytes) in [
            ("cut", whole[..whole.len() - 9].to_vec()),
            ("flipped", {
                let mut bytes = whole.clone();
                bytes[whole.len() / 2] ^= 0x10;
                bytes
            }),
        ] {
            std::fs::write(&file, bytes).unwrap();
            let e = open_with(&file, &[], &Stats::default()).unwrap_err();
            assert_eq!(e.code(), Code::CorruptLayer, "{command} {what}: {e}");
            assert!(e.reference().is_some());
        }
    }
    let file = packed(&tar, "head -c 50000000 /dev/zero | gzip");
    let limits = Limits { max_build_inflated: 10 << 20, ..Limits::default() };
    let access = Rc::new(FileAccess::open(&file).unwrap());
    let e = block_on(TarFiles::open(access, &limits, &Stats::default())).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_build_inflated"));
    std::fs::remove_dir_all(dir).unwrap();
}
