//! What `/proc` tells about processes, and the end of those that a test leaves behind.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::{before, time_limit, until};

/// A field of `/proc/PID/status`, without the white space around it.
#[must_use]
pub fn field(pid: i32, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

/// The letter of the process's state (`S`, `T`, `Z`, …); none when there is no such process.
#[must_use]
pub fn state(pid: i32) -> Option<char> {
    field(pid, "State")?.chars().next()
}

/// Whether the process sleeps in ppoll(2): a program with an event loop has done all that it had to do. Where the kernel
/// does not tell the call, any sleep counts.
#[must_use]
pub fn waits_for_events(pid: i32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall"));
    let in_ppoll = |call: String| call.split(' ').next() == Some(&libc::SYS_ppoll.to_string());
    state(pid) == Some('S') && call.map_or(true, in_ppoll)
}

/// Whether the process is there and no zombie.
#[must_use]
pub fn alive(pid: i32) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

/// The process's parent.
#[must_use]
pub fn parent(pid: i32) -> Option<i32> {
    field(pid, "PPid")?.parse().ok()
}

/// How much processor time a process has used, in ticks of a hundredth of a second.
#[must_use]
pub fn cpu_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// When the process was forked, in the kernel's ticks of a hundredth of a second since the machine started.
#[must_use]
pub fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, is the second field; this is the 22nd.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// The ticks now, as [`started`] counts them.
#[must_use]
pub fn ticks() -> u64 {
    let text = fs::read_to_string("/proc/uptime").expect("read /proc/uptime");
    let seconds: f64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    (seconds * 100.0) as u64
}

/// The words the process was started with. Those of a program for another machine, which qemu-user runs as
/// `QEMU -0 NAME FILE ARGUMENT…` (tests/cross), without what is qemu's.
#[must_use]
pub fn arguments(pid: i32) -> Vec<Vec<u8>> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words: Vec<Vec<u8>> = text.split(|&b| b == 0).map(<[u8]>::to_vec).collect();
    words.pop(); // what follows the last NUL
    let is_qemu = |word: &[u8]| word.rsplit(|&b| b == b'/').next().is_some_and(|name| name.starts_with(b"qemu-"));
    if words.len() >= 4 && is_qemu(&words[0]) && words[1] == b"-0" {
        words.remove(3);
        words.drain(..2);
    }
    words
}

/// Whether the process was forked and has executed nothing yet: it still has its parent's words.
#[must_use]
pub fn is_forked_only(pid: i32) -> bool {
    let words = arguments(pid);
    !words.is_empty() && parent(pid).is_some_and(|parent| arguments(parent) == words)
}

/// The supervise that has the process for its service.
#[must_use]
pub fn supervise_of(pid: i32) -> Option<i32> {
    // An orphan has another parent: process 1, or who else takes in orphans.
    parent(pid).filter(|&parent| arguments(parent).first().is_some_and(|word| word.ends_with(b"supervise")))
}

/// The process's open descriptors, in order.
#[must_use]
pub fn descriptors(pid: i32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let mut numbers: Vec<i32> = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// The process's open descriptors that a program it executes would have, too.
#[must_use]
pub fn inherited(pid: i32) -> Vec<i32> {
    let closed_at_exec = |number: &i32| {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| i32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
        flags.is_some_and(|flags| flags & libc::O_CLOEXEC != 0)
    };
    descriptors(pid).into_iter().filter(|number| !closed_at_exec(number)).collect()
}

/// Waits until the process has these descriptors and no others: what has just been executed opens its libraries first.
#[track_caller]
pub fn until_descriptors(pid: i32, expected: &[i32]) {
    until(&format!("process {pid} has the descriptors {expected:?}"), || descriptors(pid) == expected);
}

/// Every process there is.
#[must_use]
pub fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("read /proc");
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// The processes that belong to the directory: those that work in it or carry its name in their
/// environment, and what descends from them. `root` must be a name that is no part of another's.
#[must_use]
pub fn of(root: &Path) -> Vec<i32> {
    let own = std::process::id() as i32;
    let mut parents = HashMap::new();
    let mut found: HashMap<i32, bool> = HashMap::new();
    for pid in all() {
        if pid != own && state(pid).is_some_and(|s| s != 'Z') {
            found.insert(pid, belongs(pid, root));
            parents.insert(pid, parent(pid).unwrap_or(0));
        }
    }
    // Down the generations until nothing is added.
    loop {
        let heirs: Vec<i32> = parents
            .iter()
            .filter(|(pid, up)| !found[*pid] && found.get(*up) == Some(&true))
            .map(|(pid, _)| *pid)
            .collect();
        if heirs.is_empty() {
            break;
        }
        for pid in heirs {
            found.insert(pid, true);
        }
    }
    found.into_iter().filter(|(_, ours)| *ours).map(|(pid, _)| pid).collect()
}

fn belongs(pid: i32, root: &Path) -> bool {
    let name = root.as_os_str().as_bytes();
    let within = |link: &str| {
        fs::read_link(format!("/proc/{pid}/{link}")).is_ok_and(|at| at.as_os_str().as_bytes().starts_with(name))
    };
    let named =
        || fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| env.windows(name.len()).any(|part| part == name));
    within("cwd") || within("root") || named()
}

/// Kills what belongs to the directory until nothing does; a supervise that dies may just have forked.
pub fn end(root: &Path) {
    let gone = before(Instant::now() + time_limit(), || {
        let left = of(root);
        for &pid in &left {
            // It may be gone by now.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        left.is_empty().then_some(())
    });
    if gone.is_none() && !std::thread::panicking() {
        panic!("cannot end the processes of {}: {:?}", root.display(), of(root));
    }
}
