//! The actions that a step of the machine returns, in order. A short list that needs no heap, so that supervise
//! goes on where no memory is to be had.

use daemontools_core::end::End;
use daemontools_core::signal::Signal;
use nix::unistd::Pid;

/// How many actions a step answers at most.
const MOST: usize = 7;

/// What is to be done. An action that makes an event (`Start`, `Run`, `SignalRest`) is the last of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write the details.
    PublishDetails,
    /// Write the status.
    PublishStatus,
    /// Add the last end of the service to the history.
    RecordEnd,
    /// Make the service's process; `Started` or `StartFailed` is the next event.
    Start,
    /// Let the process of the service or of `finish`, which waits after its start, become that.
    Release,
    /// Send a signal.
    Send(Target, Signal),
    /// Run a program of the settings; `HookStarted` or `HookFailed` is the next event.
    Run(Hook),
    /// Kill such a program with all that it started.
    KillHook(Pid),
    /// Send a signal to what is left of the process group, or only look whether anything is left; `Rest` is the next event.
    SignalRest(Pid, Option<Signal>),
    /// End supervise.
    Exit,
}

/// Who gets a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The service's process.
    Service(Pid),
    /// The process group that it leads.
    Group(Pid),
}

/// A program of the settings, with what its arguments are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Whether the service is ready.
    Check,
    /// Ends the service; its argument is the process id.
    Stop(Pid),
    /// Runs after an end, with runit's arguments or with those of s6.
    Finish(FinishStyle, End, Pid),
}

/// Which arguments `finish` gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishStyle {
    /// The exit code or -1, the signal's number or 0.
    Runit,
    /// The exit code or 256, the signal's number or 0, the service's name, its process group.
    S6,
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
        actions.into_iter().fold(Actions::NONE, Actions::and)
    }

    /// These and one more, if there is room.
    pub fn and(mut self, action: Action) -> Actions {
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(action);
        }
        self
    }

    /// These and then those.
    pub fn then(self, others: Actions) -> Actions {
        others.into_iter().fold(self, Actions::and)
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Action>, MOST>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}
