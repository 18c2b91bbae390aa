//! A directory that was given: one service, or a whole tree; and what only shows between services.

use std::collections::HashMap;
use std::fs::read_link;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use daemontools_program::errno::reason;
use daemontools_program::printable::printable;
use nix::errno::Errno;

use crate::code::Code;
use crate::file::{exists, has_entry, has_lock, look, names};
use crate::finding::Finding;
use crate::service::Report;

impl Report {
    /// Reads what is in `dir`: a service, or the services of a scan directory.
    pub fn read_all(&mut self, dir: &Path) {
        let paths: Vec<PathBuf> = match names(dir) {
            Ok(names) => names.into_iter().map(|name| dir.join(name)).collect(),
            Err(error) => return self.trouble("read directory", dir, &error),
        };
        if is_service(dir, &paths) {
            self.services.push((dir.into(), None));
            return self.read(dir);
        }
        let mut known: HashMap<(u64, u64), PathBuf> = HashMap::new();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."));
            match look(&path) {
                Ok(found) if found.is_directory() && hidden => self.hidden(&path),
                Ok(found) if found.is_directory() => {
                    if let Some(first) = known.insert(found.identity(), path.clone()) {
                        self.twice(&path, &first);
                    } else {
                        self.services.push((path.clone(), Some(dir.into())));
                        self.read(&path);
                    }
                }
                Ok(found) if found.is_file() && !hidden && found.mode() & 0o111 != 0 => {
                    let what = "svscan looks at directories only, and this is an executable file";
                    self.find(Code::NameSkipped, &path, what, "make a directory, and put it there as run");
                }
                Ok(_) => {}
                Err(error) if hidden => drop(error),
                Err(error) if path.is_symlink() && error.raw_os_error().is_some() => {
                    let what = format!("this link leads nowhere: {}", nowhere(&path, &error));
                    let fix = "lead it to a service directory, or remove it";
                    self.findings.push(Finding::new(Code::LinkBroken, &path, what, fix));
                }
                Err(error) => self.trouble("look at", &path, &error),
            }
        }
    }

    /// Looks for loggers that write to the same directory.
    pub fn compare_logs(&mut self) {
        let mut known = HashMap::new();
        for log in self.logs.clone() {
            let Some(first) = known.insert(log.identity(), log.clone()) else { continue };
            if first.run == log.run {
                continue;
            }
            let (path, other) = (shown(&log.path), shown(&first.run));
            let what =
                format!("the log directory {path} is also that of {other}: one of the two loggers cannot lock it");
            let finding = Finding::new(Code::LogDirectoryShared, &log.run, what, "give each logger its own");
            self.findings.push(finding.at(log.line));
        }
    }

    fn hidden(&mut self, path: &Path) {
        if has_run(path) {
            let what = "svscan skips names that begin with a dot, and this looks like a service";
            self.find(Code::NameSkipped, path, what, "rename it, or move it out of the scan directory");
        }
    }

    fn twice(&mut self, path: &Path, first: &Path) {
        let what = format!("this is the same directory as {}: it is supervised once only", shown(first));
        self.findings.push(Finding::new(Code::LinkedTwice, path, what, "remove one of the two"));
    }
}

/// Whether a directory with these entries is a service and no tree of them. A service of a tree may be called `log`; a
/// directory called `run` or `down` makes no service.
fn is_service(dir: &Path, paths: &[PathBuf]) -> bool {
    let is_file = |name: &str| {
        let path = dir.join(name);
        look(&path).map_or_else(|_| path.is_symlink(), |found| !found.is_directory())
    };
    if ["run", "down", "finish"].iter().any(|name| is_file(name)) || has_lock(dir) {
        return true;
    }
    let log = dir.join("log");
    exists(&log) && !paths.iter().filter(|path| **path != log).any(|path| has_run(path))
}

/// Whether there is a `run` in the directory, even one that is a broken link.
fn has_run(dir: &Path) -> bool {
    has_entry(dir, "run")
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// Where a link leads, and why that is nowhere.
pub fn nowhere(link: &Path, error: &std::io::Error) -> String {
    let target = read_link(link).map(|target| shown(&target)).unwrap_or_default();
    format!("{target}: {}", reason(Errno::from_raw(error.raw_os_error().unwrap_or(0))))
}
