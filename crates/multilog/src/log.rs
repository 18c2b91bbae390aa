//! A log of the script: what of the input goes to it, gathered until it is written, and the files that it fills.
//!
//! Lines that lie side by side in the input are written from there, in one call; where lines between them went elsewhere
//! they are copied together first (a copy of 80 bytes costs less than the kernel's walk to another piece of memory).

use std::mem::take;
use std::ops::Range;

use daemontools_program::failure::Failure;
use daemontools_sys::memory::give_back;
use daemontools_sys::signal::Signals;

use crate::buffer::reserved;
use crate::cyclog::Cyclog;
use crate::quota::Quota;
use crate::retry::retry;
use crate::rotation::Step;
use crate::script::Plan;

/// A log and what waits to be written to it. Everything waits only until `flush`.
pub struct Log {
    cyclog: Cyclog,
    quota: Quota,
    /// Of the input, what goes to this log last.
    run: Range<usize>,
    /// What went to it before, with other lines between.
    gathered: Vec<u8>,
    /// Whether the line that is being read goes to this log, as far as it is known yet.
    pub chosen: bool,
}

impl Log {
    /// Opens a log for which so many bytes may have to be gathered at a time.
    pub fn open(plan: Plan, gathered: usize) -> Result<Log, Failure> {
        let (cyclog, used) = Cyclog::open(plan)?;
        let quota = Quota::new(plan.size, used);
        Ok(Log { cyclog, quota, run: 0..0, gathered: reserved(gathered)?, chosen: false })
    }

    /// Appends a piece of `input`. Pieces come in the input's order, and the input stays until `flush`.
    pub fn append(&mut self, input: &[u8], piece: Range<usize>, signals: &Signals) {
        let Range { mut start, end } = piece;
        while let Some(bytes) = input.get(start..end).filter(|bytes| !bytes.is_empty()) {
            let fit = self.quota.fit(bytes);
            self.note(input, start..start + fit.take);
            start += fit.take;
            if fit.full {
                self.flush(input);
                self.rotate(signals);
            }
        }
    }

    fn note(&mut self, input: &[u8], piece: Range<usize>) {
        if self.run.end != piece.start {
            let run = take(&mut self.run);
            self.gathered.extend_from_slice(input.get(run).unwrap_or_default());
            self.run.start = piece.start;
        }
        self.run.end = piece.end;
    }

    /// Writes what waits, whatever it takes.
    pub fn flush(&mut self, input: &[u8]) {
        let run = input.get(take(&mut self.run)).unwrap_or_default();
        let mut bytes = if self.gathered.is_empty() {
            run
        } else {
            self.gathered.extend_from_slice(run);
            self.gathered.as_slice()
        };
        while !bytes.is_empty() {
            let written = retry(|| self.cyclog.append(bytes));
            bytes = bytes.get(written..).unwrap_or_default();
        }
        self.gathered.clear();
    }

    /// Gives back the memory that gathering took.
    pub fn give_back(&mut self) {
        give_back(&mut self.gathered);
    }

    /// Makes an old file of the current one, if there is something in it.
    pub fn rotate(&mut self, signals: &Signals) {
        if self.quota.is_empty() {
            return;
        }
        let mut next = Some(Step::FIRST);
        while let Some(step) = next {
            retry(|| self.cyclog.attempt(step, signals));
            next = step.next(self.cyclog.route());
        }
        self.quota.renew();
    }

    /// Brings the current file to disk and marks it, so that the next multilog goes on with it.
    pub fn close(&mut self) {
        self.cyclog.close();
    }
}
