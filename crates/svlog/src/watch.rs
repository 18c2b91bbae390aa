//! Changes in log directories, also when one is renamed or made anew; and the wait for them.

use std::path::PathBuf;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::wait::{only_errors, readable, reader_gone, wait};
use daemontools_sys::fd::STDOUT;
use daemontools_watch::{ENTRIES, Event, Watcher};
use nix::poll::PollFd;
use nix::sys::inotify::AddWatchFlags;

use crate::signals::Signals;

/// What can happen in a log directory.
const CHANGES: AddWatchFlags = ENTRIES.union(AddWatchFlags::IN_MODIFY);
/// How often the logs are looked at where changes can escape the watcher.
const POLL: Duration = Duration::from_secs(1);

/// Watched log directories, by their numbers.
pub struct Watch {
    /// `None`: nothing is followed.
    watcher: Option<Watcher<usize>>,
    dirs: Vec<PathBuf>,
}

/// Why `wait` came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something may have changed.
    Changed,
    /// Nobody reads our output any more, or a signal is to end us.
    Ends,
}

impl Watch {
    /// Watches nothing yet; nothing ever, unless `follow`.
    pub fn new(follow: bool) -> Watch {
        Watch { watcher: follow.then(Watcher::new), dirs: Vec::new() }
    }

    /// Watches the log directory of this name, which need not exist.
    pub fn add(&mut self, dir: PathBuf) {
        if let Some(watcher) = &mut self.watcher {
            watcher.watch_path(&dir, CHANGES, &self.dirs.len());
            self.dirs.push(dir);
        }
    }

    /// Forgets what was reported. Everything is to be looked at afterwards.
    pub fn clear(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let mut all = watcher.misses_changes();
        let mut changed = Vec::new();
        for event in watcher.events() {
            match event {
                Event::Entry { .. } => {}
                Event::PathChanged(number) => changed.push(number),
                Event::Overflow => all = true,
            }
        }
        for (number, dir) in self.dirs.iter().enumerate() {
            if all || changed.contains(&number) {
                watcher.watch_path(dir, CHANGES, &number);
            }
        }
    }

    /// Waits until something happens, or a moment has come.
    pub fn wait(&self, signals: &Signals, deadline: Option<Instant>) -> Woken {
        let polls = self.watcher.as_ref().is_none_or(Watcher::misses_changes);
        let poll = polls.then(|| Instant::now() + POLL);
        let deadline = [deadline, poll].into_iter().flatten().min();
        let watched = self.watcher.as_ref().and_then(Watcher::fd);
        let mut fds: Vec<PollFd<'_>> = vec![only_errors(STDOUT), readable(signals)];
        fds.extend(watched.as_ref().map(readable));
        wait(&mut fds, deadline);
        let gone = fds.first().is_some_and(reader_gone);
        if gone || signals.caught().is_some() { Woken::Ends } else { Woken::Changed }
    }
}
