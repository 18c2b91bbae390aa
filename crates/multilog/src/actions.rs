//! The actions of a script once what they name is open.

use std::ffi::CStr;

use daemontools_lines::stamp_text::Form;
use daemontools_program::failure::Failure;

use crate::log::Log;
use crate::rewriter::Incoming;
use crate::script::{Action, Plan};
use crate::status_file::StatusFile;

/// Form and prefix of the stamps of all logs, if nothing but these logs sees the lines.
pub fn common_stamps<S>(actions: &[Action<S, Plan>]) -> Option<(Form, &'static [u8])> {
    let wanted = |action: &Action<S, Plan>| match action {
        Action::Log(Plan { settings, .. }) if settings.line_max.is_none() => Some((settings.stamp, settings.prefix)),
        _ => None,
    };
    let first = wanted(actions.first()?)?;
    actions.iter().all(|action| wanted(action) == Some(first)).then_some(first)
}

/// Opens what an action names; `gathered` is how many bytes may have to be gathered for a log of such lines.
pub fn open(
    action: Action<&'static CStr, Plan>,
    gathered: usize,
    incoming: Incoming,
) -> Result<Action<StatusFile, Log>, Failure> {
    Ok(match action {
        Action::Select(pattern) => Action::Select(pattern),
        Action::Deselect(pattern) => Action::Deselect(pattern),
        Action::Alert => Action::Alert,
        Action::Status(name) => Action::Status(StatusFile::open(name)?),
        Action::Log(plan) => Action::Log(Log::open(plan, gathered, incoming)?),
    })
}

/// The logs among the actions.
pub fn logs(actions: &mut [Action<StatusFile, Log>]) -> impl Iterator<Item = &mut Log> {
    actions.iter_mut().filter_map(|action| match action {
        Action::Log(log) => Some(log),
        Action::Select(_) | Action::Deselect(_) | Action::Alert | Action::Status(_) => None,
    })
}

/// The last trouble of a log or a status file that has not gone on since.
pub fn trouble(actions: &[Action<StatusFile, Log>]) -> Option<&Failure> {
    actions.iter().find_map(|action| match action {
        Action::Log(log) => log.trouble(),
        Action::Status(file) => file.trouble(),
        Action::Select(_) | Action::Deselect(_) | Action::Alert => None,
    })
}
