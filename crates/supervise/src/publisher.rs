//! Publishes what others may know of the service: the files `status`, `details` and `history` in `supervise/`. Allocates
//! nothing.

use std::time::Duration;

use daemontools_core::details::{self, Details};
use daemontools_core::run_record::RunRecord;
use daemontools_core::{restarts, status};
use daemontools_program::clock::Instant;
use daemontools_program::failure::Program;
use daemontools_program::stdio::write_all;
use nix::unistd::unlink;

use crate::history;
use crate::machine::Machine;
use crate::replace::{Failed, NEW, replace};

/// How long after a file could not be written it is tried again.
const PUBLISH_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Room for details without long texts, on the stack of every supervise; larger ones take another page.
const USUAL_SIZE: usize = 512;

/// The writer of the files. A full disk is no reason to leave the service; when there is room again, the files say what
/// they should. What is new is noted first and written by `publish_due`, so that several changes at once are written once,
/// and a start never waits for a disk.
pub struct Publisher {
    program: &'static Program,
    /// The service directory as it was given.
    name: &'static [u8],
    /// Whether `status` is to say something new.
    status_due: bool,
    /// Whether `details` is.
    details_due: bool,
    /// The end that is to be added to `history`.
    end_due: Option<RunRecord>,
    /// When to try again, if the last try failed.
    again_at: Option<Instant>,
}

impl Publisher {
    /// Nothing has been published yet, and status and details are to be.
    pub fn new(program: &'static Program, name: &'static [u8]) -> Publisher {
        Publisher { program, name, status_due: true, details_due: true, end_due: None, again_at: None }
    }

    /// The status has changed.
    pub fn note_status(&mut self) {
        self.status_due = true;
    }

    /// The details have changed.
    pub fn note_details(&mut self) {
        self.details_due = true;
    }

    /// The service has ended.
    pub fn note_end(&mut self, run: Option<&RunRecord>) {
        if let Some(before) = std::mem::replace(&mut self.end_due, run.copied()) {
            history::add(&before);
        }
    }

    /// When to call `publish_again`.
    pub fn deadline(&self) -> Option<Instant> {
        self.again_at
    }

    /// Writes the details now, if they are new: the record of a process, before it may run.
    pub fn publish_record(&mut self, machine: &Machine, text: &[u8]) {
        if std::mem::take(&mut self.details_due) {
            self.details_due = !publish_details(machine, text);
        }
    }

    /// Writes what is new: first the details, so that they are there for all who see the new status. `text` is what the
    /// service says about itself.
    pub fn publish_due(&mut self, machine: &Machine, text: &[u8]) {
        let details = !std::mem::take(&mut self.details_due) || publish_details(machine, text);
        if !details {
            self.again_at = Some(Instant::now() + PUBLISH_AGAIN_AFTER);
        }
        if std::mem::take(&mut self.status_due) {
            if let Err(failed) = self.publish_status(machine) {
                self.warn(&failed);
            }
        }
        if let Some(run) = self.end_due.take() {
            history::add(&run);
        }
    }

    /// Writes both files again, if it is time. That it does not work was said once.
    pub fn publish_again(&mut self, machine: &Machine, text: &[u8]) {
        if self.again_at.is_some_and(|at| at <= Instant::now()) {
            let details = publish_details(machine, text);
            let status = self.publish_status(machine);
            self.again_at = (!details || status.is_err()).then(|| Instant::now() + PUBLISH_AGAIN_AFTER);
        }
    }

    fn publish_status(&mut self, machine: &Machine) -> Result<(), Failed> {
        let published = replace(status::PATH, |file| match machine.config().values.status_runit {
            false => write_all(file, &machine.status().to_bytes()),
            true => write_all(file, &machine.runit_status()),
        });
        if published.is_err() {
            self.again_at = Some(Instant::now() + PUBLISH_AGAIN_AFTER);
        }
        published
    }

    fn warn(&self, failed: &Failed) {
        let (verb, to, errno): (&[u8], &[u8], _) = match failed {
            Failed::Open(errno) => (b"open ", b"", *errno),
            Failed::Write(errno) => (b"write ", b"", *errno),
            Failed::Rename(errno) => (b"rename ", b" to status", *errno),
        };
        self.program.warn_because([b"unable to ", verb, self.name, b"/", NEW.to_bytes(), to], errno);
    }
}

/// Whether that works; if not, the file is removed rather than left stale.
fn publish_details(machine: &Machine, text: &[u8]) -> bool {
    let reason = machine.reason().words();
    let details = Details { reason: reason.as_bytes(), status_text: text, ..machine.details() };
    let mut buffer = [0; USUAL_SIZE];
    let published = match details.write(&mut buffer) {
        Some(text) => replace(details::PATH, |file| write_all(file, text)),
        None => publish_long_details(&details),
    };
    if published.is_err() {
        remove_details();
    }
    published.is_ok()
}

/// A function of its own, so that its buffer is on the stack of those only that need it.
#[cold]
#[inline(never)]
fn publish_long_details(details: &Details<'_>) -> Result<(), Failed> {
    let mut buffer = [0; details::MAX_SIZE];
    let text = details.write(&mut buffer).unwrap_or_default();
    replace(details::PATH, |file| write_all(file, text))
}

/// Removes the details: they would not be true of the next supervise, which may keep no such file.
pub fn remove_details() {
    let _ = unlink(details::PATH);
}

/// Removes the file that version 0.1.0 kept instead of the details.
pub fn remove_old_restarts() {
    let _ = unlink(restarts::PATH);
}
