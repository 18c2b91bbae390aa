//! Waits until services are up, down, supervised or no longer supervised. The loop is in `event_loop`.
//!
//! As every program that 0.76 does not have, it starts by `entry!` like the others and hands its `Args` to lexopt
//! (`options.rs`): bytes in paths stay bytes, SIGPIPE ends it quietly, and a wrong option is a `Failure::misused`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::Outcome;
use daemontools_sys::args::Args;
use svwait::{PROGRAM, wait};

entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    wait(args)
}
