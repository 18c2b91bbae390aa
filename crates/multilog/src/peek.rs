//! Copies what is in a pipe without taking it out: tee(2) copies from standard input into a pipe of our own, and the copy
//! is read from there.
//!
//! An unfinished line stays in the pipe too, and a pipe that is not empty is always readable. So to wait for *more* of the
//! line, an epoll in edge-triggered mode is used, which reports the end of each write. It does not report a write that is so
//! large that it has to wait for room in the middle, so there is a deadline as well: first soon, then after as long as the
//! line has been in the pipe already. After a second the line is taken out and kept in memory, fewer than 1000 bytes of it,
//! as 0.76 does at once: otherwise a writer could wait for ever for room in a pipe that is full of its own unfinished line.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use daemontools_lines::pipe_size::{Backlog, MAX_PIPE, READ_SIZE, resize};
use daemontools_program::clock::Instant;
use daemontools_program::stdio::{read, uninterrupted};
use daemontools_sys::fd::{STDIN, above_standard, duplicate_private, open_private, pipe_private};
use daemontools_sys::heap::try_reserve_exact;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice, tee};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::stat::Mode;

use crate::buffer::room;
use crate::input::READ;
use crate::line::WINDOW;

/// How long an unfinished line stays in the pipe.
const PATIENCE: Duration = Duration::from_secs(1);

/// How soon the first look at it is repeated.
const SOON: Duration = Duration::from_micros(100);

/// A smaller pipe would soon be full of an unfinished line.
const ROOMY: usize = 16 * 1024;

/// Standard input as a pipe, and what it takes to look into it.
pub struct Peek {
    reader: OwnedFd,
    writer: OwnedFd,
    epoll: Epoll,
    /// Where removed bytes go; `None` if it could not be opened.
    null: Option<OwnedFd>,
    /// The size of the pipe, in bytes, at the start.
    first: usize,
    /// Its size now.
    size: usize,
    /// How many bytes are copied at a time.
    batch: usize,
    /// How often there were that many.
    backlog: Backlog,
    /// Whether unfinished lines may stay in the pipe: not if it is small, and not if its writers are gone.
    patient: bool,
    /// Since when an unfinished line has been in the pipe.
    since: Option<Instant>,
    /// Whether there is another reader, so that nothing may be left in the pipe that has been looked at.
    is_shared: bool,
}

impl Peek {
    /// Fails where standard input is no pipe, or descriptors are short.
    pub fn new() -> nix::Result<Peek> {
        let size = usize::try_from(fcntl(STDIN, FcntlArg::F_GETPIPE_SZ)?).unwrap_or(0);
        let (reader, writer) = pipe_private()?;
        let epoll = Epoll(above_standard(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?.0)?);
        epoll.add(STDIN, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0))?;
        // Leave one descriptor free for rotation.
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
            is_shared: false,
        })
    }

    /// The size of the pipe before it was enlarged.
    pub fn first_size(&self) -> usize {
        self.first
    }

    /// The pipe had this size before an earlier file of this program enlarged it.
    pub fn was_first(&mut self, size: usize) {
        self.first = size.min(self.size);
    }

    /// Copies the front of the pipe into `buffer` at offset `at`, at most `batch` bytes; with another reader, takes it out. 0
    /// at the end of the input, EAGAIN if there is nothing now.
    pub fn copy(&mut self, buffer: &mut Vec<u8>, at: usize) -> nix::Result<usize> {
        if self.backlog.take_due() && !self.is_shared {
            self.grow(buffer);
        }
        let flags = SpliceFFlags::SPLICE_F_NONBLOCK;
        let count = uninterrupted(|| match self.is_shared {
            false => tee(STDIN, &self.writer, self.batch, flags),
            true => splice(STDIN, None, &self.writer, None, self.batch.min(READ), flags),
        })?;
        self.backlog.note(count, self.batch);
        if count == 0 {
            return Ok(0);
        }
        match read(&self.reader, room(buffer, at, count)) {
            Ok(read) if read == count => Ok(count),
            // A pipe of packets (O_DIRECT). A packet cannot be removed in part, so it cannot be copied first.
            Ok(_) | Err(_) => Err(Errno::EPROTO),
        }
    }

    /// Removes the front `count` bytes of the pipe without reading them; returns how many are gone. (No copy is made, which
    /// saves 3 to 7 % of the processor time.)
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

    /// Notes that there is another reader. From now on, what is looked at is taken out.
    pub fn share(&mut self) {
        self.is_shared = true;
    }

    /// Whether what is looked at is taken out, for the sake of another reader.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Never readable.
    pub fn nothing(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// How many bytes are copied at a time.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// How many bytes of an unfinished line may stay in the pipe without filling it.
    pub fn max_unfinished(&self) -> usize {
        self.batch / 2
    }

    /// Notes that no unfinished line is in the pipe any more.
    pub fn reset(&mut self) {
        self.since = None;
    }

    /// Whether the unfinished line in the pipe has waited long enough there.
    pub fn is_out_of_patience(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        !self.patient || now.since(since) >= PATIENCE
    }

    /// When to look at the unfinished line again, whatever the epoll reports.
    pub fn look_again_at(&self, now: Instant) -> Instant {
        now + self.since.map_or(SOON, |since| now.since(since).max(SOON))
    }

    /// Readable when something was added to the pipe.
    pub fn more(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }

    /// Takes the event that made `more` readable, if there is one. If the last writer has gone, there is nothing to wait
    /// for.
    pub fn take_event(&mut self) {
        let mut events = [EpollEvent::empty()];
        if let Ok(1) = self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            let hung_up = |event: &EpollEvent| event.events().contains(EpollFlags::EPOLLHUP);
            self.patient = !events.iter().any(hung_up);
        }
    }

    /// Enlarges both pipes to the largest size in one step: on the way there, writer and reader would wait for each other.
    /// Where that fails (memory, or the user's share of pipe memory, is limited), they stay as they are.
    fn grow(&mut self, buffer: &mut Vec<u8>) {
        let more = (READ_SIZE + WINDOW).saturating_sub(buffer.len());
        if self.size >= MAX_PIPE || !try_reserve_exact(buffer, more) {
            return;
        }
        if resize(self.writer.as_fd(), MAX_PIPE) && resize(STDIN, MAX_PIPE) {
            self.set_size(MAX_PIPE);
        }
    }

    /// Whether the pipes are larger than they were.
    pub fn is_grown(&self) -> bool {
        self.size > self.first
    }

    /// Makes both pipes as small as they were, since a user's share of pipe memory is limited. If the content of one does
    /// not fit, it stays until the next attempt.
    pub fn shrink(&mut self) {
        if self.is_grown() && resize(STDIN, self.first) && resize(self.writer.as_fd(), self.first) {
            self.set_size(self.first);
        }
    }

    fn set_size(&mut self, size: usize) {
        (self.size, self.batch) = (size, batch(size));
    }
}

/// How many bytes of a pipe to copy at a time: half of it, so that the writer fills one half while the other is processed.
fn batch(size: usize) -> usize {
    (size / 2).clamp(4096, READ_SIZE)
}
