//! Who besides root may have chosen what a name leads to. Pure: facts about files go in.
//!
//! | where a name is looked up | who may have put there what it leads to |
//! |---|---|
//! | in a directory | its owner, its group if that may write, anybody if all may, whom its access control list lets write |
//! | the same, with the sticky bit | the owner of what is found, and the owner of the directory; of a file with several names, everybody who may write the directory |
//! | a directory, found in a directory of root's | nobody else: the kernel lets nobody move a directory that he may not write |
//! | a link | its owner besides |
//! | `..` | everybody who may write the directory that is left, since he may have moved it |
//!
//! root and the group 0 are not named: they read everything anyway.

use std::fmt;

use crate::access_list::Entry;

/// Somebody who may have chosen what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writer {
    /// The account with this id.
    User(u32),
    /// Some account in the group with this id.
    Group(u32),
    /// Any account.
    Anyone,
}

impl fmt::Display for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Writer::User(id) => write!(formatter, "user {id}"),
            Writer::Group(id) => write!(formatter, "group {id}"),
            Writer::Anyone => formatter.write_str("any user"),
        }
    }
}

/// All who may have chosen what is read. Where there are none, it is as root's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writers(Vec<Writer>);

impl Writers {
    /// Each of them once.
    pub fn iter(&self) -> impl Iterator<Item = Writer> + '_ {
        self.0.iter().copied()
    }

    /// Whether root alone may have chosen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds others.
    pub fn add(&mut self, others: &Writers) {
        others.iter().for_each(|writer| self.insert(writer));
    }

    fn insert(&mut self, writer: Writer) {
        let is_root = matches!(writer, Writer::User(0) | Writer::Group(0));
        if !is_root && !self.0.contains(&writer) {
            self.0.push(writer);
        }
    }
}

impl FromIterator<Writer> for Writers {
    fn from_iter<I: IntoIterator<Item = Writer>>(all: I) -> Writers {
        let mut writers = Writers::default();
        all.into_iter().for_each(|writer| writers.insert(writer));
        writers
    }
}

/// What a file is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Directory,
    Link,
    Other,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub sort: Sort,
    pub owner: u32,
    pub group: u32,
    /// Twelve bits.
    pub mode: u32,
    /// Whether it has more than one name.
    pub several_names: bool,
    /// The entries of its access control list, if it has one; `None`: there is one that cannot be read.
    pub list: Option<Vec<Entry>>,
}

/// Bits of a permission.
pub(crate) const READ: u32 = 4;
pub(crate) const WRITE: u32 = 2;
pub(crate) const SEARCH: u32 = 1;
const STICKY: u32 = 0o1000;

impl Facts {
    /// Who may change it: a file's content, a directory's entries.
    pub fn writers(&self) -> Writers {
        let mut writers = Writers::default();
        // The target of a link is never changed: its owner has made it.
        writers.insert(Writer::User(self.owner));
        if self.sort == Sort::Link {
            return writers;
        }
        if self.mode & WRITE != 0 {
            writers.insert(Writer::Anyone);
        }
        // With a list, these bits are the upper bound of all that it grants.
        if self.mode & (WRITE << 3) == 0 {
            return writers;
        }
        match self.list.as_deref() {
            None => writers.insert(Writer::Anyone),
            Some([]) => writers.insert(Writer::Group(self.group)),
            Some(entries) => entries.iter().for_each(|entry| match *entry {
                Entry::User(id, bits) if bits & WRITE != 0 => writers.insert(Writer::User(id)),
                Entry::Group(id, bits) if bits & WRITE != 0 => writers.insert(Writer::Group(id.unwrap_or(self.group))),
                Entry::User(..) | Entry::Group(..) => {}
            }),
        }
        writers
    }

    /// Who may have put `entry` into this directory.
    pub fn planters(&self, entry: &Facts) -> Writers {
        let owners = || [self.owner, entry.owner].into_iter().map(Writer::User).collect();
        let sticky = self.mode & STICKY != 0 && !(entry.sort == Sort::Other && entry.several_names);
        let mut planters = match entry.sort {
            _ if self.writers().is_empty() => Writers::default(),
            _ if sticky => owners(),
            Sort::Directory => [Writer::User(self.owner)].into_iter().collect(),
            Sort::Link | Sort::Other => self.writers(),
        };
        if entry.sort == Sort::Link {
            planters.insert(Writer::User(entry.owner));
        }
        planters
    }

    /// Whether it may be that these bits are granted to everybody except for a group that `writer` is in. The kernel is
    /// asked without such groups, since only a name service knows them, and would not notice.
    pub fn excludes_a_group(&self, writer: Writer, bits: u32) -> bool {
        let lacks = |granted: u32| granted & bits != bits;
        let entries = self.list.as_deref().unwrap_or_default();
        let named = |id: u32| entries.iter().any(|entry| matches!(entry, Entry::User(user, _) if *user == id));
        match writer {
            Writer::User(id) if id == self.owner || named(id) => false,
            // The kernel is asked with that group.
            Writer::Group(id) if entries.is_empty() && id == self.group => false,
            _ if self.list.is_none() => true,
            _ if entries.is_empty() => lacks(self.mode >> 3),
            _ => entries.iter().any(|entry| matches!(entry, Entry::Group(_, granted) if lacks(*granted))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(sort: Sort, owner: u32, group: u32, mode: u32) -> Facts {
        Facts { sort, owner, group, mode, several_names: false, list: Some(Vec::new()) }
    }

    fn directory(owner: u32, group: u32, mode: u32) -> Facts {
        facts(Sort::Directory, owner, group, mode)
    }

    fn all<const N: usize>(writers: [Writer; N]) -> Writers {
        writers.into_iter().collect()
    }

    use Writer::{Anyone, Group, User};

    #[test]
    fn who_may_write_is_told_by_owner_mode_and_list() {
        assert_eq!(directory(0, 0, 0o775).writers(), all([]));
        assert_eq!(directory(0, 5, 0o755).writers(), all([]));
        assert_eq!(directory(0, 5, 0o775).writers(), all([Group(5)]));
        assert_eq!(directory(7, 5, 0o500).writers(), all([User(7)]));
        assert_eq!(directory(0, 5, 0o1777).writers(), all([Anyone, Group(5)]));
        let listed = |mode| Facts {
            list: Some(vec![Entry::User(8, 7), Entry::User(9, 5), Entry::Group(None, 5), Entry::Group(Some(6), 3)]),
            ..directory(0, 5, mode)
        };
        assert_eq!(listed(0o775).writers(), all([User(8), Group(6)]));
        assert_eq!(listed(0o755).writers(), all([]));
        assert_eq!(Facts { list: None, ..directory(0, 5, 0o775) }.writers(), all([Anyone]));
    }

    #[test]
    fn an_entry_was_put_there_by_who_may_write_the_directory() {
        let (file, link) = (facts(Sort::Other, 0, 0, 0o600), facts(Sort::Link, 0, 0, 0o777));
        for (above, entry, planters) in [
            (directory(0, 0, 0o755), &file, all([])),
            (directory(0, 0, 0o755), &link, all([])),
            (directory(7, 0, 0o755), &file, all([User(7)])),
            (directory(7, 0, 0o755), &link, all([User(7)])),
            (directory(0, 5, 0o775), &file, all([Group(5)])),
            (directory(0, 0, 0o777), &file, all([Anyone])),
            (directory(0, 0, 0o1777), &file, all([])),
            (directory(7, 0, 0o1777), &file, all([User(7)])),
            (directory(0, 0, 0o1777), &Facts { several_names: true, ..file.clone() }, all([Anyone])),
            (directory(0, 0, 0o1777), &Facts { owner: 9, ..link.clone() }, all([User(9)])),
            (directory(0, 0, 0o755), &Facts { owner: 9, ..link.clone() }, all([User(9)])),
            (directory(0, 0, 0o755), &Facts { owner: 9, ..file.clone() }, all([])),
        ] {
            assert_eq!(above.planters(entry), planters, "{above:?} {entry:?}");
        }
    }

    #[test]
    fn a_directory_is_moved_by_nobody_who_may_not_write_it() {
        let below = directory(9, 9, 0o700);
        assert_eq!(directory(0, 5, 0o775).planters(&below), all([]));
        assert_eq!(directory(7, 5, 0o775).planters(&below), all([User(7)]));
        assert_eq!(directory(0, 0, 0o1777).planters(&below), all([User(9)]));
    }

    #[test]
    fn who_is_shut_out_by_a_group_is_not_let_in_as_one_of_the_others() {
        let file = facts(Sort::Other, 0, 5, 0o604);
        assert!(file.excludes_a_group(User(7), READ) && file.excludes_a_group(Anyone, READ));
        assert!(!file.excludes_a_group(User(0), READ) && !file.excludes_a_group(Group(5), READ));
        assert!(!facts(Sort::Other, 0, 5, 0o644).excludes_a_group(User(7), READ));
        let list = Some(vec![Entry::User(8, 4), Entry::Group(None, 4), Entry::Group(Some(6), 0)]);
        let listed = Facts { list, ..facts(Sort::Other, 0, 5, 0o644) };
        assert!(listed.excludes_a_group(User(7), READ) && !listed.excludes_a_group(User(8), READ));
        assert!(Facts { list: None, ..listed }.excludes_a_group(User(7), READ));
    }
}
