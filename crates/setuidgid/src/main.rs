//! Runs a program under another account's uid and gid.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::account;
use daemontools_program::entry;
use daemontools_program::exec;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_sys::args::Args;
use nix::unistd::{setgid, setgroups, setuid};

const PROGRAM: Program = Program {
    name: "setuidgid",
    usage: "setuidgid: usage: setuidgid account child",
    about: "Runs the program child under the uid and gid of account, without any supplementary group.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let Some(name) = args.next().filter(|_| !args.is_empty()) else { return Err(Failure::usage()) };
    // As root, setgid and setuid set the real, the effective and the saved id.
    let account = account::by_name(name.to_bytes())?;
    setgroups(&[account.gid]).and_then(|()| setgid(account.gid)).unable([b"setgid"])?;
    setuid(account.uid).unable([b"setuid"])?;
    Err(exec::run(args))
}
