//! The times that are typed: `2026-11-22 10:00`, `10:00`, `-15m`, `@4000…`, `now`.
//!
//! Local times have holes and doubles. A time that the clock skips, as in the night when summer time begins, is the moment
//! at which it jumps. A time that comes twice is the earlier one where a range begins and the later one where it ends: what
//! is shown is never less than what was meant.

use std::borrow::Cow;

use daemontools_core::label::Label;
use daemontools_sys::local_time::LocalTime;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Span, SpanRelativeTo, Timestamp, Unit};

/// Which end of a range a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Its start.
    Since,
    /// Its end.
    Until,
}

/// What a time depends on.
pub struct Context<Z> {
    /// The moment it is typed in.
    pub now: Label,
    /// The zone: the local time of a Unix time.
    pub zone: Z,
}

impl<Z: Fn(i64) -> Option<LocalTime>> Context<Z> {
    /// The moment that `text` means; `None`: it is no time.
    pub fn read(&self, text: &str, edge: Edge) -> Option<Label> {
        if text.starts_with('@') {
            return label(text);
        }
        if let Some(ago) = text.strip_prefix('-') {
            let seconds = self.now.seconds().checked_sub(span(ago)?)?;
            return Some(Label::new(seconds, self.now.nanoseconds()));
        }
        let today = civil(&(self.zone)(self.now.to_unix())?)?.date();
        let whole_day = |day: Date| self.local(day.to_datetime(Time::midnight()), edge);
        match text {
            "now" => return Some(self.now),
            "today" => return whole_day(today),
            "yesterday" => return whole_day(today.yesterday().ok()?),
            _ => {}
        }
        let text = &*hour_of_two_digits(text);
        match (text.contains('-'), text.contains(':')) {
            (true, true) => {}
            (true, false) => return whole_day(text.parse().ok()?),
            (false, true) => return self.local(today.to_datetime(text.parse().ok()?), edge),
            (false, false) => return None,
        }
        // With an offset it is a moment already, whatever our zone.
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Some(Label::from_unix(moment.as_second(), u32::try_from(moment.subsec_nanosecond()).ok()?));
        }
        self.local(text.parse().ok()?, edge)
    }

    /// The moment at which the clock on the wall shows this.
    fn local(&self, shown: DateTime, edge: Edge) -> Option<Label> {
        let nanoseconds = u32::try_from(shown.subsec_nanosecond()).ok()?;
        let shown = in_greenwich(shown)?;
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
        Some(in_greenwich(civil(&(self.zone)(unix)?)?)? - unix)
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

/// `9:05` as `09:05`, also after a date.
fn hour_of_two_digits(text: &str) -> Cow<'_, str> {
    let (before, minutes) = text.split_once(':').unwrap_or((text, ""));
    let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
    match before.split_at_checked(before.len() - digits) {
        Some((date, hour)) if digits == 1 && !minutes.is_empty() => Cow::Owned(format!("{date}0{hour}:{minutes}")),
        _ => Cow::Borrowed(text),
    }
}

/// Seconds of a span such as `15m` or `1h30m`.
fn span(text: &str) -> Option<u64> {
    let seconds = text.parse::<Span>().ok()?.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).ok()?;
    // Not twice the sign.
    (seconds >= 0.0).then_some(seconds as u64)
}

/// The calendar's name for a time of the C library.
fn civil(time: &LocalTime) -> Option<DateTime> {
    let small = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(time.year).ok()?;
    // A leap second, in a zone that counts them, is the second before it.
    let second = time.second.min(59);
    let (hour, minute, second) = (small(time.hour)?, small(time.minute)?, small(second)?);
    DateTime::new(year, small(time.month)?, small(time.day)?, hour, minute, second, 0).ok()
}

/// The Unix time at which the clock in Greenwich shows this.
fn in_greenwich(shown: DateTime) -> Option<i64> {
    Offset::UTC.to_timestamp(shown).ok().map(Timestamp::as_second)
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
        let context = Context { now: Label::from_unix(1_795_352_400, 500_000_000), zone };
        context.read(text, edge).map(|label| (label.to_unix(), label.nanoseconds()))
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
            ("-1w 2 days", (now - 9 * 86400, 500_000_000)),
            ("-2d", (now - 172_800, 500_000_000)),
            ("14:00", (now, 0)),
            ("2026-11-22 9:05", (now - 5 * 3600 + 300, 0)),
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
            "--5m",
            "-1mo",
            "-5m ago",
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
}
