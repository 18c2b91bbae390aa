//! The processes of this machine, as /proc has them at one moment.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use daemontools_program::{printable, procfs};
use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::stat::stat;
use nix::time::{ClockId, clock_gettime};

/// The bit of CHLD in a mask of signals.
const CHLD: u64 = 1 << 16;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its parent.
    pub parent: i32,
    /// The name of its program, as the kernel has it: 15 bytes at most.
    pub name: Vec<u8>,
    /// When it began, in clock ticks since the boot.
    pub started: u64,
}

/// A file, whatever it is called.
pub type FileId = (u64, u64);

/// All processes that can be seen.
pub struct Processes {
    all: BTreeMap<i32, Process>,
    children: BTreeMap<i32, Vec<i32>>,
}

impl Processes {
    /// Those that there are now.
    pub fn look() -> nix::Result<Processes> {
        let mut processes = Processes { all: BTreeMap::new(), children: BTreeMap::new() };
        for pid in procfs::pids()?.filter_map(|pid| i32::try_from(pid).ok()) {
            if let Some(process) = process(pid) {
                processes.children.entry(process.parent).or_default().push(pid);
                processes.all.insert(pid, process);
            }
        }
        Ok(processes)
    }

    /// The processes of a program, by number.
    pub fn of_program<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = i32> + 'a {
        self.all.iter().filter(move |(_, process)| process.name == name).map(|(&pid, _)| pid)
    }

    /// The children of a process.
    pub fn children(&self, pid: i32) -> &[i32] {
        self.children.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// All that descends from a process.
    pub fn descendants(&self, pid: i32) -> Vec<i32> {
        let mut found = self.children(pid).to_vec();
        let mut looked_at = 0;
        while let Some(&next) = found.get(looked_at) {
            found.extend(self.children(next));
            looked_at += 1;
        }
        found
    }

    /// Whether it is a process of this program.
    pub fn is(&self, pid: i32, name: &[u8]) -> bool {
        self.all.get(&pid).is_some_and(|process| process.name == name)
    }

    /// What is known of a process.
    pub fn get(&self, pid: i32) -> Option<&Process> {
        self.all.get(&pid)
    }
}

/// What there is to know now of a process; `None` if it has ended, also where its parent has not reaped it yet.
pub fn process(pid: i32) -> Option<Process> {
    let mut buffer = [0; procfs::STAT_SIZE];
    let stat = procfs::stat(u32::try_from(pid).ok()?, &mut buffer)?;
    if matches!(stat.state, b'Z' | b'X') {
        return None;
    }
    Some(Process { parent: i32::try_from(stat.parent).ok()?, name: stat.name.to_vec(), started: stat.started })
}

/// Whether it reads its signals, as every svscan, supervise and multilog of ours does while it waits: CHLD is blocked, and
/// none is caught. (0.76 blocks CHLD in between, but catches signals.)
pub fn reads_signals(pid: i32) -> bool {
    let status = procfs::beginning(format!("/proc/{pid}/status").as_str()).ok();
    let mask = |name: &[u8]| status.as_deref().and_then(|status| mask(status, name));
    mask(b"SigBlk:\t").is_some_and(|blocked| blocked & CHLD != 0) && mask(b"SigCgt:\t") == Some(0)
}

/// The time since the boot in clock ticks, of which Linux counts a hundred in a second.
pub fn since_boot() -> Option<u64> {
    clock_gettime(ClockId::CLOCK_BOOTTIME).ok().map(|now| Duration::from(now).as_millis() as u64 / 10)
}

/// The directory that a process works in, for a person.
pub fn place(pid: i32) -> String {
    match readlink(format!("/proc/{pid}/cwd").as_str()) {
        Ok(path) => printable::printable(path.as_bytes()),
        Err(_) => "?".into(),
    }
}

/// The user of a process.
pub fn owner(pid: i32) -> Option<u32> {
    stat(format!("/proc/{pid}").as_str()).ok().map(|found| found.st_uid)
}

/// Whether it cannot be seen where a process works.
pub fn works_out_of_sight(pid: i32) -> bool {
    stat(format!("/proc/{pid}/cwd").as_str()).is_err_and(|errno| errno == Errno::EACCES)
}

/// Whether one of the arguments of a process is this directory, seen from where it works.
pub fn names_directory(pid: i32, directory: FileId) -> bool {
    let words = procfs::beginning(format!("/proc/{pid}/cmdline").as_str()).unwrap_or_default();
    let cwd = format!("/proc/{pid}/cwd/");
    let at = |word: &[u8]| match word {
        [b'/', ..] => file(word),
        word => file(&[cwd.as_bytes(), word].concat()),
    };
    words.split(|&byte| byte == 0).skip(1).any(|word| !word.is_empty() && at(word) == Some(directory))
}

/// The file at a path; `None`: none that can be seen.
pub fn file(path: &[u8]) -> Option<FileId> {
    stat(path).ok().map(|found| (found.st_dev, found.st_ino))
}

/// The file that a process runs.
pub fn running(pid: i32) -> Option<FileId> {
    file(format!("/proc/{pid}/exe").as_bytes())
}

/// A mask of signals in /proc/PID/status.
fn mask(status: &[u8], name: &[u8]) -> Option<u64> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?;
    u64::from_str_radix(std::str::from_utf8(line).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_read() {
        assert_eq!(mask(b"Name:\tx\nSigBlk:\t0000000000010000\nSigIgn:\t0\n", b"SigBlk:\t"), Some(CHLD));
        assert_eq!(mask(b"Name:\tx\n", b"SigBlk:\t"), None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what a child of a test inherits does not matter")]
    fn a_child_is_a_descendant_of_ours() {
        // Of a test's own process an emulator (qemu-user) makes up what /proc says.
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let (us, pid) = (nix::unistd::getpid().as_raw(), child.id() as i32);
        let (processes, running, place) = (Processes::look().unwrap(), running(pid), place(pid));
        child.kill().and_then(|()| child.wait()).unwrap();
        assert!(processes.children(us).contains(&pid) && processes.descendants(us).contains(&pid));
        let found = processes.get(pid).unwrap();
        assert_eq!((found.parent, &*found.name), (us, &b"sleep"[..]));
        assert!(found.started > 0 && running.is_some() && place.starts_with('/'));
    }
}
