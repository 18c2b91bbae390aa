//! The directories that are being made in place, until their quiet period is over.

use std::collections::HashMap;
use std::ffi::{CStr, CString};

use daemontools_program::clock::Instant;

use crate::quiet_period::QuietPeriod;

/// Each of them, by its name in the scan directory.
#[derive(Default)]
pub struct Settling {
    periods: HashMap<CString, QuietPeriod>,
}

impl Settling {
    /// A directory was made now. `is_watched` says whether changes in it are noticed.
    pub fn begin(&mut self, name: CString, now: Instant, is_watched: bool) {
        let period = if is_watched { QuietPeriod::new(now) } else { QuietPeriod::unwatched(now) };
        self.periods.insert(name, period);
    }

    /// Something changed in a directory.
    pub fn changed(&mut self, name: &CStr, now: Instant) {
        if let Some(period) = self.periods.get_mut(name) {
            period.changed(now);
        }
    }

    /// Something may have changed in each of them.
    pub fn all_changed(&mut self, now: Instant) {
        self.periods.values_mut().for_each(|period| period.changed(now));
    }

    /// The quiet period of a directory, if it has one.
    pub fn get(&self, name: &CStr) -> Option<&QuietPeriod> {
        self.periods.get(name)
    }

    /// Ends a quiet period; whether there was one.
    pub fn end(&mut self, name: &CStr) -> bool {
        self.periods.remove(name).is_some()
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &CStr> {
        self.periods.keys().map(CString::as_c_str)
    }

    /// Those whose quiet period is over if they have a `run`.
    pub fn due(&self, now: Instant) -> impl Iterator<Item = &CStr> {
        self.periods.iter().filter(move |(_, period)| period.is_over(now, true)).map(|(name, _)| name.as_c_str())
    }

    /// When the next quiet period may be over.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.periods.values().map(|period| period.deadline(now)).min()
    }
}
