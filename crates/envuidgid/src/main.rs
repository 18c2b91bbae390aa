//! Runs a program with an account's group and user id in its environment, under our own ids.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::account;
use daemontools_program::entry;
use daemontools_program::exec::{self, Environment};
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_sys::args::Args;

const PROGRAM: Program = Program {
    name: "envuidgid",
    usage: "envuidgid: usage: envuidgid account child",
    about: "Runs the program child with GID and UID in its environment set to the ids of account.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let Some(name) = args.next().filter(|_| !args.is_empty()) else { return Err(Failure::usage()) };
    let account = account::by_name(name.to_bytes())?;
    let mut environment = Environment::inherited();
    environment.set(b"GID", account.gid.to_string().as_bytes());
    environment.set(b"UID", account.uid.to_string().as_bytes());
    Err(exec::run_with(args, &environment))
}
