//! Header fields of answers, and the URLs in them: no text makes them panic, and what they read is read again
//! the same from its plain form.

use ocipeek::net::http::{ContentRange, Url, content_range, http_date, next_link, retry_after, rfc3339};
use ocipeek::net::registry::{Challenge, parse_challenges};

/// One input: any bytes; a line break splits a base URL from a reference to be joined to it.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(got) = content_range(&text) {
        assert_eq!(content_range(&plain(&got)), Some(got));
    }
    numbers(data);
    let _ = (retry_after(&text, 1_700_000_000_000), http_date(&text), rfc3339(&text));
    if let Some(target) = next_link(&text) {
        assert!(text.contains(target));
    }
    let challenges = parse_challenges(&text);
    // Replacement characters and escapes make the plain form longer, and the parser reads only so much.
    if data.len() < 2048 {
        assert_eq!(parse_challenges(&written(&challenges)), challenges);
    }
    urls(&text);
}

fn plain(got: &ContentRange) -> String {
    let range = got.range.map_or("*".into(), |(start, end)| format!("{start}-{}", end - 1));
    let total = got.total.map_or("*".into(), |t| t.to_string());
    format!("bytes {range}/{total}")
}

/// A right Content-Range is read as what it is.
fn numbers(data: &[u8]) {
    let Some(([a, b, c], _)) = data.split_at_checked(24).and_then(|(head, rest)| {
        let at = |i: usize| Some(u64::from_le_bytes(head.get(i..i + 8)?.try_into().ok()?));
        Some(([at(0)?, at(8)?, at(16)?], rest))
    }) else {
        return;
    };
    let mut sorted = [a, b, c];
    sorted.sort_unstable();
    let [first, last, total] = sorted;
    let want = (last < total)
        .then_some(ContentRange { range: Some((first, last.saturating_add(1))), total: Some(total) });
    assert_eq!(content_range(&format!("bytes {first}-{last}/{total}")), want);
}

fn written(challenges: &[Challenge]) -> String {
    let one = |c: &Challenge| {
        let params: Vec<String> = c
            .params
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
            .collect();
        if params.is_empty() { c.scheme.clone() } else { format!("{} {}", c.scheme, params.join(", ")) }
    };
    challenges.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn urls(text: &str) {
    let (base, reference) = text.split_once('\n').unwrap_or((text, "../x"));
    let Ok(base) = Url::parse(base) else { return };
    again(&base);
    if let Ok(joined) = base.join(reference) {
        again(&joined);
    }
    // What has no scheme and does not start with // stays where it was.
    if reference.starts_with('/') && !reference.starts_with("//") {
        assert!(
            base.join(reference).is_ok_and(|j| j.same_origin(&base))
                || reference.contains(|c: char| c.is_control())
        );
    }
}

fn again(url: &Url) {
    let text = url.to_string();
    assert!(text.is_ascii());
    assert!(Url::parse(&text).is_ok_and(|again| again == *url), "{text}");
}
