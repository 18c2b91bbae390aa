//! A stamp before each line: tai64n's one loop, and the `t` of multilog.
//!
//! A pass takes what was read and gives what is to be written, so that the loop knows no descriptors. A line of 80 bytes
//! costs one look at the clock (18 ns of 28), a search for the newline (4 ns, see `newlines`), digits and a copy. Lines
//! that nobody wants cost the search alone: the clock is not looked at for them.

use crate::newlines::Newlines;
use daemontools_core::label::{Label, hex_digits};

/// How much output a pass gathers before it lets it be written: an empty line grows to 26 times its size.
pub const FULL: usize = 64 * 1024;

/// How much output there is after a pass at most, if it was empty before: a line comes in pieces of 64 kB.
pub const MOST: usize = FULL + Label::TEXT + 1 + FULL;

/// Puts a stamp and a space before each line of a stream.
pub struct Stamper<C> {
    /// Says what time it is.
    clock: C,
    /// Whether the next byte is the first of its line.
    at_line_start: bool,
    /// Whether the line that the next byte belongs to is wanted.
    wanted: bool,
    /// When the line that comes next began, if that was before its first byte is passed.
    begun: Option<Label>,
    /// How stamps are written.
    text: Text,
    /// Where lines end.
    newlines: Newlines,
}

impl<C: FnMut() -> Label> Stamper<C> {
    /// At the start of a stream.
    pub fn new(clock: C) -> Stamper<C> {
        let text = Text::of(Label::from_unix(0, 0));
        Stamper { clock, at_line_start: true, wanted: true, begun: None, text, newlines: Newlines::default() }
    }

    /// The line that comes next has begun now, unless it has before: this is the stamp that it will get.
    pub fn begin(&mut self) {
        if self.at_line_start && self.begun.is_none() {
            self.begun = Some((self.clock)());
        }
    }

    /// Appends the stamped lines to `output`, until there is no more input or the output is full; returns what of the
    /// input is left.
    pub fn pass<'a>(&mut self, input: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        self.pass_wanted(input, output, |_| true)
    }

    /// The same for those lines only that are wanted, by what of them the input has, which may be their beginning. The
    /// others vanish, to the last byte.
    pub fn pass_wanted<'a>(
        &mut self,
        mut input: &'a [u8],
        output: &mut Vec<u8>,
        mut is_wanted: impl FnMut(&[u8]) -> bool,
    ) -> &'a [u8] {
        while !input.is_empty() && output.len() < FULL {
            let rest = self.pass_lines(input, output, &mut is_wanted);
            input = if rest.len() < input.len() { rest } else { self.pass_piece(input, output, &mut is_wanted) };
        }
        input
    }

    /// The whole lines of a window, where there is so much, and a new line comes next whose stamp is not there already.
    fn pass_lines<'a>(
        &mut self,
        input: &'a [u8],
        output: &mut Vec<u8>,
        is_wanted: &mut impl FnMut(&[u8]) -> bool,
    ) -> &'a [u8] {
        let ready = self.at_line_start && self.begun.is_none();
        let Some(window) = input.first_chunk().filter(|_| ready) else { return input };
        let mut start = 0;
        for &newline in self.newlines.find(window) {
            let end = usize::from(newline) + 1;
            let Some(line) = window.get(start..end).filter(|_| output.len() < FULL) else { break };
            if is_wanted(line) {
                self.text.append((self.clock)(), output);
                output.extend_from_slice(line);
            }
            start = end;
        }
        input.get(start..).unwrap_or_default()
    }

    /// A line, or what there is of it.
    fn pass_piece<'a>(
        &mut self,
        input: &'a [u8],
        output: &mut Vec<u8>,
        is_wanted: &mut impl FnMut(&[u8]) -> bool,
    ) -> &'a [u8] {
        let length = memchr::memchr(b'\n', input).map_or(input.len(), |newline| newline + 1);
        let (piece, rest) = input.split_at_checked(length.min(FULL)).unwrap_or((input, b""));
        if self.at_line_start {
            self.wanted = is_wanted(piece);
            let begun = self.begun.take();
            if self.wanted {
                let label = begun.unwrap_or_else(&mut self.clock);
                self.text.append(label, output);
            }
        }
        if self.wanted {
            output.extend_from_slice(piece);
        }
        self.at_line_start = piece.ends_with(b"\n");
        rest
    }
}

/// The text of stamps. As long as the second is the same, only the nanoseconds are written anew: 8 of the 24 digits, and
/// straight into the output, since a copy of what has just been written in smaller pieces waits for them.
struct Text {
    seconds: u64,
    /// All of the text that tells the second.
    head: [u8; Label::TEXT - 8],
}

impl Text {
    fn of(label: Label) -> Text {
        let mut head = [0; Label::TEXT - 8];
        for (byte, digit) in head.iter_mut().zip(label.to_text()) {
            *byte = digit;
        }
        Text { seconds: label.seconds(), head }
    }

    /// Appends a stamp and the space after it.
    fn append(&mut self, label: Label, output: &mut Vec<u8>) {
        if label.seconds() != self.seconds {
            *self = Text::of(label);
        }
        output.extend_from_slice(&self.head);
        output.extend_from_slice(&hex_digits(label.nanoseconds()));
        output.push(b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::newlines::WINDOW;

    /// A clock that goes on by a second each time it is looked at.
    fn ticking() -> impl FnMut() -> Label {
        let mut seconds = 0;
        move || {
            seconds += 1;
            Label::from_unix(seconds, 0)
        }
    }

    /// What `Stamper` is held against: byte by byte.
    fn plain(input: &[u8]) -> Vec<u8> {
        let (mut clock, mut output, mut before) = (ticking(), Vec::new(), b'\n');
        for &byte in input {
            if before == b'\n' {
                output.extend_from_slice(&clock().to_text());
                output.push(b' ');
            }
            output.push(byte);
            before = byte;
        }
        output
    }

    /// The whole of `input` through a stamper, in pieces of `size` bytes.
    fn in_pieces(input: &[u8], size: usize) -> Vec<u8> {
        let mut stamper = Stamper::new(ticking());
        let mut all = Vec::new();
        for mut piece in input.chunks(size) {
            while !piece.is_empty() {
                let mut output = Vec::new();
                piece = stamper.pass(piece, &mut output);
                assert!(output.len() < MOST, "{}", output.len());
                all.extend(output);
            }
        }
        all
    }

    #[test]
    fn each_line_gets_a_stamp_of_its_own() {
        let expected = b"@400000000000000b00000000 a\n@400000000000000c00000000 \n@400000000000000d00000000 b";
        assert_eq!(in_pieces(b"a\n\nb", 100), expected);
        assert_eq!(in_pieces(b"", 100), b"");
    }

    #[test]
    fn what_nobody_wants_is_gone_to_the_last_byte() {
        let text = b"one\ntwo\nthree\n\nfour and more\nfive";
        for size in 1..=text.len() {
            let (mut stamper, mut output) = (Stamper::new(ticking()), Vec::new());
            for piece in text.chunks(size) {
                stamper.pass_wanted(piece, &mut output, |line| !line.starts_with(b"t"));
            }
            let stamped = b"@400000000000000b00000000 one\n@400000000000000c00000000 \n\
                @400000000000000d00000000 four and more\n@400000000000000e00000000 five";
            assert_eq!(output, stamped, "{size}");
        }
    }

    #[test]
    fn a_stamp_that_nobody_wants_is_not_left_for_the_next_line() {
        let (mut stamper, mut output) = (Stamper::new(ticking()), Vec::new());
        stamper.begin();
        stamper.pass_wanted(b"a\nb\n", &mut output, |line| line.starts_with(b"b"));
        assert_eq!(output, b"@400000000000000c00000000 b\n");
    }

    #[test]
    fn the_text_of_a_stamp_is_that_of_its_label() {
        let mut text = Text::of(Label::from_unix(0, 0));
        for (seconds, nanoseconds) in [(0, 0), (0, 999_999_999), (5, 1), (5, 0x0123_4567), (6, 0x0123_4567), (5, 7)] {
            let label = Label::from_unix(seconds, nanoseconds);
            let mut output = Vec::new();
            text.append(label, &mut output);
            assert_eq!(output, [label.to_text().as_slice(), b" "].concat());
        }
    }

    #[test]
    fn pieces_make_no_difference() {
        let text = b"one\n\n\ntwo three\n\0\xff\nlast without a newline";
        for size in 1..=text.len() {
            assert_eq!(in_pieces(text, size), plain(text), "{size}");
        }
    }

    #[test]
    fn a_line_that_was_seen_before_has_the_stamp_of_that_moment() {
        let (mut stamper, mut output) = (Stamper::new(ticking()), Vec::new());
        stamper.begin();
        stamper.begin();
        stamper.pass(b"a\nb", &mut output);
        stamper.begin();
        stamper.pass(b"\nc", &mut output);
        assert_eq!(output, b"@400000000000000b00000000 a\n@400000000000000c00000000 b\n@400000000000000d00000000 c");
    }

    #[test]
    fn lines_of_a_window_are_those_that_come_one_by_one() {
        let lengths = (0_u8..=u8::MAX).cycle().step_by(37).take(3 * WINDOW / 128);
        let text: Vec<u8> = lengths.flat_map(|length| [vec![length; length.into()], vec![b'\n']].concat()).collect();
        for size in [1, 100, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW, text.len()] {
            assert_eq!(in_pieces(&text, size), plain(&text), "{size}");
        }
    }

    #[test]
    fn long_lines_come_out_in_portions() {
        let text = [vec![b'x'; 3 * FULL], b"\ny\n".to_vec()].concat();
        assert_eq!(in_pieces(&text, text.len()), plain(&text));
    }

    #[test]
    fn empty_lines_come_out_in_portions() {
        let text = vec![b'\n'; FULL];
        assert_eq!(in_pieces(&text, text.len()), plain(&text));
    }
}
