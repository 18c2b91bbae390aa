//! What others may see of the machine: its deadline, its processes, and what the status and the details say.

use std::num::NonZeroU32;

use daemontools_core::details::{Details, State};
use daemontools_core::label::Label;
use daemontools_core::run_record::RunRecord;
use daemontools_core::status::{Status, Want};
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use super::{Life, Machine, Rest};
use crate::config::Config;
use crate::reason::Reason;

/// What a process is to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The service.
    Service,
    /// A program of the settings.
    Hook,
}

impl Machine {
    /// When to come back with a `Tick`.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.life {
            Life::Down(_) => None,
            Life::Waiting(due, _) => Some(*due),
            Life::Running(running) => running.deadline(),
            Life::Clearing(clearing) => Some(clearing.deadline()),
            Life::Finishing(finishing) => finishing.deadline(),
        }
    }

    /// The service's process, while there is one.
    pub fn pid(&self) -> Option<Pid> {
        match &self.life {
            Life::Running(running) => Some(running.pid),
            Life::Down(_) | Life::Waiting(..) | Life::Clearing(_) | Life::Finishing(_) => None,
        }
    }

    /// What this process is to the machine; `None`: nothing that it waits for.
    pub fn role_of(&self, pid: Pid) -> Option<Role> {
        match &self.life {
            Life::Running(running) if running.pid == pid => Some(Role::Service),
            Life::Running(running) if running.has_hook(pid) => Some(Role::Hook),
            Life::Clearing(clearing) if clearing.stop == Some(pid) => Some(Role::Hook),
            Life::Finishing(finishing) if finishing.pid == Some(pid) => Some(Role::Hook),
            Life::Down(_) | Life::Waiting(..) | Life::Running(_) | Life::Clearing(_) | Life::Finishing(_) => None,
        }
    }

    /// The last run that is over.
    pub fn last_end(&self) -> Option<&RunRecord> {
        self.last_end.as_ref()
    }

    /// The settings of the last start.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the status file is to say.
    pub fn status(&self) -> Status {
        let paused = matches!(&self.life, Life::Running(running) if running.paused);
        Status { since: self.since, pid: self.pid().and_then(number), paused, want: self.want }
    }

    /// What the status file is to say in runit's form: 20 bytes.
    pub fn runit_status(&self) -> [u8; Status::SIZE + 2] {
        let (pid, term, state) = match &self.life {
            Life::Running(running) => (Some(running.pid), running.got_term(), 1),
            Life::Finishing(finishing) => (finishing.pid, false, 2),
            Life::Down(_) | Life::Waiting(..) | Life::Clearing(_) => (None, false, 0),
        };
        let status = Status { pid: pid.and_then(number), ..self.status() }.to_bytes();
        let mut bytes = [0; Status::SIZE + 2];
        for (to, from) in bytes.iter_mut().zip(status.into_iter().chain([u8::from(term), state])) {
            *to = from;
        }
        bytes
    }

    /// What the details are to say, but for the texts.
    pub fn details(&self) -> Details<'_> {
        let (state, pid, ready_since, until, _) = self.visible();
        let finish = match &self.life {
            Life::Finishing(finishing) => finishing.pid,
            Life::Down(_) | Life::Waiting(..) | Life::Running(_) | Life::Clearing(_) => None,
        };
        Details {
            pid: pid.and_then(number).map(NonZeroU32::get),
            finish: finish.and_then(number).map(NonZeroU32::get),
            until,
            identity: pid.or(finish).and(self.identity),
            ready_since,
            adopted: pid.and(self.adopted),
            lost: if pid.is_some() { self.lost } else { b"" },
            last_end: self.last_end,
            restarts: self.restarts,
            delay: self.policy.delay(),
            counted_ends: self.policy.counted_ends(),
            ..Details::new(state, self.state_since)
        }
    }

    /// What of the details may have changed: what follows from nothing else.
    pub(super) fn visible(&self) -> (State, Option<Pid>, Option<Label>, Option<Label>, Reason) {
        let ready_since = match &self.life {
            Life::Running(running) => running.ready_since(),
            Life::Down(_) | Life::Waiting(..) | Life::Clearing(_) | Life::Finishing(_) => None,
        };
        (self.state(), self.pid(), ready_since, self.until.map(|(_, label)| label), self.reason)
    }

    /// Why it is in its state.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    pub(super) fn state(&self) -> State {
        match &self.life {
            Life::Down(Rest::AsTold) => State::Down,
            Life::Down(Rest::Failed) => State::Failed,
            Life::Down(Rest::Done) => State::Done,
            Life::Waiting(..) => State::Waiting,
            Life::Running(_) if self.want == Want::Down => State::Stopping,
            Life::Running(running) => running.state(),
            Life::Clearing(_) => State::Stopping,
            Life::Finishing(_) => State::Finishing,
        }
    }

    /// When the state ends by itself.
    pub(super) fn state_deadline(&self) -> Option<Instant> {
        match &self.life {
            Life::Down(_) => None,
            Life::Waiting(due, _) => Some(*due),
            Life::Running(running) => running.state_deadline(),
            Life::Clearing(clearing) => Some(clearing.kill_at),
            Life::Finishing(finishing) => finishing.deadline(),
        }
    }
}

fn number(pid: Pid) -> Option<NonZeroU32> {
    u32::try_from(pid.as_raw()).ok().and_then(NonZeroU32::new)
}
