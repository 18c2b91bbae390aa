//! Repeats what fails, before the event loop begins: trouble with a log is no reason to lose what an earlier run left.
//! In the event loop, what fails is repeated by its log (`rotation::Progress`), and nothing else waits for it.

use std::thread::sleep;

use daemontools_program::failure::Failure;

use crate::PROGRAM;
use crate::rotation::PAUSE;

/// Calls `attempt` until it succeeds, with a warning and a pause after each failure.
pub fn retry<T>(mut attempt: impl FnMut() -> Result<T, Failure>) -> T {
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(failure) => {
                failure.warn(&PROGRAM);
                sleep(PAUSE);
            }
        }
    }
}
