//! Where services are, one after the other by their paths, and their files: without a handle on each directory, which would
//! take two system calls. `by_path` says what becomes of links.

use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_sys::fd::{open_private_at, open_private_without_links};
use daemontools_sys::link::read_link;
use daemontools_untrusted::{Directory, is_root};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

use crate::service_dir::open_itself;
use crate::supervise_file::may_have_links;

/// How long what a link leads to may be, in bytes; a longer one is followed by a `ServiceDir`.
const LONGEST_TARGET: usize = 512;
/// Who may write a directory besides its owner. With an access control list, the group's bit is the upper bound of all that
/// it grants.
const OTHERS_WRITE: u32 = 0o022;

/// Finds services, one after the other.
#[derive(Debug)]
pub(crate) struct Finder {
    is_root: bool,
    /// The directory that the last service was in, by its path; for root alone, and if nobody else may write it.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// Whether the last service there was a link: then the next one is looked at before it is taken for a directory.
    expects_link: bool,
    /// The directory that the last link led into, by its path from `parent`; open where the one before led there too.
    target: Option<(Vec<u8>, Option<OwnedFd>)>,
    /// Whether such a directory may be kept open.
    keeps_target: bool,
    /// Where `path` begins.
    from: Start,
    /// The path of a file of the service that was found last. The memory is used again and again.
    path: Vec<u8>,
    /// How much of it is the service's directory, with its slash.
    directory: usize,
    /// Memory for where a link leads.
    link: Box<[u8; LONGEST_TARGET]>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// In the current directory.
    Here,
    /// In `parent`; whether the service there has been seen to be no link.
    Parent { is_known: bool },
    /// In `target`.
    Target,
}

impl Default for Finder {
    fn default() -> Finder {
        Finder {
            is_root: is_root(),
            parent: None,
            expects_link: true,
            target: None,
            keeps_target: true,
            from: Start::Here,
            path: Vec::new(),
            directory: 0,
            link: Box::new([0; LONGEST_TARGET]),
        }
    }
}

impl Finder {
    /// Finds the service at `path`, and does with it what only a path without links allows. `None`: an empty path, which names
    /// no service.
    pub(crate) fn find<T>(
        &mut self,
        path: &CStr,
        mut first: impl FnMut(&mut Finder) -> nix::Result<T>,
    ) -> Option<nix::Result<T>> {
        self.go(path)?;
        let result = first(self);
        if self.from == (Start::Parent { is_known: false }) && matches!(result, Err(Errno::ELOOP)) {
            self.expects_link = true;
            self.go(path)?;
            return Some(first(self));
        }
        Some(result)
    }

    /// Closes what is not needed for the next service; if `for_good`, it is not kept open again.
    pub(crate) fn release(&mut self, for_good: bool) {
        self.target = None;
        self.keeps_target &= !for_good;
    }

    /// From here on `file` is seen from this directory of the service.
    pub(crate) fn enter(&mut self, directory: &[u8]) {
        self.path.truncate(self.directory);
        self.path.extend_from_slice(directory);
        self.path.push(b'/');
        self.directory = self.path.len();
    }

    /// Opens a file of the service; for root ELOOP if there is a link on the way.
    pub(crate) fn open(&mut self, file: &CStr, flags: OFlag) -> nix::Result<OwnedFd> {
        let is_root = self.is_root;
        let (from, path) = self.file(file).ok_or(Errno::ENOENT)?;
        match is_root {
            true => open_private_without_links(from, path, flags),
            false => open_private_at(from, path, flags, Mode::empty()),
        }
    }

    /// What a file of the service is, through links where `flags` do not forbid it.
    pub(crate) fn stat(&mut self, file: &CStr, flags: AtFlags) -> nix::Result<FileStat> {
        let (from, path) = self.file(file).ok_or(Errno::ENOENT)?;
        fstatat(from, path, flags)
    }

    /// Whether links count as what they are, and not as what they lead to.
    pub(crate) fn is_wary(&self) -> bool {
        self.is_root
    }

    fn file(&mut self, file: &CStr) -> Option<(BorrowedFd<'_>, &CStr)> {
        self.path.truncate(self.directory);
        self.path.extend_from_slice(file.to_bytes_with_nul());
        let from = match self.from {
            Start::Here => AT_FDCWD,
            Start::Parent { .. } => self.parent.as_ref()?.1.as_fd(),
            Start::Target => self.target.as_ref()?.1.as_ref()?.as_fd(),
        };
        Some((from, CStr::from_bytes_with_nul(&self.path).ok()?))
    }

    fn go(&mut self, path: &CStr) -> Option<()> {
        let path = Some(path.to_bytes()).filter(|path| !path.is_empty())?;
        if !self.is_root || self.go_by_parent(path).is_none() {
            self.from = Start::Here;
            self.path.clear();
            self.path.extend_from_slice(path);
        }
        self.path.push(b'/');
        self.directory = self.path.len();
        Some(())
    }

    /// The same from a directory that nobody else may write, if the service is in one.
    fn go_by_parent(&mut self, path: &[u8]) -> Option<()> {
        let (parent, name) = split(path)?;
        if self.parent.as_ref().is_none_or(|(known, _)| known != parent) {
            self.target = None;
            self.parent = roots_own(parent).map(|directory| (parent.to_vec(), directory));
        }
        let (_, parent) = self.parent.as_ref()?;
        self.from = Start::Parent { is_known: self.expects_link };
        self.path.clear();
        self.path.extend_from_slice(name);
        if !self.expects_link {
            return Some(());
        }
        self.path.push(0);
        match read_link(parent, CStr::from_bytes_with_nul(&self.path).ok()?, self.link.as_mut_slice())
            .map(|link| link.len())
        {
            // Perhaps cut off.
            Ok(LONGEST_TARGET) => return None,
            Ok(length) => self.go_by_link(length),
            // It is no link.
            Err(Errno::EINVAL) => {
                self.expects_link = false;
                self.path.truncate(name.len());
            }
            Err(_) => return None,
        }
        Some(())
    }

    /// The same where a link leads that has so many bytes.
    fn go_by_link(&mut self, length: usize) {
        let is_open = self.open_target(length);
        if is_open.is_some() {
            self.from = Start::Target;
        }
        self.path.clear();
        self.path.extend_from_slice(self.link.get(is_open.unwrap_or(0)..length).unwrap_or_default());
    }

    /// If the directory that the link leads into is open: how much of the link is its path. Most links of a tree lead into one
    /// directory.
    fn open_target(&mut self, length: usize) -> Option<usize> {
        let (into, _) = split(self.link.get(..length)?)?;
        let (_, parent) = self.parent.as_ref()?;
        if into.is_empty() || !self.keeps_target {
            return None;
        }
        match &mut self.target {
            Some((known, directory)) if known == into => {
                if directory.is_none() {
                    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
                    *directory = open_private_without_links(parent, into, flags).ok();
                }
                directory.as_ref().map(|_| into.len())
            }
            _ => {
                self.target = Some((into.to_vec(), None));
                None
            }
        }
    }
}

/// The directory part of a path, with its slash, and the last name; `None` where that is none.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let path = path.get(..=path.iter().rposition(|&byte| byte != b'/')?)?;
    let start = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    path.split_at_checked(start).filter(|(_, name)| *name != b"." && *name != b"..")
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
