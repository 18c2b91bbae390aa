//! A log that cannot be written to: what failed is tried again, and lines wait or, with `:when-full=drop`, are dropped where
//! there is no room. What was dropped, and how long it waited, is told in the log when it goes on.

use std::time::Duration;

use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::errno::reason;
use daemontools_program::failure::Failure;
use nix::errno::Errno;

use super::{Log, PRUNE};
use crate::PROGRAM;
use crate::own_lines::OwnLines;
use crate::rotation::PAUSE;

/// How soon a disk that was full is tried again where lines are dropped meanwhile.
const SOON: Duration = Duration::from_secs(1);

impl Log {
    /// Takes note of a failure to write to the current file, or to make another one.
    pub(super) fn failed(&mut self, failure: Failure, now: Instant) {
        if self.drops_for(&failure) {
            self.begin_to_drop(&failure);
            self.write_at = Some(now + SOON);
            return;
        }
        self.wait_because(failure, now);
        self.write_at = Some(now + PAUSE);
    }

    /// Takes note of a step of a rotation that failed.
    pub(super) fn step_failed(&mut self, failure: Failure, now: Instant) {
        self.progress.failed(now);
        if self.drops_for(&failure) && !self.progress.takes_lines() {
            self.begin_to_drop(&failure);
            return;
        }
        self.wait_because(failure, now);
    }

    /// Tells of a failure, and remembers that the log waits because of it.
    fn wait_because(&mut self, failure: Failure, now: Instant) {
        failure.warn(&PROGRAM);
        if let Some(own) = &mut self.own {
            own.begin_to_wait(now, failure.errno().map_or("trouble", reason));
        }
        self.trouble = Some(failure);
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(&mut self, now: Instant) {
        match self.cyclog.sync_data() {
            Ok(()) => (self.unsynced_since, self.write_at, self.trouble) = (None, None, None),
            Err(failure) => {
                failure.warn(&PROGRAM);
                self.trouble = Some(failure);
                self.write_at = Some(now + PAUSE);
            }
        }
    }

    /// Removes archived files that are too old or too large together.
    pub(super) fn prune(&mut self, now: Instant) {
        let next = match self.cyclog.prune() {
            Ok(()) => PRUNE,
            Err(failure) => {
                failure.warn(&PROGRAM);
                PAUSE
            }
        };
        self.prune_at = Some(now + next);
    }

    /// What it waits for, if that is trouble.
    pub fn trouble(&self) -> Option<&Failure> {
        self.trouble.as_ref()
    }

    /// Takes note that it goes on.
    pub(super) fn went_on(&mut self, now: Instant) {
        self.trouble = None;
        if let Some(own) = &mut self.own {
            own.go_on(now);
        }
    }

    /// Whether lines are dropped because of this.
    fn drops_for(&self, failure: &Failure) -> bool {
        let no_room = matches!(failure.errno(), Some(Errno::ENOSPC | Errno::EDQUOT));
        no_room && self.own.as_ref().is_some_and(|own| own.drops)
    }

    fn begin_to_drop(&mut self, failure: &Failure) {
        let Some(own) = self.own.as_mut().filter(|own| !own.is_dropping()) else { return };
        let errno = failure.errno().unwrap_or(Errno::ENOSPC);
        PROGRAM.warn_because([b"no room in ", self.cyclog.name(), b", dropping lines"], errno);
        // The beginning of a line goes, too.
        let begun = own.begun();
        let cut = if begun > 0 && self.cyclog.take_back(begun).is_ok() { begun } else { 0 };
        own.begin_to_drop(time_of_day(), cut);
        self.quota.give_back(cut);
    }

    /// Drops the lines that wait, if that is to be done while they cannot be written. True if it did.
    pub(super) fn drop_pending(&mut self, text: &[u8]) -> bool {
        let Some(own) = self.own.as_mut().filter(|own| own.is_dropping()) else { return false };
        let now = time_of_day();
        while !self.pending.is_empty() {
            let bytes = self.pending.next(text);
            own.note_dropped(bytes, now);
            let count = bytes.len();
            self.pending.take(count);
        }
        true
    }

    /// Drops the rest of a line whose beginning was dropped. True if there was one.
    pub(super) fn drop_rest(&mut self, text: &[u8]) -> bool {
        let Some(own) = &mut self.own else { return false };
        let bytes = self.pending.next(text);
        let count = own.to_be_dropped(bytes);
        if count == 0 {
            return false;
        }
        own.note_dropped(bytes.get(..count).unwrap_or_default(), time_of_day());
        self.pending.take(count);
        true
    }

    /// Whether there is a line of its own to be written now; `written` if no others wait.
    pub(super) fn tells(&self, written: bool) -> bool {
        self.own.as_ref().is_some_and(|own| own.tells_dropped() || written && own.tells_waited())
    }

    /// Writes that line.
    pub(super) fn tell(&mut self, now: Instant) {
        let Some(own) = &mut self.own else { return };
        let is_dropping = own.tells_dropped();
        let line = if is_dropping { own.dropped_line() } else { own.waited_line(time_of_day()) };
        match self.cyclog.append(&line) {
            Ok(count) if count == line.len() => {
                if is_dropping {
                    own.forget_dropped()
                } else {
                    own.forget_waited()
                }
                self.note_appended(&line, now);
            }
            Ok(count) => {
                // It comes whole or not at all.
                if self.cyclog.take_back(count).is_err() {
                    self.note_appended(line.get(..count).unwrap_or_default(), now);
                }
                self.write_at = Some(now + if is_dropping { SOON } else { PAUSE });
            }
            Err(failure) => self.failed(failure, now),
        }
    }

    /// Tells, when it is closed, what the log itself could not be told.
    pub(super) fn tell_the_rest(&mut self) {
        if let Some(text) = self.own.as_deref().and_then(OwnLines::dropped_text) {
            PROGRAM.warn([self.cyclog.name(), b": ", text.strip_prefix("multilog: ").unwrap_or(&text).as_bytes()]);
        }
    }
}
