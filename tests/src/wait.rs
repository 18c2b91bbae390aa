//! Waiting for a condition, with a deadline, or for a random moment; the suite's only sleeps.

use std::env;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Random;

/// How long a wait may take: 30 seconds, or `WAIT_SECONDS` of them. It decides only when a test that fails says so; where
/// the machine may be very busy, `.ci/run` and `make torture` allow more.
#[must_use]
pub fn time_limit() -> Duration {
    static LIMIT: OnceLock<Duration> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let seconds = env::var("WAIT_SECONDS").ok().filter(|text| !text.is_empty());
        Duration::from_secs(seconds.map_or(30, |text| text.parse().expect("WAIT_SECONDS is a number of seconds")))
    })
}

/// The pause between two looks.
const STEP: Duration = Duration::from_millis(10);

/// Waits until a random moment less than `most` from now, in which a process is then killed: a test that tries many of them.
pub fn until_random_moment(random: &mut Random, most: Duration) {
    sleep(Duration::from_micros(random.below(most.as_micros() as u64)));
}

/// Waits until `holds` does; after the deadline the test fails and says `what` it waited for.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    value(what, || holds().then_some(()));
}

/// Waits until `look` finds a value and returns it; else as [`until`].
#[track_caller]
pub fn value<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    value_after(Duration::ZERO, what, look)
}

/// As [`value`], for what takes this much time even where nothing is wrong: the time limit begins after it.
#[track_caller]
pub fn value_after<T>(time: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    let limit = time + time_limit();
    match before(Instant::now() + limit, look) {
        Some(found) => found,
        None => panic!("waited {} seconds in vain: {what}", limit.as_secs()),
    }
}

/// As [`until`], for what takes this much time even where nothing is wrong.
#[track_caller]
pub fn until_after(time: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    value_after(time, what, || holds().then_some(()));
}

/// Looks until the deadline at most.
pub(crate) fn before<T>(deadline: Instant, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        // The clock is read before the look, so that the last look comes after the deadline.
        let late = Instant::now() >= deadline;
        if let Some(found) = look() {
            return Some(found);
        }
        if late {
            return None;
        }
        sleep(STEP);
    }
}

/// Looks again and again for `time` and fails as soon as `holds` does not.
///
/// For what must *not* happen and leaves no trace to wait for. Prefer an event that comes later.
#[track_caller]
pub fn all_the_while(what: &str, time: Duration, mut holds: impl FnMut() -> bool) {
    let broken = before(Instant::now() + time, || (!holds()).then_some(()));
    assert!(broken.is_none(), "no longer so: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_looked_at_again_until_it_holds() {
        let mut looks = 0;
        until("the third look", || {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, 3);
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let soon = Instant::now() + Duration::from_millis(30);
        assert_eq!(before(soon, || None::<()>), None);
    }

    #[test]
    #[should_panic(expected = "no longer so: peace")]
    fn what_must_last_is_watched() {
        let mut looks = 0;
        all_the_while("peace", time_limit(), || {
            looks += 1;
            looks < 3
        });
    }
}
