//! svupgrade: `options` reads the arguments, `processes` what /proc says, `tree` finds the processes of a tree, `socket` asks
//! one of them to replace itself, `original` deals with those that cannot be asked, `verdict` is what came of it, `run` asks them all.
#![forbid(unsafe_code)]

use daemontools_program::failure::Program;

mod options;
mod original;
mod processes;
pub mod run;
mod socket;
mod tree;
mod verdict;

/// What svupgrade says about itself.
pub static PROGRAM: Program = Program {
    name: "svupgrade",
    usage: "svupgrade: usage: svupgrade [ --check ] [ --bin dir ] [ -t time ] [ dir ... ]",
    about: "Lets svscan, supervise and multilog of a running tree replace themselves by the programs installed now.",
};
