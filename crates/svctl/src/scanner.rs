//! Whether an svscan is at work in a scan directory, by what /proc tells of all processes.

use std::ffi::CStr;

use daemontools_program::file_kind::is_same;
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, fstatat};

use crate::process_tree::{ids, read};

/// Whether an svscan has this directory as its current one; `None` where that cannot be seen.
pub fn looks_at(scan_dir: &CStr) -> Option<bool> {
    let wanted = stat(scan_dir).ok()?;
    let mut answer = Some(false);
    for id in ids() {
        if read(&format!("/proc/{id}/comm")).as_deref() != Some(b"svscan\n") {
            continue;
        }
        match stat(format!("/proc/{id}/cwd").as_str()) {
            Ok(found) if is_same(&found, &wanted) => return Some(true),
            Ok(_) | Err(Errno::ENOENT | Errno::ESRCH) => {}
            Err(_) => answer = None,
        }
    }
    answer
}

fn stat<P: ?Sized + nix::NixPath>(path: &P) -> nix::Result<FileStat> {
    fstatat(AT_FDCWD, path, AtFlags::empty())
}
