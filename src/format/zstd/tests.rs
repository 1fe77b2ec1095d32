use crate::error::{Code, Error, Result};
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// What comes out until the end or an error, pushed in pieces of these lengths over and over.
fn run(data: &[u8], pieces: &[usize], limits: &Limits) -> (Vec<u8>, Result<()>) {
    let (mut decoder, mut out, mut at) = (ZstdDecoder::new(limits), Vec::new(), 0usize);
    for piece in pieces.iter().cycle().take_while(|_| !data.is_empty()) {
        let end = at.saturating_add(*piece).min(data.len());
        let pushed = decoder.push(&data[at..end], &mut |made| {
            out.extend_from_slice(made);
            Ok(())
        });
        if let Err(e) = pushed {
            let again = decoder.push(b"x", &mut |_| Ok(())).expect_err("an error stays");
            assert_eq!(again.code(), e.code());
            assert_eq!(decoder.finish().expect_err("an error stays").code(), e.code());
            return (out, Err(e));
        }
        at = end;
        if at == data.len() {
            break;
        }
    }
    let end = decoder.finish();
    (out, end)
}

fn decode(data: &[u8], piece: usize) -> Result<Vec<u8>> {
    let (out, end) = run(data, &[piece], &Limits::default());
    end.map(|()| out)
}

fn code(result: Result<impl Sized>) -> Option<Code> {
    result.err().map(|e| e.code())
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A frame of stored blocks, none of them compressed. `descriptor` is the header behind the magic number.
fn frame(descriptor: &[u8], blocks: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0x28, 0xB5, 0x2F, 0xFD];
    out.extend(descriptor);
    for (i, block) in blocks.iter().enumerate() {
        let header = (block.len() as u32) << 3 | u32::from(i + 1 == blocks.len());
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(*block);
    }
    out
}

fn skippable(content: &[u8]) -> Vec<u8> {
    [&[0x5A, 0x2A, 0x4D, 0x18][..], &(content.len() as u32).to_le_bytes(), content].concat()
}

#[test]
fn reads_what_the_zstd_tool_made() {
    let expected = file("demo/index.json");
    let all: Vec<Vec<u8>> = ["fast", "best", "long27"].map(|n| file(&format!("zstd/{n}.zst"))).into();
    for data in &all {
        for piece in [1, 2, 7, 100, usize::MAX] {
            assert!(decode(data, piece).unwrap() == expected);
        }
        for len in 0..data.len() {
            assert_eq!(code(decode(&data[..len], 64)), Some(Code::CorruptLayer), "cut at {len}");
        }
    }
    let text = decode(&file("demo.layers.jsonl.zst"), 65_536).unwrap();
    assert!(text.starts_with(b"{") && text.ends_with(b"}\n"));
    assert!(decode(&file("demo.layers.jsonl.zst"), 999).unwrap() == text);
}

#[test]
fn frames_follow_each_other_and_skippable_ones_are_skipped() {
    let one = file("zstd/best.zst");
    let expected = file("demo/index.json");
    let data =
        [skippable(b""), one.clone(), skippable(b"a table of contents"), one, skippable(&[0; 300])].concat();
    for piece in [1, 3, 50, usize::MAX] {
        assert!(decode(&data, piece).unwrap() == [&expected[..], &expected].concat());
    }
    assert_eq!(decode(&skippable(b"nothing else"), 5).unwrap(), b"");
    assert_eq!(code(decode(&data[..data.len() - 1], 5)), Some(Code::CorruptLayer));
}

#[test]
fn what_is_not_zstandard() {
    for data in [&b""[..], b"x", b"\x28\xB5\x2F", b"\x1F\x8B\x08\0", &frame(&[0x00, 0x00], &[])] {
        assert_eq!(code(decode(data, 1)), Some(Code::CorruptLayer), "{data:?}");
    }
    // Junk or zeros behind a frame are no frame: zstd(1) refuses them too.
    let frame_then = |tail: &[u8]| [&file("zstd/fast.zst"), tail].concat();
    assert_eq!(code(decode(&frame_then(&[0; 4]), 9)), Some(Code::CorruptLayer));
    assert_eq!(code(decode(&frame_then(b"tail"), 9)), Some(Code::CorruptLayer));
    // A reserved header bit, a block of reserved kind, a block over 128 KiB.
    assert_eq!(code(decode(&frame(&[0x08, 0x00], &[b"a"]), 9)), Some(Code::CorruptLayer));
    for header in [[0x07, 0, 0], [0x01, 0, 0x80]] {
        let data = [&frame(&[0x00, 0x00], &[])[..], &header, &[0; 100]].concat();
        assert_eq!(code(decode(&data, 9)), Some(Code::CorruptLayer));
    }
}

#[test]
fn a_wrong_checksum_is_found() {
    let mut data = file("zstd/best.zst");
    *data.last_mut().unwrap() ^= 1;
    let e = decode(&data, 100).unwrap_err();
    assert_eq!((e.code(), e.message()), (Code::CorruptLayer, "the checksum of a Zstandard frame is wrong"));
}

#[test]
fn a_frame_that_needs_a_dictionary() {
    // Descriptor: one byte of dictionary id; window 1 KiB; id 7.
    let data = frame(&[0x01, 0x00, 0x07], &[b"abc"]);
    assert_eq!(code(decode(&data, 4)), Some(Code::Unsupported));
    // Id 0 means none.
    assert_eq!(decode(&frame(&[0x01, 0x00, 0x00], &[b"abc", b"", b"de"]), 4).unwrap(), b"abcde");
}

#[test]
fn the_window_is_limited_by_what_the_header_says() {
    let limit = |e: Error| (e.code(), e.limit_name());
    let mut data = file("zstd/long27.zst");
    assert!(decode(&data, 9).is_ok());
    let small = Limits { max_zstd_window: (128 << 20) - 1, ..Limits::default() };
    let e = run(&data, &[9], &small).1.unwrap_err();
    assert_eq!(limit(e), (Code::LimitExceeded, Some("max_zstd_window")));
    // Twice the window.
    data[5] += 8;
    assert_eq!(limit(decode(&data, 9).unwrap_err()), (Code::LimitExceeded, Some("max_zstd_window")));
    // A single segment whose content size of 2^63 bytes is its window.
    let huge = frame(&[0xE0, 0, 0, 0, 0, 0, 0, 0, 0x80], &[b"a"]);
    assert_eq!(limit(decode(&huge, 9).unwrap_err()), (Code::LimitExceeded, Some("max_zstd_window")));
}

#[test]
fn output_is_limited_while_it_is_made() {
    // Runs of one byte: four bytes of input for 128 KiB of output.
    let mut bomb = frame(&[0x00, 0x50], &[]);
    for _ in 0..1000 {
        bomb.extend([0x02, 0x00, 0x10, 0x00]);
    }
    let limits = Limits { max_whole_layer_inflated: 3 << 20, ..Limits::default() };
    let (out, end) = run(&bomb, &[usize::MAX], &limits);
    assert_eq!(end.unwrap_err().limit_name(), Some("max_whole_layer_inflated"));
    assert!(out.len() <= 3 << 20);
    let (exact, over) = (frame(&[0x00, 0x00], &[b"1234"]), frame(&[0x00, 0x00], &[b"12345"]));
    let limits = Limits { max_whole_layer_inflated: 4, ..Limits::default() };
    assert_eq!(run(&exact, &[3], &limits).0, b"1234");
    assert_eq!(code(run(&over, &[3], &limits).1), Some(Code::LimitExceeded));
}

#[test]
fn the_sinks_error_stops_it() {
    let mut decoder = ZstdDecoder::new(&Limits::default());
    let stop = |_: &[u8]| Err(Error::new(Code::Aborted, "stopped"));
    assert_eq!(code(decoder.push(&file("zstd/best.zst"), &mut { stop })), Some(Code::Aborted));
    assert_eq!(code(decoder.finish()), Some(Code::Aborted));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_data_in_any_pieces(
        data in prop::collection::vec((any::<u8>(), 1usize..20_000), 0..8),
        pieces in prop::collection::vec(1usize..9000, 1..5),
    ) {
        let data: Vec<u8> = data.iter().flat_map(|&(b, n)| (0..n).map(move |i| b ^ (i / 7 % 11) as u8)).collect();
        let packed = compress_to_vec(data.as_slice(), CompressionLevel::Fastest);
        let (out, end) = run(&packed, &pieces, &Limits::default());
        prop_assert!(end.is_ok() && out == data);
    }

    #[test]
    fn broken_data_never_panics(at: u16, mask in 1u8.., piece in 1usize..500) {
        let mut data = file("zstd/best.zst");
        let at = usize::from(at) * data.len() / 65_536;
        data[at] ^= mask;
        let (out, end) = run(&data, &[piece], &Limits::default());
        let (out2, end2) = run(&data, &[usize::MAX], &Limits::default());
        prop_assert!(out == out2);
        prop_assert_eq!(code(end), code(end2));
    }
}
