//! Standard input of a filter, read as it comes: 64 kB at a time, more from a pipe whose writer is always faster.

use crate::pipe_size::{Backlog, MAX_PIPE, READ_SIZE, resize};
use daemontools_program::stdio;
use daemontools_sys::fd::STDIN;
use daemontools_sys::heap::try_reserve_exact;

/// The size of a pipe, in bytes, unless somebody changed it.
pub const DEFAULT_PIPE: usize = 64 * 1024;

/// The input that has been read and not yet processed.
pub struct StdinReader {
    buffer: Vec<u8>,
    /// How many bytes at its front were kept from before the last read.
    kept: usize,
    /// How many bytes of it are input.
    filled: usize,
    backlog: Backlog,
}

impl StdinReader {
    /// A reader that has read nothing yet.
    pub fn stdin() -> StdinReader {
        StdinReader { buffer: vec![0; DEFAULT_PIPE], kept: 0, filled: 0, backlog: Backlog::default() }
    }

    /// Reads more input after the kept bytes (fewer than `DEFAULT_PIPE`). `false` at end of file.
    pub fn read(&mut self) -> nix::Result<bool> {
        let more = READ_SIZE.saturating_sub(self.buffer.len());
        if self.backlog.take_due() && more > 0 && try_reserve_exact(&mut self.buffer, more) && resize(STDIN, MAX_PIPE) {
            self.buffer.resize(READ_SIZE, 0);
        }
        let room = self.buffer.get_mut(self.kept..).unwrap_or_default();
        let read = stdio::read(STDIN, room)?;
        self.backlog.note(read, room.len());
        self.filled = self.kept + read;
        Ok(read > 0)
    }

    /// The input that is there.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Drops the input except for its last `count` bytes.
    pub fn keep(&mut self, count: usize) {
        self.buffer.copy_within(self.filled - count..self.filled, 0);
        (self.kept, self.filled) = (count, count);
    }
}
