//! The machine as a state that another program file goes on with, and back. What a program of the settings is in the middle
//! of is not carried: those end soon, and svupgrade asks again.

use daemontools_core::identity::Identity;
use daemontools_core::resume::{self, SuperviseState};
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use super::{Life, Machine, Now, Rest, Running};
use crate::config::Config;
use crate::reason::Reason;
use crate::restart_policy::RestartPolicy;

impl Machine {
    /// Puts what there is to know into a state; or why that cannot be done now.
    pub fn carry(&self, state: &mut SuperviseState) -> Result<(), &'static str> {
        state.life = match &self.life {
            Life::Down(rest) => resume::Life::Down(match rest {
                Rest::AsTold => resume::Rest::AsTold,
                Rest::Failed => resume::Rest::Failed,
                Rest::Done => resume::Rest::Done,
            }),
            Life::Waiting(due, reason) => resume::Life::Waiting(due.0, *reason),
            Life::Running(running) => resume::Life::Running(running.carry()?),
            Life::Clearing(_) => return Err("the rest of the service is being ended"),
            Life::Finishing(_) => return Err("finish is running"),
        };
        (state.want, state.leaving) = (self.want, self.leaving);
        (state.since, state.state_since) = (self.since, Some(self.state_since));
        state.until = self.until.map(|(_, label)| label);
        state.reason = self.reason.to_state();
        self.policy.carry(state);
        (state.restarts, state.last_end) = (self.restarts, self.last_end);
        (state.adopted, state.lost) = (self.adopted, self.lost.to_vec());
        (state.group, state.watchdog) = (self.config.values.group, self.config.values.watchdog);
        Ok(())
    }

    /// The machine that goes on with a state. `config` are the settings as they are now: those that only a start can
    /// change are as they were at the start.
    pub fn resume(now: Now, config: &Config, state: &SuperviseState, identity: Option<Identity>) -> Machine {
        let mut config = *config;
        (config.values.group, config.values.watchdog) = (state.group, state.watchdog);
        config.values.notify_socket = state.notify_socket.is_some();
        let life = match &state.life {
            resume::Life::Down(rest) => Life::Down(match rest {
                resume::Rest::AsTold => Rest::AsTold,
                resume::Rest::Failed => Rest::Failed,
                resume::Rest::Done => Rest::Done,
            }),
            resume::Life::Waiting(due, reason) => Life::Waiting(Instant(*due), *reason),
            resume::Life::Running(running) => Life::Running(Running::resume(now, running, state)),
        };
        let mut machine = Machine {
            life,
            want: state.want,
            leaving: state.leaving,
            since: state.since,
            state_since: state.state_since.unwrap_or(state.since),
            until: None,
            reason: Reason::from_state(&state.reason),
            policy: RestartPolicy::resume(state),
            restarts: state.restarts,
            last_end: state.last_end,
            config,
            identity,
            adopted: state.adopted,
            lost: Config::lost(&state.lost),
        };
        if let (Life::Running(running), None) = (&machine.life, state.last_start) {
            machine.policy.note_start(running.started);
        }
        let until = |at: Instant| (at, state.until.unwrap_or(now.label + at.since(now.clock)));
        machine.until = machine.state_deadline().map(until);
        machine
    }
}

/// The process of a state.
pub(super) fn pid(number: u32) -> Pid {
    // The state has no number that does not fit.
    Pid::from_raw(i32::try_from(number).unwrap_or(i32::MAX))
}
