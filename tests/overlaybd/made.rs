//! Layers made by hand.

/// What a segment of a layer says of its sectors.
#[derive(Debug, Clone)]
pub enum Said {
    /// Their bytes.
    Data(Vec<u8>),
    /// So many sectors are zeros.
    Zeros(u16),

    /// So many sectors are in the target, from this sector on.
    Target(u16, u64),
}

pub const SECTOR: usize = 512;

/// An LSMT file: segments by their first sectors.
pub fn lsmt(size: u64, segments: &[(u64, Said)]) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let mut index = Vec::new();
    for (start, said) in segments {
        let at = (out.len() / SECTOR) as u64;
        let (len, b) = match said {
            Said::Data(data) => {
                assert_eq!(data.len() % SECTOR, 0);
                out.extend_from_slice(data);
                ((data.len() / SECTOR) as u16, at)
            }
            Said::Zeros(len) => (*len, at | 1 << 55),
            Said::Target(len, at) => (*len, at | 1 << 56),
        };
        index.push((start | u64::from(len) << 50, b));
    }
    let (offset, mut entries) = (out.len() as u64, index.len() as u64);
    for (a, b) in index {
        out.extend_from_slice(&a.to_le_bytes());
        out.extend_from_slice(&b.to_le_bytes());
    }
    // What is nowhere fills the index up.
    while !out.len().is_multiple_of(4096) {
        out.extend_from_slice(&((1_u64 << 50) - 1).to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        entries += 1;
    }
    let mut trailer = vec![0; 4096];
    trailer[..24]
        .copy_from_slice(b"LSMT\0\x01\x02\0\x65\x7e\x63\xd2\x94\x44\x08\x4c\xa2\xd2\xc8\xec\x4f\xcf\xae\x8a");
    for (at, value) in [(24, 390_u32), (28, 2 | 4)] {
        trailer[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    for (at, value) in [(32, offset), (40, entries), (48, size)] {
        trailer[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(&trailer);
    out
}

/// A ZFile of LZ4 blocks. `old`: as it was made in 2021, whose header says nothing but that it is one.
pub fn zfile(data: &[u8], block: usize, old: bool) -> Vec<u8> {
    let mut out = vec![0; 512];
    let mut table = Vec::new();
    for piece in data.chunks(block) {
        let start = out.len();
        out.extend_from_slice(&literals(piece));
        let crc = crc32c(100_007, &out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
        table.extend_from_slice(&((out.len() - start) as u32).to_le_bytes());
    }
    let offset = out.len() as u64;
    out.extend_from_slice(&table);
    let mut head = vec![0; 512];
    head[..24].copy_from_slice(b"ZFile\0\x01\0tuji.yyf@Alibaba");
    head[24..28].copy_from_slice(&96_u32.to_le_bytes());
    for (at, value) in [(40, offset), (48, data.len().div_ceil(block) as u64), (56, data.len() as u64)] {
        head[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    head[64..68].copy_from_slice(&crc32c(0, &table).to_le_bytes());
    head[72..76].copy_from_slice(&(block as u32).to_le_bytes());
    (head[76], head[88]) = (1, 1);
    let seal = |mut head: Vec<u8>, flags: u64| {
        head[32..40].copy_from_slice(&flags.to_le_bytes());
        let crc = crc32c(0, &head);
        head[28..32].copy_from_slice(&crc.to_le_bytes());
        head
    };
    let first = match old {
        true => {
            let mut first = head[..32].to_vec();
            first.resize(512, 0);
            // Garbage in the upper bits.
            first[32..40].copy_from_slice(&(0x7ffe_1234_0000_0000_u64 | 1 | 2).to_le_bytes());
            first
        }
        false => seal(head.clone(), 1 | 2 | 8 | 16),
    };
    out[..512].copy_from_slice(&first);
    out.extend_from_slice(&seal(head, 2 | 4 | 16));
    out
}

/// An LZ4 block that compresses nothing.
fn literals(data: &[u8]) -> Vec<u8> {
    let mut out = vec![(data.len().min(15) as u8) << 4];
    if let Some(mut more) = data.len().checked_sub(15) {
        while more >= 255 {
            out.push(255);
            more -= 255;
        }
        out.push(more as u8);
    }
    out.extend_from_slice(data);
    out
}

/// The tar of one file that a layer's blob is.
pub fn tar(data: &[u8]) -> Vec<u8> {
    let mut out = header(b"overlaybd.commit", data.len());
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(512) + 1024, 0);
    out
}

fn header(name: &[u8], size: usize) -> Vec<u8> {
    let mut h = vec![0; 512];
    h[..name.len()].copy_from_slice(name);
    h[100..107].copy_from_slice(b"0000644");
    h[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    h[156] = b'0';
    h[257..265].copy_from_slice(b"ustar\x0000");
    h[148..156].fill(b' ');
    let sum: u32 = h.iter().map(|&b| u32::from(b)).sum();
    h[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    h
}

/// As the tools have it, bit by bit.
pub fn crc32c(start: u32, data: &[u8]) -> u32 {
    data.iter().fold(start, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    })
}
