//! Prints the status of each service directory, a line each.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_core::status::Status;
use daemontools_program::clock::time_of_day;
use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::errno::reason;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_program::stdio::{Output, print};
use daemontools_service::report::{Normally, ServiceReport};
use daemontools_service::service_dir::{DOWN, Home, StatusTrouble, read_status, supervised};
use daemontools_sys::args::Args;
use daemontools_sys::fd::STDOUT;
use nix::errno::Errno;
use nix::sys::stat::stat;
use svstat::{json, report};

const PROGRAM: Program = Program {
    name: "svstat",
    usage: "svstat: usage: svstat [ --json ] dir ...",
    about: "Prints the status of each service directory, a line each.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    // As the first word only: a directory of this name is ./--json.
    if args.peek() == Some(c"--json") {
        args.next();
        return objects(args);
    }
    let home = Home::here()?;
    let (mut output, mut line) = (Output::new(STDOUT), String::new());
    for dir in args {
        line.clear();
        if let Err(errno) = home.visit(dir, || look(&mut line))? {
            line = format!("unable to chdir: {}", reason(errno));
        }
        // As in 0.76, nobody is told if the line cannot be written: the exit code is always 0.
        for piece in [dir.to_bytes(), b": ", line.as_bytes(), b"\n"] {
            let _ = output.put(piece);
        }
    }
    let _ = output.flush();
    Ok(Exit::OK)
}

/// The same as JSON objects, a line each.
fn objects(args: Args) -> Outcome {
    let home = Home::here()?;
    let mut text = Vec::new();
    for dir in args {
        let now = time_of_day();
        let service = home.visit(dir, || ServiceReport::look(now))?;
        let service = service.unwrap_or_else(|errno| ServiceReport::unknown("chdir", Some(errno)));
        let line = json::line(dir.to_bytes(), &service, now);
        text.extend(line.map_err(|_| Failure::fatal([b"unable to describe ", dir.to_bytes()]))?);
    }
    print(&text).map(|()| Exit::OK)
}

/// Says in `line` what there is to say of the current directory.
fn look(line: &mut String) {
    match status() {
        Ok((status, normally)) => report(line, &status, normally, time_of_day()),
        Err(trouble) => *line = trouble,
    }
}

/// The status of the current directory, and its normal state; or what kept us from seeing them.
fn status() -> Result<(Status, Normally), String> {
    let normally = match stat(DOWN) {
        Ok(_) => Normally::Down,
        Err(Errno::ENOENT) => Normally::Up,
        Err(errno) => return Err(format!("unable to stat down: {}", reason(errno))),
    };
    match supervised() {
        Ok(true) => {}
        Ok(false) => return Err("supervise not running".into()),
        Err(errno) => return Err(format!("unable to open supervise/ok: {}", reason(errno))),
    }
    match read_status() {
        Ok(Some(status)) => Ok((status, normally)),
        Ok(None) => Err("unable to read supervise/status: bad format".into()),
        Err(StatusTrouble::Open(errno)) => Err(format!("unable to open supervise/status: {}", reason(errno))),
        Err(StatusTrouble::Read(errno)) => Err(format!("unable to read supervise/status: {}", reason(errno))),
    }
}
