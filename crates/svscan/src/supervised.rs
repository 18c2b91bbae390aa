//! One service, as data: its supervise, its logger's, and the pipe between the two.

use daemontools_program::clock::Instant;
use std::ffi::{CStr, CString};

use nix::sys::stat::FileStat;
use nix::unistd::Pid;

/// What a service is known by: not its name, but its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inode {
    /// The device.
    pub device: u64,
    /// The number on it.
    pub number: u64,
}

impl Inode {
    /// What stat(2) found.
    pub fn of(found: &FileStat) -> Inode {
        Inode { device: found.st_dev, number: found.st_ino }
    }
}

/// Which of a service's two supervises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The service's own.
    Main,
    /// Its logger's.
    Log,
}

/// One supervise.
#[derive(Clone, Copy, Debug)]
pub enum Supervise {
    /// It runs.
    Running {
        /// As this process.
        pid: Pid,
        /// Since this time of the monotonic clock.
        since: Instant,
    },
    /// It does not run.
    Idle {
        /// It is not to be started before this time of the monotonic clock.
        until: Instant,
    },
}

/// A service's logger.
#[derive(Debug)]
pub struct Logger<P> {
    /// Its supervise.
    pub supervise: Supervise,
    /// `None`: closed, because the end has come.
    pub pipe: Option<P>,
}

/// One service.
#[derive(Debug)]
pub struct Service<P> {
    /// Its entry's name when last seen.
    pub name: CString,
    /// Its own supervise.
    pub main: Supervise,
    /// Its logger, if it had a `log` when it was first seen.
    pub log: Option<Logger<P>>,
    /// Whether the last scan found its entry.
    pub seen: bool,
    /// Whether the running supervise was found to be in this very directory.
    pub confirmed: bool,
}

impl<P> Service<P> {
    /// One that was just found, with the pipe to its logger if it has one; both may be started now.
    pub fn new(name: &CStr, pipe: Option<P>, now: Instant) -> Service<P> {
        let idle = Supervise::Idle { until: now };
        let log = pipe.map(|pipe| Logger { supervise: idle, pipe: Some(pipe) });
        Service { name: name.to_owned(), main: idle, log, seen: true, confirmed: false }
    }

    /// One of its supervises, to be changed; `None`: it has no logger.
    pub fn supervise(&mut self, role: Role) -> Option<&mut Supervise> {
        match role {
            Role::Main => Some(&mut self.main),
            Role::Log => self.log.as_mut().map(|logger| &mut logger.supervise),
        }
    }

    /// The process id of one of its supervises, while that runs.
    pub fn pid(&self, role: Role) -> Option<Pid> {
        let supervise = match role {
            Role::Main => self.main,
            Role::Log => self.log.as_ref()?.supervise,
        };
        match supervise {
            Supervise::Running { pid, .. } => Some(pid),
            Supervise::Idle { .. } => None,
        }
    }

    /// When each supervise that does not run may be started.
    pub fn idle(&self) -> impl Iterator<Item = (Role, Instant)> {
        let log = self.log.as_ref().map(|logger| (Role::Log, &logger.supervise));
        [(Role::Main, &self.main)].into_iter().chain(log).filter_map(|(role, supervise)| match supervise {
            Supervise::Idle { until } => Some((role, *until)),
            Supervise::Running { .. } => None,
        })
    }

    /// Whether one of them runs.
    pub fn runs(&self) -> bool {
        self.pid(Role::Main).or(self.pid(Role::Log)).is_some()
    }
}
