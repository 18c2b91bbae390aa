//! From C's `main` to a program's `run`, and back to an exit code. Only here does a program end.
//!
//! The standard library's own `main` ignores SIGPIPE and opens closed standard descriptors; the programs that a service
//! is started through would pass that on. So each program has C's `main`, made by `entry!`.

use crate::failure::{Failure, Outcome, Program};
use crate::stdio;
use daemontools_sys::args::Args;
use daemontools_sys::fd::STDOUT;
use daemontools_sys::heap;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// Done.
    pub const OK: Exit = Exit(0);
    /// The arguments are wrong.
    pub const MISUSE: Exit = Exit(100);
    /// The system did not let us; trying again later may help.
    pub const TROUBLE: Exit = Exit(111);
}

/// Makes C's `main` for a program: `entry!(PROGRAM, run)`.
#[macro_export]
macro_rules! entry {
    ($program:expr, $run:path) => {
        $crate::c_main!(|args| $crate::entry::start(&$program, args, $run));
    };
}

/// Runs a program and tells its failure. `--help` and `--version` are answered here, as the only argument.
pub fn start(program: &Program, args: Args, run: fn(Args) -> Outcome) -> i32 {
    heap::set_program(program.name);
    let exit = about(program, &args).unwrap_or_else(|| run(args)).unwrap_or_else(|failure| failure.tell(program));
    i32::from(exit.0)
}

/// The answer to `--help` and `--version`, if that is what was asked.
fn about(program: &Program, args: &Args) -> Option<Outcome> {
    if args.len() != 1 {
        return None;
    }
    let (name, usage, about) = (program.name.as_bytes(), program.usage.as_bytes(), program.about.as_bytes());
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let told = match args.peek()?.to_bytes() {
        b"--help" => stdio::write_pieces(STDOUT, [usage, b"\n", about, b"\nThe manual: man 8 ", name, b"\n"]),
        b"--version" => stdio::write_pieces(STDOUT, [name, b" (daemontools-rs) ", version, b"\n"]),
        _ => return None,
    };
    Some(told.map(|()| Exit::OK).map_err(|errno| Failure::because([b"unable to write output"], errno)))
}
