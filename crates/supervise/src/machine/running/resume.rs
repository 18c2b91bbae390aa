//! A running service in the state that another program file goes on with.

use daemontools_core::resume::{self, SuperviseState};
use daemontools_program::clock::Instant;

use super::{Check, Readiness, Running, Stop};
use crate::machine::{Now, carry};
use crate::reason::Reason;

impl Running {
    /// The process for a state; or why it cannot be carried now.
    pub(in crate::machine) fn carry(&self) -> Result<resume::Running, &'static str> {
        let (check_at, check_failures) = self.check.carry()?;
        Ok(resume::Running {
            started: Some(self.started.0),
            paused: self.paused,
            tells_ready: self.readiness != Readiness::Untold,
            ready_since: self.ready_since(),
            ready_by: self.ready_by.map(|at| at.0),
            alive_by: self.alive_by.map(|at| at.0),
            check_at,
            check_failures,
            stop: self.stop.as_ref().map(Stop::carry).transpose()?,
            asked: self.asked,
            got_term: self.got_term,
            ending: self.leaving,
            ..resume::Running::new(u32::try_from(self.pid.as_raw()).unwrap_or(0))
        })
    }

    /// The process of a state.
    pub(in crate::machine) fn resume(now: Now, running: &resume::Running, state: &SuperviseState) -> Running {
        let readiness = match running.ready_since {
            Some(since) => Readiness::Ready(since),
            None if running.tells_ready => Readiness::NotReady,
            None => Readiness::Untold,
        };
        Running {
            pid: carry::pid(running.pid),
            paused: running.paused,
            started: running.started.map_or_else(|| now.clock.before(now.label.since(state.since)), Instant),
            readiness,
            ready_by: running.ready_by.map(Instant),
            alive_by: running.alive_by.map(Instant),
            check: Check::resume(running.check_at.map(Instant), running.check_failures),
            stop: running.stop.as_ref().map(Stop::resume),
            asked: running.asked,
            got_term: running.got_term,
            leaving: running.ending,
            reason: Reason::from_state(&state.reason),
        }
    }
}
