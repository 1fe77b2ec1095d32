//! A ZFile. CRCs of its header and trailer are switched off where the first byte is odd, so that more gets past them.

use bytes::Bytes;
use ocipeek::format::ext4::{Disk, Stop};
use ocipeek::format::overlaybd::File;
use ocipeek::limits::Limits;

/// Decompresses it whole and in parts.
pub fn run(data: &[u8]) {
    let Some((&mode, blob)) = data.split_first() else { return };
    let mut blob = blob.to_vec();
    if mode & 1 == 1 && blob.len() >= 1024 {
        let trailer = blob.len() - 512;
        for at in [32, trailer + 32] {
            blob[at] &= !16;
        }
    }
    let blob = Bytes::from(blob);
    let file = match File::open(&blob, &Limits::default()) {
        Ok(file) => file,
        Err(Stop::Missing) => panic!("missing, of a blob that is all here"),
        Err(Stop::Failed(_)) => return,
    };
    let size = file.size().min(1 << 20);
    let Ok(whole) = file.read(&blob, 0, size as usize) else { return };
    assert_eq!(whole.len() as u64, size);
    for (start, end) in [(0, size / 3), (size / 3, size / 2), (size / 2, size)] {
        let part = file.read(&blob, start, (end - start) as usize).unwrap();
        assert!(part == whole[start as usize..end as usize]);
    }
    let mut at = 0;
    while at < size {
        let unit = file.unit(at).unwrap();
        assert!(unit.holds.contains(&at) && unit.stored.end <= blob.size());
        let stored = blob.slice(unit.stored.start as usize..unit.stored.end as usize);
        let (start, end) = (unit.holds.start as usize, unit.holds.end as usize);
        if let Some(want) = whole.get(start..end) {
            assert!(file.decode(&unit, &stored).unwrap() == want);
        }
        at = unit.holds.end;
    }
}
