//! The directories that are being made in place, until their quiet period is over.

use std::collections::HashMap;
use std::ffi::{CStr, CString};

use daemontools_program::clock::Instant;

use crate::quiet_period::QuietPeriod;
use crate::scan_dir::has_run;
use crate::watch::{Change, Watch};

/// Each of them, by its name in the scan directory.
#[derive(Default)]
pub struct Settling {
    periods: HashMap<CString, QuietPeriod>,
}

impl Settling {
    /// Takes the changes that were noticed; whether there were any.
    pub fn take_changes(&mut self, watch: &mut Watch, now: Instant) -> bool {
        let changes = watch.changes();
        let changed = !changes.is_empty();
        for change in changes {
            match change {
                Change::Elsewhere => {}
                Change::Made(name) => {
                    watch.watch_settling(&name);
                    self.periods.insert(name, QuietPeriod::new(now));
                }
                Change::Touched(name) => {
                    if let Some(period) = self.periods.get_mut(&name) {
                        period.changed(now);
                    }
                }
                // The entry that has this name now was not made in place.
                Change::Entry(name) => self.forget(&name, watch),
            }
        }
        changed
    }

    /// Whether a directory is not complete yet. If it is, its quiet period ends.
    pub fn is_settling(&mut self, name: &CStr, watch: &mut Watch, now: Instant) -> bool {
        let Some(period) = self.periods.get(name) else { return false };
        let settling = !period.is_over(now, has_run(name));
        if !settling {
            self.forget(name, watch);
        }
        settling
    }

    /// Forgets the directories that do not exist any more.
    pub fn retain(&mut self, watch: &mut Watch, exists: impl Fn(&CStr) -> bool) {
        self.periods.retain(|name, _| {
            let exists = exists(name);
            if !exists {
                watch.unwatch_settling(name);
            }
            exists
        });
    }

    /// When the next quiet period may be over.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.periods.values().map(|period| period.deadline(now)).min()
    }

    fn forget(&mut self, name: &CStr, watch: &mut Watch) {
        if self.periods.remove(name).is_some() {
            watch.unwatch_settling(name);
        }
    }
}
