//! Finds what will bite in service directories. What it does is in `shell`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;
use svlint::options::Options;
use svlint::shell;

static PROGRAM: Program = Program {
    name: "svlint",
    usage: "svlint: usage: svlint [ --json ] [ dir ... ]",
    about: "Reads service directories, or whole trees of them, and says what will bite.
Without dir: the tree that $SVDIR names, else /service, else /etc/service.

  -j, --json  an object for each finding
Exit code: 0 nothing found, 1 warnings, 2 errors, 111 trouble.",
};
entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    shell::lint(&PROGRAM, &Options::parse(args)?)
}
