//! Where a running logger writes, by its open files (proc(5)): a multilog holds the lock of each of its directories.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::fd::open_private;
use nix::dir::Dir;
use nix::fcntl::{OFlag, readlink};
use nix::sys::stat::{FileStat, Mode, stat};

/// How many descendants of a logger's process are asked: enough for any chain of shells, and an end to it.
const PROCESSES: usize = 64;

/// The process of the service in `dir`, if a supervise runs there and it is up.
pub fn process(dir: &Path) -> Option<u32> {
    let dir = ServiceDir::open(&std::ffi::CString::new(dir.as_os_str().as_bytes()).ok()?).ok()?;
    let status = dir.supervised().ok()?.then(|| dir.status().ok()).flatten()?;
    status.pid.map(std::num::NonZeroU32::get)
}

/// The log directories that a process or a descendant of it holds, in the order in which it opened them.
pub fn directories(process: u32) -> Vec<PathBuf> {
    let mut family = vec![process];
    let mut asked = 0;
    while let Some(&member) = family.get(asked).filter(|_| asked < PROCESSES) {
        let found = held(member);
        if !found.is_empty() {
            return found;
        }
        family.extend(children(member));
        asked += 1;
    }
    Vec::new()
}

/// The log directories whose lock a process holds.
fn held(process: u32) -> Vec<PathBuf> {
    let fds = PathBuf::from(format!("/proc/{process}/fd"));
    let mut numbers: Vec<u32> = names(&fds).into_iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    let directory = |number: u32| {
        let link = fds.join(number.to_string());
        let target = PathBuf::from(readlink(&link).ok()?);
        let dir = target.parent().filter(|_| target.file_name().is_some_and(|name| name == "lock"))?;
        let held = stat(&link).ok()?;
        // As we see it, or as the process does, which may have another root.
        let elsewhere = || {
            let root = PathBuf::from(format!("/proc/{process}/root"));
            root.join(dir.strip_prefix("/").unwrap_or(dir))
        };
        [dir.to_owned(), elsewhere()].into_iter().find(|dir| is_log(dir, &held))
    };
    numbers.into_iter().filter_map(directory).collect()
}

/// Whether the directory is a log's, and its lock this file.
fn is_log(dir: &Path, lock: &FileStat) -> bool {
    let same = |found: FileStat| (found.st_dev, found.st_ino) == (lock.st_dev, lock.st_ino);
    stat(&dir.join("lock")).is_ok_and(same) && stat(&dir.join("current")).is_ok()
}

/// The children of a process.
fn children(process: u32) -> Vec<u32> {
    let path = PathBuf::from(format!("/proc/{process}/task/{process}/children"));
    let text = read(&path).unwrap_or_default();
    String::from_utf8_lossy(&text).split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// The names in a directory; none if it cannot be read.
fn names(dir: &Path) -> Vec<OsString> {
    let Ok(mut dir) = Dir::open(dir, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) else { return Vec::new() };
    dir.iter().flatten().map(|entry| OsString::from_vec(entry.file_name().to_bytes().to_vec())).collect()
}

/// The whole of a small file.
pub fn read(path: &Path) -> nix::Result<Vec<u8>> {
    let file = open_private(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())?;
    let (mut text, mut block) = (Vec::new(), [0; 4096]);
    loop {
        match daemontools_program::stdio::read(&file, &mut block)? {
            0 => return Ok(text),
            count => text.extend_from_slice(block.get(..count).unwrap_or_default()),
        }
    }
}
