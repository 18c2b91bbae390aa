//! What happens right now: services that are started again and again, and services that are up although
//! they have a file `down`.

use std::ffi::CString;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_core::status::Want;
use daemontools_program::clock::Instant;
use daemontools_program::clock::time_of_day;
use daemontools_program::stdio::write_pieces;
use daemontools_program::wait::wait;
use daemontools_service::report::{Normally, ServiceReport, State};
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::fd::STDERR;

use crate::code::Code;
use crate::finding::Finding;
use crate::service::Report;

/// A service that is younger than this may have been started again.
const YOUNG: u64 = 2;
/// After how long it is looked at again, if its supervise does not count.
const AGAIN: Duration = Duration::from_millis(2500);

impl Report {
    /// Looks at every service that was read. Waits for a moment only if one looks as if it was just started, under a
    /// supervise that does not count.
    pub fn watch(&mut self) {
        let mut young = Vec::new();
        for dir in self.dirs.clone() {
            let now = time_of_day();
            let Some(service) = look(&dir, now) else { continue };
            self.down_left_behind(&dir, &service);
            let seconds = service.seconds(now).unwrap_or(u64::MAX);
            match (service.restarts, service.state()) {
                (Some(restarts), State::Failing) if restarts.minute > 0 => {
                    self.restarting(&dir, &format!("{} times in the last minute", restarts.minute));
                }
                (None, State::Up | State::Failing) if seconds <= YOUNG => young.push((dir, service)),
                _ => {}
            }
        }
        if young.is_empty() {
            return;
        }
        if STDERR.is_terminal() {
            let services = if young.len() == 1 { "service" } else { "services" };
            let count = young.len().to_string();
            let waits =
                [count.as_bytes(), b" ", services.as_bytes(), b" started just now, looking again in 2.5 seconds\n"];
            let _ = write_pieces(STDERR, [b"svlint: ", &waits.concat()]);
        }
        wait(&mut [], Some(Instant::now() + AGAIN));
        for (dir, before) in young {
            let now = time_of_day();
            let Some(after) = look(&dir, now) else { continue };
            let since = |service: &ServiceReport| service.status().map(|status| status.since);
            let wanted = after.status().is_some_and(|status| status.want == Want::Up);
            if wanted && since(&before) != since(&after) && after.seconds(now).is_some_and(|seconds| seconds <= YOUNG) {
                self.restarting(&dir, "within these 2 seconds");
            }
        }
    }

    fn restarting(&mut self, dir: &Path, how_often: &str) {
        // A service that cannot start has its finding already, and says nothing in its log.
        let run = dir.join("run");
        if self.findings.iter().any(|finding| finding.path == run && finding.code.prevents_start()) {
            return;
        }
        let what = format!("this ends and is started again: {how_often}");
        let mut finding =
            Finding::new(Code::Restarting, dir, what, "its log, or the terminal of svscan, should tell why");
        let loggers = [dir.join("log/run"), run];
        let logs = self.logs.iter().filter(|log| loggers.contains(&log.run));
        finding.log = logs.flat_map(|log| log.last_lines()).collect();
        self.findings.push(finding);
    }

    fn down_left_behind(&mut self, dir: &Path, service: &ServiceReport) {
        let wanted = service.status().is_some_and(|status| status.pid.is_some() && status.want == Want::Up);
        let logger = dir.file_name().is_some_and(|name| name == "log");
        if wanted && service.normally == Normally::Down && !logger {
            let what = "the service is up and wanted so, but would not be started after a reboot";
            self.find(Code::DownLeftBehind, &dir.join("down"), what, "remove it, or bring the service down");
        }
    }
}

/// The service in `dir`, if one can look at it.
fn look(dir: &Path, now: Label) -> Option<ServiceReport> {
    let dir = CString::new(dir.as_os_str().as_bytes()).unwrap_or_default();
    ServiceDir::open(&dir).ok().map(|dir| ServiceReport::look(&dir, now))
}
