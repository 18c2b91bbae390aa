//! How a line is shown: its stamp as a time, the name of its log before it if there are several, control characters
//! escaped or not; or as JSON.
//!
//! Most lines are of the same second as the one before. Then a TAI64N stamp costs a comparison of 16 bytes, and 8 hex
//! digits that become 9 decimal ones.

use std::borrow::Cow;

use daemontools_core::label::{Label, hex_number};
use daemontools_lines::local_time_cache::{LocalTimeFormatter, nine_digits};
use daemontools_program::printable::{put_json, put_line};
use daemontools_sys::local_time::LocalTime;
use serde::Serialize;

use crate::lines::LONGEST;
use crate::stamp;

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// `2026-11-22 10:00:00.123456789`, in the zone that TZ names, as tai64nlocal does.
    #[default]
    Local,
    /// The same in UTC, with a `Z` after it.
    Utc,
    /// Seconds since 1970, with a fraction.
    Unix,
    /// As TAI64N labels.
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

/// How bytes are shown that a terminal would obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// As they are.
    Raw,
    /// As `\x1b`.
    Escaped,
}

/// A line as an object: these names, in this order.
#[derive(Serialize)]
struct Object<'a> {
    /// In UTC; null if the line has no stamp.
    time: Option<String>,
    /// As it was given, escaped.
    service: &'a str,
    /// What follows the stamp; bytes that are no UTF-8 are replaced.
    line: Cow<'a, str>,
    /// The same as it is, if something had to be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    line_bytes: Option<&'a [u8]>,
    /// The stamp as a label.
    tai64n: Option<Cow<'a, str>>,
    /// Whether the line is longer than what is shown of it; not there if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// A line of a log.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// What the log is called, escaped.
    pub name: &'a str,
    /// The line, with its newline if it has one.
    pub text: &'a [u8],
    /// Whether it is the beginning of a line that is too long.
    pub cut: bool,
}

/// Shows lines in one style.
pub struct Format {
    style: Style,
    bytes: Bytes,
    /// Whether the name of the log is shown.
    named: bool,
    time: LocalTimeFormatter<fn(i64) -> Option<LocalTime>>,
    /// The seconds of the last stamp that was shown: their digits in a TAI64N label, and their text up to the point.
    latest: ([u8; 16], Vec<u8>),
}

impl Format {
    /// In this style. `named`: the name of the log comes first.
    pub fn new(style: Style, bytes: Bytes, named: bool) -> Format {
        let zone = if style == Style::Local { LocalTime::of } else { LocalTime::utc };
        // No stamp has these digits.
        Format { style, bytes, named, time: LocalTimeFormatter::new(zone), latest: ([0; 16], Vec::new()) }
    }

    /// Appends a line, and a newline if it has none.
    pub fn put(&mut self, line: Line<'_>, output: &mut Vec<u8>) {
        if self.style == Style::Json {
            self.put_object(line, output);
            return;
        }
        if self.named {
            output.extend_from_slice(line.name.as_bytes());
            output.extend_from_slice(b": ");
        }
        let rest = self.put_time(line.text, output).unwrap_or(line.text);
        let rest = rest.strip_suffix(b"\n").unwrap_or(rest);
        match self.bytes {
            Bytes::Raw => output.extend_from_slice(rest),
            Bytes::Escaped => put_line(rest, output),
        }
        if line.cut {
            output.extend_from_slice(format!(" [cut: the line is longer than {LONGEST} bytes]").as_bytes());
        }
        output.push(b'\n');
    }

    /// Appends the time of a line's stamp; what follows the stamp. `None`: nothing was appended.
    fn put_time<'a>(&mut self, line: &'a [u8], output: &mut Vec<u8>) -> Option<&'a [u8]> {
        if line.first() != Some(&b'@') {
            let (label, rest) = stamp::split(line)?;
            self.put_label(&label.to_text(), output)?;
            return Some(rest);
        }
        let (label, rest) = line.split_at_checked(Label::TEXT)?;
        if !matches!(rest.first(), None | Some(b' ' | b'\n')) {
            return None;
        }
        self.put_label(label, output)?;
        Some(rest)
    }

    /// Appends the time of a label, unless that is none, or a time without a date.
    fn put_label(&mut self, label: &[u8], output: &mut Vec<u8>) -> Option<()> {
        let (seconds, fraction) = label.strip_prefix(b"@")?.split_first_chunk::<16>()?;
        let nanoseconds = hex_number(fraction).filter(|&nanoseconds| nanoseconds < 1_000_000_000)?;
        if self.style == Style::Tai64n {
            hex_number(seconds)?;
            output.extend_from_slice(label);
            return Some(());
        }
        if *seconds != self.latest.0 {
            self.learn(seconds)?;
        }
        output.extend_from_slice(&self.latest.1);
        output.extend_from_slice(&nine_digits(nanoseconds as u32));
        if self.style == Style::Utc {
            output.push(b'Z');
        }
        Some(())
    }

    /// Makes the text of these seconds.
    fn learn(&mut self, digits: &[u8; 16]) -> Option<()> {
        let unix = Label::new(hex_number(digits)?, 0).to_unix();
        let (known, text) = &mut self.latest;
        *known = [0; 16];
        text.clear();
        match self.style {
            Style::Unix => text.extend_from_slice(format!("{unix}.").as_bytes()),
            Style::Local | Style::Utc | Style::Tai64n | Style::Json => {
                text.extend_from_slice(self.time.text(unix)?);
            }
        }
        *known = *digits;
        Some(())
    }

    fn put_object(&mut self, line: Line<'_>, output: &mut Vec<u8>) {
        let text = line.text.strip_suffix(b"\n").unwrap_or(line.text);
        let (label, text) = match stamp::split(text) {
            Some((label, rest)) => (Some(label.to_text()), rest.strip_prefix(b" ").unwrap_or(rest)),
            None => (None, text),
        };
        let mut time = Vec::new();
        let shown = label.and_then(|label| self.put_label(&label, &mut time));
        let time = shown.map(|()| String::from_utf8_lossy(&time).replacen(' ', "T", 1) + "Z");
        let object = Object {
            time,
            service: line.name,
            line: String::from_utf8_lossy(text),
            line_bytes: std::str::from_utf8(text).is_err().then_some(text),
            tai64n: label.as_ref().map(|label| String::from_utf8_lossy(label)),
            cut: line.cut,
        };
        // Strings and numbers go into memory: nothing can fail.
        put_json(&serde_json::to_vec(&object).unwrap_or_default(), output);
        output.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(style: Style, several: bool, lines: &[&[u8]]) -> String {
        let (mut format, mut output) = (Format::new(style, Bytes::Raw, several), Vec::new());
        for text in lines {
            format.put(Line { name: "web", text, cut: false }, &mut output);
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
        let control = shown(Style::Json, true, &["\u{9b}2J".as_bytes()]);
        assert!(control.contains("\"line\":\"\\u009b2J\""), "{control}");
    }

    #[test]
    fn every_form_of_a_stamp_is_shown_in_every_style() {
        for stamp in ["@400000003b9aca0a0000000f", "2001-09-09T03:46:40.000000015+02:00", "1000000000.000000015"] {
            let line = format!("{stamp} GET /\n");
            for (style, expected) in [
                (Style::Utc, "2001-09-09 01:46:40.000000015Z GET /\n"),
                (Style::Unix, "1000000000.000000015 GET /\n"),
                (Style::Tai64n, "@400000003b9aca0a0000000f GET /\n"),
            ] {
                assert_eq!(shown(style, false, &[line.as_bytes()]), expected, "{stamp}");
            }
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped_if_asked_for() {
        let put = |bytes, cut| {
            let (mut format, mut output) = (Format::new(Style::Unix, bytes, true), Vec::new());
            let text = b"@400000003b9aca0a0000000f \x1b[2J\\\t\xff\r\n";
            format.put(Line { name: "a\\n", text, cut }, &mut output);
            output
        };
        let escaped = b"a\\n: 1000000000.000000015 \\x1b[2J\\\t\\xff\\r\n";
        assert_eq!(put(Bytes::Escaped, false).escape_ascii().to_string(), escaped.escape_ascii().to_string());
        assert!(put(Bytes::Raw, false).ends_with(b" \x1b[2J\\\t\xff\r\n"));
        assert!(put(Bytes::Raw, true).ends_with(b"\r [cut: the line is longer than 1048576 bytes]\n"));
    }
}
