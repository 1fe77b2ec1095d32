//! Gzip checkpoints, and layers whose contents are in another one.

use bytes::Bytes;
use ocipeek::error::{Code, Error};
use ocipeek::format::extent::{Codec, decode};
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::format::overlaybd::{Checkpoints, Metadata, Source, listing};
use ocipeek::limits::Limits;

use crate::ext4;
use crate::layout::Layout;
use crate::made::{SECTOR, Said, crc32c, lsmt};

/// The `gzip.meta` of the fixture's upper layer, and that layer.
pub fn fixture() -> (Vec<u8>, Bytes) {
    let layout = Layout::open("turbooci-ext4");
    let layer = &layout.layers()[1];
    let target: Digest =
        layer.annotations["containerd.io/snapshot/overlaybd/turbo-oci/target-digest"].parse().unwrap();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*layout.blob(&layer.digest)), &mut tar)
        .unwrap();
    let at = tar.windows(8).position(|w| w == b"ddgzidx\0").unwrap();
    let size = u64::from_le_bytes(tar[at + 41..at + 49].try_into().unwrap()) as usize;
    (tar[at..at + size].to_vec(), layout.blob(&target))
}

#[test]
fn every_checkpoint_leads_to_what_zlib_inflates() {
    let (meta, layer) = fixture();
    let all = Checkpoints::parse(meta.into(), &Limits::default()).unwrap();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*layer), &mut tar).unwrap();
    assert_eq!((all.gzip_size(), all.tar_size()), (layer.len() as u64, tar.len() as u64));
    let mut at = 0;
    while at < all.tar_size() {
        let i = all.find(at).unwrap();
        let (input, output) = (all.input(i).unwrap(), all.output(i).unwrap());
        assert_eq!(output.start, at);
        let codec = Codec::Zran { bits: all.bits(i).unwrap(), window: all.window(i).unwrap() };
        let input = layer.slice(input.start as usize..input.end as usize);
        let data = decode(&codec, input, output.end - output.start, &Limits::default()).unwrap();
        assert!(data == tar[output.start as usize..output.end as usize], "{i}");
        at = output.end;
    }
    assert!(all.find(at).is_none() && all.window(99).is_err());
}

#[test]
fn hostile_checkpoints_are_errors() {
    let (good, _) = fixture();
    let seal = |mut meta: Vec<u8>| {
        let crc = crc32c(0, &meta[..329]);
        meta[329..333].copy_from_slice(&crc.to_le_bytes());
        meta
    };
    let parse = |meta: Vec<u8>, limits: &Limits| Checkpoints::parse(meta.into(), limits);
    let limits = Limits::default();
    assert!(parse(seal(good.clone()), &limits).is_ok());
    let mut damaged = good.clone();
    damaged[100] ^= 1;
    assert!(parse(damaged, &limits).unwrap_err().message().contains("CRC"));
    let changed = |at: usize, bytes: &[u8]| -> Error {
        let mut meta = good.clone();
        meta[at..at + bytes.len()].copy_from_slice(bytes);
        parse(seal(meta), &limits).unwrap_err()
    };
    for (at, bytes, code, part) in [
        (8, &[2][..], Code::Unsupported, "version 2"),
        (10, &[2], Code::Unsupported, "algorithm 2"),
        (21, &[30], Code::Unsupported, "version"),
        (25, &[3], Code::CorruptLayer, "compressed wrongly"),
        (28, &[1], Code::LimitExceeded, "max_spans"),
        (320, &[1], Code::CorruptLayer, "not inside"),
        (321, &[1], Code::CorruptLayer, "not inside"),
        (33, &[0, 0, 0], Code::CorruptLayer, "outside of its layer"),
        (49, &[0, 0, 0], Code::CorruptLayer, "outside of its layer"),
    ] {
        let e = changed(at, bytes);
        assert!(e.code() == code && e.to_string().contains(part), "{at}: {e}");
    }
    for end in 0..good.len() {
        assert!(parse(good[..end].to_vec(), &limits).is_err());
    }
    // Entries that are not compressed, out of order.
    let raw = |entries: &[(u64, u64, u64, u8, u32)]| {
        let mut meta = good[..333].to_vec();
        meta[10] = 0;
        meta[25..33].copy_from_slice(&(entries.len() as u64).to_le_bytes());
        meta[313..321].copy_from_slice(&333_u64.to_le_bytes());
        meta[321..329].copy_from_slice(&(entries.len() as u64 * 29).to_le_bytes());
        for (output, input, window, bits, len) in entries {
            for n in [output, input, window] {
                meta.extend_from_slice(&n.to_le_bytes());
            }
            meta.push(*bits);
            meta.extend_from_slice(&len.to_le_bytes());
        }
        parse(seal(meta), &limits)
    };
    assert!(raw(&[(0, 10, 0, 0, 0), (9, 11, 0, 7, 0)]).is_ok());
    for entries in [
        &[][..],
        &[(1, 10, 0, 0, 0)],
        &[(0, 9, 0, 0, 0)],
        &[(0, 10, 0, 8, 0)],
        &[(0, 10, 0, 0, 0), (9, 9, 0, 0, 0)],
        &[(0, 11, 0, 0, 0), (9, 10, 0, 0, 0)],
        &[(0, 10, 0, 0, 0), (9, 12, 0, 0, 0), (8, 13, 0, 0, 0)],
        &[(0, 10, 391, 0, 1)],
        &[(0, 10, u64::MAX, 0, 1)],
    ] {
        assert_eq!(raw(entries).unwrap_err().code(), Code::CorruptLayer, "{entries:?}");
    }
    assert_eq!(raw(&[(0, 10, 0, 0, 5)]).unwrap().window(0).unwrap_err().code(), Code::CorruptLayer);
}

#[test]
fn a_metadata_layer_must_hold_a_file_system() {
    let limits = Limits::default();
    let e = Metadata::unpack(&[0; 1024], &limits).unwrap_err();
    assert!(e.message().contains("neither ext4.fs.meta nor erofs.fs.meta"), "{e}");
    let layout = Layout::open("turbooci-erofs");
    let blob = layout.blob(&layout.layers()[0].digest);
    assert!(Metadata::unpack(&blob, &limits).unwrap().is_erofs);
    assert!(Metadata::unpack(&blob[..blob.len() - 9], &limits).is_err());
    let mut small = Limits::default();
    small.max_metadata_size = 5000;
    assert_eq!(Metadata::unpack(&blob, &small).unwrap_err().limit_name(), Some("max_metadata_size"));
}

/// Contents in a layer that is not compressed: a file's blocks in three places, of which the middle one is zeros.
#[test]
fn contents_lie_in_a_tar_as_they_are() {
    let image = ext4::image("tiny");
    let content: Vec<u8> = (0..4097).map(|i| (i * 7 % 251) as u8).collect();
    let at = image.windows(4097).position(|w| w == content).unwrap();
    let sector = (at / SECTOR) as u64;
    let mut metadata = image.clone();
    metadata[at..at + 5120].fill(0xee);
    let before = metadata[..at].to_vec();
    let after = metadata[at + 5120..].to_vec();
    let layer = lsmt(
        image.len() as u64,
        &[
            (0, Said::Data(before)),
            (sector, Said::Target(3, 7)),
            (sector + 3, Said::Zeros(2)),
            (sector + 5, Said::Target(5, 300)),
            (sector + 10, Said::Data(after)),
        ],
    );
    let descriptor = |data: &[u8], size| Descriptor::new("application/octet-stream", Digest::of(data), size);
    let target = descriptor(b"tar", 0);
    let source = Source {
        descriptor: descriptor(&layer, layer.len() as u64),
        data: layer.into(),
        is_erofs: false,
        target: Some((target.clone(), None)),
    };
    let listing = listing(vec![source], &Limits::default()).unwrap();
    assert_eq!(listing.blobs[1].digest, target.digest);
    // As far as it is known to reach.
    assert_eq!(listing.blobs[1].size, 305 * SECTOR as u64);
    let entry = listing.table.iter().position(|e| e.name == b"dir/size-4097").unwrap();
    let extents = listing.extents.extents(entry, 0..4097).unwrap();
    let found: Vec<_> = extents
        .iter()
        .map(|e| {
            (
                e.file_offset,
                e.len,
                e.unit.blob.0,
                e.unit.offset,
                e.unit.length,
                e.skip,
                matches!(e.unit.codec, Codec::Zeros),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (0, 1536, 1, 0, 131_072, 7 * 512, false),
            (1536, 1024, 0, 0, 0, 0, true),
            (2560, 1537, 1, 131_072, 25_088, 300 * 512 - 131_072, false),
        ]
    );
}
