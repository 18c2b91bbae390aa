//! Changes in directories, and on the paths that lead to them, reported by inotify(7).
//!
//! A `Watcher` knows what it watches by keys of the program's choice. It only says that something changed; what that means
//! and whether to look is up to the program. Watch first and look afterwards, so that no change is missed.
#![forbid(unsafe_code)]

mod interests;
mod keys;
mod watcher;

pub use interests::Event;
pub use watcher::Watcher;

use nix::sys::inotify::AddWatchFlags;

/// What can come into a directory and leave it.
pub const ENTRIES: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_MOVED_TO);
