//! Random numbers, ends of processes and settings for the simulation.

use std::time::Duration;

use daemontools_core::end::End;
use daemontools_core::settings::{FinalEnds, Group, Settings};
use daemontools_core::signal::Signal;

use crate::config::{Config, Place};

/// Numbers that are random enough, and the same each time (xorshift).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        // Far apart, and never 0.
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % limit
    }

    pub(super) fn once_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        self.once_in(2).then_some(value)
    }

    pub(super) fn seconds(&mut self) -> Duration {
        Duration::from_millis(500 * (1 + self.below(20)))
    }

    pub(super) fn end(&mut self) -> End {
        match self.below(4) {
            0 => End::Signal(Signal::TERM),
            1 => End::Code(125),
            2 => End::Code(0),
            _ => End::Code(7),
        }
    }

    pub(super) fn config(&mut self) -> Config {
        if self.once_in(4) {
            return Config::DEFAULT;
        }
        let (shortest, longest) = (self.seconds(), self.seconds());
        let times = [(); 4].map(|()| self.seconds());
        Config {
            values: Settings {
                notification_fd: self.maybe(3),
                notify_socket: self.once_in(2),
                watchdog: self.maybe(times[0]),
                check_always: self.once_in(2),
                check_restart: self.once_in(2),
                ready_timeout: self.maybe(times[1]),
                stop_timeout: self.maybe(times[2]),
                group: match self.below(3) {
                    0 => Some(Group::All),
                    1 => Some(Group::Main),
                    _ => None,
                },
                restart_delay: self.maybe((shortest.min(longest), shortest.max(longest))),
                restart_limit: self.once_in(4).then_some((3, Duration::from_secs(60))),
                no_restart: self.once_in(4).then(|| FinalEnds::parse(b"0").unwrap()),
                finish_timeout: self.maybe(times[3]),
                ..Settings::DEFAULT
            },
            check: self.maybe(Place::Service),
            stop: self.maybe(Place::Service),
            finish: self.maybe(Place::Service),
            finish_s6: self.maybe(Place::Service),
            cgroup: None,
        }
    }
}
