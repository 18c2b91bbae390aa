//! What /proc tells of a process: its state, its rights, its descriptors.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use daemontools_program::directory;
use daemontools_program::file_kind::Kind;
use daemontools_program::procfs;
use daemontools_sys::fd::open_private;
use daemontools_sys::link::read_link;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fstat};
use nix::sys::statfs::{FsType, fstatfs};
use nix::sys::uio::pread;

/// How much of a file in /proc is read, in bytes.
const MOST: usize = 64 * 1024;
/// Room for the longest path that the kernel tells, in bytes.
const PATH_SIZE: usize = 4096;
/// The file system of pipes that have no name (linux/magic.h).
const PIPEFS: FsType = FsType(0x5049_5045);
/// The bits of capabilities(7).
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_SYS_RESOURCE: u32 = 24;

/// Whose rights a process has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The user id that its files get.
    pub uid: u32,
    /// Its group id for files, and its further groups.
    pub gids: Vec<u32>,
    /// Whether it may use the blocks that are kept for root.
    pub uses_reserve: bool,
    /// Whether no mode of a file keeps it out.
    pub ignores_modes: bool,
}

/// The state of a process, as in proc(5): `R`, `S`, `D`, `T` and so on.
pub fn state(pid: u32) -> Option<u8> {
    Some(procfs::stat(pid, &mut [0; procfs::STAT_SIZE])?.state)
}

/// How many bytes a process has read in its life.
pub fn bytes_read(pid: u32) -> Option<u64> {
    field(&read(&format!("/proc/{pid}/io"))?, "rchar:")?.parse().ok()
}

/// The children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let text = read(&format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    String::from_utf8_lossy(&text).split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// The rights of a process.
pub fn rights(pid: u32) -> Option<Rights> {
    rights_in(&read(&format!("/proc/{pid}/status"))?)
}

fn rights_in(status: &[u8]) -> Option<Rights> {
    let last = |name: &str| field(status, name)?.split_whitespace().last()?.parse().ok();
    let groups = field(status, "Groups:").unwrap_or_default();
    let groups = groups.split_whitespace().filter_map(|group| group.parse().ok());
    let capabilities = u64::from_str_radix(&field(status, "CapEff:")?, 16).ok()?;
    let has = |bit: u32| capabilities >> bit & 1 == 1;
    Some(Rights {
        uid: last("Uid:")?,
        gids: [last("Gid:")?].into_iter().chain(groups).collect(),
        uses_reserve: has(CAP_SYS_RESOURCE),
        ignores_modes: has(CAP_DAC_OVERRIDE),
    })
}

/// The numbers of the descriptors that a process has open, in order, each with what it leads to.
pub fn descriptors(pid: u32) -> Vec<(u32, PathBuf)> {
    let Ok(mut dir) = directory::open(format!("/proc/{pid}/fd").as_str()) else { return Vec::new() };
    let numbers = dir.iter().flatten().filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok());
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    let mut target = [0; PATH_SIZE];
    let mut found = Vec::with_capacity(numbers.len());
    for number in numbers {
        let Ok(name) = CString::new(number.to_string()) else { continue };
        if let Ok(target) = read_link(&dir, &name, &mut target) {
            found.push((number, OsStr::from_bytes(target).into()));
        }
    }
    found
}

/// The last bytes of the regular file behind a descriptor of a process, however it was opened there.
pub fn tail(pid: u32, descriptor: u32, most: usize) -> Option<Vec<u8>> {
    let found = open_private(format!("/proc/{pid}/fd/{descriptor}").as_str(), OFlag::O_PATH, Mode::empty()).ok()?;
    let about = fstat(&found).ok()?;
    if Kind::of(&about) != Kind::File {
        return None;
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
    let file = open_private(format!("/proc/self/fd/{}", found.as_raw_fd()).as_str(), flags, Mode::empty()).ok()?;
    let mut bytes = vec![0; most];
    let begin = about.st_size.saturating_sub(i64::try_from(most).ok()?).max(0);
    let count = pread(&file, &mut bytes, begin).ok()?;
    bytes.truncate(count);
    Some(bytes)
}

/// The pipe behind a descriptor of a process, open for writing, without waiting. Nothing is written to it: a writer of
/// a moment changes nothing for anybody, where a reader would keep a writer from noticing that its reader has gone. Only a
/// pipe without a name is opened: a FIFO's reader might be waiting for its first writer.
pub fn pipe(pid: u32, descriptor: u32) -> Option<OwnedFd> {
    let found = open_private(format!("/proc/{pid}/fd/{descriptor}").as_str(), OFlag::O_PATH, Mode::empty()).ok()?;
    if fstatfs(&found).ok()?.filesystem_type() != PIPEFS {
        return None;
    }
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK;
    open_private(format!("/proc/self/fd/{}", found.as_raw_fd()).as_str(), flags, Mode::empty()).ok()
}

/// The value of a line of a file in /proc.
fn field(text: &[u8], name: &str) -> Option<String> {
    let value = text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name.as_bytes()))?;
    Some(OsStr::from_bytes(value).to_str()?.trim().to_owned())
}

fn read(path: &str) -> Option<Vec<u8>> {
    procfs::contents(path, MOST).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_those_for_files() {
        let status = b"Name:\tUid: 7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \nCapEff:\t0000000001000002\n";
        let expected = Rights { uid: 4, gids: vec![8, 9, 10], uses_reserve: true, ignores_modes: true };
        assert_eq!(rights_in(status), Some(expected));
        assert_eq!(rights_in(b"Uid:\t1"), None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what a child of a test inherits does not matter")]
    fn another_process_can_be_looked_at() {
        // Of a test's own process an emulator (qemu-user) makes up what /proc says.
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let (state, rights, descriptors) = (state(child.id()), rights(child.id()), descriptors(child.id()));
        child.kill().and_then(|()| child.wait()).unwrap();
        assert!(state.is_some_and(|state| state.is_ascii_uppercase()), "{state:?}");
        assert!(rights.is_some() && !descriptors.is_empty());
        assert!(bytes_read(std::process::id()).is_none_or(|read| read > 0));
    }
}
