//! The tree as it is now: the entries of a scan directory that svscan would start, each with its logger.

use std::ffi::{CStr, CString};

use daemontools_core::label::Label;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::file_kind::Kind;
use daemontools_program::path::append;
use daemontools_service::part::Part;
use daemontools_service::report::{ServiceReport, State};
use daemontools_service::service_dir::ServiceDir;
use daemontools_service::status_error::StatusError;
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, stat};
use nix::unistd::chdir;

use crate::options::{Options, Sort};

/// A service and its logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name in the scan directory.
    pub name: CString,
    /// How the service is.
    pub service: ServiceReport,
    /// How its logger is, if it has one.
    pub log: Option<ServiceReport>,
}

impl Entry {
    /// The same at another moment, if nothing else has changed.
    pub fn seen_at(&self, now: Label) -> Entry {
        let log = self.log.clone().map(|log| log.seen_at(now));
        Entry { name: self.name.clone(), service: self.service.clone().seen_at(now), log }
    }

    /// Whether the service and its logger are as wanted. A logger that is down while its service runs is not, whoever
    /// wanted it so: the service will wait for it as soon as the pipe is full.
    pub fn is_as_wanted(&self) -> bool {
        self.service.is_as_wanted() && self.log.as_ref().is_none_or(|log| self.is_log_as_wanted(log))
    }

    /// Whether its logger is as it should be.
    pub fn is_log_as_wanted(&self, log: &ServiceReport) -> bool {
        let runs = |service: &ServiceReport| service.status().is_some_and(|status| status.pid.is_some());
        log.is_as_wanted() && (runs(log) || !runs(&self.service))
    }

    /// How bad it is; the worst comes first.
    fn rank(&self) -> u8 {
        let rank = |service: &ServiceReport| match service.state() {
            State::Failing | State::Failed => 0,
            State::Unknown => 1,
            State::Unsupervised => 2,
            State::Paused => 3,
            State::Up | State::Down | State::Done if !service.is_as_wanted() => 4,
            State::Up | State::Down | State::Done => 6,
        };
        let log = self.log.as_ref().map_or(6, |log| if self.is_log_as_wanted(log) { 6 } else { rank(log).min(5) });
        rank(&self.service).min(log)
    }
}

/// Goes to the scan directory, to stay.
pub fn enter(options: &Options) -> Result<(), Failure> {
    let dir = options.dir.to_bytes();
    chdir(options.dir.as_c_str()).unable([b"chdir to ", dir])?;
    if options.names.is_empty() && is_service() {
        return Err(Failure::fatal([dir, b" is a service, not a scan directory"]));
    }
    for name in &options.names {
        stat(name.as_c_str()).unable([b"find ", name.to_bytes(), b" in ", dir])?;
    }
    Ok(())
}

/// Whether the current directory is that of a service, and holds no other services than its logger.
fn is_service() -> bool {
    let is_file = |name: &CStr| stat(name).is_ok_and(|found| Kind::of(&found) == Kind::File);
    if !is_file(c"run") && stat(c"supervise/ok").is_err() {
        return false;
    }
    let others = all_names().unwrap_or_default().into_iter().filter(|name| name.as_c_str() != c"log");
    !others.into_iter().any(|name| is_file(&append(&name, "/run")))
}

/// Looks at every service that is wanted, in the scan directory, which is the current one.
pub fn look(options: &Options, now: Label) -> Result<Vec<Entry>, Failure> {
    Ok(names(options)?.into_iter().filter_map(|name| entry(name, now)).collect())
}

/// How many of the last ends of each service, and of its logger, were because memory ran out; `None`: that is not known.
pub fn oom_kills(entries: &[Entry]) -> Vec<[Option<u32>; 2]> {
    let count = |dir: Option<ServiceDir>| dir.map(|dir| dir.history().iter().map(|run| u32::from(run.oom)).sum());
    let of = |entry: &Entry| {
        let dir = entry.service.details.as_ref().and_then(|_| ServiceDir::open(&entry.name).ok());
        let has_details = entry.log.as_ref().is_some_and(|log| log.details.is_some());
        let log = has_details.then(|| ServiceDir::open(&append(&entry.name, Part::Log.path_suffix())).ok()).flatten();
        [count(dir), count(log)]
    };
    entries.iter().map(of).collect()
}

/// The entry of this name; `None` if it is no directory.
pub fn entry(name: CString, now: Label) -> Option<Entry> {
    let (service, log) = match ServiceDir::open(&name) {
        Ok(dir) => (ServiceReport::look(&dir, now), log(&dir, now)),
        // No directory, or one that has gone: svscan does not start it either.
        Err(Errno::ENOENT | Errno::ENOTDIR) => return None,
        Err(errno) => (ServiceReport::unknown(StatusError::chdir(errno)), None),
    };
    Some(Entry { name, service, log })
}

/// The logger of the service in `dir`, if it has one.
fn log(dir: &ServiceDir, now: Label) -> Option<ServiceReport> {
    let log = dir.log().map(|log| log.map(|log| ServiceReport::look(&log, now)));
    log.unwrap_or_else(|error| Some(ServiceReport::unknown(error)))
}

/// Puts the entries into this order.
pub fn sort(entries: &mut [Entry], order: Sort) {
    match order {
        Sort::Name => entries.sort_by(|one, other| one.name.cmp(&other.name)),
        Sort::Trouble => entries.sort_by(|one, other| (one.rank(), &one.name).cmp(&(other.rank(), &other.name))),
    }
}

/// The services in the current directory that are wanted.
pub fn names(options: &Options) -> Result<Vec<CString>, Failure> {
    let names = all_names().unable([b"read directory ", options.dir.to_bytes()])?;
    let wanted = |name: &CString| options.names.is_empty() || options.names.contains(name);
    Ok(names.into_iter().filter(wanted).collect())
}

/// The names in the current directory that svscan looks at.
fn all_names() -> nix::Result<Vec<CString>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut names = Vec::new();
    for entry in Dir::open(c".", flags, Mode::empty())?.iter() {
        let entry = entry?;
        let may_be_directory = matches!(entry.file_type(), None | Some(Type::Directory | Type::Symlink));
        if may_be_directory && !entry.file_name().to_bytes().starts_with(b".") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use daemontools_core::status::{Status, Want};
    use daemontools_service::report::{Condition, Normally};

    fn service(pid: u32, want: Want) -> ServiceReport {
        let status = Status { since: Label::from_unix(0, 0), pid: NonZeroU32::new(pid), paused: false, want };
        ServiceReport::new(Condition::Supervised(status), Normally::Up)
    }

    fn entry(name: &CStr, service: ServiceReport, log: Option<ServiceReport>) -> Entry {
        Entry { name: name.into(), service, log }
    }

    #[test]
    fn trouble_comes_first_also_that_of_a_logger() {
        let (up, failing) = (service(7, Want::Up), service(0, Want::Up));
        let mut entries = [
            entry(c"a", up.clone(), Some(up.clone())),
            entry(c"b", service(0, Want::Down), None),
            entry(c"c", up.clone(), Some(service(0, Want::Down))),
            entry(c"d", service(7, Want::Down), None),
            entry(c"e", ServiceReport::unknown(StatusError::chdir(Errno::EACCES)), None),
            entry(c"g", up, Some(failing.clone())),
            entry(c"f", failing, None),
        ];
        sort(&mut entries, Sort::Trouble);
        let order: Vec<_> = entries.iter().map(|entry| entry.name.to_str().unwrap()).collect();
        assert_eq!(order.concat(), "fgedcab");
        sort(&mut entries, Sort::Name);
        let wanted: Vec<_> = entries.iter().map(Entry::is_as_wanted).collect();
        assert_eq!(wanted, [true, true, false, false, false, false, false]);
    }

    #[test]
    fn a_logger_that_is_down_with_its_service_is_as_wanted() {
        let down = service(0, Want::Down);
        assert!(entry(c"a", down.clone(), Some(down)).is_as_wanted());
    }
}
