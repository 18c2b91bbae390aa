//! A process of a service in a supervise's state, and how it is being stopped.

use std::time::Duration;

use super::reader::{Writer, nanoseconds, word};
use crate::label::Label;
use crate::signal::Signal;

/// A process of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub pid: u32,
    /// When it was started (monotonic); `None`: when `since` says.
    pub started: Option<Duration>,
    /// Whether it was told to pause.
    pub paused: bool,
    /// Whether a setting tells when it is ready.
    pub tells_ready: bool,
    /// When it became ready.
    pub ready_since: Option<Label>,
    /// When it is stopped unless it is ready.
    pub ready_by: Option<Duration>,
    /// When it is stopped unless it says that it is alive.
    pub alive_by: Option<Duration>,
    /// When `check` runs next; `None`: never.
    pub check_at: Option<Duration>,
    /// How many checks failed in a row since it was ready.
    pub check_failures: u32,
    /// How it is being stopped.
    pub stop: Option<Stop>,
    /// Whether a command sent a signal that mostly ends it.
    pub asked: bool,
    /// Whether it was sent TERM.
    pub got_term: bool,
    /// Whether it said that it is ending.
    pub ending: bool,
}

/// A process that is being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Who stops it.
    pub cause: StopCause,
    /// The signal that asks it to end.
    pub signal: Signal,
    /// What was done.
    pub step: StopStep,
    /// How long it may take; `None`: for ever.
    pub patience: Option<Duration>,
    /// When the next step comes (monotonic).
    pub next_at: Option<Duration>,
}

/// Who stops a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// A command.
    Asked,
    /// supervise.
    Supervise,
    /// supervise, because the watchdog heard nothing.
    Silence,
}

/// What was done to stop a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopStep {
    /// `stop` has done what it can; next, the signal.
    HookDone,
    /// The signal was sent; next, KILL.
    Signalled,
    /// KILL was sent.
    Killed,
}

pub(super) const CAUSES: [(StopCause, &[u8]); 3] =
    [(StopCause::Asked, b"asked"), (StopCause::Supervise, b"supervise"), (StopCause::Silence, b"silence")];
pub(super) const STEPS: [(StopStep, &[u8]); 3] =
    [(StopStep::HookDone, b"hook-done"), (StopStep::Signalled, b"signalled"), (StopStep::Killed, b"killed")];

/// The name of a value.
pub(super) fn name<T: PartialEq>(table: &[(T, &'static [u8])], value: T) -> &'static [u8] {
    table.iter().find(|(known, _)| *known == value).map_or(b"", |(_, name)| name)
}

/// The value of this name.
pub(super) fn named<T: Copy>(table: &[(T, &'static [u8])], word: &[u8]) -> Option<T> {
    table.iter().find(|(_, name)| *name == word).map(|(known, _)| *known)
}

impl Running {
    /// A process about which nothing else is known.
    pub fn new(pid: u32) -> Running {
        Running {
            pid,
            started: None,
            paused: false,
            tells_ready: false,
            ready_since: None,
            ready_by: None,
            alive_by: None,
            check_at: None,
            check_failures: 0,
            stop: None,
            asked: false,
            got_term: false,
            ending: false,
        }
    }

    pub(super) fn write(&self, text: &mut Writer) {
        text.number(b"pid", Some(u64::from(self.pid)));
        text.span(b"started", self.started);
        text.flag(b"paused", self.paused);
        text.flag(b"tells-ready", self.tells_ready);
        text.label(b"ready-since", self.ready_since);
        text.span(b"ready-by", self.ready_by);
        text.span(b"alive-by", self.alive_by);
        text.span(b"check-at", self.check_at);
        text.number(b"check-failures", Some(u64::from(self.check_failures)).filter(|&count| count > 0));
        if let Some(stop) = &self.stop {
            let signal = word(u64::try_from(stop.signal.number()).ok());
            let spans = [stop.patience, stop.next_at].map(|span| word(span.map(nanoseconds)));
            let words = [name(&CAUSES, stop.cause), name(&STEPS, stop.step), &signal, &spans[0], &spans[1]].join(&b' ');
            text.line(b"stop", &words);
        }
        text.flag(b"asked", self.asked);
        text.flag(b"got-term", self.got_term);
        text.flag(b"ending", self.ending);
    }
}
