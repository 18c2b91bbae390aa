//! The loop around the machine: waits, tells it what happened, performs what it answers. Once the service
//! is supervised it allocates nothing, but for `cgroup/`, so that no lack of memory ends it.

use std::ffi::CStr;
use std::ops::ControlFlow;
use std::thread::sleep;
use std::time::Duration;

use daemontools_core::control::Command;
use daemontools_core::end::End;
use daemontools_core::identity::Identity;
use daemontools_core::signal::Signal;
use daemontools_core::status::Want;
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::wait::{readable, wait};
use daemontools_service::service_dir::DOWN;
use daemontools_sys::heap::wait_when_exhausted;
use daemontools_sys::process::{Ending, Reaped, reap_measured};
use daemontools_sys::signal::Signals;
use daemontools_upgrade::Caller;
use nix::errno::Errno;
use nix::sys::signal::SIGCHLD;
use nix::sys::stat::stat;
use nix::unistd::{Pid, chdir};

use crate::actions::{Action, Hook, Target};
use crate::cgroup_setting::CgroupSetting;
use crate::channels::Channels;
use crate::fifos::{Control, OkFifo};
use crate::gate::Key;
use crate::lock::Lock;
use crate::machine::{Event, Exited, Machine, Now, Role};
use crate::members::Members;
use crate::processes::{Processes, Readiness, kill_hook};
use crate::publisher::{Publisher, remove_details, remove_old_restarts};
use crate::record::{LeftBehind, Surroundings, Watch, left_behind};
use crate::settings::Settings;
use crate::settings_reader::SettingsReader;
use crate::signals::{signal_rest, signal_service};
use crate::upgrade;

/// The pause after a failure that no manual page speaks of.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often a process is looked at of which the kernel does not tell the end.
const LOOK_EVERY: Duration = Duration::from_secs(1);
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

/// Everything before the first look of others. The machine is on the heap, in a page that is in use anyway, and what this
/// needs of the stack is given back: so an idle supervise takes two or three pages of it.
#[inline(never)]
fn prepare(program: &'static Program, dir: &'static CStr) -> Result<Supervisor, Failure> {
    let name = dir.to_bytes();
    let signals = Signals::watch(&[SIGCHLD]).unable([b"watch for the end of ", name])?;
    let reader = SettingsReader::new(program, name);
    chdir(dir).unable([b"chdir to ", name])?;
    let want = match stat(DOWN) {
        Ok(_) => Want::Down,
        Err(Errno::ENOENT) => Want::Up,
        Err(errno) => Err(errno).unable([b"stat ", name, b"/", DOWN.to_bytes()])?,
    };
    let lock = Lock::acquire(name)?;
    let control = Control::open(name)?;
    let mut settings = Settings::new(reader);
    settings.read();
    let surroundings = Surroundings::look();
    let (machine, adopted) = match surroundings.as_ref().and_then(left_behind) {
        Some(left) => adopt(program, name, &mut settings, left),
        None => (begin(want, &settings), None),
    };
    let publisher = Publisher::new(program, name);
    let processes = Processes::new(program, name, signals);
    let channels = Channels::new();
    let cgroup = CgroupSetting::of_running(program, settings.config().cgroup, machine.pid());
    Ok(Supervisor {
        processes,
        lock,
        control,
        ok: None,
        machine,
        publisher,
        settings,
        channels,
        surroundings,
        adopted,
        cgroup,
        key: None,
        request: None,
    })
}

/// The machine of a service that does not run. A function of its own for the sake of the stack.
#[inline(never)]
fn begin(want: Want, settings: &Settings) -> Box<Machine> {
    Box::new(Machine::new(want, now(), settings.config()))
}

/// Takes over a service that runs already.
#[cold]
#[inline(never)]
fn adopt(
    program: &Program,
    name: &[u8],
    settings: &mut Settings,
    left: Box<LeftBehind>,
) -> (Box<Machine>, Option<Adopted>) {
    if matches!(left.watch, Watch::Looks) {
        program.warn([name, b" runs already, and this kernel does not tell when it ends: looking once a second"]);
    }
    settings.do_without_group(left.pid);
    let machine = Box::new(Machine::adopt(now(), settings.config(), &left));
    (machine, Some(Adopted { pid: left.pid, identity: left.identity, watch: left.watch }))
}

/// A service being supervised.
pub struct Supervisor {
    pub processes: Processes,
    pub lock: Lock,
    pub control: Control,
    /// `None`: others are not to know yet that the service is supervised.
    pub ok: Option<OkFifo>,
    pub machine: Box<Machine>,
    pub publisher: Publisher,
    pub settings: Settings,
    /// Where the service says that it is ready.
    pub channels: Channels,
    /// What a record says of where we are; `None`: no record can be made.
    pub surroundings: Option<Surroundings>,
    /// The service's process, if it is not our child.
    pub adopted: Option<Adopted>,
    /// The control group of the service.
    pub cgroup: CgroupSetting,
    /// What lets the service's process go on that was just made.
    pub key: Option<Key>,
    /// The request of svupgrade that came, by its number.
    pub request: Option<i32>,
}

/// A process that a supervise before this one started.
pub struct Adopted {
    pub pid: Pid,
    pub identity: Identity,
    pub watch: Watch,
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
        let look =
            matches!(self.adopted, Some(Adopted { watch: Watch::Looks, .. })).then(|| Instant::now() + LOOK_EVERY);
        let deadlines = [self.machine.deadline(), self.publisher.deadline(), self.channels.deadline(), look];
        let [pipe, socket] = self.channels.to_wait_for();
        let adopted = self.adopted.as_ref().and_then(|adopted| adopted.watch.to_wait_for());
        let others = [self.control.to_wait_for(), pipe, socket, adopted];
        let mut fds = std::array::from_fn::<_, 5, _>(|_| readable(&self.processes.signals));
        let mut count = 1;
        for (place, other) in fds.iter_mut().skip(1).zip(others.iter().flatten()) {
            *place = readable(other);
            count += 1;
        }
        wait(fds.get_mut(..count).unwrap_or_default(), deadlines.into_iter().flatten().min());
    }

    /// Looks for everything that may have happened and deals with it. Breaks when supervise is to end.
    fn handle_all(&mut self) -> ControlFlow<()> {
        self.handle_ends()?;
        if self.adopted.as_ref().is_some_and(|adopted| adopted.watch.has_ended(adopted.pid, &adopted.identity)) {
            self.adopted = None;
            // Only its parent is told how it ended.
            self.handle(Event::Exited(Exited {
                end: End::Unknown,
                core: false,
                oom: false,
                cpu: None,
                peak_kb: None,
            }))?;
        }
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
            let Some(said) = self.channels.take(service.as_ref(), now) else { break };
            for (says, event) in
                [(said.ready, Event::Ready), (said.alive, Event::Alive), (said.stopping, Event::Leaving)]
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

    /// Tells the machine, and performs what it answers; what comes of that, it is told too.
    fn handle(&mut self, event: Event) -> ControlFlow<()> {
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
    fn exited(&self, reaped: &Reaped) -> Exited {
        let end = end(reaped.ending);
        let killed = end == End::Signal(Signal::KILL);
        let oom = killed && self.cgroup.current().is_some_and(|group| group.new_oom_kills() > 0);
        Exited { end, core: reaped.core, oom, cpu: Some(reaped.cpu), peak_kb: Some(reaped.peak_kb) }
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
    fn start_hook(&self, hook: Hook) -> Event {
        match self.processes.start_hook(hook, self.settings.config(), self.settings.reader()) {
            Ok(pid) => Event::HookStarted(pid),
            Err(errno) => {
                let (program, name) = (self.processes.program, self.processes.name);
                program.warn_because([b"unable to fork for a program of ", name, b"/supervise.d"], errno);
                Event::HookFailed
            }
        }
    }
}

fn end(ending: Ending) -> End {
    match ending {
        Ending::Code(code) => End::Code(code),
        Ending::Signal(number) => Signal::from_number(number).map_or(End::Unknown, End::Signal),
    }
}

/// This moment.
pub fn now() -> Now {
    Now { label: time_of_day(), clock: Instant::now() }
}
