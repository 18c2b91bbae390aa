//! A private directory for one measurement, in memory where that is to be had; gone with all its processes when dropped.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use daemontools_tests::proc;

use crate::contender::{Contenders, Who};

/// Where files live in memory, so that a disk's moods do not count.
const MEMORY: &str = "/dev/shm";

/// A private directory.
pub struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// An empty one.
    pub fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("daemontools-{}-{}.bench", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = base().join(name);
        fs::create_dir(&root).unwrap_or_else(|e| panic!("make {}: {e}", root.display()));
        Scratch { root }
    }

    /// The full name of a file in it.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// Makes a directory.
    pub fn dir(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(&path).expect("make a directory");
        path
    }

    /// Writes a file, and the directories on the way to it.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a directory")).expect("make a directory");
        fs::write(path, content).expect("write a file");
    }

    /// Writes a shell script that can be executed.
    pub fn script(&self, path: &str, body: &str) {
        self.file(path, format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(self.path(path), Permissions::from_mode(0o755)).expect("make it executable");
    }

    /// A program of a contender, to be started here, with nothing but its search path in the environment and a mark by
    /// which its processes are found again.
    pub fn command(&self, contenders: &Contenders, who: Who, program: &str) -> Command {
        let mut command = Command::new(contenders.path(who, program));
        command.env_clear().env("PATH", contenders.search_path(who)).env("TMPDIR", &self.root);
        command.current_dir(&self.root).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// The processes that belong here.
    pub fn processes(&self) -> Vec<i32> {
        proc::of(&self.root)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        proc::end(&self.root);
        if let Err(e) = fs::remove_dir_all(&self.root) {
            eprintln!("remove {}: {e}", self.root.display());
        }
    }
}

/// The directory in which private ones are made.
pub fn base() -> PathBuf {
    if Path::new(MEMORY).is_dir() { PathBuf::from(MEMORY) } else { std::env::temp_dir() }
}
