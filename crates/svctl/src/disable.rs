//! `disable`: takes the link to a service out of the scan directory and ends the service, its logger and their supervises.
//!
//! Until all is gone, the link is kept under a name that svscan passes over, so that the same command goes on where
//! another one has stopped.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::file_kind::Kind;
use daemontools_program::path::append;
use daemontools_program::printable::printable;
use daemontools_program::wait::{readable, wait};
use daemontools_service::part::Part;
use daemontools_service::report::ServiceReport;
use daemontools_service::service_dir::{SendError, ServiceDir};
use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, readlink, renameat};
use nix::poll::PollFlags;
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::act::{PATIENCE, open, patience, text};
use crate::event_loop::{Moment, Task, Tasks};
use crate::job::Verdict;
use crate::names::{Named, resolve};
use crate::options::{Act, Options};
use crate::removal::{Removal, Seen, Step};

/// What the name of a link begins with while its service is on its way out.
const HIDDEN: &[u8] = b".svctl-disable-";
/// How often a pipe is looked at that is to become empty.
const DRAIN_EVERY: Duration = Duration::from_millis(50);

/// A service on its way out.
struct Disabling<'a> {
    scan_dir: &'a OwnedFd,
    /// The link's name meanwhile.
    link: CString,
    dir: ServiceDir,
    log: Option<ServiceDir>,
    removal: Removal,
    state: &'static str,
}

impl Task for Disabling<'_> {
    fn look(&mut self, moment: Moment) -> Verdict {
        loop {
            let seen = self.see(moment);
            let words = match self.removal.step(seen) {
                Step::End(part) => match self.send(part) {
                    // What has ended meanwhile is as wanted.
                    Ok(()) | Err(SendError::NotRunning) => continue,
                    Err(error) => return Verdict::Failed(text(&error.in_dir(part_name(part)))),
                },
                Step::WaitFor(Part::Service) => "it has not ended",
                Step::WaitFor(Part::Log) => "its logger has not ended",
                Step::Drain => {
                    self.state = "its logger has not read all that is in the pipe";
                    return Verdict::Wait(Some(moment.clock + DRAIN_EVERY));
                }
                Step::Done => return self.finish(),
            };
            self.state = words;
            return Verdict::Wait(None);
        }
    }

    fn state(&self) -> String {
        format!("{}; the same command goes on", self.state)
    }
}

impl Disabling<'_> {
    fn see(&self, moment: Moment) -> Seen {
        let runs = |dir: &ServiceDir| dir.supervised().unwrap_or(false);
        let logger = self.log.as_ref().is_some_and(runs);
        let unread = || {
            let log = ServiceReport::look(self.log.as_ref()?, moment.now);
            let status = log.status()?;
            Some(!status.paused && has_unread_input(status.pid?.get()))
        };
        Seen { service: runs(&self.dir), logger, unread: logger && unread().unwrap_or(false) }
    }

    fn send(&self, part: Part) -> Result<(), SendError> {
        match (part, &self.log) {
            (Part::Log, Some(log)) => log.send(b"dx"),
            (Part::Service, _) | (Part::Log, None) => self.dir.send(b"dx"),
        }
    }

    fn finish(&self) -> Verdict {
        match unlinkat(self.scan_dir, self.link.as_c_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT | Errno::ENAMETOOLONG) => Verdict::Reached("disabled".into()),
            Err(errno) => Verdict::Failed(text(&Failure::because([b"unable to remove ", self.link.to_bytes()], errno))),
        }
    }
}

fn part_name(part: Part) -> &'static [u8] {
    match part {
        Part::Service => b"the service",
        Part::Log => b"its logger",
    }
}

/// Takes the links of the services away, and ends what they lead to.
pub fn disable(options: &Options) -> Outcome {
    let scan_dir = open_private(options.dir.as_c_str(), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty());
    let scan_dir = scan_dir.unable([b"open directory ", options.dir.to_bytes()])?;
    let mut services = Vec::new();
    for word in &options.names {
        services.extend(linked(&options.dir, word)?);
    }
    let hidden: Vec<Named> = services.iter().map(|named| hidden(&options.dir, &named.name)).collect();
    let mut tasks = Tasks::new(options)?;
    for (named, hidden) in services.iter().zip(&hidden) {
        match begin(&scan_dir, named, hidden, options) {
            Ok(Begun::Done(words)) => tasks.done(named, &words)?,
            Ok(Begun::Waits(disabling)) => {
                tasks.watch(hidden.path.to_bytes());
                let patience = options.timeout.unwrap_or_else(|| patience(Act::Stop, hidden) + PATIENCE);
                tasks.add(hidden, patience, disabling);
            }
            Err(failure) => tasks.refuse(named, &printable(failure.text()))?,
        }
    }
    tasks.wait()
}

/// The services of the scan directory that a word means, those too that are on their way out.
fn linked(scan_dir: &CStr, word: &CString) -> Result<Vec<Named>, Failure> {
    let name = word.to_bytes();
    if name.contains(&b'/') || name.starts_with(b".") {
        return Err(Failure::misused([b"disable takes a name in the scan directory: ", name]));
    }
    let is_link = |named: &Named| {
        fstatat(AT_FDCWD, named.path.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|found| Kind::of(&found) == Kind::Link)
    };
    let whole = Named::new(scan_dir, name);
    if is_link(&whole) || is_link(&hidden(scan_dir, name)) {
        return Ok(vec![whole]);
    }
    resolve(scan_dir, std::slice::from_ref(word))
}

/// The same service by the name that its link has while it is on its way out; it is called as before.
fn hidden(scan_dir: &CStr, name: &[u8]) -> Named {
    let path = Named::new(scan_dir, &[HIDDEN, name].concat()).path;
    Named { name: name.to_vec(), path, scan_dir: Some(scan_dir.to_owned()) }
}

/// How the way out of a service has begun.
enum Begun<'a> {
    /// No more is to be done; in these words.
    Done(String),
    /// It is waited for.
    Waits(Disabling<'a>),
}

/// Takes a link out of svscan's sight.
fn begin<'a>(scan_dir: &'a OwnedFd, named: &Named, hidden: &Named, options: &Options) -> Result<Begun<'a>, Failure> {
    let name = CString::new(named.name.as_slice()).unwrap_or_default();
    let link = CString::new([HIDDEN, &named.name].concat()).unwrap_or_default();
    match fstatat(scan_dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(found) if Kind::of(&found) == Kind::Link => {}
        Ok(_) => {
            let what = b" is no link, so that it cannot be taken away; move it elsewhere, or create a file down in it";
            return Err(Failure::fatal([b"not disabled: ", named.path.to_bytes(), what]));
        }
        // It was taken away by a command that did not come to its end.
        Err(Errno::ENOENT) => {}
        Err(errno) => return Err(Failure::because([b"unable to find ", named.path.to_bytes()], errno)),
    }
    let target = readlink(named.path.as_c_str()).or_else(|_| readlink(hidden.path.as_c_str()));
    let target = target.unable([b"read the link ", named.path.to_bytes()])?;
    if options.keep_running || (ServiceDir::open(&named.path).is_err() && ServiceDir::open(&hidden.path).is_err()) {
        for name in [&name, &link] {
            match unlinkat(scan_dir, name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT | Errno::ENAMETOOLONG) => {}
                Err(errno) => return Err(Failure::because([b"unable to remove ", named.path.to_bytes()], errno)),
            }
        }
        let target = printable(target.as_bytes());
        let words = match options.keep_running {
            true => format!("disabled; what runs in {target} goes on"),
            false => format!("disabled; it led to {target}, where nothing is"),
        };
        return Ok(Begun::Done(words));
    }
    let dir = open(named).or_else(|_| open(hidden)).map_err(|reason| Failure::fatal([reason.as_bytes()]))?;
    let out_of_sight = match renameat(scan_dir, name.as_c_str(), scan_dir, link.as_c_str()) {
        // There is no room for a longer name, so that the command cannot be repeated.
        Err(Errno::ENAMETOOLONG) => unlinkat(scan_dir, name.as_c_str(), UnlinkatFlags::NoRemoveDir),
        renamed => renamed,
    };
    match out_of_sight {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(Failure::because([b"unable to take away ", named.path.to_bytes()], errno)),
    }
    let log = dir.log().ok().flatten();
    let disabling = Disabling { scan_dir, link, dir, log, removal: Removal::default(), state: "it has not ended" };
    if !options.wait {
        // Both are told at once, and nothing is waited for: what is in the pipe may stay there.
        for part in Part::BOTH {
            let _ = disabling.send(part);
        }
        disabling.finish();
        return Ok(Begun::Done("disabled; the service and its logger are told to end".into()));
    }
    Ok(Begun::Waits(disabling))
}

/// Whether the standard input of a process is a pipe with something in it.
fn has_unread_input(pid: u32) -> bool {
    let path = append(c"/proc/", &format!("{pid}/fd/0"));
    let is_fifo =
        fstatat(AT_FDCWD, path.as_c_str(), AtFlags::empty()).is_ok_and(|found| Kind::of(&found) == Kind::Fifo);
    if !is_fifo {
        return false;
    }
    let Ok(pipe) = open_private(path.as_c_str(), OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()) else {
        return false;
    };
    let mut fds = [readable(&pipe)];
    wait(&mut fds, Some(daemontools_program::clock::Instant::now()));
    fds.iter().any(|fd| fd.revents().is_some_and(|found| found.contains(PollFlags::POLLIN)))
}
