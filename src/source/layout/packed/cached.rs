//! Cached form of a pass. A head says of which archive it is and carries a digest of the rest, so that damage is a
//! miss.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::super::members::{Member, Members, Place};
use super::archive::Archive;
use crate::budget::Reservation;
use crate::format::packed::{Packing, Point, Points};

const MAGIC: &[u8; 16] = b"ocipeek archv 1\n";

/// Numbers and lengths are little-endian and have eight bytes; lists and texts begin with their length.
pub(super) fn to_bytes(archive: &Archive, members: &Members, identity: &[u8; 32]) -> Bytes {
    let mut out = Writer(Vec::new());
    out.number(u64::from(archive.packing == Packing::Zstd));
    out.number(archive.total);
    out.number(archive.points.list().len() as u64);
    for Point { input, bits, output, window } in archive.points.list() {
        for number in [*input, u64::from(*bits), *output] {
            out.number(number);
        }
        out.bytes(window);
    }
    out.number(archive.small.len() as u64);
    for (start, bytes) in &archive.small {
        out.number(*start);
        out.bytes(bytes);
    }
    out.number(members.list().len() as u64);
    for (name, order, member) in members.list() {
        out.bytes(name.as_bytes());
        out.number(*order as u64);
        match member {
            Member::Other => out.number(0),
            Member::HardLink(to) => out.text(1, to),
            Member::Symlink(to) => out.text(2, to),
            Member::File(Place { start, size, runs }) => {
                let runs = runs.as_deref();
                for number in [3 + u64::from(runs.is_some()), *start, *size] {
                    out.number(number);
                }
                if let Some(runs) = runs {
                    out.number(runs.len() as u64);
                    runs.iter().flat_map(|(offset, len)| [offset, len]).for_each(|n| out.number(*n));
                }
            }
        }
    }
    [&head(identity, &out.0), &*out.0].concat().into()
}

/// What was kept of the archive of this identity, which has `size` bytes.
pub(super) fn parse(value: &[u8], identity: &[u8; 32], size: u64) -> Option<(Archive, Members)> {
    let (start, body) = value.split_at_checked(MAGIC.len() + 64)?;
    if start != head(identity, body) {
        return None;
    }
    let mut body = Reader(body);
    let packing = if body.number()? == 0 { Packing::Gzip } else { Packing::Zstd };
    let total = body.number()?;
    let points = body.list(|body| {
        let (input, bits, output) = (body.number()?, body.number()?, body.number()?);
        let window = Bytes::copy_from_slice(body.bytes()?);
        (input <= size && output <= total).then_some(())?;
        Some(Point { input, bits: u8::try_from(bits).ok()?, output, window })
    })?;
    let points = Points::from_list(packing, points)?;
    let small = body.list(|body| Some((body.number()?, Bytes::copy_from_slice(body.bytes()?))))?;
    let members = body.list(|body| {
        let (name, order) = (body.text()?, usize::try_from(body.number()?).ok()?);
        let member = match body.number()? {
            0 => Member::Other,
            1 => Member::HardLink(body.text()?),
            2 => Member::Symlink(body.text()?),
            kind => {
                let (start, size) = (body.number()?, body.number()?);
                let runs = match kind {
                    3 => None,
                    _ => Some(body.list(|body| Some((body.number()?, body.number()?)))?.into()),
                };
                Member::File(Place { start, size, runs })
            }
        };
        Some((name, order, member))
    })?;
    let held = Reservation::of(value.len()).ok()?;
    Some((Archive { packing, total, points, small, _held: held }, Members::sorted(members)))
}

fn head(identity: &[u8; 32], body: &[u8]) -> Vec<u8> {
    let digest: [u8; 32] = Sha256::digest(body).into();
    [&MAGIC[..], identity, &digest].concat()
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
    fn text(&mut self, kind: u64, text: &str) {
        self.number(kind);
        self.bytes(text.as_bytes());
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }
    /// A list grows with what is there, whatever its length says.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        let mut out = Vec::new();
        for _ in 0..count {
            out.push(item(self)?);
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> (Archive, Members) {
        let point = |input, output, len| Point { input, bits: 3, output, window: vec![7; len].into() };
        let points = Points::from_list(Packing::Gzip, vec![point(10, 0, 0), point(500, 9000, 300)]).unwrap();
        let place = |runs| Member::File(Place { start: 512, size: 700, runs });
        let members = [
            place(None),
            place(Some([(0, 5), (600, 100)].into())),
            Member::HardLink("a".into()),
            Member::Symlink("b".into()),
            Member::Other,
        ];
        let list = members.into_iter().enumerate().map(|(i, member)| (format!("n{i}"), i, member)).collect();
        let small = vec![(512, Bytes::from_static(b"small")), (9000, Bytes::new())];
        let held = Reservation::default();
        let archive = Archive { packing: Packing::Gzip, total: 12_345, points, small, _held: held };
        (archive, Members::sorted(list))
    }

    #[test]
    fn gives_back_what_was_kept_and_takes_nothing_else() {
        let (made, members) = archive();
        let identity = [9; 32];
        let value = to_bytes(&made, &members, &identity);
        let (found, found_members) = parse(&value, &identity, 600).unwrap();
        assert_eq!((found.packing, found.total, &found.small), (made.packing, made.total, &made.small));
        assert_eq!((found.points, &found_members), (made.points, &members));
        assert!(parse(&value, &[8; 32], 600).is_none(), "another archive's");
        assert!(parse(&value, &identity, 400).is_none(), "a point behind the end");
        // Whatever is in it with a right head: no panic, no large allocation.
        let body = &value[80..];
        for i in 0..body.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut body = body.to_vec();
                body[i] ^= change;
                let forged = [&head(&identity, &body), &*body].concat();
                if let Some((archive, members)) = parse(&forged, &identity, 600) {
                    let _ = (archive.small_part(&(512..515)), archive.points.before(u64::MAX));
                    let _ = (members.find("n1"), members.find("n2"), members.has("n4"));
                }
            }
            assert!(parse(&[&head(&identity, &body[..i]), &body[..i]].concat(), &identity, 600).is_none());
        }
    }
}
