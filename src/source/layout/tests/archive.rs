//! Layouts in a tar.

use std::path::Path;

use super::*;

/// A tar made by a tool that is not ours.
pub(super) fn tar_of(dir: &Path, out: &Path, args: &[&str]) {
    let status = std::process::Command::new("tar").arg("-cf").arg(out).arg("-C").arg(dir).args(args).status();
    assert!(status.unwrap().success());
}

pub(super) fn open_tar(path: &Path, stats: &Stats) -> Result<TarFiles> {
    block_on(TarFiles::open(Rc::new(FileAccess::open(path)?), &Limits::default(), stats))
}

#[test]
fn a_tar_is_read_where_it_lies() {
    let dir = temp_dir("tar");
    let tar = dir.join("demo.tar");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo");
    // skopeo writes names plain, `tar -C dir .` with `./`.
    for args in [&["."][..], &["oci-layout", "index.json", "blobs"]] {
        tar_of(&fixture, &tar, args);
        let stats = Stats::default();
        let files = open_tar(&tar, &stats).unwrap();
        let read: u64 = stats.requests().iter().map(|r| r.bytes).sum();
        let total = std::fs::metadata(&tar).unwrap().len();
        assert!(read < total / 6, "{read} of {total} bytes read for the headers");
        let layout = block_on(Layout::open(Rc::new(files), Limits::default(), stats)).unwrap();
        let demo = demo();
        for d in &demo.index().manifests {
            let ours = block_on(Source::manifest(&layout, &Target::Digest(d.digest))).unwrap();
            let theirs = block_on(Source::manifest(&demo, &Target::Digest(d.digest))).unwrap();
            assert_eq!(ours.bytes, theirs.bytes);
            let part = block_on(async {
                layout
                    .blob_range(d, 3..d.size - 3)
                    .await
                    .unwrap()
                    .try_collect::<Vec<_>>()
                    .await
                    .unwrap()
                    .concat()
            });
            assert_eq!(part, theirs.bytes[3..theirs.bytes.len() - 3]);
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn hostile_tars() {
    let dir = temp_dir("hostile");
    let tar = dir.join("x.tar");
    let root = dir.join("root");
    std::fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    std::fs::write(root.join("oci-layout"), "0123456789").unwrap();
    std::fs::write(root.join("index.json"), "first").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", root.join("blobs/sha256/link")).unwrap();
    tar_of(&root, &tar, &["oci-layout", "index.json", "blobs"]);
    std::fs::write(root.join("index.json"), "second!").unwrap();
    let appended = std::process::Command::new("tar")
        .args(["-rf"])
        .arg(&tar)
        .arg("-C")
        .arg(&root)
        .arg("./index.json")
        .status();
    assert!(appended.unwrap().success());

    let stats = Stats::default();
    let files = open_tar(&tar, &stats).unwrap();
    let read = |path: &str, range| -> Result<Vec<u8>> {
        block_on(async { Ok(files.read(path, range).await?.try_collect::<Vec<_>>().await?.concat()) })
    };
    assert_eq!(read("index.json", None).unwrap(), b"second!");
    assert_eq!(read("index.json", Some(1..3)).unwrap(), b"ec");
    assert_eq!(read("index.json", Some(1..8)).unwrap_err().code(), Code::DigestMismatch);
    assert_eq!(read("index.json", Some(u64::MAX - 1..u64::MAX)).unwrap_err().code(), Code::DigestMismatch);
    assert_eq!(block_on(files.size("oci-layout")).unwrap(), Some(10));
    assert_eq!(read("blobs/sha256/link", None).unwrap_err().code(), Code::NotFound);
    assert_eq!(read("blobs", None).unwrap_err().code(), Code::NotFound);

    // Cut off, compressed, and not a tar at all.
    let bytes = std::fs::read(&tar).unwrap();
    std::fs::write(&tar, &bytes[..600]).unwrap();
    assert!(open_tar(&tar, &stats).is_err() || block_on(files.size("none")).unwrap().is_none());
    std::fs::write(&tar, [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let e = open_tar(&tar, &stats).unwrap_err();
    let wanted = if cfg!(feature = "archive") { Code::CorruptLayer } else { Code::Unsupported };
    assert_eq!(e.code(), wanted, "{e}");
    assert_eq!(e.remedies().contains(&crate::error::Remedy::Unpack), !cfg!(feature = "archive"));
    std::fs::write(&tar, "not a tar".repeat(200)).unwrap();
    assert_eq!(open_tar(&tar, &stats).unwrap_err().code(), Code::CorruptLayer);
    assert_eq!(open_tar(&dir.join("none"), &stats).unwrap_err().code(), Code::NotFound);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn many_small_files_are_read_in_large_steps() {
    let dir = temp_dir("small");
    let root = dir.join("root");
    std::fs::create_dir_all(&root).unwrap();
    for i in 0..2000 {
        std::fs::write(root.join(format!("f{i:04}")), "x").unwrap();
    }
    let tar = dir.join("x.tar");
    tar_of(&root, &tar, &["."]);
    let stats = Stats::default();
    let files = open_tar(&tar, &stats).unwrap();
    assert_eq!(block_on(files.size("f1999")).unwrap(), Some(1));
    let counters = stats.counters();
    assert!(counters.requests < 20, "{counters:?}");
    assert!(counters.bytes <= std::fs::metadata(&tar).unwrap().len(), "{counters:?}");
    std::fs::remove_dir_all(dir).unwrap();
}

/// The names and contents of files.
fn contents(files: &TarFiles, names: &[&str]) -> Vec<Vec<u8>> {
    let read = |name: &&str| -> Vec<u8> {
        let all = block_on(async { files.read(name, None).await?.try_collect::<Vec<_>>().await }).unwrap();
        let all = all.concat();
        assert_eq!(block_on(files.size(name)).unwrap(), Some(all.len() as u64), "{name}");
        // And any part of it.
        for range in [0..1, 4_000..70_000, 65_536..65_537, 99_999..100_000] {
            let end = range.end.min(all.len() as u64);
            let part = range.start.min(end)..end;
            let got = block_on(async {
                files.read(name, Some(part.clone())).await.unwrap().try_collect::<Vec<_>>().await.unwrap()
            });
            assert!(got.concat() == all[part.start as usize..part.end as usize], "{name} {part:?}");
        }
        all
    };
    names.iter().map(read).collect()
}

/// Runs of letters with holes of blocks between them.
fn holey(len: usize) -> Vec<u8> {
    (0..len).map(|i| if (i / 8192) % 3 == 1 { b'a' + (i / 8192 % 26) as u8 } else { 0 }).collect()
}

#[test]
fn sparse_members_in_each_of_gnu_tars_forms_are_read() {
    let dir = temp_dir("sparse");
    let root = dir.join("root");
    std::fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    // The last one ends in a hole, and one is nothing else.
    let wanted = [holey(100_000), holey(81_920), vec![0; 300_000], b"plain".to_vec()];
    let names = ["blobs/sha256/a", "blobs/sha256/b", "blobs/sha256/c", "index.json"];
    for (name, bytes) in names.iter().zip(&wanted) {
        let mut file = std::fs::File::create(root.join(name)).unwrap();
        // Written with holes, so that tar finds some.
        for (i, chunk) in bytes.chunks(8192).enumerate().filter(|(_, c)| c.iter().any(|b| *b != 0)) {
            std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(i as u64 * 8192)).unwrap();
            std::io::Write::write_all(&mut file, chunk).unwrap();
        }
        file.set_len(bytes.len() as u64).unwrap();
    }
    for form in [
        &["--format=gnu"][..],
        &["--format=posix", "--sparse-version=0.0"],
        &["--format=posix", "--sparse-version=0.1"],
        &["--format=posix", "--sparse-version=1.0"],
    ] {
        let tar = dir.join("x.tar");
        tar_of(&root, &tar, &[form, &["--sparse", "--hole-detection=raw", "."]].concat());
        let stored = std::fs::metadata(&tar).unwrap().len();
        assert!(stored < 150_000, "{form:?}: tar found no holes: {stored} bytes");
        let files = open_tar(&tar, &Stats::default()).unwrap();
        assert!(contents(&files, &names) == wanted, "{form:?}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_last_of_equal_names_counts_also_where_it_is_a_link() {
    let dir = temp_dir("duplicates");
    let root = dir.join("root");
    std::fs::create_dir_all(&root).unwrap();
    let tar = dir.join("x.tar");
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(120));
    std::fs::create_dir_all(root.join("d".repeat(90))).unwrap();
    for (name, text) in [("a", "first a"), ("b", "b"), (long.as_str(), "of a long name")] {
        std::fs::write(root.join(name), text).unwrap();
    }
    std::fs::hard_link(root.join("a"), root.join("hard")).unwrap();
    tar_of(&root, &tar, &["--format=posix", "./a", "b", "hard", &long]);
    let append = |args: &[&str]| {
        let tar =
            std::process::Command::new("tar").arg("-rf").arg(&tar).arg("-C").arg(&root).args(args).status();
        assert!(tar.unwrap().success());
    };
    // A later a does not change what `hard` was linked to; `b` becomes a link to it.
    std::fs::remove_file(root.join("a")).unwrap();
    std::fs::write(root.join("a"), "second a").unwrap();
    std::fs::remove_file(root.join("b")).unwrap();
    std::os::unix::fs::symlink("./a", root.join("b")).unwrap();
    std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
    append(&["a", "b", "loop"]);
    let files = open_tar(&tar, &Stats::default()).unwrap();
    let wanted: [&[u8]; 4] = [b"second a", b"second a", b"first a", b"of a long name"];
    assert_eq!(contents(&files, &["a", "b", "hard", &long]), wanted);
    let e = block_on(files.read("loop", None)).map(|_| ()).unwrap_err();
    assert_eq!(e.code(), Code::NotFound);
    assert!(e.message().starts_with("loop in the archive is no file but"), "{e}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn other_compressions_are_told_by_name() {
    let dir = temp_dir("foreign");
    let plain = dir.join("x.tar");
    std::fs::write(dir.join("index.json"), "{}").unwrap();
    tar_of(&dir, &plain, &["index.json"]);
    for (tool, name) in [("xz", "xz"), ("bzip2", "bzip2")] {
        let packed = std::process::Command::new(tool).arg("-c").arg(&plain).output().unwrap();
        assert!(packed.status.success());
        let file = dir.join("packed");
        // What is told does not depend on how much there is.
        for len in [8, packed.stdout.len()] {
            std::fs::write(&file, &packed.stdout[..len]).unwrap();
            let e = open_tar(&file, &Stats::default()).unwrap_err();
            assert_eq!(e.code(), Code::Unsupported, "{e}");
            assert!(e.message().starts_with(&format!("compressed by {name}, ")), "{e}");
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}
