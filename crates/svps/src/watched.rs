//! What is watched for each service, and what an event there means: a look finds out what has changed.
//!
//! That a supervise came or went shows at `ok`: a supervise opens it for reading and keeps it open, and the kernel closes it
//! however that supervise ends. svps opens `ok` too, for writing, when it looks; so an opening counts only where no
//! supervise was seen, because there our own attempts fail and are not reported.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use daemontools_service::part::Part;
use daemontools_watch::{ENTRIES, Event, Watcher};
use nix::sys::inotify::AddWatchFlags;

/// What happens to the files of a supervise. Some supervises write `status` in place.
const FILES: AddWatchFlags = ENTRIES
    .union(AddWatchFlags::IN_MODIFY)
    .union(AddWatchFlags::IN_OPEN)
    .union(AddWatchFlags::IN_CLOSE_NOWRITE)
    .union(AddWatchFlags::IN_ATTRIB);

/// A directory that is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    /// The scan directory.
    ScanDir,
    /// That of this part of a service.
    Directory(CString, Part),
    /// `supervise/` of this part of a service.
    Supervise(CString, Part),
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Anything may have changed.
    All,
    /// Entries of the scan directory came or went.
    Entries,
    /// The path to this service or into it may lead elsewhere.
    Path(CString),
    /// Its status.
    Status(CString),
    /// A supervise opened the `ok` of this part. It matters if none was seen.
    Opened(CString, Part),
    /// One closed it. It matters if one was seen.
    Closed(CString, Part),
}

/// Watches a service and its logger, as far as their directories exist. To be done before looking.
pub fn watch_service(watcher: &mut Watcher<Watched>, name: &CStr) {
    for (path, mask, watched) in places(name) {
        watcher.watch_path(Path::new(OsStr::from_bytes(&path)), mask, &watched);
    }
}

/// Watches a service no more.
pub fn unwatch_service(watcher: &mut Watcher<Watched>, name: &CStr) {
    places(name).iter().for_each(|(_, _, watched)| watcher.remove(watched));
}

fn places(name: &CStr) -> [(Vec<u8>, AddWatchFlags, Watched); 4] {
    let place = |part: Part| [name.to_bytes(), part.path_suffix().as_bytes()].concat();
    let directory = |part| (place(part), ENTRIES, Watched::Directory(name.into(), part));
    let supervise = |part| ([&place(part), &b"/supervise"[..]].concat(), FILES, Watched::Supervise(name.into(), part));
    [directory(Part::Service), supervise(Part::Service), directory(Part::Log), supervise(Part::Log)]
}

/// What an event means; `None`: nothing.
pub fn change(event: Event<Watched>) -> Option<Change> {
    match event {
        Event::Overflow => Some(Change::All),
        Event::PathChanged(Watched::ScanDir) | Event::Entry { key: Watched::ScanDir, .. } => Some(Change::Entries),
        Event::PathChanged(Watched::Directory(name, _) | Watched::Supervise(name, _)) => Some(Change::Path(name)),
        // `log` and `supervise` are on paths that are watched.
        Event::Entry { key: Watched::Directory(of, _), name, .. } => (name == "down").then_some(Change::Status(of)),
        Event::Entry { key: Watched::Supervise(of, part), name, mask } => {
            let came_or_went = mask.intersects(ENTRIES);
            match name.into_vec().as_slice() {
                b"ok" if came_or_went => Some(Change::Status(of)),
                b"ok" if mask.contains(AddWatchFlags::IN_OPEN) => Some(Change::Opened(of, part)),
                b"ok" if mask.contains(AddWatchFlags::IN_CLOSE_NOWRITE) => Some(Change::Closed(of, part)),
                b"status" | b"details" if came_or_went || mask.contains(AddWatchFlags::IN_MODIFY) => {
                    Some(Change::Status(of))
                }
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_change_nothing() {
        let of = |name: &str, mask| {
            change(Event::Entry { key: Watched::Supervise(c"x".into(), Part::Log), name: name.into(), mask })
        };
        for flag in [AddWatchFlags::IN_OPEN, AddWatchFlags::IN_CLOSE_NOWRITE] {
            assert_eq!(of("status", flag), None);
            assert_eq!(of("lock", flag), None);
        }
        assert_eq!(of("status.new", AddWatchFlags::IN_CREATE), None);
        assert_eq!(of("status", AddWatchFlags::IN_MOVED_TO), Some(Change::Status(c"x".into())));
        assert_eq!(of("details", AddWatchFlags::IN_MOVED_TO), Some(Change::Status(c"x".into())));
        assert_eq!(of("ok", AddWatchFlags::IN_OPEN), Some(Change::Opened(c"x".into(), Part::Log)));
    }
}
