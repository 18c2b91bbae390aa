//! Opens the files of a service directory, `supervise/ok` say, without being led elsewhere.
//!
//! `supervise` may be a link: a service directory on a read-only file system has one that leads to `/run`. Root follows a link
//! of its own. Through a link that another account has made it opens only what that account could open itself, or what
//! belongs to the supervise that works in this very service directory (`works_in`).

use std::ffi::{CStr, OsStr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_core::status::Status;
use daemontools_program::directory;
use daemontools_program::file_kind::{Kind, is_same};
use daemontools_program::procfs;
use daemontools_program::stdio;
use daemontools_sys::fd::{duplicate_private, open_private_at, open_private_without_links};
use daemontools_untrusted::{Directory, Error, RegularFile, is_root};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat, stat};

use crate::service_dir::SUPERVISE;

/// What a file is opened for. Neither waits, and the last name is never followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A regular file, to be read.
    Read,
    /// A FIFO that some process reads, to be written.
    Write,
}

impl Access {
    pub(crate) fn flags(self) -> OFlag {
        let direction = if self == Access::Read { OFlag::O_RDONLY } else { OFlag::O_WRONLY };
        direction | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW
    }
}

/// Why a FIFO was not opened.
pub(crate) enum FifoError {
    /// No process reads it.
    NoReader,
    /// It is something else: only the owner of the directory can have put that there, and it might lead anywhere.
    NotFifo,
    Errno(Errno),
}

/// Whether a path without links fails so because it has some, or because the kernel cannot tell.
pub(crate) fn may_have_links(errno: Errno) -> bool {
    matches!(errno, Errno::ELOOP | Errno::ENOSYS | Errno::EPERM)
}

/// Opens `supervise/NAME`, seen from a service directory that is open.
pub(crate) fn open(service: BorrowedFd<'_>, path: &CStr, access: Access) -> Result<OwnedFd, Error> {
    match open_private_without_links(service, path, access.flags()) {
        Err(errno) if may_have_links(errno) => open_through_link(service, path, access),
        result => Ok(result?),
    }
}

/// The same where `supervise` may be a link.
fn open_through_link(service: BorrowedFd<'_>, path: &CStr, access: Access) -> Result<OwnedFd, Error> {
    let name = path_of(path).file_name().ok_or(Errno::ENOENT)?;
    let here = Directory::opened(duplicate_private(service)?)?;
    let opened = here.directory_by_links(path_of(SUPERVISE)).and_then(|supervise| {
        if supervise.writers().is_empty() {
            return Ok(open_private_at(&supervise, name, access.flags(), Mode::empty())?);
        }
        open_as_writers(&supervise, Path::new(name), access)
    });
    match opened {
        Err(Error::NotReadableBy(writer)) => {
            let supervise = works_in(service).ok_or(Error::NotReadableBy(writer))?;
            Ok(open_private_at(&supervise, name, access.flags(), Mode::empty())?)
        }
        // The name itself is a link.
        Err(Error::System(Errno::ELOOP)) if access == Access::Write => Err(Error::NotFifo),
        result => result,
    }
}

/// Opens a file with the rights of all who may have led us to it.
pub(crate) fn open_as_writers(directory: &Directory, path: &Path, access: Access) -> Result<OwnedFd, Error> {
    match access {
        Access::Read => directory.file(path).map(RegularFile::into_fd),
        Access::Write => directory.fifo(path),
    }
}

/// The directory that `supervise` leads to, if its `ok` is held by a supervise that works in this service directory: a
/// process of the FIFO's owner.
fn works_in(service: BorrowedFd<'_>) -> Option<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
    let supervise = open_private_at(service, SUPERVISE, flags, Mode::empty()).ok()?;
    let ok = fstatat(&supervise, "ok", AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
    let here = fstat(service).ok()?;
    let holds = |pid: u32| {
        let is_here = stat(format!("/proc/{pid}/cwd").as_str()).is_ok_and(|found| is_same(&found, &here));
        let is_owners = || stat(format!("/proc/{pid}").as_str()).is_ok_and(|found| found.st_uid == ok.st_uid);
        is_here && is_owners() && has_open(pid, &ok)
    };
    procfs::pids().ok()?.any(holds).then_some(supervise)
}

/// Whether a process has a file open, and not only as a place (O_PATH), for which no permission is needed.
fn has_open(pid: u32, file: &FileStat) -> bool {
    let Ok(entries) = directory::open(format!("/proc/{pid}/fd").as_str()) else { return false };
    entries.into_iter().flatten().any(|entry| {
        let number = entry.file_name().to_string_lossy();
        let is_file = stat(format!("/proc/{pid}/fd/{number}").as_str()).is_ok_and(|found| is_same(&found, file));
        is_file
            && is_for_reading(&procfs::beginning(format!("/proc/{pid}/fdinfo/{number}").as_str()).unwrap_or_default())
    })
}

/// Whether `/proc/PID/fdinfo/N` is that of a file open for reading.
fn is_for_reading(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let flags = text.lines().find_map(|line| i32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
    let bits = |flags: i32| OFlag::from_bits_retain(flags);
    flags.map(bits).is_some_and(|flags| !flags.contains(OFlag::O_PATH) && flags & OFlag::O_ACCMODE != OFlag::O_WRONLY)
}

pub(crate) fn path_of(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}

/// What was opened, if it is a FIFO.
pub(crate) fn fifo(opened: Result<OwnedFd, Error>) -> Result<OwnedFd, FifoError> {
    match opened {
        // The size of its pipe is asked for because that is faster than fstat(2), and an error for all else.
        Ok(fifo) if fcntl(&fifo, FcntlArg::F_GETPIPE_SZ).is_ok() => Ok(fifo),
        Ok(other) => match fstat(&other).map(|found| Kind::of(&found)) {
            Ok(Kind::Fifo) => Ok(other),
            Ok(_) => Err(FifoError::NotFifo),
            Err(errno) => Err(FifoError::Errno(errno)),
        },
        Err(Error::NotFifo) => Err(FifoError::NotFifo),
        // No supervise that we would believe.
        Err(Error::System(Errno::ENXIO) | Error::NotReadableBy(_)) => Err(FifoError::NoReader),
        Err(error) => Err(FifoError::Errno(error.errno())),
    }
}

/// What fits into `bytes` of a file that was opened.
pub(crate) fn read<'a>(file: &OwnedFd, bytes: &'a mut [u8]) -> nix::Result<&'a [u8]> {
    let read = stdio::read(file, bytes)?;
    Ok(bytes.get(..read).unwrap_or_default())
}

/// Whether these bytes of a file may be shown as a status. What no supervise wrote is shown as 0.76 does, but not to root if
/// the file has other names: it may be anybody's.
pub(crate) fn may_be_shown(file: &OwnedFd, bytes: &[u8; Status::SIZE]) -> bool {
    Status::is_plausible(bytes) || !is_root() || fstat(file).is_ok_and(|found| found.st_nlink == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_not_open_for_reading() {
        for (flags, is_open) in [("0104000", true), ("0100002", true), ("0104001", false), ("012000000", false)] {
            let text = format!("pos:\t0\nflags:\t{flags}\nmnt_id:\t9\n");
            assert_eq!(is_for_reading(text.as_bytes()), is_open, "{flags}");
        }
        assert!(!is_for_reading(b""));
    }
}
