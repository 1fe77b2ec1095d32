//! Modification times as text, in UTC.

use crate::format::tar::Mtime;

/// RFC 3339 with as much of a fraction as there is, as Go's `time.Time.MarshalText` writes it; empty for what is not
/// in the years 0 to 9999, of which Go makes no text.
pub(super) fn rfc3339(time: Mtime) -> String {
    let day = time.secs.div_euclid(86_400);
    let second = time.secs.rem_euclid(86_400);
    // 0000-01-01 and 10000-01-01.
    if !(-719_528..2_932_897).contains(&day) {
        return String::new();
    }
    let (year, month, date) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut out = format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}");
    if time.nanos != 0 {
        let fraction = format!(".{:09}", time.nanos);
        out.push_str(fraction.trim_end_matches('0'));
    }
    out.push('Z');
    out
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar.
fn civil(day: i64) -> (i64, i64, i64) {
    // Days from 0000-03-01, so that leap days end years; then cycles of 400 years.
    let day = day + 719_468;
    let (cycle, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::ztoc::time::rfc3339 as read;

    fn text(secs: i64, nanos: u32) -> String {
        rfc3339(Mtime { secs, nanos })
    }

    #[test]
    fn known_times() {
        // Oracle: Go's time.Time.MarshalText.
        assert_eq!(text(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(text(-1, 999_999_999), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(text(1_757_408_949, 987_654_320), "2025-09-09T09:09:09.98765432Z");
        assert_eq!(text(951_868_799, 500_000_000), "2000-02-29T23:59:59.5Z");
        assert_eq!(text(-62_167_219_200, 0), "0000-01-01T00:00:00Z");
        assert_eq!(text(-62_167_219_201, 999_999_999), "");
        assert_eq!(text(253_402_300_799, 1), "9999-12-31T23:59:59.000000001Z");
        assert_eq!(text(253_402_300_800, 0), "");
        assert_eq!((text(i64::MIN, 0), text(i64::MAX, 0)), (String::new(), String::new()));
    }

    #[test]
    fn every_day_reads_back() {
        for day in (-719_528..2_932_897).step_by(29) {
            let time = Mtime { secs: day * 86_400 + 86_399, nanos: 10 };
            assert_eq!(read(rfc3339(time).as_bytes()), Some(time), "{day}");
        }
    }
}
