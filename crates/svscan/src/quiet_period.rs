//! The quiet period of a directory that is being made in place: when is it complete enough to be started?
//!
//! 0.76 scans every 5 seconds, so that a directory was mostly complete when it was found (`mkdir x; …; mkdir x/log`).
//! svscan notices the `mkdir` at once; so it waits until the directory has a `run` and has not changed for a second, but
//! for 5 seconds at most.

use std::time::Duration;

use daemontools_program::clock::Instant;

/// How long nothing may have changed in the directory.
const UNCHANGED_FOR: Duration = Duration::from_secs(1);
/// How long to wait at most.
const AT_MOST: Duration = Duration::from_secs(5);

/// The quiet period of one directory.
#[derive(Clone, Copy, Debug)]
pub struct QuietPeriod {
    quiet_at: Instant,
    until: Instant,
}

impl QuietPeriod {
    /// For a directory that was made now.
    pub fn new(now: Instant) -> QuietPeriod {
        QuietPeriod { quiet_at: now + UNCHANGED_FOR, until: now + AT_MOST }
    }

    /// The same where changes go unnoticed: the whole time that 0.76 leaves between two scans.
    pub fn unwatched(now: Instant) -> QuietPeriod {
        QuietPeriod { quiet_at: now + AT_MOST, until: now + AT_MOST }
    }

    /// The directory changed now.
    pub fn changed(&mut self, now: Instant) {
        self.quiet_at = now + UNCHANGED_FOR;
    }

    /// Whether the service is to be started.
    pub fn is_over(&self, now: Instant, has_run: bool) -> bool {
        now >= self.until || (has_run && now >= self.quiet_at)
    }

    /// When to ask again if nothing changes before.
    pub fn deadline(&self, now: Instant) -> Instant {
        if now < self.quiet_at { self.quiet_at.min(self.until) } else { self.until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant(Duration::from_millis(milliseconds))
    }

    #[test]
    fn it_is_over_once_the_directory_has_a_run_and_nothing_changes() {
        let mut period = QuietPeriod::new(at(0));
        assert!(!period.is_over(at(999), true));
        period.changed(at(900));
        assert!(!period.is_over(at(1800), true));
        assert!(!period.is_over(at(1900), false));
        assert!(period.is_over(at(1900), true));
    }

    #[test]
    fn it_is_over_after_five_seconds_whatever_happens() {
        let mut period = QuietPeriod::new(at(0));
        period.changed(at(4900));
        assert!(!period.is_over(at(4999), true));
        assert!(period.is_over(at(5000), false));
    }

    #[test]
    fn a_directory_that_cannot_be_watched_gets_the_whole_time() {
        let period = QuietPeriod::unwatched(at(0));
        assert_eq!(period.deadline(at(0)), at(5000));
        assert!(!period.is_over(at(4999), true));
        assert!(period.is_over(at(5000), true));
    }

    #[test]
    fn the_deadline_is_when_it_may_be_over() {
        let mut period = QuietPeriod::new(at(0));
        assert_eq!(period.deadline(at(0)), at(1000));
        assert_eq!(period.deadline(at(1000)), at(5000));
        period.changed(at(4500));
        assert_eq!(period.deadline(at(4500)), at(5000));
    }
}
