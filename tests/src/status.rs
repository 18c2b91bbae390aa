//! The 18 bytes of `supervise/status`, read and written by the suite's own hand.
//!
//! | bytes | what |
//! |---|---|
//! | 0–7 | seconds, big-endian, 2^62 + 10 at the Unix epoch |
//! | 8–11 | nanoseconds, big-endian |
//! | 12–15 | process id, little-endian; 0: down |
//! | 16 | 1: paused |
//! | 17 | `u` wanted up, `d` wanted down, 0 neither |

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Tree, proc, value};

/// 1970 in TAI64 seconds.
const EPOCH: u64 = (1 << 62) + 10;

/// What a status file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Unix time of the last change of the process id, in nanoseconds.
    pub since: i128,
    /// The process id, 0 when down.
    pub pid: i32,
    /// Byte 16.
    pub paused: u8,
    /// Byte 17, as a letter or NUL.
    pub want: char,
}

impl Status {
    /// Reads a status file's bytes; none unless there are exactly 18.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Status> {
        let bytes: &[u8; 18] = bytes.try_into().ok()?;
        let seconds = u64::from_be_bytes(bytes[0..8].try_into().ok()?);
        let nanos = u32::from_be_bytes(bytes[8..12].try_into().ok()?);
        Some(Status {
            since: (i128::from(seconds) - i128::from(EPOCH)) * 1_000_000_000 + i128::from(nanos),
            pid: i32::from_le_bytes(bytes[12..16].try_into().ok()?),
            paused: bytes[16],
            want: char::from(bytes[17]),
        })
    }

    /// The status of a service directory of the tree.
    #[must_use]
    pub fn of(tree: &Tree, service: &str) -> Option<Status> {
        Status::read(&tree.read(format!("{service}/supervise/status")))
    }

    /// Whether there is a process and its id is this one or, with 0, any.
    #[must_use]
    pub fn up(&self) -> bool {
        self.pid != 0
    }
}

/// The 18 bytes for a service that changed this many seconds ago.
#[must_use]
pub fn record(seconds_ago: u64, pid: u32, paused: u8, want: u8) -> Vec<u8> {
    let seconds = EPOCH + now().as_secs() - seconds_ago;
    raw_record(seconds, pid, paused, want)
}

/// The 18 bytes with these TAI64 seconds.
#[must_use]
pub fn raw_record(seconds: u64, pid: u32, paused: u8, want: u8) -> Vec<u8> {
    [&seconds.to_be_bytes()[..], &[0; 4], &pid.to_le_bytes(), &[paused, want]].concat()
}

/// The time since the Unix epoch.
#[must_use]
pub fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970")
}

/// Waits until the status of the service is as `holds` wants it.
#[track_caller]
pub fn until_status(tree: &Tree, service: &str, what: &str, holds: impl Fn(Status) -> bool) -> Status {
    value(&format!("{service}: {what}"), || Status::of(tree, service).filter(|status| holds(*status)))
}

/// Waits until the service is up and returns its process id.
///
/// The status tells of the fork. Until the exec, a moment later, the process looks like a second supervise: it has
/// its arguments and its lock.
#[track_caller]
pub fn until_up(tree: &Tree, service: &str) -> i32 {
    until_status(tree, service, "up", |status| status.up() && !proc::is_forked_only(status.pid)).pid
}

/// Waits until the service's last change is this many seconds ago.
#[track_caller]
pub fn until_old(tree: &Tree, service: &str, seconds: u64) {
    let nanoseconds = i128::from(seconds) * 1_000_000_000;
    let old = |status: Status| now().as_nanos() as i128 - status.since >= nanoseconds;
    until_status(tree, service, &format!("as it is for {seconds} seconds"), old);
}

/// Waits until the service is down and its supervise is there to be asked: it opens `ok` after its first status.
#[track_caller]
pub fn until_down(tree: &Tree, service: &str) -> Status {
    until_status(tree, service, "down", |status| !status.up() && is_supervised(tree, service))
}

/// Whether a supervise runs: whether `ok` has a reader.
fn is_supervised(tree: &Tree, service: &str) -> bool {
    let ok = tree.path(service).join("supervise/ok");
    OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(ok).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_0_76_is_read() {
        // Written by the original at 2026-11-22 13:48:19 UTC for process 11676.
        let bytes = b"\x40\x00\x00\x00\x6b\x02\xf2\x9d\x23\xb6\xa1\xac\x9c\x2d\x00\x00\x00u";
        let status = Status { since: 1_795_355_283_599_171_500, pid: 11676, paused: 0, want: 'u' };
        assert_eq!(Status::read(bytes), Some(status));
    }
}
