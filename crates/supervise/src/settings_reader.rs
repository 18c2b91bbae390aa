//! Reads the settings of a service: `supervise.d` in the service directory, and `.supervise.d` of the scan directory, in
//! which supervise was started. Where neither exists, that takes two system calls. Allocates nothing.
//!
//! Only files are believed that nobody can write but root, supervise's user and, in the service directory, the owner of
//! `run`. What cannot be used is said once, and again when it has changed.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use daemontools_core::settings::Setting;
use daemontools_core::text::Decimal;
use daemontools_program::failure::Program;
use daemontools_sys::fd::open_private_at;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat, stat};
use nix::unistd::{fchdir, getcwd, geteuid, getppid};

use crate::config::{Config, Place};
use crate::settings_directory::{CgroupFile, Directory, Refused, open_directory};
use crate::warnings::Warnings;

/// The directory of a service's settings.
const OWN: &CStr = c"supervise.d";
/// The directory of a tree's settings.
const TREE: &CStr = c".supervise.d";
/// The directory in it for loggers.
const TREE_LOG: &CStr = c"log";
/// Room for the name of a setting and its NUL.
const NAME_SIZE: usize = 24;

/// Reads settings, and remembers what it has said about them.
pub struct SettingsReader {
    program: &'static Program,
    /// The service directory as it was given.
    name: &'static [u8],
    /// The scan directory; `None`: it could not be opened.
    tree: Option<OwnedFd>,
    /// Whether the service is the logger of another one.
    is_logger: bool,
    warnings: Warnings,
}

impl SettingsReader {
    /// For the service directory `name`; to be called in the directory that supervise was started in.
    pub fn new(program: &'static Program, name: &'static [u8]) -> SettingsReader {
        let here = open_path(c".");
        let is_logger = is_logger(name);
        match here.as_ref().and_then(|here| scan_dir_of_logger(name, here)) {
            Some(tree) => {
                SettingsReader { program, name, tree: Some(tree), is_logger: true, warnings: Warnings::none() }
            }
            None => SettingsReader { program, name, tree: here, is_logger, warnings: Warnings::none() },
        }
    }

    /// The same, where the scan directory is open already.
    pub fn with_tree(
        program: &'static Program,
        name: &'static [u8],
        tree: Option<OwnedFd>,
        is_logger: bool,
    ) -> SettingsReader {
        SettingsReader { program, name, tree, is_logger, warnings: Warnings::none() }
    }

    /// Whether the service is the logger of another one.
    pub fn is_logger(&self) -> bool {
        self.is_logger
    }

    /// The scan directory, if it is open.
    pub fn tree(&self) -> Option<BorrowedFd<'_>> {
        self.tree.as_ref().map(AsFd::as_fd)
    }

    /// The settings as they are now.
    pub fn read(&mut self) -> Config {
        let mut config = Config::DEFAULT;
        let own = open_directory(AT_FDCWD, OWN);
        let tree = self.tree.as_ref().map_or(Err(Errno::ENOENT), |tree| open_directory(tree.as_fd(), TREE));
        if let (Err(Errno::ENOENT), Err(Errno::ENOENT)) = (&own, &tree) {
            self.warnings.forget();
            return config;
        }
        self.warnings.begin();
        let me = geteuid().as_raw();
        match tree {
            Ok(tree) => self.read_tree(&mut config, &tree, me),
            Err(Errno::ENOENT) => {}
            Err(errno) => self.refuse(Place::Tree, None, None, &Refused::Failed(errno)),
        }
        match own {
            Ok(own) => {
                let owner_of_run = stat(c"run").map_or(me, |run| run.st_uid);
                let directory = Directory { place: Place::Service, fd: own.as_fd(), owners: [me, owner_of_run] };
                self.read_directory(&mut config, &directory);
            }
            Err(Errno::ENOENT) => {}
            Err(errno) => self.refuse(Place::Service, None, None, &Refused::Failed(errno)),
        }
        self.warnings.end();
        config
    }

    /// The path of the tree's settings, for a child that is going to run one of them: it changes its directory and back.
    pub fn tree_path(&self) -> nix::Result<Vec<u8>> {
        let here = open_private_at(AT_FDCWD, c".", OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())?;
        fchdir(self.tree.as_ref().ok_or(Errno::ENOENT)?)?;
        let path = getcwd().map(|path| path.into_os_string().into_vec());
        fchdir(&here)?;
        let directory: &[u8] = if self.is_logger { b"/.supervise.d/log" } else { b"/.supervise.d" };
        Ok([&path?, directory].concat())
    }

    fn read_tree(&mut self, config: &mut Config, tree: &OwnedFd, me: u32) {
        let directory = Directory { place: Place::Tree, fd: tree.as_fd(), owners: [me, me] };
        if !self.is_logger {
            return self.read_directory(config, &directory);
        }
        // Who may write the directory may put another `log` into it.
        match fstat(tree).map_err(Refused::Failed).and_then(|found| directory.trust(&found).map(|()| found)) {
            Ok(_) => {}
            Err(refused) => return self.refuse(Place::Tree, None, fstat(tree).ok().as_ref(), &refused),
        }
        match open_directory(tree.as_fd(), TREE_LOG) {
            Ok(log) => {
                self.read_directory(config, &Directory { place: Place::Tree, fd: log.as_fd(), owners: [me, me] });
            }
            Err(Errno::ENOENT) => {}
            Err(errno) => self.refuse(Place::Tree, None, None, &Refused::Failed(errno)),
        }
    }

    #[inline(never)] // its buffer is on the stack of those only that need it
    fn read_directory(&mut self, config: &mut Config, directory: &Directory<'_>) {
        let found = match fstat(directory.fd) {
            Ok(found) => found,
            Err(errno) => return self.refuse(directory.place, None, None, &Refused::Failed(errno)),
        };
        if let Err(refused) = directory.trust(&found) {
            return self.refuse(directory.place, None, Some(&found), &refused);
        }
        for setting in Setting::all() {
            let mut buffer = [0; NAME_SIZE];
            let Some(name) = c_name(setting, &mut buffer) else { continue };
            let Ok(found) = fstatat(directory.fd, name, AtFlags::empty()) else { continue };
            if let Err(refused) = directory.take(config, setting, name, &found) {
                self.refuse(directory.place, Some(setting), Some(&found), &refused);
            }
        }
    }

    /// The files of `cgroup/`, where it was found.
    pub fn cgroup_files(&self, place: Place) -> Result<Vec<CgroupFile>, Refused> {
        let me = geteuid().as_raw();
        let (opened, owner) = match (place, &self.tree) {
            (Place::Service, _) => (open_directory(AT_FDCWD, OWN), stat(c"run").map_or(me, |run| run.st_uid)),
            (Place::Tree, None) => (Err(Errno::ENOENT), me),
            (Place::Tree, Some(tree)) if !self.is_logger => (open_directory(tree.as_fd(), TREE), me),
            (Place::Tree, Some(tree)) => {
                let above = open_directory(tree.as_fd(), TREE);
                (above.and_then(|above| open_directory(above.as_fd(), TREE_LOG)), me)
            }
        };
        let opened = opened.map_err(Refused::Failed)?;
        Directory { place, fd: opened.as_fd(), owners: [me, owner] }.cgroup_files()
    }

    /// The path of a directory of settings, for messages.
    pub fn words(&self, place: Place) -> [&[u8]; 2] {
        match (place, self.is_logger) {
            (Place::Service, _) => [self.name, b"/supervise.d"],
            (Place::Tree, false) => [b"", b".supervise.d"],
            (Place::Tree, true) => [b"", b".supervise.d/log"],
        }
    }

    /// Says that a setting, or a whole directory of them, is not used, if that was not said before.
    fn refuse(&mut self, place: Place, setting: Option<Setting>, found: Option<&FileStat>, refused: &Refused) {
        if !self.warnings.is_new(place, setting, found) {
            return;
        }
        let [above, directory] = self.words(place);
        let (slash, file): (&[u8], &[u8]) = match setting {
            Some(setting) => (b"/", setting.name().as_bytes()),
            None => (b"", b""),
        };
        let why = refused.reason();
        self.program.warn([b"unable to use ", above, directory, slash, file, b": ", why.as_bytes()]);
    }
}

fn open_path(path: &CStr) -> Option<OwnedFd> {
    open_private_at(AT_FDCWD, path, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()).ok()
}

/// The scan directory of a logger that svscan started, as 0.76 does: as `log`, in the service directory. It is where svscan
/// works. `None`: this is a service called `log`, or something else than svscan started it.
fn scan_dir_of_logger(name: &[u8], here: &OwnedFd) -> Option<OwnedFd> {
    if name != b"log" {
        return None;
    }
    let parent = u64::try_from(getppid().as_raw()).ok()?;
    let path = CString::new([b"/proc/", Decimal::new(parent).as_bytes(), b"/cwd"].concat()).ok()?;
    let scan_dir = open_path(&path)?;
    let place = |directory: &OwnedFd| fstat(directory).ok().map(|found| (found.st_dev, found.st_ino));
    (place(&scan_dir)? != place(here)?).then_some(scan_dir)
}

/// The name of a setting as a C string.
fn c_name(setting: Setting, buffer: &mut [u8; NAME_SIZE]) -> Option<&CStr> {
    let name = setting.name().as_bytes();
    buffer.get_mut(..name.len())?.copy_from_slice(name);
    CStr::from_bytes_until_nul(buffer).ok()
}

/// Whether this is the directory of a logger: `log` in another directory.
fn is_logger(name: &[u8]) -> bool {
    let end = name.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    name.get(..end).is_some_and(|name| name.ends_with(b"/log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logger_is_called_log_in_another_directory() {
        for name in [&b"web/log"[..], b"web/log/", b"/service/web/log", b"./log"] {
            assert!(is_logger(name));
        }
        for name in [&b"log"[..], b"log/", b"web/logs", b"web", b"", b"web/log/x", b"weblog"] {
            assert!(!is_logger(name), "{name:?}");
        }
    }

    #[test]
    fn every_name_fits() {
        for setting in Setting::all() {
            let mut buffer = [0; NAME_SIZE];
            assert_eq!(c_name(setting, &mut buffer).unwrap().to_bytes(), setting.name().as_bytes());
        }
    }
}
