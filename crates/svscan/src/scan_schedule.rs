//! When to scan: soon after something was heard, and at the times that a scan itself asks for.

use daemontools_program::clock::Instant;
use std::time::Duration;

/// The pause after a scan, so that a storm of changes is answered by a few.
const PAUSE: Duration = Duration::from_millis(10);

/// Times of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the next scan is due, if one is.
    due: Option<Instant>,
    /// Whatever is heard, no scan is due before then.
    not_before: Instant,
}

impl Pace {
    /// The first scan is due now.
    pub fn new(now: Instant) -> Pace {
        Pace { due: Some(now), not_before: now }
    }

    /// When to scan, if nothing is heard before.
    pub fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Whether to scan now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// A scan is over, and asks for another one at this time.
    pub fn scanned(&mut self, now: Instant, next: Option<Instant>) {
        *self = Pace { due: next, not_before: now + PAUSE };
    }

    /// Something was heard that a scan must look at. However much follows, that scan is put off no further.
    pub fn heard(&mut self) {
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
    fn scanned(next: Option<u64>) -> Pace {
        let mut pace = Pace::new(at(0));
        assert!(pace.is_due(at(0)));
        pace.scanned(at(5), next.map(at));
        pace
    }

    #[test]
    fn idle_there_is_no_next_scan() {
        assert_eq!(scanned(None).deadline(), None);
        assert!(!scanned(None).is_due(at(1 << 40)));
        assert_eq!(scanned(Some(5000)).deadline(), Some(at(5000)));
    }

    #[test]
    fn what_is_heard_in_peace_is_looked_at_at_once() {
        for next in [None, Some(5000)] {
            let mut pace = scanned(next);
            pace.heard();
            assert!(pace.is_due(at(1000)));
        }
    }

    #[test]
    fn a_storm_is_answered_by_a_few_scans_and_puts_none_off() {
        let mut pace = scanned(None);
        let mut scans = 0;
        for now in (5..1005).map(at) {
            pace.heard();
            if pace.is_due(now) {
                scans += 1;
                pace.scanned(now, None);
            }
        }
        assert_eq!(scans, 99);
    }

    #[test]
    fn a_scan_that_was_asked_for_sooner_stays_so() {
        let mut pace = scanned(Some(7));
        pace.heard();
        assert_eq!(pace.deadline(), Some(at(7)));
    }
}
