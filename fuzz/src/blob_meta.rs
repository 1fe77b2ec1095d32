//! A blob's compression contexts: every chunk, batch and checkpoint that they tell of.
//!
//! Input: a byte that says of which kind (singles, batches, checkpoints), then the contexts.

use bytes::Bytes;
use ocipeek::format::nydus::{Blob, BlobMeta, Compressor, Digester, MetaPlace};
use ocipeek::format::oci::Digest;

/// One input.
pub fn run(data: &[u8]) {
    let Some((kind, contexts)) = data.split_first() else { return };
    let id = Digest::of(b"");
    let features = [0x7000_0001, 0x7000_0085, 0x7000_000d][usize::from(kind % 3)];
    let (offset, size, unpacked, compressor) = (0, 0, 0, Compressor::None);
    let blob = Blob {
        id,
        features,
        compressor: Compressor::Zstd,
        digester: Digester::Sha256,
        data_size: 0,
        chunk_count: 3,
        meta: MetaPlace { blob: id, offset, size, unpacked, compressor },
    };
    let Ok(meta) = BlobMeta::parse(&Bytes::copy_from_slice(contexts), &blob) else { return };
    assert!(meta.memory() <= contexts.len());
    for i in 0..meta.len().min(1000) {
        if let Ok(entry) = meta.entry(i) {
            assert!(entry.unpacked > 0 && entry.unpacked <= 1 << 24);
        }
    }
    for i in 0..meta.contexts().min(1000) {
        let (batch, checkpoint) = (meta.batch(i), meta.checkpoint(i));
        assert!(batch.is_err() || checkpoint.is_err(), "it is one of them");
        if let Ok(checkpoint) = checkpoint {
            assert!(checkpoint.bits < 8 && checkpoint.window.len() <= 32 << 10);
        }
    }
    assert!(meta.entry(meta.len()).is_err() && meta.batch(meta.contexts()).is_err());
}
