//! The end of a tree, as data and a step: what to do next, from what is seen of each service. It knows no process, file
//! or clock.
//!
//! Every service is told `d` and `x` at once. Its logger goes on until the service's supervise has ended and the pipe
//! is empty. Only then is the logger's supervise told `x`, and the pipe closed: the logger reads the end, ends by
//! itself, and is not started again. Until then a logger that dies is still replaced, so that its lines find a reader.
//!
//! | phase | until | what is done |
//! |---|---|---|
//! | `Parting` | the grace is over | the above; once no service is left, TERM to what services left behind |
//! | `Killing` | half a second more | `k` to the services that are left |
//! | `Clearing` | half a second more | KILL to everything but the loggers, which can read to the end now |
//! | `Over` | half a second more | KILL to everything |
#![deny(clippy::wildcard_enum_match_arm)]

use daemontools_program::clock::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::service::{Inode, Role};
use crate::sight::{Children, Rest, Seen, Sight};

/// How long each phase after the grace lasts. With docker's 10 seconds and our default of 8, all of them fit.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Who gets a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// TERM and CONT to everything but the loggers, their supervises and what these started.
    AskStrays,
    /// KILL to the same.
    KillStrays,
    /// KILL to everything.
    KillAll,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write these letters into a supervise's control; if they got there, `told` is called.
    Tell(Inode, Role, &'static [u8]),
    /// Start the supervise of a logger again, if it may be started already.
    StartLogger(Inode),
    /// Close the pipe to a logger.
    Close(Inode),
    /// Say that a service did not end in time.
    Complain(Inode),
    /// Send signals.
    Sweep(Sweep),
    /// End svscan.
    Exit,
}

/// How far the end has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Parting,
    Killing,
    Clearing,
    Over,
}

/// What a service's supervises have been told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    main: bool,
    log: bool,
}

/// The end of all services.
#[derive(Debug)]
pub struct Farewell {
    phase: Phase,
    /// When the phase ends, by the monotonic clock.
    until: Instant,
    /// Whether what services left behind has been asked to end.
    strays_asked: bool,
    told: BTreeMap<Inode, Told>,
}

impl Farewell {
    /// It begins now, and services have `grace` to end.
    pub fn new(now: Instant, grace: Duration) -> Farewell {
        let until = now + grace;
        Farewell { phase: Phase::Parting, until, strays_asked: false, told: BTreeMap::new() }
    }

    /// Somebody cannot wait: the grace is over.
    pub fn hurry(&mut self, now: Instant) {
        if self.phase == Phase::Parting {
            self.until = now;
        }
    }

    /// The letters got to a supervise.
    pub fn told(&mut self, id: Inode, role: Role) {
        let told = self.told.entry(id).or_default();
        match role {
            Role::Main => told.main = true,
            Role::Log => told.log = true,
        }
    }

    /// What to do now, in order. It is called again and again until it says `Exit`.
    pub fn step(&mut self, now: Instant, services: &[(Inode, Seen)], children: Children) -> Vec<Action> {
        let mut actions = Vec::new();
        if now >= self.until {
            if self.phase == Phase::Over {
                return vec![Action::Exit];
            }
            self.next_phase(now);
            if self.phase == Phase::Killing {
                let late = services.iter().filter(|(_, seen)| seen.main == Sight::There);
                actions.extend(late.map(|&(id, _)| Action::Complain(id)));
            }
        }
        let mut waiting = false;
        let mut services_left = false;
        for &(id, seen) in services {
            let told = self.told.get(&id).copied().unwrap_or_default();
            actions.extend(self.towards(id, seen, told));
            services_left |= seen.main == Sight::There;
            waiting |= !seen.is_done();
        }
        if !waiting && children == Children::None {
            actions.push(Action::Exit);
            return actions;
        }
        actions.extend(self.sweep(services_left).map(Action::Sweep));
        actions
    }

    /// What leads one service to its end.
    fn towards(&self, id: Inode, seen: Seen, told: Told) -> Vec<Action> {
        use Sight::{Gone, There};
        let mut actions = Vec::new();
        if seen.main == There {
            match self.phase {
                Phase::Parting if told.main => {}
                Phase::Parting => actions.push(Action::Tell(id, Role::Main, b"dx")),
                Phase::Killing | Phase::Clearing | Phase::Over => actions.push(Action::Tell(id, Role::Main, b"dxk")),
            }
        }
        match (seen.main, seen.log) {
            (_, None) => {}
            // While a service lives it may write; what it wrote must find a reader.
            (There, Some((Gone, _))) | (Gone, Some((Gone, Rest::Lines))) if !told.log => {
                actions.push(Action::StartLogger(id));
            }
            (Gone, Some((There, Rest::Nothing))) if !told.log => actions.push(Action::Tell(id, Role::Log, b"x")),
            // `x` first: a logger that reads the end before its supervise is told would be started again.
            (Gone, Some((There, _))) if told.log => actions.push(Action::Close(id)),
            (Gone, Some((Gone, _))) => actions.push(Action::Close(id)),
            (There, Some(_)) | (Gone, Some((There, _))) => {}
        }
        actions
    }

    fn sweep(&mut self, services_left: bool) -> Option<Sweep> {
        match self.phase {
            Phase::Parting if services_left || self.strays_asked => None,
            Phase::Parting => {
                self.strays_asked = true;
                Some(Sweep::AskStrays)
            }
            Phase::Killing => None,
            Phase::Clearing => Some(Sweep::KillStrays),
            Phase::Over => Some(Sweep::KillAll),
        }
    }

    fn next_phase(&mut self, now: Instant) {
        self.until = now + LAST_WORDS;
        self.phase = match self.phase {
            Phase::Parting => Phase::Killing,
            Phase::Killing => Phase::Clearing,
            Phase::Clearing | Phase::Over => Phase::Over,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Close, Complain, Exit, StartLogger, Tell};
    use Rest::{Lines, Nothing};
    use Sight::{Gone, There};

    const ID: Inode = Inode { device: 1, number: 7 };
    const GRACE: u64 = 8000;

    /// The end of one service; times in milliseconds.
    struct End(Farewell);

    impl End {
        fn begin() -> End {
            End(Farewell::new(at(0), Duration::from_millis(GRACE)))
        }

        fn sees(&mut self, now: u64, main: Sight, log: Option<(Sight, Rest)>) -> Vec<Action> {
            self.0.step(at(now), &[(ID, Seen { main, log })], Children::Some)
        }

        fn told(&mut self, role: Role) {
            self.0.told(ID, role);
        }
    }

    fn at(milliseconds: u64) -> Instant {
        Instant(Duration::from_millis(milliseconds))
    }

    #[test]
    fn a_service_is_told_until_it_has_heard() {
        let mut end = End::begin();
        assert_eq!(end.sees(0, There, None), [Tell(ID, Role::Main, b"dx")]);
        assert_eq!(end.sees(20, There, None), [Tell(ID, Role::Main, b"dx")]);
        end.told(Role::Main);
        assert_eq!(end.sees(40, There, None), []);
    }

    #[test]
    fn a_logger_is_told_when_its_service_has_ended_and_the_pipe_is_empty() {
        let mut end = End::begin();
        end.told(Role::Main);
        assert_eq!(end.sees(0, There, Some((There, Nothing))), []);
        assert_eq!(end.sees(20, Gone, Some((There, Lines))), [Action::Sweep(Sweep::AskStrays)]);
        assert_eq!(end.sees(40, Gone, Some((There, Nothing))), [Tell(ID, Role::Log, b"x")]);
        // Not before it has heard is the pipe closed.
        assert_eq!(end.sees(60, Gone, Some((There, Nothing))), [Tell(ID, Role::Log, b"x")]);
        end.told(Role::Log);
        assert_eq!(end.sees(80, Gone, Some((There, Nothing))), [Close(ID)]);
    }

    #[test]
    fn a_logger_that_dies_is_replaced_while_there_may_be_lines_and_not_after() {
        let mut end = End::begin();
        end.told(Role::Main);
        assert_eq!(end.sees(0, There, Some((Gone, Nothing))), [StartLogger(ID)]);
        assert_eq!(end.sees(20, Gone, Some((Gone, Lines))).first(), Some(&StartLogger(ID)));
        assert_eq!(end.sees(40, Gone, Some((Gone, Nothing))), [Close(ID)]);
        end.told(Role::Log);
        assert_eq!(end.sees(60, Gone, Some((Gone, Lines))), [Close(ID)]);
    }

    #[test]
    fn a_service_that_does_not_end_is_killed_then_everything_but_loggers_then_everything() {
        let mut end = End::begin();
        end.told(Role::Main);
        let kill = Tell(ID, Role::Main, b"dxk");
        assert_eq!(end.sees(GRACE - 1, There, None), []);
        assert_eq!(end.sees(GRACE, There, None), [Complain(ID), kill]);
        assert_eq!(end.sees(GRACE + 500, There, None), [kill, Action::Sweep(Sweep::KillStrays)]);
        assert_eq!(end.sees(GRACE + 1000, There, None), [kill, Action::Sweep(Sweep::KillAll)]);
        assert_eq!(end.sees(GRACE + 1500, There, None), [Exit]);
    }

    #[test]
    fn haste_ends_the_grace_and_no_later_phase() {
        let mut end = End::begin();
        end.0.hurry(at(10));
        assert_eq!(end.sees(10, There, None).first(), Some(&Complain(ID)));
        end.0.hurry(at(20));
        assert_eq!(end.sees(20, There, None), [Tell(ID, Role::Main, b"dxk")]);
    }

    #[test]
    fn it_exits_when_nothing_is_left() {
        let mut end = End::begin();
        let gone = [(ID, Seen { main: Gone, log: Some((Gone, Nothing)) })];
        assert_eq!(end.0.step(at(0), &gone, Children::Some), [Close(ID), Action::Sweep(Sweep::AskStrays)]);
        assert_eq!(end.0.step(at(20), &gone, Children::Some), [Close(ID)]);
        assert_eq!(end.0.step(at(40), &gone, Children::None), [Close(ID), Exit]);
        assert_eq!(Farewell::new(at(0), Duration::ZERO).step(at(0), &[], Children::None), [Exit]);
    }
}
