//! The clock for spans of time: it goes on steadily when somebody sets the system's time. (The time of day is `label`.)

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since some fixed moment, the same for all processes until the next boot.
pub fn monotonic() -> Duration {
    // The clock always exists on Linux; zero would only make a wait longer.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default()
}
