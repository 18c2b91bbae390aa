//! A process that is not a child, watched and signalled without its number being mistaken for a later one's (pidfd, Linux
//! 5.3).
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::fd::above_standard;
use super::process::{Ending, ending};

/// What the kernel tells of a process: `struct pidfd_info` in its first version.
#[repr(C)]
#[derive(Default)]
struct Info {
    /// Which of the others are wanted, and which were written.
    mask: u64,
    cgroup: u64,
    numbers: [u32; 11],
    exit_code: i32,
}

/// The bit of the mask for how the process ended.
const EXIT: u64 = 1 << 3;

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

/// How a process ended, and whether a core was dumped, which others than its parent are told once that one has reaped it
/// (PIDFD_GET_INFO, Linux 6.15). `None`: it is not reaped yet. An error: this will not be told. ENOTTY, EINVAL: the kernel
/// is too old; ESRCH: it is, and the process is reaped.
pub fn ended(process: BorrowedFd<'_>) -> nix::Result<Option<(Ending, bool)>> {
    let mut info = Info { mask: EXIT, ..Info::default() };
    // SAFETY: the kernel reads and writes as many bytes as the request's number says: those of `info`, which are ours.
    let done = unsafe { libc::ioctl(process.as_raw_fd(), libc::_IOWR::<Info>(0xff, 11), &raw mut info) };
    Errno::result(done)?;
    Ok((info.mask & EXIT != 0).then(|| ending(info.exit_code)))
}
