//! Runs a program with an environment changed by the files of a directory.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::exec::{self, Environment};
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_sys::args::Args;
use daemontools_sys::fd::open_private;
use envdir::directory;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{chdir, fchdir};

const PROGRAM: Program = Program {
    name: "envdir",
    usage: "envdir: usage: envdir dir child",
    about: "Runs the program child with a variable for each file in dir: its name, and its first line as the value.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let Some(dir) = args.next().filter(|_| !args.is_empty()) else {
        // 111, alone among the programs: 0.76 does so.
        return Err(Failure::usage().exiting(Exit::TROUBLE));
    };
    let mut environment = Environment::inherited();
    let here = open_private(c".", OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty());
    let here = here.unable([b"switch to current directory"])?;
    chdir(dir).unable([b"switch to directory ", dir.to_bytes()])?;
    directory::apply(&mut environment, dir.to_bytes())?;
    fchdir(&here).unable([b"switch to starting directory"])?;
    Err(exec::run_with(args, &environment))
}
