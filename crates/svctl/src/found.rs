//! All that can be found out about one service.

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

use daemontools_core::label::Label;
use daemontools_core::settings::Setting;
use daemontools_program::clock::time_of_day;
use daemontools_program::failure::{Failure, Unable};
use daemontools_service::report::ServiceReport;
use daemontools_service::service_dir::ServiceDir;
use nix::fcntl::readlink;

use crate::names::Named;
use crate::our_programs;
use crate::process_tree::{self, Process};
use crate::settings::Places;

/// What was found out about a service.
pub struct Found {
    /// When it was looked at.
    pub now: Label,
    /// How it is.
    pub report: ServiceReport,
    /// How its logger is, if it has one.
    pub logger: Option<ServiceReport>,
    /// Where the link leads, if its directory is one.
    pub target: Option<Vec<u8>>,
    /// Its processes, each after its parent.
    pub processes: Vec<Process>,
    /// Its settings with their values.
    pub settings: Vec<(Setting, Option<Vec<u8>>)>,
}

impl Found {
    /// Looks at a service.
    pub fn look(named: &Named) -> Result<Found, Failure> {
        let now = time_of_day();
        let dir = ServiceDir::open(&named.path).unable([b"chdir to ", &named.name])?;
        let report = ServiceReport::look(&dir, now);
        let logger = dir.log().ok().flatten().map(|log| ServiceReport::look(&log, now));
        let pid = report.status().and_then(|status| status.pid);
        Ok(Found {
            now,
            logger,
            target: readlink(named.path.as_c_str()).ok().map(OsStringExt::into_vec),
            processes: pid.map(|pid| process_tree::of(pid.get())).unwrap_or_default(),
            settings: Places::of(named).all(),
            report,
        })
    }

    /// Whether the service and its logger are as wanted.
    pub fn is_as_wanted(&self) -> bool {
        self.report.is_as_wanted() && self.logger.as_ref().is_none_or(ServiceReport::is_as_wanted)
    }

    /// What svlint says of it: lines, or JSON objects, a line each.
    pub fn findings(&self, named: &Named, json: bool) -> Result<Vec<u8>, Failure> {
        let option = json.then(|| CString::from(c"--json"));
        let arguments: Vec<CString> = option.into_iter().chain([named.path.clone()]).collect();
        our_programs::output_of(c"svlint", &arguments).map(|(said, _)| said)
    }

    /// The last lines of its log, or why they cannot be shown; none where it has no logger.
    pub fn last_lines(&self, named: &Named, count: &str) -> Result<Vec<u8>, Failure> {
        if self.logger.is_none() {
            return Ok(Vec::new());
        }
        let count = CString::new(count).unwrap_or_default();
        our_programs::all_output_of(c"svlog", &[c"-n".into(), count, named.path.clone()]).map(|(said, _)| said)
    }
}
