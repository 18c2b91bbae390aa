//! A log of the script: writes the lines that go to it, and knows how far it is with a rotation.

mod trouble;

use std::ops::Range;
use std::time::Duration;

use daemontools_lines::stamp_text::StampText;
use daemontools_program::clock::Instant;
use daemontools_program::failure::Failure;
use daemontools_sys::process::Ending;
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::unistd::Pid;

use crate::PROGRAM;
use crate::age::Age;
use crate::cyclog::Cyclog;
use crate::overrun::Overrun;
use crate::own_lines::OwnLines;
use crate::pending::Pending;
use crate::processor;
use crate::quota::{Fit, Quota};
use crate::rewriter::{Incoming, Rewriter};
use crate::rotation::{Progress, Step};
use crate::script::Plan;
use crate::settings::{Settings, Sync};

/// How often archived files are looked at that may have become too old.
const PRUNE: Duration = Duration::from_secs(3600);

/// A log and the lines that wait to be written to it.
pub struct Log {
    pub cyclog: Cyclog,
    quota: Quota,
    progress: Progress,
    /// Whether the current file is full and has to be rotated before more lines are written.
    full: bool,
    /// How far a full file is written on while a processor is at work.
    overrun: Overrun,
    /// Whether it is to be closed when all is done.
    closing: bool,
    /// The lines that wait to be written.
    pending: Pending,
    /// When to write again after a failure.
    write_at: Option<Instant>,
    sync: Sync,
    /// Since when lines have been written that are not on the disk.
    unsynced_since: Option<Instant>,
    /// When to look for archived files that are too old, if there is a limit.
    prune_at: Option<Instant>,
    /// How old the current file is, if that limits it.
    age: Option<Age>,
    /// Lines of its own, if there may be any.
    own: Option<Box<OwnLines>>,
    /// What failed the last time, if it has not gone on since.
    trouble: Option<Failure>,
    /// Whether the line that is being read goes to this log, as far as it is known yet.
    pub chosen: bool,
}

impl Log {
    /// Opens a log for which at most `gathered` bytes have to be gathered at a time, of such lines.
    pub fn open(plan: Plan, gathered: usize, incoming: Incoming) -> Result<Log, Failure> {
        let (cyclog, used) = Cyclog::new(plan)?;
        let is_pruned = plan.settings.max_age.is_some() || plan.settings.max_total.is_some();
        let age = plan.settings.rotate.map(|schedule| Age::new(schedule, cyclog.first_written(used)));
        Ok(Log {
            cyclog,
            quota: Quota::new(plan.size, used),
            progress: Progress::default(),
            full: false,
            overrun: if plan.settings.drops { overrun(&plan) } else { Overrun::default() },
            closing: false,
            pending: Pending::new(gathered, Rewriter::new(&plan.settings, incoming)?)?,
            write_at: None,
            sync: plan.settings.sync,
            unsynced_since: None,
            prune_at: is_pruned.then(Instant::now),
            age,
            own: own_lines(&plan.settings, incoming),
            trouble: None,
            chosen: false,
        })
    }

    /// Lets it write on into a full file, rather than keep other logs waiting for its processor.
    pub fn allow_overrun(&mut self) {
        self.overrun = overrun(self.cyclog.plan());
    }

    /// Appends a piece of the text. Pieces come in the text's order, and the text stays until all is written.
    pub fn append(&mut self, text: &[u8], piece: Range<usize>) {
        self.pending.append(text, piece);
    }

    /// Notes that all pieces of the text have been appended.
    pub fn complete(&mut self, text: &[u8]) {
        self.pending.complete(text);
    }

    /// Goes on with what can be done now: a rotation, and writing the lines of the text. True when all are written.
    pub fn advance(&mut self, text: &[u8], now: Instant, signals: &Signals) -> bool {
        loop {
            let busy = self.progress.is_busy();
            let waits = self.write_at.is_some_and(|moment| now < moment);
            let written = self.pending.is_empty();
            if let Some(step) = self.progress.due(now) {
                self.step(step, now, signals);
            } else if self.full && !busy {
                self.progress.rotate();
            } else if !busy && self.age.as_mut().is_some_and(|age| age.is_over(now)) {
                self.rotate();
            } else if !busy && self.prune_at.is_some_and(|moment| now >= moment) {
                self.prune(now);
            } else if !waits && self.progress.takes_lines() && self.is_sync_due(written, now) {
                self.sync(now);
            } else if !waits && !self.full && self.progress.takes_lines() && self.tells(written) {
                self.tell(now);
            } else if written && self.closing && !busy && !self.progress.is_closed() {
                self.tell_the_rest();
                self.progress.close();
            } else if written {
                if !waits {
                    self.write_at = None;
                }
                // With `Always`, lines that are not on the disk are not written yet.
                return self.sync != Sync::Always || self.unsynced_since.is_none();
            } else if waits || !self.progress.takes_lines() {
                if !self.drop_pending(text) {
                    return false;
                }
            } else if self.drop_rest(text) {
                // Its beginning was dropped.
            } else {
                let room = if self.full { Some(self.overrun.room(self.quota.used(), now)) } else { None };
                if room == Some(0) {
                    return false;
                }
                self.write(text, room, now);
            }
        }
    }

    /// Performs a step of a rotation.
    fn step(&mut self, step: Step, now: Instant, signals: &Signals) {
        match self.cyclog.attempt(step, signals) {
            Ok(Some(child)) => self.progress.started(child),
            Ok(None) => {
                if step == Step::Sync {
                    self.unsynced_since = None;
                }
                if step == Step::Open {
                    self.quota.renew();
                    self.overrun.renew();
                    if let Some(age) = &mut self.age {
                        age.renew();
                    }
                    self.full = false;
                    if let Some(own) = &mut self.own {
                        own.renew();
                    }
                }
                self.succeeded(now);
            }
            Err(failure) => self.step_failed(failure, now),
        }
    }

    fn succeeded(&mut self, now: Instant) {
        self.went_on(now);
        if self.progress.succeeded(self.cyclog.route()) {
            self.rotate();
        }
    }

    /// Writes lines of the text as far as the current file has room for them; `overrun` is how much that is if it is full.
    fn write(&mut self, text: &[u8], overrun: Option<u64>, now: Instant) {
        let lines = self.pending.next(text);
        let fit = match overrun {
            Some(room) => Fit { take: usize::try_from(room).unwrap_or(usize::MAX).min(lines.len()), full: true },
            None => self.quota.fit(lines),
        };
        let fitting = lines.get(..fit.take).filter(|fitting| !fitting.is_empty());
        match fitting.map_or(Ok(0), |fitting| self.cyclog.append(fitting)) {
            Ok(count) => {
                if let Some(own) = &mut self.own {
                    own.note_written(lines.get(..count).unwrap_or_default());
                    own.go_on(now);
                }
                self.full = fit.full && count == fit.take;
                self.note_count(count, now);
                self.pending.take(count);
            }
            Err(failure) => self.failed(failure, now),
        }
    }

    /// Notes that a line of its own has been written.
    fn note_appended(&mut self, bytes: &[u8], now: Instant) {
        if let Some(own) = &mut self.own {
            own.note_written(bytes);
        }
        self.note_count(bytes.len(), now);
    }

    /// Notes that so many bytes have been written.
    fn note_count(&mut self, count: usize, now: Instant) {
        (self.write_at, self.trouble) = (None, None);
        self.unsynced_since.get_or_insert(now);
        if let Some(age) = self.age.as_mut().filter(|_| count > 0) {
            age.note_written();
        }
        self.quota.use_up(count);
    }

    /// When there is something to do again, if it is a moment that it waits for.
    pub fn deadline(&self) -> Option<Instant> {
        let sync_at = match self.sync {
            Sync::After(span) if self.progress.takes_lines() => self.unsynced_since.map(|since| since + span),
            Sync::After(_) | Sync::Always | Sync::Rotate => None,
        };
        // After a failure, everything about the current file waits.
        let current = self.write_at.or(sync_at);
        let looks = self.prune_at.into_iter().chain(self.age.as_ref().and_then(Age::deadline));
        let looks = looks.filter(|_| !self.progress.is_busy());
        let overrun = self.overrun.deadline().filter(|_| self.write_at.is_none() && self.progress.takes_lines());
        self.progress.deadline().into_iter().chain(current).chain(overrun).chain(looks).min()
    }

    /// Whether what was written is to be brought to the disk now; `written` if nothing else is to be written first.
    fn is_sync_due(&self, written: bool, now: Instant) -> bool {
        match self.sync {
            Sync::Rotate => false,
            Sync::Always => written && self.unsynced_since.is_some(),
            Sync::After(span) => self.unsynced_since.is_some_and(|since| now >= since + span),
        }
    }

    /// Takes note of the end of a process, if it is the processor of this log.
    pub fn child_ended(&mut self, child: Pid, ending: Ending, now: Instant) {
        if !self.progress.waits_for_child(child) {
            return;
        }
        match processor::judge(self.cyclog.name(), ending) {
            Ok(()) => self.succeeded(now),
            Err(failure) => {
                self.cyclog.note_failure();
                self.step_failed(failure, now);
            }
        }
    }

    /// Warns, if a processor is at work, that it cannot be known whether it has ended.
    pub fn wait_failed(&self, errno: Errno) {
        if self.progress.has_child() {
            Failure::because([b"wait failed for processor in ", self.cyclog.name(), b", pausing"], errno)
                .warn(&PROGRAM);
        }
    }

    /// Gives back the memory that lines took.
    pub fn give_back(&mut self) {
        self.pending.give_back();
    }

    /// Begins a rotation if there is something in the current file.
    pub fn rotate(&mut self) {
        if !self.quota.is_empty() {
            self.progress.rotate();
        }
    }

    /// Has the log closed as soon as all is done.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Whether nothing is under way: no rotation, and no line that waits to be written.
    pub fn is_quiet(&self) -> bool {
        !self.progress.is_busy() && self.pending.is_empty() && self.write_at.is_none()
    }

    /// Whether it is closed: all is on disk, and the next multilog can append to it.
    pub fn is_closed(&self) -> bool {
        self.progress.is_closed()
    }
}

/// How far a log with a processor may write on into a full file.
fn overrun(plan: &Plan) -> Overrun {
    if plan.processor.is_some() { Overrun::new(plan.size, plan.keep) } else { Overrun::default() }
}

/// The lines of its own that a log with these settings may get.
fn own_lines(settings: &Settings, incoming: Incoming) -> Option<Box<OwnLines>> {
    let Settings { drops, tells_waits, stamp, prefix, .. } = *settings;
    let stamp = (incoming != Incoming::Plain).then(|| StampText::new(stamp, prefix));
    (drops || tells_waits).then(|| Box::new(OwnLines::new(drops, tells_waits, stamp, prefix)))
}
