//! Reads files that another account may have put there, and looks at them: bounded parts of regular files, and, for root,
//! nothing that such an account could not read or look at itself (the room `untrusted`).

use std::ffi::OsString;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use daemontools_untrusted::{self as untrusted, Directory, RegularFile};
use nix::libc;
use nix::sys::stat::FileStat;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the file goes on.
    pub cut: bool,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
pub struct Seen(FileStat);

impl Seen {
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.0.st_mode & libc::S_IFMT == libc::S_IFREG
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.0.st_mode & libc::S_IFMT == libc::S_IFDIR
    }

    /// The permissions.
    pub fn mode(&self) -> u32 {
        self.0.st_mode & 0o7777
    }

    /// The owner.
    pub fn owner(&self) -> u32 {
        self.0.st_uid
    }

    /// The group.
    pub fn group(&self) -> u32 {
        self.0.st_gid
    }

    /// Whether it is a regular file that somebody may execute.
    pub fn is_program(&self) -> bool {
        self.is_file() && self.mode() & 0o111 != 0
    }

    /// What is the same for two names of one file.
    pub fn identity(&self) -> (u64, u64) {
        (self.0.st_dev, self.0.st_ino)
    }
}

/// What a path leads to, links followed.
pub fn look(path: &Path) -> Result<Seen> {
    here()?.stat(path).map(Seen).map_err(reason)
}

/// Where paths begin, and who may have chosen them.
#[derive(Debug)]
pub struct Origin(Result<Directory>);

impl Origin {
    /// Those that a script names: who may write the script has chosen them. They are seen from the current directory.
    pub fn script(script: &Path) -> Origin {
        Origin(chosen_by(script))
    }

    /// Those in a directory, and seen from there.
    pub fn directory(path: &Path) -> Origin {
        Origin(here().and_then(|here| here.directory(path).map_err(reason)))
    }

    /// What a path leads to, links followed.
    pub fn look(&self, path: &Path) -> Result<Seen> {
        match &self.0 {
            Ok(from) => from.stat(path).map(Seen).map_err(reason),
            Err(error) => Err(Error::new(ErrorKind::PermissionDenied, error.to_string())),
        }
    }
}

/// Whether a path leads to anything.
pub fn exists(path: &Path) -> bool {
    look(path).is_ok()
}

/// Whether it is another account that may have led us there, and that may not look there itself.
pub fn is_refused(path: &Path) -> bool {
    look(path).err().is_some_and(|error| error.raw_os_error().is_none())
}

/// Whether a service directory has a `supervise`, whose content its owner may not see.
pub fn has_supervise(directory: &Path) -> bool {
    let supervise = directory.join("supervise");
    exists(&supervise) || !is_refused(directory) && has_entry(directory, "supervise") && !supervise.is_symlink()
}

/// Whether a supervise has taken the lock of a service directory.
pub fn has_lock(directory: &Path) -> bool {
    let lock = directory.join("supervise/lock");
    look(&lock).is_ok_and(|found| !found.is_directory()) || is_refused(&lock) && has_supervise(directory)
}

/// The names in a directory, in order.
pub fn names(path: &Path) -> Result<Vec<OsString>> {
    let names = here()?.directory(path).and_then(|directory| directory.names()).map_err(reason)?;
    let mut names: Vec<OsString> = names.into_iter().map(|name| name.name).collect();
    names.sort();
    Ok(names)
}

/// Whether a directory has an entry of this name, a broken link too.
pub fn has_entry(directory: &Path, name: &str) -> bool {
    here().is_ok_and(|here| here.directory(directory).is_ok_and(|directory| directory.stat_entry(name).is_ok()))
}

/// The first bytes of a file, `most` at most.
pub fn read_start(path: &Path, most: u64) -> Result<Part> {
    start(&open(&here()?, path)?, most)
}

/// The same of a file that a script names: who may write the script has chosen the file.
pub fn read_start_named_by(script: &Path, path: &Path, most: u64) -> Result<Part> {
    start(&open(&chosen_by(script)?, path)?, most)
}

/// The last bytes of a file that a script names, `most` at most.
pub fn read_end_named_by(script: &Path, path: &Path, most: u64) -> Result<Part> {
    let (bytes, cut) = open(&chosen_by(script)?, path)?.read_end(usize::try_from(most).unwrap_or(usize::MAX))?;
    Ok(Part { bytes, cut })
}

fn start(file: &RegularFile, most: u64) -> Result<Part> {
    let (bytes, cut) = file.read_up_to(usize::try_from(most).unwrap_or(usize::MAX))?;
    Ok(Part { bytes, cut })
}

fn here() -> Result<Directory> {
    Ok(Directory::current()?)
}

/// The current directory as those see it who may write this script.
fn chosen_by(script: &Path) -> Result<Directory> {
    let here = here()?;
    let script = open(&here, script)?;
    Ok(here.chosen_by(script.writers())?)
}

fn open(from: &Directory, path: &Path) -> Result<RegularFile> {
    from.file(path).map_err(reason)
}

fn reason(error: untrusted::Error) -> Error {
    match error {
        untrusted::Error::System(errno) => errno.into(),
        untrusted::Error::NotReadableBy(_) => Error::new(ErrorKind::PermissionDenied, error.reason()),
        untrusted::Error::NotRegular(_) | untrusted::Error::NotFifo => {
            Error::new(ErrorKind::InvalidInput, error.reason())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_and_no_more_than_a_bound() {
        let run = Path::new("Cargo.toml");
        for other in ["/dev/zero", "/", "/proc/self/status"] {
            assert_eq!(read_start(Path::new(other), 9).unwrap_err().kind(), ErrorKind::InvalidInput, "{other}");
        }
        assert_eq!(read_start(run, 9).unwrap(), Part { bytes: b"[package]".to_vec(), cut: true });
        assert_eq!(read_end_named_by(run, run, 1).unwrap(), Part { bytes: b"\n".to_vec(), cut: true });
        assert!(!read_start_named_by(run, run, 1 << 20).unwrap().cut);
    }
}
