//! The one door for a test that cannot run here: it says so on standard error.
//!
//! The test still counts as passed, since libtest has no third answer;
//! the reader of a run must see what it did not show.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::resource::{Resource, getrlimit};

use crate::proc;

/// Says what this run leaves out, and why; past libtest, which would swallow what `eprintln!` prints.
pub fn left_out(what: &str, why: &str) {
    let line = format!("left out: {what}: {why}\n");
    // Nothing can be said about a standard error that cannot be written.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A user of whom nobody has processes, to be limited by their number. Each call tells of another one.
#[must_use]
pub fn spare_user() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Within what a container may know of users, and apart from what another run of the suite takes.
    let next = || 61_000 + (std::process::id() * 8 + NEXT.fetch_add(1, Ordering::Relaxed)) % 4_000;
    let is_taken = |user: u32| {
        let user = user.to_string();
        proc::all()
            .into_iter()
            .any(|pid| proc::field(pid, "Uid").is_some_and(|ids| ids.split('\t').any(|id| id == user)))
    };
    std::iter::repeat_with(next).find(|&user| !is_taken(user)).expect("a user without processes")
}

/// The hard limit of open files to start a program with: this many, or as many as we ourselves may have. Not every root may
/// raise it.
#[must_use]
pub fn open_files(wanted: u64) -> u64 {
    let (_, own) = getrlimit(Resource::RLIMIT_NOFILE).expect("our own limit");
    wanted.min(own)
}

/// Whether this is root, whose trees other users can reach; if not, says that `what` is left out.
#[must_use]
pub fn needs_root(what: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    // A temporary directory of root's own, by TMPDIR.
    let place = std::env::temp_dir();
    let open = |dir: &Path| fs::metadata(dir).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0);
    if !root {
        left_out(what, "needs root");
    } else if !place.ancestors().all(open) {
        left_out(what, &format!("other users cannot reach {}", place.display()));
        return false;
    }
    root
}
