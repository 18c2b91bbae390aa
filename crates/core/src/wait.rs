//! Waiting: until a descriptor has something for us, or a moment has come.

use std::os::fd::BorrowedFd;
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::clock::monotonic;

/// Waits until one of `fds` is readable or the monotonic clock shows `deadline`, whichever is first; without a deadline,
/// as long as it takes. It may come back early, so the caller looks at everything that it waits for, with calls that do
/// not block. If the system cannot wait (out of memory), it comes back after a second at most.
pub fn wait<const N: usize>(fds: [BorrowedFd<'_>; N], deadline: Option<Duration>) {
    let left = deadline.map(|deadline| deadline.saturating_sub(monotonic()));
    let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    match ppoll(&mut fds, left.map(TimeSpec::from_duration), None) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(_) => sleep(left.unwrap_or(Duration::MAX).min(Duration::from_secs(1))),
    }
}
