//! Checkpoints in a gzip layer as TurboOCI has them (`gzip.meta`). The header's CRC is made right first.

use ocipeek::format::overlaybd::Checkpoints;
use ocipeek::limits::Limits;

fn crc32c(data: &[u8]) -> u32 {
    data.iter().fold(0, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    })
}

/// Parses them, and looks each up.
pub fn run(data: &[u8]) {
    let mut data = data.to_vec();
    if data.len() >= 333 {
        let crc = crc32c(&data[..329]);
        data[329..333].copy_from_slice(&crc.to_le_bytes());
    }
    let Ok(all) = Checkpoints::parse(data.into(), &Limits::default()) else { return };
    let (mut at, mut last) = (0, None);
    while let Some(i) = all.find(at) {
        assert!(last < Some(i));
        last = Some(i);
        let (input, output) = (all.input(i).unwrap(), all.output(i).unwrap());
        assert!(output.contains(&at) && output.end <= all.tar_size());
        assert!(input.start <= input.end && input.end <= all.gzip_size());
        assert!(all.bits(i).unwrap() < 8);
        if let Ok(window) = all.window(i) {
            assert_eq!(window.len(), 32 << 10);
        }
        at = output.end;
    }
    assert_eq!(at, all.tar_size());
}
