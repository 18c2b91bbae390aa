//! Spans of time for people, with their units, and when what is shown next changes.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A number of seconds in its largest units: `42 s`, `12 min`, `2 h 5 min`, `3 d 4 h`.
pub fn words(seconds: u64) -> String {
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h {} min", seconds / HOUR, seconds % HOUR / MINUTE),
        DAY.. => format!("{} d {} h", seconds / DAY, seconds % DAY / HOUR),
    }
}

/// A span in its largest units: as `words`, and under ten seconds with a decimal: `0.5 s`.
pub fn precise_words(span: Duration) -> String {
    match span.as_secs() {
        0..10 => format!("{:.1} s", span.as_secs_f64()),
        seconds => words(seconds),
    }
}

/// In how many seconds the words change.
pub fn next_change_in(seconds: u64) -> u64 {
    let unit = match seconds {
        0..MINUTE => 1,
        MINUTE..DAY => MINUTE,
        DAY.. => HOUR,
    };
    unit - seconds % unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_units_and_at_most_two_numbers() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h 0 min"),
            (86399, "23 h 59 min"),
            (86400, "1 d 0 h"),
            (400 * 86400 + 7300, "400 d 2 h"),
        ] {
            assert_eq!(words(seconds), expected);
        }
    }

    #[test]
    fn a_short_span_has_a_decimal() {
        for (milliseconds, expected) in
            [(0, "0.0 s"), (500, "0.5 s"), (9000, "9.0 s"), (59_999, "59 s"), (60_000, "1 min")]
        {
            assert_eq!(precise_words(Duration::from_millis(milliseconds)), expected);
        }
    }

    #[test]
    fn it_stays_until_it_changes() {
        for seconds in [0, 1, 59, 60, 61, 3599, 3600, 7199, 86399, 86400, 90000, 1_000_000] {
            let next = seconds + next_change_in(seconds);
            assert_ne!(words(seconds), words(next));
            assert_eq!(words(seconds), words(next - 1));
        }
    }
}
