//! An inotify instance and what its watches stand for.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Component, Path, PathBuf};

use daemontools_sys::inotify;
use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::inotify::{AddWatchFlags, Inotify, WatchDescriptor};

use crate::Event;
use crate::interests::{Interests, NameHash, PATH, Place};

/// A directory that is watched already is watched for this too. (inotify_add_watch(2); nix lacks the name.)
const IN_MASK_ADD: AddWatchFlags = AddWatchFlags::from_bits_retain(libc::IN_MASK_ADD);
/// Every watch: of a directory, and without taking from it what it is watched for already.
const ALWAYS: AddWatchFlags = AddWatchFlags::IN_ONLYDIR.union(IN_MASK_ADD);
/// How many links may follow each other on one path, as in the kernel.
const MAX_LINKS: usize = 40;
/// How many times in a row the queue is read, so that a storm of events does not keep the program from everything else.
const MAX_READS: usize = 64;

/// Watches directories and paths, each for a key. Paths are seen from the current directory.
#[derive(Debug)]
pub struct Watcher<K> {
    /// `None`: the system gave us no instance.
    inotify: Option<Inotify>,
    interests: Interests<WatchDescriptor, K>,
    /// The keys for which some directory could not be watched.
    incomplete: BTreeSet<K>,
}

/// What was watched on a walk.
struct Walk {
    path: Vec<Place<WatchDescriptor>>,
    entries: Option<(WatchDescriptor, AddWatchFlags)>,
}

impl<K: Clone + Ord> Watcher<K> {
    /// Watches nothing yet. Without inotify it works too: see `misses_changes`.
    #[expect(clippy::new_without_default, reason = "it makes a system call")]
    pub fn new() -> Watcher<K> {
        Watcher { inotify: inotify::new_private().ok(), interests: Interests::new(), incomplete: BTreeSet::new() }
    }

    /// Watches nothing ever, and needs no descriptor for that.
    pub fn without_inotify() -> Watcher<K> {
        Watcher { inotify: None, interests: Interests::new(), incomplete: BTreeSet::new() }
    }

    /// The descriptor that is readable when there are events; `None` without inotify.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Whether changes can escape: inotify is not to be had (instances and watches are limited per user), or a directory
    /// may not be read. Then watch again and look from time to time.
    pub fn misses_changes(&self) -> bool {
        self.inotify.is_none() || !self.incomplete.is_empty()
    }

    /// Watches the entries of a directory: an `Event::Entry` for each of what `mask` says. ENOENT and ENOTDIR: there is no
    /// such directory. Other errors make it miss changes.
    pub fn add(&mut self, directory: &Path, mask: AddWatchFlags, key: K) -> nix::Result<()> {
        match self.add_watch(directory, mask) {
            Ok(Some(id)) => self.interests.add_entries(id, mask, &key),
            Ok(None) => drop(self.incomplete.insert(key)),
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Watches a path, in place of what was watched for this key before: an `Event::PathChanged` when it may lead
    /// elsewhere, and if it leads to a directory, an `Event::Entry` for what `mask` says of the entries there. An empty
    /// mask: they do not matter.
    ///
    /// The path is walked as the kernel does, name by name, links followed, and each directory is watched before the next
    /// name is looked up. So a change is either seen by the walk or reported after it, and what does not exist yet is
    /// reported when it comes.
    pub fn watch_path(&mut self, path: &Path, mask: AddWatchFlags, key: &K) {
        let mut walk = Walk { path: Vec::new(), entries: None };
        if self.walk(path, mask, &mut walk) {
            self.incomplete.remove(key);
        } else {
            self.incomplete.insert(key.clone());
        }
        let unused = self.interests.set(key, walk.path, walk.entries);
        self.unwatch(unused);
    }

    /// Whether a path or a directory was given for this key, and not removed since.
    pub fn watches(&self, key: &K) -> bool {
        self.interests.has(key)
    }

    /// The keys of which `watches` is true, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.interests.keys()
    }

    /// Watches nothing for this key any more.
    pub fn remove(&mut self, key: &K) {
        self.incomplete.remove(key);
        let unused = self.interests.remove(key);
        self.unwatch(unused);
    }

    /// What was reported since the last time; at most a few thousand events, the others next time.
    pub fn events(&mut self) -> Vec<Event<K>> {
        let mut events = Vec::new();
        let Some(inotify) = &self.inotify else { return events };
        for _ in 0..MAX_READS {
            let Ok(read) = inotify.read_events() else { break };
            for event in read {
                events.extend(self.interests.meaning(event.wd, event.mask, event.name.as_deref()));
            }
        }
        events
    }

    fn unwatch(&self, unused: Vec<WatchDescriptor>) {
        for id in unused {
            // The directory may have gone already, and its watch with it.
            let _ = self.inotify.as_ref().map(|inotify| inotify.rm_watch(id));
        }
    }

    /// `Ok(None)`: it cannot be watched. The errors are ENOENT and ENOTDIR.
    fn add_watch(&self, directory: &Path, mask: AddWatchFlags) -> nix::Result<Option<WatchDescriptor>> {
        let Some(inotify) = &self.inotify else { return Ok(None) };
        match inotify.add_watch(directory, mask | ALWAYS) {
            Ok(id) => Ok(Some(id)),
            Err(errno @ (Errno::ENOENT | Errno::ENOTDIR)) => Err(errno),
            Err(_) => Ok(None),
        }
    }

    /// Walks the path; whether every directory on it, as far as it exists, could be watched.
    fn walk(&self, path: &Path, mask: AddWatchFlags, walk: &mut Walk) -> bool {
        let mut here = PathBuf::from(if path.is_absolute() { "/" } else { "." });
        let mut rest = names(path);
        let mut links = 0;
        let mut complete = true;
        while let Some(name) = rest.pop() {
            if name == ".." {
                here.push(name);
                continue;
            }
            match self.add_watch(&here, PATH) {
                Ok(Some(directory)) => walk.path.push(Place { directory, name: Some(NameHash::of(&name)) }),
                Ok(None) => complete = false,
                // It has just gone; the directory above reports that.
                Err(_) => return complete,
            }
            here.push(&name);
            match readlink(&here) {
                Ok(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return false;
                    }
                    let target = PathBuf::from(target);
                    here.pop();
                    rest.extend(names(&target));
                    if target.is_absolute() {
                        here = PathBuf::from("/");
                    }
                }
                // It is there and no link.
                Err(Errno::EINVAL) => {}
                Err(Errno::ENOENT | Errno::ENOTDIR) => return complete,
                Err(_) => return false,
            }
        }
        if mask.is_empty() {
            return complete;
        }
        match self.add_watch(&here, mask) {
            Ok(Some(id)) => walk.entries = Some((id, mask)),
            Ok(None) => complete = false,
            Err(_) => {}
        }
        complete
    }
}

/// The names on a path that are to be looked up, the first one last.
fn names(path: &Path) -> Vec<OsString> {
    let looked_up = |component: &Component<'_>| matches!(component, Component::Normal(_) | Component::ParentDir);
    path.components().filter(looked_up).map(|component| component.as_os_str().to_owned()).rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_looked_up_name_by_name() {
        assert_eq!(names(Path::new("/a/./b//../c/")), ["c", "..", "b", "a"]);
        assert!(names(Path::new("/")).is_empty());
    }
}
