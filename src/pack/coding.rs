//! Numbers and strings of the format.

/// Appends a number, seven bits a byte, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Appends a number with a sign, small ones in few bytes.
pub(super) fn put_signed(out: &mut Vec<u8>, n: i64) {
    put_number(out, ((n << 1) ^ (n >> 63)).cast_unsigned());
}

/// Appends bytes and their length.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a path as what differs from the one before.
pub(super) fn put_path(out: &mut Vec<u8>, before: &[u8], path: &[u8]) {
    let shared = before.iter().zip(path).take_while(|(a, b)| a == b).count();
    put_number(out, shared as u64);
    put_bytes(out, path.get(shared..).unwrap_or_default());
}

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            n |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }

    pub(super) fn len(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let n = self.number()?;
        Some((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.len()?;
        self.take(len)
    }

    /// Makes `path` the next one.
    pub(super) fn path(&mut self, path: &mut Vec<u8>) -> Option<()> {
        let shared = self.len()?;
        if shared > path.len() {
            return None;
        }
        path.truncate(shared);
        path.extend_from_slice(self.bytes()?);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let mut out = Vec::new();
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        let signed = [0, -1, 1, -64, 64, i64::MAX, i64::MIN];
        numbers.iter().for_each(|&n| put_number(&mut out, n));
        signed.iter().for_each(|&n| put_signed(&mut out, n));
        let mut cursor = Cursor(&out);
        assert!(numbers.iter().all(|&n| cursor.number() == Some(n)));
        assert!(signed.iter().all(|&n| cursor.signed() == Some(n)));
        assert!(cursor.0.is_empty() && cursor.number().is_none());
        assert!(Cursor(&[0xff; 10]).number().is_none());
        assert!(Cursor(&[0x80; 20]).number().is_none());
    }

    #[test]
    fn paths_come_back() {
        let paths: [&[u8]; 6] = [b"", b"etc", b"etc/passwd", b"etc/shadow", b"usr", b""];
        let (mut out, mut before) = (Vec::new(), &b""[..]);
        for path in paths {
            put_path(&mut out, before, path);
            before = path;
        }
        let (mut cursor, mut path) = (Cursor(&out), Vec::new());
        for want in paths {
            cursor.path(&mut path).unwrap();
            assert_eq!(path, want);
        }
        assert!(Cursor(&[1, 0]).path(&mut Vec::new()).is_none());
    }
}
