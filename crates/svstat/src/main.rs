//! Prints the status of each service directory, a line each.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::entry;
use daemontools_core::entry::Exit;
use daemontools_core::errno::reason;
use daemontools_core::failure::{Outcome, Program};
use daemontools_core::label::Label;
use daemontools_core::service_dir::{DOWN, Home, StatusTrouble, read_status, supervised};
use daemontools_core::stdio::Output;
use daemontools_core::sys::args::Args;
use daemontools_core::sys::fd::STDOUT;
use nix::errno::Errno;
use nix::sys::stat::stat;
use svstat::{Normally, report};

const PROGRAM: Program = Program {
    name: "svstat",
    usage: "svstat: usage: svstat dir ...",
    about: "Prints the status of each service directory, a line each.",
};
entry!(PROGRAM, run);

fn run(args: Args) -> Outcome {
    let home = Home::here()?;
    let mut output = Output::new(STDOUT);
    for dir in args {
        let line = home.visit(dir, line)?.unwrap_or_else(|errno| format!("unable to chdir: {}", reason(errno)));
        // As in 0.76, nobody is told if the line cannot be written: the exit code is always 0.
        let _ = output.put(&[dir.to_bytes(), b": ", line.as_bytes(), b"\n"].concat());
    }
    let _ = output.flush();
    Ok(Exit::OK)
}

/// What is to be said of the current directory.
fn line() -> String {
    let normally = match stat(DOWN) {
        Ok(_) => Normally::Down,
        Err(Errno::ENOENT) => Normally::Up,
        Err(errno) => return format!("unable to stat down: {}", reason(errno)),
    };
    match supervised() {
        Ok(true) => {}
        Ok(false) => return "supervise not running".into(),
        Err(errno) => return format!("unable to open supervise/ok: {}", reason(errno)),
    }
    match read_status() {
        Ok(Some(status)) => report(&status, normally, Label::now()),
        Ok(None) => "unable to read supervise/status: bad format".into(),
        Err(StatusTrouble::Open(errno)) => format!("unable to open supervise/status: {}", reason(errno)),
        Err(StatusTrouble::Read(errno)) => format!("unable to read supervise/status: {}", reason(errno)),
    }
}
