//! Hearing of what happens in log directories (inotify(7)), also when one is moved away or removed, and made again.

use std::path::Path;

use daemontools_core::failure::{Failure, Unable};
use daemontools_core::sys::fd::STDOUT;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

/// A directory that is listened to already is listened to for this too (IN_MASK_ADD of inotify_add_watch(2), which nix
/// lacks).
const MASK_ADD: AddWatchFlags = AddWatchFlags::from_bits_retain(0x2000_0000);
/// What can come into a directory.
const ARRIVALS: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_ONLYDIR)
    .union(MASK_ADD);
/// What can happen in a log directory. That it was removed is always told.
const EVENTS: AddWatchFlags =
    ARRIVALS.union(AddWatchFlags::IN_MODIFY).union(AddWatchFlags::IN_DELETE).union(AddWatchFlags::IN_MOVED_FROM);

/// The ears.
pub struct Ears(Inotify);

impl Ears {
    /// Nothing is listened to yet.
    pub fn new() -> Result<Ears, Failure> {
        Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).unable([b"watch for changes"]).map(Ears)
    }

    /// Listens to the log directory of this name, or, while there is none, to what is left of the way to it.
    pub fn attend(&self, dir: &Path) -> Result<(), Failure> {
        loop {
            let mut missing = None;
            for place in dir.ancestors() {
                let here = if place.as_os_str().is_empty() { Path::new(".") } else { place };
                match self.0.add_watch(here, if missing.is_none() { EVENTS } else { ARRIVALS }) {
                    Ok(_) => break,
                    Err(Errno::ENOENT | Errno::ENOTDIR) => missing = Some(here),
                    Err(errno) => return Err(errno).unable([b"watch ", here.as_os_str().as_bytes()]),
                }
            }
            // What has come before its place was listened to is not heard of: it is there already.
            if missing.is_none_or(|missing| !missing.is_dir()) {
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
