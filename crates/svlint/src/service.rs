//! One service directory: its `run`, from the first byte to the last command, and its logger.

use std::fs::{self, Metadata, metadata};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use daemontools_program::failure::Failure;
use nix::errno::Errno;
use nix::unistd::User;

use crate::advice::advice;
use crate::finding::{Code, Finding};
use crate::launch::launch;
use crate::log::{LogDirectory, directories};
use crate::script::{Command, commands};

/// How long a `run` may be that is read, in bytes. What is longer is no script.
const LONGEST: u64 = 1 << 20;
/// Interpreters that read what a POSIX shell reads, as far as we look.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "ksh", "mksh", "busybox", "zsh"];

/// What is known after reading.
#[derive(Debug, Default)]
pub struct Report {
    /// What will bite.
    pub findings: Vec<Finding>,
    /// Where the loggers write.
    pub logs: Vec<LogDirectory>,
    /// What could not be read.
    pub troubles: Vec<Failure>,
    /// Every service directory that was read, loggers' too.
    pub dirs: Vec<PathBuf>,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
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
        let role = match metadata(&log) {
            Ok(found) if found.is_dir() => Role::Logged,
            Ok(_) => {
                let fix = "make it a directory with a run of its own";
                self.find(Code::LogNotDirectory, &log, "this is no directory: its supervise fails for ever", fix);
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
            if metadata(&down).is_ok() {
                let what = "this logger is not started, and its service will wait for it when the pipe is full";
                self.find(Code::DownLeftBehind, &down, what, "remove it");
            }
        }
    }

    fn read_one(&mut self, dir: &Path, role: Role) {
        self.dirs.push(dir.into());
        let run = dir.join("run");
        let found = match metadata(&run) {
            Ok(found) if found.is_file() => found,
            Ok(_) => return self.find(Code::RunMissing, &run, "this is no file", "put a script here"),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let what = "there is no run, so nothing can be started";
                return self.find(Code::RunMissing, &run, what, "write it, or remove the directory");
            }
            Err(error) => return self.trouble("look at", &run, &error),
        };
        self.modes(&run, &found);
        if found.len() > LONGEST {
            return;
        }
        let text = match fs::read(&run) {
            Ok(text) => text,
            Err(error) => return self.trouble("read", &run, &error),
        };
        if text.starts_with(b"\x7fELF") {
            return;
        }
        if let Some(script) = self.first_line(dir, &run, &text) {
            self.script(dir, &run, &script, role);
        }
    }

    fn modes(&mut self, run: &Path, found: &Metadata) {
        let mode = found.permissions().mode();
        if mode & 0o111 == 0 {
            self.find(Code::RunNotExecutable, run, "this is not executable", "chmod +x");
        }
        if mode & 0o002 != 0 {
            self.find(Code::WritableByAll, run, "everybody may change what supervise starts", "chmod o-w");
        }
    }

    /// Looks at the interpreter; the commands, if it is a shell.
    fn first_line(&mut self, dir: &Path, run: &Path, text: &[u8]) -> Option<Vec<Command>> {
        let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let Some(interpreter) = first.strip_prefix(b"#!") else {
            let finding = Finding::new(
                Code::NoInterpreterLine,
                run,
                "this does not begin with #!, and the kernel does not execute it",
                "let its first line be #!/bin/sh",
            );
            self.findings.push(finding.at(1));
            return None;
        };
        if let Some(line) = text.split(|&byte| byte == b'\n').position(|line| line.ends_with(b"\r")) {
            let what = "this line ends with a carriage return, which becomes part of its last word";
            let finding = Finding::new(Code::CarriageReturn, run, what, "remove them all: sed -i 's/\\r$//' run");
            self.findings.push(finding.at(line + 1));
            return None;
        }
        let line = String::from_utf8_lossy(interpreter);
        let mut words = line.split_whitespace();
        let interpreter = words.next().unwrap_or_default();
        let executable = |found: Metadata| found.is_file() && found.permissions().mode() & 0o111 != 0;
        // A name without a slash is looked for in the service directory, not in PATH.
        if !metadata(dir.join(interpreter)).is_ok_and(executable) {
            let what = format!("the interpreter {interpreter:?} is missing or not executable");
            let finding = Finding::new(Code::InterpreterMissing, run, what, "install it, or name another one");
            self.findings.push(finding.at(1));
        }
        let base = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let shell = match base(interpreter).as_str() {
            "env" => base(words.next().unwrap_or_default()),
            name => name.to_owned(),
        };
        SHELLS.contains(&shell.as_str()).then(|| commands(&String::from_utf8_lossy(text)))?
    }

    fn script(&mut self, dir: &Path, run: &Path, commands: &[Command], role: Role) {
        for (code, line, what, fix) in advice(commands, role == Role::Logged) {
            self.findings.push(Finding::new(code, run, what, fix).at(line));
        }
        for command in commands {
            let accounts = launch(&command.words).map(|launched| launched.accounts).unwrap_or_default();
            let unknown = |name: &String| !name.is_empty() && matches!(User::from_name(name), Ok(None));
            for name in accounts.into_iter().filter(unknown) {
                let what = format!("there is no account {name}");
                let finding = Finding::new(Code::AccountUnknown, run, what, "make it, or name another one");
                self.findings.push(finding.at(command.line));
            }
        }
        let (logs, findings) = directories(dir, run, commands);
        self.logs.extend(logs);
        self.findings.extend(findings);
    }

    /// Adds a finding about a file as a whole.
    pub fn find(&mut self, code: Code, path: &Path, what: &str, fix: &str) {
        self.findings.push(Finding::new(code, path, what, fix));
    }

    /// Adds something that could not be done.
    pub fn trouble(&mut self, what: &str, path: &Path, error: &std::io::Error) {
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
        let path = path.as_os_str().as_encoded_bytes();
        self.troubles.push(Failure::because([b"unable to ", what.as_bytes(), b" ", path], errno));
    }
}
