//! The lines that a log is to write: where they are in the text, gathered from it, or made from it by a rewriter.
//!
//! Lines that are side by side in the text are written from there, in one call. Where lines between them went elsewhere,
//! they are copied together first (a copy of 80 bytes costs less than another piece of memory costs the kernel).

use std::mem::take;
use std::ops::Range;

use daemontools_program::failure::Failure;
use daemontools_sys::memory::give_back;

use crate::buffer::reserved;
use crate::rewriter::Rewriter;

/// Lines that wait to be written.
pub struct Pending {
    source: Source,
    /// Where lines are not written as they are.
    rewritten: Option<Rewritten>,
}

/// Lines of the text.
struct Source {
    /// Those that were appended last.
    run: Range<usize>,
    /// Lines before them, if other lines are between.
    gathered: Vec<u8>,
    /// How many bytes of the gathered lines have been taken.
    taken: usize,
}

/// What a rewriter made of the lines.
struct Rewritten {
    rewriter: Rewriter,
    text: Vec<u8>,
    /// How many bytes of it have been taken.
    taken: usize,
}

impl Pending {
    /// None yet. At most `gathered` bytes have to be gathered at a time.
    pub fn new(gathered: usize, rewriter: Option<Rewriter>) -> Result<Pending, Failure> {
        let source = Source { run: 0..0, gathered: reserved(gathered)?, taken: 0 };
        let rewritten = match rewriter {
            Some(rewriter) => Some(Rewritten { text: reserved(rewriter.most())?, rewriter, taken: 0 }),
            None => None,
        };
        Ok(Pending { source, rewritten })
    }

    /// Appends a piece of the text. Pieces come in the text's order, and the text stays until all is taken.
    pub fn append(&mut self, text: &[u8], piece: Range<usize>) {
        let Source { run, gathered, .. } = &mut self.source;
        if run.end != piece.start {
            gathered.extend_from_slice(text.get(take(run)).unwrap_or_default());
            run.start = piece.start;
        }
        run.end = piece.end;
    }

    /// Notes that all pieces of the text have been appended.
    pub fn complete(&mut self, text: &[u8]) {
        let Source { run, gathered, .. } = &mut self.source;
        if !gathered.is_empty() {
            gathered.extend_from_slice(text.get(take(run)).unwrap_or_default());
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty() && self.rewritten.as_ref().is_none_or(|rewritten| rewritten.rest().is_empty())
    }

    /// What is to be written next, which is something unless nothing waits.
    pub fn next<'a>(&'a mut self, text: &'a [u8]) -> &'a [u8] {
        let Some(rewritten) = &mut self.rewritten else { return self.source.rest(text) };
        if rewritten.rest().is_empty() {
            rewritten.text.clear();
            rewritten.taken = 0;
            let count = rewritten.rewriter.pass(self.source.rest(text), &mut rewritten.text);
            self.source.take(count);
        }
        rewritten.rest()
    }

    /// Notes that the next `count` bytes have been written.
    pub fn take(&mut self, count: usize) {
        match &mut self.rewritten {
            Some(rewritten) => rewritten.taken += count,
            None => self.source.take(count),
        }
    }

    /// Gives back the memory that lines took. Nothing may wait.
    pub fn give_back(&mut self) {
        give_back(&mut self.source.gathered);
        if let Some(rewritten) = &mut self.rewritten {
            rewritten.text.clear();
            rewritten.taken = 0;
            give_back(&mut rewritten.text);
        }
    }
}

impl Source {
    fn is_empty(&self) -> bool {
        self.run.is_empty() && self.gathered.is_empty()
    }

    fn rest<'a>(&'a self, text: &'a [u8]) -> &'a [u8] {
        if self.gathered.is_empty() {
            text.get(self.run.clone()).unwrap_or_default()
        } else {
            self.gathered.get(self.taken..).unwrap_or_default()
        }
    }

    fn take(&mut self, count: usize) {
        if self.gathered.is_empty() {
            self.run.start += count;
        } else {
            self.taken += count;
            if self.taken >= self.gathered.len() {
                self.gathered.clear();
                self.taken = 0;
            }
        }
        if self.run.is_empty() {
            self.run = 0..0;
        }
    }
}

impl Rewritten {
    fn rest(&self) -> &[u8] {
        self.text.get(self.taken..).unwrap_or_default()
    }
}
