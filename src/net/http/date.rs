//! The two date formats that registries send: HTTP-date (RFC 9110 section 5.6.7) and RFC 3339.

/// Seconds since the epoch of an HTTP-date in any of its three forms; `None` for what is none.
pub fn http_date(text: &str) -> Option<u64> {
    if text.len() > 64 {
        return None;
    }
    let words: Vec<&str> = text.split([' ', ',', '-', ':']).filter(|w| !w.is_empty()).collect();
    // Sun, 06 Nov 1994 08:49:37 GMT | Sunday, 06-Nov-94 08:49:37 GMT | Sun Nov  6 08:49:37 1994
    let [_, a, b, c, d, e, f] = words.get(..7)?.try_into().ok()?;
    let (day, month, year, hour, minute, second) = if number(a).is_some() {
        if words.get(7).copied()? != "GMT" {
            return None;
        }
        let year = match (c.len(), number(c)?) {
            (2, y @ 70..) => y + 1900,
            (2, y) => y + 2000,
            (_, y) => y,
        };
        (a, b, year, d, e, f)
    } else {
        (b, a, number(f)?, c, d, e)
    };
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if month.len() != 3 {
        return None;
    }
    let at = MONTHS.find(month).filter(|i| i % 3 == 0)?;
    let month = u64::try_from(at / 3).ok()? + 1;
    seconds(year, month, number(day)?, [number(hour)?, number(minute)?, number(second)?])
}

/// Milliseconds since the epoch of an RFC 3339 date and time; `None` for what is none.
pub fn rfc3339(text: &str) -> Option<u64> {
    let b = text.as_bytes();
    let cut = |from: usize, to: usize| number(text.get(from..to)?);
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(i, c)| b.get(i) != Some(&c)) || !matches!(b.get(10), Some(b'T' | b't' | b' '))
    {
        return None;
    }
    let local = seconds(cut(0, 4)?, cut(5, 7)?, cut(8, 10)?, [cut(11, 13)?, cut(14, 16)?, cut(17, 19)?])?;
    let mut rest = text.get(19..)?;
    let mut millis = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let len = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if len == 0 {
            return None;
        }
        for (digit, weight) in fraction.bytes().take(len).zip([100, 10, 1]) {
            millis += u64::from(digit - b'0') * weight;
        }
        rest = fraction.get(len..)?;
    }
    let utc = match rest.as_bytes() {
        [b'Z' | b'z'] => local,
        [sign @ (b'+' | b'-'), ..] if rest.len() == 6 && rest.as_bytes()[3] == b':' => {
            let offset = number(rest.get(1..3)?)? * 3600 + number(rest.get(4..6)?)? * 60;
            if *sign == b'+' { local.checked_sub(offset)? } else { local + offset }
        }
        _ => return None,
    };
    Some(utc * 1000 + millis)
}

fn number(digits: &str) -> Option<u64> {
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// From a civil date (proleptic Gregorian), 1970 and later.
fn seconds(year: u64, month: u64, day: u64, [hour, minute, second]: [u64; 3]) -> Option<u64> {
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid {
        return None;
    }
    // Years begin in March, so that the leap day is the last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    const EPOCH: u64 = 719_468;
    Some((days - EPOCH) * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_in_three_forms() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(http_date(text), Some(784_111_777), "{text}");
        }
        assert_eq!(http_date("Thu, 29 Feb 2024 23:59:60 GMT"), Some(1_709_251_200));
        for text in [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 ovD 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn rfc3339_dates() {
        assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(rfc3339("1994-11-06T08:49:37Z"), Some(784_111_777_000));
        assert_eq!(rfc3339("1994-11-06T10:49:37.123456789+02:00"), Some(784_111_777_123));
        assert_eq!(rfc3339("1994-11-06t01:49:37.5-07:00"), Some(784_111_777_500));
        assert_eq!(rfc3339("2000-03-01T00:00:00Z"), Some(951_868_800_000));
        for text in [
            "",
            "1994-11-06",
            "1994-11-06T08:49:37",
            "1994-13-06T08:49:37Z",
            "1994-11-06T08:49:37.Z",
            "1994-11-06T08:49:3\u{e9}Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
