//! What happens right now: services that are started again and again, services that are up although they have a file
//! `down`, and, by `wanted`, all else that is not as wanted.

use std::ffi::{CStr, CString, OsStr};
use std::fs::read_dir;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_core::status::Want;
use daemontools_observe::tree::{self, Entry};
use daemontools_observe::{blocked, logger};
use daemontools_program::clock::Instant;
use daemontools_program::clock::time_of_day;
use daemontools_program::stdio::write_pieces;
use daemontools_program::wait::wait;
use daemontools_service::by_path::Opener;
use daemontools_service::default_scan_dir::default_scan_dir;
use daemontools_service::part::Part;
use daemontools_service::report::{Normally, ServiceReport, State};
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::fd::STDERR;
use nix::unistd::User;

use crate::code::Code;
use crate::file::{has_lock, has_supervise, is_refused};
use crate::finding::Finding;
use crate::service::Report;
use crate::wanted::{Explanation, Facts, explain};

/// A service that is younger than this may have been started again.
const YOUNG: u64 = 2;
/// After how long it is looked at again, if its supervise does not count.
const AGAIN: Duration = Duration::from_millis(2500);

impl Report {
    /// Looks at every service that was read. Waits for a moment only if one looks as if it was just started, under a
    /// supervise that does not count, or if a logger does not seem to read.
    pub fn watch(&mut self) {
        let mut entries: Vec<Entry> = self.services.iter().filter_map(|(dir, _)| entry(dir)).collect();
        blocked::look(&mut entries);
        let mut young = Vec::new();
        for entry in &entries {
            let dir = path(&entry.name);
            for (part, service) in parts(entry) {
                let dir = part_dir(&dir, part);
                self.down_left_behind(&dir, service);
                if let Some(before) = self.look_for_restarts(&dir, service) {
                    young.push((dir, before));
                }
            }
        }
        self.explain_all(&entries);
        if !young.is_empty() {
            self.look_again(young);
        }
    }

    /// Says of a service that it is failing; it is handed back where that cannot be told yet.
    fn look_for_restarts(&mut self, dir: &Path, service: &ServiceReport) -> Option<ServiceReport> {
        let seconds = service.seconds(time_of_day()).unwrap_or(u64::MAX);
        let minute = service.restarts.map(|restarts| restarts.minute);
        match (minute, service.state()) {
            (Some(minute), State::Failing) if minute > 0 => {
                self.restarting(dir, &format!("{minute} times in the last minute"));
            }
            (None, State::Up | State::Failing) if seconds <= YOUNG => return Some(service.clone()),
            (_, State::Failing) => {
                let cause = service.cause().map(|cause| format!(", last {cause}")).unwrap_or_default();
                self.restarting(dir, &format!("it has no process now{cause}"));
            }
            _ => {}
        }
        None
    }

    /// Looks again at services that were just started.
    fn look_again(&mut self, young: Vec<(PathBuf, ServiceReport)>) {
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

    /// Says what else is not as wanted, each cause once.
    fn explain_all(&mut self, entries: &[Entry]) {
        let is_supervised = |entry: &Entry| entry.service.status().is_some();
        let supervised: Vec<PathBuf> =
            entries.iter().filter(|entry| is_supervised(entry)).map(|entry| path(&entry.name)).collect();
        let now = time_of_day();
        let mut found = Vec::new();
        for entry in entries {
            let dir = path(&entry.name);
            let tree = self.services.iter().find(|(service, _)| *service == dir).and_then(|(_, tree)| tree.clone());
            let in_live_tree = match &tree {
                Some(tree) => supervised.iter().any(|service| service.parent() == Some(tree)),
                None => is_in_live_tree(&dir),
            };
            let seen = [has_supervise(&dir), has_supervise(&dir.join("log"))];
            for told in explain(entry, Facts { in_live_tree, seen }, now, &account_name) {
                let part = part_dir(&dir, told.part);
                if !is_refused(&part) && !is_planted(&part.join("supervise")) {
                    found.push((tree.clone(), part, told));
                }
            }
        }
        self.dead_trees(&supervised);
        for (tree, dir, told) in said_once(found, entries.len()) {
            // A file `down` of a logger has its finding, and so has a `log` that is no directory.
            let is_told = |finding: &Finding| match told.code {
                Code::LoggerDown => finding.path == dir.join("down"),
                Code::StateUnknown => finding.path == dir && finding.code == Code::LogNotDirectory,
                _ => false,
            };
            if !self.findings.iter().any(is_told) {
                self.findings.push(Finding::new(told.code, tree.unwrap_or(dir), told.what, told.fix));
            }
        }
    }

    /// Says of a scan directory that none of its services has a supervise, though some have had one.
    fn dead_trees(&mut self, supervised: &[PathBuf]) {
        let mut trees: Vec<PathBuf> = self.services.iter().filter_map(|(_, tree)| tree.clone()).collect();
        trees.dedup();
        let of = |tree: &PathBuf, service: &Path| service.parent() == Some(tree);
        trees.retain(|tree| !supervised.iter().any(|service| of(tree, service)));
        let had = |tree: &PathBuf| self.services.iter().any(|(service, _)| of(tree, service) && has_lock(service));
        trees.retain(had);
        for tree in trees {
            let what = "no service here has a supervise, though there were some: svscan does not run";
            self.find(Code::Unsupervised, &tree, what, "start svscan on this directory");
        }
    }

    fn restarting(&mut self, dir: &Path, how_often: &str) {
        // A service that cannot start has its finding already, and says nothing in its log.
        let run = dir.join("run");
        if self.findings.iter().any(|finding| finding.path == run && finding.code.prevents_start()) {
            return;
        }
        if self.disk(&run) {
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

    /// Says that the logger with this script cannot work because of the file system of its log, where that is so.
    fn disk(&mut self, run: &Path) -> bool {
        let logs = self.logs.iter().filter(|log| log.run == run);
        let cause = logs.filter_map(|log| logger::disk(&plain(&log.path), log.uid.unwrap_or_default())).next();
        if let (Some(cause), Some(dir)) = (&cause, run.parent()) {
            let what = format!("the logger ends and is started again: {}", cause.clause(account_name));
            self.findings.push(Finding::new(Code::LoggerBlocked, dir, what, cause.remedy()));
        }
        cause.is_some()
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

/// A finding to come: the tree, if it is about all of its services; the directory; what is said.
type Told = (Option<PathBuf>, PathBuf, Explanation);

/// What cannot be told of any service of a tree, for the same reason, is told of the tree.
fn said_once(found: Vec<Told>, services: usize) -> Vec<Told> {
    let same = |one: &Told, other: &Told| one.0.is_some() && one.0 == other.0 && one.2.what == other.2.what;
    let unknown = |told: &Told| told.2.code == Code::StateUnknown;
    match found.first() {
        Some(first) if services > 1 && found.len() >= services => {
            let all = found.iter().all(|told| unknown(told) && same(first, told));
            let taken = if all { 1 } else { found.len() };
            found.into_iter().take(taken).map(|(tree, dir, told)| (tree.filter(|_| all), dir, told)).collect()
        }
        _ => found.into_iter().map(|(_, dir, told)| (None, dir, told)).collect(),
    }
}

/// The service and its logger.
fn parts(entry: &Entry) -> impl Iterator<Item = (Part, &ServiceReport)> {
    [(Part::Service, &entry.service)].into_iter().chain(entry.log.as_deref().map(|log| (Part::Log, log)))
}

/// The same path, without dots for the current directory.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

/// The directory of a part of the service in `dir`.
fn part_dir(dir: &Path, part: Part) -> PathBuf {
    match part {
        Part::Service => dir.into(),
        Part::Log => dir.join("log"),
    }
}

/// The service in `dir`, with its logger.
fn entry(dir: &Path) -> Option<Entry> {
    tree::entry(&mut Opener::default(), CString::new(dir.as_os_str().as_bytes()).ok()?, time_of_day())
}

/// Whether this is a link to where its owner may not look.
fn is_planted(link: &Path) -> bool {
    link.is_symlink() && is_refused(link)
}

fn path(name: &CStr) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name.to_bytes()))
}

/// Whether a service that was named alone is in a scan directory in which another one is supervised. A service directory
/// elsewhere may be about to get there.
fn is_in_live_tree(dir: &Path) -> bool {
    let parent = match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return false,
    };
    let is_usual = || parent.canonicalize().is_ok_and(|parent| default_scan_dir().canonicalize().ok() == Some(parent));
    let siblings = || read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    (dir.is_symlink() || is_usual()) && siblings().any(|sibling| is_supervised(&sibling))
}

fn is_supervised(dir: &Path) -> bool {
    let dir = CString::new(dir.as_os_str().as_bytes()).unwrap_or_default();
    ServiceDir::open(&dir).is_ok_and(|dir| dir.supervised().unwrap_or(false))
}

/// The name of an account, or its number.
fn account_name(uid: u32) -> String {
    let found = User::from_uid(uid.into()).ok().flatten();
    found.map_or_else(|| format!("the account {uid}"), |user| user.name)
}

/// The service in `dir`, if one can look at it.
fn look(dir: &Path, now: Label) -> Option<ServiceReport> {
    let dir = CString::new(dir.as_os_str().as_bytes()).unwrap_or_default();
    ServiceDir::open(&dir).ok().map(|dir| ServiceReport::look(&dir, now))
}
