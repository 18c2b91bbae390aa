//! The loop around the table: waits, scans, starts what is due.
//!
//! Everything that happens leads to a scan, soon or at a known time: a change that was heard of, a child's end, the
//! end of a grace, a supervise that may be started again. Idle, there is no known time, and nothing wakes up.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::file_kind::Kind;
use daemontools_program::wait::{readable, wait};
use daemontools_service::part::Part;
use daemontools_sys::process::reap;
use daemontools_sys::signal::Signals;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::Signal;
use nix::sys::stat::stat;
use nix::unistd::chdir;

use crate::mode::Mode;
use crate::scan_dir::{Entry, call_back, entries, is_supervised, pipe_to_log};
use crate::scan_schedule::Schedule;
use crate::settling::Settling;
use crate::shutdown_loop::Stop;
use crate::start::{Pipe, StartSpec, Starter};
use crate::supervised::Inode;
use crate::table::Table;
use crate::watch::Watch;

/// How often to look where changes could escape us, or where something is wrong: 0.76's schedule.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a supervise has to get to where it was sent before we look whether it did.
const CONFIRM_AFTER: Duration = Duration::from_secs(1);

/// What asks an init to stop.
const STOP: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGPWR];

/// Scans `dir`, or the current directory, until a signal ends us.
pub fn run(program: &'static Program, dir: Option<&CStr>, mode: Mode) -> Outcome {
    if let Some(dir) = dir {
        chdir(dir).unable([b"chdir to ", dir.to_bytes()])?;
    }
    let signals = watch_signals(mode).unable([b"watch for the end of supervise"])?;
    let starter = Starter::new(program);
    let mut tree = Tree {
        program,
        signals,
        starter,
        watch: Watch::here(),
        table: Table::default(),
        settling: Settling::default(),
        unlisted: false,
        unsettled: false,
        strange: BTreeSet::new(),
    };
    let mut schedule = Schedule::new(Instant::now());
    loop {
        let now = Instant::now();
        if schedule.is_due(now) {
            tree.scan(now);
            tree.start_due();
            schedule.scanned(Instant::now(), tree.next_scan());
            if tree.unlisted {
                schedule.changed();
            }
        }
        tree.wait(schedule.deadline());
        match (tree.news(), mode) {
            (News::None, _) => {}
            (News::Stop, Mode::Init(grace)) => return Ok(tree.into_stop().run(grace)),
            (News::Some | News::Stop, _) => schedule.changed(),
        }
    }
}

/// An init hears more than its children's end, and the orphans among its descendants become its children.
fn watch_signals(mode: Mode) -> nix::Result<Signals> {
    match mode {
        Mode::Classic => Signals::watch(&[Signal::SIGCHLD]),
        Mode::Init(_) => {
            set_child_subreaper(true)?;
            Signals::watch(&[&[Signal::SIGCHLD, Signal::SIGHUP][..], &STOP].concat())
        }
    }
}

/// What happened while we waited.
enum News {
    /// Nothing.
    None,
    /// Something that a scan must look at.
    Some,
    /// We were asked to stop.
    Stop,
}

struct Tree {
    program: &'static Program,
    signals: Signals,
    starter: Starter,
    watch: Watch,
    table: Table<Pipe>,
    /// The directories that are being made in place.
    settling: Settling,
    /// Whether something was heard while the last scan was at work: its list of entries may be without it.
    unlisted: bool,
    /// Whether the last scan met something wrong, which may mend itself unheard.
    unsettled: bool,
    /// The supervises that run already, and not as our children.
    strange: BTreeSet<(Inode, Part)>,
}

impl Tree {
    fn wait(&self, deadline: Option<Instant>) {
        match self.watch.fd() {
            Some(watch) => wait(&mut [readable(&self.signals), readable(&watch)], deadline),
            None => wait(&mut [readable(&self.signals)], deadline),
        }
    }

    /// Takes what has ended and what was heard.
    fn news(&mut self) -> News {
        let (mut happened, mut stop) = (false, false);
        while let Ok(Some(signal)) = self.signals.take() {
            happened |= signal == Signal::SIGHUP;
            stop |= STOP.contains(&signal);
        }
        while let Ok(Some((child, _))) = reap() {
            happened |= self.table.reaped(child);
        }
        happened |= self.hear();
        match (stop, happened) {
            (true, _) => News::Stop,
            (false, true) => News::Some,
            (false, false) => News::None,
        }
    }

    fn into_stop(self) -> Stop {
        Stop { program: self.program, signals: self.signals, starter: self.starter, table: self.table }
    }

    fn hear(&mut self) -> bool {
        self.settling.take_changes(&mut self.watch, Instant::now())
    }

    /// When to scan if nothing happens.
    fn next_scan(&self) -> Option<Instant> {
        let now = Instant::now();
        let look = (self.unsettled || self.watch.is_deaf()).then(|| now + LOOK_EVERY);
        let confirm = (!self.table.unconfirmed().is_empty()).then(|| now + CONFIRM_AFTER);
        [look, confirm, self.settling.deadline(now), self.table.deadline()].into_iter().flatten().min()
    }

    fn scan(&mut self, now: Instant) {
        (self.unsettled, self.unlisted) = (false, false);
        let entries = match entries() {
            Ok(entries) => entries,
            Err(errno) => {
                self.unsettled = true;
                return self.program.warn_because([b"unable to read directory"], errno);
            }
        };
        self.confirm();
        self.settling.retain(&mut self.watch, |name| entries.iter().any(|entry| *entry.name == *name));
        // A directory that was just made is in the list only if we can hear of it by now. But what is heard only now may
        // have come too late for the list.
        self.unlisted = self.hear();
        self.watch.prune(entries.iter().filter(|entry| entry.is_link).count());
        self.table.begin();
        for entry in &entries {
            if let Err(failure) = self.see(entry, now) {
                self.warn(&failure);
            }
        }
        self.table.retire();
    }

    /// Finds out whether new supervises are where they were sent. Those that have not gone there yet are still here. One
    /// that went astray, because a link was led elsewhere at that very moment, serves another service with this one's
    /// pipe: it is told to go, and both are started again as they should be.
    fn confirm(&mut self) {
        let here = stat(c".").map(|found| Inode::of(&found));
        for (id, supervise) in self.table.unconfirmed() {
            let place = format!("/proc/{supervise}/cwd");
            match stat(place.as_str()).map(|found| Inode::of(&found)) {
                Ok(found) if found == id => self.table.confirm(id),
                Ok(found) if Ok(found) == here => {}
                Ok(_) => call_back(&place),
                Err(_) => self.table.confirm(id),
            }
        }
    }

    fn see(&mut self, entry: &Entry, now: Instant) -> Result<(), Failure> {
        let name = entry.name.as_c_str();
        // A link that cannot be followed now is looked at again.
        self.unsettled |= entry.is_link && !self.watch.follow(name);
        let found = stat(name).unable([b"stat ", name.to_bytes()])?;
        if Kind::of(&found) != Kind::Directory {
            // A link may be led elsewhere unheard.
            self.unsettled |= entry.is_link;
            return Ok(());
        }
        let id = Inode::of(&found);
        if self.table.see(id, name) || self.settling.is_settling(name, &mut self.watch, now) {
            return Ok(());
        }
        let pipe = pipe_to_log(name)?;
        self.table.add(id, name, pipe, now);
        Ok(())
    }

    fn start_due(&mut self) {
        let mut strange = Vec::new();
        for (id, part) in self.table.due(Instant::now()) {
            let Some((name, pipe)) = self.table.service(id) else { continue };
            if is_supervised(name, part) {
                if self.strange.insert((id, part)) {
                    strange.push(name.to_owned());
                }
                self.table.not_started(id, part, Instant::now());
                continue;
            }
            self.strange.remove(&(id, part));
            match self.starter.start(&self.signals, &StartSpec { id, name, pipe }, part) {
                Ok(pid) => self.table.started(id, part, pid, Instant::now()),
                Err(failure) => {
                    failure.warn(self.program);
                    self.table.not_started(id, part, Instant::now());
                }
            }
        }
        self.tell_strange(&strange);
    }

    /// Says in one line, and once, which services somebody else's supervise has: those of an svscan that was killed, say.
    /// To start ours would only make each of them fail at the lock, every five seconds.
    fn tell_strange(&self, names: &[CString]) {
        let Some((first, others)) = names.split_first() else { return };
        let others = match others.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        let words = [b"supervise runs already for ", first.to_bytes(), others.as_bytes(), b", waiting for its end"];
        self.program.warn(words);
    }

    fn warn(&mut self, failure: &Failure) {
        self.unsettled = true;
        failure.warn(self.program);
    }
}
