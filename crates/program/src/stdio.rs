//! Whole writes, reads that are not cut short by a signal, and a buffer in front of a descriptor.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;

use crate::entry::Exit;
use crate::failure::{Failure, Unable};
use daemontools_sys::fd::STDOUT;

/// Retries `call` while it fails with EINTR.
pub fn uninterrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// Reads what is there, at most as much as `buffer` holds; 0 at the end.
pub fn read(fd: impl AsFd, buffer: &mut [u8]) -> nix::Result<usize> {
    uninterrupted(|| nix::unistd::read(fd.as_fd(), buffer))
}

/// Writes all of `bytes`.
pub fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        let written = uninterrupted(|| nix::unistd::write(fd.as_fd(), bytes))?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Writes all pieces, in one system call unless the kernel takes them only in part, so that lines of several processes
/// do not mix. Allocates nothing.
pub fn write_pieces<const N: usize>(fd: impl AsFd, pieces: [&[u8]; N]) -> nix::Result<()> {
    let slices = pieces.map(IoSlice::new);
    let mut written = uninterrupted(|| nix::sys::uio::writev(fd.as_fd(), &slices))?;
    for piece in pieces {
        let skip = written.min(piece.len());
        written -= skip;
        write_all(fd.as_fd(), piece.get(skip..).unwrap_or_default())?;
    }
    Ok(())
}

/// Writes what a program has to say to standard output. Where nobody reads on, and SIGPIPE was ignored when the program
/// was started, it ends quietly.
pub fn print(text: &[u8]) -> Result<(), Failure> {
    match write_all(STDOUT, text) {
        Err(Errno::EPIPE) => Err(Failure::silent(Exit::TROUBLE)),
        result => result.unable([b"write output"]),
    }
}

/// A buffer in front of a descriptor. Nothing flushes it by itself: `flush` where the program is done.
pub struct Output<'a> {
    fd: BorrowedFd<'a>,
    buffer: Vec<u8>,
}

impl<'a> Output<'a> {
    /// How much is gathered before it is written.
    const FULL: usize = 32 * 1024;

    /// An empty buffer in front of `fd`.
    pub fn new(fd: BorrowedFd<'a>) -> Output<'a> {
        Output { fd, buffer: Vec::new() }
    }

    /// Takes what is appended to the text that is gathered; writes if that is a good deal.
    pub fn put(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> nix::Result<()> {
        append(&mut self.buffer);
        if self.buffer.len() >= Output::FULL { self.flush() } else { Ok(()) }
    }

    /// Writes what is left. What could not be written is dropped with the error.
    pub fn flush(&mut self) -> nix::Result<()> {
        let written = write_all(self.fd, &self.buffer);
        self.buffer.clear();
        written
    }
}
