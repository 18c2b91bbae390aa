//! A stamp before each line: tai64n's one loop, and the `t` of multilog.
//!
//! A pass takes what was read and gives what is to be written, so that the loop knows no descriptors. The lines of one read
//! were read at one moment, so the clock is looked at once a read. Each line's stamp is a nanosecond later than the one
//! before it, which keeps stamps distinct and in order; none is later than the clock, since stamping a line takes longer.
//! Lines that nobody wants cost only the search for the newline.

use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_sys::heap::try_reserve_exact;

use crate::newlines::{Newlines, WINDOW};
use crate::stamp_text::StampText;
use crate::stamped_lines::append_stamped;

/// How much output a pass gathers before it lets it be written: an empty line grows to 26 times its size.
pub const FULL: usize = 64 * 1024;

/// The same where memory is short: a window of lines still fits.
const FULL_WHEN_SHORT: usize = 4 * 1024;

/// How many bytes of a short line are copied at a time: a fixed number, so that the compiler makes no call of it.
const CHUNK: usize = 64;

/// From this length on, a call costs less.
const LONG: usize = 1024;

/// From so many lines in a window on, stamping all of them at once takes less time. (Of 80 bytes each, by 5 %; of 100 bytes
/// each, it took 8 % more.)
const MANY_LINES: usize = WINDOW / 85;

/// Puts a stamp and a space before each line of a stream.
pub struct Stamper {
    /// The stamp of the next line that begins.
    next: Label,
    /// Whether the next byte is the first of its line.
    at_line_start: bool,
    /// Whether the line that the next byte belongs to is wanted.
    wanted: bool,
    /// When the line that comes next began, if that was before its first byte is passed.
    begun: Option<Label>,
    /// How stamps are written.
    text: StampText,
    /// Where lines end.
    newlines: Newlines,
    /// How much output a pass gathers: `FULL` or `FULL_WHEN_SHORT`.
    full: usize,
}

impl Default for Stamper {
    /// A stamper of TAI64N at the start of a stream.
    fn default() -> Stamper {
        Stamper::new(StampText::tai64n())
    }
}

impl Stamper {
    /// A stamper at the start of a stream, and what its stamps look like.
    pub fn new(text: StampText) -> Stamper {
        let (next, newlines) = (Label::from_unix(0, 0), Newlines::default());
        Stamper { next, at_line_start: true, wanted: true, begun: None, text, newlines, full: FULL }
    }

    /// How much output there is after a pass at most, if it was empty before: a long line comes in pieces.
    pub fn most(&self) -> usize {
        self.full + self.text.most() + self.full
    }

    /// Room for the output of a pass. Where memory is short, passes become smaller; `None`: there is not even memory for
    /// that.
    pub fn room(&mut self) -> Option<Vec<u8>> {
        let mut room = Vec::new();
        if !try_reserve_exact(&mut room, self.most()) {
            self.full = FULL_WHEN_SHORT;
            if !try_reserve_exact(&mut room, self.most()) {
                return None;
            }
        }
        Some(room)
    }

    /// Notes that the input of the next passes was read at this moment.
    pub fn read_at(&mut self, moment: Label) {
        self.next = moment;
    }

    /// Notes that the line that comes next began at this moment, unless it did before: it will get that stamp.
    pub fn begin(&mut self, moment: Label) {
        if self.at_line_start {
            self.begun.get_or_insert(moment);
        }
    }

    /// When the line began that is next, if it has.
    pub fn begun(&self) -> Option<Label> {
        self.begun
    }

    /// Appends the stamped lines to `output`, until there is no more input or the output is full; returns what of the
    /// input is left.
    pub fn pass<'a>(&mut self, input: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        self.pass_as(input, output, None::<fn(&[u8]) -> bool>)
    }

    /// The same for those lines only that are wanted, by what of them the input has, which may be their beginning. The
    /// others vanish, to the last byte.
    pub fn pass_wanted<'a>(
        &mut self,
        input: &'a [u8],
        output: &mut Vec<u8>,
        is_wanted: impl FnMut(&[u8]) -> bool,
    ) -> &'a [u8] {
        self.pass_as(input, output, Some(is_wanted))
    }

    /// The same; `None`: all lines are wanted.
    fn pass_as<'a>(
        &mut self,
        mut input: &'a [u8],
        output: &mut Vec<u8>,
        mut is_wanted: Option<impl FnMut(&[u8]) -> bool>,
    ) -> &'a [u8] {
        while !input.is_empty() && output.len() < self.full {
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
        is_wanted: &mut Option<impl FnMut(&[u8]) -> bool>,
    ) -> &'a [u8] {
        let ready = self.at_line_start && self.begun.is_none();
        let Some(window) = input.first_chunk().filter(|_| ready) else { return input };
        let newlines = self.newlines.find(window);
        let mut start = 0;
        if is_wanted.is_none() && newlines.len() >= MANY_LINES {
            if let Some(stamps) = self.text.stamps(self.next, newlines.len()) {
                let done = append_stamped(stamps, input, newlines, output);
                self.next = self.next + Duration::from_nanos(done.lines.into());
                start = done.input;
            }
        }
        if start == 0 {
            for &newline in newlines {
                let end = usize::from(newline) + 1;
                let Some(line) = window.get(start..end).filter(|_| output.len() < self.full) else { break };
                if is_wanted.as_mut().is_none_or(|is_wanted| is_wanted(line)) {
                    self.text.append(self.next, output);
                    self.next = following(self.next);
                    append_line(window, start, line, output);
                }
                start = end;
            }
        }
        input.get(start..).unwrap_or_default()
    }

    /// A line, or what there is of it.
    fn pass_piece<'a>(
        &mut self,
        input: &'a [u8],
        output: &mut Vec<u8>,
        is_wanted: &mut Option<impl FnMut(&[u8]) -> bool>,
    ) -> &'a [u8] {
        let length = memchr::memchr(b'\n', input).map_or(input.len(), |newline| newline + 1);
        let (piece, rest) = input.split_at_checked(length.min(self.full)).unwrap_or((input, b""));
        if self.at_line_start {
            self.wanted = is_wanted.as_mut().is_none_or(|is_wanted| is_wanted(piece));
            let begun = self.begun.take();
            if self.wanted {
                self.text.append(begun.unwrap_or(self.next), output);
                if begun.is_none() {
                    self.next = following(self.next);
                }
            }
        }
        if self.wanted {
            output.extend_from_slice(piece);
        }
        self.at_line_start = piece.ends_with(b"\n");
        rest
    }
}

/// The moment a nanosecond later.
fn following(label: Label) -> Label {
    label + Duration::from_nanos(1)
}

/// Appends a line of the window, which begins at `start`. Chunk by chunk, and the last one together with what comes after
/// it, which is cut off then: copying a fixed number of bytes takes no call.
pub fn append_line(window: &[u8], start: usize, line: &[u8], output: &mut Vec<u8>) {
    let length = output.len() + line.len();
    let mut rest = window.get(start..).unwrap_or_default();
    while output.len() < length {
        let left = length - output.len();
        match (rest.first_chunk::<CHUNK>(), rest.split_first_chunk::<{ 2 * CHUNK }>()) {
            (Some(chunk), _) if left <= CHUNK => output.extend_from_slice(chunk),
            (_, Some((two, after))) if left <= LONG => {
                output.extend_from_slice(two);
                rest = after;
            }
            _ => {
                output.extend_from_slice(rest.get(..left).unwrap_or_default());
                break;
            }
        }
    }
    output.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the input of the tests is read.
    const MOMENT: Label = Label::from_unix(0, 0);

    /// What `Stamper` is held against: byte by byte.
    fn plain(input: &[u8]) -> Vec<u8> {
        let (mut label, mut output, mut before) = (MOMENT, Vec::new(), b'\n');
        for &byte in input {
            if before == b'\n' {
                output.extend_from_slice(&label.to_text());
                output.push(b' ');
                label = label + Duration::from_nanos(1);
            }
            output.push(byte);
            before = byte;
        }
        output
    }

    /// A stamper of input that is read at the usual moment.
    fn stamper() -> Stamper {
        let mut stamper = Stamper::default();
        stamper.read_at(MOMENT);
        stamper
    }

    /// The whole of `input` through a stamper, in pieces of `size` bytes.
    fn in_pieces(input: &[u8], size: usize) -> Vec<u8> {
        let mut stamper = stamper();
        let mut all = Vec::new();
        for mut piece in input.chunks(size) {
            while !piece.is_empty() {
                let mut output = stamper.room().unwrap();
                piece = stamper.pass(piece, &mut output);
                assert!(output.len() < stamper.most(), "{}", output.len());
                all.extend(output);
            }
        }
        all
    }

    #[test]
    fn each_line_gets_a_stamp_of_its_own() {
        let expected = b"@400000000000000a00000000 a\n@400000000000000a00000001 \n@400000000000000a00000002 b";
        assert_eq!(in_pieces(b"a\n\nb", 100), expected);
        assert_eq!(in_pieces(b"", 100), b"");
    }

    #[test]
    fn what_nobody_wants_is_gone_to_the_last_byte() {
        let text = b"one\ntwo\nthree\n\nfour and more\nfive";
        for size in 1..=text.len() {
            let (mut stamper, mut output) = (stamper(), Vec::new());
            for piece in text.chunks(size) {
                stamper.pass_wanted(piece, &mut output, |line| !line.starts_with(b"t"));
            }
            let stamped = b"@400000000000000a00000000 one\n@400000000000000a00000001 \n\
                @400000000000000a00000002 four and more\n@400000000000000a00000003 five";
            assert_eq!(output, stamped, "{size}");
        }
    }

    #[test]
    fn a_stamp_that_nobody_wants_is_not_left_for_the_next_line() {
        let (mut stamper, mut output) = (stamper(), Vec::new());
        stamper.begin(Label::from_unix(-1, 0));
        stamper.pass_wanted(b"a\nb\n", &mut output, |line| line.starts_with(b"b"));
        assert_eq!(output, b"@400000000000000a00000000 b\n");
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
        let (mut stamper, mut output) = (stamper(), Vec::new());
        stamper.begin(Label::from_unix(1, 0));
        stamper.begin(Label::from_unix(2, 0));
        stamper.read_at(Label::from_unix(3, 999_999_999));
        stamper.pass(b"a\nb\nc\nd", &mut output);
        stamper.begin(Label::from_unix(5, 0));
        stamper.read_at(Label::from_unix(6, 0));
        stamper.pass(b"\ne", &mut output);
        assert_eq!(
            output,
            b"@400000000000000b00000000 a\n@400000000000000d3b9ac9ff b\n@400000000000000e00000000 c\n\
            @400000000000000e00000001 d\n@400000000000001000000000 e"
        );
    }

    /// Some windows of lines, whose lengths are below `limit` and all different in a row.
    fn windows_of_lines(limit: u8) -> Vec<u8> {
        let lengths = (0..limit).cycle().step_by(37).take(6 * WINDOW / usize::from(limit));
        lengths.flat_map(|length| [vec![length | 0x80; length.into()], vec![b'\n']].concat()).collect()
    }

    #[test]
    fn lines_of_a_window_are_those_that_come_one_by_one() {
        for limit in [2, 21, 80, 160, u8::MAX] {
            let text = windows_of_lines(limit);
            for size in [1, 100, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW, text.len()] {
                assert_eq!(in_pieces(&text, size), plain(&text), "{limit} {size}");
            }
        }
    }

    #[test]
    fn a_second_that_ends_within_a_window_is_followed_by_the_next() {
        let text = windows_of_lines(21);
        let mut stamper = Stamper::default();
        stamper.read_at(Label::from_unix(7, 999_999_900));
        let mut output = stamper.room().unwrap();
        assert_eq!(stamper.pass(&text, &mut output), b"");
        let label = |number: usize| Label::from_unix(7, 999_999_900) + Duration::from_nanos(number as u64);
        for (number, line) in output.split_inclusive(|&byte| byte == b'\n').enumerate() {
            assert_eq!(Label::from_text(line).map(|(label, _)| label), Some(label(number)), "{number}");
        }
    }

    #[test]
    fn long_lines_come_out_in_portions() {
        let text = [vec![b'x'; 3 * FULL], b"\ny\n".to_vec()].concat();
        assert_eq!(in_pieces(&text, text.len()), plain(&text));
    }

    #[test]
    fn where_memory_is_short_portions_are_smaller() {
        let text = [vec![b'\n'; 3 * FULL_WHEN_SHORT], vec![b'x'; 3 * FULL_WHEN_SHORT], b"\ny\n".repeat(3000)].concat();
        let mut stamper = Stamper { full: FULL_WHEN_SHORT, ..stamper() };
        let (mut rest, mut all) = (text.as_slice(), Vec::new());
        while !rest.is_empty() {
            let mut output = stamper.room().unwrap();
            let room = output.capacity();
            rest = stamper.pass(rest, &mut output);
            assert!(output.capacity() == room && room < 3 * FULL_WHEN_SHORT, "{room}");
            all.extend(output);
        }
        assert_eq!(all, plain(&text));
    }

    #[test]
    fn empty_lines_come_out_in_portions() {
        let text = vec![b'\n'; FULL];
        assert_eq!(in_pieces(&text, text.len()), plain(&text));
    }
}
