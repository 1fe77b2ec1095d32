//! Layouts in a tar.

use std::path::Path;

use super::*;

/// A tar made by a tool that is not ours.
pub(super) fn tar_of(dir: &Path, out: &Path, args: &[&str]) {
    let status = std::process::Command::new("tar").arg("-cf").arg(out).arg("-C").arg(dir).args(args).status();
    assert!(status.unwrap().success());
}

fn open_tar(path: &Path, stats: &Stats) -> Result<TarFiles> {
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
    assert_eq!(e.code(), Code::Unsupported);
    assert!(e.message().contains("(gunzip FILE)"), "{e}");
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
