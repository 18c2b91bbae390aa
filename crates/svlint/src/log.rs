//! Where a logger writes: read from its script; checked against the account it runs under; and the last lines there.

use std::path::{Path, PathBuf};

use daemontools_program::printable::printable;
use nix::unistd::geteuid;

use crate::access::{Obstacle, Who, obstacle};
use crate::code::Code;
use crate::ending::Ending;
use crate::file::{Origin, look, read_end_named_by};
use crate::finding::Finding;
use crate::launch::{Launch, RunsAs, launch};
use crate::script::Script;

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
    /// Whose rights the logger has, where that is known.
    pub uid: Option<u32>,
}

impl LogDirectory {
    /// What is the same for two names of one directory.
    pub fn identity(&self) -> String {
        match Origin::script(&self.run).look(&self.path) {
            Ok(found) => format!("{:?}", found.identity()),
            Err(_) => self.path.to_string_lossy().into_owned(),
        }
    }

    /// The last lines of the log.
    pub fn last_lines(&self) -> Vec<Vec<u8>> {
        let text =
            read_end_named_by(&self.run, &self.path.join("current"), TAIL).map(|part| part.bytes).unwrap_or_default();
        let lines: Vec<_> = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        lines.iter().skip(lines.len().saturating_sub(LINES)).map(|line| line.to_vec()).collect()
    }
}

/// The directories that the logger with this script writes to, and what is wrong with them. `dir` is its service
/// directory.
pub fn directories(dir: &Path, run: &Path, script: &Script, ending: &Ending) -> (Vec<LogDirectory>, Vec<Finding>) {
    let (line, launched) = (ending.command.line, &ending.launch);
    let account = who(dir, launched);
    let uid = account.map(|who| who.uid);
    let log = |path: &PathBuf| LogDirectory { run: run.into(), line, path: dir.join(path), uid };
    let found: Vec<(PathBuf, LogDirectory)> =
        words(launched).into_iter().map(|path| (path.clone(), log(&path))).collect();
    let who = account.filter(|_| !prepares(script) && launched.elsewhere.is_none());
    let check = |(path, log): &(PathBuf, LogDirectory)| finding(who?, dir, path, log, launched);
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

/// Whether the script makes directories itself, or changes to another one: then the state of now says nothing.
fn prepares(script: &Script) -> bool {
    let programs = script.commands.iter().filter_map(|command| launch(&command.words)).map(|launched| launched.program);
    programs.into_iter().any(|program| ["mkdir", "install", "chown", "chmod", "cd"].contains(&program.as_str()))
}

/// Whose rights the logger has: those of the account that it names, else of the account that supervise runs as. `None` if
/// that is not known.
fn who(dir: &Path, launched: &Launch) -> Option<Who> {
    match &launched.runs_as {
        RunsAs::Account(account) => {
            let (uid, gid) = account.ids()?;
            // Further groups may open what the first one does not.
            let only = !account.more_groups && account.groups.len() < 2;
            Some(Who { uid, gid: only.then_some(gid) })
        }
        RunsAs::Supervise => supervise(dir),
        RunsAs::Unknown => None,
    }
}

/// Who supervise runs as: it owns the directory that it made. Where there is none yet, it is
/// taken for root if we are root.
fn supervise(dir: &Path) -> Option<Who> {
    let dirs = [dir.join("supervise"), dir.join("../supervise")];
    let owner = dirs.iter().find_map(|dir| look(dir).ok()).map(|found| found.owner());
    let uid = owner.or(geteuid().is_root().then_some(0))?;
    Some(Who { uid, gid: None })
}

fn finding(who: Who, dir: &Path, path: &Path, log: &LogDirectory, launched: &Launch) -> Option<Finding> {
    let account = match &launched.runs_as {
        RunsAs::Account(account) => printable(account.text.as_bytes()),
        _ => "the account that supervise runs as".into(),
    };
    let shown = |path: &Path| printable(path.as_os_str().as_encoded_bytes());
    let (code, what, fix) = match obstacle(who, &Origin::script(&log.run), dir, path, launched.program != "svlogd")? {
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
