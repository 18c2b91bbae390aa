//! A directory of settings: which of its files are believed, and what they say. Allocates nothing, but for `cgroup`.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use daemontools_core::settings::value::line;
use daemontools_core::settings::{Kind, MAX_SIZE, Setting};
use daemontools_program::errno::reason;
use daemontools_program::stdio::read;
use daemontools_sys::fd::open_private_at;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

use crate::config::{Config, Place};

/// The directory of what is written into a control group.
const CGROUP: &CStr = c"cgroup";
/// How many files it may have.
const MOST_FILES: usize = 100;

/// Why a setting is not used.
pub enum Refused {
    /// A system call failed.
    Failed(Errno),
    /// These words say it.
    Words(&'static str),
}

/// A directory of settings.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    /// Whose settings they are.
    pub place: Place,
    /// It is open.
    pub fd: BorrowedFd<'a>,
    /// Who may own what is in it, beside root.
    pub owners: [u32; 2],
}

/// A file of `cgroup`.
pub struct CgroupFile {
    /// Its name.
    pub name: Vec<u8>,
    /// What it says, or why it is not used.
    pub contents: Result<Vec<u8>, Refused>,
}

impl Refused {
    /// Why, in words.
    pub fn reason(&self) -> &'static str {
        match self {
            Refused::Failed(errno) => reason(*errno),
            Refused::Words(words) => words,
        }
    }
}

impl Directory<'_> {
    /// Takes a setting from its file.
    pub fn take(&self, config: &mut Config, setting: Setting, name: &CStr, found: &FileStat) -> Result<(), Refused> {
        self.trust(found)?;
        let hook = match setting {
            Setting::Check => &mut config.check,
            Setting::Stop => &mut config.stop,
            Setting::Finish => &mut config.finish,
            Setting::FinishS6 => &mut config.finish_s6,
            Setting::Cgroup => return self.take_cgroup(config, name, found),
            _ if setting.kind() != Kind::Value => return Ok(()),
            _ => return self.take_value(config, setting, name, found),
        };
        if kind(found) != SFlag::S_IFREG {
            return Err(Refused::Words("not a regular file"));
        }
        if found.st_mode & 0o111 != 0 {
            *hook = Some(self.place);
            return Ok(());
        }
        let mut buffer = [0; 8];
        let length = self.read_file(name, &mut buffer)?;
        if line(buffer.get(..length).unwrap_or_default()).is_some() {
            return Err(Refused::Words("not executable"));
        }
        *hook = None;
        Ok(())
    }

    fn take_cgroup(&self, config: &mut Config, name: &CStr, found: &FileStat) -> Result<(), Refused> {
        if kind(found) == SFlag::S_IFDIR {
            config.cgroup = Some(self.place);
            return Ok(());
        }
        let mut buffer = [0; 8];
        let length = match kind(found) {
            SFlag::S_IFREG => self.read_file(name, &mut buffer)?,
            _ => return Err(Refused::Words("not a directory")),
        };
        if line(buffer.get(..length).unwrap_or_default()).is_some() {
            return Err(Refused::Words("not a directory"));
        }
        config.cgroup = None;
        Ok(())
    }

    /// The files of `cgroup`, which is in this directory: by name.
    pub fn cgroup_files(&self) -> Result<Vec<CgroupFile>, Refused> {
        self.trust(&fstat(self.fd).map_err(Refused::Failed)?)?;
        let opened = open_directory(self.fd, CGROUP).map_err(Refused::Failed)?;
        let directory = Directory { fd: opened.as_fd(), ..*self };
        directory.trust(&fstat(&opened).map_err(Refused::Failed)?)?;
        let listed = open_directory(self.fd, CGROUP).and_then(Dir::from_fd).map_err(Refused::Failed)?;
        let mut names: Vec<CString> = Vec::new();
        for entry in listed {
            let entry = entry.map_err(Refused::Failed)?;
            if !entry.file_name().to_bytes().starts_with(b".") {
                names.push(entry.file_name().to_owned());
            }
            if names.len() > MOST_FILES {
                return Err(Refused::Words("more than 100 files"));
            }
        }
        names.sort();
        let file = |name: CString| CgroupFile { contents: directory.cgroup_file(&name), name: name.into_bytes() };
        Ok(names.into_iter().map(file).collect())
    }

    fn cgroup_file(&self, name: &CStr) -> Result<Vec<u8>, Refused> {
        if name.to_bytes().starts_with(b"cgroup.") {
            return Err(Refused::Words("the files cgroup.* are supervise's own"));
        }
        let mut buffer = [0; MAX_SIZE];
        let length = self.read_file(name, &mut buffer)?;
        Ok(buffer.get(..length).unwrap_or_default().to_vec())
    }

    fn take_value(&self, config: &mut Config, setting: Setting, name: &CStr, found: &FileStat) -> Result<(), Refused> {
        if kind(found) != SFlag::S_IFREG {
            return Err(Refused::Words("not a regular file"));
        }
        if usize::try_from(found.st_size).is_ok_and(|size| size > MAX_SIZE) {
            return Err(Refused::Words("larger than 4096 bytes"));
        }
        let mut buffer = [0; MAX_SIZE];
        let length = self.read_file(name, &mut buffer)?;
        let contents = buffer.get(..length).unwrap_or_default();
        config.values.set(setting, contents).map_err(|problem| Refused::Words(problem.0))
    }

    /// Reads the beginning of a regular file; how much it is.
    fn read_file(&self, name: &CStr, buffer: &mut [u8]) -> Result<usize, Refused> {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = open_private_at(self.fd, name, flags, Mode::empty()).map_err(Refused::Failed)?;
        // Once more: what is open need not be what was there before.
        let found = fstat(&file).map_err(Refused::Failed)?;
        self.trust(&found)?;
        if kind(&found) != SFlag::S_IFREG {
            return Err(Refused::Words("not a regular file"));
        }
        read(&file, buffer).map_err(Refused::Failed)
    }

    /// Refuses what others than the owners may write.
    pub fn trust(&self, found: &FileStat) -> Result<(), Refused> {
        if found.st_uid != 0 && !self.owners.contains(&found.st_uid) {
            return Err(Refused::Words("it belongs to another account"));
        }
        if found.st_mode & 0o022 != 0 {
            return Err(Refused::Words("others than its owner may write it"));
        }
        Ok(())
    }
}

/// Opens a directory to read its entries.
pub fn open_directory(at: BorrowedFd<'_>, name: &CStr) -> nix::Result<OwnedFd> {
    open_private_at(at, name, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NONBLOCK, Mode::empty())
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}
