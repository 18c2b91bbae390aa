//! The program `check`: when it runs, and what its ends say.

use std::time::Duration;

use daemontools_core::end::End;
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use crate::actions::{Action, Actions, Hook};
use crate::config::Config;
use crate::machine::Now;

/// Where it stands with the checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    step: Step,
    /// How many failed in a row since the service was ready.
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// There are no more.
    Off,
    /// The next is at this instant.
    Due(Instant),
    /// One has been asked for.
    Starting,
    /// One runs; when it is killed.
    Running(Pid, Option<Instant>),
}

/// What the end of a check means.
pub(super) enum Checked {
    Nothing,
    Passed,
    /// So many in a row, after the service was ready.
    FailedTooOften(u32),
}

impl Check {
    pub(super) fn new(now: Now, wanted: bool) -> Check {
        Check { step: if wanted { Step::Due(now.clock) } else { Step::Off }, failures: 0 }
    }

    /// When the next one is, and how many failed, for a state.
    pub(super) fn carry(&self) -> Result<(Option<Duration>, u32), &'static str> {
        match self.step {
            Step::Off => Ok((None, self.failures)),
            Step::Due(at) => Ok((Some(at.0), self.failures)),
            Step::Starting | Step::Running(..) => Err("check is running"),
        }
    }

    pub(super) fn resume(next_at: Option<Instant>, failures: u32) -> Check {
        Check { step: next_at.map_or(Step::Off, Step::Due), failures }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.step {
            Step::Due(at) => Some(at),
            Step::Running(_, kill_at) => kill_at,
            Step::Off | Step::Starting => None,
        }
    }

    pub(super) fn pid(&self) -> Option<Pid> {
        match self.step {
            Step::Running(pid, _) => Some(pid),
            Step::Off | Step::Due(_) | Step::Starting => None,
        }
    }

    pub(super) fn tick(&mut self, now: Now) -> Actions {
        match self.step {
            Step::Due(at) if at <= now.clock => {
                self.step = Step::Starting;
                Actions::of([Action::Run(Hook::Check)])
            }
            Step::Running(pid, Some(kill_at)) if kill_at <= now.clock => {
                self.step = Step::Running(pid, None);
                Actions::of([Action::KillHook(pid)])
            }
            Step::Off | Step::Due(_) | Step::Starting | Step::Running(..) => Actions::NONE,
        }
    }

    pub(super) fn started(&mut self, now: Now, config: &Config, pid: Pid) {
        self.step = Step::Running(pid, Some(now.clock + config.values.check_timeout));
    }

    pub(super) fn failed_to_start(&mut self, now: Now, config: &Config) {
        self.step = Step::Due(now.clock + config.values.check_interval);
    }

    /// A check has ended, while the service was ready or not.
    pub(super) fn ended(&mut self, now: Now, config: &Config, end: End, ready: bool) -> Checked {
        let settings = &config.values;
        let passed = end == End::Code(0);
        let more = settings.check_always || !passed;
        self.step = if more { Step::Due(now.clock + settings.check_interval) } else { Step::Off };
        match (passed, ready) {
            (true, _) => {
                self.failures = 0;
                Checked::Passed
            }
            (false, false) => Checked::Nothing,
            (false, true) => {
                self.failures += 1;
                if self.failures < settings.check_limit {
                    return Checked::Nothing;
                }
                Checked::FailedTooOften(std::mem::take(&mut self.failures))
            }
        }
    }
}
