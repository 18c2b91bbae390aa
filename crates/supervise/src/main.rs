//! Starts a service and keeps it running. The machine decides, the event loop performs.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_sys::args::Args;

static PROGRAM: Program = Program {
    name: "supervise",
    usage: "supervise: usage: supervise dir",
    about: "Starts the service in dir, starts it again when it ends, and does what svc asks for.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    match (args.next(), args.is_empty()) {
        (Some(dir), true) => supervise::supervise(&PROGRAM, dir),
        _ => Err(Failure::usage()),
    }
}
