//! Waiting: until a descriptor has something for us, or a moment has come.

use std::os::fd::{AsFd, BorrowedFd};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::clock::Instant;

/// The request to be woken when `fd` is readable.
pub fn readable<Fd: AsFd>(fd: &Fd) -> PollFd<'_> {
    PollFd::new(fd.as_fd(), PollFlags::POLLIN)
}

/// The request to be woken when the reader of a pipe or socket has gone, and by nothing else (see `reader_gone`).
pub fn only_errors(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::empty())
}

/// Whether the last `wait` found that nobody reads any more what is written to this descriptor.
pub fn reader_gone(fd: &PollFd<'_>) -> bool {
    fd.revents().is_some_and(|found| found.intersects(PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL))
}

/// Waits until something has happened to one of `fds` or the deadline has come, whichever is first; without a deadline,
/// as long as it takes. What happened is in `fds` afterwards. It may come back early, so the caller looks at everything
/// that it waits for, with calls that do not block. If the system cannot wait (out of memory), it comes back after a
/// second at most, and `fds` say that nothing has happened.
pub fn wait(fds: &mut [PollFd<'_>], deadline: Option<Instant>) {
    let left = deadline.map(|deadline| deadline.since(Instant::now()));
    match ppoll(fds, left.map(TimeSpec::from_duration), None) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(_) => sleep(left.unwrap_or(Duration::MAX).min(Duration::from_secs(1))),
    }
}
