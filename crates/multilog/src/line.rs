//! Whether the input so far ends inside a line, and how much of it can be processed.
//!
//! A line is processed when it is complete, or when its first 1000 bytes are there (its stamp counts): the script needs
//! to know no more of it, and the rest of it follows as it comes.

use memchr::{memchr, memrchr};

/// How many bytes of a line the script looks at.
pub const WINDOW: usize = 1000;

/// The state in the input.
#[derive(Debug)]
pub struct LineState {
    /// How long the beginning of a line may get before it is dealt with.
    patience: usize,
    /// Whether the line that comes next has begun, and its beginning has been dealt with.
    inside: bool,
    /// Whether the line that comes next has begun, and its beginning waits for more.
    begun: bool,
}

/// Which lines to deal with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// All that are there.
    All,
    /// One: up to the next newline.
    One,
}

impl LineState {
    /// At the start, where each line gets `stamp` bytes before it.
    pub fn new(stamp: usize) -> LineState {
        LineState { patience: WINDOW.saturating_sub(stamp), inside: false, begun: false }
    }

    /// Whether the input stands between two lines.
    pub fn between_lines(&self) -> bool {
        !self.inside && !self.begun
    }

    /// Whether part of the line that comes next has been dealt with.
    pub fn is_inside(&self) -> bool {
        self.inside
    }

    /// How many of these bytes, which come next, can be dealt with.
    pub fn ready(&self, bytes: &[u8], lines: Lines) -> usize {
        let newline = match lines {
            Lines::All => memrchr(b'\n', bytes),
            Lines::One => memchr(b'\n', bytes),
        };
        match newline {
            Some(newline) => newline + 1,
            None if self.inside || bytes.len() >= self.patience => bytes.len(),
            None => 0,
        }
    }

    /// Notes that these bytes, which come next, are too few to be dealt with yet. If there are some, a line has begun. (With
    /// another reader, they may be gone the next time.)
    pub fn wait(&mut self, bytes: &[u8]) {
        self.begun = !bytes.is_empty();
    }

    /// Goes on past bytes that have been dealt with.
    pub fn pass(&mut self, bytes: &[u8]) {
        if let Some(&last) = bytes.last() {
            self.inside = last != b'\n';
            self.begun = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_ready_and_beginnings_wait() {
        let state = LineState::new(0);
        assert_eq!(state.ready(b"", Lines::All), 0);
        assert_eq!(state.ready(b"a\nb\nc", Lines::All), 4);
        assert_eq!(state.ready(b"a\nb\nc", Lines::One), 2);
        assert_eq!(state.ready(&[b'x'; 999], Lines::All), 0);
        assert_eq!(state.ready(&[b'x'; 1000], Lines::All), 1000);
        assert_eq!(LineState::new(26).ready(&[b'x'; 974], Lines::One), 974);
    }

    #[test]
    fn a_long_line_goes_on_as_it_comes() {
        let mut state = LineState::new(0);
        state.pass(&[b'x'; 1200]);
        assert!(!state.between_lines());
        assert_eq!(state.ready(b"y", Lines::All), 1);
        state.pass(b"y\n");
        assert!(state.between_lines());
        assert_eq!(state.ready(b"y", Lines::All), 0);
    }

    #[test]
    fn a_beginning_that_waits_is_not_between_lines() {
        let mut state = LineState::new(26);
        state.wait(b"x");
        assert!(!state.between_lines());
        state.wait(b"");
        assert!(state.between_lines());
        state.wait(b"x");
        state.pass(b"x\n");
        assert!(state.between_lines());
    }
}
