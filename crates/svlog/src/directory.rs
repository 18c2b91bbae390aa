//! The files of a log directory in the order of their lines: old ones by their names, what is being rotated, `current`.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use daemontools_core::label::Label;
use daemontools_program::clock::time_of_day;
use daemontools_sys::fd::open_private;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fstat};

/// What a file of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A finished one: when that was, and how it ended.
    Old(Label, Ending),
    /// One that multilog is about to finish, or that its processor has just made of it.
    Rotating,
    /// The one that grows.
    Current,
}

/// How an old file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order: a line that does not end there goes on in the next file.
    Whole,
    /// multilog was killed: a line that does not end there never did.
    Torn,
}

/// A file of a log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// Its inode: a file that is being rotated keeps it.
    pub inode: u64,
    /// What it is.
    pub kind: Kind,
}

/// The files of a log at one moment. Those that may get another name are open.
pub struct Snapshot {
    /// In the order of their lines.
    pub entries: Vec<Entry>,
    /// The file that multilog rotates, if any.
    pub rotating: Option<OwnedFd>,
    /// The file that grows, if any.
    pub current: Option<OwnedFd>,
    /// A moment in which the last file was the one that grows and all others had their names; `None`: multilog was
    /// rotating.
    pub seen: Option<Label>,
}

/// How often a directory that changes all the time is looked at again.
const LOOKS: u32 = 1000;

/// Finds the files of a log and opens those that may get another name: nothing is missing between them, whatever
/// multilog does meanwhile.
pub fn snapshot(dir: &Path) -> nix::Result<Snapshot> {
    for _ in 0..LOOKS {
        let before = list(dir)?;
        let rotates = before.iter().any(|entry| entry.kind == Kind::Rotating);
        let seen = (!rotates).then(time_of_day);
        let opened = |kind: Kind| {
            let entry = before.iter().find(|entry| entry.kind == kind);
            entry.map(|entry| open(&dir.join(&entry.name))).transpose()
        };
        let (rotating, current) = match (opened(Kind::Rotating), opened(Kind::Current)) {
            (Ok(rotating), Ok(current)) => (rotating, current),
            // Renamed meanwhile.
            (Err(Errno::ENOENT), _) | (_, Err(Errno::ENOENT)) => continue,
            (Err(errno), _) | (_, Err(errno)) => return Err(errno),
        };
        let inode = |fd: &Option<OwnedFd>| fd.as_ref().map(|fd| fstat(fd).map(|stat| stat.st_ino)).transpose();
        let known = |kind: Kind| before.iter().find(|entry| entry.kind == kind).map(|entry| entry.inode);
        let same = inode(&rotating)? == known(Kind::Rotating) && inode(&current)? == known(Kind::Current);
        if same && list(dir)? == before {
            return Ok(Snapshot { entries: before, rotating, current, seen });
        }
    }
    Err(Errno::EAGAIN)
}

/// Opens a file of a log for reading. Does not wait, whatever it is.
pub fn open(path: &Path) -> nix::Result<OwnedFd> {
    open_private(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())
}

/// The files of a log directory in order.
pub fn list(dir: &Path) -> nix::Result<Vec<Entry>> {
    let mut dir = Dir::open(dir, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        names.push((OsString::from_vec(entry.file_name().to_bytes().to_vec()), entry.ino()));
    }
    Ok(order(names))
}

/// What is a file of the log among these names and inodes, in order; each inode once.
fn order(names: impl IntoIterator<Item = (OsString, u64)>) -> Vec<Entry> {
    let (mut old, mut previous, mut processed, mut current) = (Vec::new(), None, None, None);
    for (name, inode) in names {
        match name.as_bytes() {
            b"current" => current = Some(Entry { name, inode, kind: Kind::Current }),
            b"previous" => previous = Some(Entry { name, inode, kind: Kind::Rotating }),
            b"processed" => processed = Some(Entry { name, inode, kind: Kind::Rotating }),
            bytes => {
                if let Some(kind) = old_file(bytes) {
                    old.push(Entry { name, inode, kind });
                }
            }
        }
    }
    old.sort_by(|one, other| one.name.cmp(&other.name));
    // While somebody compresses @x.s into @x.s.gz, both are there: the shorter name, which comes first, is complete.
    old.dedup_by(|second, first| second.kind == first.kind);
    // What the processor made counts from the moment in which `previous` goes.
    let rotating = previous.or(processed).filter(|rotating| old.iter().all(|entry| entry.inode != rotating.inode));
    old.extend(rotating);
    let current: Option<Entry> = current;
    old.extend(current.filter(|current| old.iter().all(|entry| entry.inode != current.inode)));
    old
}

/// What an old file's name says: `@`, 24 hex digits, `.s` or `.u`, and maybe more (`.gz`).
fn old_file(name: &[u8]) -> Option<Kind> {
    let (label, suffix) = Label::from_text(name)?;
    match suffix.get(..2)? {
        b".s" => Some(Kind::Old(label, Ending::Whole)),
        b".u" => Some(Kind::Old(label, Ending::Torn)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[(&str, u64)]) -> Vec<String> {
        let entries = order(list.iter().map(|&(name, inode)| (name.into(), inode)));
        entries.into_iter().map(|entry| entry.name.into_string().unwrap()).collect()
    }

    const A: &str = "@400000003b9aca0a00000000.s";
    const B: &str = "@400000003b9aca0b00000000.u";

    #[test]
    fn old_files_come_by_name_and_current_last() {
        let all = [("current", 9), ("state", 3), (B, 5), ("lock", 4), (A, 6), ("previous", 7), (".", 1), ("@x.s", 8)];
        assert_eq!(names(&all), [A, B, "previous", "current"]);
        assert!(names(&[("lock", 1)]).is_empty());
    }

    #[test]
    fn a_file_with_two_names_is_there_once() {
        assert_eq!(names(&[("previous", 5), (A, 5), ("current", 6)]), [A, "current"]);
        assert_eq!(names(&[("current", 5), (A, 5)]), [A]);
        assert_eq!(names(&[(&format!("{A}.gz"), 7), (A, 5)]), [A]);
    }

    #[test]
    fn what_a_processor_makes_counts_when_its_source_has_gone() {
        assert_eq!(names(&[("processed", 4), ("previous", 5), ("current", 6)]), ["previous", "current"]);
        assert_eq!(names(&[("processed", 4), ("current", 6)]), ["processed", "current"]);
        assert_eq!(names(&[("processed", 4), (A, 4), ("current", 6)]), [A, "current"]);
    }
}
