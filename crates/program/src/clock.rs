//! The two clocks: the time of day, which somebody may set, as a label; and the monotonic clock, for spans of time.

use std::ops::Add;
use std::time::Duration;

use daemontools_core::label::Label;
use nix::time::{ClockId, clock_gettime};

/// A moment of the monotonic clock, as the time since a fixed moment that is the same for all processes until the next
/// boot. A plain number, so that machines can be tested with moments of any value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Duration);

impl Instant {
    /// The current moment.
    pub fn now() -> Instant {
        // The clock always exists on Linux; zero would only make a wait longer.
        Instant(clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default())
    }

    /// The moment that much earlier; the first one there is, if that would be before it.
    pub fn before(self, span: Duration) -> Instant {
        Instant(self.0.saturating_sub(span))
    }

    /// How much later this is than `earlier`; zero if it is not.
    pub fn since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// The moment that much later; the last moment there is, if that would be beyond it.
    fn add(self, span: Duration) -> Instant {
        Instant(self.0.saturating_add(span))
    }
}

/// The time of day by the system's clock.
pub fn time_of_day() -> Label {
    // The clock always exists; the epoch is what a label shows if it ever should not.
    clock_gettime(ClockId::CLOCK_REALTIME)
        .map(|time| Label::from_unix(time.tv_sec(), u32::try_from(time.tv_nsec()).unwrap_or(0)))
        .unwrap_or(Label::from_unix(0, 0))
}
