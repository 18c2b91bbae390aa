//! Standard input, read so that a kill loses as little as possible.
//!
//! A pipe is copied without taking anything out of it. Once the bytes are written to the logs, as many are removed from
//! the pipe. A killed multilog leaves the rest of the pipe untouched, and the next one goes on with it. Where standard
//! input is no pipe, it is read as usual.
//!
//! `window` decides which bytes are where, `peek` makes the system calls on the pipe, `removal` takes out of it what is
//! written, the event loop waits.

mod removal;

use std::os::fd::BorrowedFd;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::failure::Failure;
use daemontools_program::stdio::read;
use daemontools_sys::fd::STDIN;
use daemontools_sys::memory::give_back;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::buffer::{reserved, room};
use crate::claim::Claim;
use crate::front::Front;
use crate::line::WINDOW;
use crate::peek::Peek;
use crate::window::Window;

/// How many bytes are read at a time where the input is no pipe, or has another reader: that much a kill may cost.
pub const READ: usize = 32 * 1024;

/// How long the input is silent before the memory of a flood is given back.
const CALM: Duration = Duration::from_secs(1);

/// What a look at the input found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// More may come. What is there, if anything, is in `bytes`.
    Open,
    /// The end of the input. What is in `bytes` is the last.
    End,
}

/// What to wait for before the next look.
pub struct Interest<'a> {
    /// Readable when there is something new.
    pub fd: BorrowedFd<'a>,
    /// When to look again even if there is nothing new.
    pub deadline: Option<Instant>,
}

/// The input, and the part of it that is in memory.
pub struct Input {
    buffer: Vec<u8>,
    window: Window,
    /// Whether consumed bytes are to be removed from the pipe and dropped.
    release_due: bool,
    /// How to look into the pipe; `None` where that is impossible.
    peek: Option<Peek>,
    /// Whether that is for us to do.
    claim: Claim,
    /// What stands at the front of the pipe, unless another reader has taken it.
    front: Front,
    /// When a flood will be over, unless more comes.
    calm_at: Option<Instant>,
}

impl Input {
    /// Room for what is read from a usual pipe. To be reserved first, because all else can do with less memory.
    pub fn room() -> Result<Vec<u8>, Failure> {
        reserved(READ + WINDOW)
    }

    /// Standard input, as it is, read into this room.
    pub fn stdin(mut buffer: Vec<u8>) -> Result<Input, Failure> {
        let peek = Peek::new().ok();
        let batch = peek.as_ref().map_or(READ, Peek::batch).max(READ);
        if buffer.capacity() < batch + WINDOW {
            buffer = reserved(batch + WINDOW)?;
        }
        let (window, claim, front) = (Window::default(), Claim::default(), Front::default());
        Ok(Input { buffer, window, release_due: false, peek, claim, front, calm_at: None })
    }

    /// Goes on with what an earlier file of this program has left: the beginning of a line, and the size of the pipe.
    pub fn take_over(&mut self, unfinished: &[u8], pipe_size: Option<u64>) {
        self.buffer.extend_from_slice(unfinished);
        self.window.note_read(unfinished.len());
        if let (Some(peek), Some(size)) = (&mut self.peek, pipe_size.and_then(|size| usize::try_from(size).ok())) {
            peek.was_first(size);
        }
    }

    /// The bytes that only this process has and that have not been consumed.
    pub fn held(&self) -> &[u8] {
        self.buffer.get(self.window.held()).unwrap_or_default()
    }

    /// The size of the pipe before it was enlarged; `None`: it is no pipe.
    pub fn pipe_size(&self) -> Option<u64> {
        self.peek.as_ref().and_then(|peek| u64::try_from(peek.first_size()).ok())
    }

    /// The bytes that are there and have not been consumed.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.window.unconsumed()).unwrap_or_default()
    }

    /// Whether bytes that are not consumed would be lost with this process.
    pub fn holds_unconsumed(&self) -> bool {
        self.window.holds_unconsumed()
    }

    /// Looks for more; does not wait.
    pub fn look(&mut self) -> nix::Result<Look> {
        let Some(peek) = &mut self.peek else { return self.read() };
        if !self.claim.is_held() {
            return Ok(Look::Open);
        }
        let at = if peek.is_shared() { self.window.end() } else { self.window.owned() };
        match peek.copy(&mut self.buffer, at) {
            // Where another process reads the pipe too, it may have taken what made the copy begin.
            Ok(0) if has_ended() => {
                self.forget_copy();
                Ok(Look::End)
            }
            Ok(count) if peek.is_shared() => {
                self.window.note_read(count);
                Ok(Look::Open)
            }
            Ok(count) => {
                self.note_copied(count);
                Ok(Look::Open)
            }
            Err(Errno::EAGAIN) => {
                self.note_copied(0);
                Ok(Look::Open)
            }
            // It can be read, but not copied: a pipe of packets.
            Err(_) => {
                self.release_due = true;
                self.release()?;
                self.peek = None;
                Ok(Look::Open)
            }
        }
    }

    /// Notes that the front `count` bytes of the pipe have been copied, in place of an earlier copy.
    fn note_copied(&mut self, count: usize) {
        self.window.note_copied(count);
        let copy = self.buffer.get(self.window.shared()).unwrap_or_default();
        if self.front.is_at(copy) {
            self.front.note(copy);
        } else {
            self.share();
        }
    }

    /// Notes that the first `count` bytes have been written to the logs; `between_lines` if a line ends there. The others
    /// are there again at the next look.
    pub fn consume(&mut self, count: usize, between_lines: bool) {
        self.window.consume(count);
        // A line that is not complete stays in the pipe, to be there as a whole, unless it would fill the pipe.
        let limit = self.peek.as_ref().filter(|peek| !peek.is_shared()).map_or(0, Peek::max_unfinished);
        self.release_due = between_lines || self.window.unconsumed().start > limit;
    }

    /// What to wait for; `None` if that took a change of its own and another look is due.
    pub fn interest(&mut self, now: Instant) -> nix::Result<Option<Interest<'_>>> {
        let shares = !self.window.shared().is_empty();
        if self.peek.as_mut().is_some_and(|peek| shares && peek.is_out_of_patience(now)) {
            self.take_out()?;
            return Ok(None);
        }
        if let Some((peek, moment)) = self.peek.as_ref().zip(self.claim.try_at()) {
            return Ok(Some(Interest { fd: peek.nothing(), deadline: Some(moment) }));
        }
        if let Some(peek) = self.peek.as_ref().filter(|_| shares) {
            return Ok(Some(Interest { fd: peek.more(), deadline: Some(peek.look_again_at(now)) }));
        }
        let swollen = self.buffer.len() > READ + WINDOW || self.peek.as_ref().is_some_and(Peek::is_grown);
        self.calm_at = swollen.then(|| now + CALM);
        Ok(Some(Interest { fd: STDIN, deadline: self.calm_at }))
    }

    /// To be called after the wait. True once a flood is over: the input's share of its memory has been given back.
    pub fn waited(&mut self, now: Instant) -> bool {
        if let Some(peek) = self.peek.as_mut().filter(|_| !self.window.shared().is_empty()) {
            peek.take_event();
            return false;
        }
        // After a long rotation the deadline has passed although input is waiting: check both.
        let is_calm = self.calm_at.take().is_some_and(|calm_at| now >= calm_at) && !is_ready();
        if is_calm {
            self.buffer.truncate(self.window.end());
            give_back(&mut self.buffer);
            if let Some(peek) = &mut self.peek {
                peek.shrink();
            }
        }
        is_calm
    }

    /// Reads, unless that would have to wait.
    fn read(&mut self) -> nix::Result<Look> {
        match read_ready(room(&mut self.buffer, self.window.end(), READ)) {
            Ok(0) => Ok(Look::End),
            Ok(count) => {
                self.window.note_read(count);
                Ok(Look::Open)
            }
            Err(Errno::EAGAIN) => Ok(Look::Open),
            Err(errno @ (Errno::ENOMEM | Errno::ENOBUFS)) => Err(errno),
            // As in 0.76: a closed descriptor, a directory, a terminal that hung up have come to their end.
            Err(_) => Ok(Look::End),
        }
    }
}

/// Reads standard input, unless that would have to wait: EAGAIN.
fn read_ready(buffer: &mut [u8]) -> nix::Result<usize> {
    if is_ready() { read(STDIN, buffer) } else { Err(Errno::EAGAIN) }
}

/// Whether reading standard input would not wait.
fn is_ready() -> bool {
    let mut stdin = [PollFd::new(STDIN, PollFlags::POLLIN)];
    !matches!(poll(&mut stdin, PollTimeout::ZERO), Ok(0))
}

/// Whether the last writer of standard input, a pipe, has gone, and nothing is left in it.
fn has_ended() -> bool {
    let mut stdin = [PollFd::new(STDIN, PollFlags::POLLIN)];
    let [stdin] = match poll(&mut stdin, PollTimeout::ZERO) {
        Ok(_) => stdin,
        Err(_) => return false,
    };
    stdin.revents().is_some_and(|found| found.contains(PollFlags::POLLHUP) && !found.contains(PollFlags::POLLIN))
}

/// The sentence of a read that will be tried again.
pub fn unreadable(errno: Errno) -> Failure {
    Failure::because([b"unable to read input, pausing"], errno)
}
