//! The times that are typed: `2026-11-22 10:00`, `10:00`, `-15m`, `@4000…`, `now`.
//!
//! Local times have holes and doubles. A time that the clock skips, as in the night when summer time begins, is the moment
//! at which it jumps. A time that comes twice is the earlier one where a range begins and the later one where it ends: what
//! is shown is never less than what was meant.

use daemontools_core::label::Label;
use daemontools_core::sys::local_time::LocalTime;

/// Which end of a range a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Its start.
    Since,
    /// Its end.
    Until,
}

/// What a time depends on.
pub struct Setting<Z> {
    /// The moment it is typed in.
    pub now: Label,
    /// The zone: the local time of a Unix time.
    pub zone: Z,
}

/// A day and a time of day, without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    /// Days since 1970-01-01.
    day: i64,
    /// Seconds since midnight.
    second: i64,
}

impl<Z: Fn(i64) -> Option<LocalTime>> Setting<Z> {
    /// The moment that `text` means; `None`: it is no time.
    pub fn moment(&self, text: &str, edge: Edge) -> Option<Label> {
        if text.starts_with('@') {
            return label(text);
        }
        if let Some(ago) = text.strip_prefix('-') {
            let seconds = self.now.seconds.checked_sub(span(ago)?)?;
            return Some(Label { seconds, ..self.now });
        }
        let today = days(&(self.zone)(self.now.to_unix())?);
        let whole_day = |day| self.local(Civil { day, second: 0 }, edge, 0);
        match text {
            "now" => return Some(self.now),
            "today" => return whole_day(today),
            "yesterday" => return whole_day(today - 1),
            _ => {}
        }
        let (date, time) = match text.split_once([' ', 'T']) {
            Some((date, time)) => (Some(date), Some(time)),
            None if text.contains(':') => (None, Some(text)),
            None => (Some(text), None),
        };
        let day = date.map_or(Some(today), date_of)?;
        let Some(time) = time else { return whole_day(day) };
        let (time, offset) = offset_of(time)?;
        let (second, nanoseconds) = time_of(time)?;
        match offset {
            Some(offset) => Some(Label::from_unix(day * 86400 + second - offset, nanoseconds)),
            None => self.local(Civil { day, second }, edge, nanoseconds),
        }
    }

    /// The moment at which the clock on the wall shows this.
    fn local(&self, civil: Civil, edge: Edge, nanoseconds: u32) -> Option<Label> {
        let shown = civil.day * 86400 + civil.second;
        // A zone is never further than 15 hours from Greenwich, and its clock is changed at most once in a day.
        let (before, after) = (shown - 86400, shown + 86400);
        let candidates = [shown - self.offset(before)?, shown - self.offset(after)?];
        let meant = candidates.into_iter().filter(|&unix| self.offset(unix) == Some(shown - unix));
        let found = match edge {
            Edge::Since => meant.min(),
            Edge::Until => meant.max(),
        };
        match found {
            Some(unix) => Some(Label::from_unix(unix, nanoseconds)),
            None => Some(Label::from_unix(self.jump(before, after)?, 0)),
        }
    }

    /// How far the zone's clock is ahead of Greenwich.
    fn offset(&self, unix: i64) -> Option<i64> {
        let time = (self.zone)(unix)?;
        let shown = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second);
        Some(days(&time) * 86400 + shown - unix)
    }

    /// When the zone's offset changes between two moments.
    fn jump(&self, mut low: i64, mut high: i64) -> Option<i64> {
        let old = self.offset(low)?;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.offset(middle)? == old { low = middle } else { high = middle }
        }
        Some(high)
    }
}

/// A whole stamp, or its seconds alone.
fn label(text: &str) -> Option<Label> {
    let digits = text.len().checked_sub(1)?;
    let padded = match digits {
        16 => format!("{text}00000000"),
        24 => text.to_owned(),
        _ => return None,
    };
    Label::from_text(padded.as_bytes()).map(|(label, _)| label)
}

/// Seconds of a span such as `15m` or `1h30m`.
fn span(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text, 0u64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at_checked(digits)?;
        let mut letters = unit.chars();
        let seconds: u64 = match letters.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            'w' => 7 * 86400,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(seconds)?)?;
        rest = letters.as_str();
    }
    (!text.is_empty()).then_some(total)
}

/// The day of `YYYY-MM-DD`.
fn date_of(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=length(year, month)).contains(&day) {
        return None;
    }
    Some(day_number(year, month, day))
}

/// What follows a time: `Z`, `+01:00`, `-0500`; in seconds ahead of Greenwich.
fn offset_of(text: &str) -> Option<(&str, Option<i64>)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, Some(0)));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, None)) };
    let (time, offset) = text.split_at_checked(at)?;
    let (sign, digits) = offset.split_at_checked(1)?;
    let digits = digits.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes, 2).filter(|&minutes| minutes < 60)? };
    let seconds = number(hours, 2).filter(|&hours| hours < 24)? * 3600 + minutes * 60;
    Some((time, Some(if sign == "-" { -seconds } else { seconds })))
}

/// Seconds since midnight and nanoseconds of `HH:MM`, `HH:MM:SS`, `HH:MM:SS.FRACTION`.
fn time_of(text: &str) -> Option<(i64, u32)> {
    let (text, fraction) = text.split_once('.').map_or((text, None), |(text, fraction)| (text, Some(fraction)));
    let mut parts = text.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next();
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let second = second.map_or(Some(0), |second| number(second, 2))?;
    let nanoseconds = match fraction {
        Some(digits) if digits.len() <= 9 => number(&format!("{digits:0<9}"), 9)?,
        Some(_) => return None,
        None => 0,
    };
    let good = hour < 24 && minute < 60 && second < 60;
    good.then_some((hour * 3600 + minute * 60 + second, u32::try_from(nanoseconds).ok()?))
}

/// A number of at most so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let good = (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| good)
}

fn days(time: &LocalTime) -> i64 {
    day_number(i64::from(time.year), i64::from(time.month), i64::from(time.day))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    // Leap days before the start of a year, counted from year 0.
    let leap_days = |year: i64| (year + 3).div_euclid(4) - (year + 99).div_euclid(100) + (year + 399).div_euclid(400);
    let before = (1..month).map(|month| length(year, month)).sum::<i64>();
    (year - 1970) * 365 + leap_days(year) - leap_days(1970) + before + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zone an hour ahead whose clock is put an hour forward at 1774746000 (2026-03-29 02:00 becomes 03:00) and back
    /// at 1792890000 (2026-10-25 03:00 becomes 02:00).
    fn zone(unix: i64) -> Option<LocalTime> {
        let summer = (1_774_746_000..1_792_890_000).contains(&unix);
        LocalTime::utc(unix + if summer { 7200 } else { 3600 })
    }

    fn unix(text: &str, edge: Edge) -> Option<(i64, u32)> {
        // 2026-11-22 14:00:00.5 in that zone.
        let setting = Setting { now: Label::from_unix(1_795_352_400, 500_000_000), zone };
        setting.moment(text, edge).map(|label| (label.to_unix(), label.nanoseconds))
    }

    fn since(text: &str) -> Option<(i64, u32)> {
        unix(text, Edge::Since)
    }

    #[test]
    fn each_form_is_read() {
        let now = 1_795_352_400;
        for (text, expected) in [
            ("now", (now, 500_000_000)),
            ("-15m", (now - 900, 500_000_000)),
            ("-1h30m", (now - 5400, 500_000_000)),
            ("-2d", (now - 172_800, 500_000_000)),
            ("14:00", (now, 0)),
            ("9:05:07.25", (now - 5 * 3600 + 307, 250_000_000)),
            ("today", (now - 14 * 3600, 0)),
            ("2026-11-22", (now - 14 * 3600, 0)),
            ("yesterday", (now - 38 * 3600, 0)),
            ("2026-11-22 14:00", (now, 0)),
            ("2026-11-22T14:00:01", (now + 1, 0)),
            ("2026-11-22T13:00:00.000000001Z", (now, 1)),
            ("2026-11-22T14:30+01:30", (now, 0)),
            ("2026-11-22 08:00-0500", (now, 0)),
            ("2026-07-01 12:00", (1_782_900_000, 0)),
            ("@400000003b9aca0a00000001", (1_000_000_000, 1)),
            ("@400000003b9aca0a", (1_000_000_000, 0)),
        ] {
            assert_eq!(since(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "x",
            "-",
            "-5",
            "-5x",
            "5m",
            "25:00",
            "10:60",
            "10",
            "10:00:00:00",
            "2026-13-01",
            "2026-02-29",
            "2026-11",
            "@4",
            "@400000003B9ACA0A00000001",
            "2026-11-22 ",
            "2026-11-22 10:00+",
            "10:00.5",
            "-99999999999999999999d",
        ] {
            assert_eq!(since(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_the_clock_skips_is_its_jump() {
        for text in ["2026-03-29 02:00", "2026-03-29 02:30", "2026-03-29 02:59:59.9"] {
            assert_eq!(since(text), Some((1_774_746_000, 0)), "{text}");
            assert_eq!(unix(text, Edge::Until), Some((1_774_746_000, 0)), "{text}");
        }
        assert_eq!(since("2026-03-29 01:59:59"), Some((1_774_745_999, 0)));
        assert_eq!(since("2026-03-29 03:00"), Some((1_774_746_000, 0)));
    }

    #[test]
    fn a_time_that_comes_twice_is_the_wider_choice() {
        assert_eq!(since("2026-10-25 02:30"), Some((1_792_888_200, 0)));
        assert_eq!(unix("2026-10-25 02:30", Edge::Until), Some((1_792_891_800, 0)));
        assert_eq!(since("2026-10-25 03:00"), unix("2026-10-25 03:00", Edge::Until));
    }

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (unix, (year, month, day)) in
            [(0, (1970, 1, 1)), (951_782_400, (2000, 2, 29)), (4_107_542_400, (2100, 3, 1)), (-86400, (1969, 12, 31))]
        {
            assert_eq!(day_number(year, month, day) * 86400, unix);
        }
        for unix in (-50_000_000_000..50_000_000_000i64).step_by(7_777_777) {
            let time = LocalTime::utc(unix).unwrap();
            assert_eq!(days(&time), unix.div_euclid(86400));
        }
    }
}
