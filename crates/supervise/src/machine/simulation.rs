//! A random test of the machine: simulated processes to which anything may happen, under any settings, and the invariants
//! that hold all the same.

mod random;

use std::time::Duration;

use daemontools_core::control::{Command, LETTERS};
use daemontools_core::label::Label;
use daemontools_core::resume::SuperviseState;
use daemontools_core::signal::Signal;
use daemontools_core::status::Want;
use daemontools_program::clock::Instant;
use nix::unistd::Pid;

use super::{Event, Exited, Machine, Now, Role};
use crate::actions::{Action, Hook};
use crate::config::Config;
use random::Random;

/// The machine, and what there is outside of it.
struct Simulation {
    random: Random,
    config: Config,
    machine: Machine,
    clock: Duration,
    next_pid: i32,
    /// The service's process.
    service: Option<Pid>,
    /// Whether something is left of its group when it has ended.
    rest: bool,
    hooks: Vec<(Pid, Hook)>,
    last_start: Option<Duration>,
    told_to_exit: bool,
    exited: bool,
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let mut random = Random::new(seed);
        let config = random.config();
        let want = if random.once_in(3) { Want::Down } else { Want::Up };
        let clock = Duration::from_secs(1000);
        let machine = Machine::new(want, now(clock), &config);
        Simulation {
            random,
            config,
            machine,
            clock,
            next_pid: 100,
            service: None,
            rest: false,
            hooks: Vec::new(),
            last_start: None,
            told_to_exit: false,
            exited: false,
        }
    }

    fn pid(&mut self) -> Pid {
        self.next_pid += 1;
        Pid::from_raw(self.next_pid)
    }

    fn happens(&mut self, event: Event) {
        for action in self.machine.step(now(self.clock), &self.config, event) {
            assert!(!self.exited, "{action:?} after the end");
            match action {
                Action::PublishDetails | Action::PublishStatus | Action::Release | Action::RecordEnd => {}
                Action::Send(..) => assert!(self.service.is_some(), "a signal to nobody"),
                Action::Start => self.start(),
                Action::Run(hook) => self.run(hook),
                Action::KillHook(pid) => self.kill_hook(pid),
                Action::SignalRest(_, signal) => {
                    assert!(self.service.is_none(), "the rest is what is left when the service has ended");
                    self.rest &= signal != Some(Signal::KILL) && !self.random.once_in(4);
                    self.happens(Event::Rest(self.rest));
                }
                Action::Exit => {
                    assert!(self.told_to_exit && self.service.is_none() && !self.finish_runs());
                    self.exited = true;
                }
            }
        }
    }

    fn start(&mut self) {
        assert!(self.service.is_none(), "never two of the service");
        assert!(!self.finish_runs(), "finish comes before the next start");
        let apart = self.last_start.map(|last| self.clock - last);
        assert!(apart.is_none_or(|apart| apart >= Duration::from_secs(1)), "starts {apart:?} apart");
        self.last_start = Some(self.clock);
        if self.random.once_in(10) {
            return self.happens(Event::StartFailed);
        }
        let pid = self.pid();
        self.service = Some(pid);
        self.rest = self.random.once_in(2);
        self.happens(Event::Started(pid, None));
    }

    fn run(&mut self, hook: Hook) {
        if self.random.once_in(10) {
            return self.happens(Event::HookFailed);
        }
        let pid = self.pid();
        self.hooks.push((pid, hook));
        self.happens(Event::HookStarted(pid));
        assert_eq!(self.machine.role_of(pid), Some(Role::Hook));
    }

    /// Its end is heard of later.
    fn kill_hook(&mut self, pid: Pid) {
        assert!(self.hooks.iter().any(|(hook, _)| *hook == pid), "a program that does not run is killed");
    }

    fn finish_runs(&self) -> bool {
        self.hooks.iter().any(|(_, hook)| matches!(hook, Hook::Finish(..)))
    }

    fn hook_ends(&mut self) {
        if self.hooks.is_empty() {
            return;
        }
        let number = self.random.below(self.hooks.len() as u64) as usize;
        let (pid, _) = self.hooks.remove(number);
        // The loop asks as well.
        if self.machine.role_of(pid) == Some(Role::Hook) {
            let end = self.random.end();
            self.happens(Event::HookEnded(pid, end));
        }
    }

    fn service_ends(&mut self) {
        if let Some(pid) = self.service.take() {
            assert_eq!(self.machine.role_of(pid), Some(Role::Service));
            let end = self.random.end();
            self.happens(Event::Exited(Exited { end, core: false, oom: false, cpu: None, peak_kb: None }));
        }
    }

    /// Another program file goes on with the state of this one.
    fn upgrade(&mut self) {
        self.happens(Event::Tick);
        let mut state = SuperviseState::new(3, [4, 5], 6, Want::Down, Label::new(0, 0));
        if self.exited || self.machine.carry(&mut state).is_err() {
            return;
        }
        state.notify_socket = self.machine.config().values.notify_socket.then_some(7);
        let read = SuperviseState::from_text(&state.to_text()).unwrap();
        let resumed = Machine::resume(now(self.clock), self.machine.config(), &read, None);
        fn visible(machine: &Machine) -> impl std::fmt::Debug + PartialEq {
            (machine.status(), machine.details(), machine.deadline(), machine.reason())
        }
        assert_eq!(visible(&resumed), visible(&self.machine));
        let mut again = SuperviseState::new(3, [4, 5], 6, Want::Down, Label::new(0, 0));
        again.notify_socket = state.notify_socket;
        resumed.carry(&mut again).unwrap();
        assert_eq!(again, state);
        self.machine = resumed;
    }

    fn something(&mut self) {
        match self.random.below(13) {
            12 => self.upgrade(),
            0 | 1 => {
                let byte = LETTERS[self.random.below(LETTERS.len() as u64) as usize];
                if byte == b'x' && !self.random.once_in(10) {
                    return;
                }
                self.told_to_exit |= byte == b'x';
                self.happens(Event::Command(Command::from_byte(byte).unwrap()));
            }
            2 | 3 => self.service_ends(),
            4 | 5 => self.hook_ends(),
            6 => {
                let message = self.random.below(3) as usize;
                self.happens([Event::Ready, Event::Alive, Event::Leaving][message]);
            }
            7 => self.config = self.random.config(),
            8 => self.clock += self.random.seconds(),
            _ => {
                if let Some(deadline) = self.machine.deadline() {
                    self.clock = self.clock.max(deadline.0);
                }
            }
        }
        if !self.exited {
            self.happens(Event::Tick);
        }
    }

    fn holds(&self) {
        assert_eq!(self.machine.pid(), self.service);
        let waits_for = |(pid, _): &(Pid, Hook)| self.machine.role_of(*pid) == Some(Role::Hook);
        let woken = self.service.is_some() || self.hooks.iter().any(waits_for) || self.machine.deadline().is_some();
        let status = self.machine.status();
        assert!(woken || status.want != Want::Up, "a wait that nothing ends");
        if self.told_to_exit && !woken {
            assert!(self.exited, "x ends it once service and finish have ended");
        }
    }
}

fn now(clock: Duration) -> Now {
    Now { label: Label::from_unix(1_000_000, 0) + clock, clock: Instant(clock) }
}

#[test]
fn whatever_happens_what_must_hold_holds() {
    for seed in 1_u64..=2000 {
        let mut simulation = Simulation::new(seed);
        for _ in 0..300 {
            simulation.something();
            if simulation.exited {
                break;
            }
            simulation.holds();
        }
    }
}

/// Told to exit and helped along, every machine ends.
#[test]
fn x_ends_it_once_service_and_finish_have_ended() {
    for seed in 1..=500 {
        let mut simulation = Simulation::new(seed);
        for _ in 0..50 {
            if !simulation.exited {
                simulation.something();
            }
        }
        for letter in *b"dx" {
            if !simulation.exited {
                simulation.told_to_exit = true;
                simulation.happens(Event::Command(Command::from_byte(letter).unwrap()));
            }
        }
        for _ in 0..40 {
            if !simulation.exited {
                simulation.service_ends();
            }
            if !simulation.exited {
                simulation.hook_ends();
            }
            if let (false, Some(deadline)) = (simulation.exited, simulation.machine.deadline()) {
                simulation.clock = simulation.clock.max(deadline.0);
                simulation.happens(Event::Tick);
            }
        }
        assert!(simulation.exited, "seed {seed}: {:?}", simulation.machine);
    }
}
