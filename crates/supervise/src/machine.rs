//! The life of a service as data and a step: what to do when something happens. It knows no process, file or clock;
//! the time comes in with each event.
#![deny(clippy::wildcard_enum_match_arm)]

use std::num::NonZeroU32;
use std::time::Duration;

use daemontools_core::control::Command;
use daemontools_core::label::Label;
use daemontools_core::restarts::{RestartLog, StartReason};
use daemontools_core::status::{Status, Want};
use daemontools_program::clock::Instant;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// How far apart two starts are at least.
const START_EVERY: Duration = Duration::from_secs(1);
/// How long after a failed fork the next one is tried.
const FORK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The time at an event, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The time of day, for the status.
    pub label: Label,
    /// The monotonic clock, for spans.
    pub clock: Instant,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A byte came through `control`.
    Command(Command),
    /// The deadline may have come.
    Tick,
    /// `Action::Start` made this process.
    Started(Pid),
    /// `Action::Start` could not make a process.
    StartFailed,
    /// The process ended.
    Ended,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write down when the service was started.
    Record,
    /// Write the status.
    Announce,
    /// Make a process; `Started` or `StartFailed` is the next event.
    Start,
    /// Send the process a signal.
    Send(Signal),
    /// End supervise.
    Exit,
}

/// Whether there is a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// No, and none is to be started.
    Down,
    /// No, and one is to be started at this time of the monotonic clock, for this cause.
    Due(Instant, StartReason),
    /// Yes.
    Up { pid: Pid, paused: bool },
}

/// One service.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    life: Life,
    want: Want,
    /// Whether supervise is to end once the service is down.
    leaving: bool,
    /// When the process id last changed.
    since: Label,
    /// Before this time of the monotonic clock nothing is started.
    not_before: Instant,
    starts: RestartLog,
}

impl Machine {
    /// A service that is down, and wanted up or not.
    pub fn new(want: Want, now: Now) -> Machine {
        let life = match want {
            Want::Up | Want::Once => Life::Due(now.clock, StartReason::Requested),
            Want::Down => Life::Down,
        };
        Machine { life, want, leaving: false, since: now.label, not_before: now.clock, starts: RestartLog::none() }
    }

    /// When to come back with a `Tick`, by the monotonic clock.
    pub fn deadline(&self) -> Option<Instant> {
        match self.life {
            Life::Due(due, _) => Some(due),
            Life::Down | Life::Up { .. } => None,
        }
    }

    /// The process, while there is one.
    pub fn pid(&self) -> Option<Pid> {
        match self.life {
            Life::Up { pid, .. } => Some(pid),
            Life::Down | Life::Due(..) => None,
        }
    }

    /// What the status file is to say.
    pub fn status(&self) -> Status {
        let (pid, paused) = match self.life {
            Life::Up { pid, paused } => (u32::try_from(pid.as_raw()).ok().and_then(NonZeroU32::new), paused),
            Life::Down | Life::Due(..) => (None, false),
        };
        Status { since: self.since, pid, paused, want: self.want }
    }

    /// What the file about starts is to say.
    pub fn starts(&self) -> &RestartLog {
        &self.starts
    }

    /// Takes an event; says what to do about it, in order.
    pub fn step(&mut self, now: Now, event: Event) -> &'static [Action] {
        use Action::{Announce, Exit, Record, Start};
        match event {
            Event::Command(command) => self.obey(now, command),
            Event::Tick => match self.life {
                Life::Due(due, _) if due <= now.clock => {
                    self.not_before = now.clock + START_EVERY;
                    &[Start]
                }
                Life::Down | Life::Due(..) | Life::Up { .. } => &[],
            },
            Event::Started(pid) => {
                let cause = self.cause();
                self.life = Life::Up { pid, paused: false };
                self.since = now.label;
                self.starts.note(now.label, cause);
                &[Record, Announce]
            }
            Event::StartFailed => {
                self.life = Life::Due(now.clock + FORK_AGAIN_AFTER, self.cause());
                &[]
            }
            Event::Ended => {
                self.since = now.label;
                self.life = match self.want {
                    Want::Up if !self.leaving => Life::Due(self.not_before.max(now.clock), StartReason::Exited),
                    Want::Up | Want::Down | Want::Once => Life::Down,
                };
                if self.leaving { &[Announce, Exit] } else { &[Announce] }
            }
        }
    }

    /// A command: first what it changes, then what it does while there is a process and while there is none.
    fn obey(&mut self, now: Now, command: Command) -> &'static [Action] {
        use Action::{Announce, Exit, Send};
        use Signal::{
            SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
        };
        self.remember(now, command);
        let (up, down): (&'static [Action], &'static [Action]) = match command {
            Command::Up | Command::Once => (&[Announce], &[Announce]),
            Command::Down => (&[Send(SIGTERM), Send(SIGCONT), Announce], &[Announce]),
            Command::Exit => (&[Announce], &[Announce, Exit]),
            Command::Pause => (&[Announce, Send(SIGSTOP)], &[Announce]),
            Command::Continue => (&[Announce, Send(SIGCONT)], &[Announce]),
            Command::Hangup => (&[Send(SIGHUP)], &[]),
            Command::Alarm => (&[Send(SIGALRM)], &[]),
            Command::Interrupt => (&[Send(SIGINT)], &[]),
            Command::Terminate => (&[Send(SIGTERM)], &[]),
            Command::Kill => (&[Send(SIGKILL)], &[]),
            Command::Quit => (&[Send(SIGQUIT)], &[]),
            Command::User1 => (&[Send(SIGUSR1)], &[]),
            Command::User2 => (&[Send(SIGUSR2)], &[]),
            Command::Window => (&[Send(SIGWINCH)], &[]),
        };
        if self.pid().is_some() { up } else { down }
    }

    /// What a command leaves behind: the wish, and whether a start is due.
    fn remember(&mut self, now: Now, command: Command) {
        match command {
            Command::Up => self.want(Want::Up, now),
            Command::Once => self.want(Want::Once, now),
            Command::Down => self.want(Want::Down, now),
            Command::Exit => self.leaving = true,
            Command::Pause => self.pause(true),
            Command::Continue => self.pause(false),
            Command::Hangup
            | Command::Alarm
            | Command::Interrupt
            | Command::Terminate
            | Command::Kill
            | Command::Quit
            | Command::User1
            | Command::User2
            | Command::Window => {}
        }
    }

    fn want(&mut self, want: Want, now: Now) {
        self.want = want;
        // Also where a start is due only in a minute, because a fork failed: whoever asks, asks for it now.
        let start = Life::Due(self.not_before.max(now.clock), StartReason::Requested);
        self.life = match (self.life, want) {
            (Life::Down | Life::Due(..), Want::Up | Want::Once) => start,
            (Life::Down | Life::Due(..), Want::Down) => Life::Down,
            // The CONT that goes with the TERM ends a pause.
            (Life::Up { pid, .. }, Want::Down) => Life::Up { pid, paused: false },
            (up @ Life::Up { .. }, Want::Up | Want::Once) => up,
        };
    }

    /// Why the service is being started.
    fn cause(&self) -> StartReason {
        match self.life {
            Life::Due(_, cause) => cause,
            Life::Down | Life::Up { .. } => StartReason::Requested,
        }
    }

    fn pause(&mut self, now_paused: bool) {
        if let Life::Up { paused, .. } = &mut self.life {
            *paused = now_paused;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Announce, Exit, Record, Send, Start};
    use Event::{Command as Told, Ended, StartFailed, Started, Tick};

    /// A machine and a clock in milliseconds.
    struct Life {
        machine: Machine,
        clock: u64,
    }

    impl Life {
        fn new(want: Want) -> Life {
            let mut life = Life { machine: Machine::new(want, at(0)), clock: 0 };
            if want == Want::Up {
                life.starts(7);
            }
            life
        }

        fn at(&mut self, clock: u64) -> &mut Life {
            self.clock = clock;
            self
        }

        fn step(&mut self, event: Event) -> &'static [Action] {
            self.machine.step(at(self.clock), event)
        }

        fn starts(&mut self, pid: i32) {
            assert_eq!(self.step(Tick), [Start]);
            assert_eq!(self.step(Started(Pid::from_raw(pid))), [Record, Announce]);
        }

        fn due(&self) -> Option<u64> {
            self.machine.deadline().map(|due| u64::try_from(due.0.as_millis()).unwrap())
        }
    }

    fn at(clock: u64) -> Now {
        Now { label: Label::from_unix(1_000_000, 0), clock: Instant(Duration::from_millis(clock)) }
    }

    #[test]
    fn a_service_that_ran_for_a_second_is_started_again_at_once() {
        let mut life = Life::new(Want::Up);
        assert_eq!(life.at(1000).step(Ended), [Announce]);
        assert_eq!(life.due(), Some(1000));
        life.starts(8);
    }

    #[test]
    fn a_service_that_ends_at_once_is_started_when_a_second_has_passed() {
        let mut life = Life::new(Want::Up);
        assert_eq!(life.at(10).step(Ended), [Announce]);
        assert_eq!(life.due(), Some(1000));
        assert_eq!(life.at(999).step(Tick), []);
        life.at(1000).starts(8);
    }

    #[test]
    fn a_service_run_once_is_not_restarted() {
        let mut life = Life::new(Want::Down);
        assert_eq!(life.step(Told(Command::Once)), [Announce]);
        life.starts(7);
        assert_eq!(life.at(5000).step(Ended), [Announce]);
        assert_eq!((life.due(), life.machine.status().want), (None, Want::Once));
    }

    #[test]
    fn down_within_the_first_second_acts_at_once() {
        let mut life = Life::new(Want::Up);
        let told = life.at(5).step(Told(Command::Down));
        assert_eq!(told, [Send(Signal::SIGTERM), Send(Signal::SIGCONT), Announce]);
        life.at(6).step(Ended);
        assert_eq!(life.due(), None);
    }

    #[test]
    fn the_last_wish_counts_whichever_way_they_follow() {
        let mut life = Life::new(Want::Up);
        life.at(1).step(Told(Command::Down));
        life.at(2).step(Told(Command::Up));
        life.at(3).step(Ended);
        assert_eq!(life.due(), Some(1000));
        life.at(4).step(Told(Command::Down));
        assert_eq!(life.due(), None);
        life.at(5).step(Told(Command::Up));
        assert_eq!(life.due(), Some(1000));
    }

    #[test]
    fn exit_waits_for_the_end_and_keeps_the_wish() {
        let mut life = Life::new(Want::Up);
        assert_eq!(life.at(2000).step(Told(Command::Exit)), [Announce]);
        assert_eq!(life.at(3000).step(Ended), [Announce, Exit]);
        assert_eq!(life.machine.status().want, Want::Up);
    }

    #[test]
    fn exit_while_down_or_waiting_for_the_next_start_is_at_once() {
        assert_eq!(Life::new(Want::Down).step(Told(Command::Exit)), [Announce, Exit]);
        let mut life = Life::new(Want::Up);
        life.at(1).step(Ended);
        assert_eq!(life.at(2).step(Told(Command::Exit)), [Announce, Exit]);
    }

    #[test]
    fn a_failed_fork_is_retried_in_a_minute_or_when_somebody_asks() {
        let mut life = Life { machine: Machine::new(Want::Up, at(0)), clock: 0 };
        assert_eq!(life.step(Tick), [Start]);
        assert_eq!(life.step(StartFailed), []);
        assert_eq!(life.due(), Some(60_000));
        assert_eq!(life.at(10).step(Told(Command::Up)), [Announce]);
        assert_eq!(life.due(), Some(1000));
    }

    #[test]
    fn a_pause_is_shown_until_it_ends_or_the_process_does() {
        let mut life = Life::new(Want::Up);
        assert_eq!(life.step(Told(Command::Pause)), [Announce, Send(Signal::SIGSTOP)]);
        assert!(life.machine.status().paused);
        assert_eq!(life.step(Told(Command::Continue)), [Announce, Send(Signal::SIGCONT)]);
        assert!(!life.machine.status().paused);
        life.step(Told(Command::Pause));
        life.step(Told(Command::Down));
        assert!(!life.machine.status().paused);
        life.step(Told(Command::Pause));
        life.step(Ended);
        assert!(!life.machine.status().paused);
    }

    #[test]
    fn only_a_start_after_an_end_counts_as_one_again() {
        let mut life = Life::new(Want::Up);
        let again = |life: &Life| life.machine.starts().again(at(0).label).total;
        assert_eq!(again(&life), 0);
        life.at(2000).step(Ended);
        life.starts(8);
        assert_eq!(again(&life), 1);
        life.at(4000).step(Ended);
        assert_eq!(life.step(Tick), [Start]);
        life.step(StartFailed);
        life.at(70_000).starts(9);
        assert_eq!(again(&life), 2, "a failed fork changes nothing about the cause");
        life.at(80_000).step(Told(Command::Down));
        life.step(Ended);
        life.step(Told(Command::Up));
        life.starts(10);
        assert_eq!(again(&life), 2, "somebody asked");
    }

    #[test]
    fn signals_go_to_a_process_only() {
        let mut life = Life::new(Want::Down);
        assert_eq!(life.step(Told(Command::Kill)), []);
        assert_eq!(life.step(Told(Command::Pause)), [Announce]);
        assert!(!life.machine.status().paused);
    }
}
