//! A log directory, a "cyclog" as the predecessor of multilog in daemontools was called: its lock, its current file, and
//! the steps of rotation and recovery, each of one or two system calls.
//!
//! Their order is decided in `rotation` and `recovery`. Names are relative to the open directory, so that the process
//! never changes its own; and no link is followed that somebody may have put in the place of a file.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use daemontools_program::clock::time_of_day;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::{open_private, open_private_at, try_lock};
use daemontools_sys::signal::Signals;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstatat};
use nix::unistd::{Pid, UnlinkatFlags, fsync, mkdir, unlinkat};

use crate::archive::{Archive, Completeness};
use crate::processor;
use crate::recovery::{Current, Found, Processed, Repair, plan};
use crate::retry::retry;
use crate::rotation::{Route, Step};
use crate::script::Plan;

const CURRENT: &CStr = c"current";
const PREVIOUS: &CStr = c"previous";
const PROCESSED: &CStr = c"processed";
const STATE: &CStr = c"state";
const NEW_STATE: &CStr = c"newstate";

/// The mode of a file that is being written.
const OPEN: Mode = Mode::from_bits_truncate(0o644);
/// The mode of a file once all of it is on disk.
const SEALED: Mode = Mode::from_bits_truncate(0o744);
/// The mode of files that no reader of the log needs, and of `current` before it gets its own.
const OWN: Mode = Mode::from_bits_truncate(0o600);

/// A locked log directory.
pub struct Cyclog {
    plan: Plan,
    dir: OwnedFd,
    /// Locked as long as it is open.
    _lock: OwnedFd,
    /// Open for appending; `None` only between two steps.
    current: Option<OwnedFd>,
    /// What the processor made; `None` but between two steps.
    made: Option<OwnedFd>,
    /// As the last `MakeRoom` found it.
    archive: Archive,
}

impl Cyclog {
    /// Locks a log directory and repairs what an earlier run left; returns the size of its current file, too.
    pub fn open(plan: Plan) -> Result<(Cyclog, u64), Failure> {
        let name = plan.dir.to_bytes();
        // If that fails, opening it tells why, or it is there already.
        let _ = uninterrupted(|| mkdir(plan.dir, Mode::S_IRWXU));
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NONBLOCK;
        let dir = uninterrupted(|| open_private(plan.dir, flags, Mode::empty())).unable([b"open directory ", name])?;
        let lock = uninterrupted(|| lock(&dir)).unable([b"lock directory ", name])?;
        let mut cyclog = Cyclog { plan, dir, _lock: lock, current: None, made: None, archive: Archive::default() };
        let used = cyclog.recover()?;
        Ok((cyclog, used))
    }

    /// The directory as it was typed.
    pub fn name(&self) -> &'static [u8] {
        self.plan.dir.to_bytes()
    }

    /// The directory.
    pub fn dir(&self) -> &OwnedFd {
        &self.dir
    }

    /// The way of its full files.
    pub fn route(&self) -> Route {
        if self.plan.processor.is_some() { Route::Processor } else { Route::Plain }
    }

    /// Appends as many of `bytes` to the current file as the system takes; returns how many.
    pub fn append(&self, bytes: &[u8]) -> Result<usize, Failure> {
        let write = || nix::unistd::write(self.current.as_ref().ok_or(Errno::EBADF)?, bytes);
        let written = match uninterrupted(write) {
            Ok(0) => Err(Errno::EIO),
            result => result,
        };
        written.map_err(|errno| pausing([b"write to ", self.name(), b"/current"], errno))
    }

    /// Performs a step once. Returns the process that goes on with it, if one does.
    pub fn attempt(&mut self, step: Step, signals: &Signals) -> Result<Option<Pid>, Failure> {
        match (step, self.plan.processor) {
            (Step::Process, Some(command)) => processor::start(command, self, signals).map(Some),
            _ => self.perform(step).map(|()| None),
        }
    }

    fn perform(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            // Without a processor there is nothing to do.
            Step::Process => Ok(()),
            Step::MakeRoom => self.make_room(),
            Step::Keep => self.keep(self.finished(), Completeness::Safe),
            Step::Sync | Step::SyncLast => self.simply(step, |log| sync(log.current.as_ref())),
            Step::Seal | Step::SealLast => self.simply(step, |log| set_mode(log.current.as_ref(), SEALED)),
            Step::SetAside => self.simply(step, |log| renameat(&log.dir, CURRENT, &log.dir, PREVIOUS)),
            Step::Renew => self.simply(step, |log| {
                // Closed first, so that no more descriptors are open than before.
                log.current = None;
                log.open_at(CURRENT, OWN).map(|file| log.current = Some(file))
            }),
            Step::Open => self.simply(step, |log| set_mode(log.current.as_ref(), OPEN)),
            Step::TakeProcessed => self.simply(step, |log| log.take(PROCESSED)),
            Step::SyncProcessed | Step::SyncNewState => self.simply(step, |log| sync(log.made.as_ref())),
            Step::SealProcessed => self.simply(step, |log| set_mode(log.made.as_ref(), SEALED)),
            Step::TakeNewState => self.simply(step, |log| log.take(NEW_STATE)),
            Step::DropPrevious => self.simply(step, |log| {
                log.made = None;
                log.remove(PREVIOUS)
            }),
            Step::AdvanceState => self.simply(step, |log| renameat(&log.dir, NEW_STATE, &log.dir, STATE)),
        }
    }

    /// Performs a step whose failure has the step's own words.
    fn simply(&mut self, step: Step, mut call: impl FnMut(&mut Cyclog) -> nix::Result<()>) -> Result<(), Failure> {
        let (before, after) = step.unable();
        uninterrupted(|| call(self)).map_err(|errno| pausing([before.as_bytes(), self.name(), after.as_bytes()], errno))
    }

    /// Opens what the processor made.
    fn take(&mut self, file: &CStr) -> nix::Result<()> {
        self.made = None;
        self.open_at(file, OPEN).map(|file| self.made = Some(file))
    }

    /// Repairs what an earlier run left, and opens the current file; returns its size.
    fn recover(&mut self) -> Result<u64, Failure> {
        let (found, size) = self.look()?;
        for repair in plan(found) {
            self.repair(repair)?;
        }
        let verb: &[u8] = if found.current == Current::Clean { b"append to " } else { b"write to " };
        let current = uninterrupted(|| self.open_at(CURRENT, OWN)).unable([verb, self.name(), b"/current"])?;
        uninterrupted(|| fchmod(&current, OPEN)).unable([b"set mode of ", self.name(), b"/current"])?;
        self.current = Some(current);
        Ok(size)
    }

    /// Which files an earlier run left, and the size of a current file that is appended to.
    fn look(&self) -> Result<(Found, u64), Failure> {
        let (current, size) = match self.stat(CURRENT)? {
            None => (Current::Absent, 0),
            Some(stat) if stat.st_mode & 0o100 != 0 => (Current::Clean, u64::try_from(stat.st_size).unwrap_or(0)),
            Some(stat) if stat.st_size == 0 && is_file(&stat) => (Current::Empty, 0),
            Some(_) => (Current::Unclean, 0),
        };
        let processed = match self.stat(PROCESSED)? {
            None => Processed::Absent,
            Some(stat) if stat.st_mode & 0o100 != 0 => Processed::Finished,
            Some(_) => Processed::Unfinished,
        };
        let previous = self.stat(PREVIOUS)?.is_some();
        Ok((Found { current, processed, previous }, size))
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
                uninterrupted(|| open_private_at(&self.dir, STATE, flags, OPEN)).unable([
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
        retry(|| self.make_room());
        retry(|| self.keep(file, ending));
    }

    /// Reads the archive and removes the oldest files, so that there is room for one more.
    fn make_room(&mut self) -> Result<(), Failure> {
        uninterrupted(|| self.scan()).map_err(|errno| pausing([b"read ", self.plan.dir.to_bytes()], errno))?;
        while let Some(oldest) = self.archive.surplus(self.plan.keep) {
            match uninterrupted(|| unlinkat(&self.dir, oldest, UnlinkatFlags::NoRemoveDir)) {
                Ok(()) | Err(Errno::ENOENT) => self.archive.removed(),
                // The words of 0.76, which reads and removes in one loop.
                Err(errno) => return Err(pausing([b"read ", self.plan.dir.to_bytes()], errno)),
            }
        }
        Ok(())
    }

    fn scan(&mut self) -> nix::Result<()> {
        self.archive.clear();
        let here = open_private_at(&self.dir, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?;
        for entry in Dir::from_fd(here)?.iter() {
            let entry = entry?;
            self.archive.add(entry.file_name().to_bytes(), entry.ino());
        }
        self.archive.sort();
        Ok(())
    }

    /// Gives `file` its name in the archive, which `make_room` has read.
    fn keep(&mut self, file: &CStr, ending: Completeness) -> Result<(), Failure> {
        let path = [self.name(), b"/", file.to_bytes()].concat();
        let Some(stat) = self.find(file).map_err(|errno| pausing([b"stat ", &path], errno))? else {
            return Ok(());
        };
        // 0.76 makes a link with the new name and may have been killed before it removed the old name.
        if stat.st_nlink > 1 && self.archive.has(stat.st_ino) {
            return self.remove(file).map_err(|errno| pausing([b"remove ", &path], errno));
        }
        let name = self.archive.next_name(time_of_day(), ending);
        uninterrupted(|| renameat(&self.dir, file, &self.dir, name.as_slice()))
            .map_err(|errno| pausing([b"link to ", self.name(), b"/", &name], errno))
    }

    /// What is archived at the end of a rotation.
    fn finished(&self) -> &'static CStr {
        match self.route() {
            Route::Plain => PREVIOUS,
            Route::Processor => PROCESSED,
        }
    }

    /// Opens a file of the directory for appending; creates it if it is missing.
    fn open_at(&self, file: &CStr, mode: Mode) -> nix::Result<OwnedFd> {
        open_private_at(&self.dir, file, appending(), mode)
    }

    fn stat(&self, file: &CStr) -> Result<Option<FileStat>, Failure> {
        self.find(file).unable([b"stat ", self.name(), b"/", file.to_bytes()])
    }

    fn find(&self, file: &CStr) -> nix::Result<Option<FileStat>> {
        match uninterrupted(|| fstatat(&self.dir, file, AtFlags::AT_SYMLINK_NOFOLLOW)) {
            Err(Errno::ENOENT) => Ok(None),
            result => result.map(Some),
        }
    }

    /// Removes a file, unless it is gone already.
    fn remove(&self, file: &CStr) -> nix::Result<()> {
        match uninterrupted(|| unlinkat(&self.dir, file, UnlinkatFlags::NoRemoveDir)) {
            Err(Errno::ENOENT) => Ok(()),
            result => result,
        }
    }
}

fn lock(dir: &OwnedFd) -> nix::Result<OwnedFd> {
    let lock = open_private_at(dir, c"lock", appending(), OWN)?;
    try_lock(lock.as_fd()).map(|()| lock)
}

/// The flags to append to a file.
fn appending() -> OFlag {
    OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW
}

fn is_file(stat: &FileStat) -> bool {
    stat.st_mode & nix::libc::S_IFMT == nix::libc::S_IFREG
}

fn sync(file: Option<&OwnedFd>) -> nix::Result<()> {
    fsync(file.ok_or(Errno::EBADF)?)
}

fn set_mode(file: Option<&OwnedFd>, mode: Mode) -> nix::Result<()> {
    fchmod(file.ok_or(Errno::EBADF)?.as_fd(), mode)
}

/// The sentence of a failure after which the same is tried again.
pub fn pausing<const N: usize>(words: [&[u8]; N], errno: Errno) -> Failure {
    Failure::because([b"unable to ", &words.concat(), b", pausing"], errno)
}
