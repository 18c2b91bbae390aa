//! The lines of a log as its settings want them: stamps in another form, a prefix, long lines in pieces.
//!
//! Everything before this (patterns, `e`, `=`) sees lines as `t` stamps them.

use daemontools_core::label::{Label, eight_hex_digits};
use daemontools_lines::newlines::Newlines;
use daemontools_lines::stamp_text::{Form, StampText};
use daemontools_lines::stamper::append_line;
use daemontools_program::failure::Failure;
use memchr::memchr;

use crate::buffer::reserved;
use crate::settings::Settings;

/// How much output a pass gathers before it is written: a text of the stamper in one piece, and its longer stamps.
const FULL: usize = 128 * 1024;

/// How much of a line is copied at a time.
const PIECE: usize = 64 * 1024;

/// What a piece of a line ends with if the line goes on in the next piece, as in a shell script. (All pieces have the same
/// stamp, which no two lines have.)
const GOES_ON: &[u8] = b"\\\n";

/// What lines are like that come to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// As they were read.
    Plain,
    /// With stamps of TAI64N.
    Stamped,
    /// As they are to be written.
    Finished,
}

/// Makes the lines of one log.
pub struct Rewriter {
    /// Where lines have stamps.
    stamp: Option<StampText>,
    prefix: &'static [u8],
    /// How many bytes a piece of a line may have, without stamp, prefix and mark.
    line_max: usize,
    /// Stamp and prefix of the line that was begun last.
    head: Vec<u8>,
    /// How many bytes of a piece are there already; `None` between lines.
    inside: Option<usize>,
    /// Where lines end.
    newlines: Newlines,
}

impl Rewriter {
    /// What these settings ask for; `None` if it is nothing.
    pub fn new(settings: &Settings, incoming: Incoming) -> Result<Option<Rewriter>, Failure> {
        let Settings { stamp, prefix, line_max, .. } = *settings;
        if incoming == Incoming::Finished || stamp == Form::Tai64n && prefix.is_empty() && line_max.is_none() {
            return Ok(None);
        }
        let stamp = (incoming == Incoming::Stamped).then(|| StampText::new(stamp, prefix));
        let head = reserved(stamp.as_ref().map_or(prefix.len(), StampText::most))?;
        let line_max = line_max.unwrap_or(usize::MAX);
        Ok(Some(Rewriter { stamp, prefix, line_max, head, inside: None, newlines: Newlines::default() }))
    }

    /// How many bytes there are after a pass at most.
    pub fn most(&self) -> usize {
        FULL + PIECE + GOES_ON.len() + 2 * self.head.capacity()
    }

    /// Appends lines to `output`, which is empty, until there is no more input or the output is full; returns how many bytes
    /// of the input that took. The input goes on where the one before ended, and has each stamp as a whole.
    pub fn pass(&mut self, input: &[u8], output: &mut Vec<u8>) -> usize {
        let mut rest = input;
        while !rest.is_empty() && output.len() < FULL {
            let left = self.pass_lines(rest, output);
            if left.len() < rest.len() {
                rest = left;
                continue;
            }
            let there = match self.inside {
                Some(there) => there,
                None => {
                    rest = self.begin(rest);
                    output.extend_from_slice(&self.head);
                    0
                }
            };
            rest = self.go_on(there, rest, output);
        }
        input.len() - rest.len()
    }

    /// The whole lines of a window, where there is so much, and a new line comes next, up to one that is cut.
    fn pass_lines<'a>(&mut self, input: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        let Some(window) = input.first_chunk().filter(|_| self.inside.is_none()) else { return input };
        // The space after a stamp is its own.
        let stamp_length = if self.stamp.is_some() { Label::TEXT + 1 } else { 0 };
        let mut start = 0;
        for &newline in self.newlines.find(window) {
            let (text, end) = (start + stamp_length, usize::from(newline) + 1);
            let Some(line) = window.get(text..end).filter(|_| output.len() < FULL) else { break };
            if line.len() - 1 > self.line_max {
                break;
            }
            match (&mut self.stamp, window.get(start..).and_then(<[u8]>::first_chunk)) {
                (Some(stamp), Some(label)) => stamp.append(label_of(label), output),
                _ => output.extend_from_slice(self.prefix),
            }
            append_line(window, text, line, output);
            start = end;
        }
        input.get(start..).unwrap_or_default()
    }

    /// Begins a line: makes its head; returns what comes after its stamp.
    fn begin<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        self.head.clear();
        match (&mut self.stamp, line.split_first_chunk()) {
            (Some(stamp), Some((label, rest))) => {
                stamp.append(label_of(label), &mut self.head);
                rest.strip_prefix(b" ").unwrap_or(rest)
            }
            _ => {
                self.head.extend_from_slice(self.prefix);
                line
            }
        }
    }

    /// Goes on with a line of which `there` bytes are in the output; returns what is left of the input.
    fn go_on<'a>(&mut self, there: usize, rest: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        let newline = memchr(b'\n', rest);
        let length = newline.unwrap_or(rest.len());
        let room = self.line_max.saturating_sub(there);
        let is_cut = length > room;
        let end = if is_cut { room } else { newline.map_or(length, |newline| newline + 1) };
        let (piece, left) = rest.split_at_checked(end.min(PIECE)).unwrap_or((rest, b""));
        output.extend_from_slice(piece);
        if is_cut && piece.len() == room {
            output.extend_from_slice(GOES_ON);
            output.extend_from_slice(&self.head);
            self.inside = Some(0);
        } else {
            self.inside = (!piece.ends_with(b"\n")).then_some(there + piece.len());
        }
        left
    }
}

/// The label that the stamper wrote.
fn label_of(&[_, a, b, c, d, e, f, g, h, rest @ ..]: &[u8; Label::TEXT]) -> Label {
    let [i, j, k, l, m, n, o, p, nanoseconds @ ..] = rest;
    let (high, low) = ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]);
    let seconds = u64::from(eight_hex_digits(high)) << 32 | u64::from(eight_hex_digits(low));
    Label::new(seconds, eight_hex_digits(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a rewriter makes of some input, in pieces of `size` bytes that split no stamp.
    fn rewritten(settings: &Settings, stamped: bool, lines: &[&str], size: usize) -> String {
        let kind = if stamped { Incoming::Stamped } else { Incoming::Plain };
        let mut rewriter = Rewriter::new(settings, kind).expect("memory").expect("something to do");
        let (most, mut all) = (rewriter.most(), Vec::new());
        for line in lines {
            let (stamp, _) = line.as_bytes().split_at(if stamped { 26 } else { 0 });
            let (mut from, mut to) = (0, (stamp.len() + size).min(line.len()));
            while from < to {
                let mut output = Vec::new();
                from += rewriter.pass(&line.as_bytes()[from..to], &mut output);
                assert!(output.len() <= most);
                all.extend(output);
                if from == to {
                    to = (to + size).min(line.len());
                }
            }
        }
        String::from_utf8(all).expect("text")
    }

    fn settings(stamp: Form, prefix: &'static str, line_max: Option<usize>) -> Settings {
        Settings { stamp, prefix: prefix.as_bytes(), line_max, ..Settings::default() }
    }

    const LINES: [&str; 3] = [
        "@400000006b09f8bb075bcd15 one\n",
        "@400000006b09f8bb075bcd16 \n",
        "@400000006b09f8bc00000001 three and more\n",
    ];

    #[test]
    fn stamps_and_prefixes_come_before_each_line() {
        let expected = "2026-11-27T21:40:01.123456789Z web: one\n2026-11-27T21:40:01.123456790Z web: \n\
                        2026-11-27T21:40:02.000000001Z web: three and more\n";
        for size in [1, 2, 3, 5, 100] {
            assert_eq!(rewritten(&settings(Form::Utc, "web: ", None), true, &LINES, size), expected, "{size}");
        }
        let plain = settings(Form::Tai64n, "web: ", None);
        assert_eq!(rewritten(&plain, false, &["a\n", "\n", "b"], 9), "web: a\nweb: \nweb: b");
        assert_eq!(rewritten(&plain, true, &LINES[..1], 9), "@400000006b09f8bb075bcd15 web: one\n");
    }

    #[test]
    fn long_lines_come_in_pieces_with_one_stamp() {
        let cut = settings(Form::Unix, "> ", Some(5));
        let expected = "1795815602.000000001 > three\\\n1795815602.000000001 >  and \\\n1795815602.000000001 > more\n";
        for size in [1, 4, 5, 6, 100] {
            assert_eq!(rewritten(&cut, true, &LINES[2..], size), expected, "{size}");
        }
        // Without a byte too many, nothing goes on.
        for (line, expected) in
            [("12345\n", "12345\n"), ("123456\n", "12345\\\n6\n"), ("1234567890\n", "12345\\\n67890\n")]
        {
            for size in [1, 5, 6, 20] {
                assert_eq!(rewritten(&settings(Form::Tai64n, "", Some(5)), false, &[line], size), expected, "{size}");
            }
        }
    }

    #[test]
    fn nothing_to_do_is_nothing() {
        for (settings, lines) in
            [(Settings::default(), Incoming::Stamped), (settings(Form::Iso, "x", None), Incoming::Finished)]
        {
            assert!(Rewriter::new(&settings, lines).is_ok_and(|rewriter| rewriter.is_none()));
        }
    }

    #[test]
    fn a_flood_comes_out_in_portions() {
        let long = "x".repeat(3 * FULL) + "\n";
        assert_eq!(rewritten(&settings(Form::Tai64n, "", Some(1 << 30)), false, &[&long], long.len()), long);
        let prefix: &'static str = "p".repeat(100_000).leak();
        let expected = format!("{prefix}\n").repeat(9);
        assert_eq!(rewritten(&settings(Form::Tai64n, prefix, None), false, &["\n\n\n\n\n\n\n\n\n"], 9), expected);
    }
}
