//! The archived files of a log: which names are theirs, which name comes next, which files are removed.

use std::cmp::max;

use daemontools_core::label::Label;

/// Whether an archived file is known to be whole; the end of its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// `.s`: complete, processed and on disk.
    Safe,
    /// `.u`: left by an unclean stop.
    Unclean,
}

impl Completeness {
    fn suffix(self) -> &'static [u8] {
        match self {
            Completeness::Safe => b".s",
            Completeness::Unclean => b".u",
        }
    }
}

/// The length of a name in bytes.
const NAME: usize = Label::TEXT + 2;

/// The archived files of a directory.
#[derive(Debug, Default)]
pub struct Archive {
    /// Name and inode of each; after `sort`, the oldest is last.
    files: Vec<(Vec<u8>, u64)>,
}

impl Archive {
    /// Forgets all files.
    pub fn clear(&mut self) {
        self.files.clear();
    }

    /// Adds an entry of the directory if its name is that of an archived file: as in 0.76, any name that begins with `@`
    /// and is at least as long as a label.
    pub fn add(&mut self, name: &[u8], inode: u64) {
        if name.starts_with(b"@") && name.len() >= Label::TEXT {
            self.files.push((name.to_vec(), inode));
        }
    }

    /// Sorts the files, after all have been added.
    pub fn sort(&mut self) {
        self.files.sort_unstable_by(|one, other| other.cmp(one));
    }

    /// Whether one of them has this inode.
    pub fn has(&self, inode: u64) -> bool {
        self.files.iter().any(|&(_, other)| other == inode)
    }

    /// The oldest file, if one more would make more than `keep` files, the current one included.
    pub fn surplus(&self, keep: u64) -> Option<&[u8]> {
        let allowed = usize::try_from(keep).unwrap_or(usize::MAX).saturating_sub(2);
        let surplus = self.files.len() > allowed;
        self.files.last().filter(|_| surplus).map(|(name, _)| name.as_slice())
    }

    /// Notes that the oldest file has been removed.
    pub fn removed(&mut self) {
        self.files.pop();
    }

    /// The name of the next file. It tells the time, but always sorts after all others: where the clock has been set
    /// back, it is a nanosecond later than the newest.
    pub fn next_name(&self, now: Label, ending: Completeness) -> [u8; NAME] {
        let newest = self.files.iter().find_map(|(name, _)| label(name));
        let label = newest.and_then(following).map_or(now, |following| max(now, following));
        let mut name = [0; NAME];
        let (stamp, suffix) = name.split_at_mut(Label::TEXT);
        stamp.copy_from_slice(&label.to_text());
        suffix.copy_from_slice(ending.suffix());
        name
    }
}

/// The time that a name tells, unless it is no time.
fn label(name: &[u8]) -> Option<Label> {
    Label::from_text(name).map(|(label, _)| label).filter(|label| label.nanoseconds() < 1_000_000_000)
}

/// The next nanosecond; `None` at the end of time.
fn following(label: Label) -> Option<Label> {
    match label.nanoseconds() {
        999_999_999 => Some(Label::new(label.seconds().checked_add(1)?, 0)),
        nanoseconds => Some(Label::new(label.seconds(), nanoseconds + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(names: &[&str]) -> Archive {
        let mut old = Archive::default();
        for (name, inode) in names.iter().zip(1..) {
            old.add(name.as_bytes(), inode);
        }
        old.sort();
        old
    }

    const ONE: &str = "@400000003b9aca0a00000001.s";
    const TWO: &str = "@400000003b9aca0a00000002.u";
    const NOW: Label = Label::from_unix(1_000_000_000, 7);

    #[test]
    fn only_names_with_room_for_a_label_count() {
        let old = old(&["current", "@40000000.s", "@", TWO, ONE, "@4000000000000000000000aabb.s", "state"]);
        assert_eq!(old.files.len(), 3);
        assert!(old.has(4) && !old.has(1));
    }

    #[test]
    fn the_oldest_go_until_there_is_room_for_one_more() {
        let mut old = old(&[TWO, ONE]);
        assert_eq!(old.surplus(4), None);
        assert_eq!(old.surplus(3), Some(ONE.as_bytes()));
        assert_eq!(old.surplus(2), Some(ONE.as_bytes()));
        old.removed();
        assert_eq!(old.surplus(3), None);
        assert_eq!(old.surplus(2), Some(TWO.as_bytes()));
        old.removed();
        assert_eq!(old.surplus(2), None);
        assert_eq!(old.surplus(u64::MAX), None);
    }

    #[test]
    fn the_next_name_tells_the_time_and_comes_last() {
        assert_eq!(&old(&[]).next_name(NOW, Completeness::Safe), b"@400000003b9aca0a00000007.s");
        assert_eq!(&old(&[TWO]).next_name(NOW, Completeness::Unclean), b"@400000003b9aca0a00000007.u");
        let ahead = old(&[ONE, "@400000003b9aca0b3b9ac9ff.s"]);
        assert_eq!(&ahead.next_name(NOW, Completeness::Safe), b"@400000003b9aca0c00000000.s");
    }

    #[test]
    fn a_name_that_is_no_moment_does_not_count() {
        let odd = old(&["@zzzzzzzzzzzzzzzzzzzzzzzzz", "@ffffffffffffffff3b9ac9ff.s", "@400000003b9aca0affffffff.s"]);
        assert_eq!(&odd.next_name(NOW, Completeness::Safe), b"@400000003b9aca0a00000007.s");
    }
}
