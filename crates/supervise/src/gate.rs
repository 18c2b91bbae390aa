//! Where a new process waits until its record is written: a pipe. If its supervise dies before that, it ends without running
//! anything.

use std::os::fd::OwnedFd;

use daemontools_program::stdio::{read, write_all};
use daemontools_sys::fd::pipe_private;
use daemontools_sys::process::leave;

/// The pipe, before the fork.
pub struct Gate {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> nix::Result<Gate> {
        let (reader, writer) = pipe_private()?;
        Ok(Gate { reader, writer })
    }

    /// In the parent: what opens it.
    pub fn key(self) -> Key {
        Key(self.writer)
    }

    /// In the child: waits until it is open.
    pub fn pass(self) {
        drop(self.writer);
        if read(&self.reader, &mut [0]) != Ok(1) {
            leave(111);
        }
    }
}

/// The parent's end. Dropped without being used, it lets the child end.
pub struct Key(OwnedFd);

impl Key {
    /// Lets the child go on.
    pub fn open(self) {
        // Fails only where the child has been killed meanwhile.
        let _ = write_all(&self.0, b"g");
    }
}
