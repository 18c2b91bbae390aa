//! Runs a program while a file is locked: the program inherits the descriptor that holds the lock.
#![no_main]
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd};

use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::exec;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::options::{Opt, Options};
use daemontools_sys::args::Args;
use daemontools_sys::fd::{lock, open_inherited, try_lock};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

const PROGRAM: Program = Program {
    name: "setlock",
    usage: "setlock: usage: setlock [ -nNxX ] file program [ arg ... ]",
    about: "Runs the program while file is locked.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let mut take: fn(BorrowedFd<'_>) -> nix::Result<()> = lock;
    let mut without: fn(Failure) -> Outcome = Err;
    for option in Options::new(&mut args, b"nNxX") {
        match option? {
            Opt::Flag(b'n') => take = try_lock,
            Opt::Flag(b'N') => take = lock,
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
    match take(file.as_fd()).unable([b"lock ", name]) {
        Ok(()) => Err(exec::run(args)),
        Err(failure) => without(failure),
    }
}
