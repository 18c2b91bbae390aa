//! Where in a line the input stands, and how much of what has come can be dealt with.
//!
//! A line is dealt with when it is complete, or when its first 1000 bytes are there (its stamp counts): the script needs
//! to know no more of it, and the rest of it follows as it comes.

use memchr::{memchr, memrchr};

/// How many bytes of a line the script looks at.
pub const WINDOW: usize = 1000;

/// The place in the input.
#[derive(Debug)]
pub struct Place {
    /// How long the beginning of a line may get before it is dealt with.
    patience: usize,
    /// Whether the line that comes next has begun, and its beginning has been dealt with.
    inside: bool,
    /// Whether the line that comes next has begun, and its beginning waits for more.
    begun: bool,
}

/// Which lines to deal with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that are there.
    All,
    /// One: up to the next newline.
    One,
}

impl Place {
    /// At the start, where each line gets `stamp` bytes before it.
    pub fn new(stamp: usize) -> Place {
        Place { patience: WINDOW.saturating_sub(stamp), inside: false, begun: false }
    }

    /// Whether the input stands between two lines.
    pub fn between_lines(&self) -> bool {
        !self.inside && !self.begun
    }

    /// How many of these bytes, which come next, can be dealt with.
    pub fn ready(&self, bytes: &[u8], reach: Reach) -> usize {
        let newline = match reach {
            Reach::All => memrchr(b'\n', bytes),
            Reach::One => memchr(b'\n', bytes),
        };
        match newline {
            Some(newline) => newline + 1,
            None if self.inside || bytes.len() >= self.patience => bytes.len(),
            None => 0,
        }
    }

    /// Notes that the line that comes next has begun, with too little to deal with yet.
    pub fn begin(&mut self) {
        self.begun = true;
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
        let place = Place::new(0);
        assert_eq!(place.ready(b"", Reach::All), 0);
        assert_eq!(place.ready(b"a\nb\nc", Reach::All), 4);
        assert_eq!(place.ready(b"a\nb\nc", Reach::One), 2);
        assert_eq!(place.ready(&[b'x'; 999], Reach::All), 0);
        assert_eq!(place.ready(&[b'x'; 1000], Reach::All), 1000);
        assert_eq!(Place::new(26).ready(&[b'x'; 974], Reach::One), 974);
    }

    #[test]
    fn a_long_line_goes_on_as_it_comes() {
        let mut place = Place::new(0);
        place.pass(&[b'x'; 1200]);
        assert!(!place.between_lines());
        assert_eq!(place.ready(b"y", Reach::All), 1);
        place.pass(b"y\n");
        assert!(place.between_lines());
        assert_eq!(place.ready(b"y", Reach::All), 0);
    }

    #[test]
    fn a_beginning_that_waits_is_not_between_lines() {
        let mut place = Place::new(26);
        place.begin();
        assert!(!place.between_lines());
        place.pass(b"x\n");
        assert!(place.between_lines());
    }
}
