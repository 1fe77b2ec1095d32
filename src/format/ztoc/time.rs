//! RFC 3339 times, as a zTOC tells modification times, in the builder's time zone.

use crate::format::tar::Mtime;

/// `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`. Of the fraction nine digits count.
pub(crate) fn rfc3339(text: &[u8]) -> Option<Mtime> {
    let (date, rest) = text.split_first_chunk::<19>()?;
    let number = |from: usize, len: usize| digits(date.get(from..from + len)?);
    let punctuation = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if punctuation.iter().any(|&(i, c)| date.get(i) != Some(&c)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = match rest.split_first() {
        Some((b'.', rest)) => {
            let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let (fraction, zone) = rest.split_at_checked(len).filter(|(f, _)| !f.is_empty())?;
            let nine = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
            (nine.fold(0_u32, |n, b| n * 10 + u32::from(b - b'0')), zone)
        }
        _ => (0, rest),
    };
    let offset = match zone {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = (hours * 60 + minutes) * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let secs = days_from_epoch(year, month, day) * 86_400 + (hour * 60 + minute) * 60 + second - offset;
    Some(Mtime { secs, nanos })
}

/// A few decimal digits and nothing else.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, for the years 0 to 9999.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Leap days before January of `year`; year 0 is a leap year.
    let leap_days = if year == 0 { 0 } else { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 };
    let before: i64 = (1..month).map(|m| days_in(year, m)).sum();
    const TO_1970: i64 = 719_528;
    year * 365 + leap_days + before + day - 1 - TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<(i64, u32)> {
        rfc3339(text.as_bytes()).map(|m| (m.secs, m.nanos))
    }

    #[test]
    fn known_times() {
        // Oracle: GNU date.
        assert_eq!(time("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(time("2025-09-09T09:09:09.987654321Z"), Some((1_757_408_949, 987_654_321)));
        assert_eq!(time("2000-02-29T23:59:59+00:00"), Some((951_868_799, 0)));
        assert_eq!(time("2024-12-31T23:00:00.5-05:30"), Some((1_735_705_800, 500_000_000)));
        assert_eq!(time("1969-12-31T23:59:59.25+14:00"), Some((-50_401, 250_000_000)));
        assert_eq!(time("0000-01-01T00:00:00Z"), Some((-62_167_219_200, 0)));
        assert_eq!(time("9999-12-31T23:59:59Z"), Some((253_402_300_799, 0)));
        assert_eq!(time("1900-03-01T00:00:00Z"), Some((-2_203_891_200, 0)));
        assert_eq!(time("2001-01-01T00:00:00.1234567899Z"), Some((978_307_200, 123_456_789)));
    }

    #[test]
    fn refuses_what_is_none() {
        for bad in [
            "",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01 00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-32T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00.1",
            "2024-01-01T00:00:00+1:00",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00Zx",
            "-024-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_day_of_400_years_follows_the_one_before() {
        let mut last = days_from_epoch(1999, 12, 31);
        for year in 2000..2400 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    let days = days_from_epoch(year, month, day);
                    assert_eq!(days, last + 1, "{year}-{month}-{day}");
                    last = days;
                }
            }
        }
    }
}
