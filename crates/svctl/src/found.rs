//! All that can be found out about one service.

use std::ffi::CString;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStringExt;

use daemontools_core::label::Label;
use daemontools_core::settings::Setting;
use daemontools_observe::blocked;
use daemontools_observe::tree::{self, Entry};
use daemontools_program::clock::time_of_day;
use daemontools_program::failure::{Failure, Unable};
use daemontools_service::by_path::Opener;
use daemontools_service::report::ServiceReport;
use nix::errno::Errno;
use nix::fcntl::readlink;

use crate::log_room::LogRoom;
use crate::names::Named;
use crate::our_programs;
use crate::process_tree::{self, Process};
use crate::settings::Places;

/// What was found out about a service.
pub struct Found {
    /// When it was looked at.
    pub now: Label,
    /// How it and its logger are. The name is the path.
    pub entry: Entry,
    /// Where its logger writes.
    pub log_rooms: Vec<LogRoom>,
    /// Where the link leads, if its directory is one.
    pub target: Option<Vec<u8>>,
    /// Its processes, each after its parent.
    pub processes: Vec<Process>,
    /// Its settings with their values.
    pub settings: Vec<(Setting, Option<Vec<u8>>)>,
}

impl Found {
    /// Looks at services: first at the states of all, so that a pipe that does not seem to be read is looked at twice
    /// beside the others.
    pub fn look(services: &[Named]) -> Result<Vec<Found>, Failure> {
        let now = time_of_day();
        let mut opener = Opener::default();
        let entry = |named: &Named| {
            let entry = tree::entry(&mut opener, named.path.clone(), now);
            entry.ok_or(Errno::ENOTDIR).unable([b"chdir to ", &named.name])
        };
        let mut entries = services.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        drop(opener);
        blocked::look(&mut entries);
        Ok(services.iter().zip(entries).map(|(named, entry)| Found::new(named, entry, now)).collect())
    }

    fn new(named: &Named, entry: Entry, now: Label) -> Found {
        let pid = |report: &ServiceReport| report.status().and_then(|status| status.pid).map(NonZeroU32::get);
        let logger = entry.log.as_deref().and_then(pid);
        Found {
            now,
            target: readlink(named.path.as_c_str()).ok().map(OsStringExt::into_vec),
            processes: pid(&entry.service).map(process_tree::of).unwrap_or_default(),
            log_rooms: logger.map(LogRoom::of).unwrap_or_default(),
            settings: Places::of(named).all(),
            entry,
        }
    }

    /// What svlint says of it: lines, or JSON objects, a line each.
    pub fn findings(&self, named: &Named, json: bool) -> Result<Vec<u8>, Failure> {
        let option = json.then(|| CString::from(c"--json"));
        let arguments: Vec<CString> = option.into_iter().chain([named.path.clone()]).collect();
        our_programs::output_of(c"svlint", &arguments).map(|(said, _)| said)
    }

    /// The last lines of its log, or why they cannot be shown; none where it has no logger.
    pub fn last_lines(&self, named: &Named, count: &str) -> Result<Vec<u8>, Failure> {
        if self.entry.log.is_none() {
            return Ok(Vec::new());
        }
        let count = CString::new(count).unwrap_or_default();
        our_programs::all_output_of(c"svlog", &[c"-n".into(), count, named.path.clone()]).map(|(said, _)| said)
    }
}
