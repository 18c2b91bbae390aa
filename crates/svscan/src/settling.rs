//! The directories that are being made in place: those that the watch heard of, until their grace is over.

use daemontools_program::clock::Instant;
use std::collections::HashMap;
use std::ffi::{CStr, CString};

use crate::grace::Grace;
use crate::look::has_run;
use crate::watch::{Change, Watch};

/// Each of them, by its name in the scan directory.
#[derive(Default)]
pub struct Making {
    graces: HashMap<CString, Grace>,
}

impl Making {
    /// Takes what was heard; whether it was anything.
    pub fn hear(&mut self, watch: &mut Watch, now: Instant) -> bool {
        let changes = watch.changes();
        let heard = !changes.is_empty();
        for change in changes {
            match change {
                Change::Elsewhere => {}
                Change::Made(name) => {
                    watch.attend(&name);
                    self.graces.insert(name, Grace::new(now));
                }
                Change::Touched(name) => {
                    if let Some(grace) = self.graces.get_mut(&name) {
                        grace.touched(now);
                    }
                }
                // What has this name now was not made in place.
                Change::Entry(name) => self.forget(&name, watch),
            }
        }
        heard
    }

    /// Whether a directory is not complete yet. If it is, its grace ends.
    pub fn is_unfinished(&mut self, name: &CStr, watch: &mut Watch, now: Instant) -> bool {
        let Some(grace) = self.graces.get(name) else { return false };
        let unfinished = !grace.is_over(now, has_run(name));
        if !unfinished {
            self.forget(name, watch);
        }
        unfinished
    }

    /// Forgets those that are not there any more.
    pub fn keep(&mut self, watch: &mut Watch, is_there: impl Fn(&CStr) -> bool) {
        self.graces.retain(|name, _| {
            let there = is_there(name);
            if !there {
                watch.leave(name);
            }
            there
        });
    }

    /// When the next grace may be over.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.graces.values().map(|grace| grace.deadline(now)).min()
    }

    fn forget(&mut self, name: &CStr, watch: &mut Watch) {
        if self.graces.remove(name).is_some() {
            watch.leave(name);
        }
    }
}
