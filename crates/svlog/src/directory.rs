//! The files of a log directory in the order of their lines: old ones by their names, what is being rotated, `current`.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_core::label::Label;
use daemontools_program::clock::time_of_day;
use daemontools_untrusted::{Directory, Error, RegularFile};
use nix::errno::Errno;

/// What a file of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A finished one: when that was, and how it ended.
    Old(Label, LastLine),
    /// One that multilog is about to finish, or that its processor has just made of it.
    Rotating,
    /// The one that grows.
    Current,
}

/// What became of the last line of an old file, if it has no newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLine {
    /// It goes on in the next file.
    Continues,
    /// It never ended: multilog was killed.
    Torn,
}

/// A file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its name.
    pub name: OsString,
    /// Its inode: a file that is being rotated keeps it.
    pub inode: u64,
    /// What it is.
    pub kind: Kind,
}

/// The files of a log at one moment. Those that may get another name are open, unless they cannot be opened.
#[derive(Debug)]
pub struct Snapshot {
    /// In the order of their lines.
    pub files: Vec<LogFile>,
    /// The file that multilog rotates, if any.
    pub rotating: Option<OwnedFd>,
    /// The file that grows, if any.
    pub current: Option<OwnedFd>,
    /// A moment in which the last file was the one that grows and all others had their names; `None`: multilog was
    /// rotating.
    pub seen: Option<Label>,
}

/// How often a directory that changes all the time is read again.
const ATTEMPTS: u32 = 1000;

/// Finds the files of a log and opens those that may get another name. Nothing is missing between them, whatever
/// multilog does meanwhile: the directory is the same before and after.
pub fn snapshot(dir: &Directory) -> Result<Snapshot, Error> {
    for _ in 0..ATTEMPTS {
        let before = list(dir)?;
        let rotates = before.iter().any(|file| file.kind == Kind::Rotating);
        let seen = (!rotates).then(time_of_day);
        let opened = |kind: Kind| {
            let file = before.iter().find(|file| file.kind == kind)?;
            Some(dir.file(Path::new(&file.name)).map(RegularFile::into_fd))
        };
        let (rotating, current) = (opened(Kind::Rotating), opened(Kind::Current));
        let renamed = |file: &Option<Result<OwnedFd, Error>>| matches!(file, Some(Err(Error::System(Errno::ENOENT))));
        // What cannot be opened is told when it is to be read.
        if !renamed(&rotating) && !renamed(&current) && list(dir)? == before {
            let fd = |file: Option<Result<OwnedFd, Error>>| file.and_then(Result::ok);
            return Ok(Snapshot { files: before, rotating: fd(rotating), current: fd(current), seen });
        }
    }
    Err(Errno::EAGAIN.into())
}

/// The files of a log directory in order.
pub fn list(dir: &Directory) -> Result<Vec<LogFile>, Error> {
    Ok(order(dir.names()?.into_iter().map(|entry| (entry.name, entry.inode))))
}

/// What is a file of the log among these names and inodes, in order; each inode once.
fn order(names: impl IntoIterator<Item = (OsString, u64)>) -> Vec<LogFile> {
    let (mut old, mut previous, mut processed, mut current) = (Vec::new(), None, None, None);
    for (name, inode) in names {
        match name.as_bytes() {
            b"current" => current = Some(LogFile { name, inode, kind: Kind::Current }),
            b"previous" => previous = Some(LogFile { name, inode, kind: Kind::Rotating }),
            b"processed" => processed = Some(LogFile { name, inode, kind: Kind::Rotating }),
            bytes => {
                if let Some(kind) = old_file(bytes) {
                    old.push(LogFile { name, inode, kind });
                }
            }
        }
    }
    old.sort_by(|one, other| one.name.cmp(&other.name));
    // While somebody compresses @x.s into @x.s.gz, both are there: the shorter name, which comes first, is complete.
    old.dedup_by(|second, first| second.kind == first.kind);
    // What the processor made counts from the moment in which `previous` goes.
    let rotating = previous.or(processed).filter(|rotating| old.iter().all(|file| file.inode != rotating.inode));
    old.extend(rotating);
    let current: Option<LogFile> = current;
    old.extend(current.filter(|current| old.iter().all(|file| file.inode != current.inode)));
    old
}

/// What an old file's name says: `@`, 24 hex digits, `.s` or `.u`, and maybe more (`.gz`).
fn old_file(name: &[u8]) -> Option<Kind> {
    let (label, suffix) = Label::from_text(name)?;
    match suffix.get(..2)? {
        b".s" => Some(Kind::Old(label, LastLine::Continues)),
        b".u" => Some(Kind::Old(label, LastLine::Torn)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[(&str, u64)]) -> Vec<String> {
        let files = order(list.iter().map(|&(name, inode)| (name.into(), inode)));
        files.into_iter().map(|file| file.name.into_string().unwrap()).collect()
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
