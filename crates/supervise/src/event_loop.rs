//! The loop around the machine: waits, tells it what happened, performs what it answers. It allocates nothing once the
//! service is supervised, so that no lack of memory ends it.

use std::ffi::CStr;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::thread::sleep;
use std::time::Duration;

use daemontools_core::control::Command;
use daemontools_core::end::End;
use daemontools_core::signal::Signal;
use daemontools_core::status::Want;
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::entry::Exit;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Outcome, Program, Unable};
use daemontools_program::wait::{readable, wait};
use daemontools_service::service_dir::DOWN;
use daemontools_sys::heap::wait_when_exhausted;
use daemontools_sys::process::{Ending, Reaped, fork, leave, reap_measured, send};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::sys::signal::SIGCHLD;
use nix::sys::stat::stat;
use nix::unistd::{Pid, chdir};

use crate::actions::Action;
use crate::fifos::{Control, OkFifo};
use crate::lock::Lock;
use crate::machine::{Event, Exited, Machine, Now};
use crate::publisher::{Publisher, remove_details, remove_old_restarts};

/// What the service is started by, seen from its directory.
const RUN: &CStr = c"./run";
/// The pause after a failure that no manual page speaks of.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Supervises the service in `dir` until it is told to exit.
pub fn supervise(program: &'static Program, dir: &'static CStr) -> Outcome {
    let name = dir.to_bytes();
    let signals = Signals::watch(&[SIGCHLD]).unable([b"watch for the end of ", name])?;
    chdir(dir).unable([b"chdir to ", name])?;
    let want = match stat(DOWN) {
        Ok(_) => Want::Down,
        Err(Errno::ENOENT) => Want::Up,
        Err(errno) => Err(errno).unable([b"stat ", name, b"/", DOWN.to_bytes()])?,
    };
    let _lock = Lock::acquire(name)?;
    let control = Control::open(name)?;
    let machine = Machine::new(want, now());
    let mut publisher = Publisher::new(program, name);
    remove_old_restarts();
    publisher.publish_due(&machine);
    let _ok = OkFifo::open(name)?;
    let environment = Environment::inherited();
    // Made once: between fork and exec nothing is allocated.
    let run = Prepared::new([RUN], &environment);
    Ok(Supervisor { program, name, signals, run, control, machine, publisher }.run())
}

/// A service being supervised.
struct Supervisor<'a> {
    program: &'static Program,
    /// The service directory as it was given.
    name: &'static [u8],
    signals: Signals,
    run: Prepared<'a>,
    control: Control,
    machine: Machine,
    publisher: Publisher,
}

impl Supervisor<'_> {
    fn run(mut self) -> Exit {
        wait_when_exhausted();
        loop {
            self.wait();
            self.publisher.publish_again(&self.machine);
            let end = self.handle_all();
            // Once, however many commands came at once: only the last of their records would be seen.
            self.publisher.publish_due(&self.machine);
            if end.is_break() {
                remove_details();
                return Exit::OK;
            }
        }
    }

    /// Waits for a child's end, a command or a deadline.
    fn wait(&self) {
        let deadline = [self.machine.deadline(), self.publisher.deadline()].into_iter().flatten().min();
        match self.control.to_wait_for() {
            Some(control) => wait(&mut [readable(&self.signals), readable(&control.as_fd())], deadline),
            None => wait(&mut [readable(&self.signals)], deadline),
        }
    }

    /// Looks for everything that may have happened and deals with it. Breaks when supervise is to end.
    fn handle_all(&mut self) -> ControlFlow<()> {
        if let Some(exited) = self.reaped(self.machine.pid()) {
            self.handle(Event::Exited(exited))?;
        }
        let mut buffer = [0; 256];
        for byte in self.control.read(&mut buffer, self.program, self.name) {
            if let Some(command) = Command::from_byte(*byte) {
                self.handle(Event::Command(command))?;
                // A start that is due happens before the next command: what follows `u` finds the process of `u`.
                self.handle(Event::Tick)?;
            }
        }
        self.handle(Event::Tick)
    }

    /// Tells the machine, and performs what it answers; what comes of that, it is told too.
    fn handle(&mut self, event: Event) -> ControlFlow<()> {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            for action in self.machine.step(now(), event) {
                match action {
                    Action::PublishDetails => self.publisher.note_details(),
                    Action::PublishStatus => self.publisher.note_status(),
                    Action::RecordEnd(run) => self.publisher.note_end(run),
                    Action::Start => next = Some(self.start()),
                    Action::Send(signal) => self.send(signal),
                    Action::Exit => return ControlFlow::Break(()),
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Reaps every child that has ended, our own and those that an earlier program in this process left us; how the
    /// service ended, if it was among them.
    fn reaped(&self, service: Option<Pid>) -> Option<Exited> {
        // Which signals came does not matter: each wake-up looks for everything.
        while let Ok(Some(_)) = self.signals.take() {}
        let mut found = None;
        loop {
            match reap_measured() {
                Ok(Some(reaped)) if Some(reaped.pid) == service => found = Some(exited(&reaped)),
                Ok(Some(_)) => {}
                Ok(None) => return found,
                // No further signal would tell of this end.
                Err(_) => sleep(TRY_AGAIN_AFTER),
            }
        }
    }

    fn send(&self, signal: Signal) {
        if let Some(pid) = self.machine.pid() {
            // It has not been reaped, so the number is still its own; at worst it has just ended.
            let _ = send(pid, signal.number());
        }
    }

    fn start(&self) -> Event {
        match fork() {
            Ok(Some(pid)) => Event::Started(pid),
            Ok(None) => self.become_service(),
            Err(errno) => {
                self.program.warn_because([b"unable to fork for ", self.name, b", sleeping 60 seconds"], errno);
                Event::StartFailed
            }
        }
    }

    /// The child: the mask and SIGCHLD as we were started with them, then `./run`.
    fn become_service(&self) -> ! {
        let errno = self.signals.hand_over().err().unwrap_or_else(|| self.run.attempt());
        leave(self.program.fail_because([b"unable to start ", self.name, b"/run"], errno).0)
    }
}

fn exited(reaped: &Reaped) -> Exited {
    let end = match reaped.ending {
        Ending::Code(code) => End::Code(code),
        Ending::Signal(number) => Signal::from_number(number).map_or(End::Unknown, End::Signal),
    };
    Exited { end, core: reaped.core, cpu: Some(reaped.cpu), peak_kb: Some(reaped.peak_kb) }
}

fn now() -> Now {
    Now { label: time_of_day(), clock: Instant::now() }
}
