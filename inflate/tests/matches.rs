//! Matches of every small distance and all lengths, as C zlib writes them, come out as they went in.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use ocipeek_inflate::{Inflate, Stop};

/// Bytes in front of the output and behind its limit, that must stay.
const GUARD: usize = 512;

/// Runs that repeat what is `distance` bytes before, of growing lengths, between bytes that match nothing.
fn runs(distance: usize) -> Vec<u8> {
    let (mut data, mut noise) = (Vec::new(), 0x9E37_79B9_7F4A_7C15_u64);
    let mut next = || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise.to_le_bytes()[3]
    };
    for len in 3..=270 {
        data.extend((0..distance).map(|_| next()));
        (0..len).for_each(|_| data.push(data[data.len() - distance]));
    }
    data
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(9));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn whole_and_up_to_a_limit() {
    for distance in 1..=80 {
        let data = runs(distance);
        let deflated = deflate(&data);
        for limit in [data.len(), data.len() / 2, data.len() / 3] {
            let mut out = vec![0xA5; data.len() + 2 * GUARD];
            let progress = Inflate::new(0, 0).run(&deflated, &mut out, GUARD, limit, false);
            let stop = if limit == data.len() { Stop::StreamEnd } else { Stop::OutputFull };
            assert_eq!((progress.stop, progress.produced), (stop, limit), "distance {distance}");
            assert!(out[GUARD..GUARD + limit] == data[..limit], "distance {distance}, limit {limit}");
            let guards = [&out[..GUARD], &out[GUARD + limit..]];
            assert!(guards.iter().all(|g| g.iter().all(|&b| b == 0xA5)), "distance {distance}");
        }
    }
}

#[test]
fn by_pieces_of_input_and_output() {
    for distance in (1..=33).chain([255, 256, 257, 258, 259, 400]) {
        let data = runs(distance);
        let deflated = deflate(&data);
        let mut out = vec![0; data.len()];
        let (mut inflate, mut taken, mut made, mut piece) = (Inflate::new(0, 0), 0, 0, 0);
        loop {
            piece += 97;
            let to = deflated.len().min(taken + 20 + piece % 700);
            let limit = 1 + (piece * 7) % 1900;
            let progress = inflate.run(&deflated[taken..to], &mut out, made, limit, piece % 2 == 0);
            taken += progress.consumed;
            made += progress.produced;
            assert_ne!(progress.stop, Stop::Broken, "distance {distance}");
            if progress.stop == Stop::StreamEnd {
                break;
            }
        }
        assert!(out == data && taken == deflated.len(), "distance {distance}");
    }
}
