//! The loop around the goal: looks, waits for a change or a moment, looks again.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use daemontools_core::status::Status;
use daemontools_program::clock::Instant;
use daemontools_program::clock::time_of_day;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::stdio::write_pieces;
use daemontools_service::service_dir::ServiceDir;
use daemontools_service::status_error::StatusError;
use daemontools_sys::fd::STDERR;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::time::TimeSpec;

use crate::goal::{Goal, Now, Progress, Seen};
use crate::options::{Options, Quorum};
use crate::watch::{Change, Watch};

/// The exit code of a wait that was given up.
const TIMED_OUT: Exit = Exit(99);

/// No single sleep is longer: the system's own limit is somewhere beyond.
const LONGEST: Duration = Duration::from_secs(1 << 30);

/// A service that is waited for.
struct Service {
    /// Its directory as it was given.
    dir: CString,
    /// The writing end of its `ok`, as long as a supervise holds the other: poll(2) tells when that one has gone.
    ok: Option<OwnedFd>,
    progress: Progress,
}

/// Waits for what is wanted.
pub fn wait(options: Options) -> Outcome {
    let Options { goal, quorum, timeout, dirs } = options;
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut watch = Watch::new()?;
    raise_file_limit();
    let mut services: Vec<Service> =
        dirs.into_iter().map(|dir| Service { dir, ok: None, progress: Progress::default() }).collect();
    for (number, service) in services.iter_mut().enumerate() {
        service.follow(number, &mut watch)?;
        service.look(&goal)?;
    }
    loop {
        let due = due(&services, quorum, &goal);
        let now = Instant::now();
        if due.is_some_and(|due| due <= now) {
            return Ok(Exit::OK);
        }
        if deadline.is_some_and(|deadline| deadline <= now) {
            tell(&services, &goal, timeout.unwrap_or_default());
            return Ok(TIMED_OUT);
        }
        let next = [due, deadline].into_iter().flatten().min();
        for number in sleep(&services, &watch, next)? {
            if let Some(service) = services.get_mut(number) {
                service.ok = None;
                service.look(&goal)?;
            }
        }
        for (number, change) in watch.changes() {
            let Some(service) = services.get_mut(number) else { continue };
            if change == Change::Way {
                service.follow(number, &mut watch)?;
            }
            service.look(&goal)?;
        }
    }
}

impl Service {
    /// Listens along the way to its directory, which may be another one now.
    fn follow(&mut self, number: usize, watch: &mut Watch) -> Result<(), Failure> {
        self.ok = None;
        watch.attend(number, Path::new(OsStr::from_bytes(self.dir.to_bytes())))
    }

    /// Finds out how it is.
    fn look(&mut self, goal: &Goal) -> Result<(), Failure> {
        let dir = self.dir.as_bytes();
        let held = self.ok.take();
        let (ok, status) = match ServiceDir::open(&self.dir) {
            Ok(service) => find(&service, held).map_err(|error| error.in_dir(dir))?,
            Err(Errno::ENOENT | Errno::ENOTDIR) => (None, None),
            Err(errno) => return Err(errno).unable([b"chdir to ", dir]),
        };
        let now = Now { label: time_of_day(), clock: Instant::now() };
        self.progress.saw(Seen { supervised: ok.is_some(), status }, goal, now);
        self.ok = ok;
        Ok(())
    }
}

/// The writing end of `ok`, which may be `held` already, and the status of the service, as far as there are any.
fn find(service: &ServiceDir, held: Option<OwnedFd>) -> Result<(Option<OwnedFd>, Option<Status>), StatusError> {
    // `ok` first: a supervise that holds it has published its status before.
    let ok = match held {
        Some(ok) => Some(ok),
        None => if_there(service.open_ok())?.flatten(),
    };
    let status = match service.status() {
        // Too short to be one: as if it were not there yet.
        Err(error) if error.errno().is_none() => None,
        status => if_there(status)?,
    };
    Ok((ok, status))
}

/// `None` for what does not exist.
fn if_there<T>(found: Result<T, StatusError>) -> Result<Option<T>, StatusError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

/// When enough of them will be there if nothing changes.
fn due(services: &[Service], quorum: Quorum, goal: &Goal) -> Option<Instant> {
    let mut each = services.iter().map(|service| service.progress.due(goal));
    match quorum {
        Quorum::All => each.try_fold(Instant::default(), |latest, due| Some(latest.max(due?))),
        Quorum::One => each.flatten().min(),
    }
}

/// Waits for a change, until `next` at most. The services whose supervise has gone.
fn sleep(services: &[Service], watch: &Watch, next: Option<Instant>) -> Result<Vec<usize>, Failure> {
    let held = services.iter().enumerate().filter_map(|(number, service)| Some((number, service.ok.as_ref()?)));
    let (numbers, mut fds): (Vec<_>, Vec<_>) =
        held.map(|(number, ok)| (number, PollFd::new(ok.as_fd(), PollFlags::empty()))).unzip();
    fds.push(PollFd::new(watch.as_fd(), PollFlags::POLLIN));
    let left = next.map(|next| TimeSpec::from_duration(next.since(Instant::now()).min(LONGEST)));
    match ppoll(&mut fds, left, None) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno).unable([b"wait for changes"]),
    }
    let gone = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| events.contains(PollFlags::POLLERR));
    Ok(numbers.into_iter().zip(fds).filter(|(_, fd)| gone(fd)).map(|(number, _)| number).collect())
}

/// Says who was not there, a line each.
fn tell(services: &[Service], goal: &Goal, timeout: Duration) {
    let now = Now { label: time_of_day(), clock: Instant::now() };
    let late = services.iter().filter(|service| service.progress.due(goal).is_none_or(|due| due > now.clock));
    for service in late {
        let limit = timeout.as_millis().to_string();
        let words = service.progress.words(now.label);
        let after = ["svwait: timed out after ", &limit, " milliseconds: "].concat();
        // There is nobody to tell if that fails.
        let _ = write_pieces(STDERR, [after.as_bytes(), service.dir.to_bytes(), b": ", words.as_bytes(), b"\n"]);
    }
}

/// A descriptor is held for each service: as many as the system lets us have. If that fails, opening will tell.
fn raise_file_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
