//! svwait: what was asked, when it is reached, and the loop that waits for it.
#![forbid(unsafe_code)]

mod event_loop;
mod goal;
mod options;

use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;

/// The program.
pub static PROGRAM: Program = Program {
    name: "svwait",
    usage: "svwait: usage: svwait [ -u | -r | -d | --done | -s | -x ] [ -a | -o ] [ -t time ] [ --for time ] [ --new-pid ] dir ...",
    about: "Waits until the services in each dir are as wanted.

  -u, --up            up (the default)
  -r, --ready         ready
  -d, --down          down
      --done          ended for good, as its setting no-restart says
  -s, --supervised    supervised
  -x, --unsupervised  no longer supervised
      --for TIME      with -u, -r and -d: for that long
      --new-pid[=PID] with -u and -r: with another process
  -a, --all           all of them, at the same time (the default)
  -o, --one           one of them
  -t, --timeout TIME  give up after that time: exit 99, and say on
                      standard error which were not as wanted
A dir may be the name of a service in the scan directory. A TIME has a
unit: 500ms, 10s, 2m, 1h; a bare number is milliseconds for -t and
seconds for --for.",
};

/// Waits for what the arguments ask for.
pub fn wait(args: Args) -> Outcome {
    event_loop::wait(options::Options::parse(args)?)
}
