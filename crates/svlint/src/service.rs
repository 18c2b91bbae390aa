//! One service directory: what is there and with what modes; its `run` and that of its logger.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use daemontools_program::failure::Failure;
use nix::errno::Errno;

use crate::code::Code;
use crate::file::{Seen, look, read_start};
use crate::finding::Finding;
use crate::log::LogDirectory;
use crate::sourced::MOST;
use crate::tree::nowhere;

/// What is known after reading.
#[derive(Debug, Default)]
pub struct Report {
    /// The faults.
    pub findings: Vec<Finding>,
    /// Where the loggers write.
    pub logs: Vec<LogDirectory>,
    /// What could not be read.
    pub troubles: Vec<Failure>,
    /// Every service directory that was read, loggers' too.
    pub dirs: Vec<PathBuf>,
    /// The services among them, each with the scan directory that it was found in.
    pub services: Vec<(PathBuf, Option<PathBuf>)>,
}

/// What a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A service without a logger.
    Alone,
    /// One with a logger.
    Logged,
    /// A logger.
    Logger,
}

impl Report {
    /// Reads the service in `dir`, and its logger.
    pub fn read(&mut self, dir: &Path) {
        let log = dir.join("log");
        let role = match look(&log) {
            Ok(found) if found.is_directory() => Role::Logged,
            Ok(_) => {
                let fix = "make it a directory with a run of its own";
                self.find(Code::LogNotDirectory, &log, "this is no directory: its supervise fails for ever", fix);
                Role::Alone
            }
            Err(error) if leads_nowhere(&log, &error) => {
                let what = format!("this link leads nowhere, and svscan sees no logger: {}", nowhere(&log, &error));
                self.findings.push(Finding::new(Code::LinkBroken, &log, what, "lead it to a directory, or remove it"));
                Role::Alone
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Role::Alone,
            Err(error) => {
                self.trouble("look at", &log, &error);
                Role::Alone
            }
        };
        self.read_one(dir, role);
        if role == Role::Logged {
            self.read_one(&log, Role::Logger);
            let down = log.join("down");
            if look(&down).is_ok() {
                let what = "this logger is not started, and its service will wait for it when the pipe is full";
                self.find(Code::DownLeftBehind, &down, what, "remove it");
            }
        }
    }

    fn read_one(&mut self, dir: &Path, role: Role) {
        self.dirs.push(dir.into());
        self.read_settings(dir);
        self.read_foreign(dir);
        let run = dir.join("run");
        let found = match look(&run) {
            Ok(found) if found.is_file() => found,
            Ok(_) => return self.find(Code::RunMissing, &run, "this is no regular file", "put a script here"),
            Err(error) if leads_nowhere(&run, &error) => {
                let what = format!("this link leads nowhere: {}", nowhere(&run, &error));
                let fix = "lead it to a script, or write one here";
                return self.findings.push(Finding::new(Code::RunMissing, &run, what, fix));
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let what = "there is no run, so nothing can be started";
                return self.find(Code::RunMissing, &run, what, instead_of_run(dir));
            }
            Err(error) => return self.trouble("look at", &run, &error),
        };
        self.modes(&run, &found);
        let text = match read_start(&run, MOST) {
            Ok(text) => text,
            Err(error) => return self.trouble("read", &run, &error),
        };
        if text.bytes.starts_with(b"\x7fELF") {
            return;
        }
        if !text.cut {
            return self.read_script(dir, &run, &text.bytes, role);
        }
        let start = text.bytes.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
        self.first_line(dir, &run, start);
        let most = MOST.to_string();
        let path = run.as_os_str().as_encoded_bytes();
        self.troubles.push(Failure::fatal([
            b"not all is read of ",
            path,
            b": it is longer than ",
            most.as_bytes(),
            b" bytes",
        ]));
    }

    fn modes(&mut self, run: &Path, found: &Seen) {
        let mode = found.mode();
        if mode & 0o111 == 0 {
            self.find(Code::RunNotExecutable, run, "this is not executable", "chmod +x");
        }
        if mode & 0o002 != 0 {
            self.find(Code::WritableByAll, run, "everybody may change what supervise starts", "chmod o-w");
        }
    }

    /// Adds a finding about a file as a whole.
    pub fn find(&mut self, code: Code, path: &Path, what: &str, fix: &str) {
        self.findings.push(Finding::new(code, path, what, fix));
    }

    /// Adds something that could not be done.
    pub fn trouble(&mut self, what: &str, path: &Path, error: &Error) {
        let path = path.as_os_str().as_encoded_bytes();
        let words = [b"unable to ", what.as_bytes(), b" ", path];
        self.troubles.push(match error.raw_os_error() {
            Some(errno) => Failure::because(words, Errno::from_raw(errno)),
            None => Failure::fatal([&words.concat(), b": ", error.to_string().as_bytes()]),
        });
    }
}

/// What to do where there is no `run`: other supervisors do without one.
fn instead_of_run(dir: &Path) -> &'static str {
    let has = |name: &str| look(&dir.join(name)).is_ok();
    if has("contents.d") || has("contents") {
        "a bundle of s6-rc is no service: remove it, and give its names to svctl"
    } else if has("type") && has("up") {
        "a oneshot of s6-rc: let run be #!/bin/sh with the line of up, and echo 0 >supervise.d/no-restart"
    } else if has("setup") {
        "a oneshot of nitro: let run be #!/bin/sh with ./setup || exit and exec sleep infinity"
    } else {
        "write it, or remove the directory"
    }
}

/// Whether the path is a link that leads to nothing, or in a circle.
fn leads_nowhere(path: &Path, error: &Error) -> bool {
    let nowhere = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(Errno::ELOOP as i32);
    nowhere && path.is_symlink()
}
