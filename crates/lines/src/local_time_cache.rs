//! Formats Unix times as local time, and remembers the current quarter of an hour.
//!
//! Asking the C library costs 40 ns, and 400 ns beyond the year 2037, while most lines of a log are within a second or a
//! quarter of an hour of each other. Within a quarter (of local time) only the digits of minute and second change, unless
//! the zone changes its clock or inserts a leap second just then. So a quarter is used once the zone has been asked about
//! it twice and both its ends are where they should be. (No zone changes its clock twice within fifteen minutes: in the
//! zone database the changes are days apart.)

use daemontools_sys::local_time::LocalTime;

/// Seconds in a quarter of an hour.
const QUARTER: i64 = 15 * 60;

/// Formats Unix times in a zone.
pub struct LocalTimeFormatter<Z> {
    /// The zone: the local time of a Unix time.
    zone: Z,
    /// `YYYY-MM-DD HH:MM:SS.`, the time that was asked for last.
    text: Vec<u8>,
    /// The Unix time of `text`.
    shown: Option<i64>,
    /// The start of the quarter of the time that the zone was asked about last.
    candidate: Option<i64>,
    /// The start and the first minute of the quarter in which only minute and second of `text` need to be patched.
    quarter: Option<(i64, u8)>,
}

impl<Z: FnMut(i64) -> Option<LocalTime>> LocalTimeFormatter<Z> {
    /// For a zone.
    pub fn new(zone: Z) -> LocalTimeFormatter<Z> {
        LocalTimeFormatter { zone, text: Vec::new(), shown: None, candidate: None, quarter: None }
    }

    /// The local time `YYYY-MM-DD HH:MM:SS.` of a Unix time, if there is one.
    pub fn text(&mut self, unix: i64) -> Option<&[u8]> {
        if self.shown != Some(unix) && !self.patch_minute_second(unix) {
            let time = (self.zone)(unix)?;
            self.text.clear();
            write(&time, &mut self.text);
            self.remember_quarter(unix, &time);
        }
        self.shown = Some(unix);
        Some(&self.text)
    }

    /// Patches minute and second of the text, if `unix` is within the remembered quarter.
    fn patch_minute_second(&mut self, unix: i64) -> bool {
        let Some((start, first_minute)) = self.quarter else { return false };
        let Some(digits) = self.text.last_chunk_mut() else { return false };
        let Some(into) = unix.checked_sub(start).filter(|into| (0..QUARTER).contains(into)) else { return false };
        // Both are below 60: the quarter's minutes begin at 0, 15, 30 or 45.
        let (minute, second) = (first_minute + (into / 60) as u8, (into % 60) as u8);
        let ([a, b], [c, d]) = (two_digits(minute), two_digits(second));
        *digits = [a, b, b':', c, d, b'.'];
        true
    }

    /// Remembers the quarter of a time that the zone told, if it is the second one of that quarter and the quarter is
    /// regular.
    fn remember_quarter(&mut self, unix: i64, time: &LocalTime) {
        let first_minute = time.minute - time.minute % 15;
        let start = unix - 60 * i64::from(time.minute % 15) - i64::from(time.second);
        let regular = self.candidate.replace(start) == Some(start)
            && (self.zone)(start) == Some(LocalTime { minute: first_minute, second: 0, ..*time })
            && (self.zone)(start + QUARTER - 1) == Some(LocalTime { minute: first_minute + 14, second: 59, ..*time });
        self.quarter = regular.then_some((start, first_minute));
    }
}

/// Writes a time as the log shows it. A year before our era is the number that 0.76 prints for it.
fn write(time: &LocalTime, text: &mut Vec<u8>) {
    text.extend_from_slice((i64::from(time.year) as u64).to_string().as_bytes());
    let parts = [(b'-', time.month), (b'-', time.day), (b' ', time.hour), (b':', time.minute), (b':', time.second)];
    for (separator, number) in parts {
        text.push(separator);
        text.extend_from_slice(&two_digits(number));
    }
    text.push(b'.');
}

/// The decimal digits of a number below 100.
pub fn two_digits(number: u8) -> [u8; 2] {
    [b'0' + number / 10, b'0' + number % 10]
}

/// The decimal digits of a number below a billion.
pub fn nine_digits(number: u32) -> [u8; 9] {
    let [[a, b], [c, d], [e, f], [g, h]] =
        [10_000_000, 100_000, 1_000, 10].map(|unit| two_digits((number / unit % 100) as u8));
    [a, b, c, d, e, f, g, h, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// The time of day in a zone that is `offset` seconds ahead, in January 1970.
    fn at_offset(unix: i64, offset: i64) -> LocalTime {
        let local = unix + offset;
        let part = |unit: i64, of: i64| (local.div_euclid(unit).rem_euclid(of)) as u8;
        let day = part(86400, 31) + 1;
        LocalTime { year: 1970, month: 1, day, hour: part(3600, 24), minute: part(60, 60), second: part(1, 60) }
    }

    /// Formats all these times, and compares each text with what the zone says.
    fn check(zone: impl Fn(i64) -> LocalTime, times: impl IntoIterator<Item = i64>) {
        let mut formatter = LocalTimeFormatter::new(|unix| Some(zone(unix)));
        for unix in times {
            let mut expected = Vec::new();
            write(&zone(unix), &mut expected);
            assert_eq!(formatter.text(unix), Some(&expected[..]), "{unix}");
        }
    }

    #[test]
    fn each_second_is_right_also_with_an_offset_of_odd_seconds() {
        for offset in [0, 5 * 3600 + 1800, -5 * 3600 - 52 * 60 - 58, 20700] {
            check(|unix| at_offset(unix, offset), 100_000..110_000);
            check(|unix| at_offset(unix, offset), (100_000..110_000).rev());
            check(|unix| at_offset(unix, offset), (100_000..200_000).step_by(337));
        }
    }

    #[test]
    fn a_clock_that_is_changed_is_followed() {
        for (change, before, after) in [(105_000, 3600, 7200), (104_999, 7200, 3600), (103_333, 1172, 1200)] {
            let zone = move |unix| at_offset(unix, if unix < change { before } else { after });
            check(zone, 100_000..110_000);
            check(zone, (100_000..110_000).flat_map(|unix| [unix, 210_000 - unix]));
        }
    }

    #[test]
    fn a_leap_second_is_told() {
        let leap = 26 * 3600 - 1;
        let zone = move |unix| match unix {
            _ if unix == leap => LocalTime { second: 60, ..at_offset(unix - 1, 0) },
            _ => at_offset(if unix > leap { unix - 1 } else { unix }, 0),
        };
        check(zone, leap - 2000..leap + 2000);
        check(zone, (leap - 2000..leap + 2000).rev());
    }

    #[test]
    fn the_zone_is_asked_seldom_and_never_more_than_once_for_a_lonely_time() {
        let asked = Cell::new(0);
        let mut formatter = LocalTimeFormatter::new(|unix| {
            asked.set(asked.get() + 1);
            Some(at_offset(unix, 0))
        });
        for unix in 0..9000 {
            formatter.text(unix);
        }
        assert_eq!(asked.take(), 4 * 10);
        for unix in (1_000_000..2_000_000).step_by(1000) {
            formatter.text(unix);
        }
        assert_eq!(asked.take(), 1000);
    }

    #[test]
    fn years_are_printed_as_0_76_prints_them() {
        let text = |year| {
            let mut text = Vec::new();
            write(&LocalTime { year, ..at_offset(0, 0) }, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        };
        assert_eq!(text(999), "999-01-01 00:00:00.");
        assert_eq!(text(12026), "12026-01-01 00:00:00.");
        assert_eq!(text(-1), "18446744073709551615-01-01 00:00:00.");
    }
}
