//! The loop around `shutdown`: observes each service, performs the next actions, until the tree has ended.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::time::Duration;

use daemontools_core::status::Want;
use daemontools_program::clock::Instant;
use daemontools_program::entry::Exit;
use daemontools_program::failure::Program;
use daemontools_program::path;
use daemontools_service::part::Part;
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::process::reap;
use daemontools_sys::signal::block;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::stat;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, getpid};

use crate::shutdown::{Action, Children, LogPipe, Observed, Presence, Shutdown, Sweep};
use crate::signals::WatchedSignals;
use crate::start::{Pipe, StartSpec, Starter};
use crate::stragglers;
use crate::supervised::Inode;
use crate::table::Table;
use crate::upgrade;

/// How often to observe the services: no event tells that a pipe has become empty.
const OBSERVE_EVERY: Duration = Duration::from_millis(20);

/// What is left to be stopped, and what that needs.
pub struct Stop {
    /// Whose warnings these are.
    pub program: &'static Program,
    /// The end of a child, another request to stop.
    pub signals: WatchedSignals,
    /// Starts the supervise of a logger again.
    pub starter: Starter,
    /// The services.
    pub table: Table<Pipe>,
}

impl Stop {
    /// Stops the tree; services have `grace` to end by themselves.
    pub fn run(mut self, grace: Duration) -> Exit {
        // A supervise may end after its control FIFO was opened and before it is written to. SIGPIPE is blocked, not
        // ignored, because the supervise of a logger that is started later would inherit that.
        let _ = block(&[Signal::SIGPIPE]);
        let mut shutdown = Shutdown::new(Instant::now(), grace);
        let mut done: BTreeSet<Inode> = BTreeSet::new();
        loop {
            let children = self.take_children();
            if self.asked_again() {
                shutdown.end_grace(Instant::now());
            }
            let left = self.table.ids().filter(|id| !done.contains(id));
            let observed: Vec<(Inode, Observed)> = left.map(|id| (id, self.observe(id))).collect();
            // A service that has ended is not observed again: one of a thousand may be slow to end.
            done.extend(observed.iter().filter(|(_, observed)| observed.is_done()).map(|&(id, _)| id));
            for action in shutdown.step(Instant::now(), &observed, children) {
                match action {
                    Action::Send(id, part, letters) => {
                        if self.send(id, part, letters) {
                            shutdown.sent(id, part);
                        }
                    }
                    Action::StartLogger(id) => self.start_logger(id),
                    Action::CloseWriter(id) => self.close_writer(id),
                    Action::ClosePipe(id) => drop(self.table.pipe_mut(id).and_then(Option::take)),
                    Action::WarnLate(id) => self.warn_late(id),
                    Action::Sweep(sweep) => self.sweep(sweep),
                    Action::Exit => return Exit::OK,
                }
            }
            self.signals.wait(None, Some(Instant::now() + OBSERVE_EVERY));
        }
    }

    fn take_children(&mut self) -> Children {
        while let Ok(Some((child, _))) = reap() {
            self.table.reaped(child);
        }
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        if waitid(Id::All, flags) == Err(Errno::ECHILD) { Children::None } else { Children::Some }
    }

    fn asked_again(&self) -> bool {
        let mut asked = false;
        for (signal, request) in self.signals.take() {
            if let Some(number) = request {
                upgrade::refuse(number);
            }
            asked |= !matches!(signal, Signal::SIGCHLD | Signal::SIGHUP);
        }
        asked
    }

    fn observe(&self, id: Inode) -> Observed {
        let service = self.presence(id, Part::Service);
        let log = self.table.has_logger(id).then(|| {
            let presence = self.presence(id, Part::Log);
            let is_unread = (service, presence) == (Presence::Gone, Presence::Running) && self.is_down(id);
            (presence, if is_unread { LogPipe::Unread } else { self.log_pipe(id) })
        });
        Observed { service, log }
    }

    /// Whether a supervise runs: a child of ours, or one that an earlier svscan left behind.
    fn presence(&self, id: Inode, part: Part) -> Presence {
        let supervised = || self.dir(id, part).is_some_and(|dir| dir.supervised() == Ok(true));
        if self.table.pid(id, part).is_some() || supervised() { Presence::Running } else { Presence::Gone }
    }

    fn log_pipe(&self, id: Inode) -> LogPipe {
        let Some((_, Some(pipe))) = self.table.service(id) else { return LogPipe::Drained };
        let mut fds = [PollFd::new(pipe.reader.as_fd(), PollFlags::POLLIN)];
        let found = poll(&mut fds, PollTimeout::ZERO);
        let [fd] = fds;
        let has = |flag| fd.revents().is_some_and(|found| found.contains(flag));
        if found.is_err() || has(PollFlags::POLLIN) {
            LogPipe::Pending
        } else if has(PollFlags::POLLHUP) {
            LogPipe::Drained
        } else if pipe.writer.is_some() {
            LogPipe::Empty
        } else {
            LogPipe::Held
        }
    }

    fn close_writer(&mut self, id: Inode) {
        if let Some(pipe) = self.table.pipe_mut(id).and_then(Option::as_mut) {
            pipe.writer = None;
        }
    }

    /// Whether an operator took the logger down, so that nothing reads the pipe.
    fn is_down(&self, id: Inode) -> bool {
        let status = self.dir(id, Part::Log).and_then(|dir| dir.status().ok());
        status.is_some_and(|status| status.pid.is_none() && status.want != Want::Up)
    }

    /// Writes letters into the control FIFO of a supervise; does not wait where that is full. Whether it worked.
    fn send(&self, id: Inode, part: Part, letters: &[u8]) -> bool {
        self.dir(id, part).is_some_and(|dir| dir.try_send(letters).is_ok())
    }

    /// The directory of a service or of its logger. It is reached by the name of the service if that still leads there,
    /// otherwise through its supervise.
    fn dir(&self, id: Inode, part: Part) -> Option<ServiceDir> {
        let (name, _) = self.table.service(id)?;
        let path = match (leads_to(name, id), self.table.pid(id, part)) {
            (true, _) => path::append(name, part.path_suffix()),
            (false, Some(pid)) => path::append(c"/proc", &format!("/{pid}/cwd")),
            (false, None) => return None,
        };
        ServiceDir::open_believed(&path).ok()
    }

    fn start_logger(&mut self, id: Inode) {
        if !self.table.may_start(id, Part::Log, Instant::now()) {
            return;
        }
        let Stop { starter, table, .. } = self;
        let Some((name, pipe)) = table.service(id) else { return };
        match starter.start(&self.signals, &StartSpec { id, name, pipe }, Part::Log) {
            Ok(pid) => self.table.started(id, Part::Log, pid, Instant::now()),
            Err(failure) => {
                failure.warn(self.program);
                self.table.not_started(id, Part::Log, Instant::now());
            }
        }
    }

    fn warn_late(&self, id: Inode) {
        if let Some((name, _)) = self.table.service(id) {
            self.program.warn([b"killing ", name.to_bytes(), b": it did not end in time"]);
        }
    }

    fn sweep(&self, sweep: Sweep) {
        let loggers: Vec<Pid> = self.table.ids().filter_map(|id| self.table.pid(id, Part::Log)).collect();
        match sweep {
            Sweep::TermStragglers => {
                for pid in stragglers::all_but(&loggers).unwrap_or_default() {
                    let _ = kill(pid, Signal::SIGTERM);
                    let _ = kill(pid, Signal::SIGCONT);
                }
            }
            Sweep::KillStragglers => kill_all(&stragglers::all_but(&loggers).unwrap_or_default()),
            // From process 1 this reaches every process of the namespace, whatever /proc shows.
            Sweep::KillAll if getpid() == Pid::from_raw(1) => drop(kill(Pid::from_raw(-1), Signal::SIGKILL)),
            Sweep::KillAll => kill_all(&stragglers::all_but(&[]).unwrap_or_else(|| self.supervises())),
        }
    }

    fn supervises(&self) -> Vec<Pid> {
        let both = self.table.ids().flat_map(|id| Part::BOTH.map(|part| (id, part)));
        both.filter_map(|(id, part)| self.table.pid(id, part)).collect()
    }
}

fn kill_all(pids: &[Pid]) {
    for &pid in pids {
        // It may have ended already.
        let _ = kill(pid, Signal::SIGKILL);
    }
}

fn leads_to(name: &CStr, id: Inode) -> bool {
    stat(name).is_ok_and(|found| Inode::of(&found) == id)
}
