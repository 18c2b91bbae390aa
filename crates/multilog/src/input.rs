//! Standard input, so read that what is lost with us is as little as can be.
//!
//! Where it is a pipe, nothing is taken out of it before it has been dealt with: what stands in it is copied, and once it
//! is written to the logs, as many bytes are taken out and thrown away. Whoever kills us finds the rest of the pipe
//! untouched, and the next multilog goes on with it.
//!
//! The deeds are in `peek`. Where standard input is no pipe, it is read as usual.

use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::failure::Failure;
use daemontools_program::stdio::read;
use daemontools_program::wait::{readable, wait};
use daemontools_sys::fd::STDIN;
use daemontools_sys::memory::give_back;
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::buffer::{reserved, room};
use crate::line::WINDOW;
use crate::peek::{Peek, Wait};
use crate::retry::retry;

/// How much is read at a time where we cannot look first: it is what a kill may cost.
const READ: usize = 32 * 1024;

/// How long nothing comes until a flood is over.
const CALM: Duration = Duration::from_secs(1);

/// What a look at the input found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// What is there now, if anything, is in `bytes`.
    Now,
    /// The end: what is in `bytes` is the last.
    End,
}

/// The input, and what of it is in memory.
pub struct Input {
    /// At the front, bytes that are in memory alone; then, up to `filled`, bytes that stand in the pipe too.
    buffer: Vec<u8>,
    /// How many bytes are in memory alone.
    taken: usize,
    /// How many bytes are in memory.
    filled: usize,
    /// How many of them have been dealt with, and not let go of.
    dealt: usize,
    /// How to look into the pipe, where that is possible.
    peek: Option<Peek>,
}

impl Input {
    /// Standard input, as it is.
    pub fn stdin() -> Result<Input, Failure> {
        let peek = Peek::new().ok();
        let batch = peek.as_ref().map_or(READ, Peek::batch).max(READ);
        Ok(Input { buffer: reserved(batch + WINDOW)?, taken: 0, filled: 0, dealt: 0, peek })
    }

    /// What is there and has not been dealt with.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.dealt..self.filled).unwrap_or_default()
    }

    /// Whether something that has not been dealt with is in memory alone.
    pub fn holds(&self) -> bool {
        self.taken > self.dealt
    }

    /// Looks for more. Does not wait.
    pub fn look(&mut self) -> nix::Result<Look> {
        let Some(peek) = &mut self.peek else { return self.read() };
        match peek.copy(&mut self.buffer, self.taken) {
            Ok(copied) => {
                self.filled = self.taken + copied;
                Ok(if copied == 0 { Look::End } else { Look::Now })
            }
            Err(Errno::EAGAIN) => {
                self.filled = self.taken;
                Ok(Look::Now)
            }
            Err(_) => {
                self.let_go();
                self.peek = None;
                self.filled = self.taken;
                Ok(Look::Now)
            }
        }
    }

    /// The first `count` of `bytes` have been dealt with; `whole` if they end with a line. The others stand in the pipe,
    /// or in memory, and are there again at the next look.
    pub fn deal(&mut self, count: usize, whole: bool) {
        self.dealt += count;
        // A line that is not yet complete stays, to be there as a whole, unless it would fill the pipe.
        let limit = self.peek.as_ref().map_or(0, Peek::max_unfinished);
        if whole || self.dealt > limit {
            self.let_go();
        }
    }

    /// Waits for more, for a signal, or until it is time for another look. True once a flood is over: then what it needed
    /// has been given back.
    pub fn wait(&mut self, signals: &Signals) -> bool {
        let stands = self.filled > self.taken;
        if let Some(peek) = self.peek.as_mut().filter(|_| stands) {
            if peek.wait_for_more(signals) == Wait::TimedOut {
                self.settle();
            }
            return false;
        }
        let swollen = self.buffer.len() > READ + WINDOW || self.peek.as_ref().is_some_and(Peek::is_grown);
        let calm = swollen.then(|| Instant::now() + CALM);
        wait(&mut [readable(&STDIN), readable(&signals)], calm);
        // Whoever is kept waiting for a processor finds that time is up, and that something has come.
        let is_calm = calm.is_some_and(|calm| Instant::now() >= calm) && !is_ready();
        if is_calm {
            self.buffer.truncate(self.filled);
            give_back(&mut self.buffer);
            if let Some(peek) = &mut self.peek {
                peek.shrink();
            }
        }
        is_calm
    }

    /// Takes out of the pipe, or forgets, what has been dealt with.
    fn let_go(&mut self) {
        match self.dealt.checked_sub(self.taken) {
            None | Some(0) => {
                self.buffer.copy_within(self.dealt..self.filled, 0);
                self.taken -= self.dealt;
                self.filled -= self.dealt;
            }
            Some(standing) => {
                // The same bytes again, and of no use.
                let gone = self.peek.as_ref().map_or(0, |peek| peek.discard(standing));
                drain(self.buffer.get_mut(gone..standing).unwrap_or_default());
                (self.taken, self.filled) = (0, 0);
            }
        }
        self.dealt = 0;
        if let Some(peek) = &mut self.peek {
            peek.reset();
        }
    }

    /// Takes all that is known out of the pipe, to be in memory alone.
    fn settle(&mut self) {
        let drained = drain(self.buffer.get_mut(self.taken..self.filled).unwrap_or_default());
        self.taken += drained;
        self.filled = self.taken;
        self.dealt = self.dealt.min(self.taken);
        self.let_go();
    }

    /// Reads, where there is something, or an end.
    fn read(&mut self) -> nix::Result<Look> {
        if !is_ready() {
            return Ok(Look::Now);
        }
        match read(STDIN, room(&mut self.buffer, self.filled, READ)) {
            Ok(0) => Ok(Look::End),
            Ok(count) => {
                self.filled += count;
                self.taken = self.filled;
                Ok(Look::Now)
            }
            Err(Errno::EAGAIN) => Ok(Look::Now),
            Err(errno @ (Errno::ENOMEM | Errno::ENOBUFS)) => Err(errno),
            // As in 0.76: a closed descriptor, a directory, a terminal that hung up have come to their end.
            Err(_) => Ok(Look::End),
        }
    }
}

/// Reads out of standard input as many bytes as `buffer` holds, which stand there; says how many there were (fewer only
/// if somebody else reads the same pipe, which we cannot make good).
fn drain(buffer: &mut [u8]) -> usize {
    let mut drained = 0;
    while let Some(rest) = buffer.get_mut(drained..).filter(|rest| !rest.is_empty()) {
        let read = retry(|| match read(STDIN, rest) {
            Err(Errno::EAGAIN) if is_ready() => Err(unreadable(Errno::EAGAIN)),
            Err(Errno::EAGAIN) => Ok(0),
            result => result.map_err(unreadable),
        });
        if read == 0 {
            break;
        }
        drained += read;
    }
    drained
}

/// Whether reading standard input would not wait.
fn is_ready() -> bool {
    let mut stdin = [PollFd::new(STDIN, PollFlags::POLLIN)];
    !matches!(poll(&mut stdin, PollTimeout::ZERO), Ok(0))
}

/// The sentence of a read that will be tried again.
pub fn unreadable(errno: Errno) -> Failure {
    Failure::because([b"unable to read input, pausing"], errno)
}
