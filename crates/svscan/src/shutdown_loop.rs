//! The loop around the farewell: looks at each service, performs what is said, until all is over.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::os::fd::AsFd;
use std::time::Duration;

use daemontools_core::status::Want;
use daemontools_program::clock::Instant;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Program};
use daemontools_program::stdio::write_all;
use daemontools_program::wait::{readable, wait};
use daemontools_service::service_dir::{Home, open_control, read_status, supervised};
use daemontools_sys::process::reap;
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::stat::stat;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, getpid};

use crate::farewell::{Action, Farewell, Sweep};
use crate::service::{Inode, Role};
use crate::sight::{Children, Rest, Seen, Sight};
use crate::start::{Pipe, Place, Starter};
use crate::strays;
use crate::table::Table;

/// How often to look: a pipe that runs empty tells nobody.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is left to be ended, and the means.
pub struct Stop {
    /// Who says what is said.
    pub program: &'static Program,
    /// What wakes us: a child's end, another request to stop.
    pub signals: Signals,
    /// Makes the supervise of a logger again.
    pub starter: Starter,
    /// The services.
    pub table: Table<Pipe>,
}

impl Stop {
    /// Ends the tree; services have `grace` to end by themselves.
    pub fn run(mut self, grace: Duration) -> Exit {
        // A supervise that ends between our open and our write is no reason to die. Blocked, not ignored: a logger's
        // supervise that is started yet gets the mask that we were started with.
        let mut pipe = SigSet::empty();
        pipe.add(Signal::SIGPIPE);
        let _ = pipe.thread_block();
        let Ok(home) = Home::here() else { return Exit::TROUBLE };
        let mut farewell = Farewell::new(Instant::now(), grace);
        let mut done: BTreeSet<Inode> = BTreeSet::new();
        loop {
            let children = self.take_children();
            if self.asked_again() {
                farewell.hurry(Instant::now());
            }
            let left = self.table.ids().filter(|id| !done.contains(id));
            let seen: Vec<(Inode, Seen)> = left.map(|id| (id, self.look(&home, id))).collect();
            // Once it has ended it is not looked at again: of a thousand services one may be slow.
            done.extend(seen.iter().filter(|(_, seen)| seen.is_done()).map(|&(id, _)| id));
            for action in farewell.step(Instant::now(), &seen, children) {
                match action {
                    Action::Tell(id, role, letters) => {
                        if self.tell(&home, id, role, letters).is_ok() {
                            farewell.told(id, role);
                        }
                    }
                    Action::StartLogger(id) => self.start_logger(id),
                    Action::Close(id) => self.table.close(id),
                    Action::Complain(id) => self.complain(id),
                    Action::Sweep(sweep) => self.sweep(sweep),
                    Action::Exit => return Exit::OK,
                }
            }
            wait(&mut [readable(&self.signals)], Some(Instant::now() + LOOK_EVERY));
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
        while let Ok(Some(signal)) = self.signals.take() {
            asked |= !matches!(signal, Signal::SIGCHLD | Signal::SIGHUP);
        }
        asked
    }

    fn look(&self, home: &Home, id: Inode) -> Seen {
        let log = self.table.has_logger(id).then(|| {
            let sight = self.sight(home, id, Role::Log);
            (sight, self.rest(home, id, sight))
        });
        Seen { main: self.sight(home, id, Role::Main), log }
    }

    /// Whether a supervise runs: a child of ours, or one that an earlier svscan left, which ours could not replace.
    fn sight(&self, home: &Home, id: Inode, role: Role) -> Sight {
        let there = self.table.pid(id, role).is_some() || self.visit(home, id, role, supervised) == Ok(true);
        if there { Sight::There } else { Sight::Gone }
    }

    fn rest(&self, home: &Home, id: Inode, sight: Sight) -> Rest {
        let Some((_, Some(pipe))) = self.table.service(id) else { return Rest::Nothing };
        let mut fds = [PollFd::new(pipe.reader.as_fd(), PollFlags::POLLIN)];
        let full = poll(&mut fds, PollTimeout::ZERO) == Ok(1);
        if full && !(sight == Sight::There && self.is_put_down(home, id)) { Rest::Lines } else { Rest::Nothing }
    }

    /// Whether somebody took the logger down: nobody will read the pipe.
    fn is_put_down(&self, home: &Home, id: Inode) -> bool {
        let status = self.visit(home, id, Role::Log, || read_status().map_err(|_| Errno::EIO));
        matches!(status, Ok(Some(status)) if status.pid.is_none() && status.want != Want::Up)
    }

    /// Writes letters into a supervise's control; does not wait where that is full.
    fn tell(&self, home: &Home, id: Inode, role: Role, letters: &[u8]) -> nix::Result<()> {
        self.visit(home, id, role, || {
            let control = open_control()?;
            fcntl(&control, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
            write_all(&control, letters)
        })
    }

    /// Runs `visit` in the directory of a service or of its logger: by its name, if that still leads there, else where
    /// its supervise works.
    fn visit<T>(&self, home: &Home, id: Inode, role: Role, visit: impl FnOnce() -> nix::Result<T>) -> nix::Result<T> {
        let (name, _) = self.table.service(id).ok_or(Errno::ENOENT)?;
        let path = match (is_still(name, id), role, self.table.pid(id, role)) {
            (true, Role::Main, _) => name.to_owned(),
            (true, Role::Log, _) => c_string([name.to_bytes(), b"/log"].concat()),
            (false, _, Some(pid)) => c_string(format!("/proc/{pid}/cwd").into_bytes()),
            (false, _, None) => return Err(Errno::ENOENT),
        };
        match home.visit(&path, visit) {
            Ok(result) => result?,
            // The way back is barred: say so, and let the grace end what cannot be told any more.
            Err(failure) => {
                failure.warn(self.program);
                Err(Errno::ENOENT)
            }
        }
    }

    fn start_logger(&mut self, id: Inode) {
        if !self.table.may_start(id, Role::Log, Instant::now()) {
            return;
        }
        let Some((name, pipe)) = self.table.service(id) else { return };
        match self.starter.start(&self.signals, &Place { id, name, pipe }, Role::Log) {
            Ok(pid) => self.table.started(id, Role::Log, pid, Instant::now()),
            Err(failure) => {
                failure.warn(self.program);
                self.table.not_started(id, Role::Log, Instant::now());
            }
        }
    }

    fn complain(&self, id: Inode) {
        if let Some((name, _)) = self.table.service(id) {
            Failure::fatal([b"killing ", name.to_bytes(), b": it did not end in time"]).warn(self.program);
        }
    }

    fn sweep(&self, sweep: Sweep) {
        let loggers: Vec<Pid> = self.table.ids().filter_map(|id| self.table.pid(id, Role::Log)).collect();
        match sweep {
            Sweep::AskStrays => {
                for pid in strays::all_but(&loggers).unwrap_or_default() {
                    let _ = kill(pid, Signal::SIGTERM);
                    let _ = kill(pid, Signal::SIGCONT);
                }
            }
            Sweep::KillStrays => kill_all(&strays::all_but(&loggers).unwrap_or_default()),
            // As process 1 this reaches every process that there is, whatever /proc shows.
            Sweep::KillAll if getpid() == Pid::from_raw(1) => drop(kill(Pid::from_raw(-1), Signal::SIGKILL)),
            Sweep::KillAll => kill_all(&strays::all_but(&[]).unwrap_or_else(|| self.supervises())),
        }
    }

    fn supervises(&self) -> Vec<Pid> {
        let both = self.table.ids().flat_map(|id| [(id, Role::Main), (id, Role::Log)]);
        both.filter_map(|(id, role)| self.table.pid(id, role)).collect()
    }
}

fn kill_all(pids: &[Pid]) {
    for &pid in pids {
        // It may have ended by now.
        let _ = kill(pid, Signal::SIGKILL);
    }
}

fn is_still(name: &CStr, id: Inode) -> bool {
    stat(name).is_ok_and(|found| Inode::of(&found) == id)
}

fn c_string(path: Vec<u8>) -> CString {
    // No part has a NUL; an empty path would only not be found.
    CString::new(path).unwrap_or_default()
}
