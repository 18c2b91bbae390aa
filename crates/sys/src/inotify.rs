//! An inotify instance whose descriptor is above the standard ones.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, FromRawFd, IntoRawFd};

use nix::sys::inotify::{InitFlags, Inotify};

use super::fd::duplicate_private;

/// A new instance that does not block. EMFILE: this user has as many as the system allows, or the process has no
/// descriptor left.
pub fn new_private() -> nix::Result<Inotify> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    // Most programs have the standard descriptors open, so that this is a system call for the others only.
    if super::fd::is_above_standard(inotify.as_fd()) {
        return Ok(inotify);
    }
    let copy = duplicate_private(inotify.as_fd())?;
    // SAFETY: the descriptor is a copy of an inotify instance, owned by nobody else.
    Ok(unsafe { Inotify::from_raw_fd(copy.into_raw_fd()) })
}
