//! Tells whether services are up: exit 0 if all are, 100 if one is not, 111 on trouble. As in daemontools-encore, with its
//! option letters; that one looks at a single directory.
#![no_main]
#![forbid(unsafe_code)]

use std::ffi::CStr;

use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::options::{Opt, Options};
use daemontools_service::service_dir::{Home, StatusTrouble, read_status, supervised};
use daemontools_sys::args::Args;
use nix::errno::Errno;
use nix::unistd::chdir;

const PROGRAM: Program = Program {
    name: "svup",
    usage: "svup: usage: svup [ -lL ] dir ...",
    about: "Tells by its exit code whether the service in each dir is up:
0 all of them, 100 not all, 111 trouble.

  -l  look at the service alone (the default)
  -L  look at its logger alone",
};
entry!(PROGRAM, run);

/// Whom to look at.
enum Subject {
    Service,
    Logger,
}

fn run(mut args: Args) -> Outcome {
    let mut subject = Subject::Service;
    for option in Options::new(&mut args, b"lL") {
        match option? {
            Opt::Flag(b'L') => subject = Subject::Logger,
            Opt::Flag(_) | Opt::Value(..) => subject = Subject::Service,
        }
    }
    if args.is_empty() {
        return Err(Failure::usage());
    }
    let home = Home::here()?;
    let mut exit = Exit::OK;
    for dir in args {
        // All are looked at: trouble with one is trouble, also after one that is down.
        if !home.visit(dir, || is_up(dir, &subject))?.unable([b"chdir to ", dir.to_bytes()])?? {
            exit = Exit::MISUSE;
        }
    }
    Ok(exit)
}

/// Whether the service in the current directory, which is `dir`, or its logger, is up.
fn is_up(dir: &CStr, subject: &Subject) -> Result<bool, Failure> {
    let dir = dir.to_bytes();
    match subject {
        Subject::Service => has_process(dir),
        Subject::Logger => match chdir(c"log") {
            Ok(()) => has_process(&[dir, b"/log"].concat()),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno).unable([b"chdir to ", dir, b"/log"]),
        },
    }
}

/// Whether the service in the current directory, which messages call `dir`, is supervised and has a process.
fn has_process(dir: &[u8]) -> Result<bool, Failure> {
    match supervised() {
        Ok(true) => {}
        Ok(false) | Err(Errno::ENOENT) => return Ok(false),
        Err(errno) => return Err(errno).unable([b"open ", dir, b"/supervise/ok"]),
    }
    match read_status() {
        Ok(Some(status)) => Ok(status.pid.is_some()),
        Ok(None) => Err(Failure::fatal([b"unable to read ", dir, b"/supervise/status: bad format"])),
        Err(StatusTrouble::Open(Errno::ENOENT)) => Ok(false),
        Err(StatusTrouble::Open(errno)) => Err(errno).unable([b"open ", dir, b"/supervise/status"]),
        Err(StatusTrouble::Read(errno)) => Err(errno).unable([b"read ", dir, b"/supervise/status"]),
    }
}
