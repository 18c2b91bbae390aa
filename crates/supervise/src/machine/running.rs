//! While the service has a process: readiness, watchdog, checks, and how it is stopped.

mod check;
mod resume;
mod stop;

use daemontools_core::details::State;
use daemontools_core::end::End;
use daemontools_core::label::Label;
use daemontools_core::settings::Group;
use daemontools_core::signal::Signal;
use daemontools_core::status::Want;
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use super::{Config, Now, USUAL_PATIENCE};
use crate::actions::{Action, Actions, Target};
use crate::reason::Reason;
use crate::record::LeftBehind;
use check::{Check, Checked};
use stop::{Cause, Stop};

/// A process of the service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) pid: Pid,
    pub(super) paused: bool,
    /// Since when.
    pub(super) started: Instant,
    readiness: Readiness,
    /// When it is stopped unless it is ready.
    ready_by: Option<Instant>,
    /// When it is stopped unless it says that it is alive.
    alive_by: Option<Instant>,
    check: Check,
    stop: Option<Stop>,
    /// Whether a command sent a signal that mostly ends it.
    asked: bool,
    /// Whether it was sent TERM.
    got_term: bool,
    /// Whether it said that it is ending.
    leaving: bool,
    reason: Reason,
}

/// Whether the process is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// No setting tells.
    Untold,
    /// Not yet, or not any more.
    NotReady,
    /// Since this moment.
    Ready(Label),
}

impl Running {
    pub(super) fn new(now: Now, config: &Config, pid: Pid) -> Running {
        let tells = config.tells_ready();
        let ready_by = config.values.ready_timeout.filter(|_| tells).map(|timeout| now.clock + timeout);
        Running {
            pid,
            paused: false,
            started: now.clock,
            readiness: if tells { Readiness::NotReady } else { Readiness::Untold },
            ready_by,
            alive_by: None,
            check: Check::new(now, config.check.is_some()),
            stop: None,
            asked: false,
            got_term: false,
            leaving: false,
            reason: Reason::None,
        }
    }

    /// One that a supervise before this one started.
    pub(super) fn adopted(now: Now, config: &Config, left: &LeftBehind) -> Running {
        let age = now.label.since(left.since);
        let readiness = match left.ready_since {
            Some(since) => Readiness::Ready(since),
            None if config.tells_ready() => Readiness::NotReady,
            None => Readiness::Untold,
        };
        let again = left.ready_since.is_none() || config.values.check_always;
        let started = now.clock.before(age);
        let timeout = config.values.ready_timeout.filter(|_| readiness == Readiness::NotReady);
        Running {
            paused: left.paused,
            started,
            readiness,
            check: Check::new(now, config.check.is_some() && again),
            ready_by: timeout.map(|timeout| started + timeout),
            stop: (left.want == Want::Down).then(|| Stop::under_way(now, config)),
            ..Running::new(now, config, left.pid)
        }
    }

    /// Who gets the signals of commands.
    pub(super) fn target(&self, config: &Config) -> Target {
        match config.values.group {
            Some(Group::All) => Target::Group(self.pid),
            Some(Group::Main) | None => Target::Service(self.pid),
        }
    }

    pub(super) fn state(&self) -> State {
        match self.readiness {
            _ if self.stop.is_some() || self.leaving => State::Stopping,
            Readiness::Untold => State::Up,
            Readiness::NotReady => State::Starting,
            Readiness::Ready(_) => State::Ready,
        }
    }

    pub(super) fn ready_since(&self) -> Option<Label> {
        match self.readiness {
            Readiness::Ready(since) => Some(since),
            Readiness::Untold | Readiness::NotReady => None,
        }
    }

    pub(super) fn reason(&self) -> Reason {
        self.reason
    }

    pub(super) fn got_term(&self) -> bool {
        self.got_term
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.stop {
            Some(stop) => stop.deadline(),
            None => [self.ready_by, self.alive_by, self.check.deadline()].into_iter().flatten().min(),
        }
    }

    /// When the state ends by itself: the next signal, or the end of the time to become ready.
    pub(super) fn state_deadline(&self) -> Option<Instant> {
        match &self.stop {
            Some(stop) => stop.deadline(),
            None => self.ready_by,
        }
    }

    pub(super) fn is_ready(&mut self, now: Now, config: &Config) -> Actions {
        if self.readiness == Readiness::NotReady {
            self.readiness = Readiness::Ready(now.label);
            self.ready_by = None;
            self.reason = Reason::None;
            self.expect_life(now, config);
        }
        Actions::NONE
    }

    pub(super) fn is_alive(&mut self, now: Now, config: &Config) -> Actions {
        if self.alive_by.is_some() {
            self.expect_life(now, config);
        }
        Actions::NONE
    }

    pub(super) fn announces_its_end(&mut self) -> Actions {
        self.leaving = true;
        Actions::NONE
    }

    /// The next `WATCHDOG=1` is expected.
    fn expect_life(&mut self, now: Now, config: &Config) {
        let watched = config.values.watchdog.filter(|_| config.values.notify_socket);
        self.alive_by = watched.map(|span| now.clock + span);
    }

    pub(super) fn tick(&mut self, now: Now, config: &Config, started_with: &Config) -> Actions {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now.clock);
        if let Some(stop) = &mut self.stop {
            return if due(stop.deadline()) { self.next_of_stop(now, started_with) } else { Actions::NONE };
        }
        if due(self.alive_by) {
            self.reason = Reason::Silent(started_with.values.watchdog.unwrap_or_default());
            return self.begin_stop(now, config, started_with, Cause::Silence);
        }
        if due(self.ready_by) {
            self.reason = Reason::NotReady(started_with.values.ready_timeout.unwrap_or_default());
            return self.begin_stop(now, config, started_with, Cause::Supervise);
        }
        self.check.tick(now)
    }

    pub(super) fn has_hook(&self, pid: Pid) -> bool {
        self.check_pid() == Some(pid) || self.stop_pid() == Some(pid)
    }

    pub(super) fn check_pid(&self) -> Option<Pid> {
        self.check.pid()
    }

    /// The program `stop`, while it runs.
    pub(super) fn stop_pid(&self) -> Option<Pid> {
        self.stop.as_ref().and_then(Stop::pid)
    }

    pub(super) fn hook_started(&mut self, now: Now, config: &Config, pid: Pid) {
        match &mut self.stop {
            Some(stop) => stop.hook_started(pid),
            None => self.check.started(now, config, pid),
        }
    }

    pub(super) fn hook_failed(&mut self, now: Now, config: &Config) -> Actions {
        if self.stop.is_some() {
            return self.send_stop_signal(now, config);
        }
        self.check.failed_to_start(now, config);
        Actions::NONE
    }

    pub(super) fn hook_ended(
        &mut self,
        now: Now,
        config: &Config,
        started_with: &Config,
        pid: Pid,
        end: End,
    ) -> Actions {
        if self.stop_pid() == Some(pid) {
            return self.stop_hook_ended(now, started_with, end);
        }
        if self.check_pid() != Some(pid) {
            return Actions::NONE;
        }
        match self.check.ended(now, started_with, end, matches!(self.readiness, Readiness::Ready(_))) {
            Checked::Nothing => Actions::NONE,
            Checked::Passed => self.is_ready(now, started_with),
            Checked::FailedTooOften(count) => {
                self.readiness = Readiness::NotReady;
                self.alive_by = None;
                self.reason = Reason::CheckFailed(count);
                if !started_with.values.check_restart || self.stop.is_some() {
                    return Actions::NONE;
                }
                self.begin_stop(now, config, started_with, Cause::Supervise)
            }
        }
    }

    /// A command has sent a signal that mostly ends a process.
    pub(super) fn is_asked_to_end(&mut self, signal: Signal) {
        self.asked = true;
        self.got_term |= signal == Signal::TERM;
    }

    /// Whether its end, if it comes now, was asked for.
    pub(super) fn was_asked_to_end(&self) -> bool {
        self.asked || matches!(&self.stop, Some(stop) if stop.cause == Cause::Asked)
    }

    /// Whether supervise stopped it by itself.
    pub(super) fn was_stopped_by_supervise(&self) -> bool {
        matches!(&self.stop, Some(stop) if stop.cause != Cause::Asked)
    }

    /// `svc -u` after `svc -d`: if nothing more would be done to the process, it is as if it had been sent a signal.
    pub(super) fn is_wanted_again(&mut self) {
        if self
            .stop
            .as_ref()
            .is_some_and(|stop| stop.cause == Cause::Asked && stop.deadline().is_none() && stop.pid().is_none())
        {
            self.asked = true;
            self.stop = None;
        }
    }

    /// `svc -d`.
    pub(super) fn stop_as_asked(&mut self, now: Now, config: &Config, started_with: &Config) -> Actions {
        let actions = match &self.stop {
            None => self.begin_stop(now, config, started_with, Cause::Asked),
            Some(stop) if stop.hook_is_at_work() => Actions::NONE,
            Some(_) => self.send_stop_signal_again(started_with),
        };
        actions.and(Action::PublishStatus)
    }
}
