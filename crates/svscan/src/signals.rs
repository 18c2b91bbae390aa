//! The signals that svscan waits for. A descriptor is open for them all the time, unless few files can be open: then that
//! one serves a logger, and another is opened for each moment in which svscan waits or takes signals.

use std::ops::Deref;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::wait::{readable, wait};
use daemontools_sys::signal::{ClosedSignals, Signals};
use nix::poll::PollFd;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::Signal;

use crate::mode::Mode;

/// The signals that ask an init to stop the tree.
pub const STOP: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGPWR];

/// How long signals can go unnoticed for which no descriptor was to be had.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Begins to watch. An init takes more signals than the end of a child, and becomes the parent of orphans among its
/// descendants. `for_child` is what an earlier file of this program has found, if there was one.
pub fn watch(mode: Mode, for_child: Option<Option<u64>>) -> nix::Result<Signals> {
    if let Mode::Init(_) = mode {
        set_child_subreaper(true)?;
    }
    match for_child {
        None => Signals::watch(&watched(mode)),
        Some(for_child) => Signals::watch_again(&watched(mode), for_child),
    }
}

fn watched(mode: Mode) -> Vec<Signal> {
    match mode {
        Mode::Classic => vec![Signal::SIGCHLD],
        Mode::Init(_) => [&[Signal::SIGCHLD, Signal::SIGHUP][..], &STOP].concat(),
    }
}

/// The signals, with or without a descriptor for them.
pub enum WatchedSignals {
    /// With one.
    Open(Signals),
    /// Without one.
    Closed(Box<ClosedSignals>),
}

impl WatchedSignals {
    /// Those that `watch` returned for this mode, whose descriptor is closed from now on.
    pub fn closed(signals: Signals, mode: Mode) -> WatchedSignals {
        WatchedSignals::Closed(Box::new(signals.close(&watched(mode))))
    }

    /// The queue: the one that is open, or one for as long as this lasts. EMFILE: no descriptor is free for it.
    pub fn queue(&self) -> nix::Result<Queue<'_>> {
        match self {
            WatchedSignals::Open(signals) => Ok(Queue::Kept(signals)),
            WatchedSignals::Closed(closed) => closed.open().map(Queue::Brief),
        }
    }

    /// Waits for a signal, for `other` to become readable or for the deadline.
    pub fn wait(&self, other: Option<PollFd<'_>>, deadline: Option<Instant>) {
        match (self.queue(), other) {
            (Ok(queue), Some(other)) => wait(&mut [readable(&*queue), other], deadline),
            (Ok(queue), None) => wait(&mut [readable(&*queue)], deadline),
            (Err(_), mut other) => {
                let soon = Instant::now() + TRY_AGAIN_AFTER;
                wait(other.as_mut_slice(), Some(deadline.map_or(soon, |deadline| deadline.min(soon))));
            }
        }
    }

    /// The signals that came, each with the value that was sent with it by sigqueue(3).
    pub fn take(&self) -> Vec<(Signal, Option<i32>)> {
        // Where no queue can be opened they wait.
        let Ok(queue) = self.queue() else { return Vec::new() };
        std::iter::from_fn(|| queue.take_with_value().ok().flatten()).collect()
    }

    /// In a child, before exec: the mask as svscan was started with it.
    pub fn hand_over(&self) -> nix::Result<()> {
        match self {
            WatchedSignals::Open(signals) => signals.hand_over(),
            WatchedSignals::Closed(closed) => closed.hand_over(),
        }
    }
}

/// The queue of the signals.
pub enum Queue<'a> {
    /// The one that stays open.
    Kept(&'a Signals),
    /// One that is closed with this.
    Brief(Signals),
}

impl Deref for Queue<'_> {
    type Target = Signals;

    fn deref(&self) -> &Signals {
        match self {
            Queue::Kept(signals) => signals,
            Queue::Brief(signals) => signals,
        }
    }
}
