//! Following a log over rotations: which files come after the one that was read to its end.
//!
//! That file stays open, so that its inode is nobody else's. While multilog rotates, a file changes its name and keeps its
//! inode; so what follows it in the directory is what comes next, however often multilog has rotated meanwhile. Two things
//! can hide it. It was thrown away because there were too many: then every file that is left is newer. Or a processor made
//! another file of it: then that one has the same contents, packed or not; and if it has not (the processor left lines
//! out), what was shown of it already is told by the stamps.

use std::os::fd::OwnedFd;

use daemontools_core::label::Label;
use daemontools_program::clock::time_of_day;
use nix::errno::Errno;
use nix::sys::stat::stat;

use crate::bisect::ReadAt;
use crate::directory::{Entry, Kind, Snapshot, open, snapshot};
use crate::file::Plain;
use crate::reading::Reading;
use crate::source::Source;

/// How much of two files is compared to tell whether they are the same.
const SAMPLE: usize = 64 * 1024;

/// What is remembered of the file that was read to its end.
#[derive(Default)]
pub struct Succession {
    /// Whether that was after it ceased to be `current`.
    finished: bool,
}

/// What comes after a file.
#[derive(Debug, PartialEq, Eq)]
enum Next<'a> {
    /// These files.
    Files(&'a [Entry]),
    /// These, but lines of the first one may have been shown.
    Perhaps(&'a [Entry]),
}

impl Succession {
    /// Called when all that could be read was: whether there is more now, in the same file or in others.
    pub fn turn(&mut self, source: &mut Source) -> bool {
        let Some(held) = &mut source.reading else {
            // Nothing was ever there.
            return snapshot(&source.dir).is_ok_and(|snapshot| {
                source.take(snapshot);
                !source.queue.is_empty()
            });
        };
        let settled = stat(&source.dir.join("previous")) == Err(Errno::ENOENT);
        let now = time_of_day();
        if stat(&source.dir.join("current")).is_ok_and(|current| current.st_ino == held.entry.inode) {
            if settled {
                source.seen = Some(now);
            }
            self.finished = false;
            return false;
        }
        // It may have grown after it was read and before it was renamed.
        if !self.finished {
            self.finished = true;
            return true;
        }
        let Ok(found) = snapshot(&source.dir) else { return false };
        let Snapshot { entries, rotating, current, seen } = found;
        // Its new name says whether its last line was torn.
        if let Some(entry) = entries.iter().find(|entry| entry.inode == held.entry.inode) {
            held.entry.kind = entry.kind;
        }
        let contents = Sample::of(held);
        let next = after(&entries, held.entry.inode, source.seen, |entry| {
            let open_copy = |fd: &OwnedFd| daemontools_sys::fd::duplicate_private(std::os::fd::AsFd::as_fd(fd));
            let file = match (&rotating, entry.kind) {
                (Some(fd), Kind::Rotating) => open_copy(fd),
                _ => open(&source.dir.join(&entry.name)),
            };
            file.is_ok_and(|file| contents.is_of(&Plain(file)))
        });
        let (files, shown) = match next {
            Next::Files(files) => (files, None),
            Next::Perhaps(files) => (files, Some(*source.key())),
        };
        if files.is_empty() {
            return false;
        }
        let entries = files.to_vec();
        source.shown = shown;
        *self = Succession::default();
        let torn = source.close();
        source.take(Snapshot { entries, rotating, current, seen });
        torn || !source.queue.is_empty()
    }
}

/// What comes after the file with this inode. `seen`: no file that was finished before that comes after it. `is_copy`:
/// whether a file has its contents.
fn after<'a>(
    entries: &'a [Entry],
    held: u64,
    seen: Option<Label>,
    mut is_copy: impl FnMut(&Entry) -> bool,
) -> Next<'a> {
    let from = |start: usize| entries.get(start..).unwrap_or_default();
    if let Some(position) = entries.iter().position(|entry| entry.inode == held) {
        return Next::Files(from(position + 1));
    }
    let known = |entry: &Entry| matches!((entry.kind, seen), (Kind::Old(finished, _), Some(seen)) if finished < seen);
    let newer = entries.partition_point(known);
    let copy = from(newer).iter().rposition(|entry| entry.kind != Kind::Current && is_copy(entry));
    match copy {
        Some(position) => Next::Files(from(newer + position + 1)),
        None => Next::Perhaps(from(newer)),
    }
}

/// The first bytes of a file.
struct Sample(Vec<u8>);

impl Sample {
    fn of(reading: &Reading) -> Sample {
        let mut bytes = vec![0; SAMPLE];
        let mut filled = 0;
        while let Ok(count @ 1..) = reading.plain.read_at(filled as u64, bytes.get_mut(filled..).unwrap_or_default()) {
            filled += count;
        }
        bytes.truncate(filled);
        Sample(bytes)
    }

    /// Whether a file, unpacked, begins with it.
    fn is_of(&self, file: &Plain) -> bool {
        let mut bytes = vec![0; self.0.len()];
        let read = match file.packing() {
            Ok(Some(packing)) => file.unpack(packing).and_then(|mut input| input.read_exact(&mut bytes)).is_ok(),
            Ok(None) => file.read_at(0, &mut bytes).is_ok_and(|count| count == bytes.len()),
            Err(_) => false,
        };
        read && !self.0.is_empty() && bytes == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Ending;

    fn entries(list: &[(i64, u64)]) -> Vec<Entry> {
        let old = |&(seconds, inode): &(i64, u64)| {
            let kind = match seconds {
                0 => Kind::Current,
                _ => Kind::Old(Label::from_unix(seconds, 0), Ending::Whole),
            };
            Entry { name: seconds.to_string().into(), inode, kind }
        };
        list.iter().map(old).collect()
    }

    fn seen(seconds: i64) -> Option<Label> {
        Some(Label::from_unix(seconds, 0))
    }

    #[test]
    fn a_renamed_file_is_known_by_its_inode() {
        let all = entries(&[(10, 1), (20, 2), (30, 3), (0, 4)]);
        assert_eq!(after(&all, 2, seen(15), |_| false), Next::Files(&all[2..]));
        assert_eq!(after(&all, 4, seen(15), |_| false), Next::Files(&[]));
    }

    #[test]
    fn what_is_left_of_a_file_that_was_thrown_away_is_newer() {
        let all = entries(&[(20, 2), (30, 3), (0, 4)]);
        assert_eq!(after(&all, 9, seen(15), |_| false), Next::Perhaps(&all));
        assert_eq!(after(&all, 9, seen(25), |_| false), Next::Perhaps(&all[1..]));
        assert_eq!(after(&all, 9, None, |_| false), Next::Perhaps(&all));
    }

    #[test]
    fn what_a_processor_made_of_a_file_is_known_by_its_contents() {
        let all = entries(&[(10, 1), (20, 2), (30, 3), (0, 4)]);
        assert_eq!(after(&all, 9, seen(5), |entry| entry.inode == 2), Next::Files(&all[2..]));
        assert_eq!(after(&all, 9, seen(5), |entry| entry.inode == 4), Next::Perhaps(&all));
    }
}
