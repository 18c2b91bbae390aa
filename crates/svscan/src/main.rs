//! Starts and watches a supervise for each service of a directory. What is to run is in `table`, how in `event_loop`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;
use nix::unistd::{Pid, getpid};
use svscan::init::{Life, Process};

static PROGRAM: Program = Program {
    name: "svscan",
    usage: "svscan: usage: svscan [ --init [ --grace seconds ] ] [ dir ]",
    about: "Starts a supervise for each service in dir (default: here), and one for its log, and watches over them.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let process = if getpid() == Pid::from_raw(1) { Process::First } else { Process::Other };
    let life = Life::take(&mut args, process)?;
    svscan::event_loop::scan(&PROGRAM, args.next(), life)
}
