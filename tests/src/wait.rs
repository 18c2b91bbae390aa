//! Waiting for a condition, with a deadline; the suite's only sleep.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long any wait may take. Generous: it decides only how long a failing test takes.
pub const DEADLINE: Duration = Duration::from_secs(240);

/// The pause between two looks.
const STEP: Duration = Duration::from_millis(10);

/// Waits until `holds` does; after the deadline the test fails and says `what` it waited for.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    value(what, || holds().then_some(()));
}

/// Waits until `look` finds a value and returns it; else as [`until`].
#[track_caller]
pub fn value<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    match before(Instant::now() + DEADLINE, look) {
        Some(found) => found,
        None => panic!("waited {} seconds in vain: {what}", DEADLINE.as_secs()),
    }
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
        all_the_while("peace", DEADLINE, || {
            looks += 1;
            looks < 3
        });
    }
}
