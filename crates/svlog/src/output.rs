//! Standard output: lines are gathered and written together. With `-f`, a signal can end
//! a write that waits, and the output still ends after a whole line.

use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::entry::Exit;
use daemontools_program::failure::Failure;
use daemontools_program::stdio::{uninterrupted, write_all};
use daemontools_program::wait::{readable, wait};
use daemontools_sys::fd::STDOUT;
use memchr::memchr;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};

use crate::signals::Signals;

/// How much is gathered before it is written.
pub const FULL: usize = 64 * 1024;
/// How much a pipe takes at once without waiting, if it takes anything.
const PIECE: usize = 4096;
/// How long the rest of a line is waited for after a signal, if nobody reads.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes everything.
pub fn write(bytes: &[u8], signals: Option<&Signals>) -> Result<(), Failure> {
    let written = match signals {
        None => write_all(STDOUT, bytes),
        Some(signals) => write_unless_ended(bytes, signals),
    };
    written.map_err(|errno| match errno {
        // The reader has seen enough.
        Errno::EPIPE => Failure::silent(Exit::TROUBLE),
        errno => Failure::because([b"unable to write output"], errno),
    })
}

/// Writes everything; after a signal, no more than the rest of the line.
fn write_unless_ended(mut bytes: &[u8], signals: &Signals) -> nix::Result<()> {
    let mut within_line = false;
    let mut deadline = None;
    while !bytes.is_empty() {
        if signals.caught().is_some() && deadline.is_none() {
            let rest = if within_line { memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1) } else { 0 };
            bytes = bytes.get(..rest).unwrap_or_default();
            deadline = Some(Instant::now() + PATIENCE);
            continue;
        }
        let writable = PollFd::new(STDOUT, PollFlags::POLLOUT);
        let mut fds = [writable, readable(signals)];
        let count = if deadline.is_none() { 2 } else { 1 };
        wait(fds.get_mut(..count).unwrap_or_default(), deadline);
        let [output, _] = fds;
        if output.revents().is_some_and(|events| !events.is_empty()) {
            let piece = bytes.get(..PIECE).unwrap_or(bytes);
            let written = uninterrupted(|| nix::unistd::write(STDOUT, piece))?;
            within_line = bytes.get(..written).is_some_and(|written| written.last() != Some(&b'\n'));
            bytes = bytes.get(written..).unwrap_or_default();
        } else if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(());
        }
    }
    Ok(())
}
