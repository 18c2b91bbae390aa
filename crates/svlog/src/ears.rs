//! Hearing of what happens in log directories (inotify(7)), also when one is moved away or removed, and made again.

use std::path::Path;

use daemontools_program::failure::{Failure, Unable};
use daemontools_sys::fd::STDOUT;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

/// A directory that is listened to already is listened to for this too (IN_MASK_ADD of inotify_add_watch(2), which nix
/// lacks).
const MASK_ADD: AddWatchFlags = AddWatchFlags::from_bits_retain(0x2000_0000);
/// What can come into a directory, and go.
const ARRIVALS: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_ONLYDIR)
    .union(MASK_ADD);
/// What can happen in a log directory.
const EVENTS: AddWatchFlags = ARRIVALS.union(AddWatchFlags::IN_MODIFY);

/// The ears.
pub struct Ears(Inotify);

impl Ears {
    /// Nothing is listened to yet.
    pub fn new() -> Result<Ears, Failure> {
        Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).unable([b"watch for changes"]).map(Ears)
    }

    /// Listens to the log directory of this name, or, while there is none, to what is left of the way to it; and to the
    /// directory above that, which tells of its end. It does not always tell of it itself: a file that we hold open keeps
    /// the directories that it was in, although they have been removed.
    pub fn attend(&self, dir: &Path) -> Result<(), Failure> {
        loop {
            let (mut missing, mut found) = (None, None);
            for place in dir.ancestors() {
                let here = if place.as_os_str().is_empty() { Path::new(".") } else { place };
                let events = if missing.is_none() && found.is_none() { EVENTS } else { ARRIVALS };
                match self.0.add_watch(here, events) {
                    Ok(_) if found.is_some() => break,
                    Ok(_) => found = Some(here),
                    Err(Errno::ENOENT | Errno::ENOTDIR) if found.is_some() => break,
                    // Whoever may not look there has to do without.
                    Err(Errno::EACCES) if found.is_some() => break,
                    Err(Errno::ENOENT | Errno::ENOTDIR) => missing = Some(here),
                    Err(errno) => return Err(errno).unable([b"watch ", here.as_os_str().as_bytes()]),
                }
            }
            // What has come or gone before its place was listened to is not heard of: it is there, or is not, already.
            let has_come = missing.is_some_and(Path::is_dir);
            let has_gone = found.is_some_and(|found| !found.is_dir());
            if !has_come && !has_gone {
                return Ok(());
            }
        }
    }

    /// Forgets what was heard.
    pub fn clear(&self) {
        while self.0.read_events().is_ok() {}
    }

    /// Waits until something happens; `false`: nobody reads our output any more.
    pub fn wait(&self) -> Result<bool, Failure> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN), PollFd::new(STDOUT, PollFlags::empty())];
        match ppoll(&mut fds, None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).unable([b"wait for lines"]),
        }
        let [_, output] = fds;
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        Ok(!output.revents().is_some_and(|events| events.intersects(gone)))
    }
}
