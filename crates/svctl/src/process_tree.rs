//! The processes of a service: its own and all that descend from it, from /proc.

use std::collections::BTreeMap;
use std::time::Duration;

use daemontools_core::proc_stat::ProcStat;
use daemontools_observe::span::precise_words;
use daemontools_program::printable::printable;
use daemontools_program::procfs;
use nix::unistd::{SysconfVar, sysconf};

/// How many processes are shown.
const MOST_SHOWN: usize = 30;

/// A process of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// How many generations it is below the service's own process.
    pub depth: usize,
    /// Its id.
    pub pid: u32,
    /// How long it has existed; nothing where that is not known.
    pub age: Duration,
    /// Its resident memory.
    pub kilobytes: u64,
    /// `R`, `S`, `D`, `T`, `Z` and so on (proc(5)).
    pub state: char,
    /// Its command line, fit for a terminal.
    pub command: String,
}

impl Process {
    /// A line: pid, age, memory, what is odd about its state, command line.
    pub fn text(&self) -> String {
        let Process { depth, pid, age, kilobytes, state, command } = self;
        let mark = if matches!(state, 'S' | 'R') { String::new() } else { format!(" ({state})") };
        format!("{}{pid}  {}  {kilobytes} kB{mark}  {command}", "  ".repeat(*depth), precise_words(*age))
    }
}

/// A process and its descendants, each after its parent; only the first ones of many.
pub fn of(pid: u32) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut processes = BTreeMap::new();
    for id in ids() {
        let mut buffer = [0; procfs::STAT_SIZE];
        if let Some(ProcStat { parent, state, started, .. }) = procfs::stat(id, &mut buffer) {
            children.entry(parent).or_default().push(id);
            processes.insert(id, (char::from(state), started));
        }
    }
    let (mut shown, mut rest) = (Vec::new(), vec![(pid, 0)]);
    while let Some((id, depth)) = rest.pop().filter(|_| shown.len() < MOST_SHOWN) {
        let Some(&(state, started)) = processes.get(&id) else { continue };
        let memory = read(&format!("/proc/{id}/statm")).as_deref().and_then(resident).unwrap_or_default();
        let command = read(&format!("/proc/{id}/cmdline")).unwrap_or_default();
        let command = words(&command);
        shown.push(Process { depth, pid: id, age: age(started), kilobytes: memory, state, command });
        let below = children.get(&id).into_iter().flatten().rev();
        rest.extend(below.filter(|child| **child != id).map(|&child| (child, depth + 1)));
    }
    shown
}

/// The ids of all processes.
pub fn ids() -> Vec<u32> {
    let mut ids: Vec<u32> = procfs::pids().map(Iterator::collect).unwrap_or_default();
    ids.sort_unstable();
    ids
}

/// The beginning of a file in /proc.
pub fn read(path: &str) -> Option<Vec<u8>> {
    procfs::beginning(path).ok()
}

/// How long a process has existed; nothing where that is not known.
fn age(started: u64) -> Duration {
    let uptime = read("/proc/uptime");
    let uptime =
        uptime.as_deref().and_then(|text| std::str::from_utf8(text).ok()?.split(' ').next()?.parse::<f64>().ok());
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u32::try_from(ticks).ok());
    let began = ticks.filter(|&ticks| ticks > 0).map(|ticks| started as f64 / f64::from(ticks));
    let age = uptime.zip(began).map(|(uptime, began)| (uptime - began).max(0.0));
    age.and_then(|age| Duration::try_from_secs_f64(age).ok()).unwrap_or_default()
}

/// The resident memory in kB that /proc/PID/statm tells.
fn resident(statm: &[u8]) -> Option<u64> {
    let pages: u64 = std::str::from_utf8(statm).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|size| u64::try_from(size).ok())?;
    Some(pages.saturating_mul(page / 1024))
}

/// A command line with blanks between its words.
fn words(command: &[u8]) -> String {
    let words = command.split(|&byte| byte == 0).filter(|word| !word.is_empty()).map(printable);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what a child of a test inherits does not matter")]
    fn a_process_and_its_child_are_found() {
        // Of a test's own process an emulator (qemu-user) makes up what /proc says.
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let (alone, below) = (of(child.id()), of(std::process::id()));
        child.kill().and_then(|()| child.wait()).unwrap();
        assert!(alone.first().is_some_and(|process| process.pid == child.id() && process.depth == 0), "{alone:?}");
        assert!(alone.first().is_some_and(|process| process.state.is_ascii_uppercase()), "{alone:?}");
        assert!(below.iter().any(|process| process.pid == child.id() && process.depth == 1), "{below:?}");
    }

    #[test]
    fn command_lines_are_made_printable() {
        assert_eq!(words(b"sh\0-c\0echo \x1b[2J\0"), "sh -c echo \\x1b[2J");
        assert!(resident(b"100 25 3\n").is_some_and(|memory| memory >= 100));
    }
}
