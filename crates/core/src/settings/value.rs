//! The values of settings: a file's contents become a time, a range, a signal and so on, or a problem with words for it.

use std::time::Duration;

use crate::signal::Signal;
use crate::text::number;

/// The longest time that a setting may name.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

/// The most ends that `restart-limit` may name: supervise remembers so many.
pub const MOST_ENDS: u32 = 100;

/// Why a value cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem(pub &'static str);

/// What a setting's file says: its first line without blanks and tabs at its end. `None`: the line is `off`, and the
/// setting is as if the file were not there.
pub fn line(contents: &[u8]) -> Option<&[u8]> {
    let line = contents.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
    let line = line.get(..end).unwrap_or_default();
    (line != b"off").then_some(line)
}

/// A switch: `on`, or nothing at all, which means the same.
pub fn switch(line: &[u8]) -> Result<(), Problem> {
    if line.is_empty() || line == b"on" { Ok(()) } else { Err(Problem("not on or off")) }
}

/// A time with its unit: `500ms`, `10s`, `2m`, `1h`.
pub fn time(line: &[u8]) -> Result<Duration, Problem> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = line.split_at(digits);
    if digits.is_empty() {
        return Err(Problem("not a time"));
    }
    let milliseconds = match unit {
        b"ms" => 1,
        b"s" => 1000,
        b"m" => 60 * 1000,
        b"h" => 60 * 60 * 1000,
        b"" => return Err(Problem("not a time: its unit is missing (ms, s, m or h)")),
        _ => return Err(Problem("not a time")),
    };
    let time = number(digits).and_then(|count| count.checked_mul(milliseconds)).map(Duration::from_millis);
    time.filter(|time| *time <= LONGEST).ok_or(Problem("not a time: too long"))
}

/// Two times, the second not shorter: `1s..60s`. A single time is both.
pub fn range(line: &[u8]) -> Result<(Duration, Duration), Problem> {
    let (shortest, longest) = match line.windows(2).position(|pair| pair == b"..") {
        Some(at) => (time(line.get(..at).unwrap_or_default())?, time(line.get(at + 2..).unwrap_or_default())?),
        None => (time(line)?, time(line)?),
    };
    if shortest > longest {
        Err(Problem("not a range: it begins with the longer time"))
    } else {
        Ok((shortest, longest))
    }
}

/// How many in which time: `5/60s`.
pub fn limit(line: &[u8]) -> Result<(u32, Duration), Problem> {
    const PROBLEM: Problem = Problem("not a number up to 100 and a time, as in 5/60s");
    let at = line.iter().position(|&byte| byte == b'/').ok_or(PROBLEM)?;
    let (count, span) = line.split_at(at);
    let count = whole_number(count).map_err(|_| PROBLEM)?;
    let span = time(span.get(1..).unwrap_or_default()).map_err(|_| PROBLEM)?;
    if span.is_zero() || count > MOST_ENDS { Err(PROBLEM) } else { Ok((count, span)) }
}

/// A number from 1 up.
pub fn count(line: &[u8]) -> Result<u32, Problem> {
    whole_number(line).ok().filter(|&count| count > 0).ok_or(Problem("not a number from 1 up"))
}

/// A descriptor's number, from 3 up.
pub fn descriptor(line: &[u8]) -> Result<u32, Problem> {
    let known = whole_number(line).ok().filter(|number| (3..=i32::MAX as u32).contains(number));
    known.ok_or(Problem("not a descriptor from 3 up"))
}

/// A signal by its name, with or without `SIG`, or by its number.
pub fn signal(line: &[u8]) -> Result<Signal, Problem> {
    let by_number = || i32::try_from(number(line)?).ok().and_then(Signal::from_number);
    Signal::from_name(line).or_else(by_number).ok_or(Problem("not a signal"))
}

/// A number that fits into 32 bits.
fn whole_number(digits: &[u8]) -> Result<u32, Problem> {
    number(digits).and_then(|number| u32::try_from(number).ok()).ok_or(Problem("not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_without_blanks_at_its_end() {
        assert_eq!(line(b"10s \t\nmore"), Some(&b"10s"[..]));
        assert_eq!(line(b" 10s"), Some(&b" 10s"[..]));
        assert_eq!(line(b"\n10s"), Some(&b""[..]));
        assert_eq!(line(b""), Some(&b""[..]));
        assert_eq!(line(b"off \nx"), None);
        assert_eq!(line(b"offx"), Some(&b"offx"[..]));
    }

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(time(b"500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time(b"10s"), Ok(Duration::from_secs(10)));
        assert_eq!(time(b"2m"), Ok(Duration::from_secs(120)));
        assert_eq!(time(b"1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(time(b"0s"), Ok(Duration::ZERO));
        for text in [&b""[..], b"s", b"10", b"10 s", b"-1s", b"+1s", b"1.5s", b"10S", b"10d", b"1s\r", b"\xff", b"s10"]
        {
            assert!(time(text).is_err(), "{text:?}");
        }
        for text in [&b"1000000001s"[..], b"99999999999999999999s", b"18446744073709551615h"] {
            assert_eq!(time(text), Err(Problem("not a time: too long")), "{text:?}");
        }
    }

    #[test]
    fn a_range_is_one_time_or_two_in_order() {
        let seconds = |shortest, longest| Ok((Duration::from_secs(shortest), Duration::from_secs(longest)));
        assert_eq!(range(b"1s..60s"), seconds(1, 60));
        assert_eq!(range(b"5s"), seconds(5, 5));
        assert_eq!(range(b"5s..5s"), seconds(5, 5));
        for text in [&b"60s..1s"[..], b"..60s", b"1s..", b"1s...60s", b"1s-60s", b"1..60s", b""] {
            assert!(range(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_limit_is_a_number_and_a_time() {
        assert_eq!(limit(b"5/60s"), Ok((5, Duration::from_secs(60))));
        assert_eq!(limit(b"0/1m"), Ok((0, Duration::from_secs(60))));
        for text in [&b"5"[..], b"5/60", b"/60s", b"5/", b"5/0s", b"-1/60s", b"4294967296/1s", b"101/1h", b"5 / 60s"] {
            assert!(limit(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn numbers_and_switches_are_nothing_else() {
        assert_eq!((switch(b""), switch(b"on")), (Ok(()), Ok(())));
        assert!(switch(b"ON").is_err() && switch(b"1").is_err() && switch(b"yes").is_err());
        assert_eq!((count(b"3"), descriptor(b"3")), (Ok(3), Ok(3)));
        assert!(count(b"0").is_err() && descriptor(b"2").is_err() && descriptor(b"2147483648").is_err());
        assert_eq!(signal(b"SIGTERM"), Ok(Signal::TERM));
        assert_eq!((signal(b"TERM"), signal(b"15")), (Ok(Signal::TERM), Ok(Signal::TERM)));
        assert!(signal(b"0").is_err() && signal(b"65").is_err() && signal(b"").is_err() && signal(b"term").is_err());
    }
}
