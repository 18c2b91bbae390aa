//! Copies lines, and puts local time in place of the label that a line begins with.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_lines::stdin_reader::{DEFAULT_PIPE, StdinReader};
use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_program::stdio;
use daemontools_sys::args::Args;
use daemontools_sys::fd::STDOUT;
use daemontools_sys::local_time::LocalTime;
use tai64nlocal::stream::Converter;

const PROGRAM: Program = Program {
    name: "tai64nlocal",
    usage: "tai64nlocal: usage: tai64nlocal",
    about: "Copies standard input to standard output with local time in place of the label that a line begins with.",
};
entry!(PROGRAM, run);

fn run(_: Args) -> Outcome {
    // As in 0.76, trouble with either side is not told but by the exit code.
    copy().map_err(|_| Failure::silent(Exit::TROUBLE))
}

fn copy() -> nix::Result<Exit> {
    let (mut converter, mut stdin) = (Converter::new(LocalTime::of), StdinReader::stdin());
    let mut output = Vec::new();
    while stdin.read()? {
        let mut input = stdin.bytes();
        // All of it is written before the next read, which may wait; a part at a time, so that little memory is used.
        let held = loop {
            let part = input.get(..DEFAULT_PIPE).unwrap_or(input);
            let left = converter.pass(part, &mut output).len();
            stdio::write_all(STDOUT, &output)?;
            output.clear();
            input = input.get(part.len() - left..).unwrap_or_default();
            if input.len() == left {
                break left;
            }
        };
        stdin.keep(held);
    }
    converter.finish(stdin.bytes(), &mut output);
    stdio::write_all(STDOUT, &output).map(|()| Exit::OK)
}
