//! Runs a program under lower soft limits.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_program::options::{Opt, Options};
use daemontools_sys::args::Args;
use nix::sys::resource::{getrlimit, setrlimit};
use softlimit::{LETTERS, Wish, resources};

const PROGRAM: Program = Program {
    name: "softlimit",
    usage: "softlimit: usage: softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] [-l lockbytes] \
            [-m membytes] [-o openfiles] [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child",
    about: "Runs the program child under these soft limits; = means the hard limit.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let mut wishes = Vec::new();
    for option in Options::new(&mut args, LETTERS) {
        if let Opt::Value(letter, value) = option? {
            let wish = Wish::read(value.to_bytes()).ok_or_else(Failure::usage)?;
            wishes.extend(resources(letter).iter().map(|&resource| (resource, wish)));
        }
    }
    if args.is_empty() {
        return Err(Failure::usage());
    }
    let environment = Environment::inherited();
    let program = Prepared::new(args, &environment);
    // From here on nothing is allocated: the limits may forbid it.
    for (resource, wish) in wishes {
        let (_, hard) = getrlimit(resource).map_err(|errno| Failure::because([b"getrlimit failed"], errno))?;
        setrlimit(resource, wish.soft(hard), hard).map_err(|errno| Failure::because([b"setrlimit failed"], errno))?;
    }
    Err(program.run())
}
