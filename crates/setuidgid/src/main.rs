//! Runs a program under another account's uid and gid, or under groups that are named.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::account::{self, Supplementary};
use daemontools_program::entry;
use daemontools_program::exec;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_sys::args::Args;
use nix::unistd::{setgid, setgroups, setuid};

const PROGRAM: Program = Program {
    name: "setuidgid",
    usage: "setuidgid: usage: setuidgid account child",
    about: "Runs the program child under the uid and gid of account, without any supplementary group.

setuidgid account:group[:group...] child  under these groups instead of the account's own
setuidgid -s account child                also in the groups that list the account as a member",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let mut supplementary = Supplementary::None;
    // In 0.76 the first word is an account, whatever it is: one that is called -s stays one.
    if args.peek() == Some(c"-s") && account::by_name(b"-s").is_err() {
        args.next();
        supplementary = Supplementary::OfAccount;
    }
    let Some(name) = args.next().filter(|_| !args.is_empty()) else { return Err(Failure::usage()) };
    let identity = account::identity(name.to_bytes(), supplementary)?;
    // As root, setgid and setuid set the real, the effective and the saved id.
    setgroups(&identity.groups).and_then(|()| setgid(identity.gid)).unable([b"setgid"])?;
    setuid(identity.uid).unable([b"setuid"])?;
    Err(exec::run(args))
}
