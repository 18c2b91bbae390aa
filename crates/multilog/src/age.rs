//! How old the current file of a log is, by its first line, and when that is looked at.

use std::time::Duration;

use daemontools_program::clock::{Instant, time_of_day};
use daemontools_sys::local_time::LocalTime;

use crate::schedule::{Schedule, anchor};

/// The age of a file that is being written.
pub struct Age {
    schedule: Schedule,
    /// When the first line was written, in seconds of Unix time; `None` while there is none.
    first: Option<i64>,
    /// When to look at the clock.
    look_at: Instant,
}

impl Age {
    /// Of a file whose first line was written at this Unix time, if it has one.
    pub fn new(schedule: Schedule, first: Option<i64>) -> Age {
        Age { schedule, first, look_at: Instant::default() }
    }

    /// Notes that lines are written now.
    pub fn note_written(&mut self) {
        if self.first.is_none() {
            *self = Age::new(self.schedule, Some(time_of_day().to_unix()));
        }
    }

    /// Begins an empty file.
    pub fn renew(&mut self) {
        self.first = None;
    }

    /// When to ask again whether the file is finished.
    pub fn deadline(&self) -> Option<Instant> {
        self.first.map(|_| self.look_at)
    }

    /// Whether the file is finished because of its age.
    pub fn is_over(&mut self, now: Instant) -> bool {
        let Some(first) = self.first.filter(|_| now >= self.look_at) else { return false };
        let time = time_of_day();
        let unix = time.to_unix();
        let first = anchor(first, unix);
        let wait = self.schedule.wait(first, unix, LocalTime::of);
        // The part of the second that has passed does not count twice.
        let rest = wait.saturating_sub(Duration::from_nanos(u64::from(time.nanoseconds())));
        (self.first, self.look_at) = (Some(first), now + rest);
        wait.is_zero()
    }
}
