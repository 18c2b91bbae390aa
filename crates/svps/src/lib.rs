//! svps: what was asked, the tree as it is now, the forms in which it is shown, and the loop of `--watch`.
#![forbid(unsafe_code)]

mod json;
mod live;
mod metrics;
mod options;
mod run;
mod scan_dir;
mod screen;
mod watched;

use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;

/// The program.
pub static PROGRAM: Program = Program {
    name: "svps",
    usage: "svps: usage: svps [ --sort name | --sort trouble ] [ --watch ] [ --json | --openmetrics ] [ dir | name ... ]",
    about: "Shows the services in the scan directory dir, a line each, with their loggers.
Without dir: that of $SVDIR, else /service, else /etc/service.
With names: these services of it alone.

  -s, --sort ORDER   by name (the default), or trouble first
  -w, --watch        show it again when something changes
  -j, --json         an object for each service
      --openmetrics  for a Prometheus textfile collector
Exit code: 0 all is as wanted, 1 something is not, 111 trouble.",
};

/// Shows what the arguments ask for.
pub fn show(args: Args) -> Outcome {
    run::show(&options::Options::parse(args)?)
}
