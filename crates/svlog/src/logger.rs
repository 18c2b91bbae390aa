//! Where a running logger writes, by its open files (proc(5)): a multilog holds the lock of each of its directories.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use daemontools_program::directory;
use daemontools_program::file_kind::is_same;
use daemontools_program::stdio;
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::fd::open_private;
use daemontools_untrusted::Directory;
use nix::fcntl::{OFlag, readlink};
use nix::sys::stat::{FileStat, Mode, stat};

use crate::locate::Log;

/// How many descendants of a logger's process are looked at: enough for any chain of shells.
const PROCESSES: usize = 64;
/// How many bytes of a list of children are read.
const CHILDREN: usize = 64 * 1024;

/// The process of the service in this directory, if a supervise runs there and it is up. `None` too if somebody besides
/// root may write the directory: then its status may name any process.
pub fn process(dir: &Directory) -> Option<u32> {
    if dir.is_writable_by_others() {
        return None;
    }
    let service = ServiceDir::of(dir).ok()?;
    let status = service.supervised().ok()?.then(|| service.status().ok()).flatten()?;
    status.pid.map(std::num::NonZeroU32::get)
}

/// The logs whose directories a process or a descendant of it holds, in the order in which it opened them.
pub fn logs(process: u32) -> Vec<Log> {
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

/// The logs whose lock a process holds.
fn held(process: u32) -> Vec<Log> {
    let fds = PathBuf::from(format!("/proc/{process}/fd"));
    let mut numbers: Vec<u32> = names(&fds).into_iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    let log = |number: u32| {
        let link = fds.join(number.to_string());
        let target = PathBuf::from(readlink(&link).ok()?);
        let dir = target.parent().filter(|_| target.file_name().is_some_and(|name| name == "lock"))?;
        let held = stat(&link).ok()?;
        // As we see it, or as the process does, which may have another root.
        let here = || Log::here(dir.to_owned()).ok();
        let there = || Some(Log::under(process, Directory::root_of(process).ok()?, dir));
        here().filter(|log| is_log(log, &held)).or_else(|| there().filter(|log| is_log(log, &held)))
    };
    numbers.into_iter().filter_map(log).collect()
}

/// Whether the directory is a log's, and its lock this file.
fn is_log(log: &Log, lock: &FileStat) -> bool {
    let Ok(dir) = log.open() else { return false };
    dir.stat_entry("lock").is_ok_and(|found| is_same(&found, lock)) && dir.stat_entry("current").is_ok()
}

/// The children of a process.
fn children(process: u32) -> Vec<u32> {
    let path = PathBuf::from(format!("/proc/{process}/task/{process}/children"));
    let text = read(&path).unwrap_or_default();
    String::from_utf8_lossy(&text).split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// The names in a directory of `/proc`; none if it cannot be read.
fn names(dir: &Path) -> Vec<OsString> {
    let Ok(mut dir) = directory::open(dir) else { return Vec::new() };
    dir.iter().flatten().map(|entry| OsString::from_vec(entry.file_name().to_bytes().to_vec())).collect()
}

/// The start of a file of `/proc`.
fn read(path: &Path) -> nix::Result<Vec<u8>> {
    let file = open_private(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())?;
    let (mut text, mut block) = (Vec::new(), [0; 4096]);
    while text.len() < CHILDREN {
        match stdio::read(&file, &mut block)? {
            0 => break,
            count => text.extend_from_slice(block.get(..count).unwrap_or_default()),
        }
    }
    Ok(text)
}
