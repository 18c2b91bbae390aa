//! Standard input of a filter, read as it comes: 64 kB at a time, and more from a pipe whose writer is always ahead.

use crate::flood::{BATCH, LARGEST, Lead, resize};
use crate::stdio;
use crate::sys::fd::STDIN;

/// As much as a pipe usually holds.
pub const USUAL: usize = 64 * 1024;

/// What has been read and not yet been dealt with.
pub struct Intake {
    buffer: Vec<u8>,
    /// How many bytes of it were kept from before.
    kept: usize,
    /// How many bytes there are.
    filled: usize,
    lead: Lead,
}

impl Intake {
    /// Nothing yet.
    pub fn stdin() -> Intake {
        Intake { buffer: vec![0; USUAL], kept: 0, filled: 0, lead: Lead::default() }
    }

    /// Waits for more, behind what was kept, of which there is less than `USUAL`. False at the end.
    pub fn read(&mut self) -> nix::Result<bool> {
        let more = BATCH.saturating_sub(self.buffer.len());
        if self.lead.is_clear() && more > 0 && self.buffer.try_reserve_exact(more).is_ok() && resize(STDIN, LARGEST) {
            self.buffer.resize(BATCH, 0);
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
