//! Tells the supervise of each service directory what to do: writes the option letters into its control FIFO.
#![no_main]
#![forbid(unsafe_code)]

use std::ffi::CStr;

use daemontools_core::control::LETTERS;
use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::options::{Opt, Options};
use daemontools_program::stdio::write_all;
use daemontools_service::service_dir::{Home, open_control};
use daemontools_sys::args::Args;
use daemontools_sys::signal::ignore;
use nix::errno::Errno;
use nix::sys::signal::Signal;

const PROGRAM: Program = Program {
    name: "svc",
    usage: "svc options: u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, k kill",
    about: "Tells the supervise of each service directory what to do. Also: q quit, 1 usr1, 2 usr2, w winch.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    // A supervise that ends between our open and our write is a warning, not our end.
    ignore(Signal::SIGPIPE).unable([b"ignore SIGPIPE"])?;
    let letters = letters(&mut args)?;
    let home = Home::here()?;
    for dir in args {
        match home.visit(dir, || send(&letters, dir))? {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => failure.warn(&PROGRAM),
            Err(errno) => Failure::because([b"unable to chdir to ", dir.to_bytes()], errno).warn(&PROGRAM),
        }
    }
    Ok(Exit::OK)
}

/// The option letters in their order, each once.
fn letters(args: &mut Args) -> Result<Vec<u8>, Failure> {
    let mut letters = Vec::new();
    for option in Options::new(args, LETTERS) {
        match option? {
            Opt::Flag(letter) | Opt::Value(letter, _) if !letters.contains(&letter) => letters.push(letter),
            Opt::Flag(_) | Opt::Value(..) => {}
        }
    }
    Ok(letters)
}

/// Writes the letters into the control FIFO of the current directory, which messages call `dir`.
fn send(letters: &[u8], dir: &CStr) -> Result<(), Failure> {
    let dir = dir.to_bytes();
    let control = match open_control() {
        Ok(control) => control,
        Err(Errno::ENXIO) => return Err(Failure::fatal([b"unable to control ", dir, b": supervise not running"])),
        Err(errno) => return Err(Failure::because([b"unable to control ", dir], errno)),
    };
    write_all(&control, letters).map_err(|errno| Failure::because([b"error writing commands to ", dir], errno))
}
