//! The grace of a directory that is being made in place: when is it complete enough to be started?
//!
//! 0.76 looked every 5 seconds, so `mkdir x; …; mkdir x/log` was mostly done when it looked. We hear of the `mkdir` at
//! once; so we wait until the directory has been left alone for a moment and has a `run`, and 5 seconds at most.

use daemontools_program::clock::Instant;
use std::time::Duration;

/// How long nobody may have touched it.
const LEFT_ALONE_FOR: Duration = Duration::from_secs(1);
/// How long it is waited for at most.
const AT_MOST: Duration = Duration::from_secs(5);

/// Times of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    alone_at: Instant,
    until: Instant,
}

impl Grace {
    /// For a directory that was made now.
    pub fn new(now: Instant) -> Grace {
        Grace { alone_at: now + LEFT_ALONE_FOR, until: now + AT_MOST }
    }

    /// Somebody is still at work in it.
    pub fn touched(&mut self, now: Instant) {
        self.alone_at = now + LEFT_ALONE_FOR;
    }

    /// Whether it is to be started.
    pub fn is_over(&self, now: Instant, has_run: bool) -> bool {
        now >= self.until || (has_run && now >= self.alone_at)
    }

    /// When to look again, if nobody touches it before.
    pub fn deadline(&self, now: Instant) -> Instant {
        if now < self.alone_at { self.alone_at.min(self.until) } else { self.until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant(Duration::from_millis(milliseconds))
    }

    #[test]
    fn it_is_over_once_the_directory_is_left_alone_and_has_a_run() {
        let mut grace = Grace::new(at(0));
        assert!(!grace.is_over(at(999), true));
        grace.touched(at(900));
        assert!(!grace.is_over(at(1800), true));
        assert!(!grace.is_over(at(1900), false));
        assert!(grace.is_over(at(1900), true));
    }

    #[test]
    fn it_is_over_after_five_seconds_whatever_happens() {
        let mut grace = Grace::new(at(0));
        grace.touched(at(4900));
        assert!(!grace.is_over(at(4999), true));
        assert!(grace.is_over(at(5000), false));
    }

    #[test]
    fn it_is_looked_at_when_it_may_be_over() {
        let mut grace = Grace::new(at(0));
        assert_eq!(grace.deadline(at(0)), at(1000));
        assert_eq!(grace.deadline(at(1000)), at(5000));
        grace.touched(at(4500));
        assert_eq!(grace.deadline(at(4500)), at(5000));
    }
}
