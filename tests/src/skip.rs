//! The one door for a test that cannot run here: it says so on standard error.
//!
//! The test still counts as passed, since libtest has no third answer;
//! whoever reads the run must see what it did not show.

use std::io::Write;

/// Says what this run leaves out, and why; past libtest, which would swallow what `eprintln!` prints.
pub fn left_out(what: &str, why: &str) {
    let line = format!("left out: {what}: {why}\n");
    // Nothing can be said about a standard error that cannot be written.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Whether this is root; if it is not, says that `what` is left out.
#[must_use]
pub fn needs_root(what: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        left_out(what, "needs root");
    }
    root
}
