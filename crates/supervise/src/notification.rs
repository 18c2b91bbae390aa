//! `notification-fd`: a pipe on which the service says that it is ready, by a newline (s6's protocol).

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use daemontools_program::stdio::read;
use daemontools_sys::fd::pipe_private;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// The reading end.
pub struct Notification {
    reader: OwnedFd,
    /// Whether every writer has gone, without a newline.
    ended: Cell<bool>,
}

impl Notification {
    /// A pipe: our end, and the one for the service.
    pub fn new() -> nix::Result<(Notification, OwnedFd)> {
        let (reader, writer) = pipe_private()?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((Notification { reader, ended: Cell::new(false) }, writer))
    }

    /// The pipe that this process has open already.
    pub fn open_already(reader: OwnedFd) -> Notification {
        Notification { reader, ended: Cell::new(false) }
    }

    /// What is readable when the service says something.
    pub fn to_wait_for(&self) -> Option<BorrowedFd<'_>> {
        (!self.ended.get()).then(|| self.reader.as_fd())
    }

    /// Whether the newline has come. What else is written is read and forgotten, a piece at a time.
    pub fn has_come(&self) -> bool {
        let mut buffer = [0; 256];
        match read(&self.reader, &mut buffer) {
            Ok(0) => {
                self.ended.set(true);
                false
            }
            Ok(length) => buffer.get(..length).is_some_and(|bytes| bytes.contains(&b'\n')),
            Err(Errno::EAGAIN) => false,
            Err(_) => {
                self.ended.set(true);
                false
            }
        }
    }
}
