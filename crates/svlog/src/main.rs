//! Reads the logs of services, as multilog keeps them, like one stream. What is done is in `run`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;

static PROGRAM: Program = Program {
    name: "svlog",
    usage: "svlog: usage: svlog [ -f ] [ -n lines ] [ -S time ] [ -U time ] [ -g pattern ] [ -o form ] [ --raw | --escape ] dir ...",
    about: "Reads the logs of services, old files and the current one, like one stream.
Each dir is a service, or its name in the tree, or a log directory.

  -f, --follow        go on as lines come, from the last 10 on, or from -n or -S
  -n, --lines LINES   the last lines only
  -S, --since TIME    not before this time
  -U, --until TIME    not after this time
  -g, --grep PATTERN  only lines that contain this regular expression
  -o, --output FORM   times as local (the default), utc, unix, tai64n; or json
      --raw           lines as they are, also on a terminal
      --escape        control characters in lines as \\x1b, also in a pipe

A TIME is 2026-11-22 10:00, 2026-11-22, 10:00 (today), -15m (ago; s, m, h, d, w),
now, today, yesterday, or a stamp @4000....",
};
entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    svlog::show(&PROGRAM, args)
}
