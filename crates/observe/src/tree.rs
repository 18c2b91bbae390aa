//! The tree as it is now: the entries of a scan directory that svscan would start, each with its logger.

use std::ffi::{CStr, CString};

use daemontools_core::label::Label;
use daemontools_program::directory;
use daemontools_program::file_kind::Kind;
use daemontools_program::path::append;
use daemontools_service::by_path::Opener;
use daemontools_service::report::{ServiceReport, State};
use daemontools_service::service_dir::ServiceDir;
use daemontools_service::status_error::StatusError;
use nix::dir::Type;
use nix::errno::Errno;
use nix::sys::stat::stat;

/// Which service comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By name.
    Name,
    /// What is not as wanted, then the others; each by name.
    Trouble,
}

/// A service and its logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name in the scan directory.
    pub name: CString,
    /// How the service is.
    pub service: ServiceReport,
    /// How its logger is, if it has one.
    pub log: Option<Box<ServiceReport>>,
}

impl Entry {
    /// The same at another moment, if nothing else has changed.
    pub fn seen_at(&self, now: Label) -> Entry {
        let log = self.log.clone().map(|log| Box::new(log.seen_at(now)));
        Entry { name: self.name.clone(), service: self.service.clone().seen_at(now), log }
    }

    /// Whether the service and its logger are as wanted. A logger that is down while its service runs is not,
    /// even if a command took it down: the service will wait for it as soon as the pipe is full.
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
            State::Failing | State::Failed | State::Blocked => 0,
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

/// Whether the current directory is that of a service, and holds no other services than its logger.
pub fn is_service() -> bool {
    let is_file = |name: &CStr| stat(name).is_ok_and(|found| Kind::of(&found) == Kind::File);
    if !is_file(c"run") && stat(c"supervise/ok").is_err() {
        return false;
    }
    let others = names().unwrap_or_default().into_iter().filter(|name| name.as_c_str() != c"log");
    !others.into_iter().any(|name| is_file(&append(&name, "/run")))
}

/// The entry of this name; `None` if it is no directory.
pub fn entry(opener: &mut Opener, name: CString, now: Label) -> Option<Entry> {
    if let Some((service, log)) = opener.look(&name, now) {
        return Some(Entry { name, service, log });
    }
    let (service, log) = match opener.open(&name) {
        Ok(dir) => (ServiceReport::look(&dir, now), log(&dir, now)),
        // No directory, or one that has gone: svscan does not start it either.
        Err(Errno::ENOENT | Errno::ENOTDIR) => return None,
        Err(errno) => (ServiceReport::unknown(StatusError::chdir(errno)), None),
    };
    Some(Entry { name, service, log: log.map(Box::new) })
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

/// The names in the current directory that svscan looks at.
pub fn names() -> nix::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in directory::open(c".")?.iter() {
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
        Entry { name: name.into(), service, log: log.map(Box::new) }
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
