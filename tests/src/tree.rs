//! A service tree in a private directory: made by a chain of calls, gone with all its processes when dropped.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once};

use nix::sys::stat::{Mode, umask};

use crate::invocation::Invocation;
use crate::process::{Output, Process};
use crate::programs::Programs;
use crate::run::outcome;
use crate::{left_out, proc};

/// Held while a file that is to be executed is being written, and while a child is between fork and exec:
/// the child would hold the file open for writing, and executing it would fail with `text busy`. It would hold open
/// everything else as well: see `pipe.rs`.
pub(crate) static EXECUTABLES: Mutex<()> = Mutex::new(());

/// A private directory, the programs that run in it, and everything that was started there.
#[derive(Debug)]
pub struct Tree {
    /// The directory made for it in the shared temporary directory. Only the tree is in it: what a program finds in `..`
    /// is private too.
    place: PathBuf,
    root: PathBuf,
    programs: &'static Programs,
    mounts: Mutex<Vec<PathBuf>>,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl Tree {
    /// An empty tree for the programs under test.
    #[must_use]
    pub fn new() -> Tree {
        Tree::of(Programs::under_test())
    }

    /// An empty tree for these programs.
    #[must_use]
    pub fn of(programs: &'static Programs) -> Tree {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Of the whole test process, so that the files that tests make have the same modes everywhere.
        static UMASK: Once = Once::new();
        UMASK.call_once(|| _ = umask(Mode::from_bits_truncate(0o022)));
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            // The suffix keeps one tree's name from being the beginning of another's.
            let name = format!("daemontools-{}-{count}.tree", std::process::id());
            let place = fs::canonicalize(std::env::temp_dir()).expect("find the temporary directory").join(name);
            match DirBuilder::new().mode(0o755).create(&place) {
                Ok(()) => {
                    let root = place.join("root");
                    DirBuilder::new().mode(0o755).create(&root).expect("make the root of a tree");
                    return Tree { place, root, programs, mounts: Mutex::default() };
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => panic!("make {}: {e}", place.display()),
            }
        }
    }

    /// With an executable file of this content, a `#!` line included.
    #[must_use]
    pub fn exec(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Tree {
        self.put_exec(path, content);
        self
    }

    /// With an executable shell script; the `#!` line is added.
    #[must_use]
    pub fn script(self, path: impl AsRef<Path>, body: &str) -> Tree {
        self.put_script(path, body);
        self
    }

    /// With a file of this content.
    #[must_use]
    pub fn file(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Tree {
        self.put_file(path, content);
        self
    }

    /// With a directory.
    #[must_use]
    pub fn dir(self, path: impl AsRef<Path>) -> Tree {
        fs::create_dir_all(self.path(path)).expect("make a directory");
        self
    }

    /// With a symbolic link: `path` points to `target`.
    #[must_use]
    pub fn link(self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Tree {
        symlink(target, self.parent_of(path)).expect("make a link");
        self
    }

    /// With a FIFO, mode 0600.
    #[must_use]
    pub fn fifo(self, path: impl AsRef<Path>) -> Tree {
        nix::unistd::mkfifo(&self.parent_of(path), nix::sys::stat::Mode::from_bits_truncate(0o600))
            .expect("make a FIFO");
        self
    }

    /// Writes an executable file in a tree that is in use.
    pub fn put_exec(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.parent_of(path);
        let _lock = EXECUTABLES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        fs::write(&path, content).expect("write an executable file");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("make it executable");
    }

    /// Writes an executable shell script in a tree that is in use.
    pub fn put_script(&self, path: impl AsRef<Path>, body: &str) {
        self.put_exec(path, format!("#!/bin/sh\n{body}\n"));
    }

    /// Writes a file in a tree that is in use.
    pub fn put_file(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        fs::write(self.parent_of(path), content).expect("write a file");
    }

    /// The full name of a file of the tree.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The full name, its directory made.
    fn parent_of(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a directory")).expect("make a directory");
        path
    }

    /// A file's content; nothing where it cannot be read. It does not wait for the writer of a FIFO.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let mut content = Vec::new();
        let file = fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(self.path(path));
        match file.and_then(|mut file| file.read_to_end(&mut content)) {
            Ok(_) => content,
            Err(_) => Vec::new(),
        }
    }

    /// The lines of a file that are complete.
    #[must_use]
    pub fn lines(&self, path: impl AsRef<Path>) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.read(path)).into_owned();
        text.split_inclusive('\n').filter_map(|line| Some(line.strip_suffix('\n')?.to_owned())).collect()
    }

    /// Mounts a tmpfs with these options on a directory; false, and says so, where that is not allowed.
    #[must_use]
    pub fn tmpfs(&self, path: impl AsRef<Path>, options: &str) -> bool {
        let done = self.mount("tmpfs", path, options);
        if !done {
            left_out("a disk of its own", "a tmpfs cannot be mounted");
        }
        done
    }

    /// Mounts an overlay of directories of the tree on one more; false, and says so, where that is not allowed.
    #[must_use]
    pub fn overlay(&self, path: impl AsRef<Path>, options: &str) -> bool {
        let done = self.mount("overlay", path, options);
        if !done {
            left_out("an overlay", "it cannot be mounted");
        }
        done
    }

    /// Mounts a file system until the tree is dropped; its options name directories as seen from the tree's root.
    fn mount(&self, kind: &str, path: impl AsRef<Path>, options: &str) -> bool {
        let at = self.path(path);
        fs::create_dir_all(&at).expect("make a mount point");
        let mut mount = Command::new("mount");
        let done = outcome(mount.current_dir(&self.root).args(["-t", kind, "-o", options, kind]).arg(&at)).success();
        if done {
            self.mounts.lock().expect("mounts").push(at);
        }
        done
    }

    /// An invocation of a program under test, to be refined and then run or spawned.
    #[must_use]
    pub fn command(&self, name: &str) -> Invocation {
        self.command_of(self.programs, name)
    }

    /// An invocation of a copy of a program under test that every user may look for; its PATH leads to the copies too.
    #[must_use]
    pub fn public(&self, name: &str) -> Invocation {
        let copies = self.programs.copy_to(&self.path(".programs"));
        self.command_of(&copies, name)
    }

    /// An invocation of one of other programs in this tree.
    #[must_use]
    pub fn command_of(&self, programs: &Programs, name: &str) -> Invocation {
        self.invocation(programs.path(name)).arg0(name).env("PATH", programs.search_path())
    }

    /// An invocation of any executable file in this tree.
    #[must_use]
    pub fn invocation(&self, file: impl AsRef<Path>) -> Invocation {
        // TMPDIR marks the tree's processes, also those that change directory.
        Invocation::new(file.as_ref(), &self.root).env("PATH", self.programs.search_path()).env("TMPDIR", &self.root)
    }

    /// Runs a program under test to its end.
    pub fn run<S: AsRef<OsStr>>(&self, name: &str, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command(name).args(arguments).run()
    }

    /// Starts a program under test.
    pub fn spawn<S: AsRef<OsStr>>(&self, name: &str, arguments: impl IntoIterator<Item = S>) -> Process {
        self.command(name).args(arguments).spawn()
    }

    /// Runs a line of shell in the tree, with the programs under test in its PATH.
    pub fn shell(&self, line: &str) -> Output {
        self.invocation("/bin/sh").args(["-c", line]).run()
    }

    /// A name that no other tree on this machine has.
    #[must_use]
    pub fn name(&self) -> String {
        self.place.file_name().expect("a name").to_string_lossy().into_owned()
    }

    /// The programs of the tree.
    #[must_use]
    pub fn programs(&self) -> &'static Programs {
        self.programs
    }

    /// The processes that belong to the tree now.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        proc::of(&self.place)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        proc::end(&self.place);
        for at in self.mounts.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).drain(..).rev() {
            outcome(Command::new("umount").arg(at));
        }
        // A directory that a test made unreadable is the test's to open again when it is not root.
        let removed = fs::remove_dir_all(&self.place);
        if !std::thread::panicking() {
            removed.unwrap_or_else(|e| panic!("remove {}: {e}", self.place.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::until;

    #[test]
    fn what_was_started_ends_with_the_tree() {
        let tree = Tree::of(Box::leak(Box::new(Programs::nowhere())));
        // A grandchild that changed its directory, lost its parent and got a session of its own.
        tree.put_script("go", "cd /; (setsid sleep 987 & echo $! >$TMPDIR/pid) & exit 0");
        tree.invocation(tree.path("go")).run();
        until("the grandchild's id", || tree.lines("pid").len() == 1);
        until("the grandchild", || !tree.processes().is_empty());
        let left = tree.processes();
        let root = tree.path("");
        drop(tree);
        assert!(left.iter().all(|&pid| !proc::alive(pid)), "{left:?} are still there");
        assert!(!root.exists());
    }
}
