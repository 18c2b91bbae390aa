//! Waits for several services at once, whatever each is waited for, and prints a line for each when its task is over.

use std::ffi::CString;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome};
use daemontools_program::printable::printable;
use daemontools_program::stdio::print;
use daemontools_program::wait::{readable, wait};
use daemontools_service::service_dir::ServiceDir;
use daemontools_watch::{ENTRIES, Watcher};
use nix::sys::inotify::AddWatchFlags;

use crate::job::Verdict;
use crate::names::Named;
use crate::options::Options;
use crate::{json, our_programs};

/// A task failed.
pub const FAILED: Exit = Exit(1);
/// A task was given up.
pub const TIMED_OUT: Exit = Exit(99);
/// How often every service is looked at, whatever the watches report: a supervise that was killed reports nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many lines of its log follow a failure.
const LOG_LINES: &str = "5";
/// What matters in `supervise/`: new files, and a status that is written in place.
const CHANGES: AddWatchFlags = ENTRIES.union(AddWatchFlags::IN_MODIFY);

/// The moment of a look, by both clocks.
#[derive(Clone, Copy)]
pub struct Moment {
    /// The time of day, with which statuses are stamped.
    pub now: Label,
    /// The same by the monotonic clock.
    pub clock: Instant,
}

/// What is done with one service until it is where it should be.
pub trait Task {
    /// Looks once, and does what is to be done next.
    fn look(&mut self, moment: Moment) -> Verdict;

    /// How far it has come, for one that is given up.
    fn state(&self) -> String;

    /// What is readable when there is something to look at, besides the changes in `supervise/`.
    fn wakes(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// A service that is waited for.
struct Waited<'a> {
    named: &'a Named,
    task: Box<dyn Task + 'a>,
    began: Instant,
    deadline: Instant,
    /// When to look again, if the task says so.
    look_at: Option<Instant>,
}

/// All services that are waited for.
pub struct Tasks<'a> {
    waited: Vec<Waited<'a>>,
    watcher: Watcher<usize>,
    watched: usize,
    exit: Exit,
    json: bool,
}

impl<'a> Tasks<'a> {
    /// None yet. From now on a supervise that ends while it is sent a command is an error and no signal.
    pub fn new(options: &Options) -> Result<Tasks<'a>, Failure> {
        our_programs::ignore_sigpipe()?;
        Ok(Tasks { waited: Vec::new(), watcher: Watcher::new(), watched: 0, exit: Exit::OK, json: options.json })
    }

    /// Notices changes of the service in this directory. To be called before its state is looked at.
    pub fn watch(&mut self, directory: &[u8]) {
        let supervise = Path::new(OsStr::from_bytes(directory)).join("supervise");
        self.watcher.watch_path(&supervise, CHANGES, &self.watched);
        self.watched += 1;
    }

    /// A service that is waited for, for that long.
    pub fn add(&mut self, named: &'a Named, patience: Duration, task: impl Task + 'a) {
        let began = Instant::now();
        let task = Box::new(task);
        self.waited.push(Waited { named, task, began, deadline: began + patience, look_at: None });
    }

    /// A service with which nothing can be done.
    pub fn refuse(&mut self, named: &Named, reason: &str) -> Result<(), Failure> {
        self.exit = worse(self.exit, FAILED);
        self.tell(named, reason, FAILED, Duration::ZERO)
    }

    /// A service with which no more is to be done.
    pub fn done(&self, named: &Named, words: &str) -> Result<(), Failure> {
        self.tell(named, words, Exit::OK, Duration::ZERO)
    }

    /// The line about a service that is waited for no longer.
    fn tell(&self, named: &Named, words: &str, exit: Exit, took: Duration) -> Result<(), Failure> {
        let seconds = took.as_secs_f64();
        if self.json {
            let (done, timed_out) = (exit == Exit::OK, exit == TIMED_OUT);
            return json::print_line(&json::Told { name: printable(&named.name), done, timed_out, words, seconds });
        }
        let after = if exit != Exit::OK || seconds < 0.05 { String::new() } else { format!(" after {seconds:.1} s") };
        say(named, &format!("{words}{after}"))
    }

    /// Waits for all. The exit code: 0 if each is where it should be.
    pub fn wait(mut self) -> Outcome {
        while !self.waited.is_empty() {
            let mut left = Vec::new();
            for mut service in std::mem::take(&mut self.waited) {
                match self.look(&mut service)? {
                    None => left.push(service),
                    Some(ended) => self.exit = worse(self.exit, ended),
                }
            }
            self.waited = left;
            if !self.waited.is_empty() {
                self.sleep();
            }
        }
        Ok(self.exit)
    }

    /// Looks at a service once; its exit code if its task is over.
    fn look(&self, service: &mut Waited<'_>) -> Result<Option<Exit>, Failure> {
        let moment = Moment { now: time_of_day(), clock: Instant::now() };
        let took = moment.clock.since(service.began);
        let (words, exit) = match service.task.look(moment) {
            Verdict::Reached(words) => (words, Exit::OK),
            Verdict::Failed(reason) => (reason, FAILED),
            Verdict::Wait(_) if service.deadline <= moment.clock => {
                (format!("timed out after {:.1} s: {}", took.as_secs_f64(), service.task.state()), TIMED_OUT)
            }
            Verdict::Wait(look_at) => {
                service.look_at = look_at;
                return Ok(None);
            }
        };
        self.tell(service.named, &words, exit, took)?;
        if exit != Exit::OK && !self.json {
            show_log(service.named)?;
        }
        Ok(Some(exit))
    }

    /// Waits until something has changed, or a service is to be looked at.
    fn sleep(&mut self) {
        let moments = self.waited.iter().flat_map(|service| [Some(service.deadline), service.look_at]).flatten();
        let next = moments.chain([Instant::now() + LOOK_EVERY]).min();
        let fds: Vec<_> = self
            .watcher
            .fd()
            .into_iter()
            .chain(self.waited.iter().filter_map(|service| service.task.wakes()))
            .collect();
        let mut fds: Vec<_> = fds.iter().map(readable).collect();
        wait(&mut fds, next);
        drop(fds);
        // Every service is looked at, so it does not matter which one it was.
        drop(self.watcher.events());
    }
}

/// Shows the end of a service's log, if it has a logger.
fn show_log(named: &Named) -> Result<(), Failure> {
    let arguments = [c"-n".into(), CString::new(LOG_LINES).unwrap_or_default(), named.path.clone()];
    let has_log = ServiceDir::open(&named.path).is_ok_and(|dir| matches!(dir.log(), Ok(Some(_))));
    if has_log {
        our_programs::run(c"svlog", &arguments)?;
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
        (TIMED_OUT, TIMED_OUT) => TIMED_OUT,
        _ => FAILED,
    }
}
