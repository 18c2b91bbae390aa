//! What a step of the machine answers: what is to be done, in order. A short list that needs no heap, so that supervise
//! goes on where no memory is to be had.

use daemontools_core::run_record::RunRecord;
use daemontools_core::signal::Signal;

/// How many actions a step answers at most.
const MOST: usize = 4;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write the details.
    PublishDetails,
    /// Write the status.
    PublishStatus,
    /// Add the end of the service to the history.
    RecordEnd(RunRecord),
    /// Make a process; `Started` or `StartFailed` is the next event.
    Start,
    /// Send the process a signal.
    Send(Signal),
    /// End supervise.
    Exit,
}

/// Actions in the order in which they are to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions([Option<Action>; MOST]);

impl Actions {
    /// Nothing to do.
    pub const NONE: Actions = Actions([None; MOST]);

    /// These.
    pub fn of<const N: usize>(actions: [Action; N]) -> Actions {
        const { assert!(N <= MOST) };
        let mut list = Actions::NONE;
        for (place, action) in list.0.iter_mut().zip(actions) {
            *place = Some(action);
        }
        list
    }

    /// These and one more, if there is room.
    pub fn and(mut self, action: Action) -> Actions {
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(action);
        }
        self
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Action>, MOST>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}
