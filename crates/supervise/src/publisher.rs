//! Publishes what others may know of the service: the files `status` and `starts` in `supervise/`, each replaced in one step.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use daemontools_core::restarts::{self, RestartLog};
use daemontools_core::status;
use daemontools_program::clock::Instant;
use daemontools_program::failure::Program;
use daemontools_program::stdio::write_all;
use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, renameat};
use nix::sys::stat::Mode;
use nix::unistd::unlink;

use crate::machine::Machine;

/// Each file is written under this name and then renamed, so that it is the only stray file that a killed supervise leaves.
const NEW: &CStr = c"supervise/status.new";
/// How long after a status could not be written it is tried again.
const PUBLISH_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The status file's writer. A full disk is no reason to leave the service; when there is room again, the status is
/// what it should be. Allocates nothing.
pub struct Publisher {
    program: &'static Program,
    /// The service directory as it was given.
    name: &'static [u8],
    /// Whether the file is to say something new.
    due: bool,
    /// When to try again, if the last try failed.
    again_at: Option<Instant>,
}

impl Publisher {
    /// Nothing has been published yet, and something is to be.
    pub fn new(program: &'static Program, name: &'static [u8]) -> Publisher {
        Publisher { program, name, due: true, again_at: None }
    }

    /// There is something new. It is written by the next `publish_due`, so that several changes at once are written once.
    pub fn note_change(&mut self) {
        self.due = true;
    }

    /// When to call `publish_again`.
    pub fn deadline(&self) -> Option<Instant> {
        self.again_at
    }

    /// Writes what is new, if anything is.
    pub fn publish_due(&mut self, machine: &Machine) {
        if std::mem::take(&mut self.due) {
            if let Err(failed) = self.attempt(machine) {
                let (new, errno) = (NEW.to_bytes(), failed.errno);
                self.program.warn_because([b"unable to ", failed.verb, b" ", self.name, b"/", new, failed.to], errno);
            }
        }
    }

    /// Writes it again, if it is time. That it does not work was said once.
    pub fn publish_again(&mut self, machine: &Machine) {
        if self.again_at.is_some_and(|at| at <= Instant::now()) {
            let _ = self.attempt(machine);
        }
    }

    fn attempt(&mut self, machine: &Machine) -> Result<(), Failed> {
        let published = publish(&machine.status().to_bytes());
        self.again_at = published.is_err().then(|| Instant::now() + PUBLISH_AGAIN_AFTER);
        published
    }
}

/// What failed in publishing the status, as the words of the message.
struct Failed {
    verb: &'static [u8],
    to: &'static [u8],
    errno: Errno,
}

/// Replaces the status file in one step: a reader sees the old record or the new one.
fn publish(status: &[u8]) -> Result<(), Failed> {
    let file = create().map_err(|errno| Failed { verb: b"open", to: b"", errno })?;
    write_all(&file, status).map_err(|errno| Failed { verb: b"write", to: b"", errno })?;
    replace(status::PATH).map_err(|errno| Failed { verb: b"rename", to: b" to status", errno })
}

/// Replaces the file about restarts in one step. Best effort: on failure the file is removed rather than left stale.
pub fn publish_restarts(restarts: &RestartLog) {
    let published =
        create().and_then(|file| write_all(&file, &restarts.to_bytes())).and_then(|()| replace(restarts::PATH));
    if published.is_err() {
        remove_restarts();
    }
}

/// Removes the file about restarts: it would not be true of the next supervise, which may keep no such file.
pub fn remove_restarts() {
    let _ = unlink(restarts::PATH);
}

fn create() -> nix::Result<OwnedFd> {
    // O_NOFOLLOW: a link of this name is none of ours.
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    open_private(NEW, flags, Mode::from_bits_truncate(0o644))
}

fn replace(path: &CStr) -> nix::Result<()> {
    renameat(AT_FDCWD, NEW, AT_FDCWD, path)
}
