//! A service as its directory shows it, in one look, and one word for how it is.
//!
//! | word | what it means |
//! |---|---|
//! | `up` | it has a process |
//! | `down` | it has none, and none is wanted |
//! | `paused` | its process was stopped by `svc -p` |
//! | `failing` | it ends again and again: it is wanted up but has no process now, or it was started again three times or more in the last minute |
//! | `unsupervised` | no supervise runs |
//! | `unknown` | we cannot tell, for a reason |

use nix::errno::Errno;

use crate::service_dir::ServiceDir;
use crate::status_error::StatusError;
use daemontools_core::label::Label;
use daemontools_core::restarts::{RestartLog, Restarts};
use daemontools_core::status::{Status, Want};

/// How often in a minute a service may be started again before it is called failing.
const OFTEN: u32 = 3;

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceReport {
    /// Whether it is supervised, and what its status says.
    pub condition: Condition,
    /// What it does when its supervise starts.
    pub normally: Normally,
    /// How often it was started again; `None` where its supervise does not tell.
    pub again: Option<Restarts>,
    /// What `again` was counted from.
    pub starts: Option<RestartLog>,
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
    /// Its process was stopped.
    Paused,
    /// It ends again and again.
    Failing,
    /// No supervise runs.
    Unsupervised,
    /// We cannot tell.
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [State; 6] =
        [State::Up, State::Down, State::Paused, State::Failing, State::Unsupervised, State::Unknown];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            State::Up => "up",
            State::Down => "down",
            State::Paused => "paused",
            State::Failing => "failing",
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
        let unsupervised = ServiceReport { condition: Condition::Unsupervised, normally, again: None, starts: None };
        match dir.supervised() {
            Ok(true) => {}
            Ok(false) => return Ok(unsupervised),
            // A directory that no supervise has seen yet.
            Err(error) if error.errno() == Some(Errno::ENOENT) => return Ok(unsupervised),
            Err(error) => return Err(error),
        }
        let status = dir.status()?;
        let starts = dir.restarts().filter(|starts| starts.belongs_to(&status));
        Ok(ServiceReport { condition: Condition::Supervised(status), starts, ..unsupervised }.seen_at(now))
    }

    /// A service about which nothing can be found out.
    pub fn unknown(error: StatusError) -> ServiceReport {
        let condition = Condition::Unknown(error);
        ServiceReport { condition, normally: Normally::Up, again: None, starts: None }
    }

    /// The same at another moment, if nothing else has changed: what happened in the last minute is less then.
    pub fn seen_at(self, now: Label) -> ServiceReport {
        ServiceReport { again: self.starts.map(|starts| starts.again(now)), ..self }
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
        let often = self.again.is_some_and(|again| again.minute >= OFTEN);
        match (status.pid, status.want) {
            (Some(_), _) if status.paused => State::Paused,
            (Some(_), _) if often => State::Failing,
            (Some(_), _) => State::Up,
            (None, Want::Up) => State::Failing,
            (None, Want::Down | Want::Once) => State::Down,
        }
    }

    /// Whether it is as its supervise was told to have it.
    pub fn is_as_wanted(&self) -> bool {
        match self.state() {
            State::Up => self.status().is_some_and(|status| status.want != Want::Down),
            State::Down => true,
            State::Paused | State::Failing | State::Unsupervised | State::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn service(pid: u32, paused: bool, want: Want, minute: Option<u32>) -> ServiceReport {
        let status = Status { since: Label::from_unix(100, 0), pid: NonZeroU32::new(pid), paused, want };
        let again = minute.map(|minute| Restarts { minute, hour: minute, total: minute });
        ServiceReport { condition: Condition::Supervised(status), normally: Normally::Up, again, starts: None }
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
            (
                ServiceReport {
                    condition: Condition::Unsupervised,
                    normally: Normally::Down,
                    again: None,
                    starts: None,
                },
                "unsupervised",
                false,
            ),
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
