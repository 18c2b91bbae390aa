//! The tree, kept up to date by what changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use daemontools_observe::blocked::{self, Suspects};
use daemontools_observe::tree::{self, Entry};
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::wait::{only_errors, readable, reader_gone, wait};
use daemontools_service::by_path::Opener;
use daemontools_service::part::Part;
use daemontools_service::report::{Condition, ServiceReport};
use daemontools_sys::fd::STDOUT;
use daemontools_watch::{ENTRIES, Watcher};

use crate::options::Options;
use crate::scan_dir;
use crate::watched::{self, Change, Watched};

/// How often everything is looked at where changes can escape the watcher.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the pipes to loggers are looked at: no event tells that one is not read.
const PIPES_EVERY: Duration = Duration::from_secs(2);

/// The tree as it was last seen, and what tells of changes in it.
pub struct Live<'a> {
    options: &'a Options,
    watcher: Watcher<Watched>,
    /// What is in the scan directory and watched; a link that leads nowhere, too, since it may lead somewhere a moment later.
    names: BTreeSet<CString>,
    /// The services among these.
    entries: BTreeMap<CString, Entry>,
    /// When to look at everything, where changes can escape.
    look_at: Instant,
    suspects: Suspects,
    /// When to look at the pipes.
    pipes_at: Instant,
}

impl Live<'_> {
    /// Looks at the scan directory, the current one.
    pub fn new(options: &Options) -> Result<Live<'_>, Failure> {
        let mut watcher = Watcher::new();
        let added = watcher.add(Path::new("."), ENTRIES, Watched::ScanDir);
        added.unable([b"watch ", options.dir.to_bytes()])?;
        let (now, suspects) = (Instant::now(), Suspects::default());
        let (look_at, pipes_at) = (now + LOOK_EVERY, now + PIPES_EVERY);
        let (names, entries) = (BTreeSet::new(), BTreeMap::new());
        let mut live = Live { options, watcher, names, entries, look_at, suspects, pipes_at };
        live.scan()?;
        Ok(live)
    }

    /// The entries as they are now if nothing has changed since they were seen.
    pub fn entries(&self) -> Vec<Entry> {
        let now = time_of_day();
        self.entries.values().map(|entry| entry.seen_at(now)).collect()
    }

    /// Waits for changes, until `deadline` at most, or until `signals` is readable; whether there were changes that
    /// matter. If nobody reads our output any more, that is the end: there may be no change for days.
    pub fn wait(&mut self, deadline: Option<Instant>, signals: Option<BorrowedFd<'_>>) -> Result<bool, Failure> {
        let misses = self.watcher.misses_changes();
        let pipes = self.entries.values().any(blocked::has_pipe);
        let own = [misses.then_some(self.look_at), pipes.then_some(self.pipes_at)];
        let deadline = own.into_iter().chain([deadline]).flatten().min();
        let watched = self.watcher.fd();
        let mut fds = vec![only_errors(STDOUT)];
        fds.extend(watched.as_ref().into_iter().chain(signals.as_ref()).map(readable));
        wait(&mut fds, deadline);
        if fds.first().is_some_and(reader_gone) {
            return Err(Failure::silent(Exit::TROUBLE));
        }
        let mut changes: BTreeSet<Change> = self.watcher.events().into_iter().filter_map(watched::change).collect();
        if self.look_at <= Instant::now() {
            self.look_at = Instant::now() + LOOK_EVERY;
            if misses {
                changes.insert(Change::All);
            }
        }
        let mut changed = self.look_at_pipes();
        for change in changes {
            changed |= self.take(change)?;
        }
        Ok(changed)
    }

    /// Looks at the pipes to loggers, if it is time; whether that shows something new.
    fn look_at_pipes(&mut self) -> bool {
        if Instant::now() < self.pipes_at {
            return false;
        }
        self.pipes_at = Instant::now() + PIPES_EVERY;
        let mut changed = false;
        for entry in self.entries.values_mut() {
            let blocked =
                |entry: &Entry| (entry.service.blocked.clone(), entry.log.as_deref().map(|log| log.blocked.clone()));
            let before = blocked(entry);
            self.suspects.look(entry);
            changed |= blocked(entry) != before;
        }
        changed
    }

    /// Looks at what has changed; whether it matters.
    fn take(&mut self, change: Change) -> Result<bool, Failure> {
        match change {
            Change::All => {
                self.names.iter().for_each(|name| watched::watch_service(&mut self.watcher, name));
                self.scan()?;
            }
            Change::Entries => self.scan()?,
            Change::Path(name) if self.is_there(&name) => {
                watched::watch_service(&mut self.watcher, &name);
                self.look(&name);
            }
            Change::Status(name) if self.is_there(&name) => self.look(&name),
            Change::Opened(name, part) if !self.is_supervised(&name, part) => self.look(&name),
            Change::Closed(name, part) if self.is_supervised(&name, part) => self.look(&name),
            Change::Path(_) | Change::Status(_) | Change::Opened(..) | Change::Closed(..) => return Ok(false),
        }
        Ok(true)
    }

    /// Looks at everything, and watches what is new.
    fn scan(&mut self) -> Result<(), Failure> {
        let names = scan_dir::names(self.options)?;
        let here: HashSet<&CString> = names.iter().collect();
        let gone: Vec<_> = self.names.iter().filter(|name| !here.contains(name)).cloned().collect();
        for name in gone {
            watched::unwatch_service(&mut self.watcher, &name);
            self.names.remove(&name);
            self.forget(&name);
        }
        for name in names {
            if !self.is_there(&name) {
                watched::watch_service(&mut self.watcher, &name);
            }
            self.look(&name);
            self.names.insert(name);
        }
        Ok(())
    }

    /// Whether it is in the scan directory, and watched.
    fn is_there(&self, name: &CStr) -> bool {
        self.names.contains(name)
    }

    /// Looks at the service of this name.
    fn look(&mut self, name: &CStr) {
        match tree::entry(&mut Opener::default(), name.into(), time_of_day()) {
            Some(mut entry) => {
                self.suspects.look(&mut entry);
                self.entries.insert(name.into(), entry);
            }
            None => self.forget(name),
        }
    }

    /// There is no service of this name now.
    fn forget(&mut self, name: &CStr) {
        self.entries.remove(name);
        self.suspects.forget(name);
    }

    /// Whether our own look could open `ok`, when we last looked.
    fn is_supervised(&self, name: &CStr, part: Part) -> bool {
        let opened = |service: &ServiceReport| match service.condition {
            Condition::Supervised(_) | Condition::Unknown(_) => true,
            Condition::Unsupervised => false,
        };
        self.entries.get(name).is_some_and(|entry| match part {
            Part::Service => opened(&entry.service),
            Part::Log => entry.log.as_deref().is_some_and(opened),
        })
    }
}
