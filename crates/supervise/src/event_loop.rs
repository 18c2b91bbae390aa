//! The loop around the machine: waits, tells it what happened, performs what it says.

use std::ffi::CStr;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::Duration;

use daemontools_core::control::{self, Command};
use daemontools_program::clock::Instant;
use daemontools_program::clock::time_of_day;
use daemontools_program::entry::Exit;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::stdio::read;
use daemontools_program::wait::{readable, wait};
use daemontools_sys::process::{fork, leave, reap};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, chdir};

use crate::directory::{self, Directory};
use crate::machine::{Action, Event, Machine, Now};

/// What the service is started by, seen from its directory.
const RUN: &CStr = c"./run";
/// The pause where the system fails us in a way that no manual page speaks of.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long after a status could not be written it is tried again.
const PUBLISH_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Supervises the service in `dir` until it is told to exit.
pub fn supervise(program: &'static Program, dir: &'static CStr) -> Outcome {
    let name = dir.to_bytes();
    let signals = Signals::watch(&[Signal::SIGCHLD]).unable([b"watch for the end of ", name])?;
    chdir(dir).unable([b"chdir to ", name])?;
    let machine = Machine::new(directory::first_wish(name)?, now());
    let mut status = Publisher { program, name, due: true, again_at: None };
    let directory = Directory::take_over(name, || {
        directory::record(machine.starts());
        status.publish_due(&machine);
    })?;
    let environment = Environment::inherited();
    // Made once: between fork and exec nothing is allocated.
    let run = Prepared::new([RUN], &environment);
    let service = Service { program, name, signals, run };
    Ok(service.live(machine, status, directory))
}

/// What the event loop needs to perform an action.
struct Service<'a> {
    program: &'static Program,
    /// The service directory as it was given.
    name: &'static [u8],
    signals: Signals,
    run: Prepared<'a>,
}

impl Service<'_> {
    fn live(&self, mut machine: Machine, mut status: Publisher, directory: Directory) -> Exit {
        let mut control = Control { fifo: directory.control, ended: false, bytes: [0; 256] };
        loop {
            let deadlines = [machine.deadline(), status.again_at];
            self.wait(&control, deadlines.into_iter().flatten().min());
            status.publish_again(&machine);
            let ended = self.ended(machine.pid()).then_some(Event::Ended);
            let commands = self.commands(&mut control).iter().filter_map(|&byte| Command::from_byte(byte));
            // A tick after each: what follows `u` finds the process that `u` started.
            let commands = commands.flat_map(|command| [Event::Command(command), Event::Tick]);
            let mut events = ended.into_iter().chain(commands).chain([Event::Tick]);
            let end = events.try_for_each(|event| self.happened(&mut machine, &mut status, event));
            // Once, however many commands came at once: only the last of their records would be seen.
            status.publish_due(&machine);
            if end.is_break() {
                return Exit::OK;
            }
        }
    }

    /// Waits for a child's end, a command or the deadline.
    fn wait(&self, control: &Control, deadline: Option<Instant>) {
        if control.ended {
            wait(&mut [readable(&self.signals)], deadline);
        } else {
            wait(&mut [readable(&self.signals), readable(&control.fifo)], deadline);
        }
    }

    /// Takes every child that has ended, our own and those that an earlier program in this process left us; whether the
    /// service was among them.
    fn ended(&self, service: Option<Pid>) -> bool {
        // Which signals came does not matter: each wake-up looks for everything.
        while let Ok(Some(_)) = self.signals.take() {}
        let mut ended = false;
        loop {
            match reap() {
                Ok(Some((pid, _))) => ended |= Some(pid) == service,
                Ok(None) => return ended,
                // Nothing else would tell us of this end again.
                Err(_) => sleep(TRY_AGAIN_AFTER),
            }
        }
    }

    /// The bytes that stand in `control`.
    fn commands<'c>(&self, control: &'c mut Control) -> &'c [u8] {
        if control.ended {
            return &[];
        }
        match read(&control.fifo, &mut control.bytes) {
            // No FIFO, but a file: nothing will ever come from it, and waiting for it would not wait.
            Ok(0) => control.ended = true,
            Ok(count) => return control.bytes.get(..count).unwrap_or_default(),
            Err(Errno::EAGAIN) => {}
            Err(errno) => {
                let file = control::PATH.to_bytes();
                Failure::because([b"unable to read ", self.name, b"/", file], errno).warn(self.program);
                sleep(TRY_AGAIN_AFTER);
            }
        }
        &[]
    }

    /// Tells the machine, and performs what it says; what comes of that, it is told too.
    fn happened(&self, machine: &mut Machine, status: &mut Publisher, event: Event) -> ControlFlow<()> {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            for action in machine.step(now(), event) {
                match action {
                    Action::Record => directory::record(machine.starts()),
                    Action::Announce => status.due = true,
                    Action::Start => next = Some(self.start()),
                    // The process has not been waited for, so the number is its own; at worst it has just ended.
                    Action::Send(signal) => drop(machine.pid().map(|pid| kill(pid, *signal))),
                    Action::Exit => {
                        directory::forget_starts();
                        return ControlFlow::Break(());
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn start(&self) -> Event {
        match fork() {
            Ok(Some(pid)) => Event::Started(pid),
            Ok(None) => self.become_service(),
            Err(errno) => {
                let words = [b"unable to fork for ", self.name, b", sleeping 60 seconds"];
                Failure::because(words, errno).warn(self.program);
                Event::StartFailed
            }
        }
    }

    /// The child: the mask and SIGCHLD as we were started with them, then `./run`.
    fn become_service(&self) -> ! {
        let errno = self.signals.hand_over().err().unwrap_or_else(|| self.run.attempt());
        leave(Failure::because([b"unable to start ", self.name, b"/run"], errno).tell(self.program).0)
    }
}

/// Where commands come from.
struct Control {
    fifo: OwnedFd,
    /// Whether nothing more can come.
    ended: bool,
    bytes: [u8; 256],
}

/// The status file's writer. A full disk is no reason to leave the service; when there is room again, the status is
/// what it should be.
struct Publisher {
    program: &'static Program,
    name: &'static [u8],
    /// Whether the file is to say something new.
    due: bool,
    /// When to try again, if the last try failed.
    again_at: Option<Instant>,
}

impl Publisher {
    fn publish_due(&mut self, machine: &Machine) {
        if !std::mem::take(&mut self.due) {
            return;
        }
        if let Err(failure) = self.attempt(machine) {
            failure.warn(self.program);
        }
    }

    /// Restarts, if it is time. It was told once that it does not work.
    fn publish_again(&mut self, machine: &Machine) {
        if self.again_at.is_some_and(|at| at <= Instant::now()) {
            let _ = self.attempt(machine);
        }
    }

    fn attempt(&mut self, machine: &Machine) -> Result<(), Failure> {
        let published = directory::publish(&machine.status(), self.name);
        self.again_at = published.is_err().then(|| Instant::now() + PUBLISH_AGAIN_AFTER);
        published
    }
}

fn now() -> Now {
    Now { label: time_of_day(), clock: Instant::now() }
}
