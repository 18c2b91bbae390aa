//! Puts the time before each line that it copies from standard input to standard output.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::entry;
use daemontools_core::entry::Exit;
use daemontools_core::failure::{Failure, Outcome, Program};
use daemontools_core::label::Label;
use daemontools_core::stamper::{MOST, Stamper};
use daemontools_core::stdio;
use daemontools_core::sys::args::Args;
use daemontools_core::sys::fd::{STDIN, STDOUT};

const PROGRAM: Program = Program {
    name: "tai64n",
    usage: "tai64n: usage: tai64n",
    about: "Copies standard input to standard output with the time before each line, as @ and 24 hex digits.",
};
entry!(PROGRAM, run);

/// As much as a pipe holds.
const INPUT: usize = 64 * 1024;

fn run(_: Args) -> Outcome {
    // As in 0.76, trouble with either side is not told but by the exit code.
    copy().map_err(|_| Failure::silent(Exit::TROUBLE))
}

fn copy() -> nix::Result<Exit> {
    let mut stamper = Stamper::new(Label::now);
    let (mut buffer, mut output) = (vec![0; INPUT], Vec::with_capacity(MOST));
    loop {
        let read = stdio::read(STDIN, &mut buffer)?;
        let mut input = buffer.get(..read).unwrap_or_default();
        if input.is_empty() {
            return Ok(Exit::OK);
        }
        // All of it is written before the next read, which may wait.
        while !input.is_empty() {
            output.clear();
            input = stamper.pass(input, &mut output);
            stdio::write_all(STDOUT, &output)?;
        }
    }
}
