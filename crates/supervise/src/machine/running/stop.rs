//! How a process is stopped: `stop` or `stop-signal` first, KILL after `stop-timeout`.

use std::time::Duration;

use daemontools_core::end::End;
use daemontools_core::resume::{self, StopCause, StopStep};
use daemontools_core::signal::Signal;
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use super::{Running, USUAL_PATIENCE};
use crate::actions::{Action, Actions, Hook};
use crate::config::Config;
use crate::machine::Now;

/// A process that is being stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) cause: Cause,
    /// The signal that asks it to end.
    signal: Signal,
    /// How long it may take; `None`: for ever.
    patience: Option<Duration>,
    step: Step,
    /// When the next step comes.
    next_at: Option<Instant>,
}

/// Who stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A command.
    Asked,
    /// supervise, for what `reason` says.
    Supervise,
    /// supervise, because the watchdog heard nothing.
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// `stop` has been asked for.
    HookStarting,
    /// `stop` runs; next, it is killed.
    HookRunning(Pid),
    /// `stop` has done what it can; next, the signal.
    HookDone,
    /// The signal was sent; next, KILL.
    Signalled,
    /// KILL was sent; nothing comes next.
    Killed,
}

impl Stop {
    /// One that a supervise before this one began: the signal was sent, or `stop` was run and may still be at work. Either
    /// has the whole time from now.
    pub(super) fn under_way(now: Now, config: &Config) -> Stop {
        let signal = config.values.stop_signal.unwrap_or(Signal::TERM);
        let patience = config.values.stop_timeout;
        let (step, usual) = match config.stop {
            Some(_) => (Step::HookDone, Some(USUAL_PATIENCE)),
            None => (Step::Signalled, None),
        };
        let next_at = patience.or(usual).map(|patience| now.clock + patience);
        Stop { cause: Cause::Asked, signal, patience, step, next_at }
    }

    /// The stop for a state.
    pub(super) fn carry(&self) -> Result<resume::Stop, &'static str> {
        let step = match self.step {
            Step::HookStarting | Step::HookRunning(_) => return Err("stop is running"),
            Step::HookDone => StopStep::HookDone,
            Step::Signalled => StopStep::Signalled,
            Step::Killed => StopStep::Killed,
        };
        let cause = match self.cause {
            Cause::Asked => StopCause::Asked,
            Cause::Supervise => StopCause::Supervise,
            Cause::Silence => StopCause::Silence,
        };
        let next_at = self.next_at.map(|at| at.0);
        Ok(resume::Stop { cause, signal: self.signal, step, patience: self.patience, next_at })
    }

    /// The stop of a state.
    pub(super) fn resume(stop: &resume::Stop) -> Stop {
        let step = match stop.step {
            StopStep::HookDone => Step::HookDone,
            StopStep::Signalled => Step::Signalled,
            StopStep::Killed => Step::Killed,
        };
        let cause = match stop.cause {
            StopCause::Asked => Cause::Asked,
            StopCause::Supervise => Cause::Supervise,
            StopCause::Silence => Cause::Silence,
        };
        let next_at = stop.next_at.map(Instant);
        Stop { cause, signal: stop.signal, patience: stop.patience, step, next_at }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next_at
    }

    pub(super) fn pid(&self) -> Option<Pid> {
        match self.step {
            Step::HookRunning(pid) => Some(pid),
            Step::HookStarting | Step::HookDone | Step::Signalled | Step::Killed => None,
        }
    }

    /// Whether the signal is not yet to be sent.
    pub(super) fn hook_is_at_work(&self) -> bool {
        matches!(self.step, Step::HookStarting | Step::HookRunning(_) | Step::HookDone)
    }

    pub(super) fn hook_started(&mut self, pid: Pid) {
        self.step = Step::HookRunning(pid);
    }
}

impl Running {
    /// The first step. `config` says how to stop, `started_with` who gets the signals.
    pub(super) fn begin_stop(&mut self, now: Now, config: &Config, started_with: &Config, cause: Cause) -> Actions {
        let settings = &config.values;
        let signal = match cause {
            Cause::Asked | Cause::Supervise => settings.stop_signal.unwrap_or(Signal::TERM),
            Cause::Silence => Signal::ABRT,
        };
        let usual = (cause != Cause::Asked).then_some(USUAL_PATIENCE);
        let patience = settings.stop_timeout.or(usual);
        let next_at = patience.map(|patience| now.clock + patience);
        self.stop = Some(Stop { cause, signal, patience, step: Step::HookStarting, next_at });
        let check = self.check_pid().map_or(Actions::NONE, |check| Actions::of([Action::KillHook(check)]));
        if config.stop.is_some() && cause != Cause::Silence {
            self.paused = false;
            return check.and(Action::Run(Hook::Stop(self.pid)));
        }
        check.then(self.send_stop_signal(now, started_with))
    }

    /// The step whose time has come.
    pub(super) fn next_of_stop(&mut self, now: Now, started_with: &Config) -> Actions {
        let Some(stop) = &mut self.stop else { return Actions::NONE };
        match stop.step {
            Step::HookRunning(pid) => {
                // Its end is what leads on.
                stop.next_at = None;
                Actions::of([Action::KillHook(pid)])
            }
            Step::HookDone => self.send_stop_signal(now, started_with),
            Step::Signalled => {
                (stop.step, stop.next_at) = (Step::Killed, None);
                Actions::of([Action::Send(self.target(started_with), Signal::KILL)])
            }
            Step::HookStarting | Step::Killed => {
                stop.next_at = None;
                Actions::NONE
            }
        }
    }

    /// `stop` has ended. Where it succeeded, the service has the rest of the time to follow.
    pub(super) fn stop_hook_ended(&mut self, now: Now, started_with: &Config, end: End) -> Actions {
        let Some(stop) = &mut self.stop else { return Actions::NONE };
        if end != End::Code(0) {
            return self.send_stop_signal(now, started_with);
        }
        stop.step = Step::HookDone;
        stop.next_at = stop.next_at.or(Some(now.clock + USUAL_PATIENCE));
        Actions::NONE
    }

    /// The signal, with the whole time from now.
    pub(super) fn send_stop_signal(&mut self, now: Now, started_with: &Config) -> Actions {
        let Some(stop) = &mut self.stop else { return Actions::NONE };
        stop.step = Step::Signalled;
        stop.next_at = stop.patience.map(|patience| now.clock + patience);
        self.send_stop_signal_again(started_with)
    }

    /// The signal, and a CONT, which ends a pause.
    pub(super) fn send_stop_signal_again(&mut self, started_with: &Config) -> Actions {
        let Some(stop) = &self.stop else { return Actions::NONE };
        let signal = stop.signal;
        self.paused = false;
        self.got_term |= signal == Signal::TERM;
        let target = self.target(started_with);
        Actions::of([Action::Send(target, signal), Action::Send(target, Signal::CONT)])
    }
}
