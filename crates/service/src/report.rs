//! A service as its directory shows it, in one look, and one word for how it is.
//!
//! | word | what it means |
//! |---|---|
//! | `up` | it has a process |
//! | `down` | it has none, and none is wanted |
//! | `done` | it has ended for good, as a setting says |
//! | `blocked` | it is a logger that does not read, or it waits for one (`blocked`) |
//! | `paused` | its process was stopped by `svc -p` |
//! | `failing` | it ends again and again: it is wanted up but has no process now, or it was started again three times or more in the last minute |
//! | `failed` | it ended too often, as a setting says, and was given up |
//! | `unsupervised` | no supervise runs |
//! | `unknown` | we cannot tell, for a reason |

use nix::errno::Errno;

use crate::blocked::Blocked;
use crate::details::{Extras, ServiceDetails};
use crate::service_dir::ServiceDir;
use crate::status_error::StatusError;
use daemontools_core::label::Label;
use daemontools_core::restarts::{RestartLog, Restarts};
use daemontools_core::status::{Status, Want};
use daemontools_program::printable::printable;

/// How often in a minute a service may be started again before it is called failing.
const OFTEN: u32 = 3;

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReport {
    /// Whether it is supervised, and what its status says.
    pub condition: Condition,
    /// What it does when its supervise starts.
    pub normally: Normally,
    /// How often it was started again; `None` where its supervise does not tell.
    pub restarts: Option<Restarts>,
    /// What `restarts` was counted from.
    pub restart_log: Option<RestartLog>,
    /// What else its supervise tells, if it is ours.
    pub details: Option<ServiceDetails>,
    /// Whether it is a logger that does not read, or waits for one; found out by a look at both, not here.
    pub blocked: Option<Blocked>,
}

/// Whether a service is supervised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is, and this is its status.
    Supervised(Status),
    /// It is not.
    Unsupervised,
    /// That cannot be found out.
    Unknown(StatusError),
}

/// What a service does when its supervise starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normally {
    /// There is no file `down`.
    Up,
    /// There is one.
    Down,
}

/// The one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has a process.
    Up,
    /// It has none, and none is wanted.
    Down,
    /// It has ended for good.
    Done,
    /// It does not read its pipe, or waits for a logger that does not.
    Blocked,
    /// Its process was stopped.
    Paused,
    /// It ends again and again.
    Failing,
    /// It was given up.
    Failed,
    /// No supervise runs.
    Unsupervised,
    /// We cannot tell.
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [State; 9] = [
        State::Up,
        State::Down,
        State::Done,
        State::Paused,
        State::Failing,
        State::Failed,
        State::Unsupervised,
        State::Unknown,
        State::Blocked,
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            State::Up => "up",
            State::Down => "down",
            State::Done => "done",
            State::Blocked => "blocked",
            State::Paused => "paused",
            State::Failing => "failing",
            State::Failed => "failed",
            State::Unsupervised => "unsupervised",
            State::Unknown => "unknown",
        }
    }
}

impl ServiceReport {
    /// Looks at the service in `dir`.
    pub fn look(dir: &ServiceDir, now: Label) -> ServiceReport {
        ServiceReport::try_look(dir, now).unwrap_or_else(ServiceReport::unknown)
    }

    fn try_look(dir: &ServiceDir, now: Label) -> Result<ServiceReport, StatusError> {
        let normally = dir.normally()?;
        let unsupervised = ServiceReport::new(Condition::Unsupervised, normally);
        match dir.supervised() {
            Ok(true) => {}
            Ok(false) => return Ok(unsupervised),
            // A directory that no supervise has seen yet.
            Err(error) if error.errno() == Some(Errno::ENOENT) => return Ok(unsupervised),
            Err(error) => return Err(error),
        }
        let status = dir.status()?;
        let extras = dir.extras(&status);
        Ok(ServiceReport::supervised(status, normally, extras, now))
    }

    /// A service that is supervised.
    pub(crate) fn supervised(status: Status, normally: Normally, extras: Option<Extras>, now: Label) -> ServiceReport {
        let (restart_log, details) = extras.map_or((None, None), |(log, details)| (Some(log), details));
        let restarts = restart_log.as_ref().map(|log| log.again(now));
        ServiceReport {
            condition: Condition::Supervised(status),
            normally,
            restarts,
            restart_log,
            details,
            blocked: None,
        }
    }

    /// A service of which no more is known than this.
    pub fn new(condition: Condition, normally: Normally) -> ServiceReport {
        ServiceReport { condition, normally, restarts: None, restart_log: None, details: None, blocked: None }
    }

    /// A service about which nothing can be found out.
    pub fn unknown(error: StatusError) -> ServiceReport {
        ServiceReport::new(Condition::Unknown(error), Normally::Up)
    }

    /// The same at another moment, if nothing else has changed: what happened in the last minute is less then.
    pub fn seen_at(self, now: Label) -> ServiceReport {
        ServiceReport { restarts: self.restart_log.map(|log| log.again(now)), ..self }
    }

    /// Its status, while it is supervised.
    pub fn status(&self) -> Option<&Status> {
        match &self.condition {
            Condition::Supervised(status) => Some(status),
            Condition::Unsupervised | Condition::Unknown(_) => None,
        }
    }

    /// For how many seconds it has been so; a moment in the future is now.
    pub fn seconds(&self, now: Label) -> Option<u64> {
        self.status().map(|status| now.seconds().saturating_sub(status.since.seconds()))
    }

    /// The one word for how it is.
    pub fn state(&self) -> State {
        let status = match &self.condition {
            Condition::Supervised(status) => status,
            Condition::Unsupervised => return State::Unsupervised,
            Condition::Unknown(_) => return State::Unknown,
        };
        let often = self.restarts.is_some_and(|restarts| restarts.minute >= OFTEN);
        match (status.pid, status.want) {
            (Some(_), _) if status.paused => State::Paused,
            (Some(_), _) if often => State::Failing,
            (Some(_), _) if self.blocked.is_some() => State::Blocked,
            (Some(_), _) => State::Up,
            (None, Want::Up) => State::Failing,
            (None, Want::Down | Want::Once) => match &self.details {
                Some(details) if details.has_failed() => State::Failed,
                Some(details) if details.is_done() => State::Done,
                Some(_) | None => State::Down,
            },
        }
    }

    /// Whether it is ready; `None` where it does not say.
    pub fn is_ready(&self) -> Option<bool> {
        self.details.as_ref().and_then(ServiceDetails::is_ready)
    }

    /// Why it is not as wanted, in a few words, as far as its supervise tells: `exit 7`, `6 ends in 60 s, last SEGV`.
    pub fn cause(&self) -> Option<String> {
        let details = self.details.as_ref()?;
        let last = || details.last_end.map(|run| if run.oom { "out of memory".into() } else { run.end.words() });
        match self.state() {
            State::Failed if !details.reason.is_empty() => Some(printable(&details.reason)),
            State::Failed | State::Failing => last(),
            State::Up | State::Down | State::Done => None,
            State::Blocked | State::Paused | State::Unsupervised | State::Unknown => None,
        }
    }

    /// Whether it is as its supervise was told to have it.
    pub fn is_as_wanted(&self) -> bool {
        match self.state() {
            State::Up => self.status().is_some_and(|status| status.want != Want::Down),
            State::Down | State::Done => true,
            State::Blocked | State::Paused | State::Failing | State::Failed => false,
            State::Unsupervised | State::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use daemontools_core::details::{self, Details};
    use daemontools_core::end::End;
    use daemontools_core::run_record::RunRecord;

    fn service(pid: u32, paused: bool, want: Want, minute: Option<u32>) -> ServiceReport {
        let status = Status { since: Label::from_unix(100, 0), pid: NonZeroU32::new(pid), paused, want };
        let restarts = minute.map(|minute| Restarts { minute, hour: minute, total: minute });
        ServiceReport { restarts, ..ServiceReport::new(Condition::Supervised(status), Normally::Up) }
    }

    fn detailed(pid: u32, want: Want, state: details::State, end: Option<End>, reason: &[u8]) -> ServiceReport {
        let mut details = Details::new(state, Label::from_unix(100, 0));
        details.last_end = end.map(|end| RunRecord::new(Label::from_unix(90, 0), end));
        details.reason = reason;
        ServiceReport { details: Some(ServiceDetails::new(&details)), ..service(pid, false, want, Some(0)) }
    }

    #[test]
    fn details_say_more() {
        use details::State::{Done, Down, Failed, Ready, Starting, Up, Waiting};
        let end = Some(End::Code(7));
        for (service, word, cause, as_wanted) in [
            (detailed(7, Want::Up, Up, end, b""), "up", None, true),
            (detailed(7, Want::Up, Starting, end, b""), "up", None, true),
            (detailed(7, Want::Up, Ready, None, b""), "up", None, true),
            (detailed(7, Want::Down, Ready, None, b""), "up", None, false),
            (detailed(0, Want::Up, Waiting, end, b""), "failing", Some("exit 7"), false),
            (detailed(0, Want::Up, Waiting, None, b""), "failing", None, false),
            (detailed(0, Want::Down, Failed, end, b"6 ends in 60 s\x1b"), "failed", Some("6 ends in 60 s\\x1b"), false),
            (detailed(0, Want::Down, Failed, end, b""), "failed", Some("exit 7"), false),
            (detailed(0, Want::Down, Done, end, b""), "done", None, true),
            (detailed(0, Want::Down, Down, end, b""), "down", None, true),
        ] {
            assert_eq!((service.state().word(), service.is_as_wanted()), (word, as_wanted), "{service:?}");
            assert_eq!(service.cause().as_deref(), cause, "{service:?}");
        }
    }

    #[test]
    fn one_word_for_each() {
        for (service, word, as_wanted) in [
            (service(7, false, Want::Up, None), "up", true),
            (service(7, false, Want::Up, Some(2)), "up", true),
            (service(7, false, Want::Once, Some(0)), "up", true),
            (service(7, false, Want::Down, Some(0)), "up", false),
            (service(7, false, Want::Up, Some(3)), "failing", false),
            (service(7, true, Want::Up, Some(3)), "paused", false),
            (service(0, false, Want::Up, None), "failing", false),
            (service(0, false, Want::Down, Some(30)), "down", true),
            (service(0, false, Want::Once, None), "down", true),
            (ServiceReport::new(Condition::Unsupervised, Normally::Down), "unsupervised", false),
            (ServiceReport::unknown(StatusError::chdir(Errno::EACCES)), "unknown", false),
        ] {
            assert_eq!((service.state().word(), service.is_as_wanted()), (word, as_wanted), "{service:?}");
        }
    }

    #[test]
    fn the_future_is_now() {
        assert_eq!(service(7, false, Want::Up, None).seconds(Label::from_unix(99, 0)), Some(0));
        assert_eq!(service(7, false, Want::Up, None).seconds(Label::from_unix(142, 0)), Some(42));
    }
}
