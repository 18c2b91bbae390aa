//! Services by their paths, with fewer system calls than a `ServiceDir` needs: for svstat, svc and svps, which look at hundreds
//! of them once. Where anything is not as usual the answer is `None`, and a `ServiceDir` finds out what it is.
//!
//! For root no link is followed but those in a directory that root alone may write, `/service` say. That directory is looked at
//! once, and where its links lead there must not be another.

use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_core::control;
use daemontools_core::status::{self, Status};
use daemontools_sys::fd::{open_private_at, open_private_without_links};
use daemontools_sys::link::read_link;
use daemontools_untrusted::{Directory, Error, is_root};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::sys::stat::{Mode, fstat, fstatat};

use crate::report::Normally;
use crate::service_dir::{DOWN, OK, SendError, ServiceDir, open_itself, write_commands};
use crate::supervise_file::{Access, fifo, may_be_shown, may_have_links, read};

/// How long what a link leads to may be, in bytes; a longer one is followed by a `ServiceDir`.
const LONGEST_TARGET: usize = 512;
/// Who may write a directory besides its owner. With an access control list, the group's bit is the upper bound of all that
/// it grants.
const OTHERS_WRITE: u32 = 0o022;

/// Opens services, one after the other.
#[derive(Debug)]
pub struct Opener {
    is_root: bool,
    /// The directory that the last service was in, by its path; for root alone, and if nobody else may write it.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// Memory for the paths of the next service.
    path: Vec<u8>,
}

impl Default for Opener {
    fn default() -> Opener {
        Opener { is_root: is_root(), parent: None, path: Vec::new() }
    }
}

impl Opener {
    /// The status of a service that is supervised, and what it does when its supervise starts.
    pub fn status(&mut self, path: &CStr) -> Option<(Status, Normally)> {
        let mut files = self.files(path)?;
        // An `ok` that opens shows that the directory is there and may be searched.
        drop(fifo(files.open(OK, Access::Write)).ok()?);
        let normally = match files.stat(DOWN) {
            Ok(()) => Normally::Down,
            Err(Errno::ENOENT) => Normally::Up,
            Err(_) => return None,
        };
        let file = files.open(status::PATH, Access::Read).ok()?;
        let mut bytes = [0; Status::SIZE];
        let is_whole = read(&file, &mut bytes).ok()?.len() == Status::SIZE;
        (is_whole && may_be_shown(&file, &bytes)).then(|| (Status::from_bytes(bytes), normally))
    }

    /// Sends commands to the supervise of a service, as `ServiceDir::send` does.
    pub fn send(&mut self, path: &CStr, commands: &[u8]) -> Option<Result<(), SendError>> {
        let control = fifo(self.files(path)?.open(control::PATH, Access::Write)).ok()?;
        Some(write_commands(&control, commands))
    }

    /// The directory of a service, as `ServiceDir::open` opens it.
    pub fn open(&mut self, path: &CStr) -> nix::Result<ServiceDir> {
        let files = self.files(path);
        let quickly = |mut files: Files<'_>| ServiceDir::open_without_links(files.from, files.path(c"")?).ok();
        match files.filter(|files| files.is_root).and_then(quickly) {
            Some(service) => Ok(service),
            None => ServiceDir::open(path),
        }
    }

    /// The files of the directory at `path`; `None` for an empty path, which names none.
    fn files(&mut self, path: &CStr) -> Option<Files<'_>> {
        let path = Some(path.to_bytes()).filter(|path| !path.is_empty())?;
        let is_in_parent = self.is_root && self.find_in_parent(path).is_some();
        if !is_in_parent {
            self.path.clear();
            self.path.extend_from_slice(path);
        }
        self.path.push(b'/');
        let parent = self.parent.as_ref().filter(|_| is_in_parent);
        let from = parent.map_or(AT_FDCWD, |(_, directory)| directory.as_fd());
        Some(Files { is_root: self.is_root, from, directory: self.path.len(), path: &mut self.path })
    }

    /// Where a service is, if it is in a directory that nobody else may write: its path from there.
    fn find_in_parent(&mut self, path: &[u8]) -> Option<()> {
        let path = path.get(..=path.iter().rposition(|&byte| byte != b'/')?)?;
        let start = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let (parent, name) = path.split_at_checked(start)?;
        if name == b"." || name == b".." {
            return None;
        }
        let is_known = self.parent.as_ref().is_some_and(|(known, _)| known == parent);
        if !is_known {
            self.parent = roots_own(parent).map(|directory| (parent.to_vec(), directory));
        }
        let (_, parent) = self.parent.as_ref()?;
        self.path.clear();
        self.path.extend_from_slice(name);
        self.path.push(0);
        let mut target = [0; LONGEST_TARGET];
        match read_link(parent, CStr::from_bytes_with_nul(&self.path).ok()?, &mut target) {
            // Perhaps cut off.
            Ok(target) if target.len() == LONGEST_TARGET => return None,
            Ok(target) => {
                self.path.clear();
                self.path.extend_from_slice(target);
            }
            // It is no link.
            Err(Errno::EINVAL) => self.path.truncate(name.len()),
            Err(_) => return None,
        }
        Some(())
    }
}

/// The directory of this name, which is empty for the current one, if root alone may write it.
fn roots_own(path: &[u8]) -> Option<OwnedFd> {
    let path = OsStr::from_bytes(if path.is_empty() { b"." } else { path });
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
    let directory = match open_private_without_links(AT_FDCWD, path, flags) {
        // It is often a link itself.
        Err(errno) if may_have_links(errno) => {
            let found = Directory::current().ok()?.directory_by_links(Path::new(path)).ok()?;
            Some(found).filter(|found| found.writers().is_empty()).and_then(|found| open_itself(found).ok())?
        }
        result => result.ok()?,
    };
    let found = fstat(&directory).ok()?;
    (found.st_uid == 0 && found.st_mode & OTHERS_WRITE == 0).then_some(directory)
}

/// The paths of a service directory's files, one after the other in the same memory.
struct Files<'a> {
    is_root: bool,
    /// Where the path begins.
    from: BorrowedFd<'a>,
    path: &'a mut Vec<u8>,
    /// How much of it is the directory, with its slash.
    directory: usize,
}

impl Files<'_> {
    fn open(&mut self, file: &CStr, access: Access) -> Result<OwnedFd, Error> {
        let (is_root, from) = (self.is_root, self.from);
        let path = self.path(file).ok_or(Errno::ENOENT)?;
        Ok(match is_root {
            true => open_private_without_links(from, path, access.flags())?,
            false => open_private_at(from, path, access.flags(), Mode::empty())?,
        })
    }

    fn stat(&mut self, file: &CStr) -> nix::Result<()> {
        let from = self.from;
        fstatat(from, self.path(file).ok_or(Errno::ENOENT)?, AtFlags::empty()).map(drop)
    }

    /// The path of one of them.
    fn path(&mut self, file: &CStr) -> Option<&CStr> {
        self.path.truncate(self.directory);
        self.path.extend_from_slice(file.to_bytes_with_nul());
        CStr::from_bytes_with_nul(self.path).ok()
    }
}
