//! The ordered stop of a tree, as data and a step function: what was observed of each service goes in, what to do next
//! comes out. It knows no process, file or clock.
//!
//! Every service gets `d` and `x` at once. Its logger goes on until the supervise of the service has ended and the pipe
//! is empty. Only then the supervise of the logger gets `x`, and the pipe is closed: the logger reads the end of its
//! input, ends by itself, and is not started again. Until then a logger that dies is replaced, so that no line is lost.
//!
//! | phase | ends | what is done |
//! |---|---|---|
//! | `Terminating` | with the grace | the above; once no service is left, TERM to stragglers |
//! | `KillingServices` | half a second later | `k` to the services that are left |
//! | `KillingStragglers` | half a second later | KILL to all processes but the loggers, which can now read to the end |
//! | `KillingAll` | half a second later | KILL to all processes |
#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_service::part::Part;

use crate::supervised::Inode;

/// How long each phase after the grace lasts. The default grace and all phases together take less than the 10 seconds
/// that docker waits.
const PHASE: Duration = Duration::from_millis(500);

/// Whether a supervise runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It runs.
    Running,
    /// It does not run.
    Gone,
}

/// The pipe to a logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPipe {
    /// It holds lines that the logger will read.
    Pending,
    /// It is empty or closed, or the logger will never read it.
    Drained,
}

/// What was observed of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The supervise of the service.
    pub service: Presence,
    /// The supervise of its logger, and the pipe between the two.
    pub log: Option<(Presence, LogPipe)>,
}

impl Observed {
    /// Whether no part of a service runs, and nothing is left to be logged.
    pub fn is_done(&self) -> bool {
        let log_done = matches!(self.log, None | Some((Presence::Gone, LogPipe::Drained)));
        self.service == Presence::Gone && log_done
    }
}

/// Whether svscan has children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Children {
    /// It has.
    Some,
    /// It has none.
    None,
}

/// Signals to many processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// TERM and CONT to all processes but the loggers, their supervises and the descendants of these.
    TermStragglers,
    /// KILL to the same.
    KillStragglers,
    /// KILL to all processes.
    KillAll,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write these letters into the control FIFO of a supervise, and call `sent` if that worked.
    Send(Inode, Part, &'static [u8]),
    /// Start the supervise of a logger again, if it may be started already.
    StartLogger(Inode),
    /// Close the pipe to a logger.
    ClosePipe(Inode),
    /// Warn that a service did not end in time.
    WarnLate(Inode),
    /// Send signals to many processes.
    Sweep(Sweep),
    /// Exit: the tree has ended.
    Exit,
}

/// How far the stop has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Terminating,
    KillingServices,
    KillingStragglers,
    KillingAll,
}

/// Which supervises of a service have got their letters.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    service: bool,
    log: bool,
}

/// The ordered stop of all services.
#[derive(Debug)]
pub struct Shutdown {
    phase: Phase,
    /// When the phase ends.
    until: Instant,
    /// Whether stragglers have got TERM.
    stragglers_asked: bool,
    sent: BTreeMap<Inode, Sent>,
}

impl Shutdown {
    /// The stop begins now, and services have `grace` to end.
    pub fn new(now: Instant, grace: Duration) -> Shutdown {
        let until = now + grace;
        Shutdown { phase: Phase::Terminating, until, stragglers_asked: false, sent: BTreeMap::new() }
    }

    /// Ends the grace now. It does not shorten later phases.
    pub fn end_grace(&mut self, now: Instant) {
        if self.phase == Phase::Terminating {
            self.until = now;
        }
    }

    /// A supervise has got its letters.
    pub fn sent(&mut self, id: Inode, part: Part) {
        let sent = self.sent.entry(id).or_default();
        match part {
            Part::Service => sent.service = true,
            Part::Log => sent.log = true,
        }
    }

    /// What to do now, in this order. It has to be called again and again until it returns `Exit`.
    pub fn step(&mut self, now: Instant, services: &[(Inode, Observed)], children: Children) -> Vec<Action> {
        let mut actions = Vec::new();
        if now >= self.until {
            if self.phase == Phase::KillingAll {
                return vec![Action::Exit];
            }
            self.next_phase(now);
            if self.phase == Phase::KillingServices {
                let late = services.iter().filter(|(_, observed)| observed.service == Presence::Running);
                actions.extend(late.map(|&(id, _)| Action::WarnLate(id)));
            }
        }
        let mut waiting = false;
        let mut services_left = false;
        for &(id, observed) in services {
            let sent = self.sent.get(&id).copied().unwrap_or_default();
            actions.extend(self.next_for(id, observed, sent));
            services_left |= observed.service == Presence::Running;
            waiting |= !observed.is_done();
        }
        if !waiting && children == Children::None {
            actions.push(Action::Exit);
            return actions;
        }
        actions.extend(self.sweep(services_left).map(Action::Sweep));
        actions
    }

    /// The next actions for one service.
    fn next_for(&self, id: Inode, observed: Observed, sent: Sent) -> Vec<Action> {
        use Presence::{Gone, Running};
        let mut actions = Vec::new();
        if observed.service == Running {
            match self.phase {
                Phase::Terminating if sent.service => {}
                Phase::Terminating => actions.push(Action::Send(id, Part::Service, b"dx")),
                Phase::KillingServices | Phase::KillingStragglers | Phase::KillingAll => {
                    actions.push(Action::Send(id, Part::Service, b"dxk"));
                }
            }
        }
        match (observed.service, observed.log) {
            (_, None) => {}
            // A running service may write, and what it wrote needs a reader.
            (Running, Some((Gone, _))) | (Gone, Some((Gone, LogPipe::Pending))) if !sent.log => {
                actions.push(Action::StartLogger(id));
            }
            (Gone, Some((Running, LogPipe::Drained))) if !sent.log => actions.push(Action::Send(id, Part::Log, b"x")),
            // `x` comes first: without it, supervise would start a logger again that has read the end of its input.
            (Gone, Some((Running, _))) if sent.log => actions.push(Action::ClosePipe(id)),
            (Gone, Some((Gone, _))) => actions.push(Action::ClosePipe(id)),
            (Running, Some(_)) | (Gone, Some((Running, _))) => {}
        }
        actions
    }

    fn sweep(&mut self, services_left: bool) -> Option<Sweep> {
        match self.phase {
            Phase::Terminating if services_left || self.stragglers_asked => None,
            Phase::Terminating => {
                self.stragglers_asked = true;
                Some(Sweep::TermStragglers)
            }
            Phase::KillingServices => None,
            Phase::KillingStragglers => Some(Sweep::KillStragglers),
            Phase::KillingAll => Some(Sweep::KillAll),
        }
    }

    fn next_phase(&mut self, now: Instant) {
        self.until = now + PHASE;
        self.phase = match self.phase {
            Phase::Terminating => Phase::KillingServices,
            Phase::KillingServices => Phase::KillingStragglers,
            Phase::KillingStragglers | Phase::KillingAll => Phase::KillingAll,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{ClosePipe, Exit, Send, StartLogger, WarnLate};
    use LogPipe::{Drained, Pending};
    use Presence::{Gone, Running};

    const ID: Inode = Inode { device: 1, number: 7 };
    const GRACE: u64 = 8000;

    /// The stop of one service; times in milliseconds.
    struct Stop(Shutdown);

    impl Stop {
        fn begin() -> Stop {
            Stop(Shutdown::new(at(0), Duration::from_millis(GRACE)))
        }

        fn step(&mut self, now: u64, service: Presence, log: Option<(Presence, LogPipe)>) -> Vec<Action> {
            self.0.step(at(now), &[(ID, Observed { service, log })], Children::Some)
        }

        fn sent(&mut self, part: Part) {
            self.0.sent(ID, part);
        }
    }

    fn at(milliseconds: u64) -> Instant {
        Instant(Duration::from_millis(milliseconds))
    }

    #[test]
    fn letters_are_sent_until_they_have_arrived() {
        let mut stop = Stop::begin();
        assert_eq!(stop.step(0, Running, None), [Send(ID, Part::Service, b"dx")]);
        assert_eq!(stop.step(20, Running, None), [Send(ID, Part::Service, b"dx")]);
        stop.sent(Part::Service);
        assert_eq!(stop.step(40, Running, None), []);
    }

    #[test]
    fn a_logger_gets_x_when_its_service_has_ended_and_the_pipe_is_empty() {
        let mut stop = Stop::begin();
        stop.sent(Part::Service);
        assert_eq!(stop.step(0, Running, Some((Running, Drained))), []);
        assert_eq!(stop.step(20, Gone, Some((Running, Pending))), [Action::Sweep(Sweep::TermStragglers)]);
        assert_eq!(stop.step(40, Gone, Some((Running, Drained))), [Send(ID, Part::Log, b"x")]);
        // The pipe is closed only after `x` has arrived.
        assert_eq!(stop.step(60, Gone, Some((Running, Drained))), [Send(ID, Part::Log, b"x")]);
        stop.sent(Part::Log);
        assert_eq!(stop.step(80, Gone, Some((Running, Drained))), [ClosePipe(ID)]);
    }

    #[test]
    fn a_logger_that_dies_is_replaced_while_there_may_be_lines_and_not_after() {
        let mut stop = Stop::begin();
        stop.sent(Part::Service);
        assert_eq!(stop.step(0, Running, Some((Gone, Drained))), [StartLogger(ID)]);
        assert_eq!(stop.step(20, Gone, Some((Gone, Pending))).first(), Some(&StartLogger(ID)));
        assert_eq!(stop.step(40, Gone, Some((Gone, Drained))), [ClosePipe(ID)]);
        stop.sent(Part::Log);
        assert_eq!(stop.step(60, Gone, Some((Gone, Pending))), [ClosePipe(ID)]);
    }

    #[test]
    fn a_service_that_does_not_end_is_killed_then_everything_but_loggers_then_everything() {
        let mut stop = Stop::begin();
        stop.sent(Part::Service);
        let kill = Send(ID, Part::Service, b"dxk");
        assert_eq!(stop.step(GRACE - 1, Running, None), []);
        assert_eq!(stop.step(GRACE, Running, None), [WarnLate(ID), kill]);
        assert_eq!(stop.step(GRACE + 500, Running, None), [kill, Action::Sweep(Sweep::KillStragglers)]);
        assert_eq!(stop.step(GRACE + 1000, Running, None), [kill, Action::Sweep(Sweep::KillAll)]);
        assert_eq!(stop.step(GRACE + 1500, Running, None), [Exit]);
    }

    #[test]
    fn the_grace_can_be_ended_but_no_later_phase() {
        let mut stop = Stop::begin();
        stop.0.end_grace(at(10));
        assert_eq!(stop.step(10, Running, None).first(), Some(&WarnLate(ID)));
        stop.0.end_grace(at(20));
        assert_eq!(stop.step(20, Running, None), [Send(ID, Part::Service, b"dxk")]);
    }

    #[test]
    fn it_exits_when_nothing_is_left() {
        let mut stop = Stop::begin();
        let gone = [(ID, Observed { service: Gone, log: Some((Gone, Drained)) })];
        let term = Action::Sweep(Sweep::TermStragglers);
        assert_eq!(stop.0.step(at(0), &gone, Children::Some), [ClosePipe(ID), term]);
        assert_eq!(stop.0.step(at(20), &gone, Children::Some), [ClosePipe(ID)]);
        assert_eq!(stop.0.step(at(40), &gone, Children::None), [ClosePipe(ID), Exit]);
        assert_eq!(Shutdown::new(at(0), Duration::ZERO).step(at(0), &[], Children::None), [Exit]);
    }
}
