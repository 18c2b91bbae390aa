//! Runs a program while a file is locked: the program inherits the descriptor that holds the lock.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::entry;
use daemontools_core::entry::Exit;
use daemontools_core::exec;
use daemontools_core::failure::{Failure, Outcome, Program, Unable};
use daemontools_core::options::{Opt, Options};
use daemontools_core::sys::args::Args;
use daemontools_core::sys::fd::open_inherited;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::stat::Mode;

const PROGRAM: Program = Program {
    name: "setlock",
    usage: "setlock: usage: setlock [ -nNxX ] file program [ arg ... ]",
    about: "Runs the program while file is locked.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let mut how = FlockArg::LockExclusive;
    let mut without: fn(Failure) -> Outcome = Err;
    for option in Options::new(&mut args, b"nNxX") {
        match option? {
            Opt::Flag(b'n') => how = FlockArg::LockExclusiveNonblock,
            Opt::Flag(b'N') => how = FlockArg::LockExclusive,
            Opt::Flag(b'x') => without = |_| Ok(Exit::OK),
            _ => without = Err,
        }
    }
    let Some(file) = args.next().filter(|_| !args.is_empty()) else { return Err(Failure::usage()) };
    let name = file.to_bytes();
    // A FIFO that nobody reads is an error rather than a wait.
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_APPEND | OFlag::O_CREAT;
    let file = match open_inherited(file, flags, Mode::S_IRUSR | Mode::S_IWUSR).unable([b"open ", name]) {
        Ok(file) => file,
        Err(failure) => return without(failure),
    };
    match Flock::lock(file, how).map_err(|(_, errno)| errno).unable([b"lock ", name]) {
        Ok(_held) => Err(exec::run(args)),
        Err(failure) => without(failure),
    }
}
