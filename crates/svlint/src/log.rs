//! Where a logger writes: read from its script; checked against the account it runs under; and the last lines there.

use std::fs::{self, metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use daemontools_program::printable::printable;
use nix::unistd::{Group, User, getegid, geteuid};

use crate::access::{Obstacle, Who, obstacle};
use crate::advice::last_launch;
use crate::finding::{Code, Finding};
use crate::launch::{Launch, launch};
use crate::script::Command;

/// How many of the last lines of a log are shown.
const LINES: usize = 5;
/// How far back these are looked for, in bytes.
const TAIL: u64 = 4096;

/// A directory that a logger writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDirectory {
    /// The script that says so, and where.
    pub run: PathBuf,
    /// The line of it.
    pub line: usize,
    /// The directory, seen from where svlint is.
    pub path: PathBuf,
}

impl LogDirectory {
    /// What is the same for two names of one directory.
    pub fn identity(&self) -> String {
        match metadata(&self.path) {
            Ok(found) => format!("{}:{}", found.dev(), found.ino()),
            Err(_) => self.path.to_string_lossy().into_owned(),
        }
    }

    /// The last lines of the log.
    pub fn last_lines(&self) -> Vec<Vec<u8>> {
        let read = || {
            let path = self.path.join("current");
            if !metadata(&path)?.is_file() {
                return Ok(Vec::new());
            }
            let mut file = fs::OpenOptions::new().read(true).open(path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            let mut text = Vec::new();
            file.take(TAIL).read_to_end(&mut text)?;
            Ok::<_, std::io::Error>(text)
        };
        let text = read().unwrap_or_default();
        let lines: Vec<_> = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        lines.iter().skip(lines.len().saturating_sub(LINES)).map(|line| line.to_vec()).collect()
    }
}

/// The directories that the logger with this script writes to, and what is wrong with them. `dir` is its service
/// directory.
pub fn directories(dir: &Path, run: &Path, commands: &[Command]) -> (Vec<LogDirectory>, Vec<Finding>) {
    let Some((command, launched)) = last_launch(commands) else { return Default::default() };
    let found = words(&launched)
        .into_iter()
        .map(|path| (path.clone(), LogDirectory { run: run.into(), line: command.line, path: dir.join(path) }));
    let found: Vec<(PathBuf, LogDirectory)> = found.collect();
    let who = who(&launched).filter(|_| !prepares(commands));
    let check = |(path, log): &(PathBuf, LogDirectory)| finding(who?, dir, path, log, &launched);
    let findings = found.iter().filter_map(check).collect();
    (found.into_iter().map(|(_, log)| log).collect(), findings)
}

/// The words that name directories.
fn words(launched: &Launch) -> Vec<PathBuf> {
    let literals = launched.arguments.iter().filter_map(|word| word.literal());
    match launched.program.as_str() {
        "multilog" | "s6-log" => literals.filter(|word| word.starts_with(['.', '/'])).map(PathBuf::from).collect(),
        "svlogd" => {
            let mut words = Vec::new();
            let mut literals = literals.peekable();
            while let Some(word) = literals.next() {
                match word.strip_prefix('-') {
                    // Letters with a value, which may be the next word.
                    Some(letters) if letters.ends_with(['r', 'R', 'l', 'b']) => drop(literals.next()),
                    Some(_) => {}
                    None => words.push(PathBuf::from(word)),
                }
            }
            words
        }
        _ => Vec::new(),
    }
}

/// The script makes directories itself, or goes elsewhere first: then nobody can tell from outside.
fn prepares(commands: &[Command]) -> bool {
    let programs = commands.iter().filter_map(|command| launch(&command.words)).map(|launched| launched.program);
    programs.into_iter().any(|program| ["mkdir", "install", "chown", "chmod", "cd"].contains(&program.as_str()))
}

/// Whom the logger runs as: the account that it names, else ourselves; `None` if that is not known.
fn who(launched: &Launch) -> Option<Who> {
    let changes = ["setuidgid", "s6-setuidgid", "setuser"];
    match &launched.account {
        Some(spec) => {
            let mut names = spec.split(':');
            let user = User::from_name(names.next()?).ok()??;
            let gid = match names.next() {
                Some(group) => Group::from_name(group).ok()??.gid,
                None => user.gid,
            };
            // Further groups may open what these do not.
            names.next().is_none().then_some(Who { uid: user.uid.as_raw(), gid: gid.as_raw() })
        }
        None if launched.through.iter().any(|name| changes.contains(&name.as_str())) => None,
        None => Some(Who { uid: geteuid().as_raw(), gid: getegid().as_raw() }),
    }
}

fn finding(who: Who, dir: &Path, path: &Path, log: &LogDirectory, launched: &Launch) -> Option<Finding> {
    let account = launched.account.as_deref().unwrap_or("the account that supervise runs as");
    let shown = |path: &Path| printable(path.as_os_str().as_encoded_bytes());
    let (code, what, fix) = match obstacle(who, dir, path, launched.program != "svlogd")? {
        Obstacle::Missing(missing) => (
            Code::LogDirectoryMissing,
            format!("the log directory {} is missing, and {} cannot make it", shown(&missing), launched.program),
            format!("make it, and let {account} own it"),
        ),
        Obstacle::Denied(denied) => (
            Code::LogDirectoryNotWritable,
            format!("{} may not be used by {account}", shown(&denied)),
            format!("let {account} own it, or change its mode"),
        ),
        Obstacle::NotDirectory(other) => (
            Code::LogDirectoryMissing,
            format!("{} is no directory", shown(&other)),
            "move it away, or name another directory".into(),
        ),
    };
    Some(Finding::new(code, &log.run, what, fix).at(log.line))
}
