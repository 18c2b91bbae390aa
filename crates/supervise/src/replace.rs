//! Replaces a file in `supervise/` in one step, so that a reader sees the old one or the new one.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, renameat};
use nix::sys::stat::Mode;

/// Each file is written under this name and then renamed: it is the only stray file that a killed supervise leaves.
pub const NEW: &CStr = c"supervise/status.new";

/// What failed.
pub enum Failed {
    /// Making the new file.
    Open(Errno),
    /// Writing it.
    Write(Errno),
    /// Renaming it.
    Rename(Errno),
}

/// Replaces the file at `path` by one that `write` fills.
pub fn replace(path: &CStr, write: impl FnOnce(&OwnedFd) -> nix::Result<()>) -> Result<(), Failed> {
    // O_NOFOLLOW: supervise makes no link of this name.
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = open_private(NEW, flags, Mode::from_bits_truncate(0o644)).map_err(Failed::Open)?;
    write(&file).map_err(Failed::Write)?;
    renameat(AT_FDCWD, NEW, AT_FDCWD, path).map_err(Failed::Rename)
}
