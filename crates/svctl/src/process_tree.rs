//! The processes of a service: its own and all that descend from it, from /proc.

use std::collections::BTreeMap;
use std::time::Duration;

use daemontools_program::directory;
use daemontools_program::printable::printable;
use daemontools_program::stdio;
use daemontools_sys::fd::open_private;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{SysconfVar, sysconf};

use daemontools_observe::span::precise_words;

/// How much of a file in /proc is read.
const MOST: usize = 4096;
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

/// What /proc/PID/stat says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    state: char,
    /// When it began, in clock ticks since the boot.
    started: u64,
}

/// A process and its descendants, each after its parent; only the first ones of many.
pub fn of(pid: u32) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut processes = BTreeMap::new();
    for id in ids() {
        if let Some(process) = read(&format!("/proc/{id}/stat")).as_deref().and_then(parse) {
            children.entry(process.parent).or_default().push(id);
            processes.insert(id, process);
        }
    }
    let (mut shown, mut rest) = (Vec::new(), vec![(pid, 0)]);
    while let Some((id, depth)) = rest.pop().filter(|_| shown.len() < MOST_SHOWN) {
        let Some(process) = processes.get(&id) else { continue };
        let memory = read(&format!("/proc/{id}/statm")).as_deref().and_then(resident).unwrap_or_default();
        let command = read(&format!("/proc/{id}/cmdline")).unwrap_or_default();
        let command = words(&command);
        shown.push(Process { depth, pid: id, age: age(process), kilobytes: memory, state: process.state, command });
        let below = children.get(&id).into_iter().flatten().rev();
        rest.extend(below.filter(|child| **child != id).map(|&child| (child, depth + 1)));
    }
    shown
}

/// The ids of all processes.
pub fn ids() -> Vec<u32> {
    let Ok(mut dir) = directory::open(c"/proc") else { return Vec::new() };
    let mut ids: Vec<u32> =
        dir.iter().flatten().filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).collect();
    ids.sort_unstable();
    ids
}

/// The beginning of a file in /proc.
pub fn read(path: &str) -> Option<Vec<u8>> {
    let file = open_private(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()).ok()?;
    let mut contents = vec![0; MOST];
    let count = stdio::read(&file, &mut contents).ok()?;
    contents.truncate(count);
    Some(contents)
}

/// What /proc/PID/stat says. The name in parentheses may hold anything, so the fields are counted from its end.
fn parse(stat: &[u8]) -> Option<Stat> {
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let fields = std::str::from_utf8(stat.get(end + 2..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, state, started })
}

/// How long a process has existed; nothing where that is not known.
fn age(process: &Stat) -> Duration {
    let uptime = read("/proc/uptime");
    let uptime =
        uptime.as_deref().and_then(|text| std::str::from_utf8(text).ok()?.split(' ').next()?.parse::<f64>().ok());
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u32::try_from(ticks).ok());
    let began = ticks.filter(|&ticks| ticks > 0).map(|ticks| process.started as f64 / f64::from(ticks));
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
    fn a_name_may_hold_parentheses_and_blanks() {
        let stat =
            b"42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 18446744073709551615\n";
        assert_eq!(parse(stat), Some(Stat { parent: 7, state: 'S', started: 987654 }));
        for stat in [&b""[..], b"42 (x", b"42 (x) S", b"42 (x) S y"] {
            assert_eq!(parse(stat), None);
        }
    }

    #[test]
    fn our_own_process_is_found() {
        let own = of(std::process::id());
        assert!(own.first().is_some_and(|process| process.pid == std::process::id() && process.depth == 0), "{own:?}");
    }

    #[test]
    fn command_lines_are_made_printable() {
        assert_eq!(words(b"sh\0-c\0echo \x1b[2J\0"), "sh -c echo \\x1b[2J");
        assert!(resident(b"100 25 3\n").is_some_and(|memory| memory >= 100));
    }
}
