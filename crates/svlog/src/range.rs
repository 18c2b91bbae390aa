//! A range of time, and the files in which its lines can be.

use daemontools_core::label::Label;

use crate::directory::{Entry, Kind};
use crate::stamp::Stamp;

/// From when to when, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first moment.
    pub since: Option<Label>,
    /// The last one.
    pub until: Option<Label>,
}

/// The files in which lines of the range can be.
///
/// A file's name says when it was finished: no line of it is later. But lines of the files after it may well be earlier,
/// because multilog stamps what it reads before it writes it. So the name tells where to begin, and where to end the
/// first stamp in a file does, which `first` finds; where there is none, the name has to do. One file more is kept: the
/// lines at its start without a stamp belong to the file before.
pub fn select(mut entries: Vec<Entry>, range: &Range, first: impl Fn(&Entry) -> Option<Stamp>) -> Vec<Entry> {
    let finished_by = |entry: &Entry, moment: Label| matches!(entry.kind, Kind::Old(finished, _) if finished < moment);
    if let Some(since) = range.since {
        entries.drain(..entries.partition_point(|entry| finished_by(entry, since)));
    }
    if let Some(until) = range.until {
        let begins_by = |entry: &Entry| match first(entry) {
            Some(stamp) => stamp <= until.to_text(),
            None => finished_by(entry, until),
        };
        entries.truncate(entries.partition_point(begins_by) + 1);
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Ending;

    /// Files that were finished at 10, 20, 30, 40, and the one that grows; each has this first stamp.
    fn selected(first: [Option<i64>; 5], since: Option<i64>, until: Option<i64>) -> Vec<u64> {
        let old = |seconds: i64| Kind::Old(Label::from_unix(seconds, 0), Ending::Whole);
        let kinds = [old(10), old(20), old(30), old(40), Kind::Current];
        let entry = |(inode, kind)| Entry { name: "x".into(), inode, kind };
        let entries = (0..).zip(kinds).map(entry).collect();
        let label = |seconds: i64| Label::from_unix(seconds, 0);
        let range = Range { since: since.map(label), until: until.map(label) };
        let first = |entry: &Entry| first[entry.inode as usize].map(|seconds| label(seconds).to_text());
        select(entries, &range, first).into_iter().map(|entry| entry.inode).collect()
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
