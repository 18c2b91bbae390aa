//! Noticing changes: in the scan directory, in the directories that are being made there, and on the paths that its
//! links lead along. This module reports which entries to look at; `scan`
//! finds out what changed.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use daemontools_watch::{ENTRIES, Event, Watcher};
use nix::sys::inotify::AddWatchFlags;
use nix::sys::statfs::{self, FsType, statfs};

/// A directory is being worked on.
const WORK: AddWatchFlags =
    ENTRIES.union(AddWatchFlags::IN_MODIFY).union(AddWatchFlags::IN_ATTRIB).union(AddWatchFlags::IN_CLOSE_WRITE);

/// File systems whose files can change without the kernel's knowledge: another machine or a program changes them.
const UNNOTICED: [FsType; 10] = [
    statfs::NFS_SUPER_MAGIC,
    statfs::SMB_SUPER_MAGIC,
    statfs::FUSE_SUPER_MAGIC,
    statfs::CODA_SUPER_MAGIC,
    statfs::NCP_SUPER_MAGIC,
    statfs::AFS_SUPER_MAGIC,
    FsType(0x0102_1997), // 9p
    FsType(0xff53_4d42), // cifs
    FsType(0xfe53_4d42), // smb2
    FsType(0x00c3_6400), // ceph
];

/// What was noticed.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Events were lost: anything may have changed.
    Anything,
    /// The entry of this name came, went or was replaced.
    Entry(CString),
    /// The link of this name may lead elsewhere now.
    Target(CString),
    /// A directory of this name was made in place.
    Made(CString),
    /// The directory of this name, which is being made, is being worked on.
    Touched(CString),
}

/// Why something is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// It is the scan directory.
    ScanDir,
    /// It is a directory that is being made in place, under this name.
    Settling(Rc<CStr>),
    /// It is on the path that the link of this name leads along.
    Link(Rc<CStr>),
    /// It is on the path to what supervise writes about the service whose end stops the tree.
    ExitWith,
}

/// What is watched.
pub struct Watch {
    watcher: Watcher<Reason>,
    /// The links whose paths have changed since they were watched.
    stale: BTreeSet<Rc<CStr>>,
    /// Whether a file system was met on which changes go unnoticed.
    is_unnoticed: bool,
    /// The service whose end stops the tree.
    exit_with: Option<PathBuf>,
}

impl Watch {
    /// Watches the current directory as the scan directory.
    pub fn here() -> Watch {
        Watch::with(Watcher::new())
    }

    /// Notices nothing, and needs no descriptor for that.
    pub fn nothing() -> Watch {
        Watch::with(Watcher::without_inotify())
    }

    fn with(watcher: Watcher<Reason>) -> Watch {
        let mut watch = Watch { watcher, stale: BTreeSet::new(), is_unnoticed: false, exit_with: None };
        let added = watch.watcher.add(Path::new("."), ENTRIES, Reason::ScanDir);
        watch.is_unnoticed = added.is_err();
        watch.check_file_system(c".");
        watch
    }

    /// The descriptor that is readable when something was noticed.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.watcher.fd()
    }

    /// Whether a change may go unnoticed, so that everything has to be looked at from time to time.
    pub fn is_incomplete(&self) -> bool {
        self.is_unnoticed || self.watcher.misses_changes()
    }

    /// What was noticed since the last call.
    pub fn changes(&mut self) -> Vec<Change> {
        self.watcher.events().into_iter().filter_map(|event| self.meaning(event)).collect()
    }

    fn meaning(&mut self, event: Event<Reason>) -> Option<Change> {
        match event {
            Event::Overflow => {
                self.follow_anew();
                self.follow_exit_with();
                Some(Change::Anything)
            }
            Event::Entry { key: Reason::ScanDir, name, mask } => {
                let name = CString::new(name.into_vec()).ok()?;
                let made = mask.contains(AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ISDIR);
                Some(if made { Change::Made(name) } else { Change::Entry(name) })
            }
            Event::Entry { key: Reason::Settling(name), .. } => Some(Change::Touched(name.as_ref().to_owned())),
            Event::PathChanged(Reason::Link(link)) => {
                let name = link.as_ref().to_owned();
                self.stale.insert(link);
                Some(Change::Target(name))
            }
            Event::PathChanged(Reason::ExitWith) => {
                self.follow_exit_with();
                None
            }
            // Waking up is enough: the loop reads what supervise wrote.
            Event::Entry { key: Reason::ExitWith, .. } => None,
            // A directory that has gone is an entry that has gone; without the scan directory there are no entries.
            Event::PathChanged(Reason::Settling(_) | Reason::ScanDir) | Event::Entry { key: Reason::Link(_), .. } => {
                None
            }
        }
    }

    /// Watches a directory that is being made in place; whether all changes in it will be noticed.
    pub fn watch_settling(&mut self, name: &CStr) -> bool {
        self.watcher.add(to_path(name), WORK, Reason::Settling(name.into())).is_ok() && !self.is_incomplete()
    }

    /// Stops watching it.
    pub fn unwatch_settling(&mut self, name: &CStr) {
        self.watcher.remove(&Reason::Settling(name.into()));
    }

    /// Watches the path that a link of the scan directory leads along; again only after it has changed.
    pub fn follow(&mut self, link: &Rc<CStr>) {
        let reason = Reason::Link(link.clone());
        if self.stale.remove(link) || !self.watcher.watches(&reason) {
            self.watcher.watch_path(to_path(link), AddWatchFlags::empty(), &reason);
        }
    }

    /// Stops watching it.
    pub fn unfollow(&mut self, link: &CStr) {
        let link: Rc<CStr> = link.into();
        self.stale.remove(&link);
        self.watcher.remove(&Reason::Link(link));
    }

    /// Watches the path of every link again when that is looked at next.
    pub fn follow_anew(&mut self) {
        let link = |reason: &Reason| if let Reason::Link(link) = reason { Some(link.clone()) } else { None };
        self.stale = self.watcher.keys().filter_map(link).collect();
    }

    /// Wakes the event loop up whenever supervise writes about this service.
    pub fn watch_exit_with(&mut self, name: &CStr) {
        self.exit_with = Some(to_path(name).join("supervise"));
        self.follow_exit_with();
    }

    fn follow_exit_with(&mut self) {
        if let Some(path) = &self.exit_with {
            self.watcher.watch_path(path, ENTRIES, &Reason::ExitWith);
        }
    }

    /// Finds out whether changes of this directory, which is `.` or the directory above a service, go unnoticed.
    pub fn check_file_system(&mut self, directory: &CStr) {
        self.is_unnoticed |= statfs(directory).is_ok_and(|found| UNNOTICED.contains(&found.filesystem_type()));
    }
}

fn to_path(name: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}
