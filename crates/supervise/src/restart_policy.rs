//! When a service may be started again, and when it is given up: `restart-delay` and `restart-limit`. Pure.

use std::time::Duration;

use daemontools_core::resume::SuperviseState;
use daemontools_core::settings::Settings;
use daemontools_program::clock::Instant;
use daemontools_sys::heap::try_reserve;

/// How far apart two starts are at least.
const START_EVERY: Duration = Duration::from_secs(1);

/// What is remembered of starts and ends.
#[derive(Clone, Debug)]
pub struct RestartPolicy {
    /// When the last start was; `None`: there was none.
    last_start: Option<Instant>,
    /// The delay after the last short run; `None`: the last run was long.
    delay: Option<Duration>,
    /// When the last ends were, by the monotonic clock, oldest first: as many as `restart-limit` needs. On the heap, since
    /// most services have no limit.
    ends: Vec<Duration>,
}

impl RestartPolicy {
    /// Nothing has been started yet.
    pub fn new() -> RestartPolicy {
        RestartPolicy { last_start: None, delay: None, ends: Vec::new() }
    }

    /// What is remembered, for the state of this process.
    pub fn carry(&self, state: &mut SuperviseState) {
        state.last_start = self.last_start.map(|at| at.0);
        state.delay = self.delay;
        state.ends = self.ends.clone();
    }

    /// What such a state says.
    pub fn resume(state: &SuperviseState) -> RestartPolicy {
        RestartPolicy { last_start: state.last_start.map(Instant), delay: state.delay, ends: state.ends.clone() }
    }

    /// Goes on with what a supervise before this one remembered.
    pub fn take_over(&mut self, delay: Option<Duration>, ends: &[Duration]) {
        (self.delay, self.ends) = (delay, ends.to_vec());
    }

    /// The delay after short runs, if the last run was short.
    pub fn delay(&self) -> Option<Duration> {
        self.delay
    }

    /// When the ends were that `restart-limit` counts, by the monotonic clock, oldest first.
    pub fn counted_ends(&self) -> &[Duration] {
        &self.ends
    }

    /// A start, also one that failed.
    pub fn note_start(&mut self, at: Instant) {
        self.last_start = Some(at);
    }

    /// Forgets the ends and short runs: the service begins anew.
    pub fn forget(&mut self) {
        self.delay = None;
        self.ends.clear();
    }

    /// When a start that was asked for may be: a second after the last one.
    pub fn requested(&self, now: Instant) -> Instant {
        self.after(now, START_EVERY)
    }

    /// When supervise may start the service again by itself, after a run of this length. A run that ended because somebody
    /// asked for it says nothing about the service.
    pub fn again(&mut self, now: Instant, ran: Duration, asked: bool, settings: &Settings) -> Instant {
        match settings.restart_delay {
            None => self.delay = None,
            Some((shortest, longest)) if !asked => {
                let longer = |delay: Duration| delay.saturating_mul(2).clamp(shortest, longest);
                self.delay = (ran < longest).then(|| self.delay.map_or(shortest, longer));
            }
            Some(_) => {}
        }
        self.same_again(now, settings)
    }

    /// The same, after a run whose length has been taken into account.
    pub fn same_again(&self, now: Instant, settings: &Settings) -> Instant {
        let delay = settings.restart_delay.map_or(START_EVERY, |(shortest, _)| self.delay.unwrap_or(shortest));
        self.after(now, delay.max(START_EVERY))
    }

    /// Counts an end; whether there were more than `restart-limit` allows. Where there is no memory to count, there were
    /// not.
    pub fn ended_too_often(&mut self, now: Instant, settings: &Settings) -> bool {
        let Some((most, span)) = settings.restart_limit else {
            self.ends.clear();
            return false;
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        self.ends.retain(|end| now.since(Instant(*end)) < span);
        if try_reserve(&mut self.ends, 1) {
            self.ends.push(now.0);
        }
        self.ends.len() > most
    }

    fn after(&self, now: Instant, delay: Duration) -> Instant {
        self.last_start.map_or(now, |start| (start + delay).max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant(Duration::from_millis(milliseconds))
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn two_starts_are_a_second_apart() {
        let mut policy = RestartPolicy::new();
        assert_eq!(policy.requested(at(5)), at(5));
        policy.note_start(at(5));
        assert_eq!(policy.requested(at(6)), at(1005));
        assert_eq!(policy.again(at(2000), seconds(1), false, &Settings::DEFAULT), at(2000));
        let none = Settings { restart_delay: Some((Duration::ZERO, Duration::ZERO)), ..Settings::DEFAULT };
        assert_eq!(policy.again(at(7), Duration::ZERO, false, &none), at(1005));
    }

    #[test]
    fn a_range_doubles_with_each_short_run_and_begins_anew_after_a_long_one() {
        let settings = Settings { restart_delay: Some((seconds(1), seconds(5))), ..Settings::DEFAULT };
        let mut policy = RestartPolicy::new();
        let mut delay = |ran: u64, asked: bool| {
            policy.note_start(at(0));
            policy.again(at(1), seconds(ran), asked, &settings).0.as_secs()
        };
        assert_eq!([delay(0, false), delay(4, false), delay(0, false), delay(0, false)], [1, 2, 4, 5]);
        assert_eq!([delay(0, true), delay(0, false)], [5, 5], "one that was asked for changes nothing");
        assert_eq!([delay(5, false), delay(0, false), delay(0, false)], [1, 1, 2]);
    }

    #[test]
    fn more_ends_than_allowed_in_the_time_are_too_many() {
        let settings = Settings { restart_limit: Some((2, seconds(10))), ..Settings::DEFAULT };
        let mut policy = RestartPolicy::new();
        let mut ended = |time: u64| policy.ended_too_often(at(time), &settings);
        assert_eq!([ended(0), ended(4000), ended(10_000), ended(13_999)], [false, false, false, true]);
        policy.forget();
        assert!(!policy.ended_too_often(at(14_000), &settings));
        let never = Settings { restart_limit: Some((0, seconds(10))), ..Settings::DEFAULT };
        assert!(RestartPolicy::new().ended_too_often(at(0), &never));
    }
}
