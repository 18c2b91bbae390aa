//! The control group of a service (cgroup v2): made for its start, removed when it is empty, and asked who is in it. Groups of
//! services are side by side in the group that svscan was started in.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use daemontools_core::signal::Signal;
use daemontools_core::text::Decimal;
use daemontools_core::text::number;
use daemontools_program::stdio::read;
use daemontools_sys::fd::{lock, open_private, open_private_at};
use daemontools_sys::process::send;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::stat::{Mode, mkdirat, stat};
use nix::unistd::{Pid, UnlinkatFlags, getcwd, getpid, getppid, unlinkat};

use crate::hierarchy::{LEAF, above, group_of, name};

/// How often a group is emptied until nothing is born in it any more.
const MOST_ROUNDS: usize = 100;
/// How many generations lie between svscan and a process of its tree, at most.
const MOST_GENERATIONS: usize = 100;

/// A service's group. It need not exist: then nothing is in it.
pub struct Cgroup {
    /// The directory of the group above.
    above: OwnedFd,
    /// Its name there.
    name: Vec<u8>,
    /// Its path in the hierarchy, as `/proc/PID/cgroup` has it.
    path: Vec<u8>,
    /// How many processes in it the kernel had ended for want of memory when the service was started.
    ooms: u64,
}

impl Cgroup {
    /// The group of the service whose directory is the current one.
    pub fn find() -> nix::Result<Cgroup> {
        let above =
            above(&contents(b"/proc/self/mountinfo")?, &contents(b"/proc/self/cgroup")?).ok_or(Errno::ENOENT)?;
        let here = stat(c".")?;
        let name = name(getcwd()?.as_os_str().as_bytes(), here.st_dev, here.st_ino);
        let path = [above.path.as_slice(), b"/", &name].concat();
        let directory = CString::new(above.directory).map_err(|_| Errno::ENOENT)?;
        let above = open_private(directory.as_c_str(), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?;
        let mut cgroup = Cgroup { above, name, path, ooms: 0 };
        cgroup.ooms = cgroup.oom_kills();
        Ok(cgroup)
    }

    /// Makes it for a start: new, unless a run before this one left processes in it.
    pub fn make(&mut self) -> nix::Result<()> {
        self.remove();
        self.make_directory(&self.name)?;
        self.ooms = self.oom_kills();
        Ok(())
    }

    /// Removes it, if nothing is in it.
    pub fn remove(&self) {
        if let Ok(name) = CString::new(self.name.as_slice()) {
            let _ = unlinkat(&self.above, name.as_c_str(), UnlinkatFlags::RemoveDir);
        }
    }

    /// Writes a file of it, each line at once. Where the file is missing, its controller is enabled first.
    pub fn write(&self, file: &[u8], contents: &[u8]) -> nix::Result<()> {
        let lines = || contents.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let write_all = || lines().try_for_each(|line| self.write_to(&self.name, file, line));
        match write_all() {
            Err(Errno::ENOENT) => {
                let controller = file.split(|&byte| byte == b'.').next().unwrap_or_default();
                self.enable(controller)?;
                write_all()
            }
            written => written,
        }
    }

    /// Moves a process into it.
    pub fn enter(&self, pid: Pid) -> nix::Result<()> {
        let _lock = self.lock();
        self.move_to(&self.name, pid)
    }

    /// How many processes in it the kernel has ended for want of memory since the start.
    pub fn new_oom_kills(&self) -> u64 {
        self.oom_kills().saturating_sub(self.ooms)
    }

    /// Whether a process is in it, or in a group below it.
    pub fn has(&self, pid: Pid) -> bool {
        let Ok(text) = proc_file(pid, b"cgroup") else { return false };
        let below = group_of(&text).and_then(|path| path.strip_prefix(self.path.as_slice()));
        below.is_some_and(|below| below.is_empty() || below.starts_with(b"/"))
    }

    /// Sends a signal to all that is in it; `None` only looks. Whether anything is.
    pub fn signal(&self, signal: Option<Signal>) -> bool {
        if signal == Some(Signal::KILL) {
            let killed = self.write_to(&self.name, b"cgroup.kill", b"1");
            // Linux before 5.14 has no such file.
            if killed.is_err() {
                self.send_to_each(Signal::KILL);
            }
        } else if let Some(signal) = signal {
            self.send_to_each(signal);
        }
        self.lines(&self.name, b"cgroup.events").iter().any(|line| line == b"populated 1")
    }

    fn send_to_each(&self, signal: Signal) {
        for pid in self.processes(&self.name) {
            let _ = send(pid, signal.number());
        }
    }

    /// Lets the groups of services have a controller.
    fn enable(&self, controller: &[u8]) -> nix::Result<()> {
        let plus = [b"+", controller].concat();
        match self.write_to(b".", b"cgroup.subtree_control", &plus) {
            Err(Errno::EBUSY) => {
                let _lock = self.lock();
                self.empty_above()?;
                self.write_to(b".", b"cgroup.subtree_control", &plus)
            }
            // The kernel knows no controller of that name.
            Err(Errno::EINVAL) => Err(Errno::ENOENT),
            written => written,
        }
    }

    /// Moves svscan and its descendants out of the group above, into one beside those of services. Others are in the way.
    fn empty_above(&self) -> nix::Result<()> {
        let parent = getppid();
        let is_svscan = proc_file(parent, b"comm").is_ok_and(|name| name == b"svscan\n");
        let ancestor = if is_svscan { parent } else { getpid() };
        for _ in 0..MOST_ROUNDS {
            let processes = self.processes(b".");
            if processes.is_empty() {
                return Ok(());
            }
            if !processes.iter().all(|pid| descends_from(*pid, ancestor)) {
                return Err(Errno::EBUSY);
            }
            for pid in processes {
                match self.move_to(LEAF, pid) {
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
        Err(Errno::EBUSY)
    }

    /// A supervise that empties the group above must not move the process of another one out of that one's group. Only root
    /// may open this file, so nobody else can hold the lock. In the group above all others, nothing is ever moved.
    fn lock(&self) -> Option<OwnedFd> {
        self.open(b".", b"cgroup.type", OFlag::O_RDONLY).ok()?;
        self.make_directory(LEAF).ok()?;
        let file = self.open(LEAF, b"cgroup.kill", OFlag::O_WRONLY).ok()?;
        lock(file.as_fd()).ok()?;
        Some(file)
    }

    fn make_directory(&self, name: &[u8]) -> nix::Result<()> {
        let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
        match mkdirat(&self.above, name.as_c_str(), Mode::from_bits_truncate(0o755)) {
            Err(Errno::EEXIST) => Ok(()),
            made => made,
        }
    }

    fn move_to(&self, group: &[u8], pid: Pid) -> nix::Result<()> {
        let pid = u64::try_from(pid.as_raw()).map_err(|_| Errno::ESRCH)?;
        self.write_to(group, b"cgroup.procs", Decimal::new(pid).as_bytes())
    }

    fn processes(&self, group: &[u8]) -> Vec<Pid> {
        // 0 is a process of another namespace.
        let pid = |line: &Vec<u8>| number(line).and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        self.lines(group, b"cgroup.procs").iter().filter_map(pid).collect()
    }

    fn oom_kills(&self) -> u64 {
        let lines = self.lines(&self.name, b"memory.events");
        lines.iter().find_map(|line| number(line.strip_prefix(b"oom_kill ")?)).unwrap_or_default()
    }

    /// The lines of a file; none where it cannot be read.
    fn lines(&self, group: &[u8], file: &[u8]) -> Vec<Vec<u8>> {
        let text = self.open(group, file, OFlag::O_RDONLY).and_then(|file| whole(&file)).unwrap_or_default();
        text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
    }

    fn write_to(&self, group: &[u8], file: &[u8], bytes: &[u8]) -> nix::Result<()> {
        let file = self.open(group, file, OFlag::O_WRONLY)?;
        // The kernel takes a value in one piece.
        nix::unistd::write(&file, bytes).map(drop)
    }

    fn open(&self, group: &[u8], file: &[u8], flags: OFlag) -> nix::Result<OwnedFd> {
        let path = CString::new([group, b"/", file].concat()).map_err(|_| Errno::ENOENT)?;
        open_private_at(
            self.above.as_fd(),
            path.as_c_str(),
            flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK,
            Mode::empty(),
        )
    }
}

/// Whether a process is, or comes from, another one. One that has just ended is nobody's.
fn descends_from(pid: Pid, ancestor: Pid) -> bool {
    let mut pid = pid;
    for _ in 0..MOST_GENERATIONS {
        if pid == ancestor {
            return true;
        }
        let Ok(status) = proc_file(pid, b"status") else { return true };
        let parent = status.split(|&byte| byte == b'\n').find_map(|line| number(line.strip_prefix(b"PPid:\t")?));
        match parent.and_then(|parent| i32::try_from(parent).ok()) {
            Some(parent) if parent > 0 => pid = Pid::from_raw(parent),
            _ => return false,
        }
    }
    false
}

fn proc_file(pid: Pid, file: &[u8]) -> nix::Result<Vec<u8>> {
    let pid = u64::try_from(pid.as_raw()).map_err(|_| Errno::ESRCH)?;
    contents(&[b"/proc/", Decimal::new(pid).as_bytes(), b"/", file].concat())
}

fn contents(path: &[u8]) -> nix::Result<Vec<u8>> {
    let path = CString::new(path).map_err(|_| Errno::ENOENT)?;
    whole(&open_private_at(AT_FDCWD, path.as_c_str(), OFlag::O_RDONLY, Mode::empty())?)
}

/// All of a file of the kernel's.
fn whole(file: &OwnedFd) -> nix::Result<Vec<u8>> {
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match read(file, &mut piece)? {
            0 => return Ok(text),
            length => text.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
    }
}
