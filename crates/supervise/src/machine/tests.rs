//! What the machine does, event by event: a machine with a clock, and a file of tests for each part of it.

mod commands;
mod ending;
mod pairs;
mod queries;
mod readiness;
mod stop;

use super::*;
use daemontools_core::details::State;
use daemontools_core::settings::{FinalEnds, Group, Settings};
use daemontools_core::signal::Signal;

use crate::actions::{FinishStyle, Hook, Target};
use crate::adopted::Watch;
use crate::config::Place;
use Action::{Exit, PublishDetails, PublishStatus, Send, Start};
use Event::{Command as Told, StartFailed, Started, Tick};

/// An end like any other.
const EXITED: Event = Event::Exited(Exited { end: End::Code(0), core: false, oom: false, cpu: None, peak_kb: Some(7) });

/// A signal to the service's process.
fn sent(signal: Signal) -> Action {
    Send(Target::Service(Pid::from_raw(0)), signal)
}

/// A machine, its settings, and a clock in milliseconds.
#[derive(Clone, Debug)]
struct Clocked {
    machine: Machine,
    config: Config,
    clock: u64,
}

impl Clocked {
    fn new(want: Want) -> Clocked {
        Clocked::with(want, Config::DEFAULT)
    }

    /// With settings; the service runs as process 7 if it is wanted up.
    fn with(want: Want, config: Config) -> Clocked {
        let mut life = Clocked { machine: Machine::new(want, at(0), &config), config, clock: 0 };
        if want == Want::Up {
            life.starts(7);
        }
        life
    }

    fn at(&mut self, clock: u64) -> &mut Clocked {
        self.clock = clock;
        self
    }

    /// When details and history are written is a test of its own; a signal to the service is one to process 0.
    fn step(&mut self, event: Event) -> Vec<Action> {
        let actions = self.machine.step(at(self.clock), &self.config, event).into_iter();
        let actions = actions.filter(|one| !matches!(one, PublishDetails | Action::RecordEnd | Action::Release));
        actions.map(|one| if let Send(Target::Service(_), signal) = one { sent(signal) } else { one }).collect()
    }

    fn starts(&mut self, pid: i32) {
        assert_eq!(self.step(Tick), [Start]);
        assert_eq!(self.step(Started(Pid::from_raw(pid), None)), [PublishStatus]);
    }

    fn exits(&mut self, end: End) -> Vec<Action> {
        self.step(Event::Exited(Exited { end, core: false, oom: false, cpu: None, peak_kb: None }))
    }

    fn due(&self) -> Option<u64> {
        self.machine.deadline().map(|due| u64::try_from(due.0.as_millis()).unwrap())
    }

    fn state(&self) -> State {
        self.machine.details().state
    }
}

fn at(clock: u64) -> Now {
    Now {
        label: Label::from_unix(1_000_000, 0) + Duration::from_millis(clock),
        clock: Instant(Duration::from_millis(clock)),
    }
}

/// Settings that have a value.
fn with(change: impl FnOnce(&mut Settings)) -> Config {
    let mut config = Config::DEFAULT;
    change(&mut config.values);
    config
}

const SECOND: Duration = Duration::from_secs(1);
