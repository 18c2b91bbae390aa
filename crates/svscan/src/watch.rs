//! Hearing of changes (inotify(7)): in the scan directory, in a directory that is being made there, and in the
//! directories that hold what its links point to. It only says that something changed; a scan finds out what.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, OsString};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use nix::sys::statfs::{self, FsType, statfs};

/// What can come and go in a directory.
const ENTRIES: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_ONLYDIR);
/// What shows that somebody is at work in a directory.
const WORK: AddWatchFlags =
    ENTRIES.union(AddWatchFlags::IN_MODIFY).union(AddWatchFlags::IN_ATTRIB).union(AddWatchFlags::IN_CLOSE_WRITE);
/// How many links may lead on to each other.
const LINKS: usize = 40;

/// File systems on which other machines, or a program, change things without the kernel's knowing.
const DEAF: [FsType; 10] = [
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

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// What a link points to came or went, or nobody knows what.
    Elsewhere,
    /// An entry of this name came or went.
    Entry(CString),
    /// A directory of this name was made in place.
    Made(CString),
    /// Somebody is at work in that directory.
    Touched(CString),
}

/// What a watched directory is watched for.
#[derive(Debug)]
enum Subject {
    /// It is the scan directory.
    Scan,
    /// It was made in place, by this name.
    Made(CString),
    /// Links lead to these entries of it.
    Targets(HashSet<OsString>),
}

/// The ears.
pub struct Watch {
    /// `None`: inotify is not to be had.
    inotify: Option<Inotify>,
    subjects: HashMap<WatchDescriptor, Subject>,
    /// The links whose targets are watched.
    followed: HashSet<CString>,
    /// Whether some change could escape us.
    deaf: bool,
}

impl Watch {
    /// Watches the current directory.
    pub fn here() -> Watch {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok();
        let deaf = inotify.is_none();
        let mut watch = Watch { inotify, subjects: HashMap::new(), followed: HashSet::new(), deaf };
        watch.deaf |= watch.add(Path::new("."), ENTRIES, Subject::Scan).is_err();
        watch
    }

    /// The descriptor that is readable when there is something to hear.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Whether some change could escape us, so that somebody must look from time to time.
    pub fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// What was heard since the last time.
    pub fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(Ok(events)) = self.inotify.as_ref().map(Inotify::read_events) {
            changes.extend(events.into_iter().filter_map(|event| self.change(event)));
        }
        changes
    }

    fn change(&mut self, event: InotifyEvent) -> Option<Change> {
        if event.mask.intersects(AddWatchFlags::IN_Q_OVERFLOW) {
            return Some(Change::Elsewhere);
        }
        if event.mask.intersects(AddWatchFlags::IN_IGNORED) {
            // The directory has gone. If links led there, find out anew where they lead.
            self.subjects.remove(&event.wd)?;
            self.followed.clear();
            return Some(Change::Elsewhere);
        }
        match (self.subjects.get(&event.wd)?, event.name) {
            (Subject::Scan, Some(name)) => {
                let name = CString::new(name.into_vec()).ok()?;
                self.followed.remove(&name);
                let made = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ISDIR;
                Some(if event.mask.contains(made) { Change::Made(name) } else { Change::Entry(name) })
            }
            (Subject::Targets(names), Some(name)) if names.contains(&name) => Some(Change::Elsewhere),
            (Subject::Made(name), _) => Some(Change::Touched(name.clone())),
            (Subject::Scan | Subject::Targets(_), _) => None,
        }
    }

    /// Listens for work in a directory that was made in place.
    pub fn watch_settling(&mut self, name: &CStr) {
        let path = Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()));
        let Some(wd) = self.inotify.as_ref().and_then(|inotify| inotify.add_watch(path, WORK).ok()) else { return };
        self.subjects.entry(wd).or_insert_with(|| Subject::Made(name.to_owned()));
    }

    /// No longer.
    pub fn unwatch_settling(&mut self, name: &CStr) {
        let made = |subject: &Subject| matches!(subject, Subject::Made(made) if made.as_c_str() == name);
        let found = self.subjects.iter().find(|(_, subject)| made(subject)).map(|(&wd, _)| wd);
        if let (Some(wd), Some(inotify)) = (found, &self.inotify) {
            self.subjects.remove(&wd);
            // It may have gone already.
            let _ = inotify.rm_watch(wd);
        }
    }

    /// Listens where a link of the scan directory leads to, once: for its target, and the targets of links on the way.
    /// False: it leads through a directory that is not there.
    pub fn follow(&mut self, link: &CStr) -> bool {
        if self.followed.contains(link) {
            return true;
        }
        let mut path = PathBuf::from(std::ffi::OsStr::from_bytes(link.to_bytes()));
        for _ in 0..LINKS {
            let Ok(target) = readlink(path.as_path()) else { break };
            path = path.parent().unwrap_or(Path::new("")).join(target);
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { break };
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            if self.add(parent, ENTRIES, Subject::Targets(HashSet::from([name.to_owned()]))).is_err() {
                return false;
            }
        }
        self.followed.insert(link.to_owned());
        true
    }

    /// Forgets where links lead, if most of what is remembered must be of links that are no more; of `links` links, the
    /// next scan finds it out anew. So what is remembered does not grow for ever.
    pub fn prune(&mut self, links: usize) {
        let targets = |subject: &Subject| match subject {
            Subject::Targets(names) => names.len(),
            Subject::Scan | Subject::Made(_) => 0,
        };
        if self.subjects.values().map(targets).sum::<usize>() <= 4 * links + 64 {
            return;
        }
        self.followed.clear();
        self.subjects.retain(|&wd, subject| {
            let kept = targets(subject) == 0;
            if let (false, Some(inotify)) = (kept, &self.inotify) {
                let _ = inotify.rm_watch(wd);
            }
            kept
        });
    }

    /// Watches a directory. The only error is that it is not there; whatever else prevents it makes us deaf.
    fn add(&mut self, path: &Path, events: AddWatchFlags, subject: Subject) -> nix::Result<()> {
        let Some(inotify) = &self.inotify else { return Ok(()) };
        // A directory that is watched already keeps its number.
        match inotify.add_watch(path, events) {
            Ok(wd) => match (self.subjects.get_mut(&wd), subject) {
                (Some(Subject::Targets(names)), Subject::Targets(more)) => names.extend(more),
                (Some(Subject::Scan), _) => {}
                (_, subject) => drop(self.subjects.insert(wd, subject)),
            },
            Err(Errno::ENOENT) => return Err(Errno::ENOENT),
            Err(_) => self.deaf = true,
        }
        self.deaf |= statfs(path).is_ok_and(|system| DEAF.contains(&system.filesystem_type()));
        Ok(())
    }
}
