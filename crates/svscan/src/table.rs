//! What svscan watches over, as data: all services, which of their supervises run, and when each is to be started. It
//! knows no process, file or clock. `P` is the pipe to a logger: descriptors in life, anything in a test.

use std::collections::{BTreeMap, HashMap};
use std::ffi::CStr;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_service::part::Part;
use nix::unistd::Pid;

use crate::supervised::{Inode, Supervise, Supervised};

/// How far apart two starts of one supervise are at least.
const START_EVERY: Duration = Duration::from_secs(5);

/// All services.
#[derive(Debug)]
pub struct Table<P> {
    services: BTreeMap<Inode, Supervised<P>>,
    running: HashMap<Pid, (Inode, Part)>,
}

impl<P> Default for Table<P> {
    fn default() -> Table<P> {
        Table { services: BTreeMap::new(), running: HashMap::new() }
    }
}

impl<P> Table<P> {
    /// A scan begins: no entry has been seen yet.
    pub fn begin(&mut self) {
        self.services.values_mut().for_each(|service| service.seen = false);
    }

    /// The scan found an entry; whether it is a known service.
    pub fn see(&mut self, id: Inode, name: &CStr) -> bool {
        let Some(service) = self.services.get_mut(&id) else { return false };
        service.seen = true;
        if *service.name != *name {
            service.name = name.to_owned();
        }
        true
    }

    /// The scan found a new service, with the pipe to its logger if it has one.
    pub fn add(&mut self, id: Inode, name: &CStr, pipe: Option<P>, now: Instant) {
        self.services.insert(id, Supervised::new(name, pipe, now));
    }

    /// The scan ends: services whose entry has gone and whose supervises have ended are forgotten, their pipes dropped.
    pub fn retire(&mut self) {
        self.services.retain(|_, service| service.seen || service.runs());
    }

    /// The supervises to be started now.
    pub fn due(&self, now: Instant) -> Vec<(Inode, Part)> {
        self.idle().filter(|&(_, _, until)| until <= now).map(|(id, part, _)| (id, part)).collect()
    }

    /// When the next supervise may be started.
    pub fn deadline(&self) -> Option<Instant> {
        self.idle().map(|(_, _, until)| until).min()
    }

    fn idle(&self) -> impl Iterator<Item = (Inode, Part, Instant)> {
        let seen = self.services.iter().filter(|(_, service)| service.seen);
        seen.flat_map(|(&id, service)| service.idle().map(move |(part, until)| (id, part, until)))
    }

    /// A service's name and pipe.
    pub fn service(&self, id: Inode) -> Option<(&CStr, Option<&P>)> {
        let service = self.services.get(&id)?;
        Some((&service.name, service.log.as_ref().and_then(|logger| logger.pipe.as_ref())))
    }

    /// A supervise was started.
    pub fn started(&mut self, id: Inode, part: Part, pid: Pid, now: Instant) {
        if let Some(supervise) = self.services.get_mut(&id).and_then(|service| service.supervise(part)) {
            *supervise = Supervise::Running { pid, since: now };
            self.running.insert(pid, (id, part));
        }
        if let (Part::Service, Some(service)) = (part, self.services.get_mut(&id)) {
            service.confirmed = false;
        }
    }

    /// The running supervises of which nobody has found out yet that they are where they were sent. A link can be led
    /// elsewhere between our look at it and theirs.
    pub fn unconfirmed(&self) -> Vec<(Inode, Pid)> {
        let main = |(&id, service): (&Inode, &Supervised<P>)| Some((id, service.pid(Part::Service)?));
        self.services.iter().filter(|(_, service)| !service.confirmed).filter_map(main).collect()
    }

    /// The running supervise was found where it was sent, or it cannot be found out where it is.
    pub fn confirm(&mut self, id: Inode) {
        if let Some(service) = self.services.get_mut(&id) {
            service.confirmed = true;
        }
    }

    /// A supervise could not be started.
    pub fn not_started(&mut self, id: Inode, part: Part, now: Instant) {
        if let Some(supervise) = self.services.get_mut(&id).and_then(|service| service.supervise(part)) {
            *supervise = Supervise::Idle { until: now + START_EVERY };
        }
    }

    /// A child has ended; whether it was a supervise. That is started again at once, or when 5 seconds have passed since
    /// it was started.
    pub fn reaped(&mut self, child: Pid) -> bool {
        let Some((id, part)) = self.running.remove(&child) else { return false };
        let found = self.services.get_mut(&id).and_then(|service| service.supervise(part));
        let Some(supervise) = found else { return false };
        if let Supervise::Running { pid, since } = *supervise {
            if pid == child {
                *supervise = Supervise::Idle { until: since + START_EVERY };
            }
        }
        true
    }

    /// What all services are known by.
    pub fn ids(&self) -> impl Iterator<Item = Inode> {
        self.services.keys().copied()
    }

    /// Whether a service has a logger.
    pub fn has_logger(&self, id: Inode) -> bool {
        self.services.get(&id).is_some_and(|service| service.log.is_some())
    }

    /// A supervise's process id, while it runs.
    pub fn pid(&self, id: Inode, part: Part) -> Option<Pid> {
        self.services.get(&id)?.pid(part)
    }

    /// Whether a supervise may be started now, be its entry there or not.
    pub fn may_start(&self, id: Inode, part: Part, now: Instant) -> bool {
        let Some(service) = self.services.get(&id) else { return false };
        service.idle().any(|(idle, until)| idle == part && until <= now)
    }

    /// Drops the pipe to a logger.
    pub fn close(&mut self, id: Inode) {
        if let Some(logger) = self.services.get_mut(&id).and_then(|service| service.log.as_mut()) {
            logger.pipe = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Part::{Log, Service};

    fn id(number: u64) -> Inode {
        Inode { device: 1, number }
    }

    fn at(seconds: u64) -> Instant {
        Instant(Duration::from_secs(seconds))
    }

    /// A table in which service 1 was seen, with a logger, and both run since second 10 as processes 100 and 101.
    fn running() -> Table<()> {
        let mut table = Table::default();
        table.begin();
        assert!(!table.see(id(1), c"x"));
        table.add(id(1), c"x", Some(()), at(10));
        table.retire();
        assert_eq!(table.due(at(10)), [(id(1), Service), (id(1), Log)]);
        table.started(id(1), Service, Pid::from_raw(100), at(10));
        table.started(id(1), Log, Pid::from_raw(101), at(10));
        assert_eq!(table.deadline(), None);
        table
    }

    #[test]
    fn a_supervise_that_ran_long_enough_is_due_at_once() {
        let mut table = running();
        table.reaped(Pid::from_raw(100));
        assert_eq!(table.due(at(20)), [(id(1), Service)]);
    }

    #[test]
    fn one_that_keeps_dying_is_due_five_seconds_after_its_start() {
        let mut table = running();
        table.reaped(Pid::from_raw(101));
        assert_eq!(table.due(at(11)), []);
        assert_eq!(table.deadline(), Some(at(15)));
        assert_eq!(table.due(at(15)), [(id(1), Log)]);
    }

    #[test]
    fn a_renamed_entry_is_the_same_service_under_its_new_name() {
        let mut table = running();
        table.begin();
        assert!(table.see(id(1), c"y"));
        table.retire();
        assert_eq!(table.service(id(1)).map(|(name, _)| name), Some(c"y"));
        assert_eq!(table.due(at(99)), []);
    }

    #[test]
    fn a_service_whose_entry_has_gone_is_kept_until_both_have_ended_and_is_not_restarted() {
        let mut table = running();
        let gone = |table: &mut Table<()>| {
            table.begin();
            table.retire();
            table.service(id(1)).is_none()
        };
        assert!(!gone(&mut table));
        table.reaped(Pid::from_raw(100));
        assert!(!gone(&mut table));
        assert_eq!((table.due(at(99)), table.deadline()), (vec![], None));
        table.reaped(Pid::from_raw(101));
        assert!(gone(&mut table));
    }

    #[test]
    fn a_supervise_where_it_was_sent_is_not_looked_for_again_before_its_next_start() {
        let mut table = running();
        table.confirm(id(1));
        assert_eq!(table.unconfirmed(), []);
        table.reaped(Pid::from_raw(100));
        table.started(id(1), Service, Pid::from_raw(200), at(20));
        assert_eq!(table.unconfirmed(), [(id(1), Pid::from_raw(200))]);
    }

    #[test]
    fn a_failed_start_is_tried_again_after_five_seconds() {
        let mut table = Table::<()>::default();
        table.add(id(2), c"z", None, at(0));
        table.not_started(id(2), Service, at(1));
        assert_eq!(table.deadline(), Some(at(6)));
    }

    #[test]
    fn a_child_of_nobody_changes_nothing() {
        let mut table = running();
        assert!(!table.reaped(Pid::from_raw(999)));
        assert_eq!(table.deadline(), None);
    }

    #[test]
    fn at_the_end_a_logger_may_be_started_again_and_its_pipe_is_closed() {
        let mut table = running();
        assert_eq!(table.pid(id(1), Log), Some(Pid::from_raw(101)));
        assert!(!table.may_start(id(1), Log, at(99)));
        assert!(table.reaped(Pid::from_raw(101)));
        assert_eq!(table.pid(id(1), Log), None);
        assert!(!table.may_start(id(1), Log, at(14)));
        assert!(table.may_start(id(1), Log, at(15)));
        table.close(id(1));
        assert!(table.has_logger(id(1)));
        assert_eq!(table.service(id(1)).and_then(|(_, pipe)| pipe), None);
    }
}
