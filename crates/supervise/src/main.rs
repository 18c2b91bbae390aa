//! Starts a service and keeps it running. What it does is in `machine`, how in `shell`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::entry;
use daemontools_core::failure::{Failure, Outcome, Program};
use daemontools_core::sys::args::Args;

static PROGRAM: Program = Program {
    name: "supervise",
    usage: "supervise: usage: supervise dir",
    about: "Starts the service in dir, starts it again when it ends, and does what svc asks for.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    match (args.next(), args.is_empty()) {
        (Some(dir), true) => supervise::shell::supervise(&PROGRAM, dir),
        _ => Err(Failure::usage()),
    }
}
