//! How much a pipe holds.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// How many bytes in a pipe have not been read; either of its ends will do.
pub fn unread(pipe: impl AsFd) -> nix::Result<u32> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int, and `count` is ours to write to.
    let done = unsafe { libc::ioctl(pipe.as_fd().as_raw_fd(), libc::FIONREAD as _, &raw mut count) };
    Errno::result(done)?;
    Ok(u32::try_from(count).unwrap_or_default())
}
