//! One multilog at a time looks into a pipe.
//!
//! What stands in a pipe is copied, written, and removed only then. Between the copy and the removal nobody else may take it,
//! or lines are written twice and others are lost. So a multilog that finds another one at its pipe waits until that one has
//! ended, and goes on where it stopped.
//!
//! They find each other by a lock on a byte of standard input (fcntl(2)): two calls at the start. The kernel gives a lock up
//! when its process ends, however it ends. The reading end of a pipe can have locks for reading only, and several processes at
//! once can have these. So each takes it and then asks for others: where there is one, it gives its own up and tries again
//! later, at a moment of its own. A reader that is no multilog of ours takes no such lock; `input` notices what it does.

use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::STDIN;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{self, off_t};
use nix::unistd::getpid;

use crate::PROGRAM;

/// The byte that the lock is on, of which a pipe knows nothing.
const PLACE: off_t = 0x6d75_6c74;

/// How long to wait before it is tried again, at the least.
const SOON: Duration = Duration::from_millis(200);

/// The claim to a pipe.
#[derive(Debug, Default)]
pub struct Claim {
    is_held: bool,
    /// When to try again, after another one held it.
    try_at: Option<Instant>,
}

impl Claim {
    /// Whether the pipe is ours to look into; tries to get it if that is due.
    pub fn is_held(&mut self) -> bool {
        if self.is_held {
            return true;
        }
        let now = Instant::now();
        if self.try_at.is_none_or(|moment| now >= moment) {
            self.is_held = attempt();
            self.try_at = if self.is_held { None } else { Some(self.next(now)) };
        }
        self.is_held
    }

    /// When to try again; the first time it says so.
    fn next(&self, now: Instant) -> Instant {
        if self.try_at.is_none() {
            PROGRAM.warn([b"another multilog reads this input, waiting for its end"]);
        }
        // Each at a time of its own, so that two of them do not meet again and again.
        now + SOON + Duration::from_millis(u64::from(getpid().as_raw().unsigned_abs() % 256))
    }

    /// When to try again; `None` if it is held.
    pub fn try_at(&self) -> Option<Instant> {
        self.try_at
    }
}

/// Whether nobody else holds it; then it is ours.
fn attempt() -> bool {
    // Where there are no locks, nobody has one.
    if set(libc::F_RDLCK).is_err() || !is_held_by_another() {
        return true;
    }
    let _ = set(libc::F_UNLCK);
    false
}

fn set(kind: libc::c_int) -> nix::Result<()> {
    uninterrupted(|| fcntl(STDIN, FcntlArg::F_SETLK(&lock(kind))).map(drop))
}

/// A lock for writing is what the lock of any other process would forbid.
fn is_held_by_another() -> bool {
    let mut found = lock(libc::F_WRLCK);
    let asked = uninterrupted(|| fcntl(STDIN, FcntlArg::F_GETLK(&mut found)));
    asked.is_ok() && libc::c_int::from(found.l_type) != libc::F_UNLCK
}

fn lock(kind: libc::c_int) -> libc::flock {
    libc::flock { l_type: kind as _, l_whence: libc::SEEK_SET as _, l_start: PLACE, l_len: 1, l_pid: 0 }
}
