use crate::error::{Code, Result};
use crate::limits::Limits;
use crate::zstd::ZstdDecoder;

/// All output of `data`, pushed in pieces of `step` bytes.
fn decode(data: &[u8], step: usize, limits: &Limits) -> Result<Vec<u8>> {
    let (mut decoder, mut out) = (ZstdDecoder::new(limits), Vec::new());
    for piece in data.chunks(step) {
        decoder.push(piece, &mut |made| {
            out.extend_from_slice(made);
            Ok(())
        })?;
    }
    decoder.finish().map(|()| out)
}

fn fixture() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/demo.layers.jsonl.zst")).unwrap()
}

#[test]
fn reads_what_the_zstd_tool_made() {
    let whole = decode(&fixture(), usize::MAX, &Limits::default()).unwrap();
    assert!(whole.ends_with(b"}\n") && whole.starts_with(b"{"));
    assert!(
        whole
            .split(|&b| b == b'\n')
            .all(|line| line.is_empty() || serde_json::from_slice::<serde_json::Value>(line).is_ok())
    );
    for step in [1, 3, 1000, 65_536] {
        assert!(decode(&fixture(), step, &Limits::default()).unwrap() == whole, "{step}");
    }
}

#[test]
fn a_cut_stream_is_an_error() {
    let data = fixture();
    for len in (0..data.len()).step_by(997).chain(data.len() - 20..data.len()) {
        assert_eq!(
            decode(&data[..len], 4096, &Limits::default()).unwrap_err().code(),
            Code::CorruptLayer,
            "{len}"
        );
    }
}
