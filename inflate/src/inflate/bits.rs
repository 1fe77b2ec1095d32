//! The input as bits, least significant first.

/// A bit reader over one call's input. It may hold bytes more than it was asked for; [`give_back`](Self::give_back) undoes that.
#[derive(Clone, Copy)]
pub struct Bits<'a> {
    pub input: &'a [u8],
    /// Bytes of `input` taken.
    pub pos: usize,
    /// The next bits. Above `count` they are either zero or what `input[pos..]` begins with.
    pub bits: u64,
    pub count: u32,
}

impl Bits<'_> {
    /// Makes at least 56 bits ready, or all there are.
    #[inline]
    pub fn refill(&mut self) {
        if let Some(bytes) = self.input.get(self.pos..).and_then(|rest| rest.first_chunk()) {
            self.bits |= u64::from_le_bytes(*bytes) << (self.count & 63);
            self.pos += (63 - self.count as usize) >> 3;
            self.count |= 56;
            return;
        }
        while self.count < 56
            && let Some(&byte) = self.input.get(self.pos)
        {
            self.bits |= u64::from(byte) << self.count;
            self.pos += 1;
            self.count += 8;
        }
    }

    /// Drops the low `n & 63` bits.
    #[inline(always)]
    pub fn drop(&mut self, n: u32) {
        self.bits >>= n & 63;
        self.count = self.count.wrapping_sub(n & 63);
    }

    /// The next `n` bits (at most 32), if there are so many.
    #[inline]
    pub fn take(&mut self, n: u32) -> Option<u32> {
        self.refill();
        if self.count < n {
            return None;
        }
        let value = self.bits & ((1 << n) - 1);
        self.drop(n);
        Some(value as u32)
    }

    /// Gives whole bytes back to the input and clears what is above the bits held.
    pub fn give_back(&mut self) {
        let bytes = (self.count as usize >> 3).min(self.pos);
        self.pos -= bytes;
        self.count -= 8 * bytes as u32;
        self.mask();
    }

    /// Clears what is above the bits held, so that they may be kept for another input.
    pub fn mask(&mut self) {
        self.bits &= (1 << (self.count & 63)) - 1;
    }
}

/// The same far from the input's end. Of `count` the low 6 bits count.
pub struct Ahead<'a> {
    pub rest: &'a [u8],
    pub bits: u64,
    pub count: u32,
}

impl Ahead<'_> {
    /// Makes at least 56 bits ready if `LEFT` bytes of input, at least 8, are left; says whether.
    #[inline(always)]
    pub fn refill<const LEFT: usize>(&mut self) -> bool {
        let Some(bytes) = self.rest.first_chunk::<LEFT>() else { return false };
        let Some(bytes) = bytes.first_chunk() else { return false };
        self.bits |= u64::from_le_bytes(*bytes) << (self.count & 63);
        self.rest = &self.rest[(!self.count as usize >> 3) & 7..];
        self.count |= 56;
        true
    }

    /// Drops the low `n & 63` bits.
    #[inline(always)]
    pub fn drop(&mut self, n: u32) {
        self.bits >>= n & 63;
        self.count = self.count.wrapping_sub(n);
    }
}
