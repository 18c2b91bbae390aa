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
    /// After `sort`, the oldest is last.
    files: Vec<File>,
}

/// An archived file. (In the order of their names, files are in the order of time.)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct File {
    name: Vec<u8>,
    inode: u64,
    about: About,
}

/// What limits by age and by size need to know of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, in seconds of Unix time.
    pub written: i64,
}

/// How much is archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most that many files.
    pub files: usize,
    /// At most that many bytes; the newest file stays even if it is larger.
    pub bytes: u64,
    /// No file that was last written before this, in seconds of Unix time.
    pub since: i64,
}

impl Limits {
    /// Everything is kept.
    pub const NONE: Limits = Limits { files: usize::MAX, bytes: u64::MAX, since: i64::MIN };
}

impl Archive {
    /// Forgets all files.
    pub fn clear(&mut self) {
        self.files.clear();
    }

    /// Adds an entry of the directory if its name is that of an archived file: as in 0.76, any name that begins with `@`
    /// and is at least as long as a label.
    pub fn add(&mut self, name: &[u8], inode: u64, about: About) {
        if is_archived(name) {
            self.files.push(File { name: name.to_vec(), inode, about });
        }
    }

    /// Sorts the files, after all have been added.
    pub fn sort(&mut self) {
        self.files.sort_unstable_by(|one, other| other.cmp(one));
    }

    /// Leaves out what is being made of another file: `@….s.zst` counts only when `@….s` is gone.
    pub fn leave_out_copies(&mut self) {
        let names: Vec<Vec<u8>> =
            self.files.iter().filter(|file| is_unpacked(&file.name)).map(|file| file.name.clone()).collect();
        self.files.retain(|file| {
            let original = file.name.get(..NAME).filter(|_| file.name.get(NAME) == Some(&b'.'));
            original.is_none_or(|original| names.binary_search_by(|name| original.cmp(name)).is_err())
        });
    }

    /// Whether one of them has this inode.
    pub fn has(&self, inode: u64) -> bool {
        self.files.iter().any(|file| file.inode == inode)
    }

    /// A file to be removed: one that is too old, or the oldest if there are too many. Its place, and its name.
    pub fn surplus(&self, limits: Limits) -> Option<(usize, &[u8])> {
        let bytes = self.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.about.size));
        let too_many = self.files.len() > limits.files || bytes > limits.bytes && self.files.len() > 1;
        let place = match self.files.iter().rposition(|file| file.about.written < limits.since) {
            None if too_many => self.files.len().checked_sub(1)?,
            place => place?,
        };
        self.files.get(place).map(|file| (place, file.name.as_slice()))
    }

    /// Notes that the file at this place has been removed.
    pub fn removed(&mut self, place: usize) {
        self.files.remove(place);
    }

    /// The name of the next file. It tells the time, but always sorts after all others: where the clock has been set
    /// back, it is a nanosecond later than the newest.
    pub fn next_name(&self, now: Label, ending: Completeness) -> [u8; NAME] {
        let newest = self.files.iter().find_map(|file| label(&file.name));
        let label = newest.and_then(following).map_or(now, |following| max(now, following));
        let mut name = [0; NAME];
        let (stamp, suffix) = name.split_at_mut(Label::TEXT);
        stamp.copy_from_slice(&label.to_text());
        suffix.copy_from_slice(ending.suffix());
        name
    }
}

/// Whether this is the name of a file that multilog has finished and nobody has packed under a name of its own.
pub fn is_unpacked(name: &[u8]) -> bool {
    name.len() == NAME && is_archived(name) && label(name).is_some() && (name.ends_with(b".s") || name.ends_with(b".u"))
}

/// Whether this is the name of an archived file.
pub fn is_archived(name: &[u8]) -> bool {
    name.starts_with(b"@") && name.len() >= Label::TEXT
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
            old.add(name.as_bytes(), inode, About::default());
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
    fn the_oldest_go_until_there_are_few_enough() {
        let at_most = |files| Limits { files, ..Limits::NONE };
        let mut old = old(&[TWO, ONE]);
        assert_eq!(old.surplus(at_most(2)), None);
        assert_eq!(old.surplus(at_most(1)), Some((1, ONE.as_bytes())));
        old.removed(1);
        assert_eq!(old.surplus(at_most(1)), None);
        assert_eq!(old.surplus(at_most(0)), Some((0, TWO.as_bytes())));
        old.removed(0);
        assert_eq!(old.surplus(at_most(0)), None);
    }

    #[test]
    fn sizes_and_ages_count_too() {
        let mut old = Archive::default();
        for (name, size, written) in [(ONE, 100, 50), (TWO, 200, 60)] {
            old.add(name.as_bytes(), 1, About { size, written });
        }
        old.sort();
        let (bytes, since) = (|bytes| Limits { bytes, ..Limits::NONE }, |since| Limits { since, ..Limits::NONE });
        assert_eq!((old.surplus(bytes(300)), old.surplus(bytes(299))), (None, Some((1, ONE.as_bytes()))));
        assert_eq!((old.surplus(since(50)), old.surplus(since(51))), (None, Some((1, ONE.as_bytes()))));
        old.removed(1);
        // The newest one stays, however large it is, but not for ever.
        assert_eq!((old.surplus(bytes(199)), old.surplus(since(61))), (None, Some((0, TWO.as_bytes()))));
    }

    #[test]
    fn the_time_of_the_last_line_counts_and_not_the_name() {
        let mut old = Archive::default();
        for (name, written) in [(ONE, 60), (TWO, 50)] {
            old.add(name.as_bytes(), 1, About { size: 1, written });
        }
        old.sort();
        assert_eq!(old.surplus(Limits { since: 55, ..Limits::NONE }), Some((0, TWO.as_bytes())));
    }

    #[test]
    fn a_packed_file_counts_instead_of_what_it_was_made_of() {
        let (one, two) = (format!("{ONE}.zst"), format!("{TWO}.gz"));
        let mut old = old(&[ONE, &one, &two, "@400000003b9aca0a00000001.sx"]);
        old.leave_out_copies();
        let left: Vec<&[u8]> = old.files.iter().map(|file| &file.name[..]).collect();
        assert_eq!(left, [two.as_bytes(), b"@400000003b9aca0a00000001.sx", ONE.as_bytes()]);
        assert!(is_unpacked(ONE.as_bytes()) && is_unpacked(TWO.as_bytes()));
        assert!(
            !is_unpacked(one.as_bytes()) && !is_unpacked(b"@zzzzzzzzzzzzzzzzzzzzzzzz.s") && !is_unpacked(b"current")
        );
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
