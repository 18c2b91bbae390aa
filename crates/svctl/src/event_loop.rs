//! Sends the commands, waits for changes of all services at once, and prints a line for each when its job is over.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use daemontools_core::settings::{Setting, Settings};
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::printable::printable;
use daemontools_program::stdio::print;
use daemontools_program::wait::{readable, wait};
use daemontools_service::report::ServiceReport;
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::signal::ignore;
use daemontools_watch::{ENTRIES, Watcher};
use nix::sys::inotify::AddWatchFlags;
use nix::sys::signal::Signal;

use crate::job::{Job, Look, Verdict};
use crate::names::Named;
use crate::options::{Act, Options};
use crate::{settings, siblings};

/// A job failed.
const FAILED: Exit = Exit(1);
/// A job was given up.
const TIMED_OUT: Exit = Exit(99);
/// How often every service is looked at, whatever the watches report: a supervise that was killed reports nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a service may take if neither its settings nor an option say so.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much longer than its setting a service may take.
const MARGIN: Duration = Duration::from_secs(10);
/// How many lines of its log follow a failure.
const LOG_LINES: &str = "5";
/// What matters in `supervise/`: new files, and a status that is written in place.
const CHANGES: AddWatchFlags = ENTRIES.union(AddWatchFlags::IN_MODIFY);

/// A service that is waited for.
struct Waited<'a> {
    named: &'a Named,
    dir: ServiceDir,
    job: Job,
    deadline: Instant,
    /// When to look again, if the job says so.
    look_at: Option<Instant>,
    began: Instant,
}

/// Brings the services into the state that `act` wants.
pub fn act(act: Act, services: &[Named], options: &Options) -> Outcome {
    ignore(Signal::SIGPIPE).unable([b"ignore SIGPIPE"])?;
    let mut watcher = Watcher::new();
    let (mut waited, mut exit) = (Vec::new(), Exit::OK);
    for (key, named) in services.iter().enumerate() {
        watcher.watch_path(&Path::new(OsStr::from_bytes(named.path.to_bytes())).join("supervise"), CHANGES, &key);
        match begin(act, named, options) {
            Ok(service) if options.wait => waited.push(service),
            Ok(_) => {}
            Err(reason) => {
                exit = FAILED;
                say(named, &reason)?;
            }
        }
    }
    while !waited.is_empty() {
        let mut left = Vec::new();
        for mut service in waited {
            match look(&mut service)? {
                None => left.push(service),
                Some(ended) => exit = worse(exit, ended),
            }
        }
        waited = left;
        if !waited.is_empty() {
            sleep(&waited, &mut watcher);
        }
    }
    Ok(exit)
}

/// Sends the commands of one job. The error is what to say about the service.
fn begin<'a>(act: Act, named: &'a Named, options: &Options) -> Result<Waited<'a>, String> {
    let dir = ServiceDir::open(&named.path);
    let dir = dir.map_err(|errno| text(&Failure::because([b"unable to chdir"], errno)))?;
    let began = Instant::now();
    let job = Job::new(act, &ServiceReport::look(&dir, time_of_day()));
    dir.send(job.commands()).map_err(|error| text(&error.in_dir(&named.name)))?;
    let patience = options.timeout.unwrap_or_else(|| patience(act, &dir));
    Ok(Waited { named, dir, job, deadline: began + patience, look_at: None, began })
}

fn text(failure: &Failure) -> String {
    printable(failure.text())
}

/// How long a service may take, by its settings.
fn patience(act: Act, dir: &ServiceDir) -> Duration {
    let mut settings = Settings::DEFAULT;
    for setting in [Setting::StopTimeout, Setting::ReadyTimeout] {
        if let Some(contents) = settings::read(dir, setting) {
            // A value that cannot be used is as if absent; supervise says so.
            let _ = settings.set(setting, &contents);
        }
    }
    let (stop, start) = (settings.stop_timeout, settings.ready_timeout);
    match act {
        Act::Start => start.map_or(PATIENCE, |time| time + MARGIN),
        Act::Stop => stop.map_or(PATIENCE, |time| time + MARGIN),
        Act::Restart => stop.map_or(PATIENCE, |time| time + MARGIN) + start.map_or(PATIENCE, |time| time + MARGIN),
        // It takes as long as it takes.
        Act::Once => Duration::MAX,
        Act::Reload | Act::Pause | Act::Resume => PATIENCE,
    }
}

/// Looks at a service once; its exit code if its job is over.
fn look(service: &mut Waited<'_>) -> Result<Option<Exit>, Failure> {
    let (now, clock) = (time_of_day(), Instant::now());
    let report = ServiceReport::look(&service.dir, now);
    match service.job.step(Look { report: &report, now, clock }) {
        Verdict::Reached(words) => {
            let seconds = clock.since(service.began).as_secs_f64();
            let after = if seconds < 0.05 { String::new() } else { format!(" after {seconds:.1} s") };
            say(service.named, &format!("{words}{after}"))?;
            Ok(Some(Exit::OK))
        }
        Verdict::Failed(reason) => tell_failure(service.named, &reason).map(|()| Some(FAILED)),
        Verdict::Wait(_) if service.deadline <= clock => {
            let seconds = clock.since(service.began).as_secs_f64();
            let state = report.state().word();
            tell_failure(service.named, &format!("timed out after {seconds:.1} s: {state}"))?;
            Ok(Some(TIMED_OUT))
        }
        Verdict::Wait(look_at) => {
            service.look_at = look_at;
            Ok(None)
        }
    }
}

/// Waits until something has changed, or a service is to be looked at.
fn sleep(waited: &[Waited<'_>], watcher: &mut Watcher<usize>) {
    let moments = waited.iter().flat_map(|service| [Some(service.deadline), service.look_at]).flatten();
    let next = moments.chain([Instant::now() + LOOK_EVERY]).min();
    let fd = watcher.fd();
    let mut fds: Vec<_> = fd.as_ref().map(readable).into_iter().collect();
    wait(&mut fds, next);
    // Every service is looked at, so it does not matter which one it was.
    drop(watcher.events());
}

/// The line about a service whose job has failed, and the end of its log.
fn tell_failure(named: &Named, reason: &str) -> Result<(), Failure> {
    say(named, reason)?;
    let arguments = [c"-n".into(), std::ffi::CString::new(LOG_LINES).unwrap_or_default(), named.path.clone()];
    let has_log = ServiceDir::open(&named.path).is_ok_and(|dir| matches!(dir.log(), Ok(Some(_))));
    if has_log {
        siblings::run(c"svlog", &arguments)?;
    }
    Ok(())
}

/// Prints a line about a service.
pub fn say(named: &Named, words: &str) -> Result<(), Failure> {
    print([printable(&named.name).as_bytes(), b": ", words.as_bytes(), b"\n"].concat().as_slice())
}

/// The exit code of several: a time-out counts less than a failure.
fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::OK, exit) | (exit, Exit::OK) => exit,
        _ => FAILED,
    }
}
