//! Standard input of a filter, read as it comes: 64 kB at a time, and more from a pipe whose writer is always ahead.

use crate::pipe_size::{Backlog, MAX_PIPE, READ_SIZE, resize};
use daemontools_program::stdio;
use daemontools_sys::fd::STDIN;

/// As much as a pipe usually holds.
pub const DEFAULT_PIPE: usize = 64 * 1024;

/// What has been read and not yet been dealt with.
pub struct StdinReader {
    buffer: Vec<u8>,
    /// How many bytes of it were kept from before.
    kept: usize,
    /// How many bytes there are.
    filled: usize,
    lead: Backlog,
}

impl StdinReader {
    /// Nothing yet.
    pub fn stdin() -> StdinReader {
        StdinReader { buffer: vec![0; DEFAULT_PIPE], kept: 0, filled: 0, lead: Backlog::default() }
    }

    /// Waits for more, behind what was kept, of which there is less than `DEFAULT_PIPE`. False at the end.
    pub fn read(&mut self) -> nix::Result<bool> {
        let more = READ_SIZE.saturating_sub(self.buffer.len());
        if self.lead.is_clear() && more > 0 && self.buffer.try_reserve_exact(more).is_ok() && resize(STDIN, MAX_PIPE) {
            self.buffer.resize(READ_SIZE, 0);
        }
        let room = self.buffer.get_mut(self.kept..).unwrap_or_default();
        let read = stdio::read(STDIN, room)?;
        self.lead.note(read == room.len());
        self.filled = self.kept + read;
        Ok(read > 0)
    }

    /// What there is.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Keeps the last `count` bytes.
    pub fn keep(&mut self, count: usize) {
        self.buffer.copy_within(self.filled - count..self.filled, 0);
        (self.kept, self.filled) = (count, count);
    }
}
