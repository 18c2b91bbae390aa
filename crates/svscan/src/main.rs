//! Starts and watches a supervise for each service of a directory. `table` says what has to run, `event_loop` runs it.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::resume::SvscanState;
use daemontools_program::entry;
use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;
use daemontools_upgrade::{Given, answer, given};
use nix::unistd::{Pid, getpid};
use svscan::mode::{Mode, Pid1};

static PROGRAM: Program = Program {
    name: "svscan",
    usage: "svscan: usage: svscan [ --init [ --grace time ] [ --exit-with name ] ] [ dir ]",
    about: "Starts a supervise for each service in dir (default: here), and one for its log, and watches over them.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let state = match given(&args)? {
        Given::Nothing => None,
        Given::Trial(state) => return answer(SvscanState::from_text(&state).map(drop)),
        Given::State(state, caller) => Some((state, caller)),
    };
    let is_pid1 = if getpid() == Pid::from_raw(1) { Pid1::Yes } else { Pid1::No };
    let mode = Mode::take(&mut args, is_pid1)?;
    match state {
        None => svscan::event_loop::run(&PROGRAM, args.next(), mode),
        Some((state, caller)) => svscan::event_loop::resume(&PROGRAM, mode, &state, caller),
    }
}
