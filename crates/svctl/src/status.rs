//! `status`, `why` and `history`: looks at services and shows what was found.

use daemontools_observe::layout::Style;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::printable::printable;
use daemontools_program::stdio::print;
use daemontools_service::report::{Condition, ServiceReport};
use daemontools_service::service_dir::ServiceDir;

use crate::event_loop::say;
use crate::found::Found;
use crate::names::Named;
use crate::screen::{self, Screen};
use crate::{history, json};

/// A service is not as wanted.
const TROUBLED: Exit = Exit(1);
/// A service is down (LSB's code for "not running").
const DOWN: Exit = Exit(3);
/// It cannot be told how a service is (LSB's "unknown").
const UNKNOWN: Exit = Exit(4);
/// How a line begins that svlint quotes from a log.
const QUOTED: &[u8] = b"    | ";
/// How many lines of its log are shown of a service, and of one that is not as wanted.
const LOG_LINES: [&str; 2] = ["10", "5"];

/// Prints all that is known of each service. The exit code is the highest of all.
pub fn status(services: &[Named], as_json: bool) -> Outcome {
    let mut highest = Exit::OK.0;
    for (at, (named, found)) in services.iter().zip(Found::look(services)?).enumerate() {
        let [lines, _] = LOG_LINES;
        if as_json {
            print_json(named, &found, lines)?;
        } else {
            let mut screen = Screen::new(&named.name, &found.entry.service, found.now, Style::of_standard_output());
            screen.found(named, &found);
            explain(&mut screen, named, &found, lines)?;
            let gap = if at > 0 { "\n" } else { "" };
            print((gap.to_owned() + &screen.into_text()).as_bytes())?;
        }
        highest = highest.max(code(&found.entry.service).0);
    }
    Ok(Exit(highest))
}

/// The exit code about one service.
fn code(report: &ServiceReport) -> Exit {
    match &report.condition {
        Condition::Supervised(status) if status.pid.is_some() => match report.is_as_wanted() {
            true => Exit::OK,
            false => TROUBLED,
        },
        Condition::Supervised(_) | Condition::Unsupervised => DOWN,
        Condition::Unknown(_) => UNKNOWN,
    }
}

/// What svlint says of a service, and the last lines of its log.
fn explain(screen: &mut Screen, named: &Named, found: &Found, lines: &str) -> Result<(), Failure> {
    match found.findings(named, false)? {
        findings if findings.is_empty() => screen.line("svlint", "finds nothing"),
        findings => screen.text("svlint", &without_log(&findings)),
    }
    screen.text("log", &found.last_lines(named, lines)?);
    Ok(())
}

/// What svlint says without the lines of the log that it quotes, since they are shown anyway.
fn without_log(findings: &[u8]) -> Vec<u8> {
    let lines = findings.split_inclusive(|&byte| byte == b'\n');
    lines.filter(|line| !line.starts_with(QUOTED)).flatten().copied().collect()
}

fn print_json(named: &Named, found: &Found, lines: &str) -> Result<(), Failure> {
    let (findings, log) = (found.findings(named, true)?, found.last_lines(named, lines)?);
    json::print_line(&json::Service::new(named, found, &findings, &log))
}

/// Says of each service that is not as wanted what is known about the cause. Exit 1 if there is one.
pub fn why(services: &[Named], as_json: bool) -> Outcome {
    let mut exit = Exit::OK;
    for (named, found) in services.iter().zip(Found::look(services)?) {
        if found.entry.is_as_wanted() {
            continue;
        }
        exit = TROUBLED;
        let [_, lines] = LOG_LINES;
        if as_json {
            print_json(named, &found, lines)?;
            continue;
        }
        let mut screen = Screen::new(&named.name, &found.entry.service, found.now, Style::of_standard_output());
        let report = &found.entry.service;
        if let Some(details) = report.details.as_ref().filter(|_| !report.is_as_wanted()) {
            if !details.reason.is_empty() {
                screen.line("reason", &printable(&details.reason));
            }
            if let Some(last) = &details.last_end {
                screen.line("last end", &history::line(last));
            }
        }
        if let Some(logger) = found.entry.log.as_ref().filter(|log| !found.entry.is_log_as_wanted(log)) {
            screen.line("logger", &screen::state(logger, found.now));
        }
        explain(&mut screen, named, &found, lines)?;
        screen.line("more", &format!("svctl status {}", printable(&named.name)));
        print(screen.into_text().as_bytes())?;
    }
    Ok(exit)
}

/// Prints the last ends of each service, oldest first.
pub fn history(services: &[Named], as_json: bool) -> Outcome {
    for named in services {
        let dir = ServiceDir::open(&named.path).unable([b"chdir to ", &named.name])?;
        for record in dir.history() {
            match (as_json, services.len()) {
                (true, _) => json::print_end(named, &record)?,
                (false, 1) => print((history::line(&record) + "\n").as_bytes())?,
                // Of several, each line says whose it is.
                (false, _) => say(named, &history::line(&record))?,
            }
        }
    }
    Ok(Exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_log_are_shown_once() {
        assert_eq!(without_log(b"a: error\n    fix\n    | line\nb | c\n"), b"a: error\n    fix\nb | c\n");
    }
}
