//! The CRC-32C of ZFiles and checkpoint files: the bare register, neither set to ones first nor inverted last.

/// The Castagnoli polynomial, bits reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// The register after `data`, `start` before.
pub(super) fn crc32c(start: u32, data: &[u8]) -> u32 {
    data.iter().fold(start, |crc, &byte| {
        let [low, ..] = crc.to_le_bytes();
        crc >> 8 ^ TABLE[usize::from(low ^ byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    /// RFC 3720, B.4, whose checksum has both inversions.
    #[test]
    fn agrees_with_the_published_values() {
        let iscsi = |data: &[u8]| !crc32c(!0, data);
        assert_eq!(iscsi(&[0; 32]), 0x8a91_36aa);
        assert_eq!(iscsi(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(iscsi(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(iscsi(b"123456789"), 0xe306_9283);
    }
}
