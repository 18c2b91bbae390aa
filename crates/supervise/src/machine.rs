//! The life of a service as data and a step: what to do when something happens. It knows no process, file or clock;
//! the time comes in with each event.
#![deny(clippy::wildcard_enum_match_arm)]

use std::num::NonZeroU32;
use std::time::Duration;

use daemontools_core::control::Command;
use daemontools_core::details::{Details, State};
use daemontools_core::end::End;
use daemontools_core::label::Label;
use daemontools_core::restarts::{RestartLog, StartReason};
use daemontools_core::run_record::RunRecord;
use daemontools_core::signal::Signal;
use daemontools_core::status::{Status, Want};
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use crate::actions::{Action, Actions};

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
    Exited(Exited),
}

/// How a process ended, and what it used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exited {
    /// How it ended.
    pub end: End,
    /// Whether a core was dumped.
    pub core: bool,
    /// Processor time of the process and the children that it waited for, if known.
    pub cpu: Option<Duration>,
    /// The largest resident memory, in units of 1024 bytes, if known.
    pub peak_kb: Option<u64>,
}

/// Whether there is a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// No, and none is to be started.
    Down,
    /// No, and one is to be started at this instant, for this reason.
    Due(Instant, StartReason),
    /// Yes.
    Up {
        pid: Pid,
        paused: bool,
        /// Since when.
        started: Instant,
    },
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
    /// When the state last changed.
    state_since: Label,
    /// When a start is due, by the time of day.
    until: Option<Label>,
    /// Before this instant nothing is started.
    not_before: Instant,
    restarts: RestartLog,
    /// The last run that is over.
    last_end: Option<RunRecord>,
}

impl Machine {
    /// A service that is down, and wanted up or not.
    pub fn new(want: Want, now: Now) -> Machine {
        let life = match want {
            Want::Up | Want::Once => Life::Due(now.clock, StartReason::Requested),
            Want::Down => Life::Down,
        };
        Machine {
            life,
            want,
            leaving: false,
            since: now.label,
            state_since: now.label,
            until: None,
            not_before: now.clock,
            restarts: RestartLog::none(),
            last_end: None,
        }
    }

    /// When to come back with a `Tick`.
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
            Life::Up { pid, paused, .. } => (u32::try_from(pid.as_raw()).ok().and_then(NonZeroU32::new), paused),
            Life::Down | Life::Due(..) => (None, false),
        };
        Status { since: self.since, pid, paused, want: self.want }
    }

    /// What the details are to say.
    pub fn details(&self) -> Details<'static> {
        Details {
            pid: self.status().pid.map(NonZeroU32::get),
            until: self.until,
            last_end: self.last_end,
            restarts: self.restarts,
            ..Details::new(self.state(), self.state_since)
        }
    }

    fn state(&self) -> State {
        match self.life {
            Life::Down => State::Down,
            Life::Due(..) => State::Waiting,
            Life::Up { .. } if self.want == Want::Down => State::Stopping,
            Life::Up { .. } => State::Up,
        }
    }

    /// Takes an event; says what to do about it, in order.
    pub fn step(&mut self, now: Now, event: Event) -> Actions {
        let before = (self.state(), self.status().pid);
        let actions = self.advance(now, event);
        if (self.state(), self.status().pid) != before {
            self.state_since = now.label;
        }
        self.until = match self.life {
            Life::Due(due, _) => Some(now.label + due.since(now.clock)),
            Life::Down | Life::Up { .. } => None,
        };
        actions
    }

    fn advance(&mut self, now: Now, event: Event) -> Actions {
        use Action::{Exit, PublishDetails, PublishStatus, RecordEnd, Start};
        match event {
            Event::Command(command) => self.obey(now, command),
            Event::Tick => match self.life {
                Life::Due(due, _) if due <= now.clock => {
                    self.not_before = now.clock + START_EVERY;
                    Actions::of([Start])
                }
                Life::Down | Life::Due(..) | Life::Up { .. } => Actions::NONE,
            },
            Event::Started(pid) => {
                let reason = self.start_reason();
                self.life = Life::Up { pid, paused: false, started: now.clock };
                self.since = now.label;
                self.restarts.note(now.label, reason);
                Actions::of([PublishDetails, PublishStatus])
            }
            Event::StartFailed => {
                self.life = Life::Due(now.clock + FORK_AGAIN_AFTER, self.start_reason());
                Actions::of([PublishDetails])
            }
            Event::Exited(exited) => {
                let run = self.record(now, exited);
                self.last_end = Some(run);
                self.since = now.label;
                self.life = match self.want {
                    Want::Up if !self.leaving => Life::Due(self.not_before.max(now.clock), StartReason::Exited),
                    Want::Up | Want::Down | Want::Once => Life::Down,
                };
                let publish = [RecordEnd(run), PublishDetails, PublishStatus];
                if self.leaving { Actions::of(publish).and(Exit) } else { Actions::of(publish) }
            }
        }
    }

    /// The end of the process as the history tells it.
    fn record(&self, now: Now, exited: Exited) -> RunRecord {
        let Exited { end, core, cpu, peak_kb } = exited;
        let ran = match self.life {
            Life::Up { started, .. } => now.clock.since(started),
            Life::Down | Life::Due(..) => Duration::ZERO,
        };
        RunRecord { core, cpu, peak_kb, ran, ..RunRecord::new(now.label, end) }
    }

    /// A command: what it changes, and what it does.
    fn obey(&mut self, now: Now, command: Command) -> Actions {
        use Action::{Exit, PublishDetails, PublishStatus, Send};
        let up = self.pid().is_some();
        match command {
            Command::Up => self.want_up(Want::Up, now),
            Command::Once => self.want_up(Want::Once, now),
            Command::Down => {
                self.want = Want::Down;
                // The CONT that goes with the TERM ends a pause.
                self.set_paused(false);
                if up {
                    return Actions::of([Send(Signal::TERM), Send(Signal::CONT), PublishDetails, PublishStatus]);
                }
                self.life = Life::Down;
                Actions::of([PublishDetails, PublishStatus])
            }
            Command::Exit => {
                self.leaving = true;
                if up { Actions::of([PublishStatus]) } else { Actions::of([PublishStatus, Exit]) }
            }
            Command::Pause => {
                self.set_paused(true);
                if up { Actions::of([PublishStatus, Send(Signal::STOP)]) } else { Actions::of([PublishStatus]) }
            }
            Command::Continue => {
                self.set_paused(false);
                if up { Actions::of([PublishStatus, Send(Signal::CONT)]) } else { Actions::of([PublishStatus]) }
            }
            Command::Hangup => self.send(Signal::HUP),
            Command::Alarm => self.send(Signal::ALRM),
            Command::Interrupt => self.send(Signal::INT),
            Command::Terminate => self.send(Signal::TERM),
            Command::Kill => self.send(Signal::KILL),
            Command::Quit => self.send(Signal::QUIT),
            Command::User1 => self.send(Signal::USR1),
            Command::User2 => self.send(Signal::USR2),
            Command::Window => self.send(Signal::WINCH),
        }
    }

    /// Notes that the service is wanted; it starts as soon as a second has passed since its last start. That overrides
    /// the minute after a failed fork.
    fn want_up(&mut self, want: Want, now: Now) -> Actions {
        self.want = want;
        if self.pid().is_none() {
            self.life = Life::Due(self.not_before.max(now.clock), StartReason::Requested);
        }
        Actions::of([Action::PublishDetails, Action::PublishStatus])
    }

    /// A signal goes to a process, if there is one.
    fn send(&self, signal: Signal) -> Actions {
        if self.pid().is_some() { Actions::of([Action::Send(signal)]) } else { Actions::NONE }
    }

    /// Why the service is being started.
    fn start_reason(&self) -> StartReason {
        match self.life {
            Life::Due(_, reason) => reason,
            Life::Down | Life::Up { .. } => StartReason::Requested,
        }
    }

    fn set_paused(&mut self, now_paused: bool) {
        if let Life::Up { paused, .. } = &mut self.life {
            *paused = now_paused;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Exit, PublishDetails, PublishStatus, Send, Start};
    use Event::{Command as Told, StartFailed, Started, Tick};

    /// An end like any other.
    const EXITED: Event = Event::Exited(Exited { end: End::Code(0), core: false, cpu: None, peak_kb: Some(7) });

    /// A machine and a clock in milliseconds.
    struct Clocked {
        machine: Machine,
        clock: u64,
    }

    impl Clocked {
        fn new(want: Want) -> Clocked {
            let mut life = Clocked { machine: Machine::new(want, at(0)), clock: 0 };
            if want == Want::Up {
                life.starts(7);
            }
            life
        }

        fn at(&mut self, clock: u64) -> &mut Clocked {
            self.clock = clock;
            self
        }

        fn step(&mut self, event: Event) -> Vec<Action> {
            let actions = self.machine.step(at(self.clock), event).into_iter();
            // When the other two are written is a test of its own.
            actions.filter(|action| !matches!(action, PublishDetails | Action::RecordEnd(_))).collect()
        }

        fn starts(&mut self, pid: i32) {
            assert_eq!(self.step(Tick), [Start]);
            assert_eq!(self.step(Started(Pid::from_raw(pid))), [PublishStatus]);
        }

        fn due(&self) -> Option<u64> {
            self.machine.deadline().map(|due| u64::try_from(due.0.as_millis()).unwrap())
        }
    }

    fn at(clock: u64) -> Now {
        Now {
            label: Label::from_unix(1_000_000, 0) + Duration::from_millis(clock),
            clock: Instant(Duration::from_millis(clock)),
        }
    }

    #[test]
    fn a_service_that_ran_for_a_second_is_started_again_at_once() {
        let mut life = Clocked::new(Want::Up);
        assert_eq!(life.at(1000).step(EXITED), [PublishStatus]);
        assert_eq!(life.due(), Some(1000));
        life.starts(8);
    }

    #[test]
    fn a_service_that_ends_at_once_is_started_when_a_second_has_passed() {
        let mut life = Clocked::new(Want::Up);
        assert_eq!(life.at(10).step(EXITED), [PublishStatus]);
        assert_eq!(life.due(), Some(1000));
        assert_eq!(life.at(999).step(Tick), []);
        life.at(1000).starts(8);
    }

    #[test]
    fn a_service_run_once_is_not_restarted() {
        let mut life = Clocked::new(Want::Down);
        assert_eq!(life.step(Told(Command::Once)), [PublishStatus]);
        life.starts(7);
        assert_eq!(life.at(5000).step(EXITED), [PublishStatus]);
        assert_eq!((life.due(), life.machine.status().want), (None, Want::Once));
    }

    #[test]
    fn down_within_the_first_second_acts_at_once() {
        let mut life = Clocked::new(Want::Up);
        let told = life.at(5).step(Told(Command::Down));
        assert_eq!(told, [Send(Signal::TERM), Send(Signal::CONT), PublishStatus]);
        life.at(6).step(EXITED);
        assert_eq!(life.due(), None);
    }

    #[test]
    fn the_last_wish_counts_whichever_way_they_follow() {
        let mut life = Clocked::new(Want::Up);
        life.at(1).step(Told(Command::Down));
        life.at(2).step(Told(Command::Up));
        life.at(3).step(EXITED);
        assert_eq!(life.due(), Some(1000));
        life.at(4).step(Told(Command::Down));
        assert_eq!(life.due(), None);
        life.at(5).step(Told(Command::Up));
        assert_eq!(life.due(), Some(1000));
    }

    #[test]
    fn exit_waits_for_the_end_and_keeps_the_wish() {
        let mut life = Clocked::new(Want::Up);
        assert_eq!(life.at(2000).step(Told(Command::Exit)), [PublishStatus]);
        assert_eq!(life.at(3000).step(EXITED), [PublishStatus, Exit]);
        assert_eq!(life.machine.status().want, Want::Up);
    }

    #[test]
    fn exit_while_down_or_waiting_for_the_next_start_is_at_once() {
        assert_eq!(Clocked::new(Want::Down).step(Told(Command::Exit)), [PublishStatus, Exit]);
        let mut life = Clocked::new(Want::Up);
        life.at(1).step(EXITED);
        assert_eq!(life.at(2).step(Told(Command::Exit)), [PublishStatus, Exit]);
    }

    #[test]
    fn a_failed_fork_is_retried_in_a_minute_or_when_somebody_asks() {
        let mut life = Clocked { machine: Machine::new(Want::Up, at(0)), clock: 0 };
        assert_eq!(life.step(Tick), [Start]);
        assert_eq!(life.step(StartFailed), []);
        assert_eq!(life.due(), Some(60_000));
        assert_eq!(life.at(10).step(Told(Command::Up)), [PublishStatus]);
        assert_eq!(life.due(), Some(1000));
    }

    #[test]
    fn a_pause_is_shown_until_it_ends_or_the_process_does() {
        let mut life = Clocked::new(Want::Up);
        assert_eq!(life.step(Told(Command::Pause)), [PublishStatus, Send(Signal::STOP)]);
        assert!(life.machine.status().paused);
        assert_eq!(life.step(Told(Command::Continue)), [PublishStatus, Send(Signal::CONT)]);
        assert!(!life.machine.status().paused);
        life.step(Told(Command::Pause));
        life.step(Told(Command::Down));
        assert!(!life.machine.status().paused);
        life.step(Told(Command::Pause));
        life.step(EXITED);
        assert!(!life.machine.status().paused);
    }

    #[test]
    fn only_a_start_after_an_end_counts_as_one_again() {
        let mut life = Clocked::new(Want::Up);
        let again = |life: &Clocked| life.machine.details().restarts.again(at(life.clock).label).total;
        assert_eq!(again(&life), 0);
        life.at(2000).step(EXITED);
        life.starts(8);
        assert_eq!(again(&life), 1);
        life.at(4000).step(EXITED);
        assert_eq!(life.step(Tick), [Start]);
        life.step(StartFailed);
        life.at(70_000).starts(9);
        assert_eq!(again(&life), 2, "a failed fork changes nothing about the cause");
        life.at(80_000).step(Told(Command::Down));
        life.step(EXITED);
        life.step(Told(Command::Up));
        life.starts(10);
        assert_eq!(again(&life), 2, "somebody asked");
    }

    #[test]
    fn signals_go_to_a_process_only() {
        let mut life = Clocked::new(Want::Down);
        assert_eq!(life.step(Told(Command::Kill)), []);
        assert_eq!(life.step(Told(Command::Pause)), [PublishStatus]);
        assert!(!life.machine.status().paused);
    }

    #[test]
    fn the_details_follow_each_change() {
        let mut machine = Machine::new(Want::Up, at(0));
        let state = |machine: &Machine| (machine.details().state, machine.details().since, machine.details().until);
        assert_eq!(state(&machine), (State::Waiting, at(0).label, None));
        machine.step(at(0), Tick);
        let started: Vec<Action> = machine.step(at(5), Started(Pid::from_raw(7))).into_iter().collect();
        assert_eq!(started, [PublishDetails, PublishStatus], "the details first");
        assert_eq!(state(&machine), (State::Up, at(5).label, None));
        let run = RunRecord {
            ran: Duration::from_millis(20),
            peak_kb: Some(7),
            ..RunRecord::new(at(25).label, End::Code(0))
        };
        let ended: Vec<Action> = machine.step(at(25), EXITED).into_iter().collect();
        assert_eq!(ended, [Action::RecordEnd(run), PublishDetails, PublishStatus]);
        assert_eq!(state(&machine), (State::Waiting, at(25).label, Some(at(1000).label)));
        assert_eq!((machine.details().last_end, machine.details().pid), (Some(run), None));
        machine.step(at(1000), Tick);
        machine.step(at(1000), Started(Pid::from_raw(8)));
        machine.step(at(1500), Told(Command::Down));
        assert_eq!(state(&machine), (State::Stopping, at(1500).label, None));
        assert_eq!(machine.details().pid, Some(8));
        machine.step(at(1600), EXITED);
        assert_eq!(state(&machine), (State::Down, at(1600).label, None));
    }
}
