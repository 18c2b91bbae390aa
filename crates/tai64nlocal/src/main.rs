//! Copies lines, and puts local time in place of the label that a line begins with.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::entry;
use daemontools_core::entry::Exit;
use daemontools_core::failure::{Failure, Outcome, Program};
use daemontools_core::stdio;
use daemontools_core::sys::args::Args;
use daemontools_core::sys::fd::{STDIN, STDOUT};
use daemontools_core::sys::local_time::LocalTime;
use tai64nlocal::stream::Converter;

const PROGRAM: Program = Program {
    name: "tai64nlocal",
    usage: "tai64nlocal: usage: tai64nlocal",
    about: "Copies standard input to standard output with local time in place of the label that a line begins with.",
};
entry!(PROGRAM, run);

/// As much as a pipe holds.
const INPUT: usize = 64 * 1024;

fn run(_: Args) -> Outcome {
    // As in 0.76, trouble with either side is not told but by the exit code.
    copy().map_err(|_| Failure::silent(Exit::TROUBLE))
}

fn copy() -> nix::Result<Exit> {
    let mut converter = Converter::new(LocalTime::of);
    let (mut buffer, mut output) = (vec![0; INPUT], Vec::with_capacity(2 * INPUT));
    let mut held = 0;
    loop {
        let read = stdio::read(STDIN, buffer.get_mut(held..).unwrap_or_default())?;
        let filled = held + read;
        let input = buffer.get(..filled).unwrap_or_default();
        if read == 0 {
            converter.finish(input, &mut output);
            return stdio::write_all(STDOUT, &output).map(|()| Exit::OK);
        }
        held = converter.pass(input, &mut output).len();
        // All of it is written before the next read, which may wait.
        stdio::write_all(STDOUT, &output)?;
        output.clear();
        buffer.copy_within(filled - held..filled, 0);
    }
}
