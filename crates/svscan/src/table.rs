//! The services that svscan watches over, as data: the entries that lead to each, which supervises run, and when to
//! start the others. It knows no process, file or clock, and a change takes time for what changed, not for what there
//! is. `P` is the pipe to a logger: a pair of descriptors in the program, anything in a test.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::rc::Rc;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_service::part::Part;
use nix::unistd::Pid;

use crate::sorted_map::SortedMap;
use crate::supervised::{Inode, Supervise, Supervised};

/// The least time between two starts of one supervise.
const START_EVERY: Duration = Duration::from_secs(5);

/// All services.
#[derive(Debug)]
pub struct Table<P> {
    services: SortedMap<Inode, Supervised<P>>,
    /// The entries of the scan directory, and where they lead.
    entries: SortedMap<Rc<CStr>, Inode>,
    /// The services that no entry leads to any more.
    without_entry: BTreeSet<Inode>,
    running: SortedMap<Pid, Inode>,
    /// The supervises to be started, in the order of time.
    startable: BTreeSet<(Instant, Inode, Part)>,
    /// The running supervises of services that have not been found yet where they were sent.
    unconfirmed: SortedMap<Inode, Pid>,
}

impl<P> Default for Table<P> {
    fn default() -> Table<P> {
        Table {
            services: SortedMap::new(),
            entries: SortedMap::new(),
            without_entry: BTreeSet::new(),
            running: SortedMap::new(),
            startable: BTreeSet::new(),
            unconfirmed: SortedMap::new(),
        }
    }
}

impl<P> Table<P> {
    /// An entry leads to this directory; whether that is a known service.
    pub fn see(&mut self, id: Inode, name: &Rc<CStr>) -> bool {
        if self.entries.get(&**name) == Some(&id) {
            return true;
        }
        self.remove(name);
        let known = self.change(id, |service| {
            service.entries += 1;
            if service.entries == 1 {
                service.name = name.clone();
            }
        });
        if known.is_some() {
            self.without_entry.remove(&id);
            self.entries.insert(name.clone(), id);
        }
        known.is_some()
    }

    /// A new service, with the pipe to its logger if it has one.
    pub fn add(&mut self, id: Inode, name: &Rc<CStr>, pipe: Option<P>, now: Instant) {
        self.entries.insert(name.clone(), id);
        self.services.insert(id, Supervised::new(name.clone(), pipe, now));
        self.change(id, |_| {});
    }

    /// An entry has gone, or leads to no directory any more.
    pub fn remove(&mut self, name: &CStr) {
        let Some(id) = self.entries.remove(name) else { return };
        let left = self.change(id, |service| {
            service.entries = service.entries.saturating_sub(1);
            (service.entries, *service.name == *name)
        });
        match left {
            None | Some((1.., false)) => {}
            Some((0, _)) => drop(self.without_entry.insert(id)),
            Some((1.., true)) => {
                let other = self.entries.iter().find(|&(_, &other)| other == id).map(|(name, _)| name.clone());
                if let (Some(other), Some(service)) = (other, self.services.get_mut(&id)) {
                    service.name = other;
                }
            }
        }
    }

    /// Forgets the services without an entry whose supervises have ended, and drops their pipes. Not while an entry is
    /// still to be looked at: a service that was renamed has none for a moment.
    pub fn retire(&mut self) {
        let Table { services, without_entry, .. } = self;
        without_entry.retain(|id| {
            let runs = services.get(id).is_some_and(Supervised::runs);
            if !runs {
                services.remove(id);
            }
            runs
        });
    }

    /// The names of all entries that lead to a service.
    pub fn entries(&self) -> impl Iterator<Item = &CStr> {
        self.entries.iter().map(|(name, _)| name.as_ref())
    }

    /// The supervises to be started now.
    pub fn due(&self, now: Instant) -> Vec<(Inode, Part)> {
        self.startable.iter().take_while(|(until, ..)| *until <= now).map(|&(_, id, part)| (id, part)).collect()
    }

    /// When the next supervise may be started.
    pub fn deadline(&self) -> Option<Instant> {
        self.startable.first().map(|&(until, ..)| until)
    }

    /// The name and the pipe of a service.
    pub fn service(&self, id: Inode) -> Option<(&CStr, Option<&P>)> {
        let service = self.services.get(&id)?;
        Some((&service.name, service.log.as_ref().and_then(|logger| logger.pipe.as_ref())))
    }

    /// A supervise was started.
    pub fn started(&mut self, id: Inode, part: Part, pid: Pid, now: Instant) {
        self.set(id, part, Supervise::Running { pid, since: now });
        self.running.insert(pid, id);
        if part == Part::Service {
            self.unconfirmed.insert(id, pid);
        }
    }

    /// A supervise could not be started.
    pub fn not_started(&mut self, id: Inode, part: Part, now: Instant) {
        self.set(id, part, Supervise::Idle { until: now + START_EVERY });
    }

    /// The running supervises of services that may not be where they were sent: a link can change after we looked at
    /// it and before they did.
    pub fn unconfirmed(&self) -> Vec<(Inode, Pid)> {
        self.unconfirmed.iter().map(|(&id, &pid)| (id, pid)).collect()
    }

    /// The running supervise was found where it was sent, or it is impossible to find out.
    pub fn confirm(&mut self, id: Inode) {
        self.unconfirmed.remove(&id);
    }

    /// A child has ended; whether it was a supervise. That may be started again at once, or 5 seconds after its start.
    pub fn reaped(&mut self, child: Pid) -> bool {
        let Some(id) = self.running.remove(&child) else { return false };
        if self.unconfirmed.get(&id) == Some(&child) {
            self.unconfirmed.remove(&id);
        }
        self.change(id, |service| {
            let part = Part::BOTH.into_iter().find(|&part| service.pid(part) == Some(child));
            let Some(supervise) = part.and_then(|part| service.supervise(part)) else { return };
            if let Supervise::Running { since, .. } = *supervise {
                *supervise = Supervise::Idle { until: since + START_EVERY };
            }
        });
        true
    }

    /// A service that runs already. An entry that leads to it is still to be seen. A supervise that was started after
    /// `confirmed` may not be where it was sent.
    pub fn restore(&mut self, id: Inode, service: Supervised<P>, confirmed: Instant) {
        for part in [Part::Service, Part::Log] {
            let Some(pid) = service.pid(part) else { continue };
            self.running.insert(pid, id);
            if part == Part::Service && service.since(part).is_some_and(|since| since > confirmed) {
                self.unconfirmed.insert(id, pid);
            }
        }
        self.services.insert(id, service);
        self.without_entry.insert(id);
    }

    /// All services, whole.
    pub fn services(&self) -> impl Iterator<Item = (Inode, &Supervised<P>)> {
        self.services.iter().map(|(&id, service)| (id, service))
    }

    /// All services.
    pub fn ids(&self) -> impl Iterator<Item = Inode> {
        self.services.iter().map(|(&id, _)| id)
    }

    /// Whether a service has a logger.
    pub fn has_logger(&self, id: Inode) -> bool {
        self.services.get(&id).is_some_and(|service| service.log.is_some())
    }

    /// The process id of a supervise, while it runs.
    pub fn pid(&self, id: Inode, part: Part) -> Option<Pid> {
        self.services.get(&id)?.pid(part)
    }

    /// Whether a supervise may be started now, even if no entry leads to the service.
    pub fn may_start(&self, id: Inode, part: Part, now: Instant) -> bool {
        let Some(service) = self.services.get(&id) else { return false };
        service.idle().any(|(idle, until)| idle == part && until <= now)
    }

    /// The pipe to a logger, to close an end of it or (by `None`) both.
    pub fn pipe_mut(&mut self, id: Inode) -> Option<&mut Option<P>> {
        let logger = self.services.get_mut(&id)?.log.as_mut()?;
        Some(&mut logger.pipe)
    }

    fn set(&mut self, id: Inode, part: Part, now: Supervise) {
        self.change(id, |service| {
            if let Some(supervise) = service.supervise(part) {
                *supervise = now;
            }
        });
    }

    /// Changes a service, and with it when its supervises are to be started.
    fn change<T>(&mut self, id: Inode, change: impl FnOnce(&mut Supervised<P>) -> T) -> Option<T> {
        let service = self.services.get_mut(&id)?;
        for (part, until) in service.startable() {
            self.startable.remove(&(until, id, part));
        }
        let result = change(service);
        self.startable.extend(service.startable().map(|(part, until)| (until, id, part)));
        Some(result)
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
        assert!(!table.see(id(1), &c"x".into()));
        table.add(id(1), &c"x".into(), Some(()), at(10));
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
        for old_first in [true, false] {
            let mut table = running();
            table.reaped(Pid::from_raw(100));
            table.reaped(Pid::from_raw(101));
            if old_first {
                table.remove(c"x");
            }
            assert!(table.see(id(1), &c"y".into()));
            table.remove(c"x");
            table.retire();
            assert_eq!(table.service(id(1)), Some((c"y", Some(&()))));
            assert_eq!(table.due(at(99)), [(id(1), Service), (id(1), Log)]);
        }
    }

    #[test]
    fn a_second_entry_starts_nothing_and_is_enough_when_the_first_has_gone() {
        let mut table = running();
        assert!(table.see(id(1), &c"z".into()));
        assert!(table.see(id(1), &c"z".into()));
        assert_eq!(table.service(id(1)).map(|(name, _)| name), Some(c"x"));
        table.reaped(Pid::from_raw(100));
        table.remove(c"x");
        assert_eq!(table.due(at(99)), [(id(1), Service)]);
        assert_eq!(table.service(id(1)).map(|(name, _)| name), Some(c"z"));
        table.remove(c"z");
        assert_eq!(table.due(at(99)), []);
        assert_eq!(table.entries().count(), 0);
    }

    #[test]
    fn an_entry_that_leads_elsewhere_is_taken_from_the_service_it_led_to() {
        let mut table = running();
        assert!(!table.see(id(2), &c"x".into()));
        table.add(id(2), &c"x".into(), None, at(20));
        assert_eq!(table.due(at(20)), [(id(2), Service)]);
        table.reaped(Pid::from_raw(100));
        table.reaped(Pid::from_raw(101));
        table.retire();
        assert_eq!(table.ids().collect::<Vec<_>>(), [id(2)]);
    }

    #[test]
    fn a_service_without_an_entry_is_kept_until_both_have_ended_and_is_not_restarted() {
        let mut table = running();
        let gone = |table: &mut Table<()>| {
            table.remove(c"x");
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
        assert_eq!(table.unconfirmed(), [(id(1), Pid::from_raw(100))]);
        table.confirm(id(1));
        assert_eq!(table.unconfirmed(), []);
        table.reaped(Pid::from_raw(100));
        table.started(id(1), Service, Pid::from_raw(200), at(20));
        assert_eq!(table.unconfirmed(), [(id(1), Pid::from_raw(200))]);
        table.reaped(Pid::from_raw(200));
        assert_eq!(table.unconfirmed(), []);
    }

    #[test]
    fn a_failed_start_is_tried_again_after_five_seconds() {
        let mut table = Table::<()>::default();
        table.add(id(2), &c"z".into(), None, at(0));
        table.not_started(id(2), Service, at(1));
        assert_eq!(table.deadline(), Some(at(6)));
    }

    #[test]
    fn another_child_changes_nothing() {
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
        let pipe = table.pipe_mut(id(1)).and_then(Option::take);
        assert!(pipe.is_some());
        assert!(table.has_logger(id(1)));
        assert_eq!(table.service(id(1)).and_then(|(_, pipe)| pipe), None);
    }
}
