//! Standard input, so read that what is lost with us is as little as can be.
//!
//! Where it is a pipe, nothing is taken out of it before it has been dealt with: tee(2) copies what stands in the pipe
//! into a pipe of our own, from which it is read; once it is written to the logs, as many bytes are read out of standard
//! input, and thrown away. Whoever kills us finds the rest of the pipe untouched, and the next multilog goes on with it.
//!
//! So an unfinished line stays in the pipe too, and a pipe with something in it is always readable. Then we wait for
//! *more* of it: an epoll in edge-triggered mode wakes us at the end of each write. It does not for a write so large that
//! it has to wait for room in the middle, so we also look again by ourselves: soon at first, then after as long as the
//! line has stood there already. After a second it is taken out all the same and kept in memory, less than 1000 bytes of
//! it, as 0.76 does at once: nobody shall wait for ever for a pipe that is full with what we wait to see the end of.
//!
//! Where standard input is no pipe, it is read as usual.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use daemontools_core::clock::monotonic;
use daemontools_core::failure::Failure;
use daemontools_core::stdio::{read, uninterrupted};
use daemontools_core::sys::fd::{STDIN, above_standard, duplicate_private, pipe_private};
use daemontools_core::sys::signal::Signals;
use daemontools_core::wait::wait;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SpliceFFlags, fcntl, tee};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::buffer::reserved;
use crate::insist::insist;
use crate::line::WINDOW;

/// How much is dealt with at a time, at most.
pub const BATCH: usize = LARGEST / 4;

/// How large a pipe may grow whose writer is ahead of us again and again. Measured: a pipe of 64 kB lets 700 MB a second
/// through, one of 1 MB twice as much, as writer and reader wake each other less often. One that trickles is left alone.
const LARGEST: usize = 1024 * 1024;

/// How many looks more find all that they take than do not, before the pipe is made larger.
const AHEAD: u32 = 4;

/// How much is read at a time where we cannot look first: it is what a kill may cost.
const READ: usize = 32 * 1024;

/// How long an unfinished line stays in the pipe.
const PATIENCE: Duration = Duration::from_secs(1);

/// How soon we look at it again.
const SOON: Duration = Duration::from_micros(100);

/// A pipe that is smaller would soon be full with an unfinished line.
const ROOMY: usize = 16 * 1024;

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
        let buffer = reserved(BATCH + WINDOW)?;
        Ok(Input { buffer, taken: 0, filled: 0, dealt: 0, peek: Peek::new().ok() })
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
        let limit = self.peek.as_ref().map_or(0, |peek| peek.batch / 2);
        if whole || self.dealt > limit {
            self.let_go();
        }
    }

    /// Waits for more, for a signal, or until it is time for another look.
    pub fn wait(&mut self, signals: &Signals) {
        match &mut self.peek {
            Some(peek) if self.filled > self.taken => {
                if peek.wait_for_more(signals) == Wait::Over {
                    self.settle();
                }
            }
            Some(_) | None => wait([STDIN, signals.as_fd()], None),
        }
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
                drain(self.buffer.get_mut(..standing).unwrap_or_default());
                (self.taken, self.filled) = (0, 0);
            }
        }
        self.dealt = 0;
        self.stands_no_more();
    }

    /// Takes all that is known out of the pipe, to be in memory alone.
    fn settle(&mut self) {
        let drained = drain(self.buffer.get_mut(self.taken..self.filled).unwrap_or_default());
        self.taken += drained;
        self.filled = self.taken;
        self.dealt = self.dealt.min(self.taken);
        self.let_go();
    }

    fn stands_no_more(&mut self) {
        if let Some(peek) = &mut self.peek {
            peek.since = None;
        }
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

/// Room for `count` bytes in the buffer at this place. What has never been needed was never touched, and costs nothing.
fn room(buffer: &mut Vec<u8>, at: usize, count: usize) -> &mut [u8] {
    let end = at + count;
    if buffer.len() < end {
        buffer.resize(end, 0);
    }
    buffer.get_mut(at..end).unwrap_or_default()
}

/// Reads out of standard input as many bytes as `buffer` holds, which stand there; says how many there were (fewer only
/// if somebody else reads the same pipe, which we cannot make good).
fn drain(buffer: &mut [u8]) -> usize {
    let mut drained = 0;
    while let Some(rest) = buffer.get_mut(drained..).filter(|rest| !rest.is_empty()) {
        let read = insist(|| match read(STDIN, rest) {
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

/// How much of a pipe to look at, at a time: half of it, so that its writer fills one half while we deal with the other.
fn batch(size: usize) -> usize {
    (size / 2).clamp(4096, BATCH)
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Something happened.
    News,
    /// What stands in the pipe is no longer to be waited with.
    Over,
}

/// What it takes to look into a pipe.
struct Peek {
    reader: OwnedFd,
    writer: OwnedFd,
    epoll: Epoll,
    /// How much the pipe holds.
    size: usize,
    /// How much to look at, at a time.
    batch: usize,
    /// How many looks more have found that much than have not.
    ahead: u32,
    /// Whether unfinished lines may stay in the pipe: not if it is small, and not if nobody is left to finish them.
    patient: bool,
    /// Since when an unfinished line stands in the pipe.
    since: Option<Duration>,
}

impl Peek {
    /// For standard input, if that is a pipe and we have all it takes.
    fn new() -> nix::Result<Peek> {
        let size = usize::try_from(fcntl(STDIN, FcntlArg::F_GETPIPE_SZ)?).unwrap_or(0);
        let (reader, writer) = pipe_private()?;
        let epoll = Epoll(above_standard(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?.0)?);
        epoll.add(STDIN, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0))?;
        // Rotation needs a descriptor now and then. If this was the last one, it shall have it.
        drop(duplicate_private(STDIN)?);
        let (batch, patient) = (batch(size), size >= ROOMY);
        Ok(Peek { reader, writer, epoll, size, batch, ahead: 0, patient, since: None })
    }

    /// Copies what stands in the pipe into `buffer` at this place, as much as we look at at a time; 0 at its end.
    fn copy(&mut self, buffer: &mut Vec<u8>, at: usize) -> nix::Result<usize> {
        if self.ahead >= AHEAD {
            self.grow();
        }
        let count = uninterrupted(|| tee(STDIN, &self.writer, self.batch, SpliceFFlags::SPLICE_F_NONBLOCK))?;
        self.ahead = if count == self.batch { self.ahead + 1 } else { self.ahead.saturating_sub(1) };
        if count == 0 {
            return Ok(0);
        }
        match read(&self.reader, room(buffer, at, count)) {
            Ok(read) if read == count => Ok(count),
            // A pipe of packets (O_DIRECT): these cannot be taken out in part, and so we cannot look first.
            Ok(_) | Err(_) => Err(Errno::EPROTO),
        }
    }

    /// Makes both pipes as large as they may be, at once: on the way there, writer and reader would wait for each other.
    /// Where that is not to be had (a user's share of pipes is limited), they stay.
    fn grow(&mut self) {
        self.ahead = 0;
        if self.size >= LARGEST {
            return;
        }
        let Ok(largest) = i32::try_from(LARGEST) else { return };
        let grown = fcntl(&self.writer, FcntlArg::F_SETPIPE_SZ(largest))
            .and_then(|_| fcntl(STDIN, FcntlArg::F_SETPIPE_SZ(largest)));
        if grown.is_ok() {
            self.size = LARGEST;
            self.batch = BATCH;
        }
    }

    /// Waits for more than the unfinished line that stands in the pipe, or for a signal.
    fn wait_for_more(&mut self, signals: &Signals) -> Wait {
        let now = monotonic();
        let stood = now.saturating_sub(*self.since.get_or_insert(now));
        if !self.patient || stood >= PATIENCE {
            return Wait::Over;
        }
        wait([self.epoll.0.as_fd(), signals.as_fd()], Some(now + stood.max(SOON)));
        let mut events = [EpollEvent::empty()];
        if let Ok(1) = self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            let hung = |event: &EpollEvent| event.events().contains(EpollFlags::EPOLLHUP);
            self.patient = !events.iter().any(hung);
        }
        Wait::News
    }
}
