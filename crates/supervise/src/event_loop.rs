//! The loop around the machine: waits, and finds out what happened (`perform` tells the machine). Once the service
//! is supervised it allocates nothing, but for `cgroup/`, so that no lack of memory ends it.

use std::ffi::CStr;
use std::ops::ControlFlow;
use std::thread::sleep;
use std::time::Duration;

use daemontools_core::control::Command;
use daemontools_core::end::End;
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Outcome, Program};
use daemontools_program::wait::{readable, wait};
use daemontools_sys::heap::wait_when_exhausted;
use daemontools_sys::process::reap_measured;
use daemontools_upgrade::Caller;

use crate::adopted::{Adopted, Seen, patience};
use crate::fifos::OkFifo;
use crate::machine::{Event, Exited, Now, Role};
use crate::members::Members;
use crate::perform::end;
use crate::publisher::{remove_details, remove_old_restarts};
use crate::startup::prepare;
use crate::supervisor::Supervisor;
use crate::upgrade;

/// The pause after a failure that no manual page speaks of.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many messages of the service are read before other things have their turn.
const SOME_MESSAGES: usize = 32;
/// How many are read before a deadline is judged: more than the kernel lets wait.
const MOST_MESSAGES: usize = 4096;

/// Supervises the service in `dir` until it is told to exit.
pub fn supervise(program: &'static Program, dir: &'static CStr) -> Outcome {
    // Used where it was made: a copy would take as much of the stack again.
    match prepare(program, dir) {
        Ok(ref mut supervisor) => {
            remove_old_restarts();
            supervisor.publisher.publish_due(&supervisor.machine, b"");
            supervisor.ok = Some(OkFifo::open(dir.to_bytes())?);
            Ok(supervisor.run())
        }
        Err(failure) => Err(failure),
    }
}

/// Goes on with the state that the program file before this one left in this process.
#[cold]
#[inline(never)]
pub fn resume(program: &'static Program, dir: &'static CStr, state: &[u8], caller: Caller) -> Outcome {
    match upgrade::resume(program, dir.to_bytes(), state) {
        Ok(ref mut supervisor) => {
            // What happened meanwhile has perhaps been told to the file before.
            let end = supervisor.turn();
            drop(caller);
            Ok(if end.is_break() { Exit::OK } else { supervisor.run() })
        }
        Err(failure) => Err(failure),
    }
}

impl Supervisor {
    #[inline(never)]
    fn run(&mut self) -> Exit {
        wait_when_exhausted();
        loop {
            self.wait();
            if self.turn().is_break() {
                return Exit::OK;
            }
            if let Some(number) = self.request.take() {
                upgrade::upgrade(self, number);
            }
        }
    }

    /// Deals with everything that has happened. Breaks when supervise is to end.
    fn turn(&mut self) -> ControlFlow<()> {
        self.publisher.publish_again(&self.machine, self.channels.text());
        let end = self.handle_all();
        // Once, however many commands came at once: only the last of their records would be seen.
        self.publisher.publish_due(&self.machine, self.channels.text());
        if end.is_break() {
            remove_details();
            self.cgroup.leave();
        }
        end
    }

    /// Waits for a child's end, a command, a message of the service or a deadline.
    fn wait(&self) {
        let look = self.adopted.as_ref().and_then(Adopted::deadline);
        let deadlines = [self.machine.deadline(), self.publisher.deadline(), self.channels.deadline(), look];
        let [pipe, socket] = self.channels.to_wait_for();
        let others = [self.control.to_wait_for(), pipe, socket];
        let others = others.iter().flatten().map(readable).chain(self.adopted.as_ref().and_then(Adopted::to_wait_for));
        let mut fds = std::array::from_fn::<_, 5, _>(|_| readable(&self.processes.signals));
        let mut count = 1;
        for (place, other) in fds.iter_mut().skip(1).zip(others) {
            *place = other;
            count += 1;
        }
        wait(fds.get_mut(..count).unwrap_or_default(), deadlines.into_iter().flatten().min());
    }

    /// Looks for everything that may have happened and deals with it. Breaks when supervise is to end.
    fn handle_all(&mut self) -> ControlFlow<()> {
        self.handle_ends()?;
        self.handle_end_of_adopted()?;
        self.handle_messages()?;
        let mut buffer = [0; 256];
        for byte in self.control.read(&mut buffer, self.processes.program, self.processes.name) {
            if let Some(command) = Command::from_byte(*byte) {
                self.handle(Event::Command(command))?;
                // A start that is due happens before the next command: what follows `u` finds the process of `u`.
                self.handle(Event::Tick)?;
            }
        }
        self.handle(Event::Tick)
    }

    /// Looks whether the process has ended that is not our child.
    fn handle_end_of_adopted(&mut self) -> ControlFlow<()> {
        let Some(adopted) = &mut self.adopted else { return ControlFlow::Continue(()) };
        let (pid, role) = (adopted.pid, self.machine.role_of(adopted.pid));
        let patience = patience(role, self.settings.config());
        let Seen::Ended(told) = adopted.look(patience, self.machine.deadline()) else {
            return ControlFlow::Continue(());
        };
        self.adopted = None;
        let (end, core) = told.map_or((End::Unknown, false), |(ending, core)| (end(ending), core));
        match role {
            Some(Role::Hook) => self.handle(Event::HookEnded(pid, end)),
            Some(Role::Service) | None => {
                let exited = Exited { end, core, oom: self.was_out_of_memory(end), cpu: None, peak_kb: None };
                self.handle(Event::Exited(exited))
            }
        }
    }

    /// What the service says about itself.
    fn handle_messages(&mut self) -> ControlFlow<()> {
        let now = Instant::now();
        if self.channels.text_is_due(now) {
            self.publisher.note_details();
        }
        if self.channels.pipe_says_ready() {
            self.handle(Event::Ready)?;
        }
        // Before a deadline is judged, everything is read that came before it.
        let most = if self.machine.deadline().is_some_and(|at| at <= now) { MOST_MESSAGES } else { SOME_MESSAGES };
        for _ in 0..most {
            let group = self.machine.config().values.group.is_some();
            let service = self.machine.pid().map(|pid| Members { pid, group, cgroup: self.cgroup.current() });
            let Some(received) = self.channels.take(service.as_ref(), now) else { break };
            for (says, event) in
                [(received.ready, Event::Ready), (received.alive, Event::Alive), (received.stopping, Event::Leaving)]
            {
                if says {
                    self.handle(event)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Reaps every child that has ended, our own and those that an earlier program in this process left us.
    fn handle_ends(&mut self) -> ControlFlow<()> {
        // Which signals came does not matter: each wake-up looks for everything.
        while let Ok(Some((_, request))) = self.processes.signals.take_with_value() {
            self.request = request.or(self.request);
        }
        loop {
            match reap_measured() {
                Ok(Some(reaped)) => match self.machine.role_of(reaped.pid) {
                    Some(Role::Service) => self.handle(Event::Exited(self.exited(&reaped)))?,
                    Some(Role::Hook) => self.handle(Event::HookEnded(reaped.pid, end(reaped.ending)))?,
                    None => {}
                },
                Ok(None) => return ControlFlow::Continue(()),
                // No further signal would tell of this end.
                Err(_) => sleep(TRY_AGAIN_AFTER),
            }
        }
    }
}

/// This moment.
pub fn now() -> Now {
    Now { label: time_of_day(), clock: Instant::now() }
}
