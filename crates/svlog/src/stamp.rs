//! The stamp that a line begins with, in each form that multilog writes; then comes a space or the end of the line.
//!
//! | form | example |
//! |---|---|
//! | TAI64N | `@400000006a28b1a11f9add15` |
//! | ISO 8601 with offset, or in UTC | `2026-11-27T22:40:01.123456789+01:00`, `…Z` |
//! | Unix time | `1764283201.123456789` |

use daemontools_core::label::Label;

/// A moment, whatever its form in the log.
pub type Stamp = Label;

/// How many bytes tell whether a line begins with a stamp: the longest form, and the byte after it.
pub const NEEDED: usize = 36;

/// The stamp of a line, and the rest of the line from the space on.
pub fn split(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (stamp, rest) = match line.first()? {
        b'@' => Label::from_text(line)?,
        b'0'..=b'9' if line.get(4) == Some(&b'-') => iso(line)?,
        b'0'..=b'9' => unix(line)?,
        _ => return None,
    };
    matches!(rest.first(), None | Some(b' ' | b'\n')).then_some((stamp, rest))
}

/// `2026-11-27T22:40:01.123456789`, then `Z` or an offset such as `+01:00`.
fn iso(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (text, rest) = line.split_at_checked(29)?;
    for (at, separator) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.')] {
        if text.get(at) != Some(&separator) {
            return None;
        }
    }
    let part = |from: usize, below: i64| number(text.get(from..from + 2)?).filter(|&part| part < below);
    let (year, month, day) = (number(text.get(..4)?)?, part(5, 13)?, part(8, 32)?);
    // A leap second is the one after it.
    let (hour, minute, second) = (part(11, 24)?, part(14, 60)?, part(17, 61)?);
    let nanoseconds = number(text.get(20..)?)?;
    if month == 0 || day == 0 {
        return None;
    }
    let (offset, rest) = offset(rest)?;
    let unix = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    Some((Label::from_unix(unix, u32::try_from(nanoseconds).ok()?), rest))
}

/// `Z` or `+01:00`, in seconds east of Greenwich.
fn offset(text: &[u8]) -> Option<(i64, &[u8])> {
    let sign = match text.first()? {
        b'Z' => return Some((0, text.get(1..)?)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(text.get(1..3)?)?, number(text.get(4..6)?)?);
    (text.get(3) == Some(&b':')).then_some((sign * (hours * 3600 + minutes * 60), text.get(6..)?))
}

/// `1764283201.123456789`
fn unix(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let whole = line.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let (seconds, rest) = line.split_at_checked(whole)?;
    let (nanoseconds, rest) = rest.strip_prefix(b".")?.split_at_checked(9)?;
    Some((Label::from_unix(number(seconds)?, u32::try_from(number(nanoseconds)?).ok()?), rest))
}

/// What decimal digits are worth, of which there are a few.
fn number(digits: &[u8]) -> Option<i64> {
    let value = |digit: &u8| digit.is_ascii_digit().then(|| i64::from(digit - b'0'));
    digits.iter().try_fold(0, |number, digit| Some(number * 10 + value(digit)?))
}

/// Days from 1970-01-01 to a date, in the calendar of today at all times.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // A year begins in March, so that its last day is the one that may be missing.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<(i64, u32, String)> {
        let (stamp, rest) = split(line.as_bytes())?;
        Some((stamp.to_unix(), stamp.nanoseconds(), String::from_utf8_lossy(rest).into_owned()))
    }

    #[test]
    fn a_stamp_is_whole_lower_case_and_alone() {
        let stamp = "@400000003b9aca0a0000000f";
        for rest in [" x\n", "\n", ""] {
            assert_eq!(found(&format!("{stamp}{rest}")), Some((1_000_000_000, 15, rest.into())));
        }
        for line in [&format!("{stamp}x"), &format!("{stamp}0 x"), "", "@400000003B9ACA0A00000000 x", "@4 x"] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn every_form_that_multilog_writes_is_read() {
        let moment = 1_795_815_601;
        for stamp in [
            "@400000006b09f8bb075bcd15",
            "2026-11-27T22:40:01.123456789+01:00",
            "2026-11-27T21:40:01.123456789Z",
            "2026-11-27T16:10:01.123456789-05:30",
            "1795815601.123456789",
        ] {
            assert_eq!(found(&format!("{stamp} x")), Some((moment, 123_456_789, " x".into())), "{stamp}");
            assert_eq!(found(&format!("{stamp}x")), None, "{stamp}");
            assert!(stamp.len() < NEEDED);
        }
        assert_eq!(found("1970-01-01T00:00:00.000000000Z"), Some((0, 0, String::new())));
        assert_eq!(found("2000-02-29T23:59:60.000000001Z"), Some((951_868_800, 1, String::new())));
        assert_eq!(found("1969-12-31T23:59:59.500000000Z\n"), Some((-1, 500_000_000, "\n".into())));
    }

    #[test]
    fn what_only_looks_like_a_stamp_is_none() {
        for line in [
            "2026-11-27T22:40:01.123456789 x",
            "2026-11-27 22:40:01.123456789Z x",
            "2026-13-27T22:40:01.123456789Z x",
            "2026-00-27T22:40:01.123456789Z x",
            "2026-11-27T24:40:01.123456789Z x",
            "2026-11-27T22:40:01.12345678Z x",
            "2026-11-27T22:40:01.123456789+0100 x",
            "1795815601.12345678 x",
            "1795815601.1234567890 x",
            "1234567890123.123456789 x",
            "17 lines",
            "2026-",
            ".5",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let mut expected = days(1600, 1, 1);
        for year in 1600..2500 {
            let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(lengths) {
                for day in 1..=length {
                    assert_eq!(days(year, month, day), expected, "{year}-{month}-{day}");
                    expected += 1;
                }
            }
        }
        assert_eq!((days(1970, 1, 1), days(2001, 9, 9)), (0, 11574));
    }
}
