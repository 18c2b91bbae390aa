//! Tells the supervise of each service directory what to do: writes the option letters into its control FIFO.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::control::LETTERS;
use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::options::{Opt, Options};
use daemontools_service::by_path::Opener;
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::args::Args;
use daemontools_sys::signal::ignore;
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
    let mut opener = Opener::default();
    for dir in args {
        let name = dir.to_bytes();
        let sent = match opener.send(dir, &letters) {
            Some(sent) => sent.map_err(|error| error.in_dir(name)),
            None => match ServiceDir::open(dir) {
                Ok(dir) => dir.send(&letters).map_err(|error| error.in_dir(name)),
                Err(errno) => Err(Failure::because([b"unable to chdir to ", name], errno)),
            },
        };
        if let Err(failure) = sent {
            failure.warn(&PROGRAM);
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
