//! Looking at the scan directory, the current one, and at the services in it.

use std::ffi::{CStr, CString};

use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::write_all;
use daemontools_service::service_dir::has_reader;
use daemontools_sys::fd::{open_private, pipe_private};
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, SFlag, lstat, stat};

use crate::service::Role;
use crate::start::Pipe;

/// An entry of the scan directory.
pub struct Entry {
    /// Its name.
    pub name: CString,
    /// Whether it is a symbolic link.
    pub is_link: bool,
}

/// The entries of the scan directory whose names do not begin with a dot.
pub fn entries() -> nix::Result<Vec<Entry>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut dir = Dir::open(c".", flags, Mode::empty())?;
    let mut entries = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_bytes().starts_with(b".") {
            continue;
        }
        let is_link = match entry.file_type() {
            Some(kind) => kind == Type::Symlink,
            None => lstat(name).is_ok_and(|found| kind(&found) == SFlag::S_IFLNK),
        };
        entries.push(Entry { name: name.to_owned(), is_link });
    }
    Ok(entries)
}

/// Tells the supervise that works in a directory to go, with its service; if it does not listen yet, the next scan does.
/// The FIFO is opened for reading too, so that no supervise that has just ended makes the write our end (SIGPIPE).
pub fn call_back(place: &str) {
    let control = format!("{place}/supervise/control");
    let control = open_private(control.as_str(), OFlag::O_RDWR | OFlag::O_NONBLOCK, Mode::empty());
    let _ = control.and_then(|control| write_all(&control, b"dx"));
}

/// Whether supervise runs already in this service, or in its logger.
pub fn is_supervised(name: &CStr, role: Role) -> bool {
    let ok = match role {
        Role::Main => b"/supervise/ok".as_slice(),
        Role::Log => b"/log/supervise/ok",
    };
    has_reader(&join(name, ok))
}

/// The pipe to the logger of a service, if it has one.
pub fn pipe_to_log(name: &CStr) -> Result<Option<Pipe>, Failure> {
    match stat(&*join(name, b"/log")) {
        Ok(_) => {}
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(errno).unable([b"stat ", name.to_bytes(), b"/log"]),
    }
    let (reader, writer) = pipe_private().unable([b"create pipe for ", name.to_bytes()])?;
    Ok(Some(Pipe { reader, writer }))
}

/// Whether a service directory has a `run`.
pub fn has_run(name: &CStr) -> bool {
    stat(&*join(name, b"/run")).is_ok()
}

fn join(dir: &CStr, rest: &[u8]) -> CString {
    // Neither part has a NUL; an empty path would only not be found.
    CString::new([dir.to_bytes(), rest].concat()).unwrap_or_default()
}

/// Whether stat(2) found a directory.
pub fn is_directory(found: &FileStat) -> bool {
    kind(found) == SFlag::S_IFDIR
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}
