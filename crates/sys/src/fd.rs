//! File descriptors: the three standard ones, and opening others that a child does or does not see.
//!
//! The name of a function says which: `private` descriptors are closed at exec and never 0, 1 or 2, also where the
//! program was started with one of these closed; `inherited` ones are what a child is meant to get.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, FdFlag, OFlag, OpenHow, ResolveFlag, fcntl, open, openat, openat2};
use nix::sys::stat::Mode;
use nix::unistd::pipe2;

// SAFETY: 0 is not -1. If it is closed, its uses fail with EBADF, as in C.
/// Standard input.
pub const STDIN: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(0) };
// SAFETY: as above.
/// Standard output.
pub const STDOUT: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(1) };
// SAFETY: as above.
/// Standard error.
pub const STDERR: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(2) };

/// Opens a file for ourselves. `mode` counts only where `flags` create the file.
pub fn open_private<P: ?Sized + NixPath>(path: &P, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
    // openat: to be sure of O_CLOEXEC on the kernels of its youth, musl's open makes a system call more.
    open_private_at(AT_FDCWD, path, flags, mode)
}

/// The same, seen from a directory that is open.
pub fn open_private_at<P: ?Sized + NixPath>(
    directory: impl AsFd,
    path: &P,
    flags: OFlag,
    mode: Mode,
) -> nix::Result<OwnedFd> {
    loop {
        match openat(directory.as_fd(), path, flags | OFlag::O_CLOEXEC, mode) {
            Err(Errno::EINTR) => {}
            result => return above_standard(result?),
        }
    }
}

/// The same, for a path on which no symbolic link is followed, not even the last name: ELOOP where there is one. ENOSYS where
/// the kernel does not know openat2(2), before Linux 5.6; a sandbox may say EPERM.
pub fn open_private_without_links<P: ?Sized + NixPath>(
    directory: impl AsFd,
    path: &P,
    flags: OFlag,
) -> nix::Result<OwnedFd> {
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    loop {
        match openat2(directory.as_fd(), path, how) {
            Err(Errno::EINTR) => {}
            result => return above_standard(result?),
        }
    }
}

/// Opens a file that the next program inherits, at the lowest free number.
pub fn open_inherited<P: ?Sized + NixPath>(path: &P, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
    open(path, flags, mode)
}

/// A pipe for ourselves: the reading end, the writing end.
pub fn pipe_private() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((above_standard(reader)?, above_standard(writer)?))
}

/// Moves a descriptor of ours out of the range of the standard ones, so that a message never ends up in a file that
/// happened to be opened as number 2.
pub fn above_standard(fd: OwnedFd) -> nix::Result<OwnedFd> {
    if is_above_standard(fd.as_fd()) {
        return Ok(fd);
    }
    duplicate_private(fd.as_fd())
}

/// A copy for ourselves.
pub fn duplicate_private(fd: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    duplicate_private_from(fd, 3)
}

/// A copy for ourselves, at the lowest free number that is not below `lowest`.
pub fn duplicate_private_from(fd: BorrowedFd<'_>, lowest: RawFd) -> nix::Result<OwnedFd> {
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(lowest))?;
    // SAFETY: fcntl has just made this descriptor, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// A copy that the next program inherits, at the lowest free number.
pub fn duplicate_inherited(fd: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    nix::unistd::dup(fd)
}

/// Whether a descriptor is open and stays so in the next program.
pub fn is_inherited(number: RawFd) -> bool {
    // SAFETY: fcntl takes two numbers and changes nothing.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    flags >= 0 && flags & libc::FD_CLOEXEC == 0
}

/// Takes over a descriptor that the program before this one in the same process left open, by its number; from now on it is
/// closed at exec. EBADF: nothing is open there.
pub fn take_over(number: RawFd) -> nix::Result<OwnedFd> {
    // SAFETY: fcntl takes numbers; of a descriptor that is not ours it would change only what exec does with it.
    Errno::result(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and the state that names it was written for this process alone, which names each number once.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The seals of a file in memory; none of anything else.
pub fn seals(number: RawFd) -> libc::c_int {
    // SAFETY: fcntl takes two numbers and changes nothing.
    unsafe { libc::fcntl(number, libc::F_GET_SEALS) }.max(0)
}

/// Says whether the next program inherits a descriptor.
pub fn set_inherited(fd: BorrowedFd<'_>, is_inherited: bool) -> nix::Result<()> {
    let flags = if is_inherited { FdFlag::empty() } else { FdFlag::FD_CLOEXEC };
    fcntl(fd, FcntlArg::F_SETFD(flags)).map(drop)
}

/// Puts a copy at a fixed number, where the next program looks for it; whatever was open there is closed.
/// Only for a forked child on its way to exec: nothing in it uses the number's former meaning again.
pub fn place_inherited(fd: BorrowedFd<'_>, number: RawFd) -> nix::Result<()> {
    if fd.as_raw_fd() == number {
        return fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty())).map(drop);
    }
    // SAFETY: dup2 touches no memory of ours; the caller's child owns its descriptor table alone.
    let placed = unsafe { libc::dup2(fd.as_raw_fd(), number) };
    Errno::result(placed).map(drop)
}

/// Gives a process that shares its descriptors with another one a table of its own, which has only the descriptors up to
/// and including `last`: the time that takes depends on these alone. ENOSYS: Linux before 5.9.
pub fn unshare_above(last: BorrowedFd<'_>) -> nix::Result<()> {
    close_range(last.as_raw_fd() + 1, libc::c_uint::MAX, libc::CLOSE_RANGE_UNSHARE)
}

/// Whether `unshare_above` works here.
pub fn can_unshare() -> bool {
    // The largest number is never open.
    close_range(RawFd::MAX, libc::c_uint::MAX, libc::CLOSE_RANGE_UNSHARE).is_ok()
}

/// Closes the descriptors from `first` to `last`.
pub(crate) fn close_range(first: RawFd, last: libc::c_uint, flags: libc::c_uint) -> nix::Result<()> {
    // SAFETY: three numbers; what is closed is in the table of a child, or nothing, or what the caller owns (`to_close`).
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    Errno::result(closed).map(drop)
}

/// Takes the lock on an open file (flock(2)); EAGAIN: somebody else has it. It lasts until every copy of the descriptor
/// is closed, those that children inherited too. (nix's own lock unlocks when dropped, and panics if that fails.)
pub fn try_lock(fd: BorrowedFd<'_>) -> nix::Result<()> {
    flock(fd, libc::LOCK_EX | libc::LOCK_NB)
}

/// The same, and waits until nobody else has it.
pub fn lock(fd: BorrowedFd<'_>) -> nix::Result<()> {
    flock(fd, libc::LOCK_EX)
}

fn flock(fd: BorrowedFd<'_>, operation: libc::c_int) -> nix::Result<()> {
    loop {
        // SAFETY: flock takes two numbers and touches no memory of ours.
        match Errno::result(unsafe { libc::flock(fd.as_raw_fd(), operation) }) {
            Err(Errno::EINTR) => {}
            result => return result.map(drop),
        }
    }
}

pub(crate) fn is_above_standard(fd: BorrowedFd<'_>) -> bool {
    fd.as_raw_fd() > 2
}
