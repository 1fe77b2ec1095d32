//! ZFiles and stacks of layers, made by hand, against a plain model; and damaged ones.

use std::rc::Rc;

use bytes::Bytes;
use ocipeek::error::{Code, Error};
use ocipeek::format::ext4::{Asked, Disk, Stop};
use ocipeek::format::overlaybd::{Device, File, Stack, payload};
use ocipeek::limits::Limits;
use proptest::prelude::*;

use crate::ext4::Set;
use crate::made::{SECTOR, Said, lsmt, tar, zfile};

fn done<T>(asked: Asked<T>) -> Result<T, Error> {
    match asked {
        Ok(answer) => Ok(answer),
        Err(Stop::Failed(e)) => Err(e),
        Err(Stop::Missing) => panic!("missing, of a blob that is all here"),
    }
}

/// The whole disk that blobs are.
fn disk(blobs: &[Bytes], limits: &Limits) -> Result<Vec<u8>, Error> {
    let files = blobs.iter().map(|b| done(File::open(b, limits))).collect::<Result<Vec<_>, _>>()?;
    let layers = files.iter().zip(blobs).map(|(f, b)| done(f.layer(b, false)).map(Rc::new));
    let stack = Stack::new(layers.collect::<Result<_, _>>()?)?;
    let layers = files.iter().zip(blobs).map(|(f, b)| (f, b as &dyn Disk)).collect();
    let device = Device { stack: &stack, layers };
    Ok(done(device.read(0, device.size().min(1 << 20) as usize))?.to_vec())
}

const SECTORS: usize = 48;

#[derive(Debug, Clone)]
struct Made {
    segments: Vec<(u64, Said)>,
    packed: u8,
    block: usize,
}

fn made() -> impl Strategy<Value = Made> {
    let segment = (0..6_u64, 1..6_u16, 0..3_u8, any::<u8>());
    (prop::collection::vec(segment, 0..8), 0..5_u8, 0..3_usize).prop_map(|(parts, packed, block)| {
        let (mut at, mut segments) = (0, Vec::new());
        for (gap, len, kind, byte) in parts {
            let start = at + gap;
            at = start + u64::from(len);
            if at > SECTORS as u64 {
                break;
            }
            let data = || (0..usize::from(len) * SECTOR).map(|i| byte.wrapping_add((i / 77) as u8)).collect();
            segments.push((start, if kind == 0 { Said::Zeros(len) } else { Said::Data(data()) }));
        }
        Made { segments, packed, block: [512, 4096, 65_536][block] }
    })
}

impl Made {
    fn blob(&self) -> Bytes {
        let layer = lsmt((SECTORS * SECTOR) as u64, &self.segments);
        match self.packed {
            0 => layer.into(),
            1 => tar(&layer).into(),
            2 => tar(&zfile(&layer, self.block, false)).into(),
            3 => zfile(&layer, self.block, true).into(),
            _ => zfile(&layer, self.block, false).into(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_topmost_layer_that_has_a_sector_counts(layers in prop::collection::vec(made(), 1..5)) {
        let mut want = vec![0; SECTORS * SECTOR];
        for layer in &layers {
            for (start, said) in &layer.segments {
                let start = *start as usize * SECTOR;
                match said {
                    Said::Data(data) => want[start..start + data.len()].copy_from_slice(data),
                    Said::Zeros(len) => want[start..start + usize::from(*len) * SECTOR].fill(0),
                    Said::Target(..) => unreachable!(),
                }
            }
        }
        let blobs: Vec<_> = layers.iter().map(Made::blob).collect();
        prop_assert!(disk(&blobs, &Limits::default()).unwrap() == want);
    }
}

#[test]
fn the_wrapping_tar_is_seen_through() {
    let limits = Limits::default();
    let wrapped = tar(b"content");
    assert_eq!(payload(&wrapped, wrapped.len() as u64, &limits).unwrap(), 512..519);
    assert_eq!(payload(b"no tar", 1000, &limits).unwrap(), 0..1000);
    let e = payload(&wrapped, 518, &limits).unwrap_err();
    assert_eq!(e.code(), Code::CorruptLayer);
    // Another name has another checksum.
    assert!(payload(&[b"O", &wrapped[1..]].concat(), wrapped.len() as u64, &limits).is_err());
}

fn layer() -> Vec<u8> {
    let data = (0..9 * SECTOR).map(|i| (i / 9) as u8).collect();
    lsmt(64 << 10, &[(3, Said::Data(data)), (20, Said::Zeros(5))])
}

/// The error of a changed blob.
fn changed(blob: &[u8], change: impl Fn(&mut Vec<u8>)) -> Error {
    let mut blob = blob.to_vec();
    change(&mut blob);
    disk(&[blob.into()], &Limits::default()).unwrap_err()
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    // Without CRCs, so that fields can be changed.
    let mut plain = zfile(&layer(), 4096, true);
    let trailer = plain.len() - 512;
    plain[trailer + 32] = 2 | 4;
    assert!(disk(&[plain.clone().into()], &Limits::default()).is_ok());
    for (at, value, part) in [
        (76, 3, "algorithm 3"),
        (78, 1, "dictionary"),
        (84, 1, "dictionary"),
        (32, 2 | 4 | 32, "table of blocks compressed"),
    ] {
        let e = changed(&plain, |blob| blob[trailer + at] = value);
        assert!(e.code() == Code::Unsupported && e.message().contains(part), "{e}");
    }
    for (at, value, part) in [
        (32, 2, "not sealed"),
        (47, 1, "table of a ZFile is not inside"),
        (48, 9, "another number of blocks"),
        (73, 0, "blocks of 0 bytes"),
        (73, 3, "blocks of 768 bytes"),
        (0, b'z', "no ZFile header"),
    ] {
        let e = changed(&plain, |blob| blob[trailer + at] = value);
        assert!(e.code() == Code::CorruptLayer && e.message().contains(part), "{e}");
    }
}

#[test]
fn every_byte_is_covered_by_a_crc() {
    let good = zfile(&layer(), 4096, false);
    let want = disk(&[good.clone().into()], &Limits::default()).unwrap();
    let ends = (0..1100).chain(good.len() - 1600..good.len());
    for at in ends.chain((1100..good.len() - 1600).step_by(7)) {
        let mut blob = good.clone();
        blob[at] ^= 0x10;
        match disk(&[blob.into()], &Limits::default()) {
            Err(e) => {
                assert!(matches!(e.code(), Code::CorruptLayer | Code::Unsupported | Code::LimitExceeded))
            }
            // The LSMT file's header, which nobody reads, and the trailer, which repeats the header.
            Ok(have) => assert!(have == want && (at < 4700 || at >= good.len() - 512), "{at}"),
        }
    }
}

#[test]
fn hostile_layers_are_errors() {
    let good = layer();
    let end = good.len();
    let put = |at: usize, bytes: &'static [u8]| {
        move |blob: &mut Vec<u8>| blob[at..at + bytes.len()].copy_from_slice(bytes)
    };
    let index = u64::from_le_bytes(good[end - 4096 + 32..end - 4096 + 40].try_into().unwrap()) as usize;
    let cases: [(usize, &'static [u8], &str); 11] = [
        (end - 4096, b"X", "no LSMT trailer"),
        (end - 4096 + 24, &[0], "not a sealed layer"),
        (end - 4096 + 28, &[3], "not a sealed layer"),
        (end - 4096 + 32, &[0, 0], "index of an LSMT file is not inside"),
        (end - 4096 + 36, &[255, 255], "index of an LSMT file is not inside"),
        // A segment behind the next, over it, past the disk's end.
        (index, &[60], "overlap"),
        (index, &[15], "overlap"),
        (index + 16, &[126], "leave the disk"),
        // Before the data, behind it, in a file that there is not.
        (index + 8, &[7], "outside of its data"),
        (index + 8, &[0, 0, 1], "outside of its data"),
        (end - 4096 + 45, &[1], "max_lsmt_segments"),
    ];
    for (at, bytes, part) in cases {
        let e = changed(&good, put(at, bytes));
        assert!(e.to_string().contains(part), "{at}: {e}");
    }
    let e = changed(&good, |blob| blob.truncate(4095));
    assert_eq!(e.code(), Code::CorruptLayer);
    // Layers that name each other.
    let named = |own: u8, parent: u8| {
        let mut blob = good.clone();
        blob[end - 4096 + 56..][..36].fill(own);
        blob[end - 4096 + 93..][..36].fill(parent);
        Bytes::from(blob)
    };
    assert!(disk(&[named(b'a', b'0'), named(b'b', b'a')], &Limits::default()).is_ok());
    let e = disk(&[named(b'a', b'0'), named(b'b', b'c')], &Limits::default()).unwrap_err();
    assert!(e.message().contains("made for another layer"), "{e}");
    let many = vec![named(0, 0); 256];
    assert_eq!(disk(&many, &Limits::default()).unwrap_err().code(), Code::Unsupported);
}

#[test]
fn limits_come_first() {
    let blob = Bytes::from(zfile(&layer(), 512, false));
    let set: [(&str, Set); 3] = [
        ("max_zfile_blocks", |l| l.max_zfile_blocks = 10),
        ("max_lsmt_segments", |l| l.max_lsmt_segments = 1),
        ("max_disk_size", |l| l.max_disk_size = (64 << 10) - 1),
    ];
    for (name, set) in set {
        let mut limits = Limits::default();
        set(&mut limits);
        let e = disk(std::slice::from_ref(&blob), &limits).unwrap_err();
        assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some(name)));
    }
}
