//! Trying until it works: trouble with a log is no reason to lose a line.

use std::thread::sleep;
use std::time::Duration;

use daemontools_program::failure::Failure;

use crate::PROGRAM;

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// Does `deed`; as long as it fails, warns, waits, and does it again. Signals are blocked and wait as well: what has
/// been read is written before they are looked at.
pub fn retry<T>(mut deed: impl FnMut() -> Result<T, Failure>) -> T {
    loop {
        match deed() {
            Ok(done) => return done,
            Err(failure) => {
                failure.warn(&PROGRAM);
                sleep(PAUSE);
            }
        }
    }
}
