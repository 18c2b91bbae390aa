//! The directory `supervise/` in the service directory, which is the current one, and the lock in it: one supervise at a
//! time.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use daemontools_program::failure::{Failure, Unable};
use daemontools_service::service_dir::{LOCK, SUPERVISE};
use daemontools_sys::fd::{open_private, try_lock};
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlink};
use nix::sys::stat::{Mode, stat};
use nix::unistd::mkdir;

/// Only supervise's user may enter its directory.
const PRIVATE: Mode = Mode::S_IRWXU;

/// The lock of a service directory, held until it is dropped. No child inherits it.
pub struct Lock(OwnedFd);

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Lock {
    /// The lock that this process holds already.
    pub fn held(file: OwnedFd) -> Lock {
        Lock(file)
    }

    /// Makes `supervise/` where it is missing, and takes the lock. Messages call the service directory `name`.
    pub fn acquire(name: &[u8]) -> Result<Lock, Failure> {
        let made = make_supervise(name)?;
        match (open_and_lock(), made) {
            // There is no directory because it could not be made.
            (Err(Errno::ENOENT), Err(errno)) => Err(errno).unable([b"create ", name, b"/", SUPERVISE.to_bytes()]),
            (locked, _) => locked.unable([b"acquire ", name, b"/", LOCK.to_bytes()]).map(Lock),
        }
    }
}

fn open_and_lock() -> nix::Result<OwnedFd> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = open_private(LOCK, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    try_lock(file.as_fd())?;
    Ok(file)
}

/// Makes the directory `supervise`, or the one that a dangling link of that name leads to. The inner error says why it
/// could not be made; whether that matters, opening the lock tells.
fn make_supervise(name: &[u8]) -> Result<nix::Result<()>, Failure> {
    match mkdir(SUPERVISE, PRIVATE) {
        Err(Errno::EEXIST) if stat(SUPERVISE) == Err(Errno::ENOENT) => make_target(name).map(Ok),
        // What is there need not be a directory: opening the lock tells.
        Err(Errno::EEXIST) => Ok(Ok(())),
        made => Ok(made),
    }
}

/// Makes the directory that the link `supervise` leads to, and those on the way to it.
fn make_target(name: &[u8]) -> Result<(), Failure> {
    let target = readlink(SUPERVISE).unable([b"readlink ./supervise"])?.into_vec();
    match make_all(&target) {
        // A link that leads to another one: that is not followed, and opening the lock tells.
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno).unable([b"create ", &target, b" for ", name, b"/", SUPERVISE.to_bytes()]),
    }
}

/// Makes a directory; where its parent is missing, the parent first.
fn make_all(path: &[u8]) -> nix::Result<()> {
    // The farthest ancestor that is missing, then all below it.
    let path = CString::new(path).map_err(|_| Errno::ENOENT)?;
    let path = Path::new(std::ffi::OsStr::from_bytes(path.to_bytes()));
    let missing = |path: &&Path| !path.as_os_str().is_empty() && stat(*path) == Err(Errno::ENOENT);
    let above: Vec<&Path> = path.ancestors().skip(1).take_while(missing).collect();
    for directory in above.into_iter().rev() {
        match mkdir(directory, PRIVATE) {
            // Somebody else was quicker: the supervise of another service, which has the same parent.
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    mkdir(path, PRIVATE)
}
