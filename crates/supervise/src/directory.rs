//! supervise's own files in the service directory, which is the current one: made, locked, and the status published.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use daemontools_core::control;
use daemontools_core::restarts::{self, RestartLog};
use daemontools_core::status::{self, Status, Want};
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::write_all;
use daemontools_service::service_dir::{DOWN, LOCK, OK, SUPERVISE};
use daemontools_sys::fd::{open_private, try_lock};
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlink, renameat};
use nix::sys::stat::{Mode, stat};
use nix::unistd::{mkdir, mkfifo, unlink};

/// What is written and then renamed to `status`; to `starts`, too, so that whenever supervise is killed, this is the only
/// file that it leaves behind.
const NEW_STATUS: &CStr = c"supervise/status.new";

/// What is held open as long as supervise runs; each closes with it, and none reaches the service.
pub struct Directory {
    /// Where commands come from. Does not block.
    pub control: OwnedFd,
    /// While somebody holds the FIFO for writing, it has no end that would wake us.
    _control_writer: OwnedFd,
    _ok: OwnedFd,
    _lock: OwnedFd,
}

impl Directory {
    /// Makes `supervise/` in the current directory, which messages call `name`, and takes it over. `publish` comes
    /// before `ok` opens: whoever sees a running supervise finds its status.
    pub fn take_over(name: &[u8], publish: impl FnOnce()) -> Result<Directory, Failure> {
        make_supervise()?;
        let lock = lock().unable([b"acquire ", name, b"/", LOCK.to_bytes()])?;
        make_fifo(control::PATH, name)?;
        let control = open_fifo(control::PATH, OFlag::O_RDONLY, name)?;
        let control_writer = open_fifo(control::PATH, OFlag::O_WRONLY, name)?;
        publish();
        make_fifo(OK, name)?;
        let ok = open_fifo(OK, OFlag::O_RDONLY, name)?;
        Ok(Directory { control, _control_writer: control_writer, _ok: ok, _lock: lock })
    }
}

/// The first wish: up, unless there is a file `down`.
pub fn first_wish(name: &[u8]) -> Result<Want, Failure> {
    match stat(DOWN) {
        Ok(_) => Ok(Want::Down),
        Err(Errno::ENOENT) => Ok(Want::Up),
        Err(errno) => Err(errno).unable([b"stat ", name, b"/", DOWN.to_bytes()]),
    }
}

/// Replaces the status file in one step: a reader sees the old record or the new one.
pub fn publish(status: &Status, name: &[u8]) -> Result<(), Failure> {
    let new = NEW_STATUS.to_bytes();
    let file = create(NEW_STATUS).unable([b"open ", name, b"/", new])?;
    write_all(&file, &status.to_bytes()).unable([b"write ", name, b"/", new])?;
    replace(NEW_STATUS, status::PATH).unable([b"rename ", name, b"/", new, b" to status"])
}

/// Replaces the file about starts in one step. It only informs: where it cannot be written, nobody is told, and no old
/// one stays to tell what is no longer so.
pub fn record(starts: &RestartLog) {
    let recorded = create(NEW_STATUS)
        .and_then(|file| write_all(&file, &starts.to_bytes()))
        .and_then(|()| replace(NEW_STATUS, restarts::PATH));
    if recorded.is_err() {
        forget_starts();
    }
}

/// Removes the file about starts: what it says would not be true of the next supervise, which may keep no such file.
pub fn forget_starts() {
    let _ = unlink(restarts::PATH);
}

fn create(path: &CStr) -> nix::Result<OwnedFd> {
    // O_NOFOLLOW: a link of this name is none of ours.
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    open_private(path, flags, Mode::from_bits_truncate(0o644))
}

fn replace(new: &CStr, path: &CStr) -> nix::Result<()> {
    renameat(nix::fcntl::AT_FDCWD, new, nix::fcntl::AT_FDCWD, path)
}

/// Makes the directory `supervise`, or the one that a dangling link of that name points to.
fn make_supervise() -> Result<(), Failure> {
    let private = Mode::S_IRWXU;
    match mkdir(SUPERVISE, private) {
        // If it is no directory, opening the lock will tell. A link to nowhere: make what it points to.
        Err(Errno::EEXIST) if stat(SUPERVISE) == Err(Errno::ENOENT) => {
            let target = readlink(SUPERVISE).unable([b"readlink ./supervise"])?;
            let _ = mkdir(target.as_os_str(), private);
        }
        // Whatever stands in the way, opening the lock says it.
        Ok(()) | Err(_) => {}
    }
    Ok(())
}

fn lock() -> nix::Result<OwnedFd> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = open_private(LOCK, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    try_lock(file.as_fd())?;
    Ok(file)
}

fn make_fifo(path: &CStr, name: &[u8]) -> Result<(), Failure> {
    match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
        // What is there, opening it will tell.
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno).unable([b"create ", name, b"/", path.to_bytes()]),
    }
}

fn open_fifo(path: &CStr, access: OFlag, name: &[u8]) -> Result<OwnedFd, Failure> {
    let verb: &[u8] = if access == OFlag::O_WRONLY { b"write " } else { b"read " };
    let opened = open_private(path, access | OFlag::O_NONBLOCK, Mode::empty());
    opened.unable([verb, name, b"/", path.to_bytes()])
}
