//! After the service's process has ended: what is left of its group, `finish`, and what comes next.

use std::time::Duration;

use daemontools_core::end::End;
use daemontools_core::restarts::StartReason;
use daemontools_core::run_record::RunRecord;
use daemontools_core::signal::Signal;
use daemontools_core::status::Want;
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use super::{Exited, Life, Machine, Now, Rest, Running, USUAL_PATIENCE};
use crate::actions::{Action, Actions, FinishStyle, Hook};
use crate::config::Config;
use crate::reason::Reason;
use crate::record::LeftBehind;

/// The exit code by which `finish` gives the service up.
const GIVES_UP: End = End::Code(125);
/// How long a `finish` with s6's arguments may take, where no setting says so.
const FINISH_S6_TIMEOUT: Duration = Duration::from_secs(5);
/// The first and the longest pause between two looks at what is left of a group.
const LOOK_AGAIN_AFTER: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// An end of the service, and what was decided about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// Its process, which is no more.
    pid: Pid,
    end: End,
    /// When it may be started again.
    again_at: Instant,
    /// Why the next start is one.
    start_reason: StartReason,
    /// What it comes to if it is not started again.
    pub(super) verdict: Rest,
    /// Which `finish` there was at the end, and how long it may take.
    finish: Option<(FinishStyle, Option<Duration>)>,
}

impl Ended {
    /// The service is wanted although it was given up or done, or sooner than it would be.
    pub(super) fn is_wanted_again(&mut self) {
        self.verdict = Rest::AsTold;
        self.start_reason = StartReason::Requested;
    }
}

/// The service has ended; others are still there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clearing {
    pub(super) ended: Ended,
    /// The program `stop`, while it runs.
    pub(super) stop: Option<Pid>,
    /// The process group, while anything is left of it.
    group: Option<Pid>,
    /// When what is left is killed; once that was done, when it is left alone.
    pub(super) kill_at: Instant,
    killed: bool,
    /// When to look again, and how long after that.
    look_at: Instant,
    pause: Duration,
}

/// `finish` runs, or is about to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finishing {
    pub(super) ended: Ended,
    pub(super) pid: Option<Pid>,
    kill_at: Option<Instant>,
}

impl Machine {
    pub(super) fn exited(&mut self, now: Now, config: &Config, exited: Exited) -> Actions {
        let Life::Running(running) = self.life else { return Actions::NONE };
        let Exited { end, core, oom, cpu, peak_kb } = exited;
        let ran = now.clock.since(running.started);
        let judged = config.values.no_restart.is_some() || config.values.restart_limit.is_some();
        let run = RunRecord { core, oom, cpu, peak_kb, ran, judged, ..RunRecord::new(now.label, end) };
        self.last_end = Some(run);
        self.identity = None;
        self.since = now.label;
        let ended = self.judge(now, config, &running, &run);
        let mut actions = Actions::of([Action::RecordEnd, Action::PublishStatus]);
        if let Some(check) = running.check_pid() {
            actions = actions.and(Action::KillHook(check));
        }
        let (stop, group) = (running.stop_pid(), self.config.values.group.map(|_| running.pid));
        if stop.is_none() && group.is_none() {
            return actions.then(self.finish(now, &ended));
        }
        let patience = config.values.stop_timeout.unwrap_or(USUAL_PATIENCE);
        let (pause, _) = LOOK_AGAIN_AFTER;
        let kill_at = now.clock + patience;
        self.life = Life::Clearing(Clearing { ended, stop, group, kill_at, killed: false, look_at: kill_at, pause });
        match group {
            Some(group) => actions.and(Action::SignalRest(group, Some(Signal::TERM))),
            None => actions,
        }
    }

    /// Decides about an end: whether it is final, whether there were too many, and when the next start may be.
    fn judge(&mut self, now: Now, config: &Config, running: &Running, run: &RunRecord) -> Ended {
        let settings = &config.values;
        let asked = running.was_asked_to_end();
        let again_at = self.policy.again(now.clock, run.ran, asked, settings);
        let mut verdict = Rest::AsTold;
        if self.want == Want::Up && !self.leaving && !asked {
            let too_often = self.policy.ended_too_often(now.clock, settings);
            let is_final = settings.no_restart.is_some_and(|ends| ends.contains(run.end));
            if is_final && !running.was_stopped_by_supervise() {
                (verdict, self.reason) = (Rest::Done, Reason::FinalEnd);
            } else if let (true, Some((most, span))) = (too_often, settings.restart_limit) {
                (verdict, self.reason) = (Rest::Failed, Reason::Ends(most.saturating_add(1), span));
            }
            if verdict != Rest::AsTold {
                self.want = Want::Down;
            }
        }
        let start_reason = StartReason::Exited;
        Ended { pid: running.pid, end: run.end, again_at, start_reason, verdict, finish: finish_of(config) }
    }

    /// Waits for a `finish` that a supervise before this one started. What that one had decided about the end is in what is
    /// wanted.
    pub(super) fn goes_on_finishing(&mut self, now: Now, left: &LeftBehind) {
        let end = left.last_end.map_or(End::Unknown, |run| run.end);
        if let Some(run) = left.last_end {
            self.policy.note_start(now.clock.before(now.label.since(run.at) + run.ran));
        }
        let again_at = self.policy.same_again(now.clock, &self.config.values);
        let kill_at = finish_of(&self.config).and_then(|(_, timeout)| timeout).map(|timeout| now.clock + timeout);
        let (start_reason, verdict) = (StartReason::Exited, Rest::AsTold);
        let ended = Ended { pid: left.pid, end, again_at, start_reason, verdict, finish: None };
        self.life = Life::Finishing(Finishing { ended, pid: Some(left.pid), kill_at });
    }

    /// Runs `finish`, if there is one.
    fn finish(&mut self, now: Now, ended: &Ended) -> Actions {
        let Some((style, timeout)) = ended.finish else { return self.settle(now, ended) };
        let kill_at = timeout.map(|timeout| now.clock + timeout);
        self.life = Life::Finishing(Finishing { ended: *ended, pid: None, kill_at });
        Actions::of([Action::PublishStatus, Action::Run(Hook::Finish(style, ended.end, ended.pid))])
    }

    /// `finish` has ended.
    pub(super) fn finished(&mut self, now: Now, ended: &Ended, end: End) -> Actions {
        let mut ended = *ended;
        if end == GIVES_UP && self.want == Want::Up {
            ended.verdict = Rest::Failed;
            (self.want, self.reason) = (Want::Down, Reason::FinishGaveUp);
        }
        Actions::of([Action::PublishStatus]).then(self.settle(now, &ended))
    }

    /// Nothing is left of the last run: the next one, or rest.
    pub(super) fn settle(&mut self, now: Now, ended: &Ended) -> Actions {
        if self.leaving {
            self.life = Life::Down(ended.verdict);
            return Actions::of([Action::PublishStatus, Action::Exit]);
        }
        let again = match (self.want, ended.start_reason) {
            (Want::Up, StartReason::Exited) => Some(ended.again_at.max(now.clock)),
            (Want::Up | Want::Once, StartReason::Requested) => Some(self.policy.requested(now.clock)),
            (Want::Once, StartReason::Exited) | (Want::Down, _) => None,
        };
        match again {
            Some(at) => {
                // What was said of a process that is no more.
                self.reason = Reason::None;
                self.life = Life::Waiting(at, ended.start_reason);
            }
            None => {
                if ended.verdict == Rest::AsTold {
                    self.reason = Reason::None;
                }
                self.life = Life::Down(ended.verdict);
            }
        }
        Actions::NONE
    }

    /// An answer to `SignalRest`.
    pub(super) fn rest(&mut self, now: Now, left: bool) -> Actions {
        let Life::Clearing(clearing) = &mut self.life else { return Actions::NONE };
        if left {
            let (_, longest) = LOOK_AGAIN_AFTER;
            clearing.look_at = now.clock + clearing.pause;
            clearing.pause = (clearing.pause * 2).min(longest);
            return Actions::NONE;
        }
        clearing.group = None;
        clearing.look_at = clearing.kill_at;
        self.cleared(now)
    }

    /// Goes on when nothing is left to wait for.
    pub(super) fn cleared(&mut self, now: Now) -> Actions {
        match &self.life {
            Life::Clearing(clearing) if clearing.stop.is_none() && clearing.group.is_none() => {
                let ended = clearing.ended;
                self.finish(now, &ended)
            }
            Life::Down(_) | Life::Waiting(..) | Life::Running(_) | Life::Clearing(_) | Life::Finishing(_) => {
                Actions::NONE
            }
        }
    }

    pub(super) fn tick_clearing(&mut self, now: Now) -> Actions {
        let Life::Clearing(clearing) = &mut self.life else { return Actions::NONE };
        if clearing.kill_at <= now.clock {
            if !clearing.killed {
                return clearing.kill(now);
            }
            // Nothing more can be done about it: a process that waits for a disk, or that its parent never reaps.
            (clearing.stop, clearing.group) = (None, None);
            return self.cleared(now);
        }
        match clearing.group {
            Some(group) if clearing.look_at <= now.clock => Actions::of([Action::SignalRest(group, None)]),
            Some(_) | None => Actions::NONE,
        }
    }
}

/// Which `finish` there is, and how long it may take.
fn finish_of(config: &Config) -> Option<(FinishStyle, Option<Duration>)> {
    let timeout = config.values.finish_timeout;
    match (config.finish, config.finish_s6) {
        (Some(_), _) => Some((FinishStyle::Runit, timeout)),
        (None, Some(_)) => Some((FinishStyle::S6, timeout.or(Some(FINISH_S6_TIMEOUT)))),
        (None, None) => None,
    }
}

impl Clearing {
    pub(super) fn deadline(&self) -> Instant {
        self.kill_at.min(self.look_at)
    }

    /// Kills what is left.
    pub(super) fn kill(&mut self, now: Now) -> Actions {
        if !self.killed {
            self.killed = true;
            self.kill_at = now.clock + USUAL_PATIENCE;
            (self.pause, _) = LOOK_AGAIN_AFTER;
            self.look_at = self.kill_at;
        }
        let actions = self.stop.map_or(Actions::NONE, |stop| Actions::of([Action::KillHook(stop)]));
        self.group.map_or(actions, |group| actions.and(Action::SignalRest(group, Some(Signal::KILL))))
    }
}

impl Finishing {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.kill_at
    }

    pub(super) fn started(&mut self, pid: Pid) {
        self.pid = Some(pid);
    }

    pub(super) fn kill(&self) -> Actions {
        self.pid.map_or(Actions::NONE, |pid| Actions::of([Action::KillHook(pid)]))
    }

    pub(super) fn tick(&mut self, now: Now) -> Actions {
        if self.kill_at.is_some_and(|at| at <= now.clock) {
            self.kill_at = None;
            return self.kill();
        }
        Actions::NONE
    }
}
