//! Prints the status of each service directory, a line each.
#![no_main]
#![forbid(unsafe_code)]

use std::ffi::CStr;

use daemontools_core::label::Label;
use daemontools_core::status::Status;
use daemontools_observe::tree::{self, Entry};
use daemontools_observe::{blocked, json};
use daemontools_program::clock::time_of_day;
use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_program::stdio::{Output, print};
use daemontools_service::by_path::Opener;
use daemontools_service::report::{Normally, ServiceReport};
use daemontools_service::service_dir::ServiceDir;
use daemontools_service::status_error::StatusError;
use daemontools_sys::args::Args;
use daemontools_sys::fd::STDOUT;
use svstat::report;

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
    let mut output = Output::new(STDOUT);
    let mut opener = Opener::default();
    for dir in args {
        let status = status(&mut opener, dir);
        let line = |text: &mut Vec<u8>| {
            text.extend_from_slice(dir.to_bytes());
            text.extend_from_slice(b": ");
            match status {
                Ok((status, normally)) => report(text, &status, normally, time_of_day()),
                Err(trouble) => text.extend_from_slice(trouble.as_bytes()),
            }
            text.push(b'\n');
        };
        // As in 0.76, a line that cannot be written is not reported: the exit code is always 0.
        let _ = output.put(line);
    }
    let _ = output.flush();
    Ok(Exit::OK)
}

/// The same as JSON objects, a line each.
fn objects(args: Args) -> Outcome {
    let mut text = Vec::new();
    let mut opener = Opener::default();
    let mut entries: Vec<Entry> = args.map(|dir| entry(&mut opener, dir, time_of_day())).collect();
    drop(opener);
    blocked::look(&mut entries);
    let now = time_of_day();
    for Entry { name: dir, service, .. } in entries {
        let line = json::line(dir.to_bytes(), &service, now);
        text.extend(line.map_err(|_| Failure::fatal([b"unable to describe ", dir.to_bytes()]))?);
    }
    print(&text).map(|()| Exit::OK)
}

/// The service in `dir`, with its logger.
fn entry(opener: &mut Opener, dir: &CStr, now: Label) -> Entry {
    tree::entry(opener, dir.into(), now).unwrap_or_else(|| {
        let service = match ServiceDir::open(dir) {
            Ok(dir) => ServiceReport::look(&dir, now),
            Err(errno) => ServiceReport::unknown(StatusError::chdir(errno)),
        };
        Entry { name: dir.into(), service, log: None }
    })
}

/// The status of the service in `dir`, and its normal state; or what kept us from seeing them.
fn status(opener: &mut Opener, dir: &CStr) -> Result<(Status, Normally), String> {
    if let Some(found) = opener.status(dir) {
        return Ok(found);
    }
    let found = ServiceDir::open(dir).map_err(StatusError::chdir).and_then(|dir| {
        let normally = dir.normally()?;
        Ok(if dir.supervised()? { Some((dir.status()?, normally)) } else { None })
    });
    found.map_err(|error| error.sentence())?.ok_or_else(|| "supervise not running".into())
}
