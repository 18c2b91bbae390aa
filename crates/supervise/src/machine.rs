//! The life of a service as data and a step: what to do when something happens. It knows no process, file or clock;
//! the time comes in with each event, the settings as they were last read.
//!
//! | life | means |
//! |---|---|
//! | `Down` | no process, and none is to be started: as told, given up, or done |
//! | `Waiting` | no process, and one is to be started at an instant |
//! | `Running` | the service has a process (`running`) |
//! | `Clearing` | it has ended; what is left of its group, or `stop`, is still there (`ending`) |
//! | `Finishing` | it has ended, and `finish` runs (`ending`) |
#![deny(clippy::wildcard_enum_match_arm)]

mod carry;
mod commands;
mod ending;
mod queries;
mod running;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::time::Duration;

use daemontools_core::control::Command;
use daemontools_core::end::End;
use daemontools_core::identity::Identity;
use daemontools_core::label::Label;
use daemontools_core::restarts::{RestartLog, StartReason};
use daemontools_core::run_record::RunRecord;
use daemontools_core::status::Want;
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use crate::actions::{Action, Actions};
use crate::config::Config;
use crate::reason::Reason;
use crate::record::LeftBehind;
use crate::restart_policy::RestartPolicy;
pub use queries::Role;

use ending::{Clearing, Finishing};
use running::Running;

/// How long after a failed fork the next one is tried.
const FORK_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// How long supervise waits before it kills what it stopped by itself, where no setting says so.
const USUAL_PATIENCE: Duration = Duration::from_secs(5);

/// The time at an event, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The time of day, for the status.
    pub label: Label,
    /// The monotonic clock, for spans.
    pub clock: Instant,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A byte came through `control`.
    Command(Command),
    /// A deadline may have come.
    Tick,
    /// `Action::Start` made this process; what tells it from others.
    Started(Pid, Option<Identity>),
    /// `Action::Start` could not make a process.
    StartFailed,
    /// The service's process ended.
    Exited(Exited),
    /// The service says that it is ready.
    Ready,
    /// The service says that it is alive (`WATCHDOG=1`).
    Alive,
    /// The service says that it is ending by itself (`STOPPING=1`).
    Leaving,
    /// `Action::Run` made this process.
    HookStarted(Pid),
    /// `Action::Run` could not make a process.
    HookFailed,
    /// A program of the settings ended.
    HookEnded(Pid, End),
    /// Whether anything is left of the service's process group.
    Rest(bool),
}

/// How a process ended, and what it used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exited {
    /// How it ended.
    pub end: End,
    /// Whether a core was dumped.
    pub core: bool,
    /// Whether the kernel ended it because memory ran out.
    pub oom: bool,
    /// Processor time of the process and the children that it waited for, if known.
    pub cpu: Option<Duration>,
    /// The largest resident memory, in units of 1024 bytes, if known.
    pub peak_kb: Option<u64>,
}

/// What the service is doing.
#[derive(Clone, Copy, Debug)]
enum Life {
    Down(Rest),
    Waiting(Instant, StartReason),
    Running(Running),
    Clearing(Clearing),
    Finishing(Finishing),
}

/// Why no process is to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    AsTold,
    Failed,
    Done,
}

/// One service.
#[derive(Clone, Debug)]
pub struct Machine {
    life: Life,
    want: Want,
    /// Whether supervise is to end once the service is down.
    leaving: bool,
    /// When the process id last changed.
    since: Label,
    /// When the state last changed.
    state_since: Label,
    /// The deadline that the state has, by both clocks.
    until: Option<(Instant, Label)>,
    reason: Reason,
    policy: RestartPolicy,
    restarts: RestartLog,
    /// The last run that is over.
    last_end: Option<RunRecord>,
    /// The settings as they were read at the last start.
    config: Config,
    /// What tells the process from a later one of its number, where that could be found out.
    identity: Option<Identity>,
    /// When the process was taken over, if a supervise before this one started it.
    adopted: Option<Label>,
    /// The settings that do not work because of that.
    lost: &'static [u8],
}

impl Machine {
    /// A service that is down, and wanted up or not.
    pub fn new(want: Want, now: Now, config: &Config) -> Machine {
        let life = match want {
            Want::Up | Want::Once => Life::Waiting(now.clock, StartReason::Requested),
            Want::Down => Life::Down(Rest::AsTold),
        };
        Machine {
            life,
            want,
            leaving: false,
            since: now.label,
            state_since: now.label,
            until: None,
            reason: Reason::None,
            policy: RestartPolicy::new(),
            restarts: RestartLog::none(),
            last_end: None,
            config: *config,
            identity: None,
            adopted: None,
            lost: b"",
        }
    }

    /// A service that runs already, or whose `finish` does, which a supervise before this one started.
    pub fn adopt(now: Now, config: &Config, left: &LeftBehind) -> Machine {
        let mut config = *config;
        let lost = config.give_up_channels(left.ready_since.is_some());
        let mut machine = Machine::new(left.want, now, &config);
        machine.last_end = left.last_end;
        machine.restarts = left.restarts;
        machine.since = left.since;
        machine.state_since = left.since;
        machine.identity = Some(left.identity);
        machine.policy.take_over(left.delay, &left.counted_ends);
        match left.role {
            Role::Service => {
                let running = Running::adopted(now, &config, left);
                machine.policy.note_start(running.started);
                machine.life = Life::Running(running);
                (machine.adopted, machine.lost) = (Some(now.label), lost);
            }
            Role::Hook => machine.goes_on_finishing(now, left),
        }
        machine
    }

    /// Takes an event; says what to do about it, in order. `config` are the settings as they are now.
    pub fn step(&mut self, now: Now, config: &Config, event: Event) -> Actions {
        let (state, before) = (self.state(), self.visible());
        let actions = self.advance(now, config, event);
        if self.state() != state {
            self.state_since = now.label;
        }
        let until = self.state_deadline();
        if until != self.until.map(|(clock, _)| clock) {
            self.until = until.map(|until| (until, now.label + until.since(now.clock)));
        }
        if self.visible() == before {
            return actions;
        }
        // The record of a process is there before the process may run.
        Actions::of([Action::PublishDetails]).then(actions)
    }

    fn advance(&mut self, now: Now, config: &Config, event: Event) -> Actions {
        match event {
            Event::Command(command) => self.obey(now, config, command),
            Event::Tick => self.tick(now, config),
            Event::Started(pid, identity) => self.started(now, config, pid, identity),
            Event::StartFailed => {
                self.policy.note_start(now.clock);
                self.life = Life::Waiting(now.clock + FORK_AGAIN_AFTER, self.start_reason());
                self.reason = Reason::ForkFailed;
                Actions::NONE
            }
            Event::Exited(exited) => self.exited(now, config, exited),
            Event::Ready => self.with_running(|running, config| running.is_ready(now, config)),
            Event::Alive => self.with_running(|running, config| running.is_alive(now, config)),
            Event::Leaving => self.with_running(|running, _| running.announces_its_end()),
            Event::HookStarted(pid) => self.hook_started(now, pid),
            Event::HookFailed => self.hook_failed(now),
            Event::HookEnded(pid, end) => self.hook_ended(now, config, pid, end),
            Event::Rest(left) => self.rest(now, left),
        }
    }

    fn tick(&mut self, now: Now, config: &Config) -> Actions {
        match &mut self.life {
            Life::Waiting(due, _) if *due <= now.clock => Actions::of([Action::Start]),
            Life::Down(_) | Life::Waiting(..) => Actions::NONE,
            Life::Running(running) => {
                let ticked = running.tick(now, config, &self.config);
                self.reason = running.reason();
                ticked
            }
            Life::Clearing(_) => self.tick_clearing(now),
            Life::Finishing(finishing) => finishing.tick(now),
        }
    }

    fn started(&mut self, now: Now, config: &Config, pid: Pid, identity: Option<Identity>) -> Actions {
        // After the fork, so that two of them are a second apart.
        self.policy.note_start(now.clock);
        self.restarts.note(now.label, self.start_reason());
        self.life = Life::Running(Running::new(now, config, pid));
        self.config = *config;
        (self.identity, self.adopted, self.lost) = (identity, None, b"");
        self.since = now.label;
        self.reason = Reason::None;
        Actions::of([Action::Release, Action::PublishStatus])
    }

    /// Lets a process decide about an event, if there is one, by the settings of its start.
    fn with_running(&mut self, decide: impl FnOnce(&mut Running, &Config) -> Actions) -> Actions {
        let Life::Running(running) = &mut self.life else { return Actions::NONE };
        let actions = decide(running, &self.config);
        self.reason = running.reason();
        actions
    }

    fn hook_started(&mut self, now: Now, pid: Pid) -> Actions {
        match &mut self.life {
            Life::Running(running) => running.hook_started(now, &self.config, pid),
            Life::Finishing(finishing) => {
                finishing.started(pid);
                return Actions::of([Action::PublishDetails, Action::Release]);
            }
            Life::Down(_) | Life::Waiting(..) | Life::Clearing(_) => {}
        }
        Actions::NONE
    }

    /// What tells the process of `finish`, of which `HookStarted` comes next, from a later one of its number.
    pub fn identify_finish(&mut self, identity: Option<Identity>) {
        self.identity = identity;
    }

    fn hook_failed(&mut self, now: Now) -> Actions {
        match &mut self.life {
            Life::Running(running) => running.hook_failed(now, &self.config),
            Life::Finishing(finishing) => {
                let ended = finishing.ended;
                self.settle(now, &ended)
            }
            Life::Down(_) | Life::Waiting(..) | Life::Clearing(_) => Actions::NONE,
        }
    }

    fn hook_ended(&mut self, now: Now, config: &Config, pid: Pid, end: End) -> Actions {
        match &mut self.life {
            Life::Running(running) => {
                let actions = running.hook_ended(now, config, &self.config, pid, end);
                self.reason = running.reason();
                actions
            }
            Life::Clearing(clearing) if clearing.stop == Some(pid) => {
                clearing.stop = None;
                self.cleared(now)
            }
            Life::Finishing(finishing) if finishing.pid == Some(pid) => {
                let ended = finishing.ended;
                self.finished(now, &ended, end)
            }
            Life::Down(_) | Life::Waiting(..) | Life::Clearing(_) | Life::Finishing(_) => Actions::NONE,
        }
    }

    /// Whether supervise starts the service by itself, after an end.
    pub fn start_is_automatic(&self) -> bool {
        self.start_reason() == StartReason::Exited
    }

    /// Why the service is being started.
    fn start_reason(&self) -> StartReason {
        match self.life {
            Life::Waiting(_, reason) => reason,
            Life::Down(_) | Life::Running(_) | Life::Clearing(_) | Life::Finishing(_) => StartReason::Requested,
        }
    }
}
