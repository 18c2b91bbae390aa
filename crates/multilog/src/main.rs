//! Selects lines of standard input and writes them to logs that rotate by themselves. See `lib.rs`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::Outcome;
use daemontools_sys::args::Args;
use multilog::script::Script;
use multilog::{PROGRAM, shell};

entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    shell::run(Script::new(args))
}
