//! One service as data: its supervise, the supervise of its logger, and the pipe between the two.

use std::ffi::CStr;
use std::rc::Rc;

use daemontools_program::clock::Instant;
use daemontools_service::part::Part;
use nix::sys::stat::FileStat;
use nix::unistd::Pid;

/// What identifies a service: its directory, whatever name leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inode {
    /// The device.
    pub device: u64,
    /// The inode number on that device.
    pub number: u64,
}

impl Inode {
    /// The file that stat(2) described.
    pub fn of(found: &FileStat) -> Inode {
        Inode { device: found.st_dev, number: found.st_ino }
    }
}

/// One supervise.
#[derive(Clone, Copy, Debug)]
pub enum Supervise {
    /// It runs as process `pid`, and was started at `since`.
    Running {
        /// The process.
        pid: Pid,
        /// When it was started.
        since: Instant,
    },
    /// It does not run, and may be started at `until`.
    Idle {
        /// When it may be started.
        until: Instant,
    },
}

/// The logger of a service.
#[derive(Debug)]
pub struct Logger<P> {
    /// The supervise of the logger.
    pub supervise: Supervise,
    /// The pipe from the service; `None` once the ordered stop has closed it.
    pub pipe: Option<P>,
}

/// One service with what supervises it.
#[derive(Debug)]
pub struct Supervised<P> {
    /// The name of an entry that leads to it, or of the last one that did.
    pub name: Rc<CStr>,
    /// How many entries of the scan directory lead to it.
    pub entries: usize,
    /// The supervise of the service itself.
    pub service: Supervise,
    /// Its logger, if it had a `log` when it was first seen.
    pub log: Option<Box<Logger<P>>>,
}

impl<P> Supervised<P> {
    /// A service that was just found, with the pipe to its logger if it has one. Both may be started now.
    pub fn new(name: Rc<CStr>, pipe: Option<P>, now: Instant) -> Supervised<P> {
        let idle = Supervise::Idle { until: now };
        let log = pipe.map(|pipe| Box::new(Logger { supervise: idle, pipe: Some(pipe) }));
        Supervised { name, entries: 1, service: idle, log }
    }

    /// The supervise of one part; `None` for the logger of a service without one.
    pub fn supervise(&mut self, part: Part) -> Option<&mut Supervise> {
        match part {
            Part::Service => Some(&mut self.service),
            Part::Log => self.log.as_mut().map(|logger| &mut logger.supervise),
        }
    }

    /// When the supervise of one part was started, while that runs.
    pub fn since(&self, part: Part) -> Option<Instant> {
        let supervise = match part {
            Part::Service => self.service,
            Part::Log => self.log.as_ref()?.supervise,
        };
        match supervise {
            Supervise::Running { since, .. } => Some(since),
            Supervise::Idle { .. } => None,
        }
    }

    /// The process id of the supervise of one part, while that runs.
    pub fn pid(&self, part: Part) -> Option<Pid> {
        let supervise = match part {
            Part::Service => self.service,
            Part::Log => self.log.as_ref()?.supervise,
        };
        match supervise {
            Supervise::Running { pid, .. } => Some(pid),
            Supervise::Idle { .. } => None,
        }
    }

    /// The parts whose supervise does not run, and when it may be started.
    pub fn idle(&self) -> impl Iterator<Item = (Part, Instant)> {
        let log = self.log.as_ref().map(|logger| (Part::Log, &logger.supervise));
        [(Part::Service, &self.service)].into_iter().chain(log).filter_map(|(part, supervise)| match supervise {
            Supervise::Idle { until } => Some((part, *until)),
            Supervise::Running { .. } => None,
        })
    }

    /// The same, as long as an entry leads here: without one, nothing is started.
    pub fn startable(&self) -> impl Iterator<Item = (Part, Instant)> {
        self.idle().filter(|_| self.entries > 0)
    }

    /// Whether the supervise of either part runs.
    pub fn runs(&self) -> bool {
        self.pid(Part::Service).or(self.pid(Part::Log)).is_some()
    }
}
