//! Looking into a pipe without taking anything out of it: tee(2) copies what stands in standard input into a pipe of our
//! own, from which it is read.
//!
//! An unfinished line stays in the pipe too, and a pipe with something in it is always readable. Then we wait for *more*
//! of it: an epoll in edge-triggered mode wakes us at the end of each write. It does not for a write so large that it has
//! to wait for room in the middle, so we also look again by ourselves: soon at first, then after as long as the line has
//! stood there already. After a second it is taken out all the same and kept in memory, less than 1000 bytes of it, as
//! 0.76 does at once: nobody shall wait for ever for a pipe that is full with what we wait to see the end of.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use daemontools_lines::pipe_size::{Backlog, MAX_PIPE, READ_SIZE, resize};
use daemontools_program::clock::Instant;
use daemontools_program::stdio::{read, uninterrupted};
use daemontools_program::wait::{readable, wait};
use daemontools_sys::fd::{STDIN, above_standard, duplicate_private, open_private, pipe_private};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice, tee};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::stat::Mode;

use crate::buffer::room;
use crate::line::WINDOW;

/// How long an unfinished line stays in the pipe.
const PATIENCE: Duration = Duration::from_secs(1);

/// How soon we look at it again.
const SOON: Duration = Duration::from_micros(100);

/// A pipe that is smaller would soon be full with an unfinished line.
const ROOMY: usize = 16 * 1024;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Something happened.
    News,
    /// What stands in the pipe is no longer to be waited with.
    TimedOut,
}

/// What it takes to look into a pipe.
pub struct Peek {
    reader: OwnedFd,
    writer: OwnedFd,
    epoll: Epoll,
    /// Where what has been dealt with goes, if that is to be had.
    null: Option<OwnedFd>,
    /// How much the pipe held when we came.
    first: usize,
    /// How much it holds.
    size: usize,
    /// How much to look at, at a time.
    batch: usize,
    /// How often there was that much.
    backlog: Backlog,
    /// Whether unfinished lines may stay in the pipe: not if it is small, and not if nobody is left to finish them.
    patient: bool,
    /// Since when an unfinished line stands in the pipe.
    since: Option<Instant>,
}

impl Peek {
    /// For standard input, if that is a pipe and we have all it takes.
    pub fn new() -> nix::Result<Peek> {
        let size = usize::try_from(fcntl(STDIN, FcntlArg::F_GETPIPE_SZ)?).unwrap_or(0);
        let (reader, writer) = pipe_private()?;
        let epoll = Epoll(above_standard(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?.0)?);
        epoll.add(STDIN, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0))?;
        // Rotation needs a descriptor now and then. If this was the last one, it shall have it.
        let one_more = || duplicate_private(STDIN).map(drop);
        one_more()?;
        let null = open_private(c"/dev/null", OFlag::O_WRONLY, Mode::empty()).ok().filter(|_| one_more().is_ok());
        let (batch, patient) = (batch(size), size >= ROOMY);
        Ok(Peek {
            reader,
            writer,
            epoll,
            null,
            first: size,
            size,
            batch,
            backlog: Backlog::default(),
            patient,
            since: None,
        })
    }

    /// Copies what stands in the pipe into `buffer` at this place, as much as we look at at a time; 0 at its end.
    pub fn copy(&mut self, buffer: &mut Vec<u8>, at: usize) -> nix::Result<usize> {
        if self.backlog.take_due() {
            self.grow(buffer);
        }
        let count = uninterrupted(|| tee(STDIN, &self.writer, self.batch, SpliceFFlags::SPLICE_F_NONBLOCK))?;
        self.backlog.note(count, self.batch);
        if count == 0 {
            return Ok(0);
        }
        match read(&self.reader, room(buffer, at, count)) {
            Ok(read) if read == count => Ok(count),
            // A pipe of packets (O_DIRECT): these cannot be taken out in part, and so we cannot look first.
            Ok(_) | Err(_) => Err(Errno::EPROTO),
        }
    }

    /// Takes bytes that stand in the pipe out of it, unseen; says how many that worked for. (No copy is made, which saves
    /// 3 to 7 % of the processor time.)
    pub fn discard(&self, count: usize) -> usize {
        let Some(null) = &self.null else { return 0 };
        let mut gone = 0;
        while gone < count {
            match splice(STDIN, None, null, None, count - gone, SpliceFFlags::SPLICE_F_NONBLOCK) {
                Ok(0) | Err(_) => break,
                Ok(more) => gone += more,
            }
        }
        gone
    }

    /// How many bytes a look finds at most, as the pipe is now.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// How many bytes of an unfinished line may stand in the pipe without filling it.
    pub fn max_unfinished(&self) -> usize {
        self.batch / 2
    }

    /// Nothing that is waited with stands in the pipe.
    pub fn reset(&mut self) {
        self.since = None;
    }

    /// Makes both pipes as large as they may be, at once: on the way there, writer and reader would wait for each other.
    /// Where that is not to be had (memory, or a user's share of pipes, is limited), they stay.
    fn grow(&mut self, buffer: &mut Vec<u8>) {
        let more = (READ_SIZE + WINDOW).saturating_sub(buffer.len());
        if self.size >= MAX_PIPE || buffer.try_reserve_exact(more).is_err() {
            return;
        }
        if resize(self.writer.as_fd(), MAX_PIPE) && resize(STDIN, MAX_PIPE) {
            self.turn_to(MAX_PIPE);
        }
    }

    /// Whether the pipes are larger than they were.
    pub fn is_grown(&self) -> bool {
        self.size > self.first
    }

    /// Makes both pipes as large as they were, since a user's share of pipes is limited. What stands in one may be too
    /// much for that: then it stays until the next attempt.
    pub fn shrink(&mut self) {
        if self.is_grown() && resize(STDIN, self.first) && resize(self.writer.as_fd(), self.first) {
            self.turn_to(self.first);
        }
    }

    fn turn_to(&mut self, size: usize) {
        (self.size, self.batch) = (size, batch(size));
    }

    /// Waits for more than the unfinished line that stands in the pipe, or for a signal.
    pub fn wait_for_more(&mut self, signals: &Signals) -> Wait {
        let now = Instant::now();
        let stood = now.since(*self.since.get_or_insert(now));
        if !self.patient || stood >= PATIENCE {
            return Wait::TimedOut;
        }
        wait(&mut [readable(&self.epoll.0), readable(&signals)], Some(now + stood.max(SOON)));
        let mut events = [EpollEvent::empty()];
        if let Ok(1) = self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            let hung = |event: &EpollEvent| event.events().contains(EpollFlags::EPOLLHUP);
            self.patient = !events.iter().any(hung);
        }
        Wait::News
    }
}

/// How much of a pipe to look at, at a time: half of it, so that its writer fills one half while we deal with the other.
fn batch(size: usize) -> usize {
    (size / 2).clamp(4096, READ_SIZE)
}
