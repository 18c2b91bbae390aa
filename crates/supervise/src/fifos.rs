//! The FIFOs in `supervise/`: `control`, through which commands come, and `ok`, which tells others that supervise runs.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

use daemontools_core::control;
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_program::stdio::read;
use daemontools_service::service_dir::OK;
use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// The pause after a read that failed, so that a persistent error does not become a busy loop.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The FIFO `control`.
pub struct Control {
    /// Does not block.
    reader: OwnedFd,
    /// Keeps the FIFO without an end, which would wake us again and again.
    writer: OwnedFd,
    /// Whether nothing more can come, because it is no FIFO.
    ended: bool,
}

impl Control {
    /// Makes it where it is missing and opens it.
    pub fn open(name: &[u8]) -> Result<Control, Failure> {
        make_fifo(control::PATH, name)?;
        let reader = open_fifo(control::PATH, OFlag::O_RDONLY, name)?;
        let writer = open_fifo(control::PATH, OFlag::O_WRONLY, name)?;
        Ok(Control { reader, writer, ended: false })
    }

    /// The FIFO that this process has open already.
    pub fn open_already(reader: OwnedFd, writer: OwnedFd) -> Control {
        Control { reader, writer, ended: false }
    }

    /// Both ends: for reading, for writing.
    pub fn ends(&self) -> [BorrowedFd<'_>; 2] {
        [self.reader.as_fd(), self.writer.as_fd()]
    }

    /// What is readable when a command has come; `None` where none can come.
    pub fn to_wait_for(&self) -> Option<BorrowedFd<'_>> {
        (!self.ended).then(|| self.reader.as_fd())
    }

    /// Reads the bytes that have come, at most as many as `buffer` holds; messages call the service directory `name`.
    pub fn read<'b>(&mut self, buffer: &'b mut [u8], program: &Program, name: &[u8]) -> &'b [u8] {
        if self.ended {
            return &[];
        }
        match read(&self.reader, buffer) {
            // A plain file: poll(2) would always call it readable.
            Ok(0) => self.ended = true,
            Ok(count) => return buffer.get(..count).unwrap_or_default(),
            Err(Errno::EAGAIN) => {}
            Err(errno) => {
                program.warn_because([b"unable to read ", name, b"/", control::PATH.to_bytes()], errno);
                sleep(TRY_AGAIN_AFTER);
            }
        }
        &[]
    }
}

/// The FIFO `ok`: opening it for writing succeeds exactly while supervise holds this.
pub struct OkFifo(OwnedFd);

impl AsFd for OkFifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl OkFifo {
    /// The FIFO that this process has open already.
    pub fn open_already(file: OwnedFd) -> OkFifo {
        OkFifo(file)
    }

    /// Makes it where it is missing and opens it. The status is published before, so that it is there for all who find
    /// supervise running.
    pub fn open(name: &[u8]) -> Result<OkFifo, Failure> {
        make_fifo(OK, name)?;
        open_fifo(OK, OFlag::O_RDONLY, name).map(OkFifo)
    }
}

fn make_fifo(path: &CStr, name: &[u8]) -> Result<(), Failure> {
    match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
        // Something is there: opening it tells whether it will do.
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno).unable([b"create ", name, b"/", path.to_bytes()]),
    }
}

fn open_fifo(path: &CStr, access: OFlag, name: &[u8]) -> Result<OwnedFd, Failure> {
    let verb: &[u8] = if access == OFlag::O_WRONLY { b"write " } else { b"read " };
    let opened = open_private(path, access | OFlag::O_NONBLOCK, Mode::empty());
    opened.unable([verb, name, b"/", path.to_bytes()])
}
