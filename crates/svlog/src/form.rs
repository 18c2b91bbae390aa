//! How a line is shown: its stamp as a time, the name of its log before it if there are several; or as JSON.
//!
//! Lines mostly come in the second of the one before. Then a stamp costs a comparison of 16 bytes, and 8 hex digits that
//! become 9 decimal ones.

use std::borrow::Cow;

use daemontools_core::label::{Label, hex_value};
use daemontools_lines::local_time_cache::LocalTimeFormatter;
use daemontools_sys::local_time::LocalTime;
use serde::Serialize;

use crate::stamp;

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// `2026-11-22 10:00:00.123456789`, in the zone that TZ names, as tai64nlocal does.
    #[default]
    Local,
    /// The same in Greenwich, with a `Z` after it.
    Utc,
    /// Seconds since 1970, with a fraction.
    Unix,
    /// As they stand in the log.
    Tai64n,
    /// An object a line.
    Json,
}

impl Style {
    /// The style of this name.
    pub fn by_name(name: &[u8]) -> Option<Style> {
        Some(match name {
            b"local" => Style::Local,
            b"utc" => Style::Utc,
            b"unix" => Style::Unix,
            b"tai64n" => Style::Tai64n,
            b"json" => Style::Json,
            _ => return None,
        })
    }
}

/// A line as an object: these names, in this order.
#[derive(Serialize)]
struct Object<'a> {
    /// In Greenwich; null if the line has no stamp.
    time: Option<String>,
    /// As it was given.
    service: Cow<'a, str>,
    /// What follows the stamp; bytes that are no UTF-8 replaced.
    line: Cow<'a, str>,
    /// The same, unharmed, if something had to be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    line_bytes: Option<&'a [u8]>,
    /// As it stands in the log.
    tai64n: Option<Cow<'a, str>>,
}

/// Shows lines in one style.
pub struct Form {
    style: Style,
    almanac: LocalTimeFormatter<fn(i64) -> Option<LocalTime>>,
    /// The seconds of the last stamp that was shown: their digits, and their text up to the point.
    latest: ([u8; 16], Vec<u8>),
}

impl Form {
    /// In this style.
    pub fn new(style: Style) -> Form {
        let zone = if style == Style::Local { LocalTime::of } else { LocalTime::utc };
        // No stamp has these digits.
        Form { style, almanac: LocalTimeFormatter::new(zone), latest: ([0; 16], Vec::new()) }
    }

    /// Appends a line of the log called `name`, and a newline if it has none. `several`: the name is to be seen.
    pub fn put(&mut self, name: &[u8], several: bool, line: &[u8], output: &mut Vec<u8>) {
        if self.style == Style::Json {
            self.put_object(name, line, output);
            return;
        }
        if several {
            output.extend_from_slice(name);
            output.extend_from_slice(b": ");
        }
        let rest = if self.style == Style::Tai64n { None } else { self.put_time(line, output) };
        output.extend_from_slice(rest.unwrap_or(line));
        if line.last() != Some(&b'\n') {
            output.push(b'\n');
        }
    }

    /// Appends the time of a line's stamp; what follows the stamp. `None`: nothing was appended.
    fn put_time<'a>(&mut self, line: &'a [u8], output: &mut Vec<u8>) -> Option<&'a [u8]> {
        let (seconds, fraction) = line.strip_prefix(b"@")?.split_first_chunk::<16>()?;
        let (fraction, rest) = fraction.split_first_chunk::<8>()?;
        let nanoseconds = value(fraction).filter(|&nanoseconds| nanoseconds < 1_000_000_000)?;
        if *seconds != self.latest.0 {
            self.learn(seconds)?;
        }
        if !matches!(rest.first(), None | Some(b' ' | b'\n')) {
            return None;
        }
        output.extend_from_slice(&self.latest.1);
        output.extend_from_slice(&nine_digits(nanoseconds));
        if self.style == Style::Utc {
            output.push(b'Z');
        }
        Some(rest)
    }

    /// Makes the text of these seconds.
    fn learn(&mut self, digits: &[u8; 16]) -> Option<()> {
        let unix = Label::new(value(digits)?, 0).to_unix();
        let (known, text) = &mut self.latest;
        *known = [0; 16];
        text.clear();
        match self.style {
            Style::Unix => text.extend_from_slice(format!("{unix}.").as_bytes()),
            Style::Local | Style::Utc | Style::Tai64n | Style::Json => {
                text.extend_from_slice(self.almanac.text(unix)?);
            }
        }
        *known = *digits;
        Some(())
    }

    fn put_object(&mut self, name: &[u8], line: &[u8], output: &mut Vec<u8>) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let (label, text) = match stamp::split(line) {
            Some((label, rest)) => (Some(label), rest.strip_prefix(b" ").unwrap_or(rest)),
            None => (None, line),
        };
        let mut time = Vec::new();
        let shown = label.and_then(|label| self.put_time(label, &mut time));
        let time = shown.map(|_| String::from_utf8_lossy(&time).replacen(' ', "T", 1) + "Z");
        let object = Object {
            time,
            service: String::from_utf8_lossy(name),
            line: String::from_utf8_lossy(text),
            line_bytes: std::str::from_utf8(text).is_err().then_some(text),
            tai64n: label.map(|label| String::from_utf8_lossy(label)),
        };
        // Strings and numbers go into memory: nothing can fail.
        let _ = serde_json::to_writer(&mut *output, &object);
        output.push(b'\n');
    }
}

/// What hex digits are worth.
fn value(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, &digit| Some((value << 4) | u64::from(hex_value(digit)?)))
}

/// The decimal digits of a number below a billion.
fn nine_digits(mut number: u64) -> [u8; 9] {
    let mut digits = [b'0'; 9];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(style: Style, several: bool, lines: &[&[u8]]) -> String {
        let (mut form, mut output) = (Form::new(style), Vec::new());
        for line in lines {
            form.put(b"web", several, line, &mut output);
        }
        String::from_utf8(output).unwrap()
    }

    const STAMPED: &[u8] = b"@400000003b9aca0a0000000f GET /\n";

    #[test]
    fn a_stamp_becomes_a_time_and_all_else_stays() {
        assert_eq!(shown(Style::Utc, false, &[STAMPED]), "2001-09-09 01:46:40.000000015Z GET /\n");
        assert_eq!(shown(Style::Unix, false, &[STAMPED]), "1000000000.000000015 GET /\n");
        assert_eq!(shown(Style::Tai64n, false, &[STAMPED]).as_bytes(), STAMPED);
        let odd: [&[u8]; 5] =
            [b"  at x\n", b"@400000003b9aca0a0000000fx\n", b"@4\n", b"@400000003b9aca0affffffff x\n", b"\n"];
        let both = [&[STAMPED][..], &odd].concat();
        let expected = ["2001-09-09 01:46:40.000000015Z GET /\n".as_bytes(), &odd.concat()].concat();
        assert_eq!(shown(Style::Utc, false, &both).as_bytes(), expected);
    }

    #[test]
    fn names_come_first_and_a_last_line_gets_its_end() {
        assert_eq!(shown(Style::Unix, true, &[STAMPED, b"x"]), "web: 1000000000.000000015 GET /\nweb: x\n");
    }

    #[test]
    fn a_year_beyond_the_calendar_stays_a_stamp() {
        let line = b"@ffffffffffffffff00000000 x\n";
        assert_eq!(shown(Style::Utc, false, &[line, STAMPED, line]).matches("@ffffffffffffffff").count(), 2);
    }

    #[test]
    fn an_object_has_the_same_names_whatever_the_line() {
        assert_eq!(
            shown(Style::Json, true, &[STAMPED, b"\"a\xff\"\n", b"b"]),
            "{\"time\":\"2001-09-09T01:46:40.000000015Z\",\"service\":\"web\",\"line\":\"GET /\",\
             \"tai64n\":\"@400000003b9aca0a0000000f\"}\n\
             {\"time\":null,\"service\":\"web\",\"line\":\"\\\"a\u{fffd}\\\"\",\"line_bytes\":[34,97,255,34],\"tai64n\":null}\n\
             {\"time\":null,\"service\":\"web\",\"line\":\"b\",\"tai64n\":null}\n"
        );
    }
}
