//! Standard input of a filter, read as it comes: 16 kB at a time, 64 kB where there is so much, and more from a pipe whose
//! writer is always faster, as far as there is memory.

use crate::pipe_size::{Backlog, MAX_PIPE, READ_SIZE, resize};
use daemontools_program::stdio;
use daemontools_sys::fd::STDIN;
use daemontools_sys::heap::try_reserve_exact;

/// The size of a pipe, in bytes, unless somebody changed it.
pub const DEFAULT_PIPE: usize = 64 * 1024;

/// How many bytes are read at a time at first.
const FIRST: usize = 16 * 1024;

/// The input that has been read and not yet processed.
pub struct StdinReader {
    buffer: Vec<u8>,
    /// How many bytes at its front were kept from before the last read.
    kept: usize,
    /// How many bytes of it are input.
    filled: usize,
    /// Whether the last read found as much as there was room for.
    was_full: bool,
    backlog: Backlog,
}

impl StdinReader {
    /// A reader that has read nothing yet.
    pub fn stdin() -> StdinReader {
        StdinReader { buffer: vec![0; FIRST], kept: 0, filled: 0, was_full: false, backlog: Backlog::default() }
    }

    /// Reads more input after the kept bytes (fewer than `DEFAULT_PIPE`). `false` at end of file.
    pub fn read(&mut self) -> nix::Result<bool> {
        self.grow();
        let room = self.buffer.get_mut(self.kept..).unwrap_or_default();
        let read = stdio::read(STDIN, room)?;
        self.was_full = read == room.len();
        self.backlog.note(read, room.len());
        self.filled = self.kept + read;
        Ok(read > 0)
    }

    /// Makes room for more, where so much comes.
    fn grow(&mut self) {
        let is_behind = self.backlog.take_due();
        let size = if is_behind { READ_SIZE } else { DEFAULT_PIPE };
        let more = size.saturating_sub(self.buffer.len());
        if (is_behind || self.was_full)
            && more > 0
            && try_reserve_exact(&mut self.buffer, more)
            && (!is_behind || resize(STDIN, MAX_PIPE))
        {
            self.buffer.resize(size, 0);
        }
        if self.kept == self.buffer.len() {
            // Without room, a read would look like the end.
            self.buffer.resize(self.kept + FIRST, 0);
        }
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
