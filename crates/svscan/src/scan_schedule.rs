//! When to scan: soon after a change, and at the time that the last scan asked for.

use std::time::Duration;

use daemontools_program::clock::Instant;

/// The pause after each scan, so that many changes in a row lead to few scans.
const PAUSE: Duration = Duration::from_millis(10);

/// When the next scan is due.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// `None`: only a change leads to a scan.
    due: Option<Instant>,
    /// The end of the pause after the last scan.
    not_before: Instant,
}

impl Schedule {
    /// The first scan is due now.
    pub fn new(now: Instant) -> Schedule {
        Schedule { due: Some(now), not_before: now }
    }

    /// When to scan if nothing changes before.
    pub fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Whether to scan now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// A scan has ended now, and asks for another one at `next`.
    pub fn scanned(&mut self, now: Instant, next: Option<Instant>) {
        *self = Schedule { due: next, not_before: now + PAUSE };
    }

    /// Something changed that a scan must look at. Further changes do not postpone that scan.
    pub fn changed(&mut self) {
        self.due = Some(self.due.map_or(self.not_before, |due| due.min(self.not_before)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant(Duration::from_millis(milliseconds))
    }

    /// After a scan that took from 0 to 5.
    fn scanned(next: Option<u64>) -> Schedule {
        let mut schedule = Schedule::new(at(0));
        assert!(schedule.is_due(at(0)));
        schedule.scanned(at(5), next.map(at));
        schedule
    }

    #[test]
    fn while_nothing_changes_there_is_no_next_scan() {
        assert_eq!(scanned(None).deadline(), None);
        assert!(!scanned(None).is_due(at(1 << 40)));
        assert_eq!(scanned(Some(5000)).deadline(), Some(at(5000)));
    }

    #[test]
    fn a_single_change_is_looked_at_at_once() {
        for next in [None, Some(5000)] {
            let mut schedule = scanned(next);
            schedule.changed();
            assert!(schedule.is_due(at(1000)));
        }
    }

    #[test]
    fn many_changes_lead_to_few_scans_and_postpone_none() {
        let mut schedule = scanned(None);
        let mut scans = 0;
        for now in (5..1005).map(at) {
            schedule.changed();
            if schedule.is_due(now) {
                scans += 1;
                schedule.scanned(now, None);
            }
        }
        assert_eq!(scans, 99);
    }

    #[test]
    fn a_change_does_not_postpone_a_scan_that_is_due_sooner() {
        let mut schedule = scanned(Some(7));
        schedule.changed();
        assert_eq!(schedule.deadline(), Some(at(7)));
    }
}
