//! What a service is waited for, and whether it is there: pure, time comes in.

use std::num::NonZeroU32;
use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_core::status::Status;
use daemontools_program::clock::Instant;

/// A state to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A supervise runs, and its service has a process.
    Up,
    /// The same, and the service has said that it is ready, where a setting asks it to.
    Ready,
    /// The last word of a supervise, still running or not, is that the service has no process, and nothing that follows its
    /// end is at work.
    Down,
    /// It has ended for good, as its setting `no-restart` says.
    Done,
    /// A supervise runs.
    Supervised,
    /// No supervise runs; so it is also where there is no service directory.
    Unsupervised,
}

/// A state, and how long it has to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// The state.
    pub state: State,
    /// For how long at least; zero: a moment will do.
    pub lasting: Duration,
    /// With up and ready: which process does not count.
    pub except: Except,
}

/// A process that does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Except {
    /// Any process counts.
    Nothing,
    /// Not the one that is there at first.
    First,
    /// Not this one.
    Pid(u32),
}

/// What a look at a service directory found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether there is such a directory.
    pub exists: bool,
    /// Whether a supervise runs.
    pub supervised: bool,
    /// What the status file says, if there is one.
    pub status: Option<Status>,
    /// Whether the service is ready; `None`: it does not say.
    pub ready: Option<bool>,
    /// When it became ready.
    pub ready_since: Option<Label>,
    /// Whether its process has ended, and what follows the end is still at work.
    pub ending: bool,
    /// Whether it has ended for good, as a setting says.
    pub done: bool,
    /// Why it will not be started again; empty: it may be.
    pub over: &'static str,
}

/// After how long a service that will not be started again is despaired of: a command that was sent before svwait began may
/// still be on its way.
const DESPAIR: Duration = Duration::from_secs(1);

/// The two clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The time of day, which statuses are stamped with.
    pub label: Label,
    /// The steady clock, which waits are measured by.
    pub clock: Instant,
}

/// One service on its way to the goal.
#[derive(Debug, Default)]
pub struct Progress {
    seen: Seen,
    /// The process that was there at the first look, if there was one; the outer `None`: there was no look yet.
    first: Option<Option<(Label, NonZeroU32)>>,
    /// Since when it has been known, by the monotonic clock, that the service will not be started again.
    over_since: Option<Instant>,
    /// The life that was last looked at (since when, which process), and when it will have lasted long enough by the
    /// steady clock.
    life: Option<(Label, Option<NonZeroU32>, Instant)>,
}

impl Progress {
    /// Takes what a look found.
    pub fn saw(&mut self, seen: Seen, goal: &Goal, now: Now) {
        self.seen = seen;
        let process = seen.status.and_then(|status| Some((status.since, status.pid?)));
        self.first.get_or_insert(process.filter(|_| seen.supervised));
        let over = seen.supervised && !seen.over.is_empty();
        self.over_since = over.then(|| self.over_since.unwrap_or(now.clock));
        // The same life keeps its time whatever somebody does to the time of day.
        let known = |since: Label, pid| self.life.filter(|life| (life.0, life.1) == (since, pid));
        self.life = seen.status.map(|status| {
            let ready_since = seen.ready_since.filter(|_| goal.state == State::Ready);
            let since = ready_since.unwrap_or(status.since);
            known(since, status.pid).unwrap_or_else(|| {
                let left = goal.lasting.saturating_sub(now.label.since(since));
                (since, status.pid, now.clock + left)
            })
        });
    }

    /// When the goal is reached by the steady clock if nothing changes, which may be in the past; `None`: not at all.
    pub fn due(&self, goal: &Goal) -> Option<Instant> {
        let up = self.seen.status.is_some_and(|status| status.pid.is_some());
        let wanted = up && self.seen.supervised && self.counts(goal.except);
        let lasted = self.life.map(|life| life.2);
        match goal.state {
            State::Up if wanted => lasted,
            State::Ready if wanted && self.seen.ready != Some(false) => lasted,
            State::Down if !(up || self.seen.supervised && self.seen.ending) => lasted,
            State::Done if self.seen.supervised && self.seen.done => Some(Instant::default()),
            State::Supervised if self.seen.supervised => Some(Instant::default()),
            State::Unsupervised if !self.seen.supervised => Some(Instant::default()),
            State::Up | State::Ready | State::Down | State::Done => None,
            State::Supervised | State::Unsupervised => None,
        }
    }

    /// When it is certain that the goal will not be reached, by the monotonic clock, if nothing changes; `None`: it may be
    /// reached, or is.
    pub fn hopeless(&self, goal: &Goal) -> Option<Instant> {
        let needs_start = matches!(goal.state, State::Up | State::Ready | State::Done);
        self.over_since.filter(|_| needs_start && self.due(goal).is_none()).map(|since| since + DESPAIR)
    }

    /// Why the service will not be started again.
    pub fn over(&self) -> &'static str {
        self.seen.over
    }

    /// Whether the process that was seen is one that counts.
    fn counts(&self, except: Except) -> bool {
        let process = self.seen.status.and_then(|status| Some((status.since, status.pid?)));
        match except {
            Except::Nothing => true,
            Except::First => self.first.flatten() != process,
            Except::Pid(pid) => process.is_none_or(|(_, seen)| seen.get() != pid),
        }
    }

    /// Whether the directory was there when it was last looked at.
    pub fn exists(&self) -> bool {
        self.seen.exists
    }

    /// How the service was last seen, in words.
    pub fn words(&self, now: Label) -> String {
        if !self.seen.exists {
            return "does not exist".into();
        }
        let Some(status) = self.seen.status else {
            return if self.seen.supervised { "supervised, without a status" } else { "not supervised" }.into();
        };
        let seconds = now.since(status.since).as_secs();
        let not_ready = if self.seen.ready == Some(false) { ", not ready" } else { "" };
        match (self.seen.supervised, status.pid) {
            (true, Some(pid)) => format!("up (pid {pid}) {seconds} seconds{not_ready}"),
            (true, None) if self.seen.ending => "ending".into(),
            (true, None) => format!("down {seconds} seconds"),
            (false, _) => "not supervised".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_core::status::Want;

    const START: Instant = Instant(Duration::from_secs(500));

    fn at(seconds: u64) -> Now {
        Now { label: Label::from_unix(1000 + seconds as i64, 0), clock: START + Duration::from_secs(seconds) }
    }

    fn seen(supervised: bool, pid: u32, since: i64) -> Seen {
        let (since, pid) = (Label::from_unix(1000 + since, 0), NonZeroU32::new(pid));
        Seen {
            exists: true,
            supervised,
            status: Some(Status { since, pid, paused: false, want: Want::Up }),
            ..Seen::default()
        }
    }

    fn due(state: State, seen: Seen) -> Option<Instant> {
        let goal = Goal { state, lasting: Duration::ZERO, except: Except::Nothing };
        let mut progress = Progress::default();
        progress.saw(seen, &goal, at(0));
        progress.due(&goal)
    }

    #[test]
    fn each_state_is_what_it_says() {
        let nowhere = Seen::default();
        for (state, expected) in [
            // up, down, up but its supervise has gone, down and its supervise has gone, nowhere
            (State::Up, [true, false, false, false, false]),
            (State::Down, [false, true, false, true, false]),
            (State::Supervised, [true, true, false, false, false]),
            (State::Unsupervised, [false, false, true, true, true]),
        ] {
            let looks = [seen(true, 7, 0), seen(true, 0, 0), seen(false, 7, 0), seen(false, 0, 0), nowhere];
            assert_eq!(looks.map(|seen| due(state, seen).is_some()), expected, "{state:?}");
        }
    }

    #[test]
    fn a_service_is_down_when_what_follows_its_end_is_over() {
        let ending = |supervised| Seen { ending: true, ..seen(supervised, 0, 0) };
        assert_eq!(due(State::Down, ending(true)), None);
        assert!(due(State::Down, ending(false)).is_some(), "its supervise was killed meanwhile");
    }

    #[test]
    fn time_that_has_passed_before_the_look_counts() {
        let goal = Goal { state: State::Up, lasting: Duration::from_secs(10), except: Except::Nothing };
        let mut progress = Progress::default();
        progress.saw(seen(true, 7, -4), &goal, at(0));
        assert_eq!(progress.due(&goal), Some(at(6).clock));
        progress.saw(seen(true, 7, -40), &goal, at(0));
        assert_eq!(progress.due(&goal), Some(at(0).clock));
    }

    #[test]
    fn a_new_process_starts_anew_and_an_old_one_does_not() {
        let goal = Goal { state: State::Up, lasting: Duration::from_secs(10), except: Except::Nothing };
        let mut progress = Progress::default();
        progress.saw(seen(true, 7, 0), &goal, at(0));
        // The time of day is set back an hour: the steady clock goes on.
        let back = Now { label: Label::from_unix(1000 - 3600, 0), clock: at(5).clock };
        progress.saw(seen(true, 7, 0), &goal, back);
        assert_eq!(progress.due(&goal), Some(at(10).clock));
        progress.saw(seen(true, 8, 6), &goal, at(6));
        assert_eq!(progress.due(&goal), Some(at(16).clock));
    }

    #[test]
    fn ready_is_up_unless_the_service_says_more() {
        let ready = |ready| due(State::Ready, Seen { ready, ..seen(true, 7, 0) }).is_some();
        assert_eq!([None, Some(false), Some(true)].map(ready), [true, false, true]);
        assert!(due(State::Ready, seen(true, 0, 0)).is_none() && due(State::Ready, seen(false, 7, 0)).is_none());
        // How long it has been ready counts, not how long it has been up.
        let goal = Goal { state: State::Ready, lasting: Duration::from_secs(10), except: Except::Nothing };
        let mut progress = Progress::default();
        let ready_since = Some(Label::from_unix(1000, 0));
        progress.saw(Seen { ready: Some(true), ready_since, ..seen(true, 7, -60) }, &goal, at(4));
        assert_eq!(progress.due(&goal), Some(at(10).clock));
    }

    #[test]
    fn a_new_process_is_not_the_first_one() {
        let goal = Goal { state: State::Up, lasting: Duration::ZERO, except: Except::First };
        let mut progress = Progress::default();
        progress.saw(seen(true, 7, 0), &goal, at(0));
        assert_eq!(progress.due(&goal), None);
        // The same number again, of a later process.
        progress.saw(seen(true, 7, 1), &goal, at(1));
        assert!(progress.due(&goal).is_some());
        let mut progress = Progress::default();
        progress.saw(seen(true, 0, 0), &goal, at(0));
        progress.saw(seen(true, 7, 1), &goal, at(1));
        assert!(progress.due(&goal).is_some(), "there was none at first");
        let goal = Goal { except: Except::Pid(7), ..goal };
        assert_eq!(progress.due(&goal), None);
        progress.saw(seen(true, 8, 2), &goal, at(2));
        assert!(progress.due(&goal).is_some());
    }

    #[test]
    fn what_will_not_be_started_again_is_despaired_of_after_a_second() {
        let goal = |state| Goal { state, lasting: Duration::ZERO, except: Except::Nothing };
        let over = Seen { over: "done", ..seen(true, 0, 0) };
        let mut progress = Progress::default();
        progress.saw(over, &goal(State::Up), at(3));
        progress.saw(over, &goal(State::Up), at(4));
        assert_eq!(progress.hopeless(&goal(State::Up)), Some(at(4).clock));
        assert_eq!(progress.hopeless(&goal(State::Ready)), Some(at(4).clock));
        assert_eq!(progress.hopeless(&goal(State::Down)), None);
        assert_eq!(progress.hopeless(&goal(State::Done)), Some(at(4).clock), "it was given up");
        assert_eq!(progress.due(&goal(State::Done)), None);
        progress.saw(Seen { done: true, ..over }, &goal(State::Done), at(4));
        assert_eq!(progress.hopeless(&goal(State::Done)), None);
        assert!(progress.due(&goal(State::Done)).is_some());
        progress.saw(seen(true, 7, 5), &goal(State::Up), at(5));
        assert_eq!(progress.hopeless(&goal(State::Up)), None);
    }

    #[test]
    fn words_have_units() {
        let mut progress = Progress::default();
        let goal = Goal { state: State::Up, lasting: Duration::ZERO, except: Except::Nothing };
        assert_eq!(progress.words(at(0).label), "does not exist");
        progress.saw(Seen { exists: true, ..Seen::default() }, &goal, at(0));
        assert_eq!(progress.words(at(0).label), "not supervised");
        progress.saw(seen(true, 7, 0), &goal, at(3));
        assert_eq!(progress.words(at(3).label), "up (pid 7) 3 seconds");
        progress.saw(seen(true, 0, 0), &goal, at(3));
        assert_eq!(progress.words(at(3).label), "down 3 seconds");
    }
}
