//! The footers of eStargz: an empty gzip member whose header says where the TOC is.

/// Bytes of the longest footer.
pub const FOOTER: usize = 51;

const EXTERNAL: usize = 46;
const LEGACY: usize = 47;

/// What a layer's last bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footer {
    /// The TOC begins at this offset and ends where the footer begins, `len` bytes before the layer's end.
    Toc {
        /// Where it begins in the layer.
        offset: u64,
        /// The footer's length.
        len: u64,
    },
    /// The TOC is in another image; the footer has this length.
    External(u64),
}

/// Reads the footer from the last bytes of a layer of `size` bytes; `None` where there is none, or it points out of the layer.
pub fn footer(tail: &[u8], size: u64) -> Option<Footer> {
    if let Some(text) = subfield(tail, FOOTER, 22) {
        return toc(text, size, FOOTER);
    }
    if subfield(tail, EXTERNAL, 17) == Some(b"STARGZEXTERNALTOC") {
        return Some(Footer::External(EXTERNAL as u64));
    }
    // The extra field is no list of subfields there.
    let text = extra(tail, LEGACY, 22)?;
    toc(text, size, LEGACY)
}

/// `<16 hex digits>STARGZ`.
fn toc(text: &[u8], size: u64, len: usize) -> Option<Footer> {
    let (digits, mark) = text.split_first_chunk::<16>()?;
    if mark != b"STARGZ" {
        return None;
    }
    let digit = |b: &u8| char::from(*b).to_digit(16).map(u64::from);
    // Sixteen digits fit.
    let offset = digits.iter().try_fold(0u64, |n, b| Some(n << 4 | digit(b)?))?;
    let end = size.checked_sub(len as u64)?;
    (offset < end).then_some(Footer::Toc { offset, len: len as u64 })
}

/// The extra field of the footer of `len` bytes, if it has one of `extra_len`.
fn extra(tail: &[u8], len: usize, extra_len: usize) -> Option<&[u8]> {
    let footer = tail.get(tail.len().checked_sub(len)?..)?;
    // Magic, deflate, with an extra field; time, flags and system are of no interest.
    if footer.get(..4)? != [0x1F, 0x8B, 8, 4] {
        return None;
    }
    let &[low, high] = footer.get(10..)?.first_chunk::<2>()?;
    (usize::from(u16::from_le_bytes([low, high])) == extra_len)
        .then(|| footer.get(12..)?.get(..extra_len))
        .flatten()
}

/// The subfield `SG` of that, if it is all of it.
fn subfield(tail: &[u8], len: usize, text_len: usize) -> Option<&[u8]> {
    let field = extra(tail, len, text_len.checked_add(4)?)?;
    let (&[s, g, low, high], text) = field.split_first_chunk::<4>()?;
    ((s, g) == (b'S', b'G') && usize::from(u16::from_le_bytes([low, high])) == text_len).then_some(text)
}
