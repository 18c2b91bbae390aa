//! A range of time, and the files in which its lines can be.

use daemontools_core::label::Label;

use crate::directory::{Entry, Kind};

/// From when to when, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first moment.
    pub since: Option<Label>,
    /// The last one.
    pub until: Option<Label>,
}

/// The files in which lines of the range can be. A file's name says when it was finished: no line of it is later. The
/// lines after it may be a little earlier than that, so that two files are kept beyond the end.
pub fn select(mut entries: Vec<Entry>, range: &Range) -> Vec<Entry> {
    let finished_by = |entry: &Entry, moment: Label| matches!(entry.kind, Kind::Old(finished, _) if finished < moment);
    if let Some(until) = range.until {
        entries.truncate(entries.partition_point(|entry| finished_by(entry, until)) + 2);
    }
    if let Some(since) = range.since {
        entries.drain(..entries.partition_point(|entry| finished_by(entry, since)));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Ending;

    #[test]
    fn names_tell_which_files_matter() {
        let old = |seconds: i64| Kind::Old(Label::from_unix(seconds, 0), Ending::Whole);
        let kinds = [old(10), old(20), old(30), old(40), Kind::Current];
        let entries = kinds.map(|kind| Entry { name: "x".into(), inode: 1, kind }).to_vec();
        let selected = |since: Option<i64>, until: Option<i64>| {
            let label = |seconds: i64| Label::from_unix(seconds, 0);
            let range = Range { since: since.map(label), until: until.map(label) };
            select(entries.clone(), &range).into_iter().map(|entry| entry.kind).collect::<Vec<_>>()
        };
        assert_eq!(selected(None, None), kinds);
        assert_eq!(selected(Some(20), None), kinds[1..]);
        assert_eq!(selected(Some(41), None), [Kind::Current]);
        assert_eq!(selected(None, Some(5)), kinds[..2]);
        assert_eq!(selected(Some(15), Some(15)), kinds[1..3]);
        assert_eq!(selected(Some(35), Some(99)), kinds[3..]);
    }
}
