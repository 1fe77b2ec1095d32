//! Any bytes as a tar: no panic, the same in pieces as whole, and every header accepted by itself. The first
//! byte is the size of the pieces; blocks get right checksums if it is odd, as chance would not find them.

use ocipeek::format::tar::{EntryTable, TarWalker, check_header};
use ocipeek::limits::Limits;

/// Walks a tar made from `data`.
pub fn run(data: &[u8]) {
    let Some((&size, rest)) = data.split_first() else { return };
    let mut tar = rest.to_vec();
    if size & 1 == 1 {
        tar.as_chunks_mut::<512>().0.iter_mut().filter(|b| b[257..262] == *b"ustar").for_each(seal);
    }
    let limits = Limits::default();
    let whole = walk(&tar, tar.len().max(1), &limits);
    let pieces = walk(&tar, usize::from(size) * 3 + 1, &limits);
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole.len(), pieces.len());
            for (i, (a, b)) in whole.iter().zip(pieces.iter()).enumerate() {
                assert_eq!(format!("{a:?}"), format!("{b:?}"));
                assert_eq!(whole.sparse(i), pieces.sparse(i));
                let header = &tar[a.header_offset as usize..a.offset as usize];
                let map = check_header(header, &a, &limits, true).unwrap();
                assert_eq!(map.as_deref(), whole.sparse(i));
            }
        }
        (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
        (a, b) => panic!("{a:?} {b:?}"),
    }
}

fn walk(tar: &[u8], size: usize, limits: &Limits) -> ocipeek::error::Result<EntryTable> {
    let mut walker = TarWalker::new(limits);
    for piece in tar.chunks(size) {
        let mut piece = piece;
        while !piece.is_empty() && !walker.is_done() {
            let before = walker.wants();
            let at = (piece.as_ptr() as usize - tar.as_ptr() as usize) as u64;
            // Content that is not wanted is dropped.
            let skip = usize::try_from(before.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
            piece = &piece[skip..];
            piece = &piece[walker.push(piece)?..];
        }
    }
    walker.finish(Some(tar.len() as u64))
}

fn seal(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}
