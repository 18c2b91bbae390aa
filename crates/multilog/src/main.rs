//! Selects lines of standard input and writes them to logs that rotate by themselves. See `lib.rs`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::Outcome;
use daemontools_sys::args::Args;
use multilog::script::Script;
use multilog::{PROGRAM, event_loop};

entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    event_loop::run(Script::new(args))
}
