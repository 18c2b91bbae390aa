//! Hearing of changes (inotify(7)) in the scan directory, in service directories, and in `supervise/` of each. It only
//! says whom something happened to; a look finds out what.
//!
//! That a supervise came or went is heard at `ok`: a supervise opens it for reading and keeps it open, and the kernel
//! closes it however that supervise ends. We open `ok` too, for writing, when we look; so an opening counts only where
//! no supervise was seen, where our own attempts fail and make no noise.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use daemontools_program::failure::{Failure, Unable};
use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

/// What can come and go in a directory.
const ENTRIES: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_ONLYDIR);
/// The same, and what happens to a file. Some supervises write `status` in place.
const FILES: AddWatchFlags = ENTRIES
    .union(AddWatchFlags::IN_MODIFY)
    .union(AddWatchFlags::IN_OPEN)
    .union(AddWatchFlags::IN_CLOSE_NOWRITE)
    .union(AddWatchFlags::IN_ATTRIB);

/// Which part of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The service itself.
    Service,
    /// Its logger.
    Log,
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Anything may have changed.
    All,
    /// Entries came or went.
    Entries,
    /// A directory of this service, or in it, came or went.
    Way(CString),
    /// Its status changed.
    Status(CString),
    /// A supervise opened the `ok` of this part. It matters if none was seen.
    Opened(CString, Part),
    /// One closed it. It matters if one was seen.
    Closed(CString, Part),
}

/// What a watched directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Scan,
    Directory(CString),
    Supervise(CString, Part),
    /// One in which this name is to be made for that service.
    Target(CString, CString),
}

/// The ears, relative to the scan directory, which is the current one.
pub struct Watch {
    inotify: Inotify,
    /// A directory that is linked twice has two meanings.
    places: HashMap<WatchDescriptor, Vec<Place>>,
}

impl Watch {
    /// Listens for entries of the scan directory, which messages call `dir`.
    pub fn here(dir: &CStr) -> Result<Watch, Failure> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).unable([b"watch for changes"])?;
        let mut watch = Watch { inotify, places: HashMap::new() };
        watch.add(c".", ENTRIES, Place::Scan).unable([b"watch ", dir.to_bytes()])?;
        Ok(watch)
    }

    /// Listens to a service and its logger, as far as their directories exist. To be done before looking.
    pub fn attend(&mut self, name: &CStr) -> Result<(), Failure> {
        let supervise = |part| Place::Supervise(name.into(), part);
        for (below, flags, place) in [
            (&b""[..], ENTRIES, Place::Directory(name.into())),
            (b"/supervise", FILES, supervise(Part::Service)),
            (b"/log", ENTRIES, Place::Directory(name.into())),
            (b"/log/supervise", FILES, supervise(Part::Log)),
        ] {
            let path = CString::new([name.to_bytes(), below].concat()).unwrap_or_default();
            match self.add(&path, flags, place) {
                Err(Errno::ENOENT) => self.attend_target(name, &path),
                // Whoever may not listen may not look either, and is told so by the look.
                Ok(()) | Err(Errno::ENOTDIR | Errno::EACCES | Errno::ELOOP) => {}
                Err(errno) => return Err(errno).unable([b"watch ", path.to_bytes()]),
            }
        }
        Ok(())
    }

    /// Where `path` is a link whose target is still to be made, as supervise does: listens for that.
    fn attend_target(&mut self, name: &CStr, path: &CStr) {
        let path = Path::new(OsStr::from_bytes(path.to_bytes()));
        let Ok(target) = readlink(path) else { return };
        let target = path.parent().unwrap_or(Path::new("")).join(target);
        let (Some(parent), Some(file)) = (target.parent(), target.file_name()) else { return };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let (parent, file) = (CString::new(parent.as_os_str().as_bytes()), CString::new(file.as_bytes()));
        if let (Ok(parent), Ok(file)) = (parent, file) {
            // If that cannot be listened to either, the service is shown as it is until something else happens.
            let _ = self.add(&parent, ENTRIES, Place::Target(name.into(), file));
        }
    }

    /// No longer listens to a service that is not in the scan directory any more.
    pub fn leave(&mut self, name: &CStr) {
        let inotify = &self.inotify;
        self.places.retain(|&wd, places| {
            places.retain(|place| !place.is_of(name));
            if places.is_empty() {
                // The directory may have gone already, and the watch with it.
                let _ = inotify.rm_watch(wd);
            }
            !places.is_empty()
        });
    }

    /// What was heard since the last time.
    pub fn changes(&mut self) -> BTreeSet<Change> {
        let mut changes = BTreeSet::new();
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                self.hear(event, &mut changes);
            }
        }
        changes
    }

    fn hear(&mut self, event: InotifyEvent, changes: &mut BTreeSet<Change>) {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            changes.insert(Change::All);
        } else if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            let gone = self.places.remove(&event.wd).unwrap_or_default();
            changes.extend(gone.into_iter().map(Place::gone));
        } else if let (Some(places), Some(name)) = (self.places.get(&event.wd), event.name) {
            let name = CString::new(name.into_vec()).unwrap_or_default();
            changes.extend(places.iter().filter_map(|place| place.change(&name, event.mask)));
        }
    }

    fn add(&mut self, path: &CStr, flags: AddWatchFlags, place: Place) -> nix::Result<()> {
        let wd = self.inotify.add_watch(OsStr::from_bytes(path.to_bytes()), flags)?;
        let places = self.places.entry(wd).or_default();
        if !places.contains(&place) {
            places.push(place);
        }
        Ok(())
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

impl Place {
    fn is_of(&self, name: &CStr) -> bool {
        match self {
            Place::Scan => false,
            Place::Directory(of) | Place::Supervise(of, _) | Place::Target(of, _) => of.as_c_str() == name,
        }
    }

    /// What it means that the directory itself has gone.
    fn gone(self) -> Change {
        match self {
            Place::Scan => Change::Entries,
            Place::Directory(of) | Place::Supervise(of, _) | Place::Target(of, _) => Change::Way(of),
        }
    }

    /// What it means that this happened to the entry `name`.
    fn change(&self, name: &CStr, mask: AddWatchFlags) -> Option<Change> {
        match self {
            // Links may lead elsewhere now: the entry is followed anew.
            Place::Scan => Some(Change::Entries),
            Place::Directory(of) => [c"down", c"log", c"supervise"].contains(&name).then(|| Change::Way(of.clone())),
            Place::Target(of, file) => (file.as_c_str() == name).then(|| Change::Way(of.clone())),
            Place::Supervise(of, part) => {
                let came_or_went = mask.intersects(ENTRIES);
                match name.to_bytes() {
                    b"ok" if came_or_went => Some(Change::Way(of.clone())),
                    b"ok" if mask.contains(AddWatchFlags::IN_OPEN) => Some(Change::Opened(of.clone(), *part)),
                    b"ok" if mask.contains(AddWatchFlags::IN_CLOSE_NOWRITE) => Some(Change::Closed(of.clone(), *part)),
                    b"status" if came_or_went || mask.contains(AddWatchFlags::IN_MODIFY) => {
                        Some(Change::Status(of.clone()))
                    }
                    _ => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_not_heard() {
        let place = Place::Supervise(c"x".into(), Part::Log);
        for flag in [AddWatchFlags::IN_OPEN, AddWatchFlags::IN_CLOSE_NOWRITE] {
            assert_eq!(place.change(c"status", flag), None);
            assert_eq!(place.change(c"lock", flag), None);
        }
        assert_eq!(place.change(c"status.new", AddWatchFlags::IN_CREATE), None);
        assert_eq!(place.change(c"status", AddWatchFlags::IN_MOVED_TO), Some(Change::Status(c"x".into())));
        assert_eq!(place.change(c"ok", AddWatchFlags::IN_OPEN), Some(Change::Opened(c"x".into(), Part::Log)));
    }
}
