//! A log directory, a "cyclog" as the predecessor of multilog in daemontools was called: its lock, its current file, and
//! the steps of rotation and recovery, each of one or two system calls.
//!
//! Their order is decided in `rotation` and `recovery`. Names are relative to the open directory, so that the process
//! never changes its own; and no link is followed that somebody may have put in the place of a file.

mod archiving;
mod packing;
mod recover;
mod set_aside;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::{open_private, open_private_at, try_lock};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::libc::off_t;
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, fstatat};
use nix::unistd::{Gid, Pid, UnlinkatFlags, fchown, fdatasync, fsync, ftruncate, mkdir, unlinkat};

use crate::archive::{Archive, Completeness};
use crate::processor;
use crate::rotation::{Route, Step};
use crate::script::Plan;
use crate::settings::Settings;

pub use packing::Job;

const CURRENT: &CStr = c"current";
const PREVIOUS: &CStr = c"previous";
const PROCESSED: &CStr = c"processed";
const STATE: &CStr = c"state";
const NEW_STATE: &CStr = c"newstate";

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
    /// Whether there may be archived files that are to be packed.
    unpacked: bool,
    /// The name of the last one that was looked at and is not to be packed.
    packed_up_to: CString,
    /// Whether the step that is attempted has failed before.
    failed: bool,
}

impl Cyclog {
    /// Locks a log directory and repairs what an earlier run left; returns the size of its current file, too.
    pub fn new(plan: Plan) -> Result<(Cyclog, u64), Failure> {
        let name = plan.dir.to_bytes();
        // If that fails, opening it tells why, or it is there already.
        let made = uninterrupted(|| mkdir(plan.dir, Mode::S_IRWXU)).is_ok();
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NONBLOCK;
        let dir = uninterrupted(|| open_private(plan.dir, flags, Mode::empty())).unable([b"open directory ", name])?;
        if made {
            adorn(&dir, &plan).unable([b"set mode of ", name])?;
        }
        let lock = uninterrupted(|| lock(&dir)).unable([b"lock directory ", name])?;
        let mut cyclog = Cyclog {
            plan,
            dir,
            _lock: lock,
            current: None,
            made: None,
            archive: Archive::default(),
            unpacked: plan.settings.compress.is_some(),
            packed_up_to: CString::default(),
            failed: false,
        };
        let used = cyclog.recover()?;
        Ok((cyclog, used))
    }

    /// What was asked for.
    pub fn plan(&self) -> &Plan {
        &self.plan
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

    /// Takes the last `count` bytes of the current file back.
    pub fn take_back(&self, count: usize) -> nix::Result<()> {
        let current = self.current.as_ref().ok_or(Errno::EBADF)?;
        let size = fstat(current)?.st_size.saturating_sub(off_t::try_from(count).unwrap_or(0));
        uninterrupted(|| ftruncate(current, size))
    }

    /// Performs a step once. Returns the process that goes on with it, if one does.
    pub fn attempt(&mut self, step: Step, signals: &Signals) -> Result<Option<Pid>, Failure> {
        let done = match (step, self.plan.processor) {
            (Step::Process, Some(command)) => self.process(command, signals),
            _ => self.perform(step).map(|()| None),
        };
        match done {
            Ok(None) => self.failed = false,
            // What becomes of it is known when it has ended.
            Ok(Some(_)) => {}
            Err(_) => self.failed = true,
        }
        done
    }

    /// Notes that the process that went on with a step has failed.
    pub fn note_failure(&mut self) {
        self.failed = true;
    }

    fn process(&self, command: &CStr, signals: &Signals) -> Result<Option<Pid>, Failure> {
        if self.failed {
            self.set_aside_others(&[PROCESSED, NEW_STATE])?;
        }
        processor::start(command, self, signals).map(Some)
    }

    fn perform(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            // Without a processor there is nothing to do.
            Step::Process => Ok(()),
            Step::MakeRoom => self.make_room(self.size()),
            Step::Keep => self.keep(self.finished(), Completeness::Safe),
            Step::Sync | Step::SyncLast => self.simply(step, |log| sync(log.current.as_ref())),
            Step::Seal | Step::SealLast => self.simply(step, |log| set_mode(log.current.as_ref(), log.sealed())),
            Step::SetAside => self.rename_over(step, CURRENT, PREVIOUS),
            Step::Renew => self.simply(step, |log| {
                // Closed first, so that no more descriptors are open than before.
                log.current = None;
                log.open_at(CURRENT, OWN).map(|file| log.current = Some(file))
            }),
            Step::Open => self.simply(step, |log| log.give_mode(log.current.as_ref())),
            Step::TakeProcessed => self.simply(step, |log| log.take(PROCESSED)),
            Step::SyncProcessed | Step::SyncNewState => self.simply(step, |log| sync(log.made.as_ref())),
            Step::SealProcessed => self.simply(step, |log| {
                set_group(log.made.as_ref(), log.plan.settings.group)?;
                set_mode(log.made.as_ref(), log.sealed())
            }),
            Step::TakeNewState => self.simply(step, |log| log.take(NEW_STATE)),
            Step::DropPrevious => self.simply(step, |log| {
                log.made = None;
                log.remove(PREVIOUS)
            }),
            Step::AdvanceState => self.rename_over(step, NEW_STATE, STATE),
        }
    }

    /// Performs a step whose failure has the step's own words.
    fn simply(&mut self, step: Step, mut call: impl FnMut(&mut Cyclog) -> nix::Result<()>) -> Result<(), Failure> {
        uninterrupted(|| call(self)).map_err(|errno| self.failure(step, errno))
    }

    /// The sentence of a step that failed.
    fn failure(&self, step: Step, errno: Errno) -> Failure {
        let (before, after) = step.unable();
        pausing([before.as_bytes(), self.name(), after.as_bytes()], errno)
    }

    /// Opens what the processor made.
    fn take(&mut self, file: &CStr) -> nix::Result<()> {
        self.made = None;
        self.open_at(file, self.open()).map(|file| self.made = Some(file))
    }

    /// The size of the current file, as far as the system tells.
    fn size(&self) -> u64 {
        let stat = self.current.as_ref().and_then(|current| fstat(current).ok());
        stat.and_then(|stat| u64::try_from(stat.st_size).ok()).unwrap_or(0)
    }

    /// Brings what was written to the current file to disk.
    pub fn sync_data(&self) -> Result<(), Failure> {
        uninterrupted(|| fdatasync(self.current.as_ref().ok_or(Errno::EBADF)?))
            .map_err(|errno| pausing([b"write ", self.name(), b"/current to disk"], errno))
    }

    /// The mode of a file that is being written.
    pub fn open(&self) -> Mode {
        Mode::from_bits_truncate(self.plan.settings.mode)
    }

    /// The mode of a file once all of it is on disk.
    fn sealed(&self) -> Mode {
        self.open() | Mode::S_IXUSR
    }

    /// Gives a file that is being written its mode and its group.
    fn give_mode(&self, file: Option<&OwnedFd>) -> nix::Result<()> {
        set_group(file, self.plan.settings.group)?;
        set_mode(file, self.open())
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

/// Gives a directory that was made its mode and its group.
fn adorn(dir: &OwnedFd, plan: &Plan) -> nix::Result<()> {
    set_group(Some(dir), plan.settings.group)?;
    if plan.settings.dir_mode == Settings::default().dir_mode {
        return Ok(());
    }
    set_mode(Some(dir), Mode::from_bits_truncate(plan.settings.dir_mode))
}

fn set_group(file: Option<&OwnedFd>, group: Option<u32>) -> nix::Result<()> {
    match group {
        Some(group) => fchown(file.ok_or(Errno::EBADF)?, None, Some(Gid::from_raw(group))),
        None => Ok(()),
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
