//! How one service gets to the state that is wanted: what to send, and after each look whether it is there, can still come
//! there, or cannot. Pure: what was seen comes in with the time.

use std::num::NonZeroU32;
use std::time::Duration;

use daemontools_core::details::State;
use daemontools_core::end::End;
use daemontools_core::label::Label;
use daemontools_core::restarts::Restarts;
use daemontools_core::status::{Status, Want};
use daemontools_program::clock::Instant;
use daemontools_program::printable::printable;
use daemontools_service::details::ServiceDetails;
use daemontools_service::report::{Condition, ServiceReport};

use crate::options::Act;

/// How long a service that does not say when it is ready has to run to count as started.
const LASTING: Duration = Duration::from_secs(1);
/// What is said of a service that no supervise runs for.
pub const NO_SUPERVISE: &str = "no supervise runs";
/// How many ends during the wait mean that it will not stay up.
const ENOUGH_ENDS: u32 = 3;

/// A look at the service.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// What was found.
    pub report: &'a ServiceReport,
    /// The time of day, with which statuses are stamped.
    pub now: Label,
    /// The same moment by the monotonic clock.
    pub clock: Instant,
}

/// What is to be done after a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Wait for a change; look again at this moment in any case.
    Wait(Option<Instant>),
    /// It is as wanted; in these words.
    Reached(String),
    /// It will not come there, for this reason.
    Failed(String),
}

/// One run of a service: since when, which process.
type Run = (Label, Option<NonZeroU32>);

/// A service on its way.
#[derive(Debug)]
pub struct Job {
    act: Act,
    /// How the service was before the command.
    before: Option<Run>,
    /// When its supervise's details last changed before the command.
    details_before: Option<Label>,
    /// The process that was last seen after the command.
    running: Option<Run>,
    ends: u32,
    /// How often its supervise had started it again before the command; `None`: it does not count.
    restarts_before: Option<u32>,
}

impl Job {
    /// A job for a service that was found so, before anything is sent.
    pub fn new(act: Act, before: &ServiceReport) -> Job {
        Job {
            act,
            before: before.status().map(run),
            details_before: before.details.as_ref().map(|details| details.since),
            running: None,
            ends: 0,
            restarts_before: before.restarts.map(|restarts| restarts.total),
        }
    }

    /// The commands for its supervise.
    pub fn commands(&self) -> &'static [u8] {
        match self.act {
            Act::Start => b"u",
            Act::Stop => b"d",
            // A stop as the service's settings want it; up again as soon as it has ended.
            Act::Restart => b"du",
            Act::Once => b"o",
            Act::Reload => b"h",
            Act::Pause => b"p",
            Act::Resume => b"c",
        }
    }

    /// Takes a look.
    pub fn step(&mut self, look: Look<'_>) -> Verdict {
        let status = match &look.report.condition {
            Condition::Supervised(status) => status,
            Condition::Unsupervised => return Verdict::Failed(NO_SUPERVISE.into()),
            Condition::Unknown(error) => return Verdict::Failed(error.sentence()),
        };
        self.count_ends(status, look.report.restarts);
        let details = look.report.details.as_ref();
        match self.act {
            Act::Start => self.started(status, details, look),
            Act::Restart if self.before == Some(run(status)) => Verdict::Wait(None),
            Act::Restart => self.started(status, details, look),
            Act::Stop => stopped(status, details),
            Act::Once => self.has_run(status, details),
            Act::Reload => with_process(status, true, "told to read its configuration again"),
            Act::Pause => with_process(status, status.paused, "paused"),
            Act::Resume => with_process(status, !status.paused, "goes on"),
        }
    }

    fn started(&self, status: &Status, details: Option<&ServiceDetails>, look: Look<'_>) -> Verdict {
        let fresh = details.filter(|details| self.details_before != Some(details.since));
        match (status.pid, fresh.map(|details| details.state)) {
            (None, Some(State::Failed)) => Verdict::Failed(with_reason("given up", fresh)),
            (None, Some(State::Done)) => finished(details),
            (_, _) if self.ends >= ENOUGH_ENDS => Verdict::Failed(format!("ends again and again{}", last_end(details))),
            (None, _) => Verdict::Wait(None),
            (Some(pid), _) => match details.map(|details| details.state) {
                Some(State::Ready) => Verdict::Reached(format!("up (pid {pid}), ready")),
                Some(State::Starting) => Verdict::Wait(None),
                _ if status.want == Want::Down => Verdict::Wait(None),
                _ => match LASTING.saturating_sub(look.now.since(status.since)) {
                    Duration::ZERO => Verdict::Reached(format!("up (pid {pid})")),
                    left => Verdict::Wait(Some(look.clock + left)),
                },
            },
        }
    }

    fn has_run(&self, status: &Status, details: Option<&ServiceDetails>) -> Verdict {
        let ran = self.before != Some(run(status)) || self.ends > 0;
        match status.pid {
            None if ran && !details.is_some_and(ServiceDetails::is_ending) => finished(details),
            None | Some(_) => Verdict::Wait(None),
        }
    }

    /// Counts the ends of processes that were seen running after the command.
    fn count_ends(&mut self, status: &Status, restarts: Option<Restarts>) {
        let now = run(status);
        let is_new = self.act == Act::Start || self.before != Some(now);
        if self.running.is_some_and(|running| running != now) {
            self.ends += 1;
        }
        self.running = Some(now).filter(|(_, pid)| pid.is_some() && is_new);
        // Its supervise knows those too that nobody saw. That of a restart itself is not one of them.
        let commanded = u32::from(self.act == Act::Restart);
        let counted = restarts.map(|restarts| restarts.total.saturating_sub(self.restarts_before.unwrap_or(0)));
        self.ends = self.ends.max(counted.unwrap_or(0).saturating_sub(commanded));
    }
}

fn run(status: &Status) -> Run {
    (status.since, status.pid)
}

fn stopped(status: &Status, details: Option<&ServiceDetails>) -> Verdict {
    let is_ending = details.is_some_and(ServiceDetails::is_ending);
    if status.pid.is_some() || status.want == Want::Up || is_ending {
        return Verdict::Wait(None);
    }
    Verdict::Reached(format!("down{}", last_end(details)))
}

fn with_process(status: &Status, reached: bool, words: &str) -> Verdict {
    match status.pid {
        None => Verdict::Failed("it is down".into()),
        Some(pid) if reached => Verdict::Reached(format!("{words} (pid {pid})")),
        Some(_) => Verdict::Wait(None),
    }
}

/// The verdict on a service that was to run to its end: exit 0 is success.
fn finished(details: Option<&ServiceDetails>) -> Verdict {
    match details.and_then(|details| details.last_end) {
        Some(last) if last.end != End::Code(0) => Verdict::Failed(format!("ended ({})", last.end.words())),
        _ => Verdict::Reached(format!("ended{}", last_end(details))),
    }
}

/// ` (exit 7)`, or nothing where the end is not known.
fn last_end(details: Option<&ServiceDetails>) -> String {
    let last = details.and_then(|details| details.last_end);
    last.map(|last| format!(" ({})", last.end.words())).unwrap_or_default()
}

fn with_reason(words: &str, details: Option<&ServiceDetails>) -> String {
    match details {
        Some(details) if !details.reason.is_empty() => format!("{words}: {}", printable(&details.reason)),
        _ => words.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_core::run_record::RunRecord;
    use daemontools_service::report::Normally;

    fn at(seconds: i64) -> Label {
        Label::from_unix(1000 + seconds, 0)
    }

    fn report(pid: u32, since: i64, want: Want) -> ServiceReport {
        let status = Status { since: at(since), pid: NonZeroU32::new(pid), paused: false, want };
        ServiceReport {
            condition: Condition::Supervised(status),
            normally: Normally::Up,
            restarts: None,
            restart_log: None,
            blocked: None,
            details: None,
        }
    }

    fn detailed(report: ServiceReport, state: State, since: i64, end: Option<End>) -> ServiceReport {
        let details = ServiceDetails {
            state,
            since: at(since),
            until: None,
            reason: Vec::new(),
            ready_since: None,
            status_text: Vec::new(),
            last_end: end.map(|end| RunRecord::new(at(since), end)),
        };
        ServiceReport { details: Some(details), ..report }
    }

    fn step(job: &mut Job, report: &ServiceReport, now: i64) -> Verdict {
        job.step(Look { report, now: at(now), clock: Instant(Duration::from_secs(500)) })
    }

    #[test]
    fn a_start_is_done_when_the_service_has_run_for_a_second() {
        let mut job = Job::new(Act::Start, &report(0, 0, Want::Down));
        assert_eq!(job.commands(), b"u");
        assert_eq!(step(&mut job, &report(0, 0, Want::Down), 5), Verdict::Wait(None));
        let soon = Instant(Duration::from_secs(501));
        assert_eq!(step(&mut job, &report(7, 5, Want::Up), 5), Verdict::Wait(Some(soon)));
        assert_eq!(step(&mut job, &report(7, 5, Want::Up), 6), Verdict::Reached("up (pid 7)".into()));
    }

    #[test]
    fn a_service_that_says_when_it_is_ready_is_waited_for() {
        let mut job = Job::new(Act::Start, &report(0, 0, Want::Down));
        let starting = detailed(report(7, 5, Want::Up), State::Starting, 5, None);
        assert_eq!(step(&mut job, &starting, 60), Verdict::Wait(None));
        let ready = detailed(report(7, 5, Want::Up), State::Ready, 60, None);
        assert_eq!(step(&mut job, &ready, 60), Verdict::Reached("up (pid 7), ready".into()));
    }

    #[test]
    fn a_service_that_keeps_ending_fails_soon() {
        let mut job = Job::new(Act::Start, &report(0, 0, Want::Down));
        for run in 0..3 {
            let since = i64::from(run);
            assert!(matches!(step(&mut job, &report(7 + run, since, Want::Up), since), Verdict::Wait(_)));
        }
        let ended = detailed(report(0, 4, Want::Up), State::Waiting, 4, Some(End::Code(7)));
        assert_eq!(step(&mut job, &ended, 4), Verdict::Failed("ends again and again (exit 7)".into()));
    }

    #[test]
    fn ends_that_nobody_saw_are_counted_by_supervise() {
        let counted = |act, total| {
            let restarts = |total| Some(Restarts { minute: 0, hour: 0, total });
            let mut job = Job::new(act, &ServiceReport { restarts: restarts(5), ..report(0, 0, Want::Down) });
            let now = ServiceReport { restarts: restarts(total), ..report(0, 4, Want::Up) };
            matches!(step(&mut job, &now, 4), Verdict::Failed(_))
        };
        assert_eq!([7, 8].map(|total| counted(Act::Start, total)), [false, true]);
        assert_eq!([8, 9].map(|total| counted(Act::Restart, total)), [false, true], "the restart itself is no failure");
    }

    #[test]
    fn an_old_failure_is_not_the_answer_to_a_new_start() {
        let failed = detailed(report(0, 0, Want::Down), State::Failed, 0, Some(End::Code(7)));
        let mut job = Job::new(Act::Start, &failed);
        assert_eq!(step(&mut job, &failed, 1), Verdict::Wait(None));
        let again = detailed(report(0, 9, Want::Down), State::Failed, 9, Some(End::Code(7)));
        assert_eq!(step(&mut job, &again, 9), Verdict::Failed("given up".into()));
    }

    #[test]
    fn a_restart_needs_another_process() {
        let mut job = Job::new(Act::Restart, &report(7, 0, Want::Up));
        assert_eq!(job.commands(), b"du");
        assert_eq!(step(&mut job, &report(7, 0, Want::Up), 90), Verdict::Wait(None));
        assert_eq!(step(&mut job, &report(0, 90, Want::Up), 90), Verdict::Wait(None));
        assert_eq!(step(&mut job, &report(8, 90, Want::Up), 95), Verdict::Reached("up (pid 8)".into()));
    }

    #[test]
    fn a_stop_waits_for_finish() {
        let mut job = Job::new(Act::Stop, &report(7, 0, Want::Up));
        assert_eq!(step(&mut job, &report(7, 0, Want::Down), 1), Verdict::Wait(None));
        // What is left of its group, or the program `stop`; then `finish`.
        for state in [State::Stopping, State::Finishing] {
            let ending = detailed(report(0, 1, Want::Down), state, 1, Some(End::Code(0)));
            assert_eq!(step(&mut job, &ending, 1), Verdict::Wait(None));
        }
        let down = detailed(report(0, 1, Want::Down), State::Down, 2, Some(End::Code(0)));
        assert_eq!(step(&mut job, &down, 2), Verdict::Reached("down (exit 0)".into()));
        let mut job = Job::new(Act::Stop, &report(0, 0, Want::Up));
        assert_eq!(step(&mut job, &report(0, 0, Want::Up), 1), Verdict::Wait(None), "a start is still due");
    }

    #[test]
    fn once_is_success_where_the_exit_code_is_0() {
        for (end, expected) in [
            (End::Code(0), Verdict::Reached("ended (exit 0)".into())),
            (End::Code(3), Verdict::Failed("ended (exit 3)".into())),
        ] {
            let mut job = Job::new(Act::Once, &report(0, 0, Want::Down));
            assert_eq!(step(&mut job, &report(0, 0, Want::Down), 1), Verdict::Wait(None));
            assert_eq!(step(&mut job, &report(7, 1, Want::Once), 1), Verdict::Wait(None));
            let ended = detailed(report(0, 2, Want::Once), State::Down, 2, Some(end));
            assert_eq!(step(&mut job, &ended, 2), expected);
        }
        let mut job = Job::new(Act::Once, &report(0, 0, Want::Down));
        assert_eq!(step(&mut job, &report(0, 2, Want::Once), 2), Verdict::Reached("ended".into()), "of a C supervise");
    }

    #[test]
    fn nothing_is_waited_for_without_supervise_or_process() {
        let unsupervised = ServiceReport { condition: Condition::Unsupervised, ..report(0, 0, Want::Down) };
        let mut job = Job::new(Act::Start, &unsupervised);
        assert_eq!(step(&mut job, &unsupervised, 1), Verdict::Failed("no supervise runs".into()));
        for act in [Act::Pause, Act::Resume, Act::Reload] {
            let mut job = Job::new(act, &report(0, 0, Want::Down));
            assert_eq!(step(&mut job, &report(0, 0, Want::Down), 1), Verdict::Failed("it is down".into()));
        }
    }
}
