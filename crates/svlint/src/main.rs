//! Finds faults in service directories. What it does is in `run`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;
use svlint::{Options, lint};

static PROGRAM: Program = Program {
    name: "svlint",
    usage: "svlint: usage: svlint [ --json ] [ dir | name ... ]",
    about: "Reads service directories, or whole trees of them, and finds mistakes.
Without dir: the tree that $SVDIR names, else /service, else /etc/service.
A name is that of a service in this tree.

  -j, --json  an object for each finding
Exit code: 0 nothing found, 1 warnings, 2 errors, 111 trouble.",
};
entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    lint(&PROGRAM, &Options::parse(args)?)
}
