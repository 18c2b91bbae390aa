//! Recovery: what is done with what an earlier run left in a log directory.
//!
//! A `current` with its execute bit was closed cleanly, and is written on. Everything else becomes an old file or goes;
//! docs/cyclog.md draws which state comes from where. A kill at any point of it leads to a state that the next recovery
//! finishes, and nothing is kept twice.

/// What was found under the name `current`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// Nothing.
    Absent,
    /// A file with its execute bit: all of it is on disk.
    Clean,
    /// A file without it that is not empty.
    Unclean,
    /// An empty file without it: its writer was killed before the first line.
    Empty,
}

/// What was found under the name `processed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processed {
    /// Nothing.
    Absent,
    /// A file with its execute bit: the processor was done, and all of it is on disk.
    Finished,
    /// A file without.
    Unfinished,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The current file.
    pub current: Current,
    /// What a processor was making, or had made.
    pub processed: Processed,
    /// Whether there is a `previous`.
    pub previous: bool,
}

/// A step of recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Remove `state` and `newstate`.
    DropState,
    /// Remove `processed`.
    DropProcessed,
    /// Remove `previous`.
    DropPrevious,
    /// `processed` becomes an old file, complete and on disk.
    KeepProcessed,
    /// `previous` becomes an old file that was left by an unclean stop.
    KeepPrevious,
    /// `current` becomes an old file that was left by an unclean stop.
    KeepCurrent,
    /// Make an empty `state`.
    MakeState,
}

/// What to do, in order, before `current` is opened to be appended to.
pub fn plan(found: Found) -> Vec<Repair> {
    let mut plan = Vec::new();
    let clean = found.current == Current::Clean;
    if !clean {
        plan.push(Repair::DropState);
    }
    match (found.processed, found.previous) {
        (Processed::Absent, false) => {}
        (Processed::Absent, true) => plan.push(Repair::KeepPrevious),
        (Processed::Unfinished, false) => plan.push(Repair::DropProcessed),
        (Processed::Unfinished, true) => plan.extend([Repair::DropProcessed, Repair::KeepPrevious]),
        (Processed::Finished, false) => plan.push(Repair::KeepProcessed),
        // It was made of `previous`, so only one of the two may stay.
        (Processed::Finished, true) => plan.extend([Repair::DropPrevious, Repair::KeepProcessed]),
    }
    if found.current == Current::Unclean {
        plan.push(Repair::KeepCurrent);
    }
    if !clean {
        plan.push(Repair::MakeState);
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_CURRENT: [Current; 4] = [Current::Absent, Current::Clean, Current::Unclean, Current::Empty];
    const ALL_PROCESSED: [Processed; 3] = [Processed::Absent, Processed::Finished, Processed::Unfinished];

    fn all() -> impl Iterator<Item = Found> {
        ALL_CURRENT.into_iter().flat_map(|current| {
            ALL_PROCESSED
                .into_iter()
                .flat_map(move |processed| [false, true].map(|previous| Found { current, processed, previous }))
        })
    }

    /// What is left after a step.
    fn after(mut found: Found, repair: Repair) -> Found {
        match repair {
            Repair::DropState | Repair::MakeState => {}
            Repair::DropProcessed | Repair::KeepProcessed => found.processed = Processed::Absent,
            Repair::DropPrevious | Repair::KeepPrevious => found.previous = false,
            Repair::KeepCurrent => found.current = Current::Absent,
        }
        found
    }

    #[test]
    fn a_clean_directory_needs_nothing() {
        let found = Found { current: Current::Clean, processed: Processed::Absent, previous: false };
        assert_eq!(plan(found), []);
    }

    #[test]
    fn an_empty_current_is_no_old_file() {
        let found = Found { current: Current::Empty, processed: Processed::Absent, previous: false };
        assert_eq!(plan(found), [Repair::DropState, Repair::MakeState]);
    }

    #[test]
    fn a_finished_processed_stands_for_previous_and_an_unfinished_one_does_not() {
        let found = Found { current: Current::Unclean, processed: Processed::Finished, previous: true };
        let expected =
            [Repair::DropState, Repair::DropPrevious, Repair::KeepProcessed, Repair::KeepCurrent, Repair::MakeState];
        assert_eq!(plan(found), expected);
        let found = Found { processed: Processed::Unfinished, ..found };
        let expected =
            [Repair::DropState, Repair::DropProcessed, Repair::KeepPrevious, Repair::KeepCurrent, Repair::MakeState];
        assert_eq!(plan(found), expected);
    }

    #[test]
    fn killed_after_any_step_the_next_recovery_keeps_the_same_files() {
        let kept = |repairs: &[Repair]| {
            let keeps = [Repair::KeepProcessed, Repair::KeepPrevious, Repair::KeepCurrent];
            repairs.iter().copied().filter(|repair| keeps.contains(repair)).collect::<Vec<_>>()
        };
        for found in all() {
            let whole = plan(found);
            let (mut left, mut done) = (found, Vec::new());
            for &repair in &whole {
                left = after(left, repair);
                done.push(repair);
                let both = [kept(&done), kept(&plan(left))].concat();
                assert_eq!(both, kept(&whole), "{found:?} killed after {repair:?}");
            }
            // Nothing is left over, and the state begins anew unless all was clean.
            assert!(left.processed == Processed::Absent && !left.previous && left.current != Current::Unclean);
            assert_eq!(whole.contains(&Repair::MakeState), found.current != Current::Clean);
        }
    }
}
