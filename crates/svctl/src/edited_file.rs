//! The file behind the `run` of a service that is edited, where only we may have chosen it, and how it is replaced.

use std::ffi::{CString, OsStr};
use std::fs::canonicalize;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use daemontools_program::failure::{Failure, Unable};
use daemontools_program::file_kind::Kind;
use daemontools_program::path::append;
use daemontools_program::stdio::write_all;
use daemontools_sys::fd::open_private_at;
use daemontools_untrusted::{Directory, Error};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, fstatat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, geteuid, unlinkat};

use crate::edit::c_path;
use crate::names::Named;

/// The largest script that is edited, in bytes.
const MOST: usize = 1 << 20;
/// The bits of a mode that are kept.
const MODE: u32 = 0o7777;

/// A script that is edited.
pub struct EditedFile {
    /// The directory that it is in.
    directory: Directory,
    name: CString,
    /// Its path without links.
    path: CString,
    is_link: bool,
    found: FileStat,
    contents: Vec<u8>,
}

/// Whether a file was replaced.
pub enum Replaced {
    /// It was.
    Yes,
    /// It was not, because it is not as it was when it was opened.
    ChangedMeanwhile,
}

impl EditedFile {
    /// The `run` of a service, if nobody else may write the directory of the service and that of the file.
    pub fn open(named: &Named) -> Result<EditedFile, Failure> {
        let run = append(&named.path, "/run");
        let service = trusted(&named.path, &run)?;
        let link = fstatat(&service, c"run", AtFlags::AT_SYMLINK_NOFOLLOW).unable([b"find ", run.to_bytes()])?;
        let path = canonicalize(Path::new(OsStr::from_bytes(run.to_bytes())));
        let path = path.map_err(|error| {
            Failure::because(
                [b"unable to find ", run.to_bytes()],
                Errno::from_raw(error.raw_os_error().unwrap_or_default()),
            )
        })?;
        let path = c_path(&path.into_os_string().into_vec());
        let slash = path.to_bytes().iter().rposition(|&byte| byte == b'/').unwrap_or_default();
        let (above, name) = path.to_bytes().split_at(slash);
        let above = if above.is_empty() { b"/" } else { above };
        let directory = trusted(&c_path(above), &run)?;
        let name = c_path(name.get(1..).unwrap_or_default());
        let (found, contents) = read(&directory, &name).map_err(|error| unable(b"read", &path, &error))?;
        Ok(EditedFile { directory, name, is_link: Kind::of(&link) == Kind::Link, path, found, contents })
    }

    /// Its path without links.
    pub fn path(&self) -> &[u8] {
        self.path.to_bytes()
    }

    /// Where `run` leads, if it is a link.
    pub fn link_target(&self) -> Option<&[u8]> {
        self.is_link.then_some(self.path.to_bytes())
    }

    /// What was in it when it was opened.
    pub fn contents(&self) -> &[u8] {
        &self.contents
    }

    /// Gives a new file the owner and the mode of this one.
    pub fn dress(&self, file: &impl std::os::fd::AsFd) -> nix::Result<()> {
        let new = fstat(file)?;
        if (new.st_uid, new.st_gid) != (self.found.st_uid, self.found.st_gid) {
            fchown(file, Some(Uid::from_raw(self.found.st_uid)), Some(Gid::from_raw(self.found.st_gid)))?;
        }
        fchmod(file, Mode::from_bits_truncate(self.found.st_mode & MODE))
    }

    /// Puts other contents in its place, by a rename, with its owner and mode.
    pub fn replace(&self, contents: &[u8]) -> Result<Replaced, Failure> {
        let temporary = CString::new(format!(".svctl-edit-{}", std::process::id())).unwrap_or_default();
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        let file = open_private_at(&self.directory, temporary.as_c_str(), flags, Mode::from_bits_truncate(0o600));
        let file = file.unable([b"make a file beside ", self.path()])?;
        let written = write_all(&file, contents).and_then(|()| self.dress(&file)).and_then(|()| fsync(&file));
        let renamed = written.and_then(|()| {
            if !self.is_as_it_was() {
                return Ok(Replaced::ChangedMeanwhile);
            }
            let directory = &self.directory;
            renameat(directory, temporary.as_c_str(), directory, self.name.as_c_str()).map(|()| Replaced::Yes)
        });
        if !matches!(renamed, Ok(Replaced::Yes)) {
            let _ = unlinkat(&self.directory, temporary.as_c_str(), UnlinkatFlags::NoRemoveDir);
        }
        renamed.unable([b"replace ", self.path()])
    }

    /// Whether it is the same file with the same contents, owner and mode.
    fn is_as_it_was(&self) -> bool {
        let facts = |found: &FileStat| (found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_gid);
        read(&self.directory, &self.name)
            .is_ok_and(|(found, contents)| facts(&found) == facts(&self.found) && contents == self.contents)
    }
}

/// A directory, if nobody but root and we ourselves may have chosen it, or may write it.
fn trusted(path: &CString, run: &CString) -> Result<Directory, Failure> {
    let here = Directory::current().unable([b"open the current directory"])?;
    let directory = here.directory(Path::new(OsStr::from_bytes(path.to_bytes())));
    let directory = directory.map_err(|error| unable(b"open", path, &error))?;
    let found = directory.metadata();
    let is_owned = [0, geteuid().as_raw()].contains(&found.st_uid);
    if directory.is_writable_by_others() || !is_owned || found.st_mode & 0o022 != 0 {
        let why = b", because others may write ";
        return Err(Failure::fatal([b"unable to edit ", run.to_bytes(), why, path.to_bytes()]));
    }
    Ok(directory)
}

fn read(directory: &Directory, name: &CString) -> Result<(FileStat, Vec<u8>), Error> {
    let file = directory.file(Path::new(OsStr::from_bytes(name.to_bytes())))?;
    let (contents, has_more) = file.read_up_to(MOST)?;
    if has_more {
        return Err(Error::System(Errno::EFBIG));
    }
    Ok((*file.metadata(), contents))
}

fn unable(what: &[u8], path: &CString, error: &Error) -> Failure {
    Failure::fatal([b"unable to ", what, b" ", path.to_bytes(), b": ", error.reason().as_bytes()])
}
