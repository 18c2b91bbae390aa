//! Keeps the end of what it reads where `ps` shows it: in its own last argument.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_program::stdio;
use daemontools_sys::args::Args;
use daemontools_sys::fd::STDIN;
use daemontools_sys::title::Title;
use readproctitle::Text;

const PROGRAM: Program = Program {
    name: "readproctitle",
    usage: "readproctitle: usage: readproctitle text ... dots",
    about: "Shows the end of what it reads in place of its last argument, at least five dots, for ps to see.",
};
entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    // As in 0.76, it never prints a message, which would become part of what it shows.
    let Some(mut title) = Title::of(args).filter(|title| title.len() >= Text::LEAST) else {
        return Err(Failure::silent(Exit::MISUSE));
    };
    let mut text = Text::new(title.len());
    let mut buffer = [0; 1024];
    loop {
        title.show(text.bytes());
        match stdio::read(STDIN, &mut buffer) {
            Ok(0) => return Ok(Exit::OK),
            Ok(read) => text.push(buffer.get(..read).unwrap_or_default()),
            Err(_) => return Err(Failure::silent(Exit::TROUBLE)),
        }
    }
}
