//! Numbers and strings of tar headers, read as Go's `archive/tar` reads them (the builder of zTOCs).

use super::Mtime;

/// A fixed field's string: up to the first NUL.
pub(super) fn string(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

/// A numeric field: base 256 (GNU) where the top bit is set, else octal in spaces and NULs; empty is 0.
pub(super) fn numeric(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => base256(field),
        _ => octal(field),
    }
}

/// Two's complement, big-endian, without the marker bit.
fn base256(field: &[u8]) -> Option<i64> {
    let negative = field.first().is_some_and(|b| b & 0x40 != 0);
    let invert = if negative { 0xff } else { 0 };
    let mut x: u64 = 0;
    for (i, &b) in field.iter().enumerate() {
        let b = (b ^ invert) & if i == 0 { 0x7f } else { 0xff };
        if x >> 56 != 0 {
            return None;
        }
        x = x << 8 | u64::from(b);
    }
    let x = i64::try_from(x).ok()?;
    Some(if negative { !x } else { x })
}

/// An octal field; what is past 63 bits is `None`.
pub(super) fn octal(field: &[u8]) -> Option<i64> {
    let pad = |b: &u8| matches!(b, b' ' | 0);
    let Some(start) = field.iter().position(|b| !pad(b)) else { return Some(0) };
    let end = field.iter().rposition(|b| !pad(b))? + 1;
    let digits = string(field.get(start..end)?);
    let mut x: i64 = 0;
    for b in digits {
        let digit = b.checked_sub(b'0').filter(|d| *d < 8)?;
        x = x.checked_mul(8)?.checked_add(i64::from(digit))?;
    }
    (!digits.is_empty()).then_some(x)
}

/// A decimal number with an optional sign and nothing else.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |x, b| {
        let digit = i64::from(b.checked_sub(b'0').filter(|d| *d < 10)?);
        let x = x.checked_mul(10)?;
        if negative { x.checked_sub(digit) } else { x.checked_add(digit) }
    })
}

/// A PAX time: decimal seconds with a fraction of which nine digits count.
pub(super) fn pax_time(text: &[u8]) -> Option<Mtime> {
    let mut parts = text.splitn(2, |&b| b == b'.');
    let whole = parts.next()?;
    let secs = decimal(whole)?;
    let mut nanos: u32 = 0;
    let mut weight = 100_000_000;
    for b in parts.next().unwrap_or_default() {
        nanos += u32::from(b.checked_sub(b'0').filter(|d| *d < 10)?) * weight;
        weight /= 10;
    }
    if nanos != 0 && whole.first() == Some(&b'-') {
        // -1.25 is 1.25 s before the epoch; nanoseconds count upwards from the whole second below.
        return Some(Mtime { secs: secs.checked_sub(1)?, nanos: 1_000_000_000 - nanos });
    }
    Some(Mtime { secs, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_fields() {
        assert_eq!(octal(b"0000644\0"), Some(0o644));
        assert_eq!(octal(b" 644 \0\0"), Some(0o644));
        assert_eq!(octal(b"\0\0\0"), Some(0));
        assert_eq!(octal(b"12\0junk"), Some(0o12));
        assert_eq!(octal(b"777777777777"), Some(0o777_777_777_777));
        for bad in [&b"8"[..], b"-1", b"1 2", b"x", b"7777777777777777777777"] {
            assert_eq!(octal(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn base256_fields() {
        assert_eq!(numeric(b"\x80\0\0\0\0\0\0\x01\0\0\0\0"), Some(1 << 32));
        assert_eq!(numeric(&[0xff; 8]), Some(-1));
        assert_eq!(numeric(b"\xff\xff\xff\xff\xff\xff\xff\xfe"), Some(-2));
        assert_eq!(numeric(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), Some(i64::MAX));
        assert_eq!(numeric(b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0"), Some(i64::MIN));
        assert_eq!(numeric(b"\x80\0\0\0\x80\0\0\0\0\0\0\0"), None);
        assert_eq!(numeric(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"), None);
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal(b"+12"), Some(12));
        assert_eq!(decimal(b"-9223372036854775808"), Some(i64::MIN));
        for bad in [&b""[..], b"-", b"9223372036854775808", b"1_0", b" 1", b"1.", b"0x1"] {
            assert_eq!(decimal(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn pax_times() {
        let time = |t: &str| pax_time(t.as_bytes()).map(|m| (m.secs, m.nanos));
        assert_eq!(time("1350244992.023960108"), Some((1_350_244_992, 23_960_108)));
        assert_eq!(time("1.5"), Some((1, 500_000_000)));
        assert_eq!(time("1."), Some((1, 0)));
        assert_eq!(time("1.0000000009"), Some((1, 0)));
        assert_eq!(time("-1.25"), Some((-2, 750_000_000)));
        assert_eq!(time("-0.5"), Some((-1, 500_000_000)));
        assert_eq!(time("-1"), Some((-1, 0)));
        for bad in ["", ".5", "1.2.3", "1.x", "1e3"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }
}
