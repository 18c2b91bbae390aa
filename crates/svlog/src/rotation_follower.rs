//! Following a log over rotations: which files come after the one that was read to its end.
//!
//! That file stays open, so that no other file gets its inode. When multilog rotates, a file changes its name and keeps its
//! inode; so what follows it in the directory comes next, however often multilog has rotated meanwhile. It can be missing
//! for two reasons. multilog removed it because there were too many: then every file that is left is newer. Or a processor
//! made another file of it: that one has the same contents, packed or not. If the processor left lines out, the stamps tell
//! what has been shown already.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use daemontools_core::label::Label;
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_sys::fd::duplicate_private;
use daemontools_untrusted::{Directory, RegularFile};
use nix::errno::Errno;

use crate::bisect::ReadAt;
use crate::directory::{Kind, LogFile, Snapshot, snapshot};
use crate::file::Plain;
use crate::open_file::OpenFile;
use crate::source::Source;

/// How much of two files is compared to tell whether they are the same.
const SAMPLE: usize = 64 * 1024;

/// What is remembered of the file that was read to its end.
#[derive(Default)]
pub struct RotationFollower {
    /// Whether that was after it ceased to be `current`.
    finished: bool,
}

/// What comes after a file.
#[derive(Debug, PartialEq, Eq)]
enum Next<'a> {
    /// These files.
    Files(&'a [LogFile]),
    /// These, but lines of the first one may have been shown.
    Perhaps(&'a [LogFile]),
}

impl RotationFollower {
    /// Called when all that could be read was: finds out whether there is more now, in the same file or in others.
    pub fn find_more(&mut self, source: &mut Source) -> bool {
        if source.retry_at.is_some_and(|moment| Instant::now() < moment) {
            return false;
        }
        source.retry_at = None;
        let Ok(dir) = source.log.open() else { return false };
        let Some(open) = &source.open else {
            // Nothing was ever there, or it could not be read.
            return snapshot(&dir).is_ok_and(|snapshot| {
                source.take(dir, snapshot);
                !source.queue.is_empty()
            });
        };
        let settled = dir.stat_entry("previous").is_err_and(|errno| errno == Errno::ENOENT);
        let now = time_of_day();
        if dir.stat_entry("current").is_ok_and(|current| current.st_ino == open.file.inode) {
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
        snapshot(&dir).is_ok_and(|found| self.go_on(source, dir, found))
    }

    /// Goes on with what comes after the file that was read; whether there is more to show now.
    fn go_on(&mut self, source: &mut Source, dir: Directory, found: Snapshot) -> bool {
        let Some(open) = &mut source.open else { return false };
        let Snapshot { files, rotating, current, seen } = found;
        // Its new name says whether its last line was torn.
        if let Some(file) = files.iter().find(|file| file.inode == open.file.inode) {
            open.file.kind = file.kind;
        }
        let contents = Sample::of(open);
        let next = after(&files, open.file.inode, source.seen, |file| {
            let fd: Option<OwnedFd> = match (&rotating, file.kind) {
                (Some(fd), Kind::Rotating) => duplicate_private(fd.as_fd()).ok(),
                _ => dir.file(Path::new(&file.name)).map(RegularFile::into_fd).ok(),
            };
            fd.is_some_and(|fd| contents.is_of(&Plain(fd)))
        });
        let (next, shown) = match next {
            Next::Files(files) => (files, None),
            Next::Perhaps(files) => (files, Some(source.key())),
        };
        if next.is_empty() {
            return false;
        }
        let files = next.to_vec();
        source.skip_to(shown);
        *self = RotationFollower::default();
        let torn = source.close();
        source.take(dir, Snapshot { files, rotating, current, seen });
        torn || !source.queue.is_empty()
    }
}

/// What comes after the file with this inode. `seen`: no file that was finished before that comes after it. `is_copy`:
/// whether a file has its contents.
fn after<'a>(
    files: &'a [LogFile],
    held: u64,
    seen: Option<Label>,
    mut is_copy: impl FnMut(&LogFile) -> bool,
) -> Next<'a> {
    let from = |start: usize| files.get(start..).unwrap_or_default();
    if let Some(position) = files.iter().position(|file| file.inode == held) {
        return Next::Files(from(position + 1));
    }
    let known = |file: &LogFile| matches!((file.kind, seen), (Kind::Old(finished, _), Some(seen)) if finished < seen);
    let newer = files.partition_point(known);
    let copy = from(newer).iter().rposition(|file| file.kind != Kind::Current && is_copy(file));
    match copy {
        Some(position) => Next::Files(from(newer + position + 1)),
        None => Next::Perhaps(from(newer)),
    }
}

/// The first bytes of a file.
struct Sample(Vec<u8>);

impl Sample {
    fn of(open: &OpenFile) -> Sample {
        let mut bytes = vec![0; SAMPLE];
        let mut filled = 0;
        while let Ok(count @ 1..) = open.plain.read_at(filled as u64, bytes.get_mut(filled..).unwrap_or_default()) {
            filled += count;
        }
        bytes.truncate(filled);
        Sample(bytes)
    }

    /// Whether a file, unpacked, begins with it.
    fn is_of(&self, file: &Plain) -> bool {
        let mut bytes = vec![0; self.0.len()];
        let read = match file.packing() {
            Ok(Some(packing)) => file.unpack(packing).is_ok_and(|mut input| input.read_exact(&mut bytes).is_ok()),
            Ok(None) => file.read_at(0, &mut bytes).is_ok_and(|count| count == bytes.len()),
            Err(_) => false,
        };
        read && !self.0.is_empty() && bytes == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::LastLine;

    fn files(list: &[(i64, u64)]) -> Vec<LogFile> {
        let old = |&(seconds, inode): &(i64, u64)| {
            let kind = match seconds {
                0 => Kind::Current,
                _ => Kind::Old(Label::from_unix(seconds, 0), LastLine::Continues),
            };
            LogFile { name: seconds.to_string().into(), inode, kind }
        };
        list.iter().map(old).collect()
    }

    fn seen(seconds: i64) -> Option<Label> {
        Some(Label::from_unix(seconds, 0))
    }

    #[test]
    fn a_renamed_file_is_known_by_its_inode() {
        let all = files(&[(10, 1), (20, 2), (30, 3), (0, 4)]);
        assert_eq!(after(&all, 2, seen(15), |_| false), Next::Files(&all[2..]));
        assert_eq!(after(&all, 4, seen(15), |_| false), Next::Files(&[]));
    }

    #[test]
    fn when_the_file_was_thrown_away_all_that_is_left_is_newer() {
        let all = files(&[(20, 2), (30, 3), (0, 4)]);
        assert_eq!(after(&all, 9, seen(15), |_| false), Next::Perhaps(&all));
        assert_eq!(after(&all, 9, seen(25), |_| false), Next::Perhaps(&all[1..]));
        assert_eq!(after(&all, 9, None, |_| false), Next::Perhaps(&all));
    }

    #[test]
    fn what_a_processor_made_of_a_file_is_known_by_its_contents() {
        let all = files(&[(10, 1), (20, 2), (30, 3), (0, 4)]);
        assert_eq!(after(&all, 9, seen(5), |file| file.inode == 2), Next::Files(&all[2..]));
        assert_eq!(after(&all, 9, seen(5), |file| file.inode == 4), Next::Perhaps(&all));
    }
}
