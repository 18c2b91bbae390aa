//! A status file: always 1001 bytes, the last selected line, padded with newlines.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use daemontools_program::clock::Instant;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::off_t;
use nix::sys::stat::Mode;
use nix::sys::uio::pwrite;

use crate::PROGRAM;
use crate::cyclog::pausing;
use crate::line::WINDOW;
use crate::rotation::PAUSE;

/// How large the file is.
const SIZE: usize = WINDOW + 1;

/// A status file, and what it is to show.
pub struct StatusFile {
    name: &'static CStr,
    file: OwnedFd,
    content: [u8; SIZE],
    /// Whether the content is still to be written.
    due: bool,
    /// How many bytes of it have been written.
    written: usize,
    /// When to write again after a failure.
    write_at: Option<Instant>,
    /// What failed the last time.
    trouble: Option<Failure>,
}

impl StatusFile {
    /// Opens the file, which is made if it is missing.
    pub fn open(name: &'static CStr) -> Result<StatusFile, Failure> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NONBLOCK;
        let file = uninterrupted(|| open_private(name, flags, Mode::from_bits_truncate(0o600)))
            .unable([b"create ", name.to_bytes()])?;
        Ok(StatusFile { name, file, content: [b'\n'; SIZE], due: false, written: 0, write_at: None, trouble: None })
    }

    /// Shows the beginning of a line, of which `window` is all that counts.
    pub fn show(&mut self, window: &[u8]) {
        for (byte, &shown) in self.content.iter_mut().zip(window.iter().chain([b'\n'; SIZE].iter())) {
            *byte = shown;
        }
        self.due = true;
    }

    /// Writes what is to be shown. Of several lines since the last time, only the last one is written. True when it is.
    pub fn advance(&mut self, now: Instant) -> bool {
        if self.write_at.is_some_and(|moment| now < moment) {
            return false;
        }
        while let Some(rest) = self.content.get(self.written..).filter(|rest| self.due && !rest.is_empty()) {
            match self.write(rest, self.written) {
                Ok(count) => self.written += count,
                Err(failure) => {
                    failure.warn(&PROGRAM);
                    self.trouble = Some(failure);
                    self.write_at = Some(now + PAUSE);
                    return false;
                }
            }
        }
        (self.due, self.written, self.write_at, self.trouble) = (false, 0, None, None);
        true
    }

    /// Why it cannot be written now, if so.
    pub fn trouble(&self) -> Option<&Failure> {
        self.trouble.as_ref()
    }

    /// When to write again after a failure.
    pub fn deadline(&self) -> Option<Instant> {
        self.write_at
    }

    fn write(&self, rest: &[u8], at: usize) -> Result<usize, Failure> {
        let name = self.name.to_bytes();
        match uninterrupted(|| pwrite(&self.file, rest, off_t::try_from(at).unwrap_or(0))) {
            Ok(0) => Err(pausing([b"write ", name], Errno::EIO)),
            Ok(written) => Ok(written),
            Err(errno @ Errno::ESPIPE) => Err(pausing([b"move to beginning of ", name], errno)),
            Err(errno) => Err(pausing([b"write ", name], errno)),
        }
    }
}
