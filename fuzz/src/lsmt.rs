//! LSMT layers: the bytes are one, or two where the first says that the second one begins so many times 256 bytes later.
//! Its highest bit: segments may be in a target.

use std::rc::Rc;

use bytes::Bytes;
use ocipeek::format::ext4::{Disk, Stop};
use ocipeek::format::overlaybd::{Device, File, Holder, Layer, Stack};
use ocipeek::limits::Limits;

fn open(blob: &Bytes, has_target: bool) -> Option<(File, Layer)> {
    let done = |stop| match stop {
        Stop::Missing => panic!("missing, of a blob that is all here"),
        Stop::Failed(_) => None::<()>,
    };
    let file = File::open(blob, &Limits::default()).map_err(done).ok()?;
    let layer = file.layer(blob, has_target).map_err(done).ok()?;
    Some((file, layer))
}

/// Stacks them and reads the disk.
pub fn run(data: &[u8]) {
    let Some((&cut, rest)) = data.split_first() else { return };
    let (lower, upper) = rest.split_at((usize::from(cut & 0x7f) * 256).min(rest.len()));
    let blobs: Vec<_> =
        [lower, upper].iter().filter(|b| !b.is_empty()).map(|b| Bytes::copy_from_slice(b)).collect();
    let opened: Vec<_> = blobs.iter().filter_map(|blob| Some((blob, open(blob, cut & 0x80 != 0)?))).collect();
    let (mut files, mut layers) = (Vec::new(), Vec::new());
    for (blob, (file, layer)) in opened {
        files.push((file, blob));
        layers.push(Rc::new(layer));
    }
    let Ok(stack) = Stack::new(layers) else { return };
    for start in [0, stack.size() / 2, stack.size().saturating_sub(1000)] {
        let range = start..stack.size().min(start.saturating_add(1 << 20));
        let pieces = stack.map(range.clone());
        // In order and without gaps.
        let mut at = range.start;
        for piece in &pieces {
            assert!(piece.start == at && piece.len > 0);
            at += piece.len;
            if let Some((layer, Holder::Own, offset)) = piece.from {
                assert!(offset + piece.len <= files[layer].0.size() + 511);
            }
        }
        assert_eq!(at, range.end.max(range.start));
        let device =
            Device { stack: &stack, layers: files.iter().map(|(f, b)| (f, *b as &dyn Disk)).collect() };
        if let Ok(data) = device.read(range.start, (range.end - range.start) as usize) {
            assert_eq!(data.len() as u64, range.end - range.start);
        }
    }
}
