//! Where a new process waits until its record is written: a pipe. If its supervise dies before that, it ends without running
//! anything. Where two more files cannot be opened there is no gate, and the process goes on at once, as under 0.76.

use std::os::fd::OwnedFd;

use daemontools_program::stdio::{read, write_all};
use daemontools_sys::fd::pipe_private;
use daemontools_sys::process::leave;
use nix::errno::Errno;

/// The gate, before the fork.
pub struct Gate {
    /// Its reader and writer; `None`: there is no gate.
    pipe: Option<(OwnedFd, OwnedFd)>,
}

impl Gate {
    /// A closed gate, or none.
    pub fn new() -> nix::Result<Gate> {
        match pipe_private() {
            Ok(pipe) => Ok(Gate { pipe: Some(pipe) }),
            Err(Errno::EMFILE) => Ok(Gate { pipe: None }),
            Err(errno) => Err(errno),
        }
    }

    /// In the parent: what opens it.
    pub fn key(self) -> Option<Key> {
        self.pipe.map(|(_, writer)| Key(writer))
    }

    /// In the child: waits until it is open.
    pub fn pass(self) {
        let Some((reader, writer)) = self.pipe else { return };
        drop(writer);
        if read(&reader, &mut [0]) != Ok(1) {
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
