//! Runs a program that puts itself into the background, and stays in the foreground in its place: until the program has
//! ended and all its background processes have closed the pipe that fghack gave them.
#![no_main]
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, IntoRawFd};

use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::exec;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::stdio;
use daemontools_sys::args::Args;
use daemontools_sys::fd::duplicate_inherited;
use daemontools_sys::process::{Ending, fork, leave, wait_for};
use nix::unistd::pipe;

const PROGRAM: Program = Program {
    name: "fghack",
    usage: "fghack: usage: fghack child",
    about: "Runs the program child and waits until all the processes that it left behind have ended.",
};
entry!(PROGRAM, run);

/// How many copies of the pipe the program gets besides the pipe itself: one that closes what it knows closes few.
const COPIES: usize = 30;

fn run(args: Args) -> Outcome {
    if args.is_empty() {
        return Err(Failure::usage());
    }
    // Both ends at the lowest free numbers, as in 0.76: the program is to inherit one of them.
    let (reader, writer) = pipe().unable([b"create pipe"])?;
    let Some(child) = fork().unable([b"fork"])? else {
        drop(reader);
        for _ in 0..COPIES {
            // As many as there is room for.
            let _ = duplicate_inherited(writer.as_fd()).map(IntoRawFd::into_raw_fd);
        }
        leave(exec::run(args).tell(&PROGRAM).0)
    };
    drop(writer);
    let mut unwanted = [0; 512];
    while stdio::read(&reader, &mut unwanted).is_ok_and(|read| read > 0) {}
    match wait_for(child) {
        Ok(Ending::Code(code)) => Ok(Exit(code)),
        Ok(Ending::Signal(_)) => Err(Failure::fatal([b"child crashed"])),
        Err(errno) => Err(Failure::because([b"wait failed"], errno)),
    }
}
