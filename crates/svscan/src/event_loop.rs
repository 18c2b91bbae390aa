//! The event loop: waits, scans what changed, starts what is due.
//!
//! A change leads to a scan of what changed; the end of a quiet period and a retry have a known time; a supervise that
//! ended is started again at a known time. While nothing happens there is no such time, and nothing wakes svscan up.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Outcome, Program, Unable};
use daemontools_program::wait::readable;
use daemontools_service::part::Part;
use daemontools_sys::heap::wait_when_exhausted;
use daemontools_sys::process::reap;
use daemontools_sys::signal::Signals;
use daemontools_upgrade::{Caller, SIGNAL};
use nix::sys::signal::Signal;
use nix::sys::stat::stat;
use nix::unistd::chdir;

use crate::exit_with::ExitWith;
use crate::mode::{Init, Mode};
use crate::scan::Scanner;
use crate::scan_dir::{call_back, is_supervised};
use crate::scan_schedule::Schedule;
use crate::shutdown_loop::Stop;
use crate::signals::{self, STOP, WatchedSignals};
use crate::start::{StartSpec, Starter};
use crate::supervised::Inode;
use crate::upgrade;
use crate::watch::Watch;

/// How long a supervise may take to get to its directory before we check that it is there.
const CONFIRM_AFTER: Duration = Duration::from_secs(1);

/// Scans `dir`, or the current directory, until a signal ends svscan.
pub fn run(program: &'static Program, dir: Option<&CStr>, mode: Mode) -> Outcome {
    if let Some(dir) = dir {
        chdir(dir).unable([b"chdir to ", dir.to_bytes()])?;
    }
    let signals = signals::watch(mode, None).unable([b"watch for the end of supervise"])?;
    let starter = Starter::new(program, &signals);
    let signals = keep(signals, &starter, mode);
    let now = Instant::now();
    let scanner = Scanner::new(program, mode, watch(&starter), now);
    let tree = Tree { program, signals, starter, scanner, foreign: BTreeSet::new(), confirm_at: None, request: None };
    let exit_with = exit_with(mode).map(ExitWith::new).transpose()?;
    Ok(watch_over(tree, mode, exit_with))
}

/// Goes on with the state that the program file before this one left in this process.
pub fn resume(program: &'static Program, mode: Mode, state: &[u8], caller: Caller) -> Outcome {
    let resumed = upgrade::take(program, state)?;
    let signals = signals::watch(mode, Some(resumed.child_mask)).unable([b"watch for the end of supervise"])?;
    let starter = Starter::resume(program, &signals, resumed.open_files, resumed.last);
    let signals = keep(signals, &starter, mode);
    let now = Instant::now();
    let scanner = Scanner::resume(program, mode, watch(&starter), now, resumed.table);
    let confirm_at = Some(now + CONFIRM_AFTER);
    let mut tree = Tree { program, signals, starter, scanner, foreign: BTreeSet::new(), confirm_at, request: None };
    // What has ended meanwhile has perhaps been told to the file before.
    tree.reap();
    drop(caller);
    let exit_with = exit_with(mode).map(|name| ExitWith::resume(name, resumed.ended_before));
    Ok(watch_over(tree, mode, exit_with))
}

/// The signals; without a descriptor where each is to serve a logger.
fn keep(signals: Signals, starter: &Starter, mode: Mode) -> WatchedSignals {
    if starter.has_few_files() { WatchedSignals::closed(signals, mode) } else { WatchedSignals::Open(signals) }
}

/// What notices changes; nothing where each descriptor is to serve a logger.
fn watch(starter: &Starter) -> Watch {
    if starter.has_few_files() { Watch::nothing() } else { Watch::here() }
}

/// The name of the service whose end stops the tree.
fn exit_with(mode: Mode) -> Option<&'static CStr> {
    match mode {
        Mode::Init(init) => init.exit_with,
        Mode::Classic => None,
    }
}

fn watch_over(mut tree: Tree, mode: Mode, exit_with: Option<ExitWith>) -> Exit {
    if let Some(name) = self::exit_with(mode) {
        tree.scanner.watch.watch_exit_with(name);
    }
    // It may have ended before it was watched.
    let mut ended = exit_with.as_ref().and_then(ExitWith::exit);
    let mut schedule = Schedule::new(Instant::now());
    wait_when_exhausted();
    loop {
        let now = Instant::now();
        if schedule.is_due(now) {
            tree.scanner.scan(now);
            tree.start_due();
            let now = Instant::now();
            schedule.scanned(now, tree.scanner.deadline(now));
        } else if !tree.scanner.has_pending() {
            tree.scanner.table.retire();
            tree.start_due();
        }
        if tree.scanner.has_pending() {
            schedule.changed();
        }
        tree.confirm(now);
        if ended.is_none() {
            tree.wait(schedule.deadline());
        }
        let event = tree.take_events();
        if let Mode::Init(Init { grace, .. }) = mode {
            ended = ended.or_else(|| exit_with.as_ref().and_then(ExitWith::exit));
            if ended.is_some() || event == Event::Stop {
                let stopped = tree.into_stop().run(grace);
                return ended.unwrap_or(stopped);
            }
        }
        if event != Event::None {
            schedule.changed();
        }
        if let Some(number) = tree.request.take() {
            upgrade::upgrade(&tree, number, exit_with.as_ref().and_then(ExitWith::before));
        }
    }
}

/// What happened while svscan waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Nothing that a scan must look at.
    None,
    /// Something that a scan must look at.
    Change,
    /// A request to stop the tree.
    Stop,
}

pub(crate) struct Tree {
    program: &'static Program,
    pub(crate) signals: WatchedSignals,
    pub(crate) starter: Starter,
    pub(crate) scanner: Scanner,
    /// The services whose supervise runs already and is not our child.
    foreign: BTreeSet<(Inode, Part)>,
    /// When to check whether new supervises are where they were sent.
    confirm_at: Option<Instant>,
    /// The request of svupgrade that came, by its number.
    request: Option<i32>,
}

impl Tree {
    fn wait(&self, scan: Option<Instant>) {
        // What is to be started waits for the scan of what is pending.
        let start = if self.scanner.has_pending() { None } else { self.scanner.table.deadline() };
        let deadline = [scan, start, self.confirm_at].into_iter().flatten().min();
        let watch = self.scanner.watch.fd();
        self.signals.wait(watch.as_ref().map(readable), deadline);
    }

    /// Takes signals, ended children and changes, in this order: an entry that was removed before its supervise ended
    /// is known to be gone when that could be started again.
    fn take_events(&mut self) -> Event {
        let mut stop = false;
        for (signal, request) in self.signals.take() {
            self.request = request.filter(|_| signal == SIGNAL).or(self.request);
            if signal == Signal::SIGHUP {
                self.scanner.look_at_everything();
            }
            stop |= STOP.contains(&signal);
        }
        self.reap();
        let has_changed = self.scanner.take_changes(Instant::now());
        match (stop, has_changed || self.scanner.has_pending()) {
            (true, _) => Event::Stop,
            (false, true) => Event::Change,
            (false, false) => Event::None,
        }
    }

    fn reap(&mut self) {
        while let Ok(Some((child, _))) = reap() {
            self.scanner.table.reaped(child);
        }
    }

    fn into_stop(self) -> Stop {
        Stop { program: self.program, signals: self.signals, starter: self.starter, table: self.scanner.table }
    }

    /// Checks whether new supervises are where they were sent. Those that have not gone there yet are still in the scan
    /// directory. One that went elsewhere, because a link changed at that very moment, serves another service with the
    /// pipe of this one: it is told to exit, and both are started again as they should be.
    fn confirm(&mut self, now: Instant) {
        if self.confirm_at.is_none_or(|at| now < at) {
            return;
        }
        let here = stat(c".").map(|found| Inode::of(&found));
        let table = &mut self.scanner.table;
        // From the last one to the first, since each that is confirmed is removed.
        for (id, supervise) in table.unconfirmed().into_iter().rev() {
            let place = format!("/proc/{supervise}/cwd");
            match stat(place.as_str()).map(|found| Inode::of(&found)) {
                Ok(found) if found == id => table.confirm(id),
                Ok(found) if Ok(found) == here => {}
                Ok(_) => call_back(&place),
                Err(_) => table.confirm(id),
            }
        }
        self.confirm_at = (!table.unconfirmed().is_empty()).then(|| now + CONFIRM_AFTER);
    }

    fn start_due(&mut self) {
        let mut foreign = Vec::new();
        for (id, part) in self.scanner.table.due(Instant::now()) {
            let Some((name, _)) = self.scanner.table.service(id) else { continue };
            let name = name.to_owned();
            if !stat(name.as_c_str()).is_ok_and(|found| Inode::of(&found) == id) {
                self.scanner.look_for(name);
            } else if is_supervised(&name, part) {
                self.scanner.table.not_started(id, part, Instant::now());
                if self.foreign.insert((id, part)) {
                    foreign.push(name);
                }
            } else {
                self.foreign.remove(&(id, part));
                self.start(id, part);
            }
        }
        self.warn_foreign(&foreign);
    }

    fn start(&mut self, id: Inode, part: Part) {
        let Tree { starter, signals, scanner, .. } = self;
        let Some((name, pipe)) = scanner.table.service(id) else { return };
        match starter.start(signals, &StartSpec { id, name, pipe }, part) {
            Ok(pid) => {
                let now = Instant::now();
                scanner.table.started(id, part, pid, now);
                self.confirm_at.get_or_insert(now + CONFIRM_AFTER);
            }
            Err(failure) => {
                failure.warn(self.program);
                scanner.table.not_started(id, part, Instant::now());
            }
        }
    }

    /// Warns in one line, and once, of services that have a supervise already: one that an earlier svscan left, say. A
    /// supervise of ours would fail at the lock every 5 seconds.
    fn warn_foreign(&self, names: &[CString]) {
        let Some((first, others)) = names.split_first() else { return };
        let others = match others.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        let words = [b"supervise runs already for ", first.to_bytes(), others.as_bytes(), b", waiting for its end"];
        self.program.warn(words);
    }
}
