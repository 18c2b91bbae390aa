//! Rotation, step by step: how a full `current` becomes an archived file; and closing, which is the last step of all.
//!
//! Each step can be repeated as often as it fails, and only when it has succeeded comes the next one. `Progress` says which
//! step is due and when; the log performs it. What the directory looks like between any two steps, and what recovery makes
//! of it, is drawn in docs/cyclog.md.
#![deny(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use daemontools_program::clock::Instant;
use nix::unistd::Pid;

/// How long to wait after a failure.
pub const PAUSE: Duration = Duration::from_secs(5);

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bring `current` to disk.
    Sync,
    /// Remove the oldest files, so that there is room for one more.
    MakeRoom,
    /// Rename `current` to `previous`.
    SetAside,
    /// Mark that as finished: its execute bit. (Only now, else a kill would leave a `current` that is full and goes on.)
    Seal,
    /// Make a new, empty `current`.
    Renew,
    /// Give that its mode.
    Open,
    /// Run the processor: `previous` goes in, `processed` comes out, `state` becomes `newstate`.
    Process,
    /// Open `processed`.
    TakeProcessed,
    /// Bring it to disk.
    SyncProcessed,
    /// Mark it as finished: from here on, it counts and `previous` does not.
    SealProcessed,
    /// Open `newstate`.
    TakeNewState,
    /// Bring it to disk.
    SyncNewState,
    /// Remove `previous`.
    DropPrevious,
    /// Rename `newstate` to `state`.
    AdvanceState,
    /// Give `previous`, or what the processor made of it, its name as an archived file.
    Keep,
    /// Close the log: bring `current` to disk.
    SyncLast,
    /// Mark `current` as finished, so that the next multilog appends to it.
    SealLast,
}

/// Which way a finished file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// As it is.
    Plain,
    /// Through the processor.
    Processor,
}

impl Step {
    /// The first step of a rotation.
    const FIRST: Step = Step::Sync;

    /// The first step of closing.
    const CLOSE: Step = Step::SyncLast;

    /// The step after this one; `None` after the last.
    fn next(self, route: Route) -> Option<Step> {
        match self {
            // Room first, so that not even a kill between any two steps leaves too many.
            Step::Sync => Some(Step::MakeRoom),
            Step::MakeRoom => Some(Step::SetAside),
            Step::SetAside => Some(Step::Seal),
            Step::Seal => Some(Step::Renew),
            Step::Renew => Some(Step::Open),
            Step::Open => match route {
                Route::Plain => Some(Step::Keep),
                Route::Processor => Some(Step::Process),
            },
            Step::Process => Some(Step::TakeProcessed),
            Step::TakeProcessed => Some(Step::SyncProcessed),
            Step::SyncProcessed => Some(Step::SealProcessed),
            Step::SealProcessed => Some(Step::TakeNewState),
            Step::TakeNewState => Some(Step::SyncNewState),
            Step::SyncNewState => Some(Step::DropPrevious),
            Step::DropPrevious => Some(Step::AdvanceState),
            Step::AdvanceState => Some(Step::Keep),
            Step::Keep | Step::SealLast => None,
            Step::SyncLast => Some(Step::SealLast),
        }
    }

    /// Whether lines can be appended to `current` while this step is due: from the moment that a new one is there.
    fn leaves_current_alone(self) -> bool {
        match self {
            Step::Process
            | Step::TakeProcessed
            | Step::SyncProcessed
            | Step::SealProcessed
            | Step::TakeNewState
            | Step::SyncNewState
            | Step::DropPrevious
            | Step::AdvanceState
            | Step::Keep => true,
            Step::Sync
            | Step::MakeRoom
            | Step::SetAside
            | Step::Seal
            | Step::Renew
            | Step::Open
            | Step::SyncLast
            | Step::SealLast => false,
        }
    }

    /// What follows "unable to " where this step fails: the words before and after the directory's name. (`Process` and
    /// `Keep` can fail in several ways, and say which.)
    pub fn unable(self) -> (&'static str, &'static str) {
        match self {
            Step::Sync => ("write ", "/current to disk"),
            Step::MakeRoom => ("read ", ""),
            Step::SetAside => ("rename current to previous in directory ", ""),
            Step::Seal => ("set mode of ", "/previous"),
            Step::Renew => ("create ", "/current"),
            Step::Open => ("set mode of ", "/current"),
            Step::Process => ("fork for processor in ", ""),
            Step::TakeProcessed => ("create ", "/processed"),
            Step::SyncProcessed => ("write ", "/processed to disk"),
            Step::SealProcessed => ("set mode of ", "/processed"),
            Step::TakeNewState => ("create ", "/newstate"),
            Step::SyncNewState => ("write ", "/newstate to disk"),
            Step::DropPrevious => ("remove ", "/previous"),
            Step::AdvanceState => ("rename newstate to state in directory ", ""),
            Step::Keep => ("link to ", ""),
            Step::SyncLast => ("write ", "/current to disk"),
            Step::SealLast => ("set mode of ", "/current"),
        }
    }
}

/// How far a log is with a rotation, or with being closed.
#[derive(Debug, Default)]
pub struct Progress {
    /// The step that is due or under way.
    step: Option<Step>,
    /// What it waits for.
    waits_for: WaitsFor,
    /// Whether another rotation was asked for in the meantime.
    again: bool,
    /// Whether the last step is done.
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum WaitsFor {
    #[default]
    Nothing,
    /// The end of this process.
    Child(Pid),
    /// The moment to try again.
    Moment(Instant),
}

impl Progress {
    /// Asks for a rotation. One that is under way comes to its end first.
    pub fn rotate(&mut self) {
        match self.step {
            None => self.step = Some(Step::FIRST),
            Some(_) => self.again = true,
        }
    }

    /// Begins to close the log, unless a rotation is under way.
    pub fn close(&mut self) {
        self.step = self.step.or(Some(Step::CLOSE));
    }

    /// The step to perform now, if any.
    pub fn due(&self, now: Instant) -> Option<Step> {
        match self.waits_for {
            WaitsFor::Nothing => self.step,
            WaitsFor::Moment(moment) if now >= moment => self.step,
            WaitsFor::Child(_) | WaitsFor::Moment(_) => None,
        }
    }

    /// When a step is due, if it is a moment that it waits for.
    pub fn deadline(&self) -> Option<Instant> {
        match self.waits_for {
            WaitsFor::Moment(moment) => Some(moment),
            WaitsFor::Nothing | WaitsFor::Child(_) => None,
        }
    }

    /// Whether `current` is there to be appended to.
    pub fn takes_lines(&self) -> bool {
        self.step.is_none_or(Step::leaves_current_alone)
    }

    /// Whether a rotation is under way that has to end before the next one.
    pub fn is_busy(&self) -> bool {
        self.step.is_some()
    }

    /// Whether the log has been closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether this process is what the step waits for. Then its outcome is to be told by `succeeded` or `failed`.
    pub fn waits_for_child(&self, child: Pid) -> bool {
        self.waits_for == WaitsFor::Child(child)
    }

    /// Whether it is a process that the step waits for.
    pub fn has_child(&self) -> bool {
        matches!(self.waits_for, WaitsFor::Child(_))
    }

    /// The step is left to this process.
    pub fn started(&mut self, child: Pid) {
        self.waits_for = WaitsFor::Child(child);
    }

    /// The step failed and is repeated after a pause.
    pub fn failed(&mut self, now: Instant) {
        self.waits_for = WaitsFor::Moment(now + PAUSE);
    }

    /// The step succeeded. True if another rotation was asked for and this one is over.
    pub fn succeeded(&mut self, route: Route) -> bool {
        self.waits_for = WaitsFor::Nothing;
        self.closed |= self.step == Some(Step::SealLast);
        self.step = self.step.and_then(|step| step.next(route));
        self.step.is_none() && std::mem::take(&mut self.again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(route: Route) -> Vec<Step> {
        std::iter::successors(Some(Step::FIRST), |step| step.next(route)).collect()
    }

    #[test]
    fn a_plain_log_is_on_disk_before_it_gets_its_name() {
        let expected = [Step::Sync, Step::MakeRoom, Step::SetAside, Step::Seal, Step::Renew, Step::Open, Step::Keep];
        assert_eq!(steps(Route::Plain), expected);
    }

    #[test]
    fn what_went_in_stays_until_what_came_out_is_on_disk() {
        let steps = steps(Route::Processor);
        let at = |step| steps.iter().position(|&other| other == step).expect("it is a step of this route");
        assert_eq!(steps.len(), 15);
        assert!(at(Step::Sync) < at(Step::SetAside));
        assert!(at(Step::SyncProcessed) < at(Step::SealProcessed));
        assert!(at(Step::SealProcessed) < at(Step::DropPrevious));
        assert!(at(Step::SyncNewState) < at(Step::AdvanceState));
        assert!(at(Step::DropPrevious) < at(Step::Keep));
        assert!(at(Step::MakeRoom) < at(Step::SetAside));
    }

    const NOW: Instant = Instant(Duration::from_secs(1000));

    /// Performs the steps that are due, all with success, until one is `last`.
    fn until(progress: &mut Progress, last: Option<Step>) {
        while progress.due(NOW) != last {
            assert!(progress.due(NOW).is_some(), "{progress:?}");
            progress.succeeded(Route::Processor);
        }
    }

    #[test]
    fn lines_are_taken_again_as_soon_as_there_is_a_new_current() {
        let mut progress = Progress::default();
        assert!(progress.takes_lines() && !progress.is_busy());
        progress.rotate();
        assert!(!progress.takes_lines() && progress.is_busy());
        until(&mut progress, Some(Step::Process));
        assert!(progress.takes_lines() && progress.is_busy());
        progress.started(Pid::from_raw(7));
        assert!(progress.takes_lines() && progress.due(NOW).is_none() && progress.deadline().is_none());
        assert!(progress.waits_for_child(Pid::from_raw(7)) && !progress.waits_for_child(Pid::from_raw(8)));
        until(&mut progress, None);
    }

    #[test]
    fn what_fails_is_repeated_after_a_pause() {
        let mut progress = Progress::default();
        progress.rotate();
        progress.failed(NOW);
        assert_eq!((progress.due(NOW), progress.deadline()), (None, Some(NOW + PAUSE)));
        assert_eq!(progress.due(NOW + PAUSE), Some(Step::Sync));
        progress.succeeded(Route::Plain);
        assert_eq!((progress.due(NOW), progress.deadline()), (Some(Step::MakeRoom), None));
    }

    #[test]
    fn a_rotation_that_was_asked_for_meanwhile_is_told_once_at_the_end() {
        let mut progress = Progress::default();
        progress.rotate();
        progress.rotate();
        let mut told = Vec::new();
        while progress.is_busy() {
            told.push(progress.succeeded(Route::Plain));
        }
        assert_eq!(told, [false, false, false, false, false, false, true]);
        progress.rotate();
        until(&mut progress, Some(Step::Keep));
        assert!(!progress.succeeded(Route::Plain));
    }

    #[test]
    fn closing_comes_after_the_rotation_and_only_once() {
        let mut progress = Progress::default();
        progress.rotate();
        progress.close();
        until(&mut progress, None);
        assert!(!progress.is_closed());
        progress.close();
        assert!(!progress.takes_lines() && progress.due(NOW) == Some(Step::SyncLast));
        until(&mut progress, None);
        assert!(progress.is_closed());
    }
}
