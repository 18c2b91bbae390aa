//! Tells the machine what happened, and performs the actions that it answers with.

use std::ops::ControlFlow;

use daemontools_core::control::Command;
use daemontools_core::end::End;
use daemontools_core::signal::Signal;
use daemontools_sys::process::{Ending, Reaped};
use nix::errno::Errno;

use crate::actions::{Action, Hook, Target};
use crate::event_loop::now;
use crate::machine::{Event, Exited};
use crate::processes::{Readiness, kill_hook};
use crate::signals::{signal_rest, signal_service};
use crate::supervisor::Supervisor;

impl Supervisor {
    /// Tells the machine, and performs what it answers; what comes of that, it is told too.
    pub fn handle(&mut self, event: Event) -> ControlFlow<()> {
        let now = now();
        let needs_settings = match event {
            Event::Exited(_) | Event::Command(Command::Down) => true,
            Event::Tick => self.machine.pid().is_some() && self.machine.deadline().is_some_and(|at| at <= now.clock),
            _ => false,
        };
        if needs_settings {
            self.settings.read();
        }
        for action in self.machine.step(now, self.settings.config(), event) {
            match action {
                Action::PublishDetails => self.publisher.note_details(),
                Action::PublishStatus => self.publisher.note_status(),
                Action::RecordEnd => self.publisher.note_end(self.machine.last_end()),
                Action::Start => {
                    let started = self.start();
                    self.handle(started)?;
                }
                Action::Release => {
                    self.publisher.publish_record(&self.machine, self.channels.text());
                    if let Some(pid) = self.machine.pid() {
                        self.cgroup.enter(pid, self.machine.config().cgroup, self.settings.reader());
                    }
                    if let Some(key) = self.key.take() {
                        key.open();
                    }
                }
                Action::Send(target, signal) => self.signal(target, signal),
                Action::Run(hook) => {
                    let started = self.start_hook(hook);
                    self.handle(started)?;
                }
                Action::KillHook(pid) => kill_hook(pid),
                Action::SignalRest(group, signal) => {
                    let left = signal_rest(group, self.cgroup.current(), signal);
                    self.handle(Event::Rest(left))?;
                }
                Action::Exit => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }

    #[inline(never)]
    fn start(&mut self) -> Event {
        self.settings.read_for_start(self.machine.start_is_automatic());
        let pipe_wanted = self.settings.notification_fd(self.processes.program, self.processes.name).is_some();
        let config = self.settings.config();
        self.cgroup.prepare(self.processes.program, config.cgroup, self.settings.reader());
        let started = self.channels.open(pipe_wanted, config.values.notify_socket).and_then(|writer| {
            let readiness = Readiness { pipe: writer.as_ref(), address: self.channels.address() };
            self.processes.start(config, &readiness)
        });
        match started {
            Ok((pid, key)) => {
                self.key = key;
                Event::Started(pid, self.surroundings.as_ref().and_then(|surroundings| surroundings.identify(pid)))
            }
            Err(errno) => self.start_failed(errno),
        }
    }

    /// What the end of the service's process tells.
    pub fn exited(&self, reaped: &Reaped) -> Exited {
        let end = end(reaped.ending);
        Exited {
            end,
            core: reaped.core,
            oom: self.was_out_of_memory(end),
            cpu: Some(reaped.cpu),
            peak_kb: Some(reaped.peak_kb),
        }
    }

    /// Whether the service ended like this because the memory of its control group ran out.
    pub fn was_out_of_memory(&self, end: End) -> bool {
        let killed = end == End::Signal(Signal::KILL);
        killed && self.cgroup.current().is_some_and(|group| group.new_oom_kills() > 0)
    }

    fn signal(&self, target: Target, signal: Signal) {
        match (&self.adopted, target) {
            (Some(adopted), Target::Service(_)) => adopted.watch.send(adopted.pid, &adopted.identity, signal.number()),
            (_, target) => signal_service(target, signal),
        }
    }

    fn start_failed(&self, errno: Errno) -> Event {
        let (program, name) = (self.processes.program, self.processes.name);
        program.warn_because([b"unable to fork for ", name, b", sleeping 60 seconds"], errno);
        Event::StartFailed
    }

    #[inline(never)]
    fn start_hook(&mut self, hook: Hook) -> Event {
        match self.processes.start_hook(hook, self.settings.config(), self.settings.reader()) {
            Ok((pid, key)) => {
                if matches!(hook, Hook::Finish(..)) {
                    self.key = key;
                    let identity = self.surroundings.as_ref().and_then(|surroundings| surroundings.identify(pid));
                    self.machine.identify_finish(identity);
                }
                Event::HookStarted(pid)
            }
            Err(errno) => {
                let (program, name) = (self.processes.program, self.processes.name);
                program.warn_because([b"unable to fork for a program of ", name, b"/supervise.d"], errno);
                Event::HookFailed
            }
        }
    }
}

/// How a child ended.
pub fn end(ending: Ending) -> End {
    match ending {
        Ending::Code(code) => End::Code(code),
        Ending::Signal(number) => Signal::from_number(number).map_or(End::Unknown, End::Signal),
    }
}
