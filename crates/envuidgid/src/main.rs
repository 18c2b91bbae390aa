//! Runs a program with the ids of an account, and of a group if one is named, in its environment, under our own ids.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::account::{self, Supplementary};
use daemontools_program::entry;
use daemontools_program::exec::{self, Environment};
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_sys::args::Args;

const PROGRAM: Program = Program {
    name: "envuidgid",
    usage: "envuidgid: usage: envuidgid account child",
    about: "Runs the program child with GID and UID in its environment set to the ids of account.

envuidgid account:group child  with the id of this group instead of the account's own",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let Some(name) = args.next().filter(|_| !args.is_empty()) else { return Err(Failure::usage()) };
    let account = account::identity(name.to_bytes(), Supplementary::None)?;
    if account.groups.len() > 1 {
        // The environment has room for one.
        return Err(Failure::usage());
    }
    let mut environment = Environment::inherited();
    environment.set(b"GID", account.gid.to_string().as_bytes());
    environment.set(b"UID", account.uid.to_string().as_bytes());
    Err(exec::run_with(args, &environment))
}
