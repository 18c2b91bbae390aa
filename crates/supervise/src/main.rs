//! Starts a service and keeps it running. What is where is in `lib.rs`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::resume::SuperviseState;
use daemontools_program::entry;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_sys::args::Args;
use daemontools_upgrade::{Given, answer, given};

static PROGRAM: Program = Program {
    name: "supervise",
    usage: "supervise: usage: supervise dir",
    about: "Starts the service in dir, starts it again when it ends, and does what svc asks for.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let given = given(&args)?;
    if let Given::Trial(state) = &given {
        return answer(SuperviseState::from_text(state).map(drop));
    }
    match (args.next(), args.is_empty(), given) {
        (Some(dir), true, Given::State(state, caller)) => supervise::resume(&PROGRAM, dir, &state, caller),
        (Some(dir), true, Given::Nothing | Given::Trial(_)) => supervise::supervise(&PROGRAM, dir),
        _ => Err(Failure::usage()),
    }
}
