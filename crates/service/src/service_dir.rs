//! A service directory from outside: is it supervised, what does its status say, how to reach its supervise.
//!
//! | file in `supervise/` | what |
//! |---|---|
//! | `lock` | held with flock(2) while supervise runs |
//! | `control` | a FIFO that supervise reads (`control`) |
//! | `ok` | a FIFO that supervise holds open for reading: it opens for writing exactly while supervise runs |
//! | `status` | 18 bytes (`status`) |

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{chdir, fchdir};

use daemontools_core::control;
use daemontools_core::status::{self, Status};
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio;
use daemontools_sys::fd::open_private;

/// supervise's own directory.
pub const SUPERVISE: &CStr = c"supervise";
/// The lock.
pub const LOCK: &CStr = c"supervise/lock";
/// The FIFO that tells whether supervise runs.
pub const OK: &CStr = c"supervise/ok";
/// The file whose presence means: do not start at first.
pub const DOWN: &CStr = c"down";

/// The directory that a program was started in, to come back to between service directories.
pub struct Home(OwnedFd);

impl Home {
    /// Remembers the current directory; it need not be readable.
    pub fn here() -> Result<Home, Failure> {
        let here = open_private(c".", OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty());
        here.unable([b"open current directory"]).map(Home)
    }

    /// Runs `visit` in the directory `dir`, which is relative to home, and comes back. The outer error is fatal: there
    /// is no way back. The inner one is the errno of changing to `dir`.
    pub fn visit<T>(&self, dir: &CStr, visit: impl FnOnce() -> T) -> Result<nix::Result<T>, Failure> {
        if let Err(errno) = chdir(dir) {
            return Ok(Err(errno));
        }
        let result = visit();
        fchdir(&self.0).unable([b"set directory"])?;
        Ok(Ok(result))
    }
}

/// Whether supervise runs in the current directory.
pub fn supervised() -> nix::Result<bool> {
    match open_ok() {
        Ok(_) => Ok(true),
        Err(Errno::ENXIO) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// The writing end of `ok` in the current directory; ENXIO: no supervise runs. poll(2) reports POLLERR on it when that
/// supervise has gone.
pub fn open_ok() -> nix::Result<OwnedFd> {
    open_to_write(OK)
}

/// Whether `path` is a FIFO that somebody reads, as a running supervise does with its `ok`.
pub fn has_reader(path: &CStr) -> bool {
    let is_fifo = |mode| SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFIFO;
    open_to_write(path).and_then(fstat).is_ok_and(|found| is_fifo(found.st_mode))
}

/// The control FIFO of the current directory; ENXIO: no supervise runs. A write into it waits where it is full.
pub fn open_control() -> nix::Result<OwnedFd> {
    let control = open_to_write(control::PATH)?;
    fcntl(&control, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(control)
}

/// The status of the current directory; `Ok(None)`: the file is too short to be one.
pub fn read_status() -> Result<Option<Status>, StatusTrouble> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
    let file = open_private(status::PATH, flags, Mode::empty()).map_err(StatusTrouble::Open)?;
    let mut bytes = [0; Status::SIZE];
    let read = stdio::read(&file, &mut bytes).map_err(StatusTrouble::Read)?;
    Ok((read == Status::SIZE).then(|| Status::from_bytes(bytes)))
}

/// Why there is no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusTrouble {
    /// The file does not open.
    Open(Errno),
    /// The file cannot be read.
    Read(Errno),
}

/// Opens a FIFO for writing if somebody reads it; does not wait for one.
fn open_to_write(path: &CStr) -> nix::Result<OwnedFd> {
    open_private(path, OFlag::O_WRONLY | OFlag::O_NONBLOCK, Mode::empty())
}
