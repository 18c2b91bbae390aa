//! The stamp of a line in each form, and what comes after it. svlog(8) reads all of them:
//!
//! | form | example |
//! |---|---|
//! | TAI64N | `@400000006a28b1a11f9add15` |
//! | ISO 8601, local time with its offset | `2026-11-27T22:40:01.123456789+01:00` |
//! | ISO 8601, UTC | `2026-11-27T21:40:01.123456789Z` |
//! | Unix time | `1795815601.123456789` |
//!
//! Most stamps are of the same second as the one before. Then only the digits of the nanoseconds are written anew, and
//! straight into the output, since a copy of what has just been written in smaller pieces waits for them.

use daemontools_core::label::{Label, hex_digits};
use daemontools_sys::local_time::LocalTime;

use crate::local_time_cache::{nine_digits, two_digits};
use crate::stamped_lines::Stamps;

/// The form of a stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `@` and 24 hex digits.
    #[default]
    Tai64n,
    /// Local time, by the zone that TZ names.
    Iso,
    /// UTC.
    Utc,
    /// Seconds since 1970.
    Unix,
}

impl Form {
    /// The form of this name.
    pub fn by_name(name: &[u8]) -> Option<Form> {
        Some(match name {
            b"tai64n" => Form::Tai64n,
            b"iso" => Form::Iso,
            b"utc" => Form::Utc,
            b"unix" => Form::Unix,
            _ => return None,
        })
    }
}

/// How many bytes of a TAI64N stamp tell the second.
const HEAD: usize = Label::TEXT - 8;

/// Room for a stamp in any form, with the space after it.
const LONGEST: usize = 64;

/// Writes stamps in one form, each with a space and a prefix after it.
pub struct StampText {
    form: Form,
    /// What comes after the space.
    prefix: &'static [u8],
    /// Makes the text of a second. (A program that writes TAI64N alone links nothing that knows zones.)
    put: fn(&mut StampText, Label),
    /// The second that `text` tells.
    seconds: u64,
    /// A stamp with its space, and room to copy a fixed number of bytes, which takes no call.
    text: [u8; LONGEST],
    length: usize,
    /// Where the digits of the nanoseconds are.
    fraction: usize,
}

impl StampText {
    /// TAI64N, without a prefix.
    pub fn tai64n() -> StampText {
        StampText::with(Form::Tai64n, b"", StampText::put_label)
    }

    /// For a form and a prefix. (It asks for a time once, so that the zone is known from then on.)
    pub fn new(form: Form, prefix: &'static [u8]) -> StampText {
        let put = if form == Form::Tai64n { StampText::put_label } else { StampText::put_time };
        StampText::with(form, prefix, put)
    }

    fn with(form: Form, prefix: &'static [u8], put: fn(&mut StampText, Label)) -> StampText {
        let label = Label::from_unix(0, 0);
        let text = [b' '; LONGEST];
        let mut text = StampText { form, prefix, put, seconds: label.seconds(), text, length: 0, fraction: 0 };
        text.learn(label);
        text
    }

    /// How many bytes a stamp has at most, with space and prefix.
    pub fn most(&self) -> usize {
        LONGEST + self.prefix.len()
    }

    /// Appends a stamp, a space and the prefix.
    pub fn append(&mut self, label: Label, output: &mut Vec<u8>) {
        if label.seconds() != self.seconds {
            self.learn(label);
        }
        if self.form == Form::Tai64n {
            output.extend_from_slice(self.text.first_chunk::<HEAD>().unwrap_or(&[0; HEAD]));
            output.extend_from_slice(&hex_digits(label.nanoseconds()));
            output.push(b' ');
        } else {
            let start = output.len();
            output.extend_from_slice(&self.text);
            output.truncate(start + self.length);
            if let Some(fraction) = output.get_mut(start + self.fraction..).and_then(<[u8]>::first_chunk_mut) {
                *fraction = nine_digits(label.nanoseconds());
            }
        }
        if !self.prefix.is_empty() {
            output.extend_from_slice(self.prefix);
        }
    }

    /// The next `count` stamps from this one on, if they are of TAI64N in one second and no prefix comes after them.
    pub fn stamps(&mut self, label: Label, count: usize) -> Option<Stamps> {
        let nanoseconds = label.nanoseconds();
        let last = u32::try_from(count).ok().and_then(|count| nanoseconds.checked_add(count))?;
        if self.form != Form::Tai64n || !self.prefix.is_empty() || last > 1_000_000_000 {
            return None;
        }
        if label.seconds() != self.seconds {
            self.learn(label);
        }
        self.text.first_chunk().map(|&text| Stamps { text, nanoseconds })
    }

    /// Makes the text of a second.
    fn learn(&mut self, label: Label) {
        self.seconds = label.seconds();
        self.length = 0;
        (self.put)(self, label);
        self.push(b" ");
    }

    fn put_label(&mut self, label: Label) {
        self.push(&label.to_text());
    }

    fn put_time(&mut self, label: Label) {
        let unix = label.to_unix();
        let zone = if self.form == Form::Iso { LocalTime::of } else { LocalTime::utc };
        let named = if self.form == Form::Unix { None } else { zone(unix).zip(LocalTime::utc(unix)) };
        match named {
            Some((time, utc)) => {
                self.put_clock(&time);
                self.put_fraction();
                match self.form {
                    Form::Iso => self.put_offset(minutes_ahead(&time, &utc)),
                    Form::Utc | Form::Unix | Form::Tai64n => self.push(b"Z"),
                }
            }
            // Where a second has no name, its number tells it.
            None => {
                self.push(unix.to_string().as_bytes());
                self.put_fraction();
            }
        }
    }

    /// `2026-11-27T22:40:01`
    fn put_clock(&mut self, time: &LocalTime) {
        let year = time.year.unsigned_abs();
        self.push(&two_digits((year / 100 % 100) as u8));
        self.push(&two_digits((year % 100) as u8));
        let parts = [(b'-', time.month), (b'-', time.day), (b'T', time.hour), (b':', time.minute), (b':', time.second)];
        for (separator, number) in parts {
            self.push(&[separator]);
            self.push(&two_digits(number));
        }
    }

    /// `.000000000`, where each stamp has its nanoseconds.
    fn put_fraction(&mut self) {
        self.push(b".");
        self.fraction = self.length;
        self.push(b"000000000");
    }

    /// `+01:00`
    fn put_offset(&mut self, minutes: i32) {
        self.push(if minutes < 0 { b"-" } else { b"+" });
        let minutes = minutes.unsigned_abs();
        self.push(&two_digits((minutes / 60 % 100) as u8));
        self.push(b":");
        self.push(&two_digits((minutes % 60) as u8));
    }

    /// Appends to the text, in which every stamp has room.
    fn push(&mut self, bytes: &[u8]) {
        for (room, &byte) in self.text.iter_mut().skip(self.length).zip(bytes) {
            *room = byte;
            self.length += 1;
        }
    }
}

/// How many minutes the clock on the wall is ahead of UTC at the same moment.
fn minutes_ahead(local: &LocalTime, utc: &LocalTime) -> i32 {
    let date = |time: &LocalTime| (time.year, time.month, time.day);
    let minute = |time: &LocalTime| i32::from(time.hour) * 60 + i32::from(time.minute);
    let days = match date(local).cmp(&date(utc)) {
        std::cmp::Ordering::Less => -1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    };
    days * 24 * 60 + minute(local) - minute(utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(form: Form, labels: &[Label]) -> String {
        let (mut text, mut output) = (StampText::new(form, b""), Vec::new());
        for label in labels {
            text.append(*label, &mut output);
        }
        String::from_utf8(output).expect("a stamp is ASCII")
    }

    const MOMENT: Label = Label::from_unix(1_795_815_601, 123_456_789);

    #[test]
    fn each_form_tells_the_same_moment() {
        assert_eq!(stamps(Form::Tai64n, &[MOMENT]), "@400000006b09f8bb075bcd15 ");
        assert_eq!(stamps(Form::Utc, &[MOMENT]), "2026-11-27T21:40:01.123456789Z ");
        assert_eq!(stamps(Form::Unix, &[MOMENT]), "1795815601.123456789 ");
        // The zone is that of the test; its form is not.
        let iso = stamps(Form::Iso, &[MOMENT]);
        let shape: String = iso.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
        assert_eq!(shape.replace('-', "+"), "0000+00+00T00:00:00.000000000+00:00 ");
    }

    #[test]
    fn a_label_is_told_as_it_is() {
        for (seconds, nanoseconds) in [(0, 0), (0, 999_999_999), (5, 1), (5, 0x0123_4567), (6, 0x0123_4567), (5, 7)] {
            let label = Label::from_unix(seconds, nanoseconds);
            let expected = [label.to_text().as_slice(), b" "].concat();
            assert_eq!(stamps(Form::Tai64n, &[label]).as_bytes(), expected);
        }
        let mut output = Vec::new();
        StampText::new(Form::Unix, b"web: ").append(MOMENT, &mut output);
        assert_eq!(output, b"1795815601.123456789 web: ");
    }

    #[test]
    fn seconds_are_followed_both_ways() {
        let later = Label::from_unix(1_795_815_602, 7);
        assert_eq!(
            stamps(Form::Utc, &[MOMENT, later, later, MOMENT]),
            "2026-11-27T21:40:01.123456789Z 2026-11-27T21:40:02.000000007Z \
             2026-11-27T21:40:02.000000007Z 2026-11-27T21:40:01.123456789Z "
        );
        assert_eq!(stamps(Form::Unix, &[Label::from_unix(0, 5), Label::from_unix(1, 0)]), "0.000000005 1.000000000 ");
    }

    #[test]
    fn an_offset_counts_days_hours_and_minutes() {
        let time = |day, hour, minute| LocalTime { year: 2026, month: 12, day, hour, minute, second: 30 };
        let new_year = LocalTime { year: 2027, month: 1, ..time(1, 0, 30) };
        for (local, utc, expected) in [
            (time(5, 12, 0), time(5, 12, 0), "+00:00"),
            (time(5, 12, 0), time(5, 11, 0), "+01:00"),
            (time(5, 17, 45), time(5, 12, 0), "+05:45"),
            (time(5, 8, 30), time(5, 12, 0), "-03:30"),
            (time(4, 23, 0), time(5, 4, 0), "-05:00"),
            (new_year, time(31, 23, 30), "+01:00"),
            (time(31, 23, 30), new_year, "-01:00"),
        ] {
            let mut stamp = StampText::new(Form::Iso, b"");
            stamp.length = 0;
            stamp.put_offset(minutes_ahead(&local, &utc));
            assert_eq!(String::from_utf8_lossy(&stamp.text[..stamp.length]), expected);
        }
    }
}
