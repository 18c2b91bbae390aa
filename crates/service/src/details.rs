//! What our supervise tells of its service in `supervise/details`, to keep after the file was read.

use std::ffi::CStr;

use daemontools_core::details::{self, Details, State};
use daemontools_core::label::Label;
use daemontools_core::restarts::{self, RestartLog};
use daemontools_core::run_record::RunRecord;
use daemontools_core::status::Status;
use daemontools_untrusted::Error;

/// The details of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDetails {
    /// What it is doing.
    pub state: State,
    /// Since when.
    pub since: Label,
    /// Until when, if that is known: the next start, the next signal.
    pub until: Option<Label>,
    /// Why, in words; empty where there is nothing to say.
    pub reason: Vec<u8>,
    /// When it became ready.
    pub ready_since: Option<Label>,
    /// What it last said about itself; empty if nothing.
    pub status_text: Vec<u8>,
    /// The last run that is over.
    pub last_end: Option<RunRecord>,
}

impl ServiceDetails {
    /// What a file says, without the restarts.
    pub fn new(details: &Details<'_>) -> ServiceDetails {
        ServiceDetails {
            state: details.state,
            since: details.since,
            until: details.until,
            reason: details.reason.to_vec(),
            ready_since: details.ready_since,
            status_text: details.status_text.to_vec(),
            last_end: details.last_end,
        }
    }

    /// Whether the service has said that it is ready, while it is; `None`: no setting says when that is.
    pub fn is_ready(&self) -> Option<bool> {
        match (self.state, self.ready_since) {
            (State::Ready, _) => Some(true),
            (State::Starting, _) => Some(false),
            // It may have been ready, and is on its way down.
            (State::Stopping, Some(_)) => Some(false),
            (State::Down | State::Up | State::Stopping, _) => None,
            (State::Finishing | State::Waiting | State::Failed | State::Done, _) => None,
        }
    }

    /// Of a service without a process: whether what follows its end is still at work, `finish` or what is left of its
    /// process group.
    pub fn is_ending(&self) -> bool {
        matches!(self.state, State::Stopping | State::Finishing)
    }

    /// Whether supervise gave the service up, because it ended too often.
    pub fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Whether the service has ended for good, as it was to.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }
}

/// How often the service was started again, and what else our supervise tells.
pub(crate) type Extras = (RestartLog, Option<ServiceDetails>);

/// What the details say, or the file that version 0.1.0 kept instead. Only what belongs to this status counts. `read` reads what
/// fits of a file of the service.
pub(crate) fn extras(
    status: &Status,
    mut read: impl for<'a> FnMut(&CStr, &'a mut [u8]) -> Result<&'a [u8], Error>,
) -> Option<Extras> {
    let mut bytes = [0; details::MAX_SIZE];
    if let Ok(bytes) = read(details::PATH, &mut bytes) {
        // supervise writes the details first, so that they may be a moment ahead.
        let belongs = |details: &Details<'_>| details.belongs_to(status) || details.since >= status.since;
        let details = Details::read(bytes).filter(belongs)?;
        return Some((details.restarts, Some(ServiceDetails::new(&details))));
    }
    let log = RestartLog::from_bytes(read(restarts::PATH, &mut bytes).ok()?)?;
    log.belongs_to(status).then_some((log, None))
}
