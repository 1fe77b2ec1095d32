//! Header fields of answers. Each parser takes any text and gives `None` for what it cannot read.

use std::time::Duration;

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

/// Parses `Retry-After`: seconds, or a date of which `now_ms` (since the epoch) is subtracted.
pub fn retry_after(text: &str, now_ms: u64) -> Option<Duration> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        // A number too large for u64 is still a very long wait.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = http_date(text)?.checked_mul(1000)?;
    Some(Duration::from_millis(until.saturating_sub(now_ms)))
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

    #[test]
    fn retry_afters() {
        assert_eq!(retry_after("120", 0), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(" 0 ", 0), Some(Duration::ZERO));
        let now = 784_111_777_000 - 2500;
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_millis(2500)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now + 9000), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999999999999999999", 0), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(retry_after("-1", 0), None);
        assert_eq!(retry_after("soon", 0), None);
        assert_eq!(retry_after("", 0), None);
    }

    #[test]
    fn links() {
        assert_eq!(next_link("</v2/a?n=1>; rel=\"next\""), Some("/v2/a?n=1"));
        assert_eq!(next_link("<a>; rel=prev, <b>; title=\"x, <c>; rel=next\"; rel=\"last NEXT\""), Some("b"));
        assert_eq!(next_link("<a,b>; rel=next"), Some("a,b"));
        assert_eq!(next_link("<a>; rel=prev"), None);
        assert_eq!(next_link("a; rel=next"), None);
        assert_eq!(next_link("<a"), None);
        assert_eq!(next_link(""), None);
        assert_eq!(next_link("<a>; title=\"\\\", <b>; rel=next"), None);
    }
}
