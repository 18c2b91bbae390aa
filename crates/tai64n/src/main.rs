//! Puts the time before each line that it copies from standard input to standard output.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_lines::stamper::Stamper;
use daemontools_lines::stdin_reader::StdinReader;
use daemontools_program::clock::time_of_day;
use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_program::stdio;
use daemontools_sys::args::Args;
use daemontools_sys::fd::STDOUT;

const PROGRAM: Program = Program {
    name: "tai64n",
    usage: "tai64n: usage: tai64n",
    about: "Copies standard input to standard output with the time before each line, as @ and 24 hex digits.",
};
entry!(PROGRAM, run);

fn run(_: Args) -> Outcome {
    let (mut stamper, mut stdin) = (Stamper::default(), StdinReader::stdin());
    let mut output = stamper.room().ok_or(Failure::fatal([b"out of memory"]))?;
    // As in 0.76, trouble with either side is not told but by the exit code.
    copy(&mut stamper, &mut stdin, &mut output).map_err(|_| Failure::silent(Exit::TROUBLE))
}

fn copy(stamper: &mut Stamper, stdin: &mut StdinReader, output: &mut Vec<u8>) -> nix::Result<Exit> {
    while stdin.read()? {
        let mut input = stdin.bytes();
        stamper.read_at(time_of_day());
        // All of it is written before the next read, which may wait.
        while !input.is_empty() {
            input = stamper.pass(input, output);
            stdio::write_all(STDOUT, output)?;
            output.clear();
        }
        stdin.keep(0);
    }
    Ok(Exit::OK)
}
