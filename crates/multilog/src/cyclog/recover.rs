//! Recovery of a log directory: finds what an earlier run left, and performs what `recovery` decides.

use std::ffi::CStr;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{SystemTime, UNIX_EPOCH};

use daemontools_core::label::Label;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::open_private_at;
use nix::fcntl::OFlag;
use nix::sys::stat::FileStat;

use super::{CURRENT, Cyclog, NEW_STATE, OWN, PREVIOUS, PROCESSED, STATE};
use crate::archive::Completeness;
use crate::recovery::{Current, Found, Processed, Repair, plan};
use crate::retry::retry;

impl Cyclog {
    /// Repairs what an earlier run left, and opens the current file; returns its size.
    pub(super) fn recover(&mut self) -> Result<u64, Failure> {
        let (found, size) = self.look()?;
        for repair in plan(found) {
            self.repair(repair)?;
        }
        let verb: &[u8] = if found.current == Current::Clean { b"append to " } else { b"write to " };
        let current = uninterrupted(|| self.open_at(CURRENT, OWN)).unable([verb, self.name(), b"/current"])?;
        uninterrupted(|| self.give_mode(Some(&current))).unable([b"set mode of ", self.name(), b"/current"])?;
        self.current = Some(current);
        Ok(size)
    }

    /// When the first line of a current file of `used` bytes was written, in seconds of Unix time: its stamp tells, else the
    /// time when the file was made, or when it was last written. `None` if it has no line.
    pub fn first_written(&self, used: u64) -> Option<i64> {
        if used == 0 {
            return None;
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
        let file = File::from(uninterrupted(|| open_private_at(&self.dir, CURRENT, flags, OWN)).ok()?);
        let mut stamp = [0; Label::TEXT];
        if file.read_exact_at(&mut stamp, 0).is_ok() {
            if let Some((label, _)) = Label::from_text(&stamp) {
                return Some(label.to_unix());
            }
        }
        let about = file.metadata().ok()?;
        about.created().or_else(|_| about.modified()).ok().and_then(unix)
    }

    /// Which files an earlier run left, and the size of a current file that is appended to.
    fn look(&self) -> Result<(Found, u64), Failure> {
        let (current, size) = match self.stat(CURRENT)? {
            None => (Current::Absent, 0),
            Some(stat) if stat.st_mode & 0o100 != 0 => (Current::Clean, u64::try_from(stat.st_size).unwrap_or(0)),
            Some(stat) if stat.st_size == 0 && is_file(&stat) => (Current::Empty, 0),
            Some(stat) => match self.only_file(CURRENT, stat)? {
                Some(_) => (Current::Unclean, 0),
                None => (Current::Absent, 0),
            },
        };
        let processed = match self.stat_file(PROCESSED)? {
            None => Processed::Absent,
            Some(stat) if stat.st_mode & 0o100 != 0 => Processed::Finished,
            Some(_) => Processed::Unfinished,
        };
        let previous = self.stat_file(PREVIOUS)?.is_some();
        Ok((Found { current, processed, previous }, size))
    }

    /// What is under this name, if it is a file. Anything else is set aside.
    fn stat_file(&self, file: &CStr) -> Result<Option<FileStat>, Failure> {
        self.stat(file)?.map_or(Ok(None), |stat| self.only_file(file, stat))
    }

    fn repair(&mut self, repair: Repair) -> Result<(), Failure> {
        match repair {
            // As in 0.76, a failure is ignored: the next processor overwrites the file.
            Repair::DropState => {
                let _ = self.remove(STATE);
                let _ = self.remove(NEW_STATE);
            }
            Repair::DropProcessed => drop(self.remove(PROCESSED)),
            Repair::DropPrevious => drop(self.remove(PREVIOUS)),
            Repair::KeepProcessed => self.save(PROCESSED, Completeness::Safe),
            Repair::KeepPrevious => self.save(PREVIOUS, Completeness::Unclean),
            Repair::KeepCurrent => self.save(CURRENT, Completeness::Unclean),
            Repair::MakeState => {
                let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
                uninterrupted(|| open_private_at(&self.dir, STATE, flags, self.open())).unable([
                    b"write to ",
                    self.name(),
                    b"/state",
                ])?;
            }
        }
        Ok(())
    }

    /// Archives `file`; repeats what fails.
    fn save(&mut self, file: &CStr, ending: Completeness) {
        retry(|| self.make_room(0));
        retry(|| self.keep(file, ending));
    }
}

fn unix(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

fn is_file(stat: &FileStat) -> bool {
    stat.st_mode & nix::libc::S_IFMT == nix::libc::S_IFREG
}
