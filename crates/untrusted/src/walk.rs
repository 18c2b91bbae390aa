//! Following a path as root, one name at a time, from an open directory.
//!
//! Each name is looked up with the rights of everybody who may have chosen the way so far. What is found is held open
//! before anything is asked of it, so it is the same file for every question.

use std::collections::VecDeque;
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use daemontools_program::file_kind::is_same;
use daemontools_sys::access_list::access_list;
use daemontools_sys::fd::{duplicate_private, open_private_at};
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use crate::access_list::{SIZE, entries};
use crate::error::Error;
use crate::identity::acting_as;
use crate::writers::{Facts, SEARCH, Sort, Writer, Writers};

/// How many links are followed on one way, as in the kernel.
const LINKS: u32 = 40;

/// A file or directory that is held open without reading it.
#[derive(Debug)]
pub(crate) struct Node {
    pub fd: OwnedFd,
    pub found: FileStat,
    pub facts: Facts,
}

impl Node {
    /// What has just been opened.
    pub fn of(fd: OwnedFd) -> nix::Result<Node> {
        let found = fstat(&fd)?;
        let facts = facts(&fd, &found);
        Ok(Node { fd, found, facts })
    }

    /// A second handle.
    pub fn duplicate(&self) -> nix::Result<Node> {
        Ok(Node { fd: duplicate_private(self.fd.as_fd())?, found: self.found, facts: self.facts.clone() })
    }

    /// A name of it that leads to this very file, whatever happens to its own names.
    pub fn magic_link(&self) -> String {
        format!("/proc/self/fd/{}", self.fd.as_raw_fd())
    }
}

/// What a path has led to, and who may have chosen that.
pub(crate) struct Found {
    pub node: Node,
    pub writers: Writers,
}

/// Who counts as having chosen what a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planters {
    /// Everybody who may have put it there.
    All,
    /// The owners of links alone, and not where root alone may write the directory: what another account owns there, root has
    /// put there or given away.
    OwnersOfLinks,
}

/// Follows `path` from the directory `start`; absolute names begin at `root`. `writers`: who may have chosen the path.
pub(crate) fn walk(
    start: &Node,
    root: &Node,
    path: &Path,
    mut writers: Writers,
    planters: Planters,
) -> Result<Found, Error> {
    let mut way: VecDeque<OsString> = VecDeque::new();
    let mut at = if prepend(&mut way, path) { root.duplicate()? } else { start.duplicate()? };
    let mut links = 0;
    while let Some(name) = way.pop_front() {
        if at.facts.sort != Sort::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        if name == "." {
            continue;
        }
        if name == ".." {
            if planters == Planters::All {
                writers.add(&at.facts.writers());
            }
            if !is_same(&at.found, &root.found) {
                at = step(&at, &name, &writers)?;
            }
            continue;
        }
        let next = step(&at, &name, &writers)?;
        let before = writers.iter().next();
        match (planters, next.facts.sort) {
            (Planters::All, _) => writers.add(&at.facts.planters(&next.facts)),
            (Planters::OwnersOfLinks, Sort::Link) if at.facts.writers().is_empty() => {}
            (Planters::OwnersOfLinks, Sort::Link) => writers.add(&next.facts.writers()),
            (Planters::OwnersOfLinks, Sort::Directory | Sort::Other) => {}
        }
        if next.facts.sort != Sort::Link {
            at = next;
            continue;
        }
        links += 1;
        if links > LINKS {
            return Err(Errno::ELOOP.into());
        }
        if fstatfs(&next.fd).is_ok_and(|found| found.filesystem_type() == PROC_SUPER_MAGIC) {
            // The text of such a link is not where it leads. root may follow it, nobody else leads root there. Where links
            // alone count, a process leads root to where it is, and there with its owner's rights.
            let leader = if planters == Planters::All { writers.iter().next() } else { before };
            if let Some(writer) = leader {
                return Err(Error::NotReadableBy(writer));
            }
            at = Node::of(open_private_at(&at.fd, &*name, OFlag::O_PATH, Mode::empty())?)?;
            continue;
        }
        let target = readlinkat(&next.fd, "")?;
        if prepend(&mut way, Path::new(&target)) {
            at = root.duplicate()?;
        }
    }
    Ok(Found { node: at, writers })
}

/// Puts the names of `path` before those that are still to come; whether it is absolute.
fn prepend(way: &mut VecDeque<OsString>, path: &Path) -> bool {
    // `components` drops a slash or a dot at the end, which asks for a directory.
    let bytes = path.as_os_str().as_bytes();
    if bytes.ends_with(b"/") || bytes.ends_with(b"/.") {
        way.push_front(".".into());
    }
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => way.push_front(name.to_owned()),
            Component::ParentDir => way.push_front("..".into()),
            Component::CurDir => way.push_front(".".into()),
            Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path.is_absolute()
}

/// Looks up a name in a directory, with the rights of all writers.
fn step(at: &Node, name: &OsStr, writers: &Writers) -> Result<Node, Error> {
    let open = |name: &OsStr| open_private_at(&at.fd, name, OFlag::O_PATH | OFlag::O_NOFOLLOW, Mode::empty());
    // With each writer's rights: whether one may search the directory does not depend on the name.
    let next = with_rights_of_all(&at.facts, writers, SEARCH, || open(name))?;
    Ok(Node::of(next)?)
}

/// Does `call` with the rights of each writer in turn, and gives the last result, or the first refusal. `file` is what
/// the call needs the permissions `bits` for. Without writers it is done with our own rights.
pub(crate) fn with_rights_of_all<T>(
    file: &Facts,
    writers: &Writers,
    bits: u32,
    mut call: impl FnMut() -> nix::Result<T>,
) -> Result<T, Error> {
    let mut last = None;
    for writer in writers.iter() {
        last = Some(with_rights_of(file, writer, bits, &mut call)?);
    }
    match last {
        Some(result) => Ok(result),
        None => Ok(call()?),
    }
}

fn with_rights_of<T>(
    file: &Facts,
    writer: Writer,
    bits: u32,
    call: &mut impl FnMut() -> nix::Result<T>,
) -> Result<T, Error> {
    if file.excludes_a_group(writer, bits) {
        return Err(Error::NotReadableBy(writer));
    }
    acting_as(writer, call).map_err(|errno| match errno {
        Errno::EACCES | Errno::EPERM => Error::NotReadableBy(writer),
        errno => Error::System(errno),
    })
}

fn facts(fd: &OwnedFd, found: &FileStat) -> Facts {
    let kind = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT;
    let sort = match kind {
        SFlag::S_IFDIR => Sort::Directory,
        SFlag::S_IFLNK => Sort::Link,
        _ => Sort::Other,
    };
    let list = if sort == Sort::Link { Some(Vec::new()) } else { list(fd) };
    let several_names = sort == Sort::Other && found.st_nlink > 1;
    Facts { sort, owner: found.st_uid, group: found.st_gid, mode: found.st_mode & 0o7777, several_names, list }
}

/// The access control list of an open file.
fn list(fd: &OwnedFd) -> Option<Vec<crate::access_list::Entry>> {
    let name = CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    let mut bytes = [0; SIZE];
    match access_list(&name, &mut bytes) {
        Ok(size) => entries(bytes.get(..size)?),
        // There is none, the file system has none, or there is no /proc to ask by.
        Err(Errno::ENODATA | Errno::EOPNOTSUPP | Errno::ENOENT | Errno::ENOTDIR) => Some(Vec::new()),
        Err(_) => None,
    }
}
