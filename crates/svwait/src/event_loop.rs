//! The loop around the goal: looks, waits for a change or a moment, looks again.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use daemontools_core::status::Status;
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::limits::raise_open_files;
use daemontools_program::printable::printable;
use daemontools_program::stdio::write_pieces;
use daemontools_program::wait::{only_errors, readable, reader_gone, wait as wait_for};
use daemontools_service::service_dir::ServiceDir;
use daemontools_service::status_error::{StatusError, if_there};
use daemontools_sys::fd::STDERR;
use daemontools_watch::{ENTRIES, Event, Watcher};
use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags;

use crate::PROGRAM;
use crate::goal::{Goal, Now, Progress, Seen, State};
use crate::options::{Options, Quorum};

/// The exit code of a wait that was given up.
const TIMED_OUT: Exit = Exit(99);
/// The exit code where what is waited for cannot come any more.
const HOPELESS: Exit = Exit(1);
/// How often all services are looked at where changes can escape the watcher.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What matters in `supervise/`: a new supervise opens `ok`, and one that is not ours may write `status` in place.
const CHANGES: AddWatchFlags = ENTRIES.union(AddWatchFlags::IN_OPEN).union(AddWatchFlags::IN_MODIFY);

/// A service that is waited for.
struct Waited {
    /// Its directory.
    dir: CString,
    /// The writing end of its `ok`, as long as a supervise holds the other: poll(2) tells when that one has gone.
    ok: Option<OwnedFd>,
    /// Whether something other than a FIFO is in the place of `ok`, which was said.
    is_odd: bool,
    progress: Progress,
}

/// What changed for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// Something in `supervise/`.
    State,
    /// The path: it may lead elsewhere now.
    Path,
}

/// Waits for what is wanted.
pub fn wait(options: Options) -> Outcome {
    let Options { goal, quorum, timeout, dirs } = options;
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut watcher = Watcher::new();
    // A descriptor is held for each service. If there are too few, opening them says so.
    let _ = raise_open_files();
    let new = |dir| Waited { dir, ok: None, is_odd: false, progress: Progress::default() };
    let mut services: Vec<Waited> = dirs.into_iter().map(new).collect();
    for (number, service) in services.iter_mut().enumerate() {
        service.look_again(number, Change::Path, &mut watcher, &goal)?;
    }
    let (mut told, mut look_at) = (false, Instant::now() + LOOK_EVERY);
    loop {
        let due = due(&services, quorum, &goal);
        let now = Instant::now();
        if due.is_some_and(|due| due <= now) {
            if !told && goal.state == State::Unsupervised {
                services.iter().for_each(|service| service.tell_if_missing(&goal));
            }
            return Ok(Exit::OK);
        }
        let hopeless = hopeless(&services, quorum, &goal);
        if hopeless.is_some_and(|hopeless| hopeless <= now) {
            services.iter().for_each(|service| service.tell_if_hopeless(&goal));
            return Ok(HOPELESS);
        }
        if deadline.is_some_and(|deadline| deadline <= now) {
            tell_late(&services, &goal, timeout.unwrap_or_default());
            return Ok(TIMED_OUT);
        }
        if !told {
            services.iter().for_each(|service| service.tell_if_missing(&goal));
            told = true;
        }
        let looks = watcher.misses_changes() || services.iter().any(|service| service.is_odd);
        let next = [due, hopeless, deadline, looks.then_some(look_at)].into_iter().flatten().min();
        let mut changes = sleep(&mut services, &mut watcher, next);
        if look_at <= Instant::now() {
            look_at = Instant::now() + LOOK_EVERY;
            if looks {
                changes = (0..services.len()).map(|number| (number, Change::Path)).collect();
            }
        }
        for (number, change) in changes {
            if let Some(service) = services.get_mut(number).filter(|service| service.heeds(change)) {
                service.look_again(number, change, &mut watcher, &goal)?;
            }
        }
    }
}

impl Waited {
    /// Whether this change is a reason to look. Our own look opens what is in the place of `ok`, which is reported too, so
    /// only the clock is one where that is no FIFO.
    fn heeds(&self, change: Change) -> bool {
        change == Change::Path || !self.is_odd
    }

    /// Finds out how the service is, after a change. Watching comes first, so that no later change is missed.
    fn look_again(
        &mut self,
        number: usize,
        change: Change,
        watcher: &mut Watcher<usize>,
        goal: &Goal,
    ) -> Result<(), Failure> {
        if change == Change::Path {
            self.ok = None;
            let supervise = Path::new(OsStr::from_bytes(self.dir.to_bytes())).join("supervise");
            watcher.watch_path(&supervise, CHANGES, &number);
        }
        let held = self.ok.take();
        let mut seen = Seen { exists: true, ..Seen::default() };
        match ServiceDir::open(&self.dir) {
            Ok(service) => {
                let (ok, status) = self.find(&service, held).map_err(|error| error.in_dir(self.dir.as_bytes()))?;
                seen = Seen { supervised: ok.is_some(), status, ..seen };
                add_details(&mut seen, &service);
                self.ok = ok;
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => seen.exists = false,
            Err(errno) => return Err(errno).unable([b"chdir to ", self.dir.as_bytes()]),
        }
        self.progress.saw(seen, goal, Now { label: time_of_day(), clock: Instant::now() });
        Ok(())
    }

    /// The writing end of `ok`, which may be `held` already, and the status of the service, as far as there are any.
    fn find(
        &mut self,
        service: &ServiceDir,
        held: Option<OwnedFd>,
    ) -> Result<(Option<OwnedFd>, Option<Status>), StatusError> {
        // `ok` first: a supervise that holds it has published its status before.
        let ok = match held {
            Some(ok) => Some(ok),
            None => match service.open_ok() {
                // No supervise made that: said once, and looked at again from time to time.
                Err(error) if error.is_not_fifo() => {
                    if !std::mem::replace(&mut self.is_odd, true) {
                        error.in_dir(self.dir.as_bytes()).warn(&PROGRAM);
                    }
                    None
                }
                ok => {
                    self.is_odd = false;
                    if_there(ok)?.flatten()
                }
            },
        };
        let status = match service.status() {
            // Too short to be one: as if it were not there yet.
            Err(error) if error.errno().is_none() => None,
            status => if_there(status)?,
        };
        Ok((ok, status))
    }

    /// Says that the goal cannot be reached any more, and why.
    fn tell_if_hopeless(&self, goal: &Goal) {
        if self.progress.hopeless(goal).is_some() {
            let name = printable(self.dir.as_bytes());
            let _ = write_pieces(STDERR, [b"svwait: ", name.as_bytes(), b": ", self.progress.over().as_bytes(), b"\n"]);
        }
    }

    /// Says that there is no such directory: the name may be wrong.
    fn tell_if_missing(&self, goal: &Goal) {
        let reached = self.progress.due(goal).is_some();
        if !self.progress.exists() && reached == (goal.state == State::Unsupervised) {
            let name = printable(self.dir.as_bytes());
            let what: &[u8] = if reached { b" does not exist\n" } else { b" does not exist yet, waiting for it\n" };
            let _ = write_pieces(STDERR, [b"svwait: ", name.as_bytes(), what]);
        }
    }
}

/// What our supervise tells besides: readiness, and whether it will start the service again.
fn add_details(seen: &mut Seen, service: &ServiceDir) {
    let Some(details) = seen.status.and_then(|status| service.details(&status)) else { return };
    let up = seen.status.is_some_and(|status| status.pid.is_some());
    (seen.ready, seen.ready_since) = (details.is_ready(), details.ready_since);
    seen.ending = !up && details.is_ending();
    seen.done = !up && details.is_done();
    seen.over = match () {
        () if up => "",
        () if details.has_failed() => "given up, because it ended too often; it will not be started again",
        () if details.is_done() => "done; it will not be started again",
        () => "",
    };
}

/// When it is certain that too few of them will be there, if nothing changes.
fn hopeless(services: &[Waited], quorum: Quorum, goal: &Goal) -> Option<Instant> {
    let mut each = services.iter().map(|service| service.progress.hopeless(goal));
    match quorum {
        Quorum::All => each.flatten().min(),
        Quorum::One => each.try_fold(Instant::default(), |latest, hopeless| Some(latest.max(hopeless?))),
    }
}

/// When enough of them will be there if nothing changes.
fn due(services: &[Waited], quorum: Quorum, goal: &Goal) -> Option<Instant> {
    let mut each = services.iter().map(|service| service.progress.due(goal));
    match quorum {
        Quorum::All => each.try_fold(Instant::default(), |latest, due| Some(latest.max(due?))),
        Quorum::One => each.flatten().min(),
    }
}

/// Waits for a change, until `next` at most. What has changed, for which services.
fn sleep(services: &mut [Waited], watcher: &mut Watcher<usize>, next: Option<Instant>) -> BTreeMap<usize, Change> {
    let held = services.iter().enumerate().filter_map(|(number, service)| Some((number, service.ok.as_ref()?)));
    let (numbers, mut fds): (Vec<_>, Vec<_>) = held.map(|(number, ok)| (number, only_errors(ok.as_fd()))).unzip();
    let watched = watcher.fd();
    fds.extend(watched.as_ref().map(readable));
    wait_for(&mut fds, next);
    let gone: Vec<usize> = numbers.into_iter().zip(&fds).filter(|(_, fd)| reader_gone(fd)).map(|(at, _)| at).collect();
    let mut changes = heard(watcher.events(), services.len());
    for number in gone {
        changes.entry(number).or_insert(Change::State);
        if let Some(service) = services.get_mut(number) {
            service.ok = None;
        }
    }
    changes
}

/// What these events mean: the most that happened to each of the services.
fn heard(events: Vec<Event<usize>>, services: usize) -> BTreeMap<usize, Change> {
    let mut changes = BTreeMap::new();
    let mut note = |number: usize, change: Change| {
        let known = changes.entry(number).or_insert(change);
        *known = change.max(*known);
    };
    for event in events {
        match event {
            Event::PathChanged(number) => note(number, Change::Path),
            Event::Overflow => (0..services).for_each(|number| note(number, Change::Path)),
            // Every reader of a file opens it, svwait too.
            Event::Entry { name, mask, .. } if name != "ok" && mask.contains(AddWatchFlags::IN_OPEN) => {}
            Event::Entry { key, name, .. } if name == "ok" || name == "status" || name == "details" => {
                note(key, Change::State)
            }
            Event::Entry { .. } => {}
        }
    }
    changes
}

/// Says which services were not as wanted, a line each.
fn tell_late(services: &[Waited], goal: &Goal, timeout: Duration) {
    let now = Now { label: time_of_day(), clock: Instant::now() };
    let late = services.iter().filter(|service| service.progress.due(goal).is_none_or(|due| due > now.clock));
    for service in late {
        let limit = timeout.as_millis().to_string();
        let words = service.progress.words(now.label);
        let after = ["svwait: timed out after ", &limit, " milliseconds: "].concat();
        let name = printable(service.dir.as_bytes());
        // There is nobody to tell if that fails.
        let _ = write_pieces(STDERR, [after.as_bytes(), name.as_bytes(), b": ", words.as_bytes(), b"\n"]);
    }
}
