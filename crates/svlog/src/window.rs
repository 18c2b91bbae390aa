//! Which lines of a log are in a range of time. Pure: the stamp of each line goes in, in the order of the lines.
//!
//! A line without a stamp goes with the one before it: it is in the range if that one is, and has the same place when
//! logs are merged.

use crate::range::Range;
use crate::stamp::Stamp;

/// Whether a line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the range.
    Shown,
    /// It is not.
    Hidden,
    /// It is later than the range, as all are that follow it in its file.
    Over,
}

/// Goes through the lines of a log and compares them with a range.
#[derive(Debug)]
pub struct Window {
    range: Range,
    /// Whether stamps are needed even where the range is everything.
    keyed: bool,
    key: Stamp,
    stamped: bool,
    any_stamp: bool,
    inside: bool,
    shown: Option<Stamp>,
}

impl Window {
    /// On this range. `keyed`: `key` will be asked for.
    pub fn new(range: Range, keyed: bool) -> Window {
        let key = Stamp::new(0, 0);
        Window { range, keyed, key, stamped: false, any_stamp: false, inside: true, shown: None }
    }

    /// A new file begins.
    pub fn begin_file(&mut self) {
        (self.inside, self.any_stamp) = (true, false);
    }

    /// A file has been read to its end; it was finished at this moment. What comes after a file without stamps came
    /// after that.
    pub fn end_file(&mut self, finished: Stamp) {
        if !self.any_stamp {
            self.key = self.key.max(finished);
        }
    }

    /// Lines up to this stamp have been shown already.
    pub fn skip_to(&mut self, shown: Option<Stamp>) {
        self.shown = shown;
    }

    /// Whether stamps change nothing, so that they need not be read.
    pub fn ignores_stamps(&self) -> bool {
        self.range.is_everything() && self.shown.is_none() && !self.keyed
    }

    /// Takes note of the stamp of a line, if it has one.
    pub fn judge(&mut self, stamp: Option<Stamp>) -> Verdict {
        self.stamped = stamp.is_some();
        if let Some(stamp) = stamp {
            self.key = stamp;
            self.any_stamp = true;
            let again = self.shown.is_some_and(|shown| stamp <= shown);
            if !again {
                self.shown = None;
            }
            self.inside = !again && self.range.has(stamp);
            if self.range.is_before(stamp) {
                return Verdict::Over;
            }
        }
        if self.inside { Verdict::Shown } else { Verdict::Hidden }
    }

    /// The stamp that the line goes by.
    pub fn key(&self) -> Stamp {
        self.key
    }

    /// Takes over the stamp of a line that was not judged.
    pub fn set_key(&mut self, key: Stamp) {
        self.key = key;
    }

    /// Whether the line has a stamp of its own.
    pub fn is_stamped(&self) -> bool {
        self.stamped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: i64) -> Stamp {
        Stamp::from_unix(seconds, 0)
    }

    fn judged(window: &mut Window, lines: &[Option<i64>]) -> Vec<Verdict> {
        lines.iter().map(|seconds| window.judge(seconds.map(stamp))).collect()
    }

    use Verdict::{Hidden, Over, Shown};

    #[test]
    fn a_line_without_a_stamp_goes_with_the_one_before() {
        let range = Range { since: Some(stamp(10)), until: Some(stamp(20)) };
        let mut window = Window::new(range, false);
        let lines = [None, Some(9), None, Some(10), None, Some(20), None, Some(21), None];
        assert_eq!(judged(&mut window, &lines), [Shown, Hidden, Hidden, Shown, Shown, Shown, Shown, Over, Hidden]);
        window.begin_file();
        assert_eq!(judged(&mut window, &[None]), [Shown]);
    }

    #[test]
    fn what_was_shown_is_not_shown_again() {
        let mut window = Window::new(Range::default(), true);
        window.skip_to(Some(stamp(5)));
        assert_eq!(
            judged(&mut window, &[Some(4), None, Some(5), Some(6), Some(5)]),
            [Hidden, Hidden, Hidden, Shown, Shown]
        );
    }

    #[test]
    fn a_file_without_stamps_goes_by_its_name() {
        let mut window = Window::new(Range::default(), true);
        judged(&mut window, &[None]);
        window.end_file(stamp(30));
        assert_eq!((window.key(), window.is_stamped()), (stamp(30), false));
        window.begin_file();
        judged(&mut window, &[Some(31)]);
        window.end_file(stamp(40));
        assert_eq!(window.key(), stamp(31));
    }

    #[test]
    fn stamps_are_not_needed_where_they_change_nothing() {
        assert!(Window::new(Range::default(), false).ignores_stamps());
        assert!(!Window::new(Range::default(), true).ignores_stamps());
        assert!(!Window::new(Range { since: Some(stamp(1)), until: None }, false).ignores_stamps());
    }
}
