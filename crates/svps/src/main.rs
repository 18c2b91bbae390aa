//! Shows all services of a tree, a line each. What it does is in `run`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;
use svps::options::Options;
use svps::run;

const PROGRAM: Program = Program {
    name: "svps",
    usage: "svps: usage: svps [ --sort name | --sort trouble ] [ --watch ] [ --json | --openmetrics ] [ dir ]",
    about: "Shows the services in the scan directory dir, a line each, with their loggers.
Without dir: that of $SVDIR, else /service, else /etc/service.

  -s, --sort ORDER   by name (the default), or trouble first
  -w, --watch        show it again when something changes
  -j, --json         an object for each service
      --openmetrics  for a Prometheus textfile collector
Exit code: 0 all is as wanted, 1 something is not, 111 trouble.",
};
entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    run::show(&Options::parse(args)?)
}
