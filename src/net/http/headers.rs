//! Header fields of answers. Each parser takes any text and gives `None` for what it cannot read.

use super::date::http_date;

/// `Content-Range: bytes …` (RFC 9110 section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// First byte and the one past the last; `None` in `bytes */N`, which says that nothing was satisfiable.
    pub range: Option<(u64, u64)>,
    /// Size of the whole; `None` where the server does not say (`*`).
    pub total: Option<u64>,
}

/// Parses `Content-Range`. Other units, several values and contradictions are `None`.
pub fn content_range(text: &str) -> Option<ContentRange> {
    let text = text.trim();
    let (unit, rest) = text.split_once(' ')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (range, total) = rest.trim_start().split_once('/')?;
    let total = if total == "*" { None } else { Some(decimal(total)?) };
    let range = if range == "*" {
        total?;
        None
    } else {
        let (first, last) = range.split_once('-')?;
        let (first, last) = (decimal(first)?, decimal(last)?);
        if last < first || total.is_some_and(|t| last >= t) {
            return None;
        }
        Some((first, last.checked_add(1)?))
    };
    Some(ContentRange { range, total })
}

/// A plain decimal number: digits only, no sign, no overflow.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// Seconds of a `Retry-After`, rounded up: a number, or a date of which `now_ms` (since the epoch) is subtracted.
pub fn retry_after(text: &str, now_ms: u64) -> Option<u32> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        // A number too large is still a very long wait.
        return Some(text.parse().unwrap_or(u32::MAX));
    }
    let until = http_date(text)?.checked_mul(1000)?;
    Some(u32::try_from(until.saturating_sub(now_ms).div_ceil(1000)).unwrap_or(u32::MAX))
}

/// The target of the first `rel="next"` link of a `Link` header (RFC 8288), as written.
pub fn next_link(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (target, after) = rest.strip_prefix('<')?.split_once('>')?;
        let (params, next) = after.split_at(find_unquoted(after, b','));
        if params_have_next(params) {
            return Some(target);
        }
        rest = next;
    }
}

/// Where the first `mark` outside quotes is, or the end.
fn find_unquoted(text: &str, mark: u8) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (i, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if b == mark && !quoted => return i,
            _ => {}
        }
    }
    text.len()
}

fn params_have_next(mut params: &str) -> bool {
    loop {
        let (param, rest) = params.split_at(find_unquoted(params, b';'));
        if let Some((name, value)) = param.split_once('=') {
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            if name.trim().eq_ignore_ascii_case("rel") && relations.any(|r| r.eq_ignore_ascii_case("next")) {
                return true;
            }
        }
        match rest.strip_prefix(';') {
            Some(rest) => params = rest,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        let some = |range, total| Some(ContentRange { range, total });
        assert_eq!(content_range("bytes 0-99/100"), some(Some((0, 100)), Some(100)));
        assert_eq!(content_range(" Bytes 5-5/* "), some(Some((5, 6)), None));
        assert_eq!(content_range("bytes */7"), some(None, Some(7)));
        for bad in [
            "",
            "bytes",
            "bytes 0-99",
            "items 0-1/2",
            "bytes 5-4/9",
            "bytes 0-9/9",
            "bytes */*",
            "bytes +0-1/2",
            "bytes 0-1/2, bytes 3-4/5",
            "bytes 0-18446744073709551615/*",
            "bytes 0-99999999999999999999/*",
            "bytes=0-1/2",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
