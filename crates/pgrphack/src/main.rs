//! Runs a program in a session and a process group of its own.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::exec;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_sys::args::Args;
use nix::unistd::setsid;

const PROGRAM: Program = Program {
    name: "pgrphack",
    usage: "pgrphack: usage: pgrphack child",
    about: "Runs the program child in a session and a process group of its own.",
};
entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    if args.is_empty() {
        return Err(Failure::usage());
    }
    // It fails only for the leader of a process group; as in 0.76, the program runs all the same.
    let _ = setsid();
    Err(exec::run(args))
}
