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
use nix::sys::stat::{Mode, fstatat};

use daemontools_core::control;
use daemontools_core::history;
use daemontools_core::run_record::RunRecord;
use daemontools_core::status::{self, Status};
use daemontools_program::failure::Failure;
use daemontools_program::path::append;
use daemontools_program::stdio::write_all;
use daemontools_sys::fd::{duplicate_private, open_private, open_private_at, open_private_without_links};
use daemontools_untrusted::{Directory, Error};

use crate::details::{Extras, ServiceDetails, extras};
use crate::report::Normally;
use crate::status_error::{NOT_FIFO, StatusError};
use crate::supervise_file::{
    self, Access, FifoError, fifo, may_be_shown, may_have_links, open_as_writers, path_of, read,
};

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
pub struct ServiceDir {
    directory: OwnedFd,
    /// The same, where for root links of other accounts led here: it is read with their rights.
    planted: Option<Box<Directory>>,
}

impl ServiceDir {
    /// The directory at `path`. It fails where chdir(2) would, and with the same errno; for root also where a link of an
    /// account leads through a directory that this account may not search (EACCES).
    pub fn open(path: &CStr) -> nix::Result<ServiceDir> {
        match ServiceDir::open_without_links(AT_FDCWD, path) {
            Err(errno) if may_have_links(errno) => {}
            result => return result,
        }
        ServiceDir::open_by_links(&Directory::current()?, path).map_err(|error| error.errno())
    }

    /// The same where the path, with all links on it, is believed: in a tree of one's own.
    pub fn open_believed(path: &CStr) -> nix::Result<ServiceDir> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        itself(path, |path| open_private(path, flags, Mode::empty())).map(ServiceDir::believed)
    }

    /// The directory that is open already.
    pub fn of(directory: impl AsFd) -> nix::Result<ServiceDir> {
        open_itself(directory).map(ServiceDir::believed)
    }

    /// The directory at a path, seen from a directory that is open. ELOOP: there is a link.
    pub(crate) fn open_without_links(directory: impl AsFd, path: &CStr) -> nix::Result<ServiceDir> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        itself(path, |path| open_private_without_links(&directory, path, flags)).map(ServiceDir::believed)
    }

    /// The same where only the links of others are disbelieved.
    fn open_by_links(from: &Directory, path: &CStr) -> Result<ServiceDir, Error> {
        let found = from.directory_by_links(path_of(path))?;
        let service = ServiceDir::of(&found)?;
        let planted = Some(found).filter(|found| !found.writers().is_empty()).map(Box::new);
        Ok(ServiceDir { planted, ..service })
    }

    pub(crate) fn believed(directory: OwnedFd) -> ServiceDir {
        ServiceDir { directory, planted: None }
    }

    /// The directory of the service's logger, if there is one.
    pub fn log(&self) -> Result<Option<ServiceDir>, StatusError> {
        let log = match &self.planted {
            Some(planted) => ServiceDir::open_by_links(planted, c"log").map_err(|error| error.errno()),
            None => match ServiceDir::open_without_links(&self.directory, c"log") {
                Err(errno) if may_have_links(errno) => duplicate_private(self.directory.as_fd())
                    .and_then(Directory::opened)
                    .and_then(|here| ServiceDir::open_by_links(&here, c"log").map_err(|error| error.errno())),
                result => result,
            },
        };
        match log {
            Ok(log) => Ok(Some(log)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(StatusError::new("chdir to", "log", errno)),
        }
    }

    /// What the service does when its supervise starts.
    pub fn normally(&self) -> Result<Normally, StatusError> {
        match fstatat(&self.directory, DOWN, AtFlags::empty()) {
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
        match fifo(self.open_file(OK, Access::Write)) {
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
        let error = |doing, errno| StatusError::new(doing, "supervise/status", errno);
        let file = self.open_file(status::PATH, Access::Read).map_err(|found| error("open", found.errno()))?;
        let mut bytes = [0; Status::SIZE];
        match read(&file, &mut bytes).map(|read| read.len()) {
            Ok(Status::SIZE) if may_be_shown(&file, &bytes) => Ok(Status::from_bytes(bytes)),
            Ok(Status::SIZE) => Err(error("open", Errno::EACCES)),
            Ok(_) => Err(StatusError::too_short()),
            Err(errno) => Err(error("read", errno)),
        }
    }

    /// How often the service was started again, and what else our supervise tells.
    pub(crate) fn extras(&self, status: &Status) -> Option<Extras> {
        extras(status, |path, bytes| self.read(path, bytes))
    }

    /// The last ends of the service, oldest first, as far as they are known.
    pub fn history(&self) -> Vec<RunRecord> {
        let mut bytes = vec![0; history::MAX_SIZE];
        self.read(history::PATH, &mut bytes).map(|bytes| history::records(bytes).collect()).unwrap_or_default()
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
        fifo(self.open_file(control::PATH, Access::Write)).map_err(|error| match error {
            FifoError::NoReader => SendError::NotRunning,
            FifoError::NotFifo => SendError::NotFifo,
            FifoError::Errno(errno) => SendError::Open(errno),
        })
    }

    /// What fits into `bytes` of a file that supervise writes.
    fn read<'a>(&self, path: &CStr, bytes: &'a mut [u8]) -> Result<&'a [u8], Error> {
        Ok(read(&self.open_file(path, Access::Read)?, bytes)?)
    }

    fn open_file(&self, path: &CStr, access: Access) -> Result<OwnedFd, Error> {
        match &self.planted {
            Some(planted) => open_as_writers(planted, path_of(path), access),
            None => supervise_file::open(self.directory.as_fd(), path, access),
        }
    }
}

impl AsFd for ServiceDir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.directory.as_fd()
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

/// Whether `path` is a FIFO that some process reads, as a running supervise does with its `ok`. Links on the way are
/// followed.
pub fn has_reader(path: &CStr) -> bool {
    fifo(open_private(path, Access::Write.flags(), Mode::empty()).map_err(Error::from)).is_ok()
}

/// Opens the directory at `path`. The dot after it needs search permission in the directory, which O_PATH alone does not.
fn itself(path: &CStr, open: impl Fn(&CStr) -> nix::Result<OwnedFd>) -> nix::Result<OwnedFd> {
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    match open(&append(path, "/.")) {
        // No room for the two bytes more.
        Err(Errno::ENAMETOOLONG) => open_itself(open(path)?),
        result => result,
    }
}

/// A second handle on a directory that may be searched.
pub(crate) fn open_itself(directory: impl AsFd) -> nix::Result<OwnedFd> {
    open_private_at(directory, c".", OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())
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
