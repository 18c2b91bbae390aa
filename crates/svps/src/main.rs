//! Shows all services of a tree, a line each. What it does is in `run`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::Outcome;
use daemontools_sys::args::Args;
use svps::PROGRAM;

entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    svps::show(args)
}
