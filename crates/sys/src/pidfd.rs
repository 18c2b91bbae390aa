//! A process that is not a child, watched and signalled without its number being mistaken for a later one's (pidfd, Linux
//! 5.3).
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::fd::above_standard;

/// A descriptor of a process. It is readable when the process has ended; no child inherits it. ESRCH: there is none of this
/// number; ENOSYS: the kernel is too old.
pub fn open(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: two numbers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made it, close-on-exec, and nobody else knows its number.
    above_standard(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends a signal by its number. ESRCH: the process has ended.
pub fn send(process: BorrowedFd<'_>, signal: i32) -> nix::Result<()> {
    let nothing = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a descriptor, a number, no information, no flags.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, nothing, 0) };
    Errno::result(sent).map(drop)
}
