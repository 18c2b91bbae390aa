//! svlog: where a log is (`locate`, `logger`), its files in order (`directory`, `file`, `unpack`), where to begin
//! (`time_spec`, `range`, `bisect`, `tail`, `backwards`), the lines of one log (`open_file`, `lines`, `window`, put together
//! in `source`; over rotations `rotation_follower`) and of several (`merge`), which of them are shown (`filter`) and how
//! (`format`), changes (`watch`) and signals (`signals`), the program around these (`run`, `output`).
#![forbid(unsafe_code)]

mod backwards;
mod bisect;
mod directory;
mod file;
mod filter;
mod format;
mod lines;
mod locate;
mod logger;
mod merge;
mod open_file;
mod options;
mod output;
mod progress;
mod range;
mod rotation_follower;
mod run;
mod signals;
mod source;
mod stamp;
mod tail;
mod time_spec;
mod unpack;
mod watch;
mod window;
mod xz_limit;

use daemontools_program::failure::{Outcome, Program};
use daemontools_sys::args::Args;

/// Shows what the arguments ask for.
pub fn show(program: &'static Program, args: Args) -> Outcome {
    run::show(program, options::Options::parse(args)?)
}
