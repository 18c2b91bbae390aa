//! A range of time, and the files in which its lines can be.

use daemontools_core::label::Label;

use crate::directory::{Kind, LogFile};
use crate::stamp::Stamp;

/// From when to when, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first moment.
    pub since: Option<Label>,
    /// The last one.
    pub until: Option<Label>,
}

impl Range {
    /// Whether every moment is in it.
    pub fn is_everything(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether a line with this stamp is in it.
    pub fn has(&self, stamp: Stamp) -> bool {
        self.since.is_none_or(|since| stamp >= since) && !self.is_before(stamp)
    }

    /// Whether it ends before this stamp.
    pub fn is_before(&self, stamp: Stamp) -> bool {
        self.until.is_some_and(|until| stamp > until)
    }
}

/// The files in which lines of the range can be.
///
/// A file's name says when it was finished: no line of it is later. But lines of the files after it may well be earlier,
/// because multilog stamps what it reads before it writes it. So the name tells where to begin, and where to end the
/// first stamp in a file does, which `first` finds; where there is none, the name has to do. One file more is kept: the
/// lines at its start without a stamp belong to the file before.
pub fn select(mut files: Vec<LogFile>, range: &Range, first: impl Fn(&LogFile) -> Option<Stamp>) -> Vec<LogFile> {
    let finished_by = |file: &LogFile, moment: Label| matches!(file.kind, Kind::Old(finished, _) if finished < moment);
    if let Some(since) = range.since {
        files.drain(..files.partition_point(|file| finished_by(file, since)));
    }
    if let Some(until) = range.until {
        let begins_by = |file: &LogFile| match first(file) {
            Some(stamp) => stamp <= until,
            None => finished_by(file, until),
        };
        files.truncate(files.partition_point(begins_by) + 1);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::LastLine;

    /// Files that were finished at 10, 20, 30, 40, and the one that grows; each has this first stamp.
    fn selected(first: [Option<i64>; 5], since: Option<i64>, until: Option<i64>) -> Vec<u64> {
        let old = |seconds: i64| Kind::Old(Label::from_unix(seconds, 0), LastLine::Continues);
        let kinds = [old(10), old(20), old(30), old(40), Kind::Current];
        let file = |(inode, kind)| LogFile { name: "x".into(), inode, kind };
        let files = (0..).zip(kinds).map(file).collect();
        let label = |seconds: i64| Label::from_unix(seconds, 0);
        let range = Range { since: since.map(label), until: until.map(label) };
        let first = |file: &LogFile| first[file.inode as usize].map(label);
        select(files, &range, first).into_iter().map(|file| file.inode).collect()
    }

    #[test]
    fn names_tell_where_to_begin() {
        let stamped = [Some(1), Some(11), Some(21), Some(31), Some(41)];
        assert_eq!(selected(stamped, None, None), [0, 1, 2, 3, 4]);
        assert_eq!(selected(stamped, Some(20), None), [1, 2, 3, 4]);
        assert_eq!(selected(stamped, Some(41), None), [4]);
    }

    #[test]
    fn stamps_tell_where_to_end() {
        let stamped = [Some(1), Some(11), Some(21), Some(31), Some(41)];
        assert_eq!(selected(stamped, None, Some(0)), [0]);
        assert_eq!(selected(stamped, None, Some(5)), [0, 1]);
        assert_eq!(selected(stamped, Some(15), Some(15)), [1, 2]);
        assert_eq!(selected(stamped, Some(35), Some(99)), [3, 4]);
        // All lines were stamped before the first file was full.
        let early = [Some(1), Some(2), Some(3), Some(4), Some(5)];
        assert_eq!(selected(early, None, Some(4)), [0, 1, 2, 3, 4]);
        assert_eq!(selected(early, None, Some(3)), [0, 1, 2, 3]);
    }

    #[test]
    fn names_have_to_do_where_there_are_no_stamps() {
        assert_eq!(selected([None; 5], None, Some(5)), [0]);
        assert_eq!(selected([None; 5], Some(15), Some(25)), [1, 2]);
    }
}
