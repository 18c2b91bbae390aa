//! Reading the scan directory, which is the current directory, and the service directories in it.

use std::ffi::CStr;
use std::os::fd::AsFd;
use std::rc::Rc;

use daemontools_program::directory;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::file_kind::Kind;
use daemontools_program::path;
use daemontools_program::stdio::write_all;
use daemontools_service::part::Part;
use daemontools_service::service_dir::has_reader;
use daemontools_sys::fd::{duplicate_private, open_private, pipe_private};
use nix::dir::Type;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fstat, lstat, stat};

use crate::start::Pipe;

/// An entry of the scan directory.
pub struct Entry {
    /// Its name.
    pub name: Rc<CStr>,
    /// Whether it is a symbolic link.
    pub is_link: bool,
}

/// The entries of the scan directory whose names do not begin with a dot.
pub fn entries() -> nix::Result<Vec<Entry>> {
    let mut dir = directory::open(c".")?;
    let mut entries = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_bytes().starts_with(b".") {
            continue;
        }
        let is_link = match entry.file_type() {
            Some(kind) => kind == Type::Symlink,
            None => lstat(name).is_ok_and(|found| Kind::of(&found) == Kind::Link),
        };
        entries.push(Entry { name: name.into(), is_link });
    }
    Ok(entries)
}

/// The entry of this name; `None`: there is none.
pub fn entry(name: &CStr) -> Option<Entry> {
    match lstat(name) {
        Ok(found) => Some(Entry { name: name.into(), is_link: Kind::of(&found) == Kind::Link }),
        Err(Errno::ENOENT) => None,
        // To look at it will fail too, and say why.
        Err(_) => Some(Entry { name: name.into(), is_link: false }),
    }
}

/// Tells the supervise that works in `dir` to exit, with its service; if it does not read its control FIFO yet, a later
/// call will reach it. The FIFO is opened for reading too, so that a supervise that has just ended causes no SIGPIPE.
pub fn call_back(dir: &str) {
    let control = format!("{dir}/supervise/control");
    let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let Ok(control) = open_private(control.as_str(), flags, Mode::empty()) else { return };
    // The owner of the directory may have put anything there.
    if fstat(&control).is_ok_and(|found| Kind::of(&found) == Kind::Fifo) {
        let _ = write_all(&control, b"dx");
    }
}

/// Whether a supervise runs already in this part of a service.
pub fn is_supervised(name: &CStr, part: Part) -> bool {
    has_reader(&path::append(&path::append(name, part.path_suffix()), "/supervise/ok"))
}

/// The pipe to the logger of a service, if it has a logger. EMFILE: with it, fewer than `spare` descriptors would be free.
pub fn pipe_to_log(name: &CStr, spare: usize) -> Result<Option<Pipe>, Failure> {
    match stat(&*path::append(name, "/log")) {
        Ok(_) => {}
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(errno).unable([b"stat ", name.to_bytes(), b"/log"]),
    }
    let pipe = pipe_private().and_then(|(reader, writer)| {
        let _spare: Vec<_> = (0..spare).map(|_| duplicate_private(reader.as_fd())).collect::<Result<_, _>>()?;
        Ok(Pipe { reader, writer: Some(writer) })
    });
    pipe.unable([b"create pipe for ", name.to_bytes()]).map(Some)
}

/// Whether a service directory has a `run`.
pub fn has_run(name: &CStr) -> bool {
    stat(&*path::append(name, "/run")).is_ok()
}
