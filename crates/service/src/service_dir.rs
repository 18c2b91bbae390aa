//! A service directory from outside: is it supervised, what does its status say, how to reach its supervise.
//!
//! | file in `supervise/` | what |
//! |---|---|
//! | `lock` | held with flock(2) while supervise runs |
//! | `control` | a FIFO that supervise reads (`control`) |
//! | `ok` | a FIFO that supervise holds open for reading: it opens for writing exactly while supervise runs |
//! | `status` | 18 bytes (`status`) |

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, OFlag, fcntl};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

use daemontools_core::control;
use daemontools_core::details::{self, Details};
use daemontools_core::history;
use daemontools_core::restarts::{self, RestartLog};
use daemontools_core::run_record::RunRecord;
use daemontools_core::status::{self, Status};
use daemontools_program::failure::Failure;
use daemontools_program::file_kind::Kind;
use daemontools_program::path::append;
use daemontools_program::stdio::{self, write_all};
use daemontools_sys::fd::open_private_at;

use crate::details::ServiceDetails;
use crate::report::Normally;
use crate::status_error::{NOT_FIFO, StatusError};

/// supervise's own directory.
pub const SUPERVISE: &CStr = c"supervise";
/// The lock.
pub const LOCK: &CStr = c"supervise/lock";
/// The FIFO that tells whether supervise runs.
pub const OK: &CStr = c"supervise/ok";
/// The file whose presence means: do not start at first.
pub const DOWN: &CStr = c"down";

/// A handle on a service directory. It stays with the directory, whatever becomes of the path.
#[derive(Debug)]
pub struct ServiceDir(OwnedFd);

impl ServiceDir {
    /// The directory at `path`. It fails where chdir(2) would, and with the same errno.
    pub fn open(path: &CStr) -> nix::Result<ServiceDir> {
        ServiceDir::open_at(AT_FDCWD, path)
    }

    /// The same, with `path` seen from a directory that is open.
    pub fn open_at(directory: impl AsFd, path: &CStr) -> nix::Result<ServiceDir> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        let open = |from: &dyn AsFd, path: &CStr| open_private_at(from.as_fd(), path, flags, Mode::empty());
        // The dot needs search permission in the directory, which O_PATH alone does not.
        match open(&directory, &append(path, "/.")) {
            // No room for the two bytes more.
            Err(Errno::ENAMETOOLONG) => open(&open(&directory, path)?, c"."),
            result => result,
        }
        .map(ServiceDir)
    }

    /// The directory of the service's logger, if there is one.
    pub fn log(&self) -> Result<Option<ServiceDir>, StatusError> {
        match ServiceDir::open_at(&self.0, c"log") {
            Ok(log) => Ok(Some(log)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(StatusError::new("chdir to", "log", errno)),
        }
    }

    /// What the service does when its supervise starts.
    pub fn normally(&self) -> Result<Normally, StatusError> {
        match fstatat(&self.0, DOWN, AtFlags::empty()) {
            Ok(_) => Ok(Normally::Down),
            Err(Errno::ENOENT) => Ok(Normally::Up),
            Err(errno) => Err(StatusError::new("stat", "down", errno)),
        }
    }

    /// Whether supervise runs. Where none ever has, the error `is_missing`.
    pub fn supervised(&self) -> Result<bool, StatusError> {
        self.open_ok().map(|ok| ok.is_some())
    }

    /// The writing end of `ok`, while supervise runs. poll(2) reports POLLERR on it when that supervise has gone.
    pub fn open_ok(&self) -> Result<Option<OwnedFd>, StatusError> {
        match open_fifo(&self.0, OK) {
            Ok(ok) => Ok(Some(ok)),
            Err(FifoError::NoReader) => Ok(None),
            Err(FifoError::NotFifo) => Err(StatusError::not_fifo("supervise/ok")),
            Err(FifoError::Errno(errno)) => Err(StatusError::new("open", "supervise/ok", errno)),
        }
    }

    /// What the details say of the service with this status; `None` where its supervise does not tell.
    pub fn details(&self, status: &Status) -> Option<ServiceDetails> {
        self.extras(status)?.1
    }

    /// What the status file says, whether or not supervise runs.
    pub fn status(&self) -> Result<Status, StatusError> {
        let mut bytes = [0; Status::SIZE];
        match read_file(&self.0, status::PATH, &mut bytes).map(|read| read.len()) {
            Ok(Status::SIZE) => Ok(Status::from_bytes(bytes)),
            Ok(_) => Err(StatusError::too_short()),
            Err(ReadError::Open(errno)) => Err(StatusError::new("open", "supervise/status", errno)),
            Err(ReadError::Read(errno)) => Err(StatusError::new("read", "supervise/status", errno)),
        }
    }

    /// How often the service was started again, and what else our supervise tells: what the details say, or the file that
    /// version 0.1.0 kept instead. Only what belongs to this status counts.
    pub(crate) fn extras(&self, status: &Status) -> Option<(RestartLog, Option<ServiceDetails>)> {
        let mut bytes = [0; details::MAX_SIZE];
        if let Ok(bytes) = read_file(&self.0, details::PATH, &mut bytes) {
            // supervise writes the details first, so that they may be a moment ahead.
            let belongs = |details: &Details<'_>| details.belongs_to(status) || details.since >= status.since;
            let details = Details::read(bytes).filter(belongs)?;
            return Some((details.restarts, Some(ServiceDetails::new(&details))));
        }
        let log = RestartLog::from_bytes(read_file(&self.0, restarts::PATH, &mut bytes).ok()?)?;
        log.belongs_to(status).then_some((log, None))
    }

    /// The last ends of the service, oldest first, as far as they are known.
    pub fn history(&self) -> Vec<RunRecord> {
        let mut bytes = vec![0; history::MAX_SIZE];
        read_file(&self.0, history::PATH, &mut bytes).map(|bytes| history::records(bytes).collect()).unwrap_or_default()
    }

    /// Sends commands to supervise; waits where its FIFO is full. The caller ignores SIGPIPE: supervise may end
    /// meanwhile.
    pub fn send(&self, commands: &[u8]) -> Result<(), SendError> {
        write_commands(&self.open_control()?, commands)
    }

    /// The same; where the FIFO is full, it fails with EAGAIN instead of waiting.
    pub fn try_send(&self, commands: &[u8]) -> Result<(), SendError> {
        write_all(&self.open_control()?, commands).map_err(SendError::Write)
    }

    fn open_control(&self) -> Result<OwnedFd, SendError> {
        open_fifo(&self.0, control::PATH).map_err(|error| match error {
            FifoError::NoReader => SendError::NotRunning,
            FifoError::NotFifo => SendError::NotFifo,
            FifoError::Errno(errno) => SendError::Open(errno),
        })
    }
}

impl AsFd for ServiceDir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Why commands did not reach supervise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// No supervise runs.
    NotRunning,
    /// The FIFO does not open.
    Open(Errno),
    /// `supervise/control` is no FIFO.
    NotFifo,
    /// The FIFO cannot be written.
    Write(Errno),
}

impl SendError {
    /// The sentence about the service directory `dir`.
    pub fn in_dir(&self, dir: &[u8]) -> Failure {
        match *self {
            SendError::NotRunning => Failure::fatal([b"unable to control ", dir, b": supervise not running"]),
            SendError::NotFifo => {
                Failure::fatal([b"unable to control ", dir, b": supervise/control is ", NOT_FIFO.as_bytes()])
            }
            SendError::Open(errno) => Failure::because([b"unable to control ", dir], errno),
            SendError::Write(errno) => Failure::because([b"error writing commands to ", dir], errno),
        }
    }
}

/// Whether `path` is a FIFO that some process reads, as a running supervise does with its `ok`.
pub fn has_reader(path: &CStr) -> bool {
    open_fifo(AT_FDCWD, path).is_ok()
}

/// Why a file was not read.
pub(crate) enum ReadError {
    Open(Errno),
    Read(Errno),
}

/// Reads a file that supervise writes, which is never a link: what fits into `bytes`.
pub(crate) fn read_file<'a>(directory: impl AsFd, path: &CStr, bytes: &'a mut [u8]) -> Result<&'a [u8], ReadError> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = open_private_at(directory, path, flags, Mode::empty()).map_err(ReadError::Open)?;
    let read = stdio::read(&file, bytes).map_err(ReadError::Read)?;
    Ok(bytes.get(..read).unwrap_or_default())
}

/// Writes commands into a FIFO that does not block; waits where it is full.
pub(crate) fn write_commands(control: &OwnedFd, commands: &[u8]) -> Result<(), SendError> {
    match write_all(control, commands) {
        // A FIFO takes so few bytes all or none.
        Err(Errno::EAGAIN) => {
            let waiting = fcntl(control, FcntlArg::F_SETFL(OFlag::empty()));
            waiting.and_then(|_| write_all(control, commands)).map_err(SendError::Write)
        }
        result => result.map_err(SendError::Write),
    }
}

/// Why a FIFO was not opened.
pub(crate) enum FifoError {
    /// No process reads it.
    NoReader,
    /// It is something else: only the owner of the directory can have put that there, and it might lead anywhere.
    NotFifo,
    Errno(Errno),
}

/// Opens a FIFO for writing if some process reads it, and does not wait for one. A link is not followed, and nothing but a
/// FIFO is used.
pub(crate) fn open_fifo(directory: impl AsFd, path: &CStr) -> Result<OwnedFd, FifoError> {
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let kind = |found: nix::Result<FileStat>| found.map(|found| Kind::of(&found)).map_err(FifoError::Errno);
    match open_private_at(directory.as_fd(), path, flags, Mode::empty()) {
        Ok(fifo) if kind(fstat(&fifo))? == Kind::Fifo => Ok(fifo),
        Ok(_) => Err(FifoError::NotFifo),
        Err(Errno::ENXIO) => Err(FifoError::NoReader),
        // The last name is a link, or there are too many on the way.
        Err(Errno::ELOOP) => match kind(fstatat(directory, path, AtFlags::AT_SYMLINK_NOFOLLOW))? {
            Kind::Link => Err(FifoError::NotFifo),
            _ => Err(FifoError::Errno(Errno::ELOOP)),
        },
        Err(errno) => Err(FifoError::Errno(errno)),
    }
}
