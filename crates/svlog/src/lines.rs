//! A stream of bytes cut into lines. Pure: bytes go in, lines come out.
//!
//! A line of more than `LONGEST` bytes is cut: its first bytes are a line, the rest is passed over.

use memchr::memchr;

/// How many bytes of a line are kept. What is longer is cut.
pub const LONGEST: usize = 1 << 20;
/// How many bytes there is room for, at least, when more are read.
const BLOCK: usize = 64 * 1024;

/// The bytes that have been read and the line that was found in them.
#[derive(Debug, Default)]
pub struct Lines {
    /// Bytes from `start` to `filled` belong to no line yet; up to `searched` there is no newline in them.
    buffer: Vec<u8>,
    start: usize,
    searched: usize,
    filled: usize,
    /// Where the line is that was found last.
    line: (usize, usize),
    cut: bool,
    /// Bytes of a line that was cut, which have been passed over; `None`: no line is being passed over.
    passed: Option<u64>,
}

impl Lines {
    /// Goes on to the next line. `false`: more bytes are needed to find one.
    pub fn advance(&mut self) -> bool {
        loop {
            let rest = self.buffer.get(self.searched..self.filled).unwrap_or_default();
            let newline = memchr(b'\n', rest);
            let end = newline.map_or(self.filled, |newline| self.searched + newline + 1);
            self.searched = end;
            if let Some(passed) = &mut self.passed {
                *passed += (end - self.start) as u64;
                self.start = end;
                if newline.is_none() {
                    return false;
                }
                self.passed = None;
                continue;
            }
            let length = end - self.start - usize::from(newline.is_some());
            if newline.is_none() && length <= LONGEST {
                return false;
            }
            self.cut = length > LONGEST;
            self.line = (self.start, if self.cut { self.start + LONGEST } else { end });
            self.passed = (self.cut && newline.is_none()).then_some(0);
            self.start = end;
            return true;
        }
    }

    /// Makes what is left, if anything, a line without a newline: the stream has ended.
    pub fn advance_to_end(&mut self) -> bool {
        self.line = (self.start, self.filled);
        self.cut = false;
        (self.start, self.searched) = (self.filled, self.filled);
        self.line.0 < self.line.1
    }

    /// The line, with its newline if it has one and was not cut.
    pub fn line(&self) -> &[u8] {
        self.buffer.get(self.line.0..self.line.1).unwrap_or_default()
    }

    /// Whether the line is the beginning of a longer one.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// How many bytes have been passed over since a line was cut; 0 where none is being passed over.
    pub fn passed(&self) -> u64 {
        self.passed.unwrap_or(0)
    }

    /// Whether a line has begun that has no end yet.
    pub fn is_within_line(&self) -> bool {
        self.start < self.filled || self.passed.is_some()
    }

    /// Room for more bytes. The line that was found is forgotten.
    pub fn room(&mut self) -> &mut [u8] {
        self.line = (0, 0);
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            (self.start, self.filled, self.searched) = (0, self.filled - self.start, self.searched - self.start);
        }
        if self.buffer.len() < self.filled + BLOCK {
            self.buffer.resize((self.filled * 2).max(self.filled + BLOCK), 0);
        }
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// Takes the first `count` bytes of that room.
    pub fn fill(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.buffer.len());
    }

    /// Ends the line that has begun, if one has; whether one had.
    pub fn end_line(&mut self) -> bool {
        let within = self.is_within_line();
        if within {
            if let Some(byte) = self.room().first_mut() {
                *byte = b'\n';
            }
            self.fill(1);
        }
        within
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Lines { buffer: std::mem::take(&mut self.buffer), ..Lines::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a text that comes in pieces of this size; those that were cut as their length.
    fn lines(text: &[u8], piece: usize) -> Vec<Result<Vec<u8>, usize>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in text.chunks(piece) {
            lines.room()[..piece.len()].copy_from_slice(piece);
            lines.fill(piece.len());
            while lines.advance() {
                found.push(if lines.is_cut() { Err(lines.line().len()) } else { Ok(lines.line().to_vec()) });
            }
        }
        if lines.advance_to_end() {
            found.push(Ok(lines.line().to_vec()));
        }
        found
    }

    #[test]
    fn lines_are_the_same_in_whatever_pieces_they_come() {
        let text = b"one\n\ntwo\nand no end";
        let expected: Vec<_> = text.split_inclusive(|&byte| byte == b'\n').map(|line| Ok(line.to_vec())).collect();
        for piece in 1..=text.len() {
            assert_eq!(lines(text, piece), expected, "{piece}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_once_and_the_next_one_is_whole() {
        for more in [0, 1, 100_000, 3 * LONGEST] {
            let text = [&b"a\n"[..], &vec![b'x'; LONGEST + more], b"\nb\n"].concat();
            let long = if more == 0 { Ok([vec![b'x'; LONGEST], b"\n".to_vec()].concat()) } else { Err(LONGEST) };
            for piece in [10_000, BLOCK] {
                assert_eq!(lines(&text, piece), [Ok(b"a\n".to_vec()), long.clone(), Ok(b"b\n".to_vec())], "{more}");
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_passed_over_is_counted() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            let room = lines.room().len();
            lines.fill(room);
            lines.advance();
            assert!(lines.buffer.len() <= 2 * (LONGEST + BLOCK) && lines.is_within_line());
        }
        assert!(lines.passed() > 10_000_000);
        assert!(lines.end_line() && !lines.advance() && lines.passed() == 0 && !lines.is_within_line());
    }

    #[test]
    fn a_torn_line_gets_its_end() {
        let mut lines = Lines::default();
        assert!(!lines.end_line());
        lines.room()[..4].copy_from_slice(b"torn");
        lines.fill(4);
        assert!(!lines.advance() && lines.end_line() && lines.advance());
        assert_eq!(lines.line(), b"torn\n");
    }
}
