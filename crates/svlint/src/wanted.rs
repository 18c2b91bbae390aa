//! What is not as wanted right now, as svps sees it: what to say of each part of a service. Pure.

use daemontools_core::label::Label;
use daemontools_core::status::Want;
use daemontools_observe::span;
use daemontools_observe::tree::Entry;
use daemontools_program::printable::printable;
use daemontools_service::blocked::Blocked;
use daemontools_service::part::Part;
use daemontools_service::report::{Condition, ServiceReport, State};

use crate::code::Code;

/// What is to be said of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub part: Part,
    pub code: Code,
    pub what: String,
    pub fix: String,
}

/// What else is known of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whether the tree that it belongs to has supervises: then it should have one.
    pub in_live_tree: bool,
    /// Whether a supervise has been in the service's directory, and in its logger's.
    pub seen: [bool; 2],
}

/// What is to be said of a service that is not as wanted, and of its logger: the cause, where one is that of the other. A
/// part that is failing is told of elsewhere, with the lines of its log.
pub fn explain(entry: &Entry, facts: Facts, now: Label, account: &dyn Fn(u32) -> String) -> Vec<Explanation> {
    let log = entry.log.as_deref().filter(|log| !entry.is_log_as_wanted(log));
    let of_log = log.and_then(|log| explain_log(entry, log, facts, now, account));
    // What holds for both is said once, and a service that waits for its logger is explained by that.
    let of_service = explain_part(Part::Service, &entry.service, facts, now);
    let same = of_service.as_ref().zip(of_log.as_ref()).is_some_and(|(one, other)| {
        one.code == other.code && matches!(one.code, Code::Unsupervised | Code::StateUnknown)
    });
    of_service.into_iter().chain(of_log.filter(|_| !same)).collect()
}

fn explain_log(
    entry: &Entry,
    log: &ServiceReport,
    facts: Facts,
    now: Label,
    account: &dyn Fn(u32) -> String,
) -> Option<Explanation> {
    let new = |code, what: String, fix: &str| Some(Explanation { part: Part::Log, code, what, fix: fix.into() });
    let waits = if entry.service.blocked.is_some() { ", and its service waits for it" } else { "" };
    match (log.state(), &log.blocked) {
        (State::Blocked, Some(blocked)) => {
            let what = format!("{}{waits}", blocked_words(blocked, now, account));
            new(Code::LoggerBlocked, what, blocked.cause.remedy())
        }
        (State::Down | State::Done, _) => {
            let waits = if waits.is_empty() { ", and its service will wait when the pipe is full" } else { waits };
            new(Code::LoggerDown, format!("the logger is down{waits}"), "start it: svc -u, on this directory")
        }
        (State::Unsupervised, _) if is_supervised(&entry.service) && !facts.seen[1] => new(
            Code::Unsupervised,
            "no supervise runs here: svscan looks for log only when it first sees a service".into(),
            "take the service out of the tree, svc -dx it, and put it back",
        ),
        _ => explain_part(Part::Log, log, facts, now),
    }
}

fn blocked_words(blocked: &Blocked, now: Label, account: &dyn Fn(u32) -> String) -> String {
    let since = blocked.written.map(|written| {
        let seconds = now.seconds().saturating_sub(written.seconds());
        format!(" nothing has been written for {};", span::words(seconds))
    });
    let does = if blocked.unread > 0 { "does not read its pipe" } else { "cannot write" };
    format!("the logger {does}:{} {}", since.unwrap_or_default(), blocked.cause.clause(account))
}

/// What is said of a service and of a logger alike.
fn explain_part(part: Part, service: &ServiceReport, facts: Facts, now: Label) -> Option<Explanation> {
    let new = |code, what: String, fix: &str| Some(Explanation { part, code, what, fix: fix.into() });
    let ago = || span::words(service.seconds(now).unwrap_or_default());
    match service.state() {
        State::Up if service.status().is_some_and(|status| status.want == Want::Down) => {
            let what = "this was told to go down and is still there";
            new(
                Code::StillThere,
                what.into(),
                "svc -k ends it; with the setting stop-timeout supervise does that by itself",
            )
        }
        State::Paused => new(Code::Paused, format!("its process is stopped, {} old", ago()), "let it go on: svc -c"),
        State::Failed => {
            let reason = service.details.as_ref().map(|details| printable(&details.reason)).unwrap_or_default();
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            new(Code::GivenUp, format!("this was given up{why}"), "find out why in its log; svc -u starts it again")
        }
        State::Unsupervised if facts.in_live_tree => {
            let seen = match part {
                Part::Service => facts.seen[0],
                Part::Log => facts.seen[1],
            };
            match seen {
                true => new(
                    Code::Unsupervised,
                    "its supervise has gone, and svscan does not start it again".into(),
                    "see whether svscan runs and what it says; after svc -x, take the link away and make it again",
                ),
                false => new(
                    Code::Unsupervised,
                    "no supervise has been here yet, though others of this tree have one".into(),
                    "see whether svscan runs and what it says: its supervise may not be able to work here",
                ),
            }
        }
        State::Unknown => {
            let Condition::Unknown(error) = &service.condition else { return None };
            let what = format!("how this is cannot be told: {}", error.sentence());
            new(Code::StateUnknown, what, "look as the user that supervise runs as, or as root")
        }
        State::Up | State::Down | State::Done | State::Blocked | State::Failing | State::Unsupervised => None,
    }
}

fn is_supervised(service: &ServiceReport) -> bool {
    service.status().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use daemontools_core::details::{self, Details};
    use daemontools_core::status::Status;
    use daemontools_service::blocked::{Cause, Obstacle, Place};
    use daemontools_service::details::ServiceDetails;
    use daemontools_service::report::Normally;
    use daemontools_service::status_error::StatusError;
    use nix::errno::Errno;

    const LIVE: Facts = Facts { in_live_tree: true, seen: [true; 2] };

    fn part(pid: u32, paused: bool, want: Want) -> ServiceReport {
        let status = Status { since: Label::from_unix(100, 0), pid: NonZeroU32::new(pid), paused, want };
        ServiceReport::new(Condition::Supervised(status), Normally::Up)
    }

    fn up() -> ServiceReport {
        part(7, false, Want::Up)
    }

    fn detailed(state: details::State) -> ServiceReport {
        let mut details = Details::new(state, Label::from_unix(100, 0));
        details.reason = b"6 ends in 60 s";
        ServiceReport { details: Some(ServiceDetails::new(&details)), ..part(0, false, Want::Down) }
    }

    fn blocked() -> ServiceReport {
        let place = Place { dir: "/log".into(), uid: 7, size: 1 << 20, reserve: 0, files: 0 };
        let cause = Cause::Directory(place, Obstacle::NoSpace);
        let blocked = Blocked { unread: 9, written: Some(Label::from_unix(400, 0)), cause };
        ServiceReport { blocked: Some(blocked), ..up() }
    }

    fn unsupervised() -> ServiceReport {
        ServiceReport::new(Condition::Unsupervised, Normally::Up)
    }

    fn unknown() -> ServiceReport {
        ServiceReport::unknown(StatusError::new("open", "supervise/ok", Errno::EACCES))
    }

    fn told(service: ServiceReport, log: Option<ServiceReport>, facts: Facts) -> Vec<(Part, Code)> {
        let entry = Entry { name: c"x".into(), service, log: log.map(Box::new) };
        let found = explain(&entry, facts, Label::from_unix(1000, 0), &|uid| uid.to_string());
        found.into_iter().map(|found| (found.part, found.code)).collect()
    }

    fn is_failing(service: &ServiceReport) -> bool {
        service.state() == State::Failing
    }

    /// Every state of a service and of its logger: what svps calls not as wanted is explained, here or as failing, and
    /// nothing else is.
    #[test]
    fn what_is_not_as_wanted_is_explained_and_nothing_else() {
        let states = || {
            [
                up(),
                part(7, false, Want::Down),
                part(7, false, Want::Once),
                part(7, true, Want::Up),
                part(0, false, Want::Up),
                part(0, false, Want::Down),
                detailed(details::State::Failed),
                detailed(details::State::Done),
                blocked(),
                unsupervised(),
                unknown(),
            ]
        };
        for service in states() {
            for log in states().map(Some).into_iter().chain([None]) {
                let entry = Entry { name: c"x".into(), service: service.clone(), log: log.map(Box::new) };
                let failing = is_failing(&entry.service) || entry.log.as_deref().is_some_and(is_failing);
                // Where a service is blocked, its logger is.
                let impossible = entry.service.blocked.is_some() && entry.log.as_deref() != Some(&blocked());
                let found = explain(&entry, LIVE, Label::from_unix(1000, 0), &|uid| uid.to_string());
                if !impossible {
                    assert_eq!(!entry.is_as_wanted(), failing || !found.is_empty(), "{entry:?} {found:?}");
                }
            }
        }
    }

    #[test]
    fn one_finding_for_one_cause() {
        use Code::*;
        use Part::{Log, Service};
        for (service, log, expected) in [
            (blocked(), Some(blocked()), vec![(Log, LoggerBlocked)]),
            (blocked(), Some(part(7, true, Want::Up)), vec![(Log, Paused)]),
            (up(), Some(part(0, false, Want::Down)), vec![(Log, LoggerDown)]),
            (up(), Some(unsupervised()), vec![(Log, Unsupervised)]),
            (unsupervised(), Some(unsupervised()), vec![(Service, Unsupervised)]),
            (unknown(), Some(unknown()), vec![(Service, StateUnknown)]),
            (detailed(details::State::Failed), None, vec![(Service, GivenUp)]),
            (part(7, false, Want::Down), Some(up()), vec![(Service, StillThere)]),
            (part(7, true, Want::Up), None, vec![(Service, Paused)]),
            (part(0, false, Want::Down), Some(part(0, false, Want::Down)), vec![]),
        ] {
            assert_eq!(told(service.clone(), log.clone(), LIVE), expected, "{service:?} {log:?}");
        }
        // A tree that nothing supervises may be on its way to become one.
        assert_eq!(told(unsupervised(), None, Facts::default()), []);
        let unseen = Facts { seen: [true, false], ..LIVE };
        assert_eq!(told(up(), Some(unsupervised()), unseen), [(Log, Unsupervised)]);
        assert_eq!(told(up(), Some(unsupervised()), Facts { in_live_tree: false, ..unseen }), [(Log, Unsupervised)]);
    }

    #[test]
    fn a_full_disk_has_its_directory_size_and_account() {
        let entry = Entry { name: c"x".into(), service: blocked(), log: Some(Box::new(blocked())) };
        let found = explain(&entry, LIVE, Label::from_unix(1000, 0), &|_| "log".into());
        let expected = "the logger does not read its pipe: nothing has been written for 10 min; no space is left for log \
                        in /log (1.0 MB), and its service waits for it";
        assert_eq!(found.first().map(|found| found.what.as_str()), Some(expected));
    }
}
