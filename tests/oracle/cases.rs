//! What is compared.

use proptest::prelude::*;

use crate::compare;
use crate::gzip::{
    FLUSHES, Fields, How, PLAIN, STRATEGIES, any_fields, any_how, any_members, member, members,
};
use crate::tars::{File, Format, Tar, any_data, any_files, noise, tar};

/// From 1 byte to larger than any layer here.
const SPAN_SIZES: [u64; 6] = [1, 700, 30_000, 1 << 17, 4 << 20, 1 << 60];

/// A tar of 300 kB: text that repeats near and far, noise, runs.
fn some_tar() -> Tar {
    let text: Vec<u8> = noise(5, 90_000).iter().map(|b| b"etaoin shrdlu\n"[usize::from(*b) % 14]).collect();
    let file = |name: &str, data: Vec<u8>| {
        (Format::Pax, File { name: name.into(), data, mtime: (-1, 500_000_000), ..File::default() })
    };
    let files = [
        file("text", text.clone()),
        file("noise", noise(6, 70_000)),
        file("runs", [[0; 40_000], [7; 40_000]].concat()),
        file("text again", text[10_000..].to_vec()),
    ];
    tar(&files, 20)
}

#[test]
fn levels_strategies_and_block_sizes() {
    let tar = some_tar();
    let mut most = 0;
    for level in 0..=9 {
        for strategy in STRATEGIES {
            let mem_level = [1, 8, 9][level as usize % 3];
            let how = How { level, strategy, mem_level, flushes: Vec::new() };
            let layer = member(&tar.bytes, &how, &Fields::default());
            for span_size in SPAN_SIZES {
                let (built, entries) = compare::gzip_layer(&layer, span_size, 65_536);
                assert_eq!((entries.len(), built.archive_size), (4, tar.end));
                most = most.max(built.spans);
            }
        }
    }
    // A block at a time, with small blocks.
    assert!(most > 500, "{most}");
}

#[test]
fn each_flush() {
    let tar = some_tar();
    for flush in FLUSHES {
        for level in [0, 1, 6] {
            // Also twice in a row, at the start and at the end.
            let flushes = [0, 0, 100, 333, 333, 334, 700, 1000, 1000].map(|at| (at, flush)).to_vec();
            let layer = member(&tar.bytes, &How { level, flushes, ..PLAIN }, &Fields::default());
            for span_size in SPAN_SIZES {
                compare::gzip_layer(&layer, span_size, 1000);
            }
        }
    }
}

#[test]
fn each_header_field() {
    let tar = some_tar();
    for bits in 0..16_u8 {
        let field = |bit: u8, len: usize| (bits & bit != 0).then(|| vec![b'x'; len]);
        let fields =
            Fields { extra: field(1, 70), name: field(2, 9), comment: field(4, 600), crc: bits & 8 != 0 };
        let one = member(&tar.bytes, &PLAIN, &fields);
        let (built, _) = compare::gzip_layer(&one, 30_000, 7);
        let (first, rest) = tar.bytes.split_at(100_000);
        let two = [member(first, &PLAIN, &fields), member(rest, &PLAIN, &fields)].concat();
        let (with_two, _) = compare::gzip_layer(&two, 30_000, 1000);
        assert_eq!(built.diff_id, with_two.diff_id);
    }
}

#[test]
fn archives_of_nothing() {
    let empty = tar(&[], 2);
    for zeros in [2, 20] {
        let tar = tar(&[], zeros);
        let layer = member(&tar.bytes, &PLAIN, &Fields::default());
        for span_size in SPAN_SIZES {
            let (built, entries) = compare::gzip_layer(&layer, span_size, 100);
            assert_eq!((entries.len(), built.spans, built.archive_size), (0, 1, empty.end));
        }
        let (built, entries) = compare::tar_layer(&tar.bytes, 700, 100);
        assert_eq!((entries.len(), built.archive_size), (0, 1024));
    }
    // Members without content in front, between and behind.
    let nothing = member(&[], &PLAIN, &Fields::default());
    let tar = some_tar();
    let (first, rest) = tar.bytes.split_at(1024);
    let parts = [
        &nothing,
        &member(first, &PLAIN, &Fields::default()),
        &nothing,
        &nothing,
        &member(rest, &PLAIN, &Fields::default()),
        &nothing,
    ];
    let layer = parts.into_iter().flatten().copied().collect::<Vec<u8>>();
    for span_size in SPAN_SIZES {
        compare::gzip_layer(&layer, span_size, 9);
    }
}

#[test]
fn entries_as_python_lists_them() {
    use base64::Engine as _;
    let fixture = |name: String| {
        std::fs::read(format!("{}/tests/fixtures/tar/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    // Without GNU's old sparse files, of which no zTOC can be made.
    let names = ["names-gnu", "names-oldgnu", "names-posix", "names-ustar", "names-v7", "odd-gnu", "odd-pax"];
    let mut seen = 0;
    for name in names {
        let (_, entries) = compare::gzip_layer(&fixture(format!("{name}.tar.gz")), 1000, 333);
        let listed = String::from_utf8(fixture(format!("{name}.jsonl"))).unwrap();
        assert_eq!(entries.len(), listed.lines().count());
        for (entry, line) in entries.iter().zip(listed.lines()) {
            let want: serde_json::Value = serde_json::from_str(line).unwrap();
            let bytes = |key: &str| {
                base64::engine::general_purpose::STANDARD.decode(want[key].as_str().unwrap()).unwrap()
            };
            let number = |key: &str| want[key].as_u64().unwrap();
            // tarfile drops a directory's last slash.
            let entry_name = entry.name.strip_suffix(b"/").unwrap_or(entry.name);
            assert_eq!(entry_name, bytes("name"), "{line}");
            assert_eq!((entry.size, u64::from(entry.mode)), (number("size"), number("mode")), "{line}");
            assert_eq!(entry.offset, number("offset"), "{line}");
            let id = |key: &str| u64::from(number(key) as u32);
            assert_eq!((entry.uid, entry.gid), (id("uid"), id("gid")), "{line}");
            assert_eq!((entry.uname, entry.gname), (&*bytes("uname"), &*bytes("gname")), "{line}");
            assert_eq!(entry.link_name, bytes("linkname"), "{line}");
            seen += 1;
        }
    }
    assert_eq!(seen, 47);
}

fn any_span_size() -> impl Strategy<Value = u64> {
    prop_oneof![prop::sample::select(&SPAN_SIZES), 1..100_000u64]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn any_tar_in_any_gzip(
        files in any_files(9, 60_000),
        zeros in 2usize..22,
        how in any_members(),
        span_size in any_span_size(),
        piece in prop_oneof![1usize..50, 50..100_000usize],
    ) {
        let tar = tar(&files, zeros);
        let want: Vec<&File> = files.iter().map(|f| &f.1).collect();
        let (built, entries) = compare::gzip_layer(&members(&tar.bytes, &how), span_size, piece);
        compare::entries(&built, &entries, &want, &tar);
        let (built, entries) = compare::tar_layer(&tar.bytes, span_size.max(100), piece);
        compare::entries(&built, &entries, &want, &tar);
    }

    /// Flushes close together, which make blocks of a few bytes and empty ones.
    #[test]
    fn any_flushes(
        data in any_data(3000),
        how in any_how(),
        fields in any_fields(),
        span_size in 1..2000u64,
        piece in 1usize..100,
    ) {
        let file = File { data, ..File::default() };
        let tar = tar(&[(Format::Gnu, file.clone())], 2);
        let layer = member(&tar.bytes, &how, &fields);
        let (built, entries) = compare::gzip_layer(&layer, span_size, piece);
        compare::entries(&built, &entries, &[&file], &tar);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_made_tars_are_what_gnu_tar_lists(files in any_files(30, 2000), zeros in 2usize..22) {
        let tar = tar(&files, zeros);
        compare::listing(&files.iter().map(|f| &f.1).collect::<Vec<_>>(), &tar);
    }
}
