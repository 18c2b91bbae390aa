//! Pipes and other descriptors that nobody else keeps open.
//!
//! Between fork and exec the child of another test has all that is open here. Who closes the last end of something and
//! counts on it has to wait until there is no such child.

use std::os::fd::OwnedFd;
use std::sync::PoisonError;

use nix::fcntl::OFlag;

use crate::tree::EXECUTABLES;

/// A pipe: where it is read, where it is written. No process gets it that is not given it.
#[must_use]
pub fn pipe() -> (OwnedFd, OwnedFd) {
    nix::unistd::pipe2(OFlag::O_CLOEXEC).expect("a pipe")
}

/// Closes it: when this returns, no process of another test has it open.
pub fn close<T>(open: T) {
    let _lock = EXECUTABLES.lock().unwrap_or_else(PoisonError::into_inner);
    drop(open);
}

/// The writing end of a pipe that nobody reads.
#[must_use]
pub fn broken_pipe() -> OwnedFd {
    let (reader, writer) = pipe();
    close(reader);
    writer
}
