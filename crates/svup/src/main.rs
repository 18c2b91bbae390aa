//! Tells whether services are up: exit 0 if all are, 100 if one is not, 111 on trouble. As in daemontools-encore, with its
//! option letters; that one looks at a single directory.
#![no_main]
#![forbid(unsafe_code)]

use std::ffi::CStr;

use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::options::{Opt, Options};
use daemontools_service::name::service_path;
use daemontools_service::part::Part;
use daemontools_service::service_dir::ServiceDir;
use daemontools_service::status_error::StatusError;
use daemontools_sys::args::Args;
use nix::errno::Errno;

const PROGRAM: Program = Program {
    name: "svup",
    usage: "svup: usage: svup [ -lL ] dir ...",
    about: "Tells by its exit code whether the service in each dir is up:
0 all of them, 100 not all, 111 trouble.

  -l  look at the service alone (the default)
  -L  look at its logger alone
A dir may be the name of a service in the scan directory.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let mut part = Part::Service;
    for option in Options::new(&mut args, b"lL") {
        match option? {
            Opt::Flag(b'L') => part = Part::Log,
            Opt::Flag(_) | Opt::Value(..) => part = Part::Service,
        }
    }
    if args.is_empty() {
        return Err(Failure::usage());
    }
    let mut exit = Exit::OK;
    for dir in args.map(service_path) {
        // All are looked at: trouble with one is trouble, also after one that is down.
        if !is_up(&dir, part)? {
            exit = Exit::MISUSE;
        }
    }
    Ok(exit)
}

/// Whether this part of the service in `dir` is up.
fn is_up(dir: &CStr, part: Part) -> Result<bool, Failure> {
    let name = dir.to_bytes();
    let service = ServiceDir::open(dir).unable([b"chdir to ", name])?;
    let looked_at = match part {
        Part::Service => Some(service),
        Part::Log => service.log().map_err(|error| error.in_dir(name))?,
    };
    let path = [name, part.path_suffix().as_bytes()].concat();
    looked_at.map_or(Ok(false), |part| has_process(&part)).map_err(|error| error.in_dir(&path))
}

/// Whether the service in this directory is supervised and has a process.
fn has_process(dir: &ServiceDir) -> Result<bool, StatusError> {
    let found = dir.supervised().and_then(|supervised| Ok(supervised && dir.status()?.pid.is_some()));
    match found {
        Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(false),
        found => found,
    }
}
