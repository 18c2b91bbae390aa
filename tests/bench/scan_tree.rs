//! A scan directory full of services, and somebody who scans it.

use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::Bench;
use crate::contender::Who;
use crate::reports::Reports;
use crate::scratch::Scratch;

/// A service that reports its process id when it runs, and then does nothing.
pub const RUN: &str = "echo $$\nexec sleep 100000";

/// Services under a scanner. All of them end when it is dropped.
pub struct ScanTree {
    scanner: Child,
    /// Where it all is: the service directories in `sv`, links to them in `scan`.
    pub scratch: Scratch,
    /// What the services report.
    pub reports: Reports,
    /// When the scanner was started.
    pub started: Instant,
    count: usize,
}

impl ScanTree {
    /// Makes so many services and starts the scanner.
    pub fn start(bench: &Bench, who: Who, count: usize) -> ScanTree {
        let (scratch, reports) = (Scratch::new(), Reports::new());
        scratch.dir("scan");
        for number in 0..count {
            scratch.script(&format!("sv/{number}/run"), RUN);
            link(&scratch, number);
        }
        let (program, arguments): (&str, &[&str]) = match who {
            Who::Ours | Who::Original | Who::Cat => ("svscan", &[]),
            Who::Runit => ("runsvdir", &[]),
            // It looks by itself only if it is told to, as the others do.
            Who::S6 => ("s6-svscan", &["-c", "8000", "-t", "5000"]),
        };
        let mut command = scratch.command(&bench.contenders, who, program);
        command.args(arguments).arg("scan").stdout(reports.outlet()).stderr(Stdio::null());
        let started = Instant::now();
        let scanner = command.spawn().unwrap_or_else(|e| panic!("start {command:?}: {e}"));
        ScanTree { scanner, scratch, reports, started, count }
    }

    /// Waits until each of the services has been started; when the last one was.
    pub fn all_run(&mut self) -> Instant {
        self.reports.skip(self.count)
    }

    /// One more service, and the moment in which its link was made.
    pub fn add(&mut self, body: &str) -> Instant {
        let number = self.count;
        self.count += 1;
        self.scratch.script(&format!("sv/{number}/run"), body);
        let now = Instant::now();
        link(&self.scratch, number);
        now
    }

    /// The scanner's process id.
    pub fn scanner(&self) -> i32 {
        self.scanner.id() as i32
    }

    /// The names of the services in the scan directory, as somebody would type them.
    pub fn names(&self) -> Vec<String> {
        (0..self.count).map(|number| format!("scan/{number}")).collect()
    }
}

impl Drop for ScanTree {
    fn drop(&mut self) {
        // First whoever would start the others again.
        let _ = self.scanner.kill();
        let _ = self.scanner.wait();
    }
}

fn link(scratch: &Scratch, number: usize) {
    symlink(format!("../sv/{number}"), scratch.path(format!("scan/{number}"))).expect("make a link");
}
