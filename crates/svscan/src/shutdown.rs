//! The ordered stop of a tree, as data and a step function: what was observed of each service goes in, what to do next
//! comes out. It knows no process, file or clock.
//!
//! Every service gets `d` and `x` at once. Its logger goes on until the supervise of the service has ended and the pipe
//! is empty. Only then the supervise of the logger gets `x`, and our writing end of the pipe is closed: the logger reads
//! the end of its input, ends by itself, and is not started again. A logger that dies is replaced as long as the pipe
//! holds lines or any process can still write some: a service may live longer than a supervise that was killed, and a
//! logger may end by a signal after `x` has arrived.
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
    /// It is empty, and our own writing end is open: whether another process has one is not known.
    Empty,
    /// It is empty, and a process other than svscan has its writing end.
    Held,
    /// It is empty for good, or closed.
    Drained,
    /// Nothing will read it: an operator took the logger down.
    Unread,
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
    /// Close our writing end of the pipe to a logger, so that the logger can read the end of its input.
    CloseWriter(Inode),
    /// Close both ends of the pipe to a logger.
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
            actions.extend(self.next_for(id, observed));
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
    fn next_for(&mut self, id: Inode, observed: Observed) -> Vec<Action> {
        use LogPipe::{Drained, Empty, Held, Pending, Unread};
        use Presence::{Gone, Running};
        let sent = self.sent.entry(id).or_default();
        if matches!(observed.log, Some((Gone, _))) {
            // The supervise that comes next has to be told again.
            sent.log = false;
        }
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
            (_, None) | (Running, Some((Running, _))) | (Gone, Some((Gone, Drained))) => {}
            // What may write needs a reader, and so does what was written.
            (Running, Some((Gone, _))) | (Gone, Some((Gone, Pending | Held))) => actions.push(Action::StartLogger(id)),
            // Whether another process can write is known once we can not.
            (Gone, Some((Gone, Empty))) => actions.push(Action::CloseWriter(id)),
            (Gone, Some((Gone, Unread))) => actions.push(Action::ClosePipe(id)),
            (Gone, Some((Running, Pending))) if !sent.log => {}
            // `x` comes first: without it, supervise would start a logger again that has read the end of its input.
            (Gone, Some((Running, _))) if !sent.log => actions.push(Action::Send(id, Part::Log, b"x")),
            (Gone, Some((Running, Unread))) => actions.push(Action::ClosePipe(id)),
            (Gone, Some((Running, Pending | Empty | Held | Drained))) => actions.push(Action::CloseWriter(id)),
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
    use Action::{ClosePipe, CloseWriter, Exit, Send, StartLogger, WarnLate};
    use LogPipe::{Drained, Empty, Held, Pending, Unread};
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
        assert_eq!(stop.step(0, Running, Some((Running, Empty))), []);
        assert_eq!(stop.step(20, Gone, Some((Running, Pending))), [Action::Sweep(Sweep::TermStragglers)]);
        assert_eq!(stop.step(40, Gone, Some((Running, Empty))), [Send(ID, Part::Log, b"x")]);
        // The writing end is closed only after `x` has arrived.
        assert_eq!(stop.step(60, Gone, Some((Running, Empty))), [Send(ID, Part::Log, b"x")]);
        stop.sent(Part::Log);
        assert_eq!(stop.step(80, Gone, Some((Running, Empty))), [CloseWriter(ID)]);
    }

    #[test]
    fn a_logger_that_dies_is_replaced_while_there_may_be_lines_and_not_after() {
        let mut stop = Stop::begin();
        stop.sent(Part::Service);
        assert_eq!(stop.step(0, Running, Some((Gone, Empty))), [StartLogger(ID)]);
        assert_eq!(stop.step(20, Gone, Some((Gone, Pending))).first(), Some(&StartLogger(ID)));
        assert_eq!(stop.step(40, Gone, Some((Gone, Empty))), [CloseWriter(ID)]);
        assert_eq!(stop.step(60, Gone, Some((Gone, Held))), [StartLogger(ID)]);
        assert_eq!(stop.step(80, Gone, Some((Gone, Drained))), []);
    }

    #[test]
    fn a_logger_that_dies_after_x_is_replaced_and_told_again() {
        let mut stop = Stop::begin();
        stop.sent(Part::Service);
        stop.sent(Part::Log);
        assert_eq!(stop.step(0, Gone, Some((Gone, Pending))).first(), Some(&StartLogger(ID)));
        assert_eq!(stop.step(20, Gone, Some((Running, Drained))), [Send(ID, Part::Log, b"x")]);
    }

    #[test]
    fn a_logger_that_is_down_is_not_started_for_what_the_pipe_holds() {
        let mut stop = Stop::begin();
        stop.sent(Part::Service);
        assert_eq!(stop.step(0, Gone, Some((Running, Unread))).first(), Some(&Send(ID, Part::Log, b"x")));
        stop.sent(Part::Log);
        assert_eq!(stop.step(20, Gone, Some((Running, Unread))), [ClosePipe(ID)]);
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
        assert_eq!(stop.0.step(at(0), &gone, Children::Some), [term]);
        assert_eq!(stop.0.step(at(20), &gone, Children::Some), []);
        assert_eq!(stop.0.step(at(40), &gone, Children::None), [Exit]);
        assert_eq!(Shutdown::new(at(0), Duration::ZERO).step(at(0), &[], Children::None), [Exit]);
    }
}
