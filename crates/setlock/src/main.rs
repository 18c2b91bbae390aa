//! Runs a program while a file is locked: the program inherits the descriptor that holds the lock.
#![no_main]
#![forbid(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

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

/// What to do while another process holds the lock.
#[derive(Clone, Copy)]
enum Busy {
    Wait,
    GiveUp,
}

/// What to do if the file cannot be opened or locked.
#[derive(Clone, Copy)]
enum IfFailed {
    Report,
    ExitZero,
}

fn run(mut args: Args) -> Outcome {
    let (mut busy, mut if_failed) = (Busy::Wait, IfFailed::Report);
    for option in Options::new(&mut args, b"nNxX") {
        match option? {
            Opt::Flag(b'n') => busy = Busy::GiveUp,
            Opt::Flag(b'N') => busy = Busy::Wait,
            Opt::Flag(b'x') => if_failed = IfFailed::ExitZero,
            Opt::Flag(_) | Opt::Value(..) => if_failed = IfFailed::Report,
        }
    }
    let Some(file) = args.next().filter(|_| !args.is_empty()) else { return Err(Failure::usage()) };
    match (open_locked(file, busy), if_failed) {
        // The descriptor stays open for the program.
        (Ok(_locked), _) => Err(exec::run(args)),
        (Err(failure), IfFailed::Report) => Err(failure),
        (Err(_), IfFailed::ExitZero) => Ok(Exit::OK),
    }
}

/// Opens the file for the program to inherit, and locks it.
fn open_locked(file: &CStr, busy: Busy) -> Result<OwnedFd, Failure> {
    let name = file.to_bytes();
    // A FIFO without a reader is an error rather than a wait.
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_APPEND | OFlag::O_CREAT;
    let open = open_inherited(file, flags, Mode::S_IRUSR | Mode::S_IWUSR).unable([b"open ", name])?;
    let taken = match busy {
        Busy::Wait => lock(open.as_fd()),
        Busy::GiveUp => try_lock(open.as_fd()),
    };
    taken.unable([b"lock ", name]).map(|()| open)
}
