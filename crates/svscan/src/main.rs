//! Starts and watches a supervise for each service of a directory. What is to run is in `table`, how in `shell`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::entry;
use daemontools_core::failure::{Outcome, Program};
use daemontools_core::sys::args::Args;

static PROGRAM: Program = Program {
    name: "svscan",
    usage: "svscan: usage: svscan [ dir ]",
    about: "Starts a supervise for each service in dir (default: here), and one for its log, and watches over them.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    svscan::shell::scan(&PROGRAM, args.next())
}
