//! Hearing of changes (inotify(7)) to the way that leads to a service's `supervise/`, and in that directory.
//!
//! The way is walked as the kernel does, component by component, links followed; every directory on it is watched
//! *before* the next component is looked at. So a change is either seen by the walk or heard of after it, and what does
//! not exist yet is heard of when it comes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use daemontools_program::failure::{Failure, Unable};
use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use nix::sys::stat::{SFlag, lstat};

/// A directory that is watched already is watched for this too (IN_MASK_ADD of inotify_add_watch(2), which nix lacks).
const MASK_ADD: AddWatchFlags = AddWatchFlags::from_bits_retain(0x2000_0000);
/// What can happen to a directory on the way and to its entries.
const WAY: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_ATTRIB)
    .union(AddWatchFlags::IN_ONLYDIR)
    .union(MASK_ADD);
/// The same in `supervise/`, where `ok` is opened by a new supervise, and a supervise that is not ours may write into
/// `status` in place.
const END: AddWatchFlags = WAY.union(AddWatchFlags::IN_OPEN).union(AddWatchFlags::IN_MODIFY);
/// How many links may lead on to each other.
const LINKS: usize = 40;

/// What changed for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Something in `supervise/`.
    State,
    /// The way: it may lead elsewhere now.
    Way,
}

/// The ears. Services are known by numbers.
pub struct Watch {
    inotify: Inotify,
    /// Which entry of which directory means what to whom.
    interests: HashMap<WatchDescriptor, HashMap<OsString, HashSet<(usize, Change)>>>,
}

impl Watch {
    /// Nothing is listened to yet.
    pub fn new() -> Result<Watch, Failure> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).unable([b"watch for changes"])?;
        Ok(Watch { inotify, interests: HashMap::new() })
    }

    /// Listens on the way to `dir`/supervise and at its end, as far as it exists.
    pub fn attend(&mut self, service: usize, dir: &Path) -> Result<(), Failure> {
        let supervise = dir.join("supervise");
        let mut here = PathBuf::from(if dir.is_absolute() { "/" } else { "." });
        let mut rest = components(&supervise);
        let mut links = 0;
        loop {
            let watched = match self.inotify.add_watch(&here, WAY) {
                Ok(directory) => Some(directory),
                // Not to be listened to. That matters only if the next component is missing.
                Err(Errno::EACCES) => None,
                // It has just gone; the directory above will tell.
                Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
                Err(errno) => return Err(errno).unable([b"watch ", here.as_os_str().as_bytes()]),
            };
            let Some(name) = rest.pop() else { return self.attend_end(service, &here) };
            here.push(&name);
            if name == ".." {
                continue;
            }
            self.note(watched, &name, (service, Change::Way));
            match lstat(&here).map(|found| SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT) {
                Ok(SFlag::S_IFLNK) => {
                    links += 1;
                    if links > LINKS {
                        return Err(Errno::ELOOP).unable([b"follow ", here.as_os_str().as_bytes()]);
                    }
                    // Changed since: the watch on its directory tells.
                    let Ok(target) = readlink(&here) else { return Ok(()) };
                    let target = PathBuf::from(target);
                    here.pop();
                    rest.extend(components(&target));
                    if target.is_absolute() {
                        here = PathBuf::from("/");
                    }
                }
                Ok(_) => {}
                Err(Errno::ENOENT | Errno::ENOTDIR) if watched.is_some() => return Ok(()),
                Err(Errno::ENOENT | Errno::ENOTDIR) => {
                    here.pop();
                    return Err(Errno::EACCES).unable([b"watch ", here.as_os_str().as_bytes()]);
                }
                Err(errno) => return Err(errno).unable([b"look at ", here.as_os_str().as_bytes()]),
            }
        }
    }

    /// Listens in `supervise/` itself.
    fn attend_end(&mut self, service: usize, here: &Path) -> Result<(), Failure> {
        match self.inotify.add_watch(here, END) {
            Ok(directory) => {
                for name in ["ok", "status"] {
                    self.note(Some(directory), OsStr::new(name), (service, Change::State));
                }
                Ok(())
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
            Err(errno) => Err(errno).unable([b"watch ", here.as_os_str().as_bytes()]),
        }
    }

    fn note(&mut self, directory: Option<WatchDescriptor>, name: &OsStr, interest: (usize, Change)) {
        let Some(directory) = directory else { return };
        self.interests.entry(directory).or_default().entry(name.to_owned()).or_default().insert(interest);
    }

    /// What changed since the last time, and for whom.
    pub fn changes(&mut self) -> BTreeMap<usize, Change> {
        let mut changes = BTreeMap::new();
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                self.hear(&event, &mut changes);
            }
        }
        changes
    }

    fn hear(&mut self, event: &InotifyEvent, changes: &mut BTreeMap<usize, Change>) {
        let mut all = |interest: &(usize, Change), change: Change| {
            let known = changes.entry(interest.0).or_insert(change);
            *known = change.max(*known);
        };
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            // Something was not heard: everything is looked at.
            let interests = self.interests.values().flat_map(HashMap::values).flatten();
            interests.for_each(|interest| all(interest, Change::Way));
            return;
        }
        if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            let gone = self.interests.remove(&event.wd).unwrap_or_default();
            gone.values().flatten().for_each(|interest| all(interest, Change::Way));
            return;
        }
        let Some(name) = &event.name else { return };
        // Everybody who looks at a status opens it, ourselves too.
        if event.mask.contains(AddWatchFlags::IN_OPEN) && name == "status" {
            return;
        }
        let interested = self.interests.get(&event.wd).and_then(|names| names.get(name));
        interested.into_iter().flatten().for_each(|interest| all(interest, interest.1));
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The names on a way that are to be looked up, the first one last.
fn components(path: &Path) -> Vec<OsString> {
    let looked_up = |component: &Component<'_>| matches!(component, Component::Normal(_) | Component::ParentDir);
    path.components().filter(looked_up).map(|component| component.as_os_str().to_owned()).rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_looked_up_name_by_name() {
        assert_eq!(components(Path::new("/a/./b//../c/")), ["c", "..", "b", "a"]);
        assert!(components(Path::new("/")).is_empty());
    }
}
