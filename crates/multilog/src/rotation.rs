//! Rotation, step by step: how a full `current` becomes an old file.
//!
//! Each step is one deed that can be tried again as often as it fails: the event loop does it until it succeeds, and only then
//! asks for the next one. What the directory looks like between any two steps, and what recovery makes of it, is drawn in
//! docs/cyclog.md.
#![deny(clippy::wildcard_enum_match_arm)]

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
    /// Give `previous`, or what the processor made of it, its name as an old file.
    Keep,
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
    /// The first step.
    pub const FIRST: Step = Step::Sync;

    /// The step after this one; none after the last.
    pub fn next(self, route: Route) -> Option<Step> {
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
            Step::Keep => None,
        }
    }

    /// What a failure of this step reads like after "unable to ": the words before and after the directory's name.
    /// (`Process` and `Keep` may fail in more ways than one, and say which.)
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
        }
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
}
