//! Waits until services are up, down, supervised or no longer supervised. The loop is in `event_loop`.
//!
//! As every program that 0.76 does not have, it starts by `entry!` like the others and hands its `Args` to lexopt
//! (`options.rs`): bytes in paths stay bytes, SIGPIPE ends it quietly, and a wrong option is a `Failure::misused`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;
use svwait::event_loop;
use svwait::options::Options;

const PROGRAM: Program = Program {
    name: "svwait",
    usage: "svwait: usage: svwait [ -u | -d | -s | -x ] [ -a | -o ] [ -t milliseconds ] [ --for seconds ] dir ...",
    about: "Waits until the services in each dir are as wanted.

  -u, --up            up (the default)
  -d, --down          down
  -s, --supervised    supervised
  -x, --unsupervised  no longer supervised
      --for SECONDS   with -u and -d: for that long
  -a, --all           all of them, at the same time (the default)
  -o, --one           one of them
  -t, --timeout MS    give up after so many milliseconds: exit 99,
                      and say on standard error who was not there",
};
entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    event_loop::wait(Options::parse(args)?)
}
