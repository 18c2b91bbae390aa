//! A scan: looks at the entries that changed, or at all of them, watches again where their links lead, and brings the table
//! up to date.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::mem;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_program::file_kind::Kind;
use daemontools_program::path;
use nix::sys::stat::stat;

use crate::mode::Mode;
use crate::pending::Pending;
use crate::scan_dir::{Entry, entries, entry, has_run, pipe_to_log};
use crate::settling::Settling;
use crate::start::Pipe;
use crate::supervised::Inode;
use crate::table::Table;
use crate::watch::{Change, Watch};

/// How soon to look again at what went wrong, and at everything where changes can go unnoticed: as often as 0.76 does.
const RETRY_EVERY: Duration = Duration::from_secs(5);

/// What is known of the scan directory.
pub struct Scanner {
    program: &'static Program,
    mode: Mode,
    /// The services that were found.
    pub table: Table<Pipe>,
    /// Notices changes.
    pub watch: Watch,
    settling: Settling,
    /// What the next scan looks at.
    pending: Pending,
    /// What is looked at again at `retry_at`: something is wrong with it that may change unnoticed.
    retry: Pending,
    retry_at: Instant,
    /// Whether events were lost since the last scan of everything: any new directory may be one that is being made.
    has_lost_events: bool,
}

impl Scanner {
    /// For the current directory, which is to be scanned now.
    pub fn new(program: &'static Program, mode: Mode, watch: Watch, now: Instant) -> Scanner {
        Scanner {
            program,
            mode,
            table: Table::default(),
            watch,
            settling: Settling::default(),
            pending: Pending::everything(),
            retry: Pending::default(),
            retry_at: now,
            has_lost_events: false,
        }
    }

    /// The same, with services that run already. Any new directory may be one that is being made.
    pub fn resume(program: &'static Program, mode: Mode, watch: Watch, now: Instant, table: Table<Pipe>) -> Scanner {
        Scanner { table, has_lost_events: true, ..Scanner::new(program, mode, watch, now) }
    }

    /// Whether there is anything to look at now.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// When to scan if nothing changes before.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let retry = (!self.retry.is_empty()).then_some(self.retry_at);
        retry.into_iter().chain(self.settling.deadline(now)).min()
    }

    /// Looks at everything in the next scan, and finds out anew where links lead.
    pub fn look_at_everything(&mut self) {
        self.watch.follow_anew();
        self.pending.everything = true;
    }

    /// A service is no longer where its entry led: finds out in the next scan where it went.
    pub fn look_for(&mut self, name: CString) {
        if self.watch.is_incomplete() {
            self.pending.everything = true;
        }
        self.pending.add(name);
    }

    /// Takes what was noticed; whether there was anything, so that a scan is due or its time has to be computed anew.
    pub fn take_changes(&mut self, now: Instant) -> bool {
        let changes = self.watch.changes();
        let has_changed = !changes.is_empty();
        for change in changes {
            match change {
                Change::Anything => {
                    self.pending.everything = true;
                    self.has_lost_events = true;
                    self.settling.all_changed(now);
                }
                Change::Made(name) => {
                    self.begin_settling(name.clone(), now);
                    self.pending.add(name);
                }
                Change::Touched(name) => self.settling.changed(&name, now),
                Change::Entry(name) => {
                    // The entry that has this name now was not made in place.
                    self.end_settling(&name);
                    self.pending.add(name);
                }
                Change::Target(link) => self.pending.add(link),
            }
        }
        has_changed
    }

    /// Looks at all that is pending, and tells the table.
    pub fn scan(&mut self, now: Instant) {
        if self.retry_at <= now {
            self.pending.append(&mut self.retry);
        }
        self.settling.due(now).for_each(|name| self.pending.add(name.to_owned()));
        let pending = mem::take(&mut self.pending);
        if pending.everything {
            self.scan_everything(now);
        } else {
            for name in pending.names {
                match entry(&name) {
                    Some(entry) => self.look_at(&entry, now),
                    None => self.remove(&name),
                }
            }
        }
        self.table.retire();
        if self.watch.is_incomplete() {
            self.retry(Pending::everything(), now);
        }
    }

    fn scan_everything(&mut self, now: Instant) {
        let entries = match entries() {
            Ok(entries) => entries,
            Err(errno) => {
                self.program.warn_because([b"unable to read directory"], errno);
                return self.retry(Pending::everything(), now);
            }
        };
        let listed: HashSet<&CStr> = entries.iter().map(|entry| entry.name.as_ref()).collect();
        let known = self.table.entries().chain(self.settling.names());
        let gone: Vec<CString> = known.filter(|name| !listed.contains(name)).map(CStr::to_owned).collect();
        gone.iter().for_each(|name| self.remove(name));
        entries.iter().for_each(|entry| self.look_at(entry, now));
        self.has_lost_events = false;
    }

    fn look_at(&mut self, entry: &Entry, now: Instant) {
        // Watched before it is looked at, so that a later change is noticed.
        if entry.is_link {
            self.watch.follow(&entry.name);
        } else {
            self.watch.unfollow(&entry.name);
        }
        let is_found = match self.find(entry, now) {
            Ok(is_found) => is_found,
            Err(failure) => {
                failure.warn(self.program);
                false
            }
        };
        if !is_found {
            self.retry(Pending { names: [entry.name.as_ref().to_owned()].into(), everything: false }, now);
        }
    }

    /// Finds out where an entry leads; false: a link leads to something else than a directory. 0.76 would find out within
    /// 5 seconds whatever happens to that, for instance if something is mounted there.
    fn find(&mut self, entry: &Entry, now: Instant) -> Result<bool, Failure> {
        let name = entry.name.as_ref();
        let found = stat(name).unable([b"stat ", name.to_bytes()]).inspect_err(|_| self.table.remove(name))?;
        if Kind::of(&found) != Kind::Directory {
            self.table.remove(name);
            return Ok(!entry.is_link);
        }
        let id = Inode::of(&found);
        if self.table.see(id, &entry.name) || self.is_settling(entry, now) {
            return Ok(true);
        }
        if entry.is_link {
            self.watch.check_file_system(&path::append(name, "/.."));
        }
        let pipe = pipe_to_log(name, self.mode.spare_descriptors())?;
        self.table.add(id, &entry.name, pipe, now);
        Ok(true)
    }

    /// Whether a new directory is not complete yet. If it is, its quiet period ends.
    fn is_settling(&mut self, entry: &Entry, now: Instant) -> bool {
        let name = entry.name.as_ref();
        if !entry.is_link {
            // What stat(2) has found was made before, so that it has been noticed by now.
            self.take_changes(now);
            if self.has_lost_events && self.settling.get(name).is_none() {
                self.begin_settling(name.to_owned(), now);
            }
        }
        let Some(period) = self.settling.get(name) else { return false };
        let is_over = period.is_over(now, has_run(name));
        if is_over {
            self.end_settling(name);
        }
        !is_over
    }

    fn begin_settling(&mut self, name: CString, now: Instant) {
        let is_watched = self.watch.watch_settling(&name);
        self.settling.begin(name, now, is_watched);
    }

    fn end_settling(&mut self, name: &CStr) {
        if self.settling.end(name) {
            self.watch.unwatch_settling(name);
        }
    }

    fn remove(&mut self, name: &CStr) {
        self.table.remove(name);
        self.watch.unfollow(name);
        self.end_settling(name);
    }

    fn retry(&mut self, mut what: Pending, now: Instant) {
        if self.retry.is_empty() {
            self.retry_at = now + RETRY_EVERY;
        }
        self.retry.append(&mut what);
    }
}
