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
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, stat};

use crate::service_dir::{DOWN, StatusTrouble, read_status, supervised};
use daemontools_core::label::Label;
use daemontools_core::restarts::{self, RestartLog, Restarts};
use daemontools_core::status::{Status, Want};
use daemontools_program::errno::reason;
use daemontools_program::stdio;
use daemontools_sys::fd::open_private;

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
    Unknown(Trouble),
}

/// Why something cannot be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What was being done, to be put after `unable to `.
    pub what: &'static str,
    /// The reason; `None`: the file is too short.
    pub errno: Option<Errno>,
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

impl Trouble {
    /// The sentence about it.
    pub fn sentence(&self) -> String {
        format!("unable to {}: {}", self.what, self.errno.map_or("bad format", reason))
    }
}

impl ServiceReport {
    /// Looks at the service whose directory is the current one.
    pub fn look(now: Label) -> ServiceReport {
        let (normally, trouble) = match stat(DOWN) {
            Ok(_) => (Normally::Down, None),
            Err(Errno::ENOENT) => (Normally::Up, None),
            Err(errno) => (Normally::Up, Some(errno)),
        };
        match (trouble, supervised()) {
            (Some(errno), _) => ServiceReport::unknown("stat down", Some(errno)),
            // A directory that no supervise has seen yet.
            (None, Ok(false) | Err(Errno::ENOENT)) => {
                ServiceReport { condition: Condition::Unsupervised, normally, again: None, starts: None }
            }
            (None, Err(errno)) => ServiceReport::unknown("open supervise/ok", Some(errno)),
            (None, Ok(true)) => match read_status() {
                Ok(Some(status)) => {
                    let starts = read_starts().filter(|starts| starts.belongs_to(&status));
                    ServiceReport { condition: Condition::Supervised(status), normally, again: None, starts }
                        .seen_at(now)
                }
                Ok(None) => ServiceReport::unknown("read supervise/status", None),
                Err(StatusTrouble::Open(errno)) => ServiceReport::unknown("open supervise/status", Some(errno)),
                Err(StatusTrouble::Read(errno)) => ServiceReport::unknown("read supervise/status", Some(errno)),
            },
        }
    }

    /// A service about which nothing can be found out.
    pub fn unknown(what: &'static str, errno: Option<Errno>) -> ServiceReport {
        let condition = Condition::Unknown(Trouble { what, errno });
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

/// What the current directory's file about starts says, if there is one.
fn read_starts() -> Option<RestartLog> {
    let file = open_private(restarts::PATH, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()).ok()?;
    let mut bytes = [0; RestartLog::SIZE];
    let read = stdio::read(&file, &mut bytes).ok()?;
    RestartLog::from_bytes(bytes.get(..read)?)
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
            (ServiceReport::unknown("open supervise/ok", Some(Errno::EACCES)), "unknown", false),
        ] {
            assert_eq!((service.state().word(), service.is_as_wanted()), (word, as_wanted), "{service:?}");
        }
    }

    #[test]
    fn trouble_is_a_sentence_of_0_76() {
        let trouble = Trouble { what: "open supervise/ok", errno: Some(Errno::EACCES) };
        assert_eq!(trouble.sentence(), "unable to open supervise/ok: access denied");
        let short = Trouble { what: "read supervise/status", errno: None };
        assert_eq!(short.sentence(), "unable to read supervise/status: bad format");
    }

    #[test]
    fn the_future_is_now() {
        assert_eq!(service(7, false, Want::Up, None).seconds(Label::from_unix(99, 0)), Some(0));
        assert_eq!(service(7, false, Want::Up, None).seconds(Label::from_unix(142, 0)), Some(42));
    }
}
