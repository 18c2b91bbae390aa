//! Finds loggers that cannot write, or do not read what their services write, and services that wait for them: by the pipes
//! between them and the logs that are open, from outside, whichever programs these are. Nothing has to run for it while all
//! is well. `stuck` judges, `logger` finds the cause.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::num::NonZeroU32;
use std::os::fd::AsFd;
use std::time::Duration;

use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::wait::wait;
use daemontools_service::blocked::{Blocked, Cause};
use daemontools_service::report::ServiceReport;
use daemontools_sys::pipe::unread;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::logger;
use crate::process;
use crate::stuck::{Sample, Suspect, Verdict};
use crate::tree::Entry;

/// How often a pipe is looked at that seems not to be read.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The pipes that are suspected, by the names of their services.
#[derive(Debug, Default)]
pub struct Suspects(BTreeMap<CString, Suspect>);

/// Looks at the pipe of each service with a logger. It takes some seconds where one does not seem to be read, and next
/// to no time where all are.
pub fn look(entries: &mut [Entry]) {
    let mut suspects = Suspects::default();
    let mut undecided: Vec<&mut Entry> = entries.iter_mut().collect();
    loop {
        undecided.retain_mut(|entry| suspects.look(entry));
        if undecided.is_empty() {
            return;
        }
        wait(&mut [], Some(Instant::now() + LOOK_EVERY));
    }
}

/// Whether there may be a pipe to look at: a service with a logger, one of them with a process.
pub fn has_pipe(entry: &Entry) -> bool {
    entry.log.as_deref().is_some_and(|log| pid(log).is_some() || pid(&entry.service).is_some())
}

impl Suspects {
    /// Looks once at the pipe of a service, and says in its entry whether it is blocked; whether it has to be looked at again
    /// before that is known.
    pub fn look(&mut self, entry: &mut Entry) -> bool {
        let verdict = sample(entry).map(|sample| self.judge(entry, sample)).unwrap_or(Verdict::Reads);
        match verdict {
            Verdict::Undecided => return true,
            Verdict::Reads => drop(self.0.remove(&entry.name)),
            Verdict::Stuck(_) => {}
        }
        let stuck = match verdict {
            Verdict::Stuck(sample) => Some(sample),
            Verdict::Reads | Verdict::Undecided => None,
        };
        tell(entry, stuck);
        false
    }

    /// Forgets a service that has gone.
    pub fn forget(&mut self, name: &CStr) {
        self.0.remove(name);
    }

    fn judge(&mut self, entry: &Entry, sample: Sample) -> Verdict {
        let now = Instant::now();
        match self.0.get_mut(&entry.name) {
            Some(suspect) => suspect.saw(sample, now),
            None => match Suspect::new(sample, now) {
                Some(suspect) => {
                    self.0.insert(entry.name.clone(), suspect);
                    Verdict::Undecided
                }
                None => Verdict::Reads,
            },
        }
    }
}

/// Puts what was found into the reports of the service and its logger.
fn tell(entry: &mut Entry, stuck: Option<Sample>) {
    entry.service.blocked = None;
    let Some(log) = &mut entry.log else { return };
    log.blocked = None;
    let reader = pid(log).map(NonZeroU32::get);
    let Some(sample) = stuck else {
        let trouble = reader.and_then(|reader| logger::trouble(reader, time_of_day()));
        log.blocked = trouble.map(|(cause, written)| Blocked { unread: 0, written, cause });
        return;
    };
    let (cause, written) = reader.map_or((Cause::NoProcess, None), logger::cause);
    let blocked = Blocked { unread: sample.unread, written, cause };
    if sample.full && pid(&entry.service).is_some() {
        entry.service.blocked = Some(blocked.clone());
    }
    log.blocked = reader.map(|_| blocked);
}

/// A look at the pipe from a service to its logger; `None` where there is none, it cannot be seen, or nothing waits in it: then
/// it does not matter what its reader does.
fn sample(entry: &Entry) -> Option<Sample> {
    let reader = pid(entry.log.as_deref()?).map(NonZeroU32::get);
    let service = pid(&entry.service).map(NonZeroU32::get);
    let ends = [(reader, 0), (service, 1), (service, 2)];
    let pipe = ends.into_iter().find_map(|(process, descriptor)| process::pipe(process?, descriptor))?;
    let unread = unread(&pipe).ok().filter(|&unread| unread > 0)?;
    let mut writable = [PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)];
    let ready = poll(&mut writable, PollTimeout::ZERO).ok()?;
    Some(Sample {
        unread,
        full: ready == 0,
        read: reader.and_then(process::bytes_read),
        runs: reader.and_then(process::state) == Some(b'R'),
    })
}

fn pid(service: &ServiceReport) -> Option<NonZeroU32> {
    service.status()?.pid
}
