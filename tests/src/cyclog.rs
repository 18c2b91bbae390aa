//! A log directory of multilog, as anybody can see it: its files, their modes, what is in them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{Tree, until};

/// A file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its name.
    pub name: String,
    /// Its permissions.
    pub mode: u32,
    /// Its inode.
    pub inode: u64,
    /// What is in it.
    pub content: Vec<u8>,
}

impl LogFile {
    fn read(path: &Path) -> Option<LogFile> {
        let metadata = fs::symlink_metadata(path).ok()?;
        Some(LogFile {
            name: path.file_name()?.to_str()?.to_owned(),
            mode: metadata.permissions().mode() & 0o7777,
            inode: metadata.ino(),
            content: fs::read(path).unwrap_or_default(),
        })
    }

    /// Whether it is an old file.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.name.starts_with('@')
    }

    /// Its name without the stamp: `@.s`, `@.u`, `current`, …
    #[must_use]
    pub fn kind(&self) -> String {
        match self.name.get(25..) {
            Some(ending) if self.is_old() => format!("@{ending}"),
            _ => self.name.clone(),
        }
    }
}

/// The files of a directory, in the order of their names: the old ones, oldest first, then `current` and the others.
#[must_use]
pub fn files(directory: &Path) -> Vec<LogFile> {
    let entries = fs::read_dir(directory).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let mut files: Vec<LogFile> = entries.iter().filter_map(|entry| LogFile::read(&entry.path())).collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

impl Tree {
    /// The files of a log.
    #[must_use]
    pub fn log_files(&self, log: &str) -> Vec<LogFile> {
        files(&self.path(log))
    }

    /// What is in a log: the old files and `current`, in their order.
    #[must_use]
    pub fn logged(&self, log: &str) -> Vec<u8> {
        let files = self.log_files(log).into_iter().filter(|file| file.is_old() || file.name == "current");
        files.flat_map(|file| file.content).collect()
    }

    /// The sizes of the old files and of `current`.
    #[must_use]
    pub fn log_sizes(&self, log: &str) -> Vec<usize> {
        let files = self.log_files(log).into_iter().filter(|file| file.is_old() || file.name == "current");
        files.map(|file| file.content.len()).collect()
    }

    /// Each file of a log: what kind it is, its mode, its size.
    #[must_use]
    pub fn log_shape(&self, log: &str) -> Vec<(String, u32, usize)> {
        self.log_files(log).iter().map(|file| (file.kind(), file.mode, file.content.len())).collect()
    }

    /// Waits until this many bytes are in a log.
    #[track_caller]
    pub fn until_logged(&self, log: &str, bytes: usize) {
        until(&format!("{bytes} bytes in {log}"), || self.logged(log).len() == bytes);
    }
}

/// Whether nothing stands in a pipe.
#[must_use]
pub fn is_drained(reader: &impl std::os::fd::AsFd) -> bool {
    let mut look = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    poll(&mut look, PollTimeout::ZERO).expect("poll") == 0
}
