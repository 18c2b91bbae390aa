//! Looks at services for `status`, `why` and `history`.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;

use daemontools_program::clock::time_of_day;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::stdio::print;
use daemontools_service::report::{Condition, ServiceReport};
use daemontools_service::service_dir::ServiceDir;
use nix::fcntl::readlink;

use crate::event_loop::say;
use crate::names::Named;
use crate::screen::{self, Known};
use crate::settings::Places;
use crate::{history, our_programs, process_tree};

/// A service is not as wanted.
const TROUBLED: Exit = Exit(1);
/// A service is down (LSB's code for "not running").
const DOWN: Exit = Exit(3);
/// It cannot be told how a service is (LSB's "unknown").
const UNKNOWN: Exit = Exit(4);

/// Prints all that is known of each service. The exit code is the highest of all.
pub fn status(services: &[Named]) -> Outcome {
    let mut highest = Exit::OK.0;
    for (at, named) in services.iter().enumerate() {
        if at > 0 {
            print(b"\n")?;
        }
        highest = highest.max(show(named)?.0);
    }
    Ok(Exit(highest))
}

fn show(named: &Named) -> Result<Exit, Failure> {
    let now = time_of_day();
    let dir = ServiceDir::open(&named.path).unable([b"chdir to ", &named.name])?;
    let report = ServiceReport::look(&dir, now);
    let log = dir.log().ok().flatten();
    let logger = log.as_ref().map(|log| ServiceReport::look(log, now));
    let target = readlink(named.path.as_c_str()).ok();
    let pid = report.status().and_then(|status| status.pid);
    let known = Known {
        name: &named.name,
        report: &report,
        logger: logger.as_ref(),
        directory: named.path.to_bytes(),
        target: target.as_ref().map(|target| target.as_bytes()),
        processes: &pid.map(|pid| process_tree::lines(pid.get())).unwrap_or_default(),
        settings: &Places::of(named).all(),
    };
    print((screen::lines(&known, now).join("\n") + "\n").as_bytes())?;
    explain(named, logger.is_some(), c"10")?;
    Ok(match (&report.condition, pid) {
        (Condition::Supervised(_), Some(_)) => Exit::OK,
        (Condition::Supervised(_), None) | (Condition::Unsupervised, _) => DOWN,
        (Condition::Unknown(_), _) => UNKNOWN,
    })
}

/// What svlint says of a service, and the last lines of its log.
fn explain(named: &Named, has_log: bool, lines: &CStr) -> Result<(), Failure> {
    our_programs::run(c"svlint", std::slice::from_ref(&named.path))?;
    if has_log {
        our_programs::run(c"svlog", &[c"-n".into(), lines.into(), named.path.clone()])?;
    }
    Ok(())
}

/// Says of each service that is not as wanted what is known about the cause. Exit 1 if there is one.
pub fn why(services: &[Named]) -> Outcome {
    let mut exit = Exit::OK;
    for named in services {
        let now = time_of_day();
        let dir = ServiceDir::open(&named.path).unable([b"chdir to ", &named.name])?;
        let report = ServiceReport::look(&dir, now);
        let log = dir.log().ok().flatten();
        let logger = log.as_ref().map(|log| ServiceReport::look(log, now));
        let (service_ok, logger_ok) = (report.is_as_wanted(), logger.as_ref().is_none_or(ServiceReport::is_as_wanted));
        if service_ok && logger_ok {
            continue;
        }
        exit = TROUBLED;
        let last = report.details.as_ref().and_then(|details| details.last_end.as_ref());
        let last = last.map(|last| format!(", last end: {}", history::words(last))).unwrap_or_default();
        let words = match logger.filter(|_| service_ok) {
            Some(logger) => format!("its logger is {}", screen::state(&logger, now)),
            None => screen::state(&report, now) + &last,
        };
        say(named, &words)?;
        explain(named, log.is_some(), c"5")?;
    }
    Ok(exit)
}

/// Prints the last ends of each service, oldest first.
pub fn history(services: &[Named]) -> Outcome {
    for named in services {
        let dir = ServiceDir::open(&named.path).unable([b"chdir to ", &named.name])?;
        let mut text = String::new();
        for record in dir.history() {
            text += &history::line(&record);
            text.push('\n');
        }
        print(text.as_bytes())?;
    }
    Ok(Exit::OK)
}
