//! Takes out of the pipe what is written to the logs, and finds out there whether another process reads it too.

use std::ops::Range;

use nix::errno::Errno;

use super::{Input, read_ready};
use crate::PROGRAM;
use crate::buffer::room;
use crate::front::Front;

/// How many bytes are removed from a pipe at a time where they have to be read.
const PIECE: usize = 4096;

impl Input {
    /// Removes consumed bytes from the pipe and from memory, if that is due. What fails is done the next time.
    pub fn release(&mut self) -> nix::Result<()> {
        if !self.release_due {
            return Ok(());
        }
        if let Some(peek) = &self.peek {
            let discarded = peek.discard(self.window.removable().len());
            self.window.note_removed(discarded);
        }
        // Without splice(2), or where another reader has been here: the same bytes once more.
        while !self.window.removable().is_empty() {
            self.remove(self.window.removable())?;
        }
        self.front.note(self.buffer.get(self.window.shared()).unwrap_or_default());
        let kept = self.window.drop_consumed();
        self.buffer.copy_within(kept, 0);
        self.release_due = false;
        if let Some(peek) = &mut self.peek {
            peek.reset();
        }
        Ok(())
    }

    /// Moves all that has been copied out of the pipe, so that it is in memory alone.
    pub(super) fn take_out(&mut self) -> nix::Result<()> {
        while !self.window.shared().is_empty() {
            self.remove(self.window.shared())?;
        }
        self.release_due = true;
        self.release()
    }

    /// Takes the bytes of which this is the copy out of the pipe, or some of them. If others stand there instead, another
    /// reader has taken those, and these are read.
    fn remove(&mut self, copy: Range<usize>) -> nix::Result<()> {
        let mut taken = [0; PIECE];
        let count = match read_ready(taken.get_mut(..copy.len().min(PIECE)).unwrap_or_default()) {
            Err(Errno::EAGAIN) => 0,
            result => result?,
        };
        let taken = taken.get(..count).unwrap_or_default();
        if count > 0 && self.buffer.get(copy).is_some_and(|copy| copy.starts_with(taken)) {
            self.window.note_removed(count);
            return Ok(());
        }
        self.share();
        room(&mut self.buffer, self.window.end(), count).copy_from_slice(taken);
        self.window.note_read(count);
        Ok(())
    }

    /// Another reader has taken what we had a copy of. What we have written and it has too cannot be undone. From now on
    /// nothing is left in the pipe that we have looked at.
    pub(super) fn share(&mut self) {
        self.forget_copy();
        if let Some(peek) = self.peek.as_mut().filter(|peek| !peek.is_shared()) {
            peek.share();
            PROGRAM.warn([b"another process reads this input, and takes lines from it"]);
        }
    }

    /// What has been copied stands no longer in the pipe.
    pub(super) fn forget_copy(&mut self) {
        self.window.note_copied(0);
        self.front = Front::default();
    }
}
