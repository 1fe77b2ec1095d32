//! Attached indexes that lie about the demo image, in every field and in their windows: what is read by them is refused or
//! reported as attached, and whoever did not agree to them, or has better, gets the truth. docs/trust.md has the table.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures_executor::block_on;
use ocipeek::error::{Code, Error};
use ocipeek::format::oci::media_type::OCI_MANIFEST;
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::format::tar::Kind;
use ocipeek::image::{
    BuiltIndex, ContentCheck, FileStat, Follow, Image, IndexVoucher, MetadataCheck, OpenOptions, SociChoice,
    Verification,
};
use ocipeek_fuzz::forge::{
    DEV_MAJOR, DEV_MINOR, Forge, GID, GNAME, KIND, LINK, MODE, MTIME, NAME, OFFSET, SIZE, UID, UNAME,
};
use serde_json::Value;
use test_support::memory::{Memory, Ranged, agreed};

const V1: &str = "application/vnd.amazon.soci.index.v1+json";

/// What a tree says of one path, and what reading it gives.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    stat: FileStat,
    content: Result<Digest, Code>,
}

type Tree = BTreeMap<Vec<u8>, Seen>;

/// All of one layer, by its own view; and that all of it is reported as `voucher` has it.
fn layer_tree(image: &Image, layer: usize, voucher: Option<IndexVoucher>) -> Result<Tree, Error> {
    let view = image.layer(layer).unwrap();
    block_on(async {
        let mut tree = Tree::new();
        let mut walk = view.walk(b"/", None);
        while let Some(stat) = walk.next().await? {
            assert_eq!(stat.verified.index, voucher, "{}", stat.path.escape_ascii());
            let content = view.read_file(&stat.path, None).await;
            if let Ok((again, _)) = &content {
                assert_eq!(again.verified.index, voucher);
            }
            tree.insert(stat.path.clone(), seen(stat, content.map(|(_, data)| Digest::of(&data))));
        }
        Ok(tree)
    })
}

/// What the tree says, without how it is verified.
fn seen(mut stat: FileStat, content: Result<Digest, Error>) -> Seen {
    stat.verified = Verification {
        manifest: stat.verified.manifest,
        metadata: MetadataCheck::LayerDigest,
        content: ContentCheck::LayerDigest,
        header: false,
        index: None,
    };
    Seen { stat, content: content.map_err(|e| e.code()) }
}

/// The merged tree's attributes and contents, and every voucher that it reports.
fn merged(image: &Image) -> (Tree, BTreeSet<Option<IndexVoucher>>) {
    block_on(async {
        let (mut tree, mut vouchers) = (Tree::new(), BTreeSet::new());
        let mut walk = image.walk(b"/", None);
        while let Some(stat) = walk.next().await.unwrap() {
            vouchers.insert(stat.verified.index);
            let content = image.read_file(&stat.path, None).await;
            tree.insert(stat.path.clone(), seen(stat, content.map(|(_, data)| Digest::of(&data))));
        }
        (tree, vouchers)
    })
}

/// The demo image, its first attached index, and its layers' zTOCs in the order of the layers.
struct Demo {
    memory: Memory,
    image: Descriptor,
    index: Value,
    ztocs: Vec<Digest>,
}

impl Demo {
    fn new() -> Demo {
        let memory = Memory::demo();
        let opened = block_on(memory.open("latest", agreed())).unwrap();
        let soci = opened.soci().unwrap();
        let index: Value = serde_json::from_slice(&memory.blob_bytes(&soci.digest).unwrap()).unwrap();
        let of = |layer: &Digest| soci.layers.iter().find(|l| l.layer_digest == *layer).unwrap().ztoc.digest;
        let ztocs = opened.layers().iter().map(|l| of(&l.digest)).collect();
        let size = memory.blob_bytes(opened.digest()).unwrap().len() as u64;
        let image = Descriptor::new(OCI_MANIFEST, *opened.digest(), size);
        Demo { memory, image, index, ztocs }
    }

    /// Attaches an index in which the zTOC of `layer` is changed, in place of all others. Gives its digest.
    fn forge(&self, layer: usize, change: &dyn Fn(&mut Forge)) -> Digest {
        let mut forge = Forge::new(&self.memory.blob_bytes(&self.ztocs[layer]).unwrap());
        change(&mut forge);
        let new = self.memory.put("application/octet-stream", forge.bytes);
        let mut index = self.index.clone();
        for listed in index["layers"].as_array_mut().unwrap() {
            if listed["digest"] == self.ztocs[layer].to_string() {
                listed["digest"] = new.digest.to_string().into();
                listed["size"] = new.size.into();
            }
        }
        let mut attached = self.memory.put(OCI_MANIFEST, index.to_string());
        attached.artifact_type = Some(V1.to_owned());
        self.memory.refer(self.image.digest, vec![attached.clone()]);
        attached.digest
    }

    fn open(&self, options: OpenOptions) -> Image {
        block_on(self.memory.open("latest", options)).unwrap()
    }
}

/// What comes of a lie.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Comes {
    /// Nothing: what was changed has no say.
    Nothing,
    /// The whole zTOC is refused.
    Refused(Code),
    /// Files' contents are refused; attributes are as they were.
    Contents(Code),
    /// Attributes, names or links are believed; the changed files' contents are refused.
    NotItsContents(Code),
    /// It is believed, contents and all.
    Believed,
}
use Comes::{Believed, Contents, NotItsContents, Nothing, Refused};

type Change = Box<dyn Fn(&mut Forge)>;

/// Changes an entry by name.
fn of(name: &'static str, change: impl Fn(&mut Forge, usize) -> bool + 'static) -> Change {
    Box::new(move |forge| {
        let i = forge.find(name.as_bytes());
        assert!(change(forge, i), "{name} has no such field");
    })
}

fn text(name: &'static str, slot: usize, to: &'static str) -> Change {
    of(name, move |f, i| f.set_text(i, slot, to.as_bytes()))
}

fn renamed(name: &'static str, to: &'static str) -> Change {
    text(name, NAME, to)
}

fn number(name: &'static str, slot: usize, by: i64) -> Change {
    of(name, move |f, i| f.set_number(i, slot, f.number(i, slot) + by))
}

fn removed(name: &'static str) -> Change {
    of(name, |f, i| {
        f.remove(i);
        true
    })
}

fn any(change: impl Fn(&mut Forge) + 'static) -> Change {
    Box::new(change)
}

fn point(span: usize, change: impl Fn(&mut [u8], &mut [u8]) + 'static) -> Change {
    any(move |forge| {
        let (record, window) = forge.checkpoint(span).unwrap();
        change(record, window);
    })
}

fn add(bytes: &mut [u8], by: i64) {
    let n = i64::from_le_bytes(bytes.try_into().unwrap());
    bytes.copy_from_slice(&(n + by).to_le_bytes());
}

fn flip(window: &mut [u8]) {
    window.iter_mut().for_each(|b| *b ^= 0x20);
}

type Lie = (&'static str, usize, Change, Comes);

/// Windows, checkpoints and digests: what is changed, in which layer, and what comes of it.
fn places() -> Vec<Lie> {
    let (damaged, corrupt) = (Contents(Code::DigestMismatch), Contents(Code::CorruptLayer));
    let refused = Refused(Code::CorruptZtoc);
    vec![
        ("nothing", 2, any(|_| {}), Nothing),
        ("all of a window", 1, point(10, |_, w| flip(w)), Believed),
        ("the window of the first span", 1, point(0, |_, w| flip(w)), Nothing),
        ("a checkpoint's offset in the layer", 1, point(10, |r, _| add(&mut r[..8], 1)), damaged),
        ("a checkpoint's offset in the tar", 1, point(10, |r, _| add(&mut r[8..16], 1)), corrupt),
        ("a checkpoint's bits", 1, point(10, |r, _| r[16] = (r[16] + 1) % 8), damaged),
        ("a checkpoint that is none", 1, point(10, |r, _| r[16] = 9), refused),
        ("a span's digest", 1, any(|f| f.digest(10)[20] = b'z'), refused),
        (
            "a span's digest, another",
            1,
            any(|f| f.digest(10)[20] = if f.digest(10)[20] == b'0' { b'1' } else { b'0' }),
            damaged,
        ),
        (
            "a span's digest, of a tar",
            5,
            any(|f| f.digest(1)[20] = if f.digest(1)[20] == b'0' { b'1' } else { b'0' }),
            damaged,
        ),
        ("the layer's size", 2, any(|f| f.set_size(false, f.size(false) + 1)), refused),
        ("the tar's size", 2, any(|f| f.set_size(true, 1024)), refused),
    ]
}

/// Fields of files, which their own headers tell too.
fn files() -> Vec<Lie> {
    let refused = NotItsContents(Code::CorruptLayer);
    let host = "etc/hostname";
    vec![
        ("a file's name", 2, renamed("usr/lib/os-release", "usr/lib/os-secrets"), refused),
        ("a file's size, less", 2, number(host, SIZE, -5), refused),
        ("a file's size, more", 2, number(host, SIZE, 5), refused),
        ("a file's offset", 2, number("etc/networks", OFFSET, -512), Refused(Code::CorruptZtoc)),
        ("a file's mode", 2, number(host, MODE, 1), refused),
        ("a file's owner", 1, number("./opt/odd/setuid", UID, 1), refused),
        ("a file's group", 1, number("./opt/odd/setuid", GID, 1), refused),
        ("a file's owner's name", 2, text(host, UNAME, "mallory"), refused),
        ("a file's group's name", 2, text(host, GNAME, "mallory"), refused),
        ("a file's time", 2, text(host, MTIME, "2001-01-01T00:00:00Z"), refused),
        ("a file's type", 2, text(host, KIND, "fifo"), refused),
        ("an unknown type", 2, text(host, KIND, "door"), Refused(Code::CorruptZtoc)),
        (
            "the names of two files, exchanged",
            2,
            any(|f| {
                let (a, b) = (f.find(b"etc/hostname"), f.find(b"etc/networks"));
                f.set_text(a, NAME, b"etc/networks");
                f.set_text(b, NAME, b"etc/hostname");
            }),
            refused,
        ),
        (
            "an extended attribute",
            1,
            any(|f| {
                let i = f.find(b"./opt/odd/xattr-user");
                let n = (0..9).find(|&n| f.key(i, n).is_some_and(|k| k == b"SCHILY.xattr.user.comment"));
                f.record(i, n.unwrap()).unwrap()[0] ^= 1;
            }),
            refused,
        ),
    ]
}

/// What has no content, and so no header that is looked at; and what is missing.
fn the_rest() -> Vec<Lie> {
    let refused = NotItsContents(Code::CorruptLayer);
    let twice =
        |f: &Forge| -> Vec<usize> { (0..f.count()).filter(|&i| f.text(i, NAME) == b"srv/twice").collect() };
    vec![
        ("a symbolic link's target", 1, text("./opt/odd/absolute", LINK, "/etc/shadow"), Believed),
        ("a hard link's target", 2, text("opt/keep/k3", LINK, "etc/hostname"), Believed),
        ("a folder's mode", 2, number("etc/", MODE, 0o22), Believed),
        ("a folder's name", 2, renamed("srv/www/", "srv/xxx/"), Believed),
        (
            "a folder made a link",
            2,
            of("usr/share/zoneinfo/", |f, i| {
                f.set_text(i, NAME, b"usr/share/zoneinfo")
                    && f.set_text(i, KIND, b"symlink")
                    && f.set_text(i, LINK, b"/etc")
            }),
            Believed,
        ),
        (
            "a device's numbers",
            1,
            any(|f| {
                let i = (0..f.count()).find(|&i| f.text(i, KIND) == b"char").unwrap();
                assert!(f.set_number(i, DEV_MAJOR, 7) && f.set_number(i, DEV_MINOR, 7));
            }),
            Believed,
        ),
        // Whose name is believed where layers are laid over each other.
        ("a file made a whiteout", 2, renamed("etc/hostname", "etc/.wh.mkshrc"), refused),
        ("a whiteout made a file", 2, renamed("opt/.wh.old", "opt/oh-old"), Believed),
        ("a whiteout of something else", 2, renamed("opt/.wh.old", "opt/.wh.app"), Believed),
        ("a whiteout, gone", 2, removed("opt/.wh.old"), Believed),
        ("an opaque folder's mark, gone", 3, removed("usr/share/ca-certificates/.wh..wh..opq"), Believed),
        // The next file's header seems to begin where its does.
        ("a file, gone", 2, removed("etc/networks"), refused),
        ("the later one of two files of a name, gone", 4, any(move |f| f.remove(twice(f)[1])), Believed),
        // What comes when is decided by the offsets.
        ("the order in which entries are listed", 2, any(|f| f.swap(2, 3)), Nothing),
    ]
}

fn lies() -> Vec<Lie> {
    places().into_iter().chain(files()).chain(the_rest()).collect()
}

fn differing(truth: &Tree, tree: &Tree) -> Vec<Vec<u8>> {
    let paths: BTreeSet<_> = truth.keys().chain(tree.keys()).collect();
    paths.into_iter().filter(|p| truth.get(*p) != tree.get(*p)).cloned().collect()
}

/// What came of it.
fn comes(truth: &Tree, read: Result<Tree, Error>) -> Comes {
    let tree = match read {
        Ok(tree) => tree,
        Err(e) => return Refused(e.code()),
    };
    let (mut refused, mut lied, mut stats) = (None, false, false);
    for path in differing(truth, &tree) {
        let (now, was) = (tree.get(&path), truth.get(&path));
        stats |= now.map(|s| &s.stat) != was.map(|s| &s.stat);
        let file = now.is_some_and(|s| s.stat.kind == Kind::Regular);
        let (now, was) = (now.map(|s| s.content), was.map(|s| s.content));
        match now {
            Some(Ok(_)) => lied |= now != was,
            Some(Err(code)) if file && now != was => refused = Some(code),
            _ => {}
        }
    }
    match (refused, lied, stats) {
        (_, true, _) | (None, false, true) => Believed,
        (Some(code), false, true) => NotItsContents(code),
        (Some(code), false, false) => Contents(code),
        (None, false, false) => Nothing,
    }
}

#[test]
fn what_an_attached_index_says_is_refused_or_reported_as_attached() {
    let demo = Demo::new();
    let of = |image: &Image, layer| layer_tree(image, layer, None).unwrap();
    let truths: Vec<Tree> = (0..6).map(|layer| of(&demo.open(OpenOptions::default()), layer)).collect();
    let mut wrong = Vec::new();
    for (what, layer, change, expected) in lies() {
        let named = demo.forge(layer, &*change);
        let agreed = demo.open(agreed());
        assert_eq!(agreed.soci().unwrap().digest, named, "{what}");
        // That all of it is reported as attached is seen there.
        let got = comes(&truths[layer], layer_tree(&agreed, layer, Some(IndexVoucher::Attached)));
        if got != expected {
            wrong.push(format!("{what}: {got:?}, not {expected:?}"));
        }
        // In the merged tree what it does not tell of is reported so, too: it could have hidden that.
        if !matches!(got, Refused(_)) {
            let root = block_on(agreed.stat(b"/", Follow::All)).unwrap();
            assert_eq!(root.verified.index, Some(IndexVoucher::Attached), "{what}");
        }
        // Whoever names it gets the same, by the caller's own word.
        let options = OpenOptions::default().soci(SociChoice::Digest(named));
        let read = layer_tree(&demo.open(options), layer, Some(IndexVoucher::Named));
        assert_eq!(comes(&truths[layer], read), got, "{what}, named");
        // Whoever does not agree asks for none of it, and is shown none of it.
        demo.memory.log();
        let image = demo.open(OpenOptions::default());
        assert!(demo.memory.log().iter().all(|l| !l.starts_with("referrers")));
        assert_eq!(of(&image, layer), truths[layer], "{what}, not agreed to");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a lie in one layer does to the others' files: whoever agreed to it is shown that, and told.
#[test]
fn whiteouts_hide_and_show_files_of_other_layers() {
    let demo = Demo::new();
    let truth = demo.open(OpenOptions::default());
    let there = |image: &Image, path: &str| match block_on(image.stat(path.as_bytes(), Follow::All)) {
        Ok(stat) => Some(stat.verified.index),
        Err(e) if e.code() == Code::Enoent => None,
        Err(e) => panic!("{path}: {e}"),
    };
    let attached = Some(Some(IndexVoucher::Attached));
    for (layer, change, path, shown) in [
        (2, renamed("etc/hostname", "etc/.wh.mkshrc"), "/etc/mkshrc", false),
        (2, renamed("opt/.wh.old", "opt/oh-old"), "/opt/old", true),
        (3, removed("usr/share/ca-certificates/.wh..wh..opq"), "/usr/share/ca-certificates/mozilla", true),
    ] {
        demo.forge(layer, &*change);
        let agreed = demo.open(agreed());
        let (was, is) = if shown { (None, attached) } else { (Some(None), None) };
        assert_eq!((there(&truth, path), there(&agreed, path)), (was, is), "{path}");
        // What is missing has nothing that could say so; what it is missing from does.
        for folder in ["/etc", "/opt", "/usr/share"] {
            assert_eq!(there(&agreed, folder), attached);
        }
    }
}

#[test]
fn a_cache_that_served_lies_gives_others_none_of_them() {
    let demo = Demo::new();
    let (truth, vouchers) = merged(&demo.open(OpenOptions::default()));
    assert_eq!(vouchers, BTreeSet::from([None]));
    let cache = Rc::new(Ranged::default());
    let with = |attached_index| {
        OpenOptions::default().cache(cache.clone()).kept_indexes(true).attached_index(attached_index)
    };
    for (what, layer, change, _) in lies() {
        demo.forge(layer, &*change);
        let read = layer_tree(&demo.open(with(true)), layer, Some(IndexVoucher::Attached));
        assert!(what != "nothing" || read.is_ok());
    }
    assert!(cache.packs().len() > 20, "{}", cache.packs().len());
    // By the layers themselves, with the same cache.
    let (tree, vouchers) = merged(&demo.open(with(false)));
    assert_eq!(vouchers, BTreeSet::from([None]));
    assert_eq!(differing(&truth, &tree), Vec::<Vec<u8>>::new());
    // By the index that the image names: of the same layers, and so of the same spans.
    let image = block_on(demo.memory.open("latest-soci", with(true))).unwrap();
    let (tree, vouchers) = merged(&image);
    assert_eq!(vouchers, BTreeSet::from([Some(IndexVoucher::Image)]));
    assert_eq!(differing(&truth, &tree), Vec::<Vec<u8>>::new());
    // By indexes that were made of the layers here, whatever is attached: of one layer another, of the others the same.
    for (i, layer) in image.layers().iter().enumerate() {
        let ztoc = demo.memory.blob_bytes(&demo.ztocs[i]).unwrap();
        let built = BuiltIndex { ztoc, layer_digest: layer.digest };
        block_on(demo.open(with(true)).use_index(i, built)).unwrap();
    }
    for (window, voucher) in [(true, IndexVoucher::Own), (false, IndexVoucher::Checked)] {
        demo.forge(1, &|f| {
            if window {
                flip(f.checkpoint(10).unwrap().1);
            }
        });
        let (tree, vouchers) = merged(&demo.open(with(true)));
        assert_eq!(vouchers, BTreeSet::from([Some(voucher)]));
        assert_eq!(differing(&truth, &tree), Vec::<Vec<u8>>::new());
    }
}

#[test]
fn what_the_image_names_cannot_be_exchanged() {
    let demo = Demo::new();
    let image = block_on(demo.memory.open("latest-soci", agreed())).unwrap();
    let named = image.soci().unwrap().digest;
    let ztocs: Vec<Digest> = image.soci().unwrap().layers.iter().map(|l| l.ztoc.digest).collect();
    let forged = demo.memory.blob_bytes(&demo.forge(2, &*removed("etc/networks"))).unwrap();
    // The index,
    demo.memory.fault(move |digest, _, data| Ok(if *digest == named { forged.clone() } else { data }));
    let e = block_on(demo.memory.open("latest-soci", agreed())).err().unwrap();
    assert_eq!(e.code(), Code::DigestMismatch);
    // and its zTOCs.
    demo.memory.fault(move |digest, _, data| {
        let mut data = data.to_vec();
        if ztocs.contains(digest) {
            let last = data.len() - 1;
            data[last] ^= 1;
        }
        Ok(data.into())
    });
    let image = block_on(demo.memory.open("latest-soci", agreed())).unwrap();
    let e = block_on(image.stat(b"/etc/networks", Follow::All)).err().unwrap();
    assert_eq!(e.code(), Code::DigestMismatch);
}
